"""The report is beside the results, here and in the bucket; what keeps it from there is told and is nobody's failure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.fakes import BUCKET
from tests.unit.lifecycle.memory_run import KEYS, MemoryRun

from aws_run.errors import AwsCallError
from aws_run.events import Notice
from aws_run.lifecycle.end.ending import SubmitResult
from aws_run.report.views import OutcomeView
from aws_run.report_file import FIRST_LINE, beside, is_report
from aws_run.runs.outcome import OutcomeReason
from aws_run.runs.record import Outcome
from aws_run.usecases import saved_report
from aws_run.usecases.saved_report import SavedReport, save_report, with_report, write

ENDED = Outcome(exit_code=0, reason=OutcomeReason.EXIT, sentence="the job finished")


class Ended(MemoryRun):
    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.writer.change(lambda record: replace(record, outcome=ENDED), now=True)

    def save(self) -> SavedReport:
        return save_report(self.context, self.record, self.folder, label="cost")

    @property
    def warnings(self) -> list[str]:
        return [event.text for event in self.events.of(Notice) if event.level == "warning"]


@pytest.fixture
def run(tmp_path: Path) -> Ended:
    (tmp_path / "out").mkdir()
    return Ended(tmp_path / "out")


def test_it_is_next_to_the_folder_and_in_the_bucket_and_replaces_only_its_own_kind(run: Ended) -> None:
    for _ in range(2):
        saved = run.save()
        assert saved.file == run.folder.with_name("out.report.html")
        assert saved.address == f"s3://{BUCKET}/{KEYS.report}"
        assert saved.page is not None
        assert saved.page.endswith(KEYS.report)
    assert saved.file is not None
    assert is_report(saved.file)
    assert run.store.get(KEYS.report) == saved.file.read_bytes()
    assert list(run.folder.iterdir()) == []
    assert run.warnings == []


@pytest.mark.parametrize("kind", ["page", "link", "folder"])
def test_what_somebody_else_has_there_stays(run: Ended, kind: str) -> None:
    place = beside(run.folder)
    if kind == "folder":
        place.mkdir()
    elif kind == "page":
        place.write_text("<!doctype html>mine")
    else:
        run.folder.with_name("mine").write_text(FIRST_LINE)
        place.symlink_to(run.folder.with_name("mine"))
    saved = run.save()
    assert (saved.file, saved.address is None) == (None, False)
    assert run.warnings == [f"the report was not written to {place}: another file has that name"]


def test_a_link_in_the_place_of_the_unfinished_file_leads_nowhere(run: Ended) -> None:
    victim = run.folder.with_name("victim")
    victim.write_text("mine")
    run.folder.with_name(".out.report.html.partial").symlink_to(victim)
    assert write("page", beside(run.folder)).read_text() == "page"
    assert victim.read_text() == "mine"


@pytest.mark.parametrize(
    "error", [ValueError("odd"), KeyboardInterrupt(), AwsCallError("no way", code="x", operation="y")]
)
def test_a_failure_is_a_warning_that_names_the_command(
    run: Ended, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(saved_report, "page_of", fail)
    assert run.save() == SavedReport()
    assert len(run.warnings) == 1
    assert run.warnings[0].startswith("the run's report was not written: ")


def test_a_folder_that_nobody_may_write_to_costs_only_the_copy_here(run: Ended) -> None:
    run.folder = run.folder / "gone" / "out"
    saved = run.save()
    assert (saved.file, saved.address is None) == (None, False)
    assert "can't be written" in run.warnings[0]


@pytest.mark.parametrize(
    ("outcome", "uri", "named"),
    [
        (ENDED, "s3://b/x", True),
        (None, "s3://b/x", False),
        (ENDED, None, False),
        (replace(ENDED, reason=OutcomeReason.INTERRUPTED), "s3://b/x", False),
    ],
)
def test_a_result_names_it_where_the_run_has_ended_by_itself(
    run: Ended, outcome: Outcome | None, uri: str | None, named: bool
) -> None:
    view = OutcomeView(run_id="r", exit_code=3, status="s", s3_uri=uri, output_dir=run.folder)
    done = SubmitResult(view=view, exit_code=3, record=replace(run.record, outcome=outcome))
    done = with_report(run.context, done, label="cost")
    assert (done.exit_code, done.view.report_file is not None, done.view.report_uri is not None) == (3, named, named)


@pytest.mark.parametrize(("folder", "name"), [("out", "out"), ("a/../out", "out"), ("out/", "out")])
def test_the_name_is_the_folder_s(tmp_path: Path, folder: str, name: str) -> None:
    assert beside(tmp_path / folder) == tmp_path / f"{name}.report.html"
