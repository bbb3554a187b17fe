"""How scripts of many kinds take the two folders, read from their text."""

from __future__ import annotations

import ast
import textwrap
from pathlib import Path

import pytest
from tests.unit.image.support import source_of

from aws_run.errors import SourceError
from aws_run.image.recipe.command import find_program, program_of
from aws_run.image.recipe.script_options import POSITIONAL, SHORT, Takes, find_takes

Pairs = list[tuple[tuple[str, str], tuple[str, ...]]]

KINDS: dict[str, tuple[str, Pairs]] = {
    "argparse, long": (
        'p.add_argument("--input-dir")\np.add_argument("--output_dir")\np.add_argument("--data")',
        [(("--input-dir", "--output_dir"), ())],
    ),
    "argparse, both spellings": ('p.add_argument("-i", "--in")\np.add_argument("-o", "--out")', [(SHORT, ())]),
    "argparse, positional": (
        'p.add_argument("src")\np.add_argument("dst")\np.add_argument("rest")',
        [(POSITIONAL, ())],
    ),
    "argparse, positional, the output first": ('p.add_argument("output")\np.add_argument("input")', []),
    "argparse, one subcommand of two": (
        """
        sub = p.add_subparsers()
        train = sub.add_parser("train")
        files = train.add_argument_group("files")
        files.add_argument("--input")
        files.add_argument("--output")
        show = sub.add_parser("show")
        show.add_argument("--input")
        """,
        [(("--input", "--output"), ("train",))],
    ),
    "click": (
        """
        @click.command()
        @click.option("--source-dir", type=click.Path())
        @click.option("--target-dir")
        def main(source_dir, target_dir): ...
        """,
        [(("--source-dir", "--target-dir"), ())],
    ),
    "click, arguments": (
        """
        @click.command()
        @click.argument("input_path", type=click.Path(exists=True))
        @click.argument("output_path")
        def main(input_path: str, output_path: str): ...
        """,
        [(POSITIONAL, ())],
    ),
    "click, a group": (
        """
        @click.group()
        def cli(): ...
        @cli.command()
        @click.option("-i")
        @click.option("-o")
        def make_all(i, o): ...
        @cli.command("other")
        def another(): ...
        """,
        [(SHORT, ("make-all",))],
    ),
    "typer, the only command": (
        """
        @app.command()
        def main(data_dir: Path, out_dir: Path = Path("out")): ...
        """,
        [],  # one of them is positional, the other an option
    ),
    "typer, annotated": (
        """
        @app.command()
        def main(src: Annotated[Path, typer.Option("--from-data")] = None,
                 input_dir: Annotated[Path, typer.Option()] = None, out: Annotated[str, typer.Option(help="x")] = ""): ...
        """,
        [(("--input-dir", "--out"), ())],
    ),
    "typer, two commands that take both": (
        """
        @app.command()
        def fit(data: Path = typer.Option(...), output: Path = typer.Option(...)): ...
        @app.command("predict")
        def run(data: Path = typer.Option(...), output: Path = typer.Option(...)): ...
        """,
        [(("--data", "--output"), ("fit",)), (("--data", "--output"), ("predict",))],
    ),
    "typer.run": ("def main(input: str, output: str): ...\ntyper.run(main)", [(POSITIONAL, ())]),
    "fire": ("def main(data_path, save_dir='x', *, lr=1): ...\nfire.Fire(main)", [(("--data_path", "--save_dir"), ())]),
    "fire, a class": (
        """
        class Job:
            def train(self, input, output): ...
            def _hidden(self, input, output): ...
        fire.Fire(Job)
        """,
        [(("--input", "--output"), ("train",))],
    ),
    "absl": (
        'flags.DEFINE_string("input_dir", None, "x")\nflags.DEFINE_string("output_dir", None, "x")',
        [(("--input_dir", "--output_dir"), ())],
    ),
    "docopt": (
        '"""Usage: job.py --input=<dir> --output=<dir>\n\nOptions:\n  --fast  x\n"""\ndocopt(__doc__)',
        [(("--input", "--output"), ())],
    ),
    "docopt, positional": ('"""Usage: job.py [--fast] <input> <output>\n"""\ndocopt(__doc__)', [(POSITIONAL, ())]),
    "a dataclass and tyro": (
        "class Args:\n    data_dir: str\n    output_dir: str = ''\ntyro.cli(Args)",
        [(("--data-dir", "--output-dir"), ())],
    ),
    "dataclasses and HfArgumentParser": (
        "class Data:\n    data_dir: str\nclass Train:\n    output_dir: str\nHfArgumentParser((Data, Train))",
        [(("--data_dir", "--output_dir"), ())],
    ),
    "sys.argv": ("input_dir = Path(sys.argv[1])\nout_dir = sys.argv[2]", [(POSITIONAL, ())]),
    "sys.argv, unpacked": ("_, input_file, output_file = sys.argv", []),
    "sys.argv, unpacked folders": ("input_dir, output_dir = sys.argv[1:]", [(POSITIONAL, ())]),
    "sys.argv, the output first": ("out = sys.argv[1]\ndata = sys.argv[2]", []),
    "no options": ("print(1)", []),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_options_are_read_from_the_text(kind: str) -> None:
    text, pairs = KINDS[kind]
    expected = [Takes(arguments=arguments, subcommand=subcommand) for arguments, subcommand in pairs]
    assert find_takes(ast.parse(textwrap.dedent(text))) == expected


def _script(options: str) -> str:
    return f"import argparse\np = argparse.ArgumentParser()\n{options}\nargs = p.parse_args()\n"


def test_options_that_the_user_names_choose_the_script(tmp_path: Path) -> None:
    files = {
        "a.py": _script('p.add_argument("--from-here")\np.add_argument("--to-there")'),
        "b.py": _script('p.add_argument("--input")\np.add_argument("--output")'),
    }
    program = find_program(source_of(tmp_path, files), ("--from-here", "--to-there"))
    assert (program.command, program.arguments) == (("python", "a.py"), ("--from-here", "--to-there"))


def test_a_subcommand_is_part_of_the_command(tmp_path: Path) -> None:
    source = source_of(tmp_path, {"job.py": textwrap.dedent(KINDS["click, a group"][0]) + "\ncli()\n"})
    assert find_program(source).command == ("python", "job.py", "make-all")


def test_several_commands_of_one_script_are_named(tmp_path: Path) -> None:
    text = textwrap.dedent(KINDS["typer, two commands that take both"][0]) + "\napp()\n"
    with pytest.raises(SourceError, match=r"job\.py has several commands that take the two folders: fit, predict"):
        find_program(source_of(tmp_path, {"job.py": "import typer\n" + text}))


CONSOLE = {
    "pyproject.toml": '[project]\nname = "x"\nversion = "1"\n[project.scripts]\nxjob = "x.cli:main"\n'
    '[build-system]\nrequires = ["setuptools"]\n',
    "src/x/__init__.py": "",
    "src/x/cli.py": 'def main():\n    p.add_argument("--in-dir")\n    p.add_argument("--out-dir")\n',
}


def test_a_module_that_only_its_console_script_starts_is_run_by_that_name(tmp_path: Path) -> None:
    program = find_program(source_of(tmp_path, CONSOLE))
    assert (program.command, program.arguments) == (("xjob",), ("--in-dir", "--out-dir"))


def test_a_console_script_of_setup_cfg_counts_as_well(tmp_path: Path) -> None:
    files = {
        **CONSOLE,
        "setup.py": "",
        "setup.cfg": "[options.entry_points]\nconsole_scripts =\n    yjob = x.cli:main\n",
    }
    files.pop("pyproject.toml")
    assert find_program(source_of(tmp_path, files)).command == ("yjob",)


@pytest.mark.parametrize(
    "command", [("xjob",), ("python", "-m", "x.cli"), ("python", "src/x/cli.py"), ("xjob", "--fast")]
)
def test_a_command_of_the_users_gets_the_folders_as_its_script_declares_them(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    assert program_of(command, source_of(tmp_path, CONSOLE)).arguments == ("--in-dir", "--out-dir")


def test_a_command_that_places_the_folders_is_left_as_it_is(tmp_path: Path) -> None:
    command = ("python", "src/x/cli.py", "--in-dir={input}", "{output}/x")
    program = program_of(command, source_of(tmp_path, CONSOLE))
    assert (program.command, program.arguments) == (command, SHORT)


HYDRA = """
import hydra
@hydra.main(version_base=None, config_path="conf", config_name="train")
def main(cfg): ...
main()
"""


@pytest.mark.parametrize(
    ("config", "arguments"),
    [
        ("data_dir: ./data\noutput_dir: ./out\n", ("data_dir=", "output_dir=")),
        ("defaults:\n  - model: net\npaths:\n  data_dir: x\n", ("paths.data_dir=", "hydra.run.dir=")),
        ("data:\n  input: x\n  batch: 3\nsave:\n  output_dir: y\n", ("data.input=", "save.output_dir=")),
    ],
)
def test_the_keys_of_a_hydra_application_are_read_from_its_configuration(
    tmp_path: Path, config: str, arguments: tuple[str, str]
) -> None:
    source = source_of(tmp_path, {"app/train.py": HYDRA, "app/conf/train.yaml": config})
    program = find_program(source)
    assert (program.command, program.arguments) == (("python", "app/train.py"), arguments)
