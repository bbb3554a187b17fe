"""The parts of `make aws-smoke`: its budget, the comparison of answers, and its report."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest
from tests.smoke import __main__ as smoke
from tests.smoke import report
from tests.smoke.budget import Budget, NoBudget
from tests.smoke.shapes import Difference, differences, gather, paths, timings
from tests.smoke.stories import STORIES, LeftOut, Story, Teller, Told, tell

CENT = Decimal("0.01")


class Silent:
    """A teller that is told nothing."""

    def calls(self) -> list[dict[str, Any]]:
        return []


SILENT = cast(Teller, Silent())


@pytest.mark.parametrize("text", ["", "0", "-1", "two", "nan", "inf"])
def test_without_a_budget_nothing_is_started(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    monkeypatch.setenv("AWS_RUN_AWS_BUDGET", text)
    monkeypatch.setattr(smoke, "smoke", lambda *_, **__: pytest.fail("it was started"))
    assert smoke.main([]) == 2
    assert "AWS_RUN_AWS_BUDGET=2" in capsys.readouterr().err


def test_a_story_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_RUN_AWS_BUDGET", "2")
    assert smoke.main(["Lambda"]) == 2


def test_the_budget_is_never_exceeded_and_the_unknown_counts_as_the_most() -> None:
    costs: list[Decimal | None] = [CENT, None, CENT, CENT, None]
    budget = Budget(7 * CENT)
    told = [
        tell(Story(name=str(at), most_usd=3 * CENT, tell=lambda *_, cost=cost: cost), SILENT, budget)
        for at, cost in enumerate(costs)
    ]
    # 1, then 1 + 3, then up to 1 + 3 + 3 = 7, of which 5 are spent: no more of them can be paid.
    assert [one.outcome for one in told] == ["ok", "ok", "ok", "left out", "left out"]
    assert budget.spent_usd == 5 * CENT
    assert report.spent(told) == 5 * CENT
    assert "may cost $0.03, and $0.0200 of the budget is left" in told[-1].why


def test_all_stories_together_fit_the_budget_that_is_recommended() -> None:
    assert len(STORIES) == 8
    assert sum(one.most_usd for one in STORIES) <= 2
    assert STORIES[-1].name == "destroy"
    assert Budget.of({"AWS_RUN_AWS_BUDGET": "2"}).limit_usd == 2
    with pytest.raises(NoBudget):
        Budget.of({})


@pytest.mark.parametrize(
    ("error", "outcome", "spent"), [(LeftOut("no quota"), "left out", 0), (OSError("x"), "failed", 1)]
)
def test_what_happens_in_a_story_is_its_outcome(error: Exception, outcome: str, spent: int) -> None:
    def raises(*_: object) -> Decimal:
        raise error

    budget = Budget(CENT)
    told = tell(Story(name="a", most_usd=CENT, tell=raises), SILENT, budget)
    assert (told.outcome, budget.spent_usd) == (outcome, spent * CENT)
    assert str(error) in told.why


def test_a_shape_has_no_values_and_no_names_that_somebody_chose() -> None:
    answer = {
        "ResponseMetadata": {"RequestId": "x"},
        "tasks": [{"arn": "a", "cpu": 1}, {"arn": "b", "stopCode": "c"}],
        "Metadata": {"anything": "at all"},
        "failures": [],
    }
    assert paths(answer) == {
        "tasks": "list", "tasks[]": "dict", "tasks[].arn": "str", "tasks[].cpu": "int", "tasks[].stopCode": "str",
        "Metadata": "dict", "failures": "list",
    }  # fmt: skip


def line(operation: str, answer: Mapping[str, Any] | None, seconds: float = 1.0, refused: str = "") -> dict[str, Any]:
    told = {"service": "ecs", "operation": operation, "seconds": seconds}
    return {**told, "refused": refused} if answer is None else {**told, "members": paths(answer)}


def test_differences_name_what_only_one_of_both_shows() -> None:
    here = gather([line("A", {"a": 1, "b": {"c": [1]}, "n": 1}), line("A", None, refused="Slow"), line("B", {"x": 1})])
    there = gather([line("A", {"a": 1, "d": "e", "n": "1"}), line("C", {"x": 1})])
    assert differences(here, there) == [
        Difference(
            operation="ecs:A",
            only_here=("b",),
            only_embedded=("d",),
            other_kind=("n: int, embedded str",),
            refusals=("Slow",),
        )
    ]
    assert differences(here, here) == []
    later = gather([line("A", {"a": 1, "d": "e", "n": 1}), line("B", {"b": {"c": [1]}})])
    (found,) = differences(here, later)[:1]
    assert (found.only_here, found.elsewhere) == ((), ("b",)), "another operation of that service has shown it"
    assert timings(here, there)[0][0] in ("ecs:A", "ecs:B")
    assert {row[0]: row[3] for row in timings(here, there)} == {"ecs:A": 1.0, "ecs:B": None}


def page(**changes: Any) -> str:
    values: dict[str, Any] = {
        "told": [Told(name="GPU", outcome="left out", why="no | quota\nfor it", most_usd=CENT)],
        "budget_usd": Decimal(2), "found": [], "timings": [("ecs:A", 3, 0.5, None)], "left": {}, **changes,
    }  # fmt: skip
    account = report.Account(number="123456789012", region="us-east-1", where="AWS", version="1")
    return report.page(account, "2026-01-01", **values)


def test_the_report_says_what_is_left_and_hides_the_accounts_number() -> None:
    text = page()
    assert "Nothing, by AWS's own listings." in text
    assert "| GPU | left out: no \\| quota for it | 0 | 0 | - | $0.01 |" in text
    assert "123456789012" not in text
    assert "- role: arun-smoke-x" in page(left={"role": ["arun-smoke-x"]})
    assert "  - only here: tags" in page(found=[Difference(operation="ecs:A", only_here=("tags",))])


def test_a_second_report_of_a_day_does_not_replace_the_first(tmp_path: Path) -> None:
    first, second = smoke.written(tmp_path, "a"), smoke.written(tmp_path, "b")
    assert (first.read_text(), second.read_text()) == ("a", "b")
