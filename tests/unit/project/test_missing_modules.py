"""What to add where a job did not find a Python module."""

from __future__ import annotations

import pytest

from aws_run.project.missing.modules import module_advice

TRACEBACK = """Traceback (most recent call last):
  File "/project/main.py", line 1, in <module>
    import {top}
ModuleNotFoundError: No module named '{name}'
"""


def advice(name: str) -> str:
    return module_advice(TRACEBACK.format(name=name, top=name.partition(".")[0])) or ""


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("cv2", "opencv-python-headless"), ("PIL", "pillow"), ("sklearn.linear_model", "scikit-learn"),
        ("yaml", "pyyaml"), ("pkg_resources", "setuptools<81"), ("google.cloud.storage", "google-cloud-storage"),
    ],
)  # fmt: skip
def test_the_package_of_a_module_is_named_as_pypi_calls_it(name: str, package: str) -> None:
    assert advice(name) == f"no list of the project brings the module {name}: add {package} to its dependencies"


def test_a_module_of_any_other_name_may_be_a_package_or_the_project_s_own() -> None:
    assert "the module helpers.text is not in the image: add the package" in advice("helpers.text")
    assert "python -m" in advice("helpers.text")


def test_a_module_that_newer_pythons_lack_is_told_with_the_python_that_has_it() -> None:
    assert advice("distutils.core") == (
        'newer Pythons have no distutils: `build: {python: "3.11"}` takes a Python that has it; '
        "setuptools<81 in the project's list of dependencies brings it as well"
    )
    assert advice("imp") == 'newer Pythons have no imp: `build: {python: "3.11"}` takes a Python that has it'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "warning: ModuleNotFoundError: No module named 'x' (ignored)",
        "ValueError: 3",
        TRACEBACK.format(name="_tkinter_", top="x").replace("ModuleNotFoundError", "ImportError"),
        TRACEBACK.format(name="json", top="json"),
        TRACEBACK.format(name="cv2", top="cv2") + "went on\n" * 2000,
    ],
)
def test_nothing_is_told_of_what_did_not_end_the_job_so(text: str) -> None:
    assert module_advice(text) is None


def test_of_several_the_last_one_counts() -> None:
    text = TRACEBACK.format(name="ujson", top="ujson") + TRACEBACK.format(name="yaml", top="yaml")
    assert "pyyaml" in (module_advice(text) or "")
