"""Whether a terminal shows OSC 8 hyperlinks. No query for it exists; terminals tell their names in the environment."""

from __future__ import annotations

from collections.abc import Mapping

_PROGRAMS = {"iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper", "Tabby", "rio"}
_TERMS = ("xterm-kitty", "foot", "alacritty", "xterm-ghostty", "contour")
_VTE_SINCE = 5000  # GNOME Terminal and its like, from 0.50 on


def shows_hyperlinks(environ: Mapping[str, str]) -> bool:
    """FORCE_HYPERLINK decides where it is set, as in other tools. tmux and screen may or may not pass them on."""
    forced = environ.get("FORCE_HYPERLINK")
    if forced is not None:
        return forced not in ("", "0")
    if environ.get("TMUX") or environ.get("STY") or environ.get("NO_COLOR"):
        return False
    vte = environ.get("VTE_VERSION", "")
    return (
        environ.get("TERM_PROGRAM") in _PROGRAMS
        or environ.get("TERM", "").startswith(_TERMS)
        or (vte.isdigit() and int(vte) >= _VTE_SINCE)
        or any(environ.get(name) for name in ("WT_SESSION", "KONSOLE_VERSION", "KITTY_WINDOW_ID"))
    )
