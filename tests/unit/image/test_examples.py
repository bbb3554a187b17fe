"""The examples as a reader runs them on a laptop: the two that need nothing installed."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.image.support import config_of

from aws_run.image.plan import plan_image
from aws_run.image.recipe.recipe import OwnDockerfile, StandardRecipe

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


def run(script: Path, data: Path, out: Path, *arguments: str) -> None:
    argv = [sys.executable, str(script), *arguments, "-i", str(data), "-o", str(out)]
    subprocess.run(argv, check=True, capture_output=True)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_wordcount_counts_each_text_and_all_of_them(tmp_path: Path) -> None:
    data = EXAMPLES / "wordcount" / "data"
    run(EXAMPLES / "wordcount" / "count.py", data, tmp_path)
    texts = {path.relative_to(data).with_suffix(".csv") for path in data.rglob("*.txt")}
    assert {path.relative_to(tmp_path) for path in tmp_path.rglob("*.csv")} == texts | {Path("words.csv")}
    total = {row["word"]: int(row["count"]) for row in table(tmp_path / "words.csv")}
    assert total["ruh"] == 1
    assert sum(total.values()) == sum(int(row["count"]) for name in texts for row in table(tmp_path / name))


def test_the_flowers_are_summarised_by_species(tmp_path: Path) -> None:
    run(EXAMPLES / "dockerfile" / "summary.py", EXAMPLES / "dockerfile" / "data", tmp_path, "--by", "species")
    rows = table(tmp_path / "summary.csv")
    assert {row["species"] for row in rows} == {"setosa", "versicolor", "virginica"}
    assert {row["count"] for row in rows} == {"50"}


@pytest.mark.parametrize(
    ("name", "recipe", "command"),
    [
        ("forest", StandardRecipe, ("python", "main.py")),
        ("wordcount", StandardRecipe, ("python", "count.py")),
        ("dockerfile", OwnDockerfile, None),
    ],
)
def test_each_example_is_understood_without_settings(name: str, recipe: type, command: tuple[str, ...] | None) -> None:
    folder = EXAMPLES / name
    plan = plan_image(config_of(folder), [folder / "data", folder / "out"], entrypoint_layer=lambda: b"")
    assert isinstance(plan.recipe, recipe)
    assert plan.command == command
    assert not any(path.startswith(("data/", "out/")) for path in plan.source.paths)
