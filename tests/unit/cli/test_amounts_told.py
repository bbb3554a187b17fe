"""What an embedded AWS cost nobody pays, and every command that shows an amount says so; a receipt says what ran."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.fakes import record

from aws_run.cli.commands import cost, status
from aws_run.cli.session import Session
from aws_run.cli.target import Target
from aws_run.lifecycle.run_status import status_of
from aws_run.runs.record import Receipt, ReceiptLine
from aws_run.usecases.cost import Costs

EMBEDDED, ACCOUNT = Target(embedded=True), Target()
SIMULATED = "simulated: what AWS would have charged"
LINE = ReceiptLine(
    what="Fargate", seconds="60", billed_s="60", usd_per_hour="0.1", usd="0.5", source="a list", as_of="2026-01-01"
)
PAID = replace(
    record(state="removed"),
    cost_usd="0.5",
    receipt=Receipt(lines=(LINE,), total_usd="0.5", saved_usd="0", billed_s="60"),
)


def at(target: Target, *, as_json: bool = False) -> Session:
    nothing: Any = None
    return Session(context=nothing, reporter=nothing, project="demo", as_json=as_json, target=target, config=nothing)


@pytest.mark.parametrize(("target", "said"), [(EMBEDDED, True), (ACCOUNT, False)])
def test_an_amount_is_said_to_be_simulated_where_it_is(
    capsys: pytest.CaptureFixture[str], target: Target, said: bool
) -> None:
    label = target.cost_label
    sums = Costs(rows=(), records=(PAID,), unpriced=())
    told = []
    for show in (
        lambda: cost._one(at(target), PAID, as_csv=False),
        lambda: cost._one(at(target, as_json=True), PAID, as_csv=False),
        lambda: cost._print_table(sums, ("project",), label=label),
        at(target).say_simulated,
    ):
        show()
        read = capsys.readouterr()
        told.append(read.out + read.err)
    told += [
        str(cost.as_data(sums, ("project",), label=label)),
        dict(status.rows_of(status_of(PAID), label=label))["cost"],
        str(status.as_data(status_of(PAID), label=label)["receipt_view"]),
    ]
    assert [SIMULATED in text for text in told] == [said] * len(told)


def test_a_receipt_says_what_ran(capsys: pytest.CaptureFixture[str]) -> None:
    paid = replace(PAID, command="python main.py", python="3.12", labels=("lr=0.1",), note="again", image="arun/demo:1")
    cost._one(at(ACCOUNT), paid, as_csv=False)
    assert 'ran: python main.py (image arun/demo:1, Python 3.12, lr=0.1, "again")' in capsys.readouterr().err
    cost._one(at(ACCOUNT, as_json=True), paid, as_csv=False)
    told = json.loads(capsys.readouterr().out)
    assert (told["ran"], told["image"], told["python"]) == (["python", "main.py"], "arun/demo:1", "3.12")
    assert (told["labels"], told["note"], told["commit"]) == (["lr=0.1"], "again", "")
