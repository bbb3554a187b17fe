"""The entrypoint on every Python that this machine has: the running one, pyenv's, and those of the usual places."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from tests.independence import story
from tests.unit.transfer.stub import StubS3

from aws_run.image.recipe.entrypoint_layer import ENTRYPOINT
from aws_run_entrypoint import contract

_VERSION = "import sys; sys.stdout.write('%d.%d' % sys.version_info[:2])"


def candidates() -> Iterator[Path]:
    yield Path(sys.executable)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(pyenv.glob("versions/3.*/bin/python3"))
    for folder in ("/usr/bin", "/usr/local/bin"):
        yield from (path for path in sorted(Path(folder).glob("python3.*")) if re.search(r"/python3\.\d+$", str(path)))


def versions() -> dict[Path, tuple[int, int]]:
    """Each program once, with its version."""
    found: dict[Path, tuple[int, int]] = {}
    for path in {candidate.resolve(): None for candidate in candidates()}:
        done = subprocess.run([path, "-I", "-S", "-c", _VERSION], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            major, minor = done.stdout.split(".")
            found[path] = (int(major), int(minor))
    return found


VERSIONS = versions()
GOOD = [pytest.param(path, id=f"{v[0]}.{v[1]}-{path}") for path, v in VERSIONS.items() if v >= (3, 9)]
OLD = [pytest.param(path, id=f"{v[0]}.{v[1]}-{path}") for path, v in VERSIONS.items() if v < (3, 9)]


class Place:
    """An installation of `python` that is hostile, and a hostile folder to start it in. No more than a container has."""

    def __init__(self, python: Path, pyz: Path, tmp_path: Path) -> None:
        self.pyz, self.work, self.cwd = pyz, tmp_path / "work", tmp_path / "cwd"
        self.work.mkdir()
        self.python = tmp_path / "image/bin/python3"
        self.python.parent.mkdir(parents=True)
        self.python.symlink_to(python)
        (tmp_path / "image/pyvenv.cfg").write_text(f"home = {python.parent}\ninclude-system-site-packages = false\n")
        major, minor = VERSIONS[python]
        story.write_hostile_site(tmp_path / f"image/lib/python{major}.{minor}/site-packages")
        story.write_shadows(self.cwd)

    def popen(self, env: Mapping[str, str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.python, *ENTRYPOINT[1:-1], self.pyz],
            env={contract.WORK_DIR: str(self.work), **env},
            cwd=self.cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def start(self, env: Mapping[str, str]) -> story.Ended:
        process = self.popen(env)
        out, err = process.communicate(timeout=60)
        return story.Ended(code=process.returncode, stdout=out, stderr=err)


@pytest.mark.parametrize("python", GOOD)
def test_the_main_job_runs_whatever_is_installed_and_set(python: Path, pyz: Path, stub: StubS3, tmp_path: Path) -> None:
    place = Place(python, pyz, tmp_path)
    before = sorted(tmp_path.rglob("*"))
    story.tell(stub, place.start, str(python), tmp_path, story.HOSTILE_ENV)
    after = [path for path in sorted(tmp_path.rglob("*")) if place.work not in path.parents]
    assert [path for path in after if path not in before and "source" not in path.parts] == []


@pytest.mark.parametrize("python", GOOD)
def test_a_bare_environment_reaches_the_job_bare(python: Path, pyz: Path, stub: StubS3, tmp_path: Path) -> None:
    """Without any locale Python sets one for itself; the job shall not see it."""
    story.tell(stub, Place(python, pyz, tmp_path).start, str(python), tmp_path, {})


@pytest.mark.parametrize("python", GOOD)
def test_a_stop_reaches_the_job_and_its_checkpoint_is_kept(
    python: Path, pyz: Path, stub: StubS3, tmp_path: Path
) -> None:
    place = Place(python, pyz, tmp_path)
    checkpoint = {contract.CHECKPOINT_PATH: str(tmp_path / "checkpoint"), contract.CHECKPOINT_EVERY_S: "300"}
    process = place.popen(story.settings(stub, [str(python), "-I", "-c", story.STOPPABLE], **checkpoint))
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    story.check_stopped(stub, process.returncode)


@pytest.mark.parametrize("python", OLD)
def test_a_python_that_is_too_old_says_so_and_nothing_else(python: Path, pyz: Path, tmp_path: Path) -> None:
    ended = Place(python, pyz, tmp_path).start({})
    version = ".".join(map(str, VERSIONS[python]))
    assert ended == story.Ended(
        code=125, stdout="", stderr=f"aws-run: this image's python3 is {version}; 3.9 or newer is needed\n"
    )


@pytest.fixture(scope="session")
def latin_locale(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A locale in which file names would be Latin-1, made here: hardly an image has one, but some have."""
    folder = tmp_path_factory.mktemp("locales")
    command = ["localedef", "-i", "en_US", "-f", "ISO-8859-1", str(folder / "en_US.ISO-8859-1")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0 and os.environ.get("CI") != "true":
        pytest.skip("this machine's C library has no sources of locales (Debian: apt-get install locales)")
    assert done.returncode == 0, done.stderr
    return {"LOCPATH": str(folder), "LC_ALL": "en_US.ISO-8859-1"}


def test_names_of_files_are_utf_8_in_any_locale(
    pyz: Path, stub: StubS3, tmp_path: Path, latin_locale: dict[str, str]
) -> None:
    python = Path(sys.executable).resolve()
    asked = [python, "-I", "-c", "import sys; print(sys.getfilesystemencoding())"]
    encoding = subprocess.run(asked, env=latin_locale, capture_output=True, text=True, check=True).stdout
    assert encoding == "iso8859-1\n"  # so that the test can tell
    story.tell(stub, Place(python, pyz, tmp_path).start, str(python), tmp_path, latin_locale)
