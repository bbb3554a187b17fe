"""Eight stories on a real account, within a budget: what they cost, took and were answered, and that nothing is left.

usage: AWS_RUN_AWS_BUDGET=2 python -m tests.smoke [--out FOLDER] [--region REGION] [STORY…]

The same stories are first told to an embedded AWS, whose answers are what the account's are compared with.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path

import boto3
from tests.smoke import report, shapes
from tests.smoke.budget import Budget, NoBudget
from tests.smoke.listing import left
from tests.smoke.stories import PROJECT, ROOT, STORIES, Story, Teller, Told, here, tell

from aws_run import __version__
from aws_run.aws.session import Aws
from aws_run.errors import AwsRunError
from aws_run.infra.bucket_names import own_bucket

Say = Callable[[str], None]
_EMBEDDED_USD = Decimal(1000)  # which nobody pays


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="tools/aws-smoke", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("stories", nargs="*", metavar="STORY", help=", ".join(one.name for one in STORIES))
    parser.add_argument("--region", help="default: AWS_REGION, or the profile's")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/real-runs", help="the report's folder")
    options = parser.parse_args(arguments)
    try:
        budget = Budget.of(os.environ)
    except NoBudget as error:
        say(f"error: {error}")
        return 2
    unknown = sorted(set(options.stories) - {one.name for one in STORIES})
    if unknown:
        say(f"error: there is no story {', '.join(map(repr, unknown))}")
        return 2
    chosen = [one for one in STORIES if not options.stories or one.name in options.stories]
    try:
        with tempfile.TemporaryDirectory(prefix="aws-smoke-") as folder:
            return smoke(chosen, budget, Path(folder), region=options.region, out=options.out)
    except AwsRunError as error:
        say(f"error: {error.message}")
        return error.exit_code


def say(line: str) -> None:
    sys.stderr.write(f"aws-smoke: {line}\n")
    sys.stderr.flush()


def smoke(stories: Sequence[Story], budget: Budget, folder: Path, *, region: str | None, out: Path) -> int:
    environ = here()
    if region:
        environ |= {"AWS_REGION": region, "AWS_DEFAULT_REGION": region}
    aws = Aws(region=region)
    identity, bucket = aws.identity(), own_bucket(aws)
    session = boto3.Session(region_name=identity.region)
    before = left(session, PROJECT, bucket)
    if set(before) - {"bucket"}:
        say(f"error: the account has something of the project {PROJECT} already: {before}")
        return 1
    where = aws.endpoint_url or "AWS"
    say(f"account …{identity.account[-4:]}, {identity.region}, {where}; at most ${budget.limit_usd}")
    with embedded(folder / "embedded") as local:
        first = Teller(folder / "first", local)
        say("the stories on an embedded AWS, for comparison")
        say_each(stories, first, Budget(_EMBEDDED_USD))
    teller = Teller(folder / "second", environ, fresh="bucket" not in before)
    say("the stories on the account")
    told = say_each(stories, teller, budget)
    after = left(session, PROJECT, bucket)
    if "bucket" in before:
        after.pop("bucket", None)  # others' as well
    ours, theirs = (shapes.gather(one.calls()) for one in (teller, first))
    text = report.page(
        report.Account(number=identity.account, region=identity.region, where=where, version=__version__),
        datetime.now(timezone.utc).date().isoformat(),
        told,
        budget_usd=budget.limit_usd,
        found=shapes.differences(ours, theirs),
        timings=shapes.timings(ours, theirs),
        left=after,
    )
    path = written(out, text)
    say(f"left: {after or 'nothing, by its own listings'}")
    say(f"at most ${report.spent(told):.4f} of ${budget.limit_usd} spent; {path}")
    return 1 if after or any(one.outcome == "failed" for one in told) else 0


def say_each(stories: Sequence[Story], teller: Teller, budget: Budget) -> list[Told]:
    told = []
    for story in stories:
        one = tell(story, teller, budget)
        why = f" ({one.why})" if one.why else ""
        say(f"{one.name}: {one.outcome}{why}, {one.calls} calls, {one.seconds:.0f} s")
        told.append(one)
    return told


def written(folder: Path, text: str) -> Path:
    """A page of today's; a second one of the same day has a number."""
    folder.mkdir(parents=True, exist_ok=True)
    day = datetime.now(timezone.utc).date().isoformat()
    number = 1
    while (path := folder / f"{day}{'' if number == 1 else f'-{number}'}.md").exists():
        number += 1
    path.write_text(text, encoding="utf-8")
    return path


@contextmanager
def embedded(home: Path) -> Iterator[Mapping[str, str]]:
    """An embedded AWS in a process of its own; the environment that leads there."""
    home.mkdir(parents=True)
    kept = {name: value for name, value in here().items() if not name.startswith("AWS_")}
    environ = {**kept, "XDG_STATE_HOME": str(home), "XDG_CACHE_HOME": str(home)}
    tool = str(Path(sys.executable).with_name("aws-run"))
    command = [tool, "local", "start", "--runtime", "process", "--json"]
    started = subprocess.run(command, env=environ, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
    try:
        yield {**environ, **json.loads(started.stdout)["environment"]}
    finally:
        subprocess.run([tool, "local", "stop"], env=environ, capture_output=True, check=False, stdin=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
