"""A command in a hint is a value, to which the command line adds how its AWS is reached."""

from __future__ import annotations

import json

from aws_run.hints import Hint, command, joined, quoted, reaching

WAY = " --region eu-central-1 --profile x"


def test_a_command_is_written_with_the_way_to_its_aws() -> None:
    assert command("cleanup", "RUN") == "aws-run cleanup RUN"
    assert reaching(command("cleanup", "RUN"), WAY) == f"aws-run cleanup RUN{WAY}"


def test_each_command_of_a_sentence_is() -> None:
    hint = "later: " + quoted("attach", "RUN") + " follows it; " + quoted("cleanup", "RUN") + " ends it"
    assert hint == "later: `aws-run attach RUN` follows it; `aws-run cleanup RUN` ends it"
    assert reaching(hint, WAY) == f"later: `aws-run attach RUN{WAY}` follows it; `aws-run cleanup RUN{WAY}` ends it"


def test_text_that_only_looks_like_one_stays_as_it_is() -> None:
    assert reaching("a job printed `aws-run cleanup RUN`", WAY) == "a job printed `aws-run cleanup RUN`"
    mixed = Hint("a folder called aws-run pull; ", quoted("pull", "RUN"))
    assert reaching(mixed, WAY) == f"a folder called aws-run pull; `aws-run pull RUN{WAY}`"


def test_a_hint_is_a_string_wherever_one_is_wanted() -> None:
    assert json.dumps({"hint": command("ps")}) == '{"hint": "aws-run ps"}'
    assert "x" + command("ps") + "y" == "xaws-run psy"


def test_sentences_that_are_joined_keep_their_commands() -> None:
    text = joined("; ", ("2 subnets", quoted("network", "show") + " tells of it", "plain"))
    assert text == "2 subnets; `aws-run network show` tells of it; plain"
    assert reaching(text, " --local") == "2 subnets; `aws-run network show --local` tells of it; plain"
    assert joined("; ", ()) == ""
