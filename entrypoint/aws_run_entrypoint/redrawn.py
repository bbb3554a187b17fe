"""Turns a job's output, as it would move on a terminal, into lines. Pure: bytes in, bytes out, time handed in.

Output that redraws nothing passes through line by line. A line that the job redraws (carriage return, backspace, cursor
up: tqdm, Keras, pip, rich) is held back; its states go out as marked lines at most once a second, and its last state
goes out as a line of the job's own once the job has gone on to the next.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .log_marks import state_line

STATES_EVERY_S = 1.0
_MOST_ROWS = 40
_COMES_BACK_WITHIN_S = 3 * STATES_EVERY_S
# As much as a log driver of Docker's takes into one event; a longer line goes out in parts there as well.
_MOST_HELD_BYTES = 16 * 1024
# Carriage return, backspace; up, down, next and previous line, and wiping a line. Other sequences are part of the text.
_REDRAWS = re.compile(rb"[\r\x08]|\x1b\[\d*[ABEFK]")
_CONTROL = re.compile(rb"\r|\n|\x08+|\x1b\[(\d*)([ABEFK])")
_CUT_ESCAPE = re.compile(rb"\x1b(?:\[[0-?]{0,20}[ -/]{0,5})?\Z")


@dataclass
class _Row:
    """One line of the screen. `returned`: the cursor is at its beginning, so what comes next replaces the text."""

    text: bytearray = field(default_factory=bytearray)
    returned: bool = False
    redrawn: bool = False
    shown: bytes = b""  # the state that went out last
    left_at: float = 0.0  # when the cursor went on to the next line
    visited_at: float = -1e9  # when it last came back up

    def final(self) -> bytes:
        """The line as the job leaves it. One that was wiped (tqdm's leave=False) is none."""
        if not self.redrawn:
            return bytes(self.text) + b"\n"
        text = _visible(self.text)
        return text + b"\n" if text else b""


class RedrawnLines:
    """One stream of a job. `feed`, `tick` (once a second) and `end` give back what is to be written now."""

    def __init__(self) -> None:
        self._rows = [_Row()]
        self._at = 0
        self._cut = b""

    def feed(self, data: bytes, now: float) -> bytes:
        data = self._cut + data
        cut = _CUT_ESCAPE.search(data[-32:])
        self._cut = cut[0] if cut is not None else b""
        data = data[: len(data) - len(self._cut)]
        if self._is_plain(data):
            return self._plain(data)
        out = bytearray()
        position = 0
        for control in _CONTROL.finditer(data):
            self._write(data[position : control.start()], out)
            position = control.end()
            self._move(control, now, out)
        self._write(data[position:], out)
        return bytes(out)

    def tick(self, now: float) -> bytes:
        """Called about every `STATES_EVERY_S`: what the job has left for good, and new states of what it still
        redraws."""
        out = bytearray()
        self._commit(now, out)
        for number, row in enumerate(self._rows):
            text = _visible(row.text)
            if row.redrawn and text and text != row.shown:
                row.shown = text
                out += state_line(number, text)
        return bytes(out)

    @property
    def moving(self) -> bool:
        """Something is held that the job redraws or has redrawn."""
        return any(row.redrawn for row in self._rows)

    def elsewhere(self, now: float) -> bytes:
        """The job goes on with another stream: a line of this one that it has left comes before what it says there. One
        that it comes back to again and again stays held."""
        out = bytearray()
        while self._at > 0 and now - self._rows[0].visited_at >= _COMES_BACK_WITHIN_S:
            self._drop_first(out)
        return bytes(out)

    def end(self) -> bytes:
        """All that is still held, as the job left it: a last line without its end has none here either."""
        self._write(self._cut, bytearray())
        self._cut = b""
        out = bytearray()
        last = len(self._rows) - 1
        for number, row in enumerate(self._rows):
            out += row.final() if row.redrawn or number < last else row.text
        self._rows, self._at = [_Row()], 0
        return bytes(out)

    # Output that redraws nothing

    def _is_plain(self, data: bytes) -> bool:
        only = self._rows[0]
        still = len(self._rows) == 1 and not only.redrawn and not only.returned
        return still and _REDRAWS.search(data) is None

    def _plain(self, data: bytes) -> bytes:
        row = self._rows[0]
        end = data.rfind(b"\n") + 1
        out = b""
        if end:
            out = bytes(row.text) + data[:end]
            row.text = bytearray()
        row.text += data[end:]
        if len(row.text) > _MOST_HELD_BYTES:
            out, row.text = out + bytes(row.text), bytearray()
        return out

    # Output that does

    def _write(self, text: bytes, out: bytearray) -> None:
        if not text:
            return
        row = self._rows[self._at]
        if row.returned:
            row.text, row.returned, row.redrawn = bytearray(), False, True
        row.text += text
        if len(row.text) > _MOST_HELD_BYTES and row.redrawn:
            del row.text[:-_MOST_HELD_BYTES]
        elif len(row.text) > _MOST_HELD_BYTES and len(self._rows) == 1:
            out += row.text
            row.text = bytearray()

    def _move(self, control: "re.Match[bytes]", now: float, out: bytearray) -> None:
        row, kind = self._rows[self._at], control[0]
        if kind == b"\n":
            self._line_end(now, out)
        elif kind == b"\r":
            row.returned = True
        elif kind.startswith(b"\x08"):
            del row.text[max(0, len(row.text) - len(kind)) :]
            row.redrawn = True
        else:
            self._escape(control[1], control[2], now, out)

    def _escape(self, parameters: bytes, final: bytes, now: float, out: bytearray) -> None:
        row = self._rows[self._at]
        count = int(parameters) if parameters.isdigit() and len(parameters) < 4 else 1
        if final in b"AF":
            self._at = max(0, self._at - count)
            self._rows[self._at].visited_at = now
            self._rows[self._at].redrawn = True
        elif final in b"BE":
            for _ in range(min(count, _MOST_ROWS)):
                self._line_end(now, out)
        elif parameters in (b"1", b"2"):  # K; without one of these it wipes what the cursor has not come to
            row.text = bytearray()
        if final in b"EF":
            self._rows[self._at].returned = True

    def _line_end(self, now: float, out: bytearray) -> None:
        row = self._rows[self._at]
        row.left_at, row.returned = now, False
        if self._at + 1 < len(self._rows):
            self._at += 1
            return
        if not row.redrawn:  # a line as any other: it, and what was held above it, is final
            for above in self._rows:
                out += above.final()
            self._rows, self._at = [_Row()], 0
            return
        self._rows.append(_Row())
        self._at += 1
        if len(self._rows) > _MOST_ROWS:
            self._drop_first(out)

    def _commit(self, now: float, out: bytearray) -> None:
        """Lines above the cursor that the job has not come back to are final."""
        while self._at > 0:
            first = self._rows[0]
            recent = now - max(first.left_at, first.visited_at) < STATES_EVERY_S / 2
            if recent or now - first.visited_at < _COMES_BACK_WITHIN_S:
                return
            self._drop_first(out)

    def _drop_first(self, out: bytearray) -> None:
        out += self._rows.pop(0).final()
        self._at = max(0, self._at - 1)


def _visible(text: bytearray) -> bytes:
    return bytes(text).rstrip()
