"""The page's only style sheet: light and dark as the reader's system is, one column on a phone."""

STYLE = """
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#59636e;--paper:#fff;--panel:#f6f8fa;--rule:#d1d9e0;--line:#0969da;
--good:#1a7f37;--bad:#cf222e;--busy:#9a6700}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9198a1;--paper:#0d1117;--panel:#151b23;--rule:#3d444d;
--line:#4493f8;--good:#3fb950;--bad:#f85149;--busy:#d29922}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:980px;margin:0 auto;padding:24px 16px 48px}
h1{font-size:1.35rem;margin:0 0 4px;overflow-wrap:anywhere}
h2{font-size:1.05rem;margin:32px 0 8px;padding-bottom:4px;border-bottom:1px solid var(--rule)}
.state{font-weight:600}.done{color:var(--good)}.failed{color:var(--bad)}.running{color:var(--busy)}
.sentence{margin:4px 0 0;overflow-wrap:anywhere}
.warning{border-left:3px solid var(--busy);padding:4px 10px;margin:8px 0;background:var(--panel);overflow-wrap:anywhere}
.soft,figcaption span,.axis{color:var(--soft)}
dl{display:grid;grid-template-columns:minmax(7rem,max-content) 1fr;gap:2px 16px;margin:0}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:.92em}
th,td{text-align:left;padding:3px 12px 3px 0;border-bottom:1px solid var(--rule);vertical-align:top}
td.number,th.number{text-align:right;font-variant-numeric:tabular-nums}
tfoot td{font-weight:600;border-bottom:0}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(280px,1fr));gap:16px}
figure{margin:0;padding:10px 12px;background:var(--panel);border:1px solid var(--rule);border-radius:6px;min-width:0}
svg{display:block;width:100%;height:110px}
.line{fill:none;stroke:var(--line);stroke-width:2;vector-effect:non-scaling-stroke}
.area{fill:var(--line);opacity:.15}
.axis{display:flex;justify-content:space-between;font-size:.8em}
.timeline .row{display:grid;grid-template-columns:8rem 1fr 5rem;gap:0 12px;align-items:center;margin:4px 0}
.track{display:block;background:var(--panel);border:1px solid var(--rule);border-radius:4px;height:16px;overflow:hidden}
.bar{display:block;height:100%;background:var(--good)}.bar.failed{background:var(--bad)}
.bar.running{background:var(--busy)}.bar.stopped{background:var(--soft)}
.took{text-align:right;font-variant-numeric:tabular-nums}
.text{grid-column:2/4;color:var(--soft);font-size:.88em;overflow-wrap:anywhere}
pre{background:var(--panel);border:1px solid var(--rule);border-radius:6px;padding:10px 12px;margin:0;overflow-x:auto;
font:13px/1.45 ui-monospace,monospace;max-height:32rem}
.file{padding:8px 0;border-bottom:1px solid var(--rule)}
.file>div:first-child{display:flex;justify-content:space-between;gap:16px}
.file code{overflow-wrap:anywhere;min-width:0}
.file img{max-width:min(100%,420px);max-height:320px;margin-top:8px;border:1px solid var(--rule);background:#fff}
.file .scroll,.file pre{margin-top:8px}
@media(max-width:600px){dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:6px}
.timeline .row{grid-template-columns:6rem 1fr 4rem}}
"""
