"""The plan shows the command line that the container starts."""

from __future__ import annotations

import pytest

from aws_run import command_line


@pytest.mark.parametrize(
    ("command", "args", "arguments", "shown"),
    [
        ("python main.py", ("--epochs", "3"), ("-i", "-o"), "python main.py --epochs 3 -i INPUT -o OUTPUT"),
        ("bash run.sh {input} {output}", (), ("-i", "-o"), "bash run.sh INPUT OUTPUT"),
        ("papermill a.ipynb {output}/a.ipynb -p in {input}", ("-y", "x"), ("-i", "-o"),
         "papermill a.ipynb OUTPUT/a.ipynb -p in INPUT -y x"),
        ("python main.py", (), ("--in=", "--out="), "python main.py --in=INPUT --out=OUTPUT"),
        ("python main.py", (), ("", ""), "python main.py INPUT OUTPUT"),
        ("echo {input}", (), ("-i", "-o"), "echo {input} -i INPUT -o OUTPUT"),
    ],
)  # fmt: skip
def test_the_folders_stand_where_the_container_puts_them(
    command: str, args: tuple[str, ...], arguments: tuple[str, str], shown: str
) -> None:
    assert " ".join(command_line.shown(command.split(), args, arguments)) == shown
