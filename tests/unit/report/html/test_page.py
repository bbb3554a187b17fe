"""The page as a document: whole, harmless whatever a job has written, and nothing in it that a browser would load."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from aws_run.report.html import Attempt, Fact, Preview, RunPage, Saved, Series, render
from aws_run.report.views import ReceiptLine, ReceiptView

NOW = datetime(2026, 1, 2, 4, 0, 0, tzinfo=timezone.utc)
BEGAN = datetime(2026, 1, 2, 3, 0, 0, tzinfo=timezone.utc)
VOID = {"meta", "img", "link", "br", "hr", "input"}
SVG = {"svg", "polygon", "polyline"}


class Document(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.names: set[str] = set()
        self.addresses: list[str] = []
        self.text = ""
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.names |= {name for name, _ in attrs}
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.names |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def read(text: str) -> Document:
    document = Document()
    document.feed(text)
    document.close()
    assert document.open == []
    return document


def a_page(text: str = "fine") -> RunPage:
    return RunPage(
        run_id="demo-20260102-030405-abcd",
        phase="failed",
        exit_code=7,
        sentence=text,
        facts=(Fact(name="command", value=text), Fact(name="empty", value="")),
        attempts=(
            Attempt(name="start", began=BEGAN, ended=BEGAN + timedelta(minutes=2), how="done"),
            Attempt(name=text, began=BEGAN + timedelta(minutes=2), ended=None, how="running", text=text),
        ),
        usage=(Series(name="Memory", unit="B", points=((0, 1 << 30), (60, 2 << 30)), most=8 << 30),),
        receipt=ReceiptView(
            lines=(
                ReceiptLine(
                    what=text,
                    quantity=Decimal(2),
                    unit="h",
                    unit_price_usd=Decimal("0.526"),
                    amount_usd=Decimal("1.052"),
                ),
            ),
            total_usd=Decimal("1.052"),
            priced_on=BEGAN.date(),
            left_out=(text,),
        ),
        advice=(text,),
        log=(text, text),
        log_cut=True,
        outputs=(
            Saved(path=text, bytes=3, preview=Preview(text=text)),
            Saved(path="table.csv", bytes=3, preview=Preview(rows=((text,), (text,)), cut=True)),
            Saved(path="a.png", bytes=3, preview=Preview(image="data:image/png;base64,AAAA")),
        ),
        output_files=5,
        output_bytes=5000,
        output_address="s3://bucket/runs/x/output/",
        warnings=(text,),
        notes=(text,),
    )


def test_everything_is_told() -> None:
    text = read(render(a_page(), NOW)).text
    for part in (
        "demo-20260102-030405-abcd", "failed, exit code 7", "peak 2.0 GiB of 8.0 GiB, mean 1.5 GiB", "$1.05", "$0.526",
        "Results: 5 files", "and 2 more files", "The end of the log", "58m 00s", "2026-01-02 04:00 UTC",
    ):  # fmt: skip
        assert part in text, part


def test_what_is_not_known_leaves_no_empty_headline() -> None:
    page = RunPage(run_id="r", phase="starting", exit_code=None, sentence="", facts=())
    document = read(render(page, NOW))
    assert "What it used" not in document.text
    assert "Log" not in document.text
    assert "starting" in document.text


@given(st.text(alphabet="<>&\"'/=! abscriptonlde:;\x1b[0m\u202e\n", max_size=60))
def test_no_text_of_a_job_becomes_a_tag_an_attribute_or_an_address(text: str) -> None:
    harmless, hostile = read(render(a_page("x"), NOW)), read(render(a_page(f"x{text}"), NOW))
    assert hostile.tags == harmless.tags
    assert hostile.names == harmless.names
    assert hostile.addresses == ["data:image/png;base64,AAAA"]
    assert "\x1b" not in hostile.text
    assert "\u202e" not in hostile.text


def test_a_browser_is_told_to_run_and_load_nothing() -> None:
    text = render(a_page(), NOW)
    assert "default-src 'none'" in text
    assert not {"script", "link", "iframe", "object"} & read(text).tags
