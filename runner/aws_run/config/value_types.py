"""The types of values that an option can have: how their text is parsed, and their JSON Schema.

A `parse` takes one text and returns a value, or raises ValueError with a sentence; the loader knows where the text came
from (flag, variable or file).
"""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Callable, Iterable
from dataclasses import field
from typing import TYPE_CHECKING, Any, Literal, get_args

from aws_run import contract, naming
from aws_run.config import inputs, units
from aws_run.frozen import frozen

if TYPE_CHECKING:
    from aws_run.config.models import Amount, Gpu

Shape = Literal["one", "list", "map", "argv", "inputs"]
Schema = dict[str, Any]

# The words of `keep:`. A resource type says by which of them it is kept (`ResourceType.keep_as`).
KeepName = Literal[
    "bucket",
    "repository",
    "cluster",
    "roles",
    "log-group",
    "launch-template",
    "group",
    "capacity-provider",
    "task-definition",
]
KEEP_KINDS: tuple[KeepName, ...] = get_args(KeepName)
# The only periods CloudWatch Logs takes (PutRetentionPolicy).
LOG_RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400),
    *(545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
MAX_TIMEOUT_S = 14 * 86_400

_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_SHELL_WORDS = {"|", "||", "&", "&&", ";", ">", ">>", "<", "2>&1"}
_ARN = r"^arn:aws[a-z-]*:(secretsmanager:[a-z0-9-]+:\d{12}:secret:[^\s]+|ssm:[a-z0-9-]+:\d{12}:parameter/[^\s]+)$"


@frozen
class ValueType:
    """`parse` reads one text: the value, one item of a list, one value of a map, or a whole command line.
    `parse_key` checks the keys of a map. Maps `from_shell` may have null values, taken from the shell."""

    shape: Shape = "one"
    parse: Callable[[str], object]
    parse_key: Callable[[str], str] = str
    schema: Schema = field(default_factory=lambda: {"type": "string"})
    from_shell: bool = False


_SHORTEST_BEGINNING = 3


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean "memory"?`, or an empty text."""
    close = closest(word, known)
    return f'; did you mean "{close}"?' if close else ""


def closest(word: str, known: Iterable[str]) -> str | None:
    """The word that was probably meant, None if none is similar and several or none begin with it."""
    words = list(known)
    beginning = [each for each in words if each.startswith(word)] if len(word) >= _SHORTEST_BEGINNING else []
    return next(
        iter(difflib.get_close_matches(word, words, n=1, cutoff=0.6)), beginning[0] if len(beginning) == 1 else None
    )


def choice(*values: str) -> ValueType:
    def parse(text: str) -> str:
        if text not in values:
            raise ValueError(f'"{text}" is none of {", ".join(values)}{did_you_mean(text, values)}')
        return text

    return ValueType(parse=parse, schema={"enum": list(values)})


def pattern(regex: str, what: str) -> ValueType:
    def parse(text: str) -> str:
        if re.fullmatch(regex, text, re.ASCII) is None:
            raise ValueError(f'"{text}" is not {what}')
        return text

    return ValueType(parse=parse, schema={"type": "string", "pattern": regex})


def text(what: str) -> ValueType:
    def parse(value: str) -> str:
        if not value.strip() or "\0" in value or "\n" in value:
            raise ValueError(f"needs {what}")
        return value

    return ValueType(parse=parse, schema={"type": "string", "minLength": 1})


def whole(low: int, high: int) -> ValueType:
    return ValueType(
        parse=lambda value: units.whole_number(value, low, high),
        schema={"type": "integer", "minimum": low, "maximum": high},
    )


def duration(low_s: int, high_s: int, high_words: str) -> ValueType:
    def parse(value: str) -> int:
        seconds = units.duration_s(value)
        if seconds < low_s:
            raise ValueError(f'"{value}" is too short; it must be {low_s} s or more')
        if seconds > high_s:
            raise ValueError(f'"{value}" is too long; at most {high_words}')
        return seconds

    schema: Schema = {"type": "string", "pattern": units.DURATION_PATTERN}
    if low_s == 0:
        schema = {"anyOf": [schema, {"const": 0}]}
    return ValueType(parse=parse, schema=schema)


def listed(item: ValueType) -> ValueType:
    return ValueType(shape="list", parse=item.parse, schema={"type": "array", "items": item.schema})


def _amount(pair: tuple[float, bool]) -> Amount:
    from aws_run.config.models import Amount

    return Amount(value=pair[0], at_least=pair[1])


def _gpu(value: str) -> Gpu | None:
    from aws_run.config.models import Gpu

    model, count = units.gpu(value)
    return Gpu(model=model, count=count) if count else None


CPU = ValueType(
    parse=lambda value: _amount(units.cpu(value)),
    schema={"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string", "pattern": units.CPU_PATTERN}]},
)
MEMORY = ValueType(
    parse=lambda value: _amount(units.size_mib(value)),
    schema={"type": "string", "pattern": units.SIZE_OR_MORE_PATTERN},
)
DISK = ValueType(parse=units.disk_gib, schema={"type": "string", "pattern": units.SIZE_PATTERN})
GPU = ValueType(
    parse=_gpu,
    schema={"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": units.GPU_PATTERN}]},
)
MONEY = ValueType(
    parse=units.money_usd,
    schema={"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string", "pattern": units.MONEY_PATTERN}]},
)


def _name(value: str) -> str:
    if re.fullmatch(naming.PROJECT_PATTERN, value) is None or len(value) > naming.PROJECT_MAX:
        raise ValueError(
            f'"{value}" is not a project name: lower-case letters, digits and single dashes, '
            f'at most {naming.PROJECT_MAX}; try "{naming.project_name(value)}"'
        )
    return value


NAME = ValueType(
    parse=_name, schema={"type": "string", "pattern": naming.PROJECT_PATTERN, "maxLength": naming.PROJECT_MAX}
)


def _python(value: str) -> str:
    match = re.fullmatch(r"3\.(\d{1,2})(\.\d{1,2})?", value, re.ASCII)
    if match is None:
        raise ValueError(f'"{value}" is not a Python version; write "3.12"')
    if int(match[1]) < 8:
        raise ValueError(f"Python {value} is too old; 3.8 is the oldest that can be had")
    return value


PYTHON = ValueType(
    parse=_python,
    # An editor's YAML parser takes a bare 3.12 for a number; here it is read as written.
    schema={"anyOf": [{"type": "string", "pattern": r"^3\.\d{1,2}(\.\d{1,2})?$"}, {"type": "number"}]},
)


def _command(value: str) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(value))
    except ValueError as error:
        raise ValueError(f"can't be split into words: {str(error).lower()}") from None
    if not words:
        raise ValueError("is empty")
    shell = next((word for word in words if word in _SHELL_WORDS), None)
    if shell is not None:
        raise ValueError(f'"{shell}" needs a shell and none is used; write ["sh", "-c", "…"] for one')
    return words


COMMAND = ValueType(
    shape="argv",
    parse=_command,
    schema={
        "anyOf": [
            {"type": "string", "minLength": 1},
            {"type": "array", "items": {"type": "string"}, "minItems": 1},
        ]
    },
)


def _env_name(name: str) -> str:
    if _ENV_NAME.fullmatch(name) is None:
        raise ValueError(f'"{name}" is not a name for a variable: letters, digits and _')
    if name in contract.ALL:
        raise ValueError(f"{name} is set by aws-run itself")
    return name


def _plain_env_name(name: str) -> str:
    if name in _KEYS:
        raise ValueError(
            f"{name} would be readable in the task definition; the job has a role of its own (iam.task_role), "
            "and secrets: hands in what must stay secret"
        )
    return _env_name(name)


def _env_value(value: str) -> str:
    if "\0" in value:
        raise ValueError("has a NUL character")
    return value


def _secret(value: str) -> str:
    if re.fullmatch(_ARN, value, re.ASCII) is None:
        raise ValueError("must be the ARN of a Secrets Manager secret or an SSM parameter, never the secret itself")
    return value


ENV = ValueType(
    shape="map",
    parse=_env_value,
    parse_key=_plain_env_name,
    from_shell=True,
    schema={
        "type": "object",
        "propertyNames": {"pattern": f"^{_ENV_NAME.pattern}$"},
        "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
    },
)
BUILD_ARGS = ValueType(
    shape="map",
    parse=str,
    parse_key=_env_name,
    schema={
        "type": "object",
        "propertyNames": {"pattern": f"^{_ENV_NAME.pattern}$"},
        "additionalProperties": {"type": ["string", "number", "boolean"]},
    },
)
SECRETS = ValueType(
    shape="map",
    parse=_secret,
    parse_key=_env_name,
    schema={
        "type": "object",
        "propertyNames": {"pattern": f"^{_ENV_NAME.pattern}$"},
        "additionalProperties": {"type": "string", "pattern": _ARN},
    },
)

_TAG_TEXT = re.compile(r"[\w .:/=+\-@]*")


def _tag_key(key: str) -> str:
    if not 0 < len(key) <= 128 or _TAG_TEXT.fullmatch(key) is None:
        raise ValueError(f'"{key}" is not a tag key: 1 to 128 letters, digits, spaces and _.:/=+-@')
    if key.lower().startswith(("aws:", "aws-run:")):
        raise ValueError(f'"{key}" can\'t be set: aws: belongs to AWS and aws-run: to this tool')
    return key


def _tag_value(value: str) -> str:
    if len(value) > 256 or _TAG_TEXT.fullmatch(value) is None:
        raise ValueError(f'"{value[:40]}" is not a tag value: up to 256 letters, digits, spaces and _.:/=+-@')
    return value


TAGS = ValueType(
    shape="map",
    parse=_tag_value,
    parse_key=_tag_key,
    schema={
        "type": "object",
        "maxProperties": 40,
        "propertyNames": {"minLength": 1, "maxLength": 128, "not": {"pattern": "^[aA][wW][sS](-[rR][uU][nN])?:"}},
        "additionalProperties": {"type": ["string", "number", "boolean"]},
    },
)


def _metric_name(name: str) -> str:
    if not 0 < len(name) <= 128 or not name.isprintable():
        raise ValueError("the name of a metric has 1 to 128 printable characters")
    return name


def _tolerance(value: str) -> float:
    if re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,9})?(e-[0-9]{1,2})?", value) is None:
        raise ValueError("must be a number of 0 or more: 0.05 is five per cent")
    return float(value)


TOLERANCES = ValueType(
    shape="map",
    parse=_tolerance,
    parse_key=_metric_name,
    schema={
        "type": "object",
        "propertyNames": {"minLength": 1, "maxLength": 128},
        "additionalProperties": {"type": "number", "minimum": 0, "maximum": 9999},
    },
)
KEEP = listed(choice(*KEEP_KINDS, "all"))
INPUTS = ValueType(shape="inputs", parse=inputs.parse_input, schema=inputs.SCHEMA)


def _log_days(value: str) -> int:
    days = units.whole_number(value, 1, LOG_RETENTION_DAYS[-1])
    if days not in LOG_RETENTION_DAYS:
        near = min(LOG_RETENTION_DAYS, key=lambda allowed: abs(allowed - days))
        raise ValueError(f"{days} is not a period CloudWatch Logs offers; the nearest is {near}")
    return days


LOG_DAYS = ValueType(parse=_log_days, schema={"enum": list(LOG_RETENTION_DAYS)})


def _public_ip(value: str) -> str:
    # Editors turn yes and no into booleans, so these are accepted too.
    word = {"true": "yes", "false": "no"}.get(value.lower(), value)
    return str(choice("auto", "yes", "no").parse(word))


def _switch(value: str) -> bool:
    known = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    if value.lower() not in known:
        raise ValueError(f'"{value}" must be true or false')
    return known[value.lower()]


SWITCH = ValueType(parse=_switch, schema={"type": "boolean"})
PUBLIC_IP = ValueType(parse=_public_ip, schema={"enum": ["auto", "yes", "no", True, False]})
