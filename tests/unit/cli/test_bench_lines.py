"""`aws-run bench` and `offers`: which size is compared, and nothing said twice."""

from __future__ import annotations

import pytest
from tests.unit.fakes import config

from aws_run.cli.commands.bench import _config, _show_end, flags_of
from aws_run.config import Resources
from aws_run.config.models import Amount
from aws_run.errors import UsageError
from aws_run.usecases.bench import BenchRow
from aws_run.usecases.offers import why_none

EIGHT_GB = Amount(value=8192, at_least=False)


def resources(name: str, *, sized: bool) -> Resources:
    types = (name,) if "instance_type" in flags_of(name) else ()
    asked = Resources(cpu=Amount(value=2, at_least=False), memory_mib=EIGHT_GB, instance_types=types)
    return _config(config(resources=asked), name, sized=sized).resources


def test_a_named_machine_is_compared_as_it_is_whatever_the_projects_file_asks_for() -> None:
    """`aws-run init` writes memory: 8GB, which c7i.large does not have."""
    whole = resources("c7i.large", sized=False)
    assert (whole.cpu, whole.memory_mib, whole.instance_types) == (None, None, ("c7i.large",))
    assert resources("c7i.large", sized=True).memory_mib == EIGHT_GB
    assert resources("fargate:2:8GB", sized=False).memory_mib == EIGHT_GB


@pytest.mark.parametrize("sentence", ["c7i.large: too small for 8 GB", "too small for 8 GB"])
def test_the_machine_is_named_once(sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    _show_end(BenchRow(offer="c7i.large", exit_code=2, sentence=sentence))
    assert capsys.readouterr().err == "c7i.large: too small for 8 GB (exit 2)\n"


def test_a_backend_that_offers_nothing_is_named_once() -> None:
    assert why_none("fargate", UsageError("Fargate has no GPUs", hint="use ec2")) == "Fargate has no GPUs (use ec2)"
    assert why_none("ec2", UsageError("There is no quota")) == "ec2: There is no quota"
