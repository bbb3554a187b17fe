"""Ignore patterns that anybody may have written: read as git and pathspec read them, and never for long."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pathspec
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from aws_run.image.sources.ignore import DockerIgnore
from aws_run.project import ignore_patterns, ignore_rules
from aws_run.project.ignore_patterns import as_git_reads
from aws_run.project.ignore_rules import (
    MAX_LINE_CHARACTERS,
    MAX_LINES,
    GitRules,
    PatternError,
    exclude_matcher,
)
from aws_run.project.linear_match import LinearRegex, compile_quietly

lines_of_any_kind = st.lists(
    st.text(st.sampled_from("ab*/?![]-\\. c"), min_size=1, max_size=14).filter(lambda line: line.strip()),
    min_size=1,
    max_size=4,
)
wild_segment = st.text(st.sampled_from("ab*?"), min_size=1, max_size=8)
wild_lines = st.lists(
    st.builds(
        lambda sign, parts, end: f"{sign}{'/'.join(parts)}{end}",
        st.sampled_from(["", "", "!", "/"]),
        st.lists(st.one_of(wild_segment, st.just("**")), min_size=1, max_size=5),
        st.sampled_from(["", "", "/", "/**"]),
    ),
    min_size=1,
    max_size=4,
)
path = st.lists(st.text(st.sampled_from("abc"), min_size=1, max_size=5), min_size=1, max_size=6).map("/".join)


def by_pathspec(lines: list[str], spec: type[pathspec.PathSpec[Any]]) -> pathspec.PathSpec[Any] | None:
    """None where pathspec itself can't read the lines."""
    try:
        return spec.from_lines("gitignore", lines)
    except (ValueError, re.error):
        return None


@settings(max_examples=200)
@given(st.one_of(lines_of_any_kind, wild_lines), st.lists(path, min_size=1, max_size=6))
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_the_rules_say_what_pathspec_says(lines: list[str], paths: list[str]) -> None:
    expected = by_pathspec([as_git_reads(line) for line in lines], pathspec.GitIgnoreSpec)
    if expected is None:
        with pytest.raises(PatternError):
            GitRules(lines)
        return
    rules = GitRules(lines)
    assert [rules.ignores(each) for each in paths] == [expected.match_file(each) for each in paths]


@settings(max_examples=200)
@given(st.one_of(lines_of_any_kind, wild_lines), st.lists(path, min_size=1, max_size=6))
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_exclude_says_what_pathspec_says_of_files_and_folders(lines: list[str], paths: list[str]) -> None:
    expected = by_pathspec(lines, pathspec.PathSpec)
    if expected is None:
        with pytest.raises(PatternError):
            exclude_matcher(lines)
        return
    matches = exclude_matcher(lines)
    paths = [*paths, *(f"{each}/" for each in paths)]
    assert [matches(each) for each in paths] == [expected.match_file(each) for each in paths]


@settings(max_examples=200)
@given(st.one_of(lines_of_any_kind, wild_lines), st.lists(path, min_size=1, max_size=6))
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_the_one_pass_matcher_alone_says_what_pathspec_says(lines: list[str], paths: list[str]) -> None:
    expected = by_pathspec([as_git_reads(line) for line in lines], pathspec.GitIgnoreSpec)
    assume(expected is not None)
    with patch.object(ignore_patterns, "bounded", linear_wherever_it_can_be):
        rules = GitRules(lines)
    assert expected is not None
    assert [rules.ignores(each) for each in paths] == [expected.match_file(each) for each in paths]


def linear_wherever_it_can_be(text: str) -> re.Pattern[str] | LinearRegex:
    try:
        return LinearRegex(text)
    except ValueError:
        return compile_quietly(text)


@settings(max_examples=200)
@given(wild_lines, path)
def test_the_dockerignore_matcher_says_what_the_regular_expression_says(lines: list[str], some: str) -> None:
    expected = DockerIgnore(lines)
    with patch.object(ignore_rules, "_MOST_FOR_RE", 99):
        by_re = DockerIgnore(lines)
    assert expected.ignores(some) == by_re.ignores(some)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(wild_lines, st.lists(path, min_size=1, max_size=8, unique=True))
def test_the_rules_say_what_git_says_where_no_line_takes_files_back(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], paths: list[str]
) -> None:
    """With `!` lines git looks at no file below an ignored folder, which only a walk knows."""
    lines = [line.lstrip("!") for line in lines]
    assume(all(line.strip() for line in lines))
    # gitignore(5): asterisks that are not between slashes are one. git reads them otherwise behind a plain beginning, which
    # it compares apart: `ab**/**` ignores the file ab.
    assume(not any(re.search(r"[^/]\*\*+(/|$)", line) for line in lines))
    root = tmp_path_factory.mktemp("rules")
    settings_of_nobody = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    environment = {**os.environ, **settings_of_nobody}
    subprocess.run(["git", "init", "-q"], cwd=root, check=True, env=environment)
    (root / ".gitignore").write_text("\n".join(lines))
    told = subprocess.run(
        ["git", "check-ignore", "--no-index", "-z", "--stdin"],
        cwd=root,
        input="\0".join(paths).encode(),
        stdout=subprocess.PIPE,
        check=False,
        env=environment,
    )
    rules = GitRules(lines)
    assert {each for each in paths if rules.ignores(each)} == set(told.stdout.decode().strip("\0").split("\0")) - {""}


def test_a_pattern_of_folders_at_any_depth_leaves_the_files_beside_them() -> None:
    rules = GitRules(["a/**/"])
    assert [rules.ignores(path) for path in ("a/file", "a/folder/file", "a/b/c/file", "file")] == [
        False, True, True, False
    ]  # fmt: skip


HOSTILE = [
    (["*a" * 30 + "b"], "a" * 200),
    (["**/" * 200 + "x"], "/".join("d" for _ in range(60))),
    (["*a*/" * 40 + "b"], "/".join("aaaaaaaa" for _ in range(60))),
    (["/" + "**/a*a*a/" * 30 + "z"], "/".join("aaaaaaaaaaaaaaaa" for _ in range(60))),
    (["[ab]*" * 100 + "c"], "ab" * 120),
    (["?*" * 120 + "c"], "a" * 250),
    (["**" * 300 + "c"], "a" * 250),
]


# A child judges them with so much of the processor and no more: however busy the machine is, a matcher that goes back
# and forth is ended, and the last case that it named is the one that kept it.
_CPU_S = 20
_JUDGE = """
import json, resource, sys
from aws_run.image.sources.ignore import DockerIgnore
from aws_run.project.ignore_rules import GitRules, exclude_matcher

cases = json.load(sys.stdin)
resource.setrlimit(resource.RLIMIT_CPU, (int(sys.argv[1]), int(sys.argv[1])))
kinds = {
    "git": lambda lines: GitRules(lines).ignores,
    "docker": lambda lines: DockerIgnore(lines).ignores,
    "exclude": exclude_matcher,
}
for lines, some in cases:
    for kind, matcher in kinds.items():
        print(kind, lines[0][:20], end=" ", flush=True)
        print(matcher(lines)(some), flush=True)
"""


def test_patterns_that_keep_a_backtracking_matcher_busy_for_years_are_judged_at_once() -> None:
    judge = [sys.executable, "-c", _JUDGE, str(_CPU_S)]
    done = subprocess.run(judge, input=json.dumps(HOSTILE), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    judged = done.stdout.splitlines()
    assert len(judged) == 3 * len(HOSTILE)
    assert [line for line in judged if not line.endswith(" False")] == []


@given(wild_lines, path)
def test_a_pattern_is_followed_in_one_pass_over_the_path(lines: list[str], some: str) -> None:
    """Bounded by construction: each character of the path is taken once."""
    for line in lines:
        taken: list[str] = []
        for text in regexes_of(line):
            matcher = LinearRegex(text)
            matcher._needed = ""  # else most paths are refused before they are looked at
            with patch.object(LinearRegex, "_mask", count_into(taken, matcher)):
                matcher.search(some)
            assert len(taken) <= len(some)


def regexes_of(line: str) -> list[str]:
    text, include = ignore_patterns._BoundedSpecPattern.pattern_to_regex(line)
    if text is None or include is None or not text.startswith("^"):
        return []
    return [text]


def count_into(taken: list[str], matcher: LinearRegex) -> object:
    original = LinearRegex._mask

    def mask(_self: LinearRegex, char: str) -> int:
        taken.append(char)
        return original(matcher, char)

    return mask


def test_a_line_that_is_too_long_is_named_by_its_number() -> None:
    for rules in (GitRules, DockerIgnore):
        with pytest.raises(PatternError, match="longer than") as caught:
            rules(["ok", "a" * (MAX_LINE_CHARACTERS + 1)])
        assert caught.value.line == 2


def test_more_lines_than_any_project_needs_are_refused() -> None:
    for rules in (GitRules, DockerIgnore):
        with pytest.raises(PatternError, match="more than") as caught:
            rules(["a"] * (MAX_LINES + 1))
        assert caught.value.line == MAX_LINES + 1


def test_a_range_that_runs_backwards_is_named_and_no_fault_of_ours() -> None:
    with pytest.raises(PatternError, match="can't be read") as caught:
        GitRules(["a", "[z-a]"])
    assert caught.value.line == 2


def test_a_file_is_matched_as_it_lies(tmp_path: Path) -> None:
    assert GitRules(["*a*b*c"]).ignores("x/1a2b3c")
    assert GitRules(["/x/**/y/*.tm?"]).ignores("x/1/2/y/a.tmp")
    assert not GitRules(["/x/**/y/*.tm?"]).ignores("z/x/1/y/a.tmp")
