"""Text of strangers in Markdown, read by a parser of Markdown: it stays text."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from aws_run.report.format import clean
from aws_run.report.markdown import code, escape, fence, link, table

HOSTILE = [
    "<script>alert(1)</script>", "<img src=x onerror=y>", "**bold**", "[a](https://evil.example)", "![a](b)", "`code`",
    "| a | b |", "# head", "- item", "1. item", "1) item", "+ item", "> quote", "---", "===", "&lt;", "~~a~~", "$x$",
    "\\*", "a\n\n# b", "```", "@octocat", "#12",
]  # fmt: skip
TEXTS = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=40), st.text("*_`[]()<>#-+|~@&$\\!1. a", max_size=20))
INLINE = {"text", "text_special"}


def tokens(markdown: str) -> list[Any]:
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown)


def text_of(inline: Any) -> str:
    return "".join(child.content for child in inline.children if child.type in ("text", "text_special"))


@pytest.mark.parametrize("text", HOSTILE)
def test_an_escaped_line_is_a_paragraph_of_text(text: str) -> None:
    parsed = tokens(escape(text))
    assert [token.type for token in parsed] == ["paragraph_open", "inline", "paragraph_close"]
    assert {child.type for child in parsed[1].children} <= INLINE
    assert "".join(text_of(parsed[1]).replace("\u200b", "").split()) == "".join(clean(text).split())


@given(TEXTS)
def test_so_is_any_text(text: str) -> None:
    parsed = tokens(f"x {escape(text)}")
    assert [token.type for token in parsed] == ["paragraph_open", "inline", "paragraph_close"]
    assert {child.type for child in parsed[1].children} <= INLINE


@given(TEXTS, TEXTS)
def test_a_cell_stays_a_cell(one: str, other: str) -> None:
    parsed = tokens(table(("A", "B"), [(escape(one), code(other))]))
    assert [token.type for token in parsed].count("td_open") == 2
    # A parser drops cells that are too many, so what counts is that each holds its whole text.
    first, second = [parsed[index + 1] for index, token in enumerate(parsed) if token.type == "td_open"]
    assert "".join(text_of(first).replace("\u200b", "").split()) == "".join(clean(one).split())
    assert "".join(text_of(second).split()) == "".join(clean(other).split())
    assert [token.type for token in parsed].count("tr_open") == 2


@given(st.lists(TEXTS, max_size=5))
def test_a_fence_holds_its_lines_whatever_they_are(lines: list[str]) -> None:
    [block] = tokens(fence(lines))
    assert block.type == "fence"
    assert block.content == "".join(f"{clean(line)}\n" for line in lines)


def test_nobody_is_mentioned_and_no_issue_is_referred_to() -> None:
    text = text_of(tokens(escape("thanks @octocat, see #12"))[1])
    assert not re.search(r"[@#]\w", text)
    assert text.replace("\u200b", "") == "thanks @octocat, see #12"


def test_a_long_line_is_cut() -> None:
    assert escape("a" * 500) == "a" * 299 + "…"


def test_a_link_goes_to_a_web_address_or_is_none() -> None:
    assert link("a", "https://example.com/x?y=(1)") == "[a](https://example.com/x?y=%281%29)"
    for wrong in ("javascript:alert(1)", "http://example.com", "https://exa mple.com", "https://e.com/\n)"):
        assert "](" not in link("a", wrong)
