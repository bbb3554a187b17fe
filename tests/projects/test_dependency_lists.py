"""What people list their dependencies in: each list is installed, and the plan tells which one."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from aws_run.config import Build
from aws_run.errors import ConfigError, SourceError
from aws_run.image.recipe.recipe import StandardRecipe

from .support import HEAD, VERSION_OF_SIX, plan_project, run_project, write

SIX_HASHES = (
    '{file = "six-1.15.0-py2.py3-none-any.whl", '
    'hash = "sha256:8b74bedcbbbaca38ff6d7491d76f2b06b3592611af620f8426e82dddb04a5ced"}'
)
POETRY = (
    '[tool.poetry]\nname = "job"\nversion = "1"\npackage-mode = false\n\n[tool.poetry.dependencies]\npython = "^3.9"\n'
)
LISTS: dict[str, tuple[dict[str, str | bytes], str, str]] = {
    "requirements in UTF-16": (
        {"requirements.txt": b"\xff\xfe" + "six==1.16.0\r\n".encode("utf-16-le")},
        "1.16.0",
        "requirements.txt, 1 package",
    ),
    "requirements in UTF-16 without its mark": (
        {"requirements.txt": "six==1.16.0\r\n".encode("utf-16-be")},
        "1.16.0",
        "requirements.txt, 1 package",
    ),
    "requirements with a mark and CRLF": ({"requirements.txt": b"\xef\xbb\xbfsix==1.16.0\r\n"}, "1.16.0", "1 package"),
    "requirements in a folder": (
        {"requirements/base.txt": "six==1.16.0\n", "requirements/dev.txt": "-r base.txt\npytest\n"},
        "1.16.0",
        "requirements/base.txt",
    ),
    "requirements.in with a constraint": (
        {"requirements.in": "-c pins.txt\nsix\n", "pins.txt": "six==1.16.0\n"},
        "1.16.0",
        "requirements.in",
    ),
    "environment.yml": (
        {"environment.yml": "name: job\ndependencies:\n  - python>=3.9\n  - pip:\n      - six==1.16.0\n"},
        "1.16.0",
        "environment.yml (conda, installed from the package index), 1 package",
    ),
    "environment.yml with conda's own versions": (
        {"environment.yml": "dependencies:\n  - conda-forge::six=1.16.0=pyh6c4a22f_0\n  - pip\n"},
        "1.16.0",
        "environment.yml",
    ),
    "Pipfile": ({"Pipfile": '[packages]\nsix = "==1.16.0"\n'}, "1.16.0", "Pipfile, 1 package"),
    "Pipfile.lock": (
        {
            "Pipfile": '[packages]\nsix = "*"\n',
            "Pipfile.lock": json.dumps({"default": {"six": {"version": "==1.15.0"}}, "develop": {}}),
        },
        "1.15.0",
        "Pipfile.lock, 1 package",
    ),
    "poetry without a lock": ({"pyproject.toml": POETRY + 'six = "1.16.0"\n'}, "1.16.0", "poetry, no lock"),
    "poetry's own section behind dynamic dependencies": (
        {
            "pyproject.toml": '[project]\nname = "job"\nversion = "1"\ndynamic = ["dependencies"]\n'
            + POETRY.replace('name = "job"\nversion = "1"\n', "")
            + 'six = "1.16.0"\n'
        },
        "1.16.0",
        "poetry, no lock",
    ),
    "setup.cfg alone": (
        {"setup.cfg": "[metadata]\nname = job\nversion = attr: job.V\n[options]\ninstall_requires =\n  six==1.16.0\n"},
        "1.16.0",
        "setup.cfg, 1 package",
    ),
    "setup.cfg that names a file": (
        {"setup.cfg": "[options]\ninstall_requires = file: needs.txt\n", "needs.txt": "six==1.16.0\n"},
        "1.16.0",
        "setup.cfg, 1 package",
    ),
    "pylock.toml with groups and extras": (
        {
            "pylock.toml": 'default-groups = ["default"]\n'
            '[[packages]]\nname = "six"\nversion = "1.16.0"\nmarker = "\'default\' in dependency_groups"\n'
            '[[packages]]\nname = "pytest"\nversion = "8"\nmarker = "\'dev\' in dependency_groups"\n'
            '[[packages]]\nname = "torch"\nversion = "2"\nmarker = "\'gpu\' in extras"\n'
        },
        "1.16.0",
        "pylock.toml, 1 package",
    ),
    "poetry.lock of poetry 2": (
        {
            "pyproject.toml": '[project]\nname = "job"\nversion = "1"\ndependencies = ["six (>=1.15,<2.0)"]\n'
            "[tool.poetry]\npackage-mode = false\n",
            "poetry.lock": '[[package]]\nname = "six"\nversion = "1.15.0"\noptional = false\ngroups = ["main"]\n'
            f"files = [{SIX_HASHES}]\n",
        },
        "1.15.0",
        "poetry.lock, 1 package",
    ),
    "poetry.lock of poetry 1": (
        {
            "pyproject.toml": POETRY + 'six = "^1.10"\n',
            "poetry.lock": '[[package]]\nname = "six"\nversion = "1.15.0"\noptional = false\n'
            '[[package]]\nname = "pytest"\nversion = "8.0.0"\noptional = false\n',
        },
        "1.15.0",
        "poetry.lock, 1 package",
    ),
    "pdm.lock": (
        {
            "pyproject.toml": '[project]\nname = "job"\nversion = "1"\ndependencies = ["six"]\n',
            "pdm.lock": '[[package]]\nname = "six"\nversion = "1.15.0"\ngroups = ["default"]\n'
            '[[package]]\nname = "pytest"\nversion = "8.0.0"\ngroups = ["dev"]\n',
        },
        "1.15.0",
        "pdm.lock, 1 package",
    ),
    "pdm.lock of an old pdm": (
        {
            "pyproject.toml": '[project]\nname = "job"\nversion = "1"\ndependencies = ["six"]\n'
            '[tool.pdm.dev-dependencies]\ntest = ["pytest"]\n',
            "pdm.lock": '[[package]]\nname = "six"\nversion = "1.15.0"\n'
            '[[package]]\nname = "pytest"\nversion = "8.0.0"\n[metadata]\nlock_version = "4.0"\n',
        },
        "1.15.0",
        "pdm.lock, 1 package",
    ),
    "only a group called main": (
        {"pyproject.toml": '[project]\nname = "job"\nversion = "1"\n[dependency-groups]\nmain = ["six==1.16.0"]\n'},
        "1.16.0",
        "pyproject.toml, 1 package",
    ),
    "poetry's main group": (
        {
            "pyproject.toml": "[tool.poetry]\npackage-mode = false\n"
            '[tool.poetry.group.main.dependencies]\nsix = "1.16.0"\n',
        },
        "1.16.0",
        "pyproject.toml (poetry, no lock), 1 package",
    ),
    "pylock.toml": (
        {"pylock.toml": 'lock-version = "1.0"\n[[packages]]\nname = "six"\nversion = "1.15.0"\n'},
        "1.15.0",
        "pylock.toml, 1 package",
    ),
    "setup.py alone": (
        {
            "setup.py": "from setuptools import setup\n"
            'setup(name="job", version="1", py_modules=[], install_requires=["six==1.16.0"])\n'
        },
        "1.16.0",
        "setup.py",
    ),
}


@pytest.mark.parametrize("name", LISTS)
def test_what_a_list_names_is_installed_and_told(tmp_path: Path, name: str) -> None:
    files, version, told = LISTS[name]
    ran = run_project(write(tmp_path, {"main.py": VERSION_OF_SIX, **files}))
    assert ran.answer == version
    assert any(note.startswith("dependencies: ") and told in note for note in ran.notes), ran.notes


def test_a_script_may_carry_its_own_list(tmp_path: Path) -> None:
    block = '# /// script\n# dependencies = ["six==1.16.0"]\n# ///\n'
    ran = run_project(write(tmp_path, {"main.py": block + VERSION_OF_SIX}))
    assert ran.answer == "1.16.0"
    assert "dependencies: main.py (script metadata), 1 package" in ran.notes


def test_extras_are_told_and_installed_when_they_are_named(tmp_path: Path) -> None:
    manifest = '[project]\nname = "job"\nversion = "1"\ndependencies = ["packaging"]\n'
    manifest += '[project.optional-dependencies]\ntrain = ["six==1.16.0"]\n'
    root = write(tmp_path, {"main.py": VERSION_OF_SIX, "pyproject.toml": manifest})
    assert any("the extra train is not installed" in note for note in plan_project(root).notes)
    assert run_project(root, build_options=Build(extras=("train",))).answer == "1.16.0"


def test_of_two_lists_the_plan_says_which_and_build_dependencies_decides(tmp_path: Path) -> None:
    files = {"requirements.txt": "six==1.16.0\n", "environment.yml": "dependencies:\n  - six=1.15.0\n"}
    root = write(tmp_path, {"main.py": VERSION_OF_SIX, **files})
    ran = run_project(root)
    assert ran.answer == "1.16.0"
    assert any("environment.yml is not" in note for note in ran.notes)
    assert run_project(root, build_options=Build(dependencies="environment.yml")).answer == "1.15.0"


def _wheel(path: Path) -> None:
    info = "tinyjob-1.0.dist-info"
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tinyjob.py", "ANSWER = 42\n")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tinyjob\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", f"tinyjob.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")


@pytest.mark.parametrize(
    "text", ["--find-links ./wheels\ntinyjob==1.0\n", "wheels/tinyjob-1.0-py3-none-any.whl\n", "-f wheels\ntinyjob\n"]
)
def test_wheels_of_the_project_are_installed_with_and_without_a_dot(tmp_path: Path, text: str) -> None:
    _wheel(tmp_path / "wheels" / "tinyjob-1.0-py3-none-any.whl")
    script = HEAD + 'import tinyjob\n(args.o / "answer.txt").write_text(str(tinyjob.ANSWER))\n'
    root = write(tmp_path, {"main.py": script, "requirements.txt": text})
    assert run_project(root).answer == "42"


@pytest.mark.parametrize("line", ["libs/tinyjob", "./libs/tinyjob", "-e libs/tinyjob"])
def test_a_folder_of_the_project_is_installed_with_and_without_a_dot(tmp_path: Path, line: str) -> None:
    package = {
        "libs/tinyjob/setup.py": 'from setuptools import setup\nsetup(name="tinyjob", py_modules=["tinyjob"])\n',
        "libs/tinyjob/tinyjob.py": "ANSWER = 42\n",
    }
    script = HEAD + 'import tinyjob\n(args.o / "answer.txt").write_text(str(tinyjob.ANSWER))\n'
    assert run_project(write(tmp_path, {"main.py": script, "requirements.txt": line, **package})).answer == "42"


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"requirements.txt": "six @ file:///croot/six_1/work\nnumpy=1.2=py39_0\n"}, ("line 1: six", "line 2: numpy")),
        ({"requirements.txt": "C:\\wheels\\x.whl\n"}, ("line 1",)),
        (
            {"requirements.txt": "six\npywin32==306\npkg-resources==0.0.0\npyobjc-core==10\npython-apt==2.4.0\n"},
            (
                'line 2: pywin32==306 (only Windows has it; remove it, or write `; sys_platform == "win32"` behind it)',
                "line 3: pkg-resources==0.0.0 (a part of Debian",
                "line 4: pyobjc-core==10 (only macOS",
                "line 5: python-apt==2.4.0 (a part of Debian",
            ),
        ),
        (
            {"requirements.txt": "six\npython==3.10\nconda==23.1.0\npython=3.10.9=h7a_0\nr-base=4.2=h1_0\n"},
            (
                'line 2: python==3.10 (Python itself is in no package index; remove the line, and write `build: {python: "3.10"}`',
                "line 3: conda==23.1.0 (it comes with",
                "line 4: python=3.10.9=h7a_0 (Python itself",
                "line 5: r-base=4.2=h1_0 (only conda has r-base",
            ),
        ),
        (
            {
                "pyproject.toml": '[project]\nname = "j"\nversion = "1"\ndependencies = ["six>=1.16"]\n',
                "poetry.lock": '[[package]]\nname = "six"\nversion = "1.15.0"\ngroups = ["main"]\n',
            },
            ("poetry.lock does not fit", "six 1.15.0"),
        ),
        (
            {
                "pyproject.toml": '[project]\nname = "j"\nversion = "1"\ndependencies = ["six"]\n',
                "pdm.lock": "",
            },
            ("pdm.lock does not fit", "lacks six"),
        ),
        (
            {
                "pyproject.toml": '[project]\nname = "j"\nversion = "1"\ndependencies = ["six>=1.16"]\n',
                "uv.lock": 'version = 1\n[[package]]\nname = "j"\nversion = "1"\nsource = { virtual = "." }\n'
                '[package.metadata]\nrequires-dist = [{ name = "six", specifier = ">=1.15" }]\n',
            },
            ("uv.lock does not fit", "six>=1.15"),
        ),
        (
            {"pyproject.toml": '[project]\nname = "j"\nversion = "1"\nrequires-python = "<3.8"\n'},
            ("Python <3.8",),
        ),
    ],
)
def test_what_can_not_be_installed_is_refused_before_anything_is_made(
    tmp_path: Path, files: dict[str, str], told: tuple[str, ...]
) -> None:
    root = write(tmp_path, {"main.py": VERSION_OF_SIX, **files})
    with pytest.raises(SourceError) as caught:
        plan_project(root)
    assert caught.value.hint
    for words in told:
        assert words in caught.value.message


@pytest.mark.parametrize("name", ["pyproject.toml", "uv.lock", "setup.py"])
def test_a_list_that_describes_a_folder_of_its_own_is_no_list_of_the_whole_project(tmp_path: Path, name: str) -> None:
    root = write(tmp_path, {"main.py": VERSION_OF_SIX, f"sub/{name}": ""})
    with pytest.raises(ConfigError, match="at the top of the project only") as caught:
        plan_project(root, build=Build(dependencies=f"sub/{name}"))
    assert "submit the folder sub" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("files", "python"),
    [
        ({"pyproject.toml": POETRY.replace("^3.9", ">=3.9,<3.11")}, "3.10"),
        ({"environment.yml": "dependencies:\n  - python=3.10\n  - six\n"}, "3.10"),
        ({"Pipfile": '[packages]\nsix = "*"\n[requires]\npython_version = "3.11"\n'}, "3.11"),
        ({"runtime.txt": "python-3.11.4\n"}, "3.11"),
        ({"main.py": '# /// script\n# requires-python = "==3.11.*"\n# dependencies = ["six"]\n# ///\n' + HEAD}, "3.11"),
    ],
)
def test_the_python_that_a_list_asks_for_is_taken(tmp_path: Path, files: dict[str, str], python: str) -> None:
    plan = plan_project(write(tmp_path, {"main.py": VERSION_OF_SIX, **files}))
    assert getattr(plan.recipe, "python", None) == python


def test_an_environment_that_reads_the_requirements_is_installed_with_them(tmp_path: Path) -> None:
    environment = "dependencies: [python=3.12, six=1.16.0, pip, pip: [-r requirements.txt]]\n"
    files = {"main.py": VERSION_OF_SIX, "environment.yml": environment, "requirements.txt": "packaging==24.1\n"}
    notes = plan_project(write(tmp_path, files)).notes
    assert "dependencies: environment.yml (conda, installed from the package index), 2 packages" in notes
    assert not any("requirements.txt" in note for note in notes)


def test_options_that_uv_takes_on_its_command_line_alone_get_there(tmp_path: Path) -> None:
    lines = "--pre\n--prefer-binary\n--trusted-host index.example:8080\nsix==1.16.0\n"
    plan = plan_project(write(tmp_path, {"main.py": VERSION_OF_SIX, "requirements.txt": lines}))
    assert isinstance(plan.recipe, StandardRecipe)
    dependencies = plan.recipe.dependencies
    assert dependencies.options == ("--prerelease=allow", "--allow-insecure-host=index.example:8080")
    assert dict(dependencies.texts)["requirements.txt"] == "six==1.16.0\n"
