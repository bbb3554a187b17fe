from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_run.image.sources.ignore import DockerIgnore, GitRules


@pytest.mark.parametrize(
    ("lines", "ignored", "kept"),
    [
        (["*/temp*"], ["somedir/temporary.txt", "somedir/temp"], ["temp", "a/b/temp"]),
        (["*/*/temp*"], ["somedir/subdir/temporary.txt"], ["somedir/temporary.txt"]),
        (["temp?"], ["tempa", "tempb/x"], ["temp", "tempab", "a/tempa"]),
        (["**/*.go"], ["a.go", "x/y/a.go"], ["a.god"]),
        (["*.md", "!README.md"], ["a.md"], ["README.md", "docs/a.md"]),
        (["*.md", "!README*.md", "README-secret.md"], ["README-secret.md", "x.md"], ["README.md"]),
        (["*.md", "README-secret.md", "!README*.md"], ["x.md"], ["README-secret.md"]),
        (["docs", "!docs/keep.txt"], ["docs/a.txt", "docs/x/keep.txt"], ["docs/keep.txt"]),
        (["*", "!src", "src/secret"], ["a", "b/c", "src/secret"], ["src/a", "src/b/c"]),
        (["**", "!a.txt"], ["b", "c/a.txt"], ["a.txt"]),
        (["/build/"], ["build", "build/x"], ["a/build"]),
        (["./build/../out"], ["out/x"], ["build/x"]),
        (["a/**/b"], ["a/b", "a/x/b", "a/x/y/b/c"], ["ab", "x/a/b"]),
        (["a/**"], ["a/x", "a/x/y"], ["a", "ab"]),
        (["[a-c].txt", "[^a-c].md"], ["b.txt", "d.md"], ["d.txt", "b.md"]),
        ([r"\*.txt"], ["*.txt"], ["a.txt"]),
        (["# comment", "", "   ", "!"], [], ["# comment", "x"]),
        (["."], [], ["x"]),
        ([" spaced.txt "], ["spaced.txt"], [" spaced.txt "]),
        (["a+b(c)$"], ["a+b(c)$"], ["aab(c)$"]),
    ],
)
def test_dockerignore_lines_mean_what_docker_says(lines: list[str], ignored: list[str], kept: list[str]) -> None:
    rules = DockerIgnore(lines)
    assert [path for path in ignored if not rules.ignores(path)] == []
    assert [path for path in kept if rules.ignores(path)] == []


segment = st.text(st.sampled_from("ab.é -_+"), min_size=1, max_size=4).filter(
    lambda text: text == text.strip() and text not in (".", "..")
)
path = st.lists(segment, min_size=1, max_size=4).map("/".join)


@given(path.filter(lambda text: not text.startswith("#")), st.lists(segment, max_size=2))
def test_a_plain_line_ignores_its_path_and_all_below_it(literal: str, below: list[str]) -> None:
    assert DockerIgnore([literal]).ignores("/".join([literal, *below]))
    assert not DockerIgnore([literal, f"!{literal}"]).ignores("/".join([literal, *below]))


@given(path, segment)
def test_a_plain_line_ignores_nothing_beside_it(literal: str, other: str) -> None:
    assert not DockerIgnore([literal]).ignores(f"{literal}{other}".replace("/", "-") + "!")


@given(path)
def test_two_stars_reach_every_depth(some: str) -> None:
    name = some.rpartition("/")[2]
    assert DockerIgnore([f"**/{name}"]).ignores(some)
    assert DockerIgnore(["**"]).ignores(some)


@given(st.lists(st.text(st.sampled_from("ab/*?[]^-!\\. #"), max_size=8), max_size=4), path)
def test_any_text_is_a_pattern_and_none_an_error(lines: list[str], some: str) -> None:
    first = DockerIgnore(lines).ignores(some)
    assert first == DockerIgnore([*lines, ""]).ignores(some)


def test_gitignore_rules_reach_every_depth_where_they_have_no_slash() -> None:
    rules = GitRules(["*.tmp", "/build/", "!keep.tmp"])
    assert rules.ignores("a/b.tmp")
    assert rules.ignores("build/x")
    assert not rules.ignores("a/build/x")
    assert not rules.ignores("a/keep.tmp")
    assert not GitRules([]).ignores("a")
