"""What a run's page shows of its saved files, and what it says of pictures that it does not show."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.fakes import BUCKET
from tests.unit.lifecycle.memory_run import KEYS, MemoryRun

from aws_run.lifecycle.run_status import status_of
from aws_run.report.html import Saved, render
from aws_run.report.html.previews import MOST_PICTURE_BYTES
from aws_run.runs.outcome import OutcomeReason
from aws_run.runs.record import Outcome
from aws_run.usecases.report import page_of

PNG = b"\x89PNG\r\n\x1a\n"


class Ended(MemoryRun):
    def __init__(self) -> None:
        super().__init__()
        ended = Outcome(exit_code=0, reason=OutcomeReason.EXIT, sentence="the job finished")
        self.writer.change(lambda record: replace(record, outcome=ended, state="removed"), now=True)

    def save(self, path: str, content: bytes) -> None:
        self.aws.call("s3", "put_object", Bucket=BUCKET, Key=f"{KEYS.output}{path}", Body=content)

    def page(self) -> tuple[dict[str, Saved], str]:
        page = page_of(self.context, status_of(self.record))
        return {saved.path: saved for saved in page.outputs}, render(page, self.clock.now())


@pytest.fixture
def run() -> Ended:
    return Ended()


def test_a_picture_that_is_too_large_for_the_page_is_listed_and_says_so(run: Ended) -> None:
    run.save("small.png", PNG)
    run.save("huge.png", PNG + bytes(MOST_PICTURE_BYTES))
    files, html = run.page()
    assert files["small.png"].preview is not None
    assert files["huge.png"].preview is None
    assert html.count("<img ") == 1
    assert "huge.png" in html
    assert "not shown, because it is larger than 512 KiB" in html


def test_whatever_else_keeps_a_picture_from_the_page_is_said_too(run: Ended) -> None:
    run.save("only-a-name.png", b"text")
    run.save("drawing.svg", b"<svg/>")
    run.save("gone.png", PNG)
    for number in range(8):
        run.save(f"many/{number}.png", PNG)
    run.save("weights.bin", b"1")
    run.bucket.deny(f"{KEYS.output}gone.png")
    told = {path: saved.why_none for path, saved in run.page()[0].items()}
    assert told["only-a-name.png"] == "not shown, because it is no PNG, JPEG, GIF or WebP"
    assert "scripts" in told["drawing.svg"]
    assert told["gone.png"] == "not shown, because it could not be read from the bucket"
    assert [told[f"many/{number}.png"] for number in (5, 6)] == [
        "", "not shown, because the page has as many pictures as it may",
    ]  # fmt: skip
    assert told["weights.bin"] == ""
