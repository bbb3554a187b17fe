"""requirements.txt as pip takes it, written anew as uv takes it.

pip reads UTF-16 with a byte order mark, Windows' line ends, paths without `./` and a `--find-links` folder beside the
file. Lines that only mean something on the machine that wrote them are refused by name, all of them at once.
"""

from __future__ import annotations

import codecs
import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from aws_run.errors import Place, SourceError
from aws_run.frozen import frozen
from aws_run.project.conda_names import advice_for_pip, advice_on_conda
from aws_run.project.folder import Folder
from aws_run.project.other_systems import advice_on_system
from aws_run.project.private_names import is_private

_MOST_FILES = 100
_MOST_SHOWN = 6
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_INCLUDE = re.compile(r"^(?P<option>-r|-c|--requirement|--constraint)[\s=]*(?P<path>\S+)")
_EDITABLE = re.compile(r"^(?P<option>-e|--editable)[\s=]*(?P<what>.+)$")
_FIND_LINKS = re.compile(r"^(?:-f|--find-links)[\s=]*(?P<where>\S+)$")
_TRUSTED = re.compile(r"^--trusted-host[\s=]+(?P<host>[\w.-]+(?::\d+)?)$")
_NO_MEANING = re.compile(r"^--(?:prefer-binary$|use-feature\b)")
_NAMED_FILE = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)\s*(?:\[[^]]*\])?\s*@\s*file:(?://)?(?P<path>[^\s;]+)")
_CONDA_EXPORT = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)=(?P<version>[^=\s]+)(?:=(?P<build>[^=\s]+))?$")
# What `pip list` and `conda list` print: names and versions in columns.
_TABLE_HEAD = re.compile(r"(?:Package|# Name) Version\b.*|-{3,}(?: -{3,})*")
_TABLE_ROW = re.compile(r"(?P<name>[A-Za-z0-9_][A-Za-z0-9._-]*) (?P<version>\d[\w.+!-]*)(?: [^=<>~!;@\s]+){0,2}")
_ARCHIVES = (".whl", ".tar.gz", ".tar.bz2", ".zip", ".tgz")
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")  # the only form that pip replaces
_VCS = re.compile(r"(?:^|\s|@)git\+|^git\+")


@frozen
class Requirements:
    """`texts`: each file that is read, as it is handed to the installer. `local`: something of the project's own folder
    is installed. `find_links`: folders of the project. `git`: something comes from a git repository. `options`: what
    the installer takes on its command line alone."""

    texts: dict[str, str]
    packages: int
    local: bool = False
    git: bool = False
    find_links: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


@dataclass(kw_only=True)
class _State:
    texts: dict[str, str] = field(default_factory=dict)
    packages: int = 0
    local: bool = False
    git: bool = False
    find_links: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)  # lines of another machine
    place: Place | None = None  # of the first of them


def decode(content: bytes) -> str:
    """As pip does: by the mark, else UTF-8, else what Windows writes. UTF-16 is known without its mark as well: half of
    its bytes are zero, and no list of packages holds one."""
    for mark, name in _MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(name, errors="replace")
    if b"\0" in content[:2]:
        return content.decode("utf-16-be" if content[:1] == b"\0" else "utf-16-le", errors="replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def read_requirements(folder: Folder, path: str) -> Requirements:
    """`path` and all that it includes. SourceError for lines that can't work anywhere but on another machine."""
    state = _State()
    _read(folder, path, state)
    return _finished(path, state)


def _finished(path: str, state: _State) -> Requirements:
    if state.elsewhere:
        shown = "; ".join(state.elsewhere[:_MOST_SHOWN])
        more = f"; and {len(state.elsewhere) - _MOST_SHOWN} more" if len(state.elsewhere) > _MOST_SHOWN else ""
        raise SourceError(
            f"{path} holds what means something only on the machine that wrote it: {shown}{more}",
            hint="correct each of these lines for the system of the image, most often to name==version; under conda "
            "`pip list --format=freeze` writes them so",
            place=state.place,
        )
    return Requirements(
        texts=state.texts,
        packages=state.packages,
        local=state.local,
        git=state.git,
        find_links=tuple(dict.fromkeys(state.find_links)),
        options=tuple(dict.fromkeys(state.options)),
    )


def read_requirement_lines(folder: Folder, path: str, lines: Iterable[str], *, written_to: str) -> Requirements:
    """Lines that stand inside of the file `path` (the pip section of an environment.yml), as the file `written_to`."""
    state = _State()
    _read_text(folder, path, "".join(f"{line}\n" for line in lines), state, written_to=written_to)
    return _finished(path, state)


def variables_of(texts: Iterable[str]) -> tuple[str, ...]:
    """The variables of the environment that the installer puts into lines."""
    return tuple(sorted({name for text in texts for name in _VARIABLE.findall(text)}))


def _read(folder: Folder, path: str, state: _State) -> None:
    if len(state.texts) >= _MOST_FILES:
        raise SourceError(f"requirements.txt includes more than {_MOST_FILES} files", hint="put them into one")
    _read_text(folder, path, decode(folder.read(path)), state, written_to=path)


def _read_text(folder: Folder, path: str, text: str, state: _State, *, written_to: str) -> None:
    state.texts[written_to] = ""  # a file that includes itself is read once
    lines = []
    for number, line in _logical_lines(text):
        try:
            kept = _line(folder, path, number, line, state)
        except SourceError as error:
            error.place = error.place or Place(path=folder.root / path, line=number if written_to == path else None)
            raise
        if state.elsewhere and state.place is None:
            state.place = Place(path=folder.root / path, line=number if written_to == path else None)
        if kept:
            lines.append(kept)
    state.texts[written_to] = "".join(f"{line}\n" for line in lines)


def _line(folder: Folder, path: str, number: int, line: str, state: _State) -> str:
    """The line as uv takes it; empty where it is handed over in another way."""
    include = _INCLUDE.match(line)
    if include is not None:
        if "://" not in include["path"]:
            _include(folder, path, include["path"].strip("\"'"), state)
        return line
    links = _FIND_LINKS.match(line)
    if links is not None and "://" not in links["where"]:
        state.find_links.append(_find_links(folder, path, links["where"].strip("\"'")))
        state.local = True
        return ""
    if _TABLE_HEAD.fullmatch(line):
        state.elsewhere.append(f"line {number}: {line} (the head of a table)")
        return ""
    option = _option(line)
    if option is not None:
        state.options += [option] if option else []
        return ""
    if line.startswith("-") and _EDITABLE.match(line) is None:
        return line
    state.packages += 1
    state.git = state.git or _VCS.search(line) is not None
    return _requirement(folder, path, number, line, state)


def _option(line: str) -> str | None:
    """uv's own way to say an option of pip's that it takes on its command line alone; empty: it does so anyway. None:
    another option, or none."""
    if line == "--pre":
        return "--prerelease=allow"
    trusted = _TRUSTED.match(line)
    if trusted is not None:
        return f"--allow-insecure-host={trusted['host']}"
    return "" if _NO_MEANING.match(line) else None


def _requirement(folder: Folder, path: str, number: int, line: str, state: _State) -> str:
    editable = _EDITABLE.match(line)
    what = (editable["what"] if editable else line).strip().strip("\"'")
    named = _NAMED_FILE.match(what)
    if named is not None:
        if _is_of_another_machine(folder, named["path"]):
            state.elsewhere.append(f"line {number}: {line}")
        state.local = True
        return line
    if what.startswith("file:"):
        if _is_of_another_machine(folder, re.sub(r"^file:(?://)?", "", what)):
            state.elsewhere.append(f"line {number}: {line}")
        state.local = True
        return line
    if "://" in what or what.startswith("git+"):
        return line
    conda = _CONDA_EXPORT.match(what)
    if conda is not None:
        state.elsewhere.append(f"line {number}: {line} ({advice_on_conda(conda['name'], conda['version'])})")
        return line
    advice = advice_for_pip(what) or advice_on_system(what)
    if advice and editable is None:
        state.elsewhere.append(f"line {number}: {line} ({advice})")
        return line
    row = _TABLE_ROW.fullmatch(what)
    if row is not None and editable is None:
        state.elsewhere.append(f"line {number}: {line} (a row of a table; {row['name']}=={row['version']} is meant)")
        return line
    place = re.split(r"\s*;|\s+--|\s+#|\[", what, maxsplit=1)[0].strip()
    if re.match(r"^(?:[A-Za-z]:[\\/]|\\\\|~)", place) or (place.startswith("/") and not _inside(folder, place)):
        state.elsewhere.append(f"line {number}: {line}")
        return line
    inside = _is_path(folder, place)
    if editable is None and not inside:
        return line
    state.local = True
    if place.startswith((".", "/")) or editable is not None:
        return line
    return line.replace(what, f"./{what}", 1)  # uv takes a bare `libs/x` for a name


def _is_path(folder: Folder, place: str) -> bool:
    if place.startswith((".", "/")) or place.endswith(_ARCHIVES):
        return True
    return "/" in place and ".." not in place.split("/") and (folder.root / place).is_dir()


def _is_of_another_machine(folder: Folder, place: str) -> bool:
    return re.match(r"^(?:/|[A-Za-z]:)", place) is not None and not _inside(folder, place)


def _inside(folder: Folder, place: str) -> bool:
    return posixpath.normpath(place).startswith(f"{folder.root.as_posix()}/")


def _find_links(folder: Folder, path: str, where: str) -> str:
    # pip takes it relative to the file, else to where it was started.
    for base in (posixpath.dirname(path), ""):
        place = posixpath.normpath(posixpath.join(base, where))
        if not place.startswith(("../", "/")) and (folder.root / place).is_dir():
            if not any(name.startswith(f"{place}/") for name in folder.paths) and place != ".":
                raise SourceError(
                    f"{path} looks for packages in {where}, which git or an ignore file leaves out of the image",
                    hint="check .gitignore, .dockerignore, .awsrunignore and `exclude` in aws-run.yaml",
                )
            return place
    raise SourceError(
        f"{path} looks for packages in {where}, which is not in {folder.root}",
        hint="put that folder into the project, or remove the line",
    )


def _include(folder: Folder, path: str, named: str, state: _State) -> None:
    included = posixpath.normpath(posixpath.join(posixpath.dirname(path), named))
    if any(is_private(part) for part in included.split("/")):
        raise SourceError(f"{path} includes {named}, which never goes into an image", hint="correct that line")
    if included.startswith(("../", "/")) or not folder.has(included):
        raise SourceError(f"{path} includes {named}, which is not in {folder.root}", hint="correct that line")
    if included not in state.texts:
        _read(folder, included, state)


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """(number of its first line, text) without comments; lines that end in a backslash are joined."""
    joined, begun = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        begun = begun or number
        if line.endswith("\\"):
            joined += line[:-1] + " "
            continue
        # Blanks are made one: the patterns here try each of them.
        bare = re.sub(r"(^| )#.*$", "", " ".join((joined + line).split())).strip()
        if bare:
            yield begun, bare
        joined, begun = "", 0
    bare = " ".join(joined.split())
    if bare:
        yield begun, bare
