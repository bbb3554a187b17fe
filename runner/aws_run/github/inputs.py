"""The action's inputs, as the runner hands them over, and the options that they stand for. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from aws_run.errors import UsageError
from aws_run.frozen import frozen

Comment = Literal["auto", "always", "never"]
# Input -> the flag of config/options.py that it stands for. Texts go over as they are: the table checks them.
_TEXTS = {
    "output": "output",
    "backend": "backend",
    "cpu": "cpu",
    "memory": "memory",
    "gpu": "gpu",
    "timeout": "timeout",
    "max-cost": "max_cost",
    "aws-region": "region",
    "subnets": "subnets",
    "security-groups": "security_groups",
}
# One value a line: a blank or a comma may be part of it.
_LINES = {"input": "input", "args": "args", "env": "env", "secrets": "secret"}
_WORDS = {"instance-type": "instance_type"}
_OTHERS = (
    "path",
    "spot",
    "role-to-assume",
    "allowed-account-ids",
    "config",
    "wait",
    "comment",
    "comment-key",
    "log-lines",
    "python",  # action/shim.cjs reads it
    "github-token",
)
INPUTS = frozenset({*_TEXTS, *_LINES, *_WORDS, *_OTHERS})
# What messages call a flag that was given as an input.
SHOWN_FLAGS = {flag: f"input {name}" for name, flag in {**_TEXTS, **_LINES, **_WORDS, "spot": "spot"}.items()}
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::(?P<account>\d{12}):role/\S+")
_ACCOUNT = re.compile(r"\d{12}")
_KEY = re.compile(r"[A-Za-z0-9._-]{0,60}")
_MOST_LOG_LINES = 200


@frozen
class ActionInputs:
    """`flags`: values by the names in `config.options.FLAGS`. `config` None: the project's own file.
    `allowed_accounts` empty: any."""

    path: Path
    flags: Mapping[str, Any]
    config: Path | None
    wait: bool
    role: str | None
    allowed_accounts: tuple[str, ...]
    comment: Comment
    comment_key: str
    log_lines: int
    github_token: str

    def refuse_account(self, account: str) -> None:
        """UsageError for an account that allowed-account-ids leaves out."""
        if self.allowed_accounts and account not in self.allowed_accounts:
            raise UsageError(
                f"These credentials are for the AWS account {account}, which allowed-account-ids does not name",
                hint="correct the credentials or the input; nothing was created",
            )


def read_inputs(environ: Mapping[str, str]) -> ActionInputs:
    """Raises UsageError. An input that was left empty was not given: that is how GitHub hands over both."""
    given = {name: text for name in INPUTS if (text := _input(environ, name))}
    flags: dict[str, Any] = {flag: given[name] for name, flag in _TEXTS.items() if name in given}
    flags |= {flag: _lines(given[name]) for name, flag in _LINES.items() if name in given}
    flags |= {flag: _words(given[name]) for name, flag in _WORDS.items() if name in given}
    wait = _switch(given, "wait", default=True)
    if _switch(given, "spot", default=False):
        flags["spot"] = True
    if not wait:
        flags["detach"] = True
    inputs = ActionInputs(
        path=Path(given.get("path", ".")),
        flags=flags,
        config=Path(given["config"]) if "config" in given else None,
        wait=wait,
        role=given.get("role-to-assume"),
        allowed_accounts=_words(given.get("allowed-account-ids", "")),
        comment=_comment(given),
        comment_key=_comment_key(given),
        log_lines=_log_lines(given),
        github_token=given.get("github-token", ""),
    )
    for account in inputs.allowed_accounts:
        if _ACCOUNT.fullmatch(account) is None:
            raise UsageError(f"input allowed-account-ids: {account!r} is not an account; they have 12 digits")
    if inputs.role is not None:
        match = _ROLE.fullmatch(inputs.role)
        if match is None:
            raise UsageError(
                "input role-to-assume: is not the ARN of a role, like arn:aws:iam::123456789012:role/deploy"
            )
        inputs.refuse_account(match["account"])
    return inputs


def _input(environ: Mapping[str, str], name: str) -> str:
    """The runner's own spelling (actions/toolkit, getInput): upper case, blanks as underscores, hyphens as they are."""
    return environ.get(f"INPUT_{name.replace(' ', '_').upper()}", "").strip()


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _words(text: str) -> tuple[str, ...]:
    return tuple(filter(None, re.split(r"[\s,]+", text)))


def _switch(given: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = given.get(name)
    if text is None:
        return default
    if text not in ("true", "false"):
        raise UsageError(f"input {name}: must be true or false, not {text!r}")
    return text == "true"


def _comment(given: Mapping[str, str]) -> Comment:
    text = given.get("comment", "auto")
    if text not in ("auto", "always", "never"):
        raise UsageError(f"input comment: must be auto, always or never, not {text!r}")
    return text  # type: ignore[return-value]


def _comment_key(given: Mapping[str, str]) -> str:
    text = given.get("comment-key", "")
    if _KEY.fullmatch(text) is None:
        raise UsageError("input comment-key: has at most 60 letters, digits, dots, hyphens and underscores")
    return text


def _log_lines(given: Mapping[str, str]) -> int:
    text = given.get("log-lines", "0")
    if not text.isascii() or not text.isdigit() or int(text) > _MOST_LOG_LINES:
        raise UsageError(f"input log-lines: must be a number up to {_MOST_LOG_LINES}, not {text!r}")
    return int(text)
