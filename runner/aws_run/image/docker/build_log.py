"""Docker's build output: what is going on, and, when it fails, which step failed with which words."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator

TAIL_LINES = 20
_KEPT_LINES = 600

# BuildKit: `#12 [dependencies 3/4] RUN …`, `#12 0.412 text`, `#12 DONE 0.1s`, `#12 ERROR: …`
_PLAIN = re.compile(r"^#(?P<number>\d+) (?P<rest>.*)$")
_STAMP = re.compile(r"^\d+\.\d+ ")
_STEP = re.compile(
    r"^\[(?:\S+ +)?\d+/\d+\] (?P<what>.*)$|^\[internal\] (?P<inner>.*)$|^(?P<front_end>resolve image config for .*)$"
)
_CLASSIC_STEP = re.compile(r"^Step \d+/\d+ : (?P<what>.*)$")
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_NOISE = re.compile(
    r"^(?:DONE|CACHED|CANCELED|sha256:|extracting |resolve |transferring |exporting |writing image|naming to|copy /)"
    r"|^ ?-+> |^Removing intermediate|^(?:-+|>>>.*|\.{3,}|\s*)$"
    r"|^ERROR: (?:process|executor failed)|^The command '.*' returned a non-zero code"
    r"|^DEPRECATED: |^ +(?:Install the buildx|https://docs\.docker)"
    r"|^\[notice\] |^WARNING: Running pip as|^(?:Downloading|Downloaded|Resolved|Prepared|Using cached|Using Python) "
)
# What the engine says of itself between the lines of a step's program.
_ENGINES_OWN = re.compile(
    r"^(?:DONE|CACHED|CANCELED|ERROR: |sha256:|extracting |resolve |transferring |exporting |writing image|naming to)"
    r"|^ ?-+> |^Removing intermediate|^(?:-+|>>>.*|\.{3,}|\s*)$"
)
# Instructions that take no time are not worth a word.
_INSTANT = re.compile(r"^(?:ARG|ENV|USER|ENTRYPOINT|CMD|LABEL|EXPOSE|STOPSIGNAL|SHELL) |^load |^CMD$")
# How it is done (--mount=…, --network=…, --chown=…) says nothing of what is done; `--from=…` of COPY does.
_FLAGS = re.compile(r"^(RUN |COPY |ADD )(?:--(?!from=)\S+ +)+")
# What the parts of our recipe do, in words.
_WORDS = (
    ("self-check", "adding the entrypoint"),
    ("/opt/uv\\.txt", "preparing Python"),
    ("apt-get install .* \\$APT", "installing Debian packages"),
    ("command -v git", "getting git"),
    ("uv python install", "getting Python"),
    ("UV_PROJECT_ENVIRONMENT", "installing dependencies"),
    ("uv pip install .* -e \\.;", "installing the project"),
    ("^RUN .*/opt/aws-run/python3", "adding the entrypoint"),
    ("^COPY (?:secrets/|uv\\.txt)", "preparing Python"),
    ("^COPY deps/", "copying dependency files"),
    ("^COPY .*code/", "copying the code"),
    ("^COPY --from=dependencies", "adding dependencies"),
    ("^COPY --from=project", "adding the project"),
    ("^COPY .*micromamba", "getting micromamba"),
    ("^COPY activate", "getting micromamba"),
    ("^WORKDIR", "preparing the folder"),
    ("^ADD entrypoint", "adding the entrypoint"),
    ("^FROM |^load metadata", "getting the base image"),
    ("^resolve image config", "getting the Dockerfile's front end"),
)


class BuildLog:
    """Feed it lines; `on_step` hears what each new step does. Stages run side by side: no common count.

    Lines are kept with the number of their step, so that a failure shows that step's own words and no others'.
    """

    def __init__(self, on_step: Callable[[str], None]) -> None:
        self._on_step = on_step
        self._lines: deque[tuple[int, str]] = deque(maxlen=_KEPT_LINES)
        self._steps: dict[int, str] = {}
        self._failed: int | None = None
        self._classic = 0
        self.current_step = ""  # what goes on, in words
        self.last_line = ""  # of the programs that the steps run

    def feed(self, line: str) -> None:
        line = _COLOURS.sub("", line)
        plain = _PLAIN.match(line)
        if plain is not None:
            self._feed_plain(int(plain["number"]), plain["rest"])
            return
        step = _CLASSIC_STEP.match(line)
        if step is not None:
            self._classic += 1
            self._begin(self._classic, step["what"])
        else:
            # 0: what BuildKit says at the end, over all steps.
            self._keep(self._classic, line)

    @property
    def failed_step(self) -> str:
        """The instruction that failed, as Docker shows it; empty when it failed before any."""
        return self._steps.get(self._failed_number(), "")

    @property
    def text(self) -> str:
        """All that the failed step said; without one, everything."""
        return "\n".join(self._of_failed_step())

    def tail(self) -> tuple[str, ...]:
        """Its last lines, without Docker's own noise. Some are printed twice; once is enough."""
        kept: dict[str, None] = {}
        for line in self._of_failed_step():
            text = line.rstrip()
            if not _NOISE.search(text):
                kept.pop(text, None)
                kept[text.removeprefix("ERROR: ")] = None
        return tuple(kept)[-TAIL_LINES:]

    def _feed_plain(self, number: int, rest: str) -> None:
        step = _STEP.match(rest)
        if step is not None:
            self._begin(number, step["what"] or step["inner"] or step["front_end"])
            return
        if rest.startswith("ERROR: "):
            self._failed = number
        self._keep(number, _STAMP.sub("", rest, count=1))

    def _keep(self, number: int, line: str) -> None:
        self._lines.append((number, line))
        if not _ENGINES_OWN.search(line):
            self.last_line = line.strip()

    def _begin(self, number: int, what: str) -> None:
        # BuildKit repeats a step's line each time it goes on with it.
        if number in self._steps:
            return
        self._steps[number] = what
        if not _INSTANT.match(what):
            self.current_step = in_words(what)
            self._on_step(self.current_step)

    def _failed_number(self) -> int:
        return self._failed if self._failed is not None else self._classic

    def _of_failed_step(self) -> Iterator[str]:
        number = self._failed_number()
        return (line for of, line in self._lines if of == number)


def in_words(what: str) -> str:
    """What an instruction does, for people; one that is not ours stays as it is, but for its flags, shortened."""
    for pattern, words in _WORDS:
        if re.search(pattern, what):
            return words
    bare = _FLAGS.sub(r"\1", what)
    return bare if len(bare) <= 60 else f"{bare[:57]}..."
