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
    "argparse, one of each kind": ('p.add_argument("input")\np.add_argument("-o", "--out")', [(("", "--out"), ())]),
    "argparse, one of each kind, short": ('p.add_argument("output")\np.add_argument("-i")', [(("-i", ""), ())]),
    "argparse, named by dest": (
        'p.add_argument("-s", dest="input_dir")\np.add_argument("-d", dest="output_dir")',
        [(("-s", "-d"), ())],
    ),
    "argparse, a common parent of two subcommands": (
        """
        both = argparse.ArgumentParser(add_help=False)
        sub = p.add_subparsers()
        fit = sub.add_parser("fit", parents=[both])
        show = sub.add_parser("show")
        both.add_argument("--input")
        both.add_argument("--output")
        """,
        [(("--input", "--output"), ("fit",))],
    ),
    "argparse, subcommands in a loop": (
        """
        for name in ("fit", "test"):
            each = sub.add_parser(name)
            each.add_argument("-i")
            each.add_argument("-o")
        """,
        [(SHORT, ("fit",)), (SHORT, ("test",))],
    ),
    "argparse, subcommands with names of run time": (
        """
        for name in find_names():
            each = sub.add_parser(name)
            each.add_argument("-i")
            each.add_argument("-o")
        """,
        [],
    ),
    "configargparse": ('p.add("-i", "--in")\np.add("-o", "--out")', [(SHORT, ())]),
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
        [(("", "--out-dir"), ())],
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
    "fire, a class that is made with the folders": (
        """
        class Job:
            def __init__(self, input_dir, output_dir): ...
            def run(self): ...
            @property
            def name(self): ...
        fire.Fire(Job)
        """,
        [(("--input_dir", "--output_dir"), ("run",))],
    ),
    "Tap": ("class Args(Tap):\n    input_dir: str\n    output_dir: str", [(("--input_dir", "--output_dir"), ())]),
    "pydantic-settings": (
        "class Args(BaseSettings, cli_parse_args=True):\n    input_dir: str\n    output_dir: str",
        [(("--input_dir", "--output_dir"), ())],
    ),
    "pyrallis": (
        "class Args:\n    data_dir: str\n    output_dir: str\n@pyrallis.wrap()\ndef main(args: Args): ...",
        [(("--data_dir", "--output_dir"), ())],
    ),
    "simple-parsing": (
        "class Args:\n    data_dir: str\n    output_dir: str\nsimple_parsing.parse(Args)",
        [(("--data_dir", "--output_dir"), ())],
    ),
    "jsonargparse": ("def main(input_dir: str, output_dir: str): ...\nCLI(main)", [(POSITIONAL, ())]),
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
    "sys.argv, by its usage": (
        "if len(sys.argv) != 3:\n    sys.exit('Usage: main.py <input_dir> <output-dir>')",
        [(POSITIONAL, ())],
    ),
    "sys.argv, by a usage with its own name": (
        "if len(sys.argv) != 3:\n    print(f'usage: python {sys.argv[0]} INPUT_DIR OUTPUT_DIR')",
        [(POSITIONAL, ())],
    ),
    "sys.argv, a usage of something else": ("sys.argv\nprint('usage: main.py [-v] FILE...')", []),
    "sys.argv, unpacked": ("_, input_file, output_file = sys.argv", []),
    "sys.argv, unpacked folders": ("input_dir, output_dir = sys.argv[1:]", [(POSITIONAL, ())]),
    "sys.argv, handed over": (
        "def main(input_dir, output_dir): ...\nmain(sys.argv[1], sys.argv[2])",
        [(POSITIONAL, ())],
    ),
    "sys.argv, handed over as a whole": (
        "def main(input_dir, output_dir): ...\nmain(*sys.argv[1:])",
        [(POSITIONAL, ())],
    ),
    "sys.argv, in a function": (
        "def main(argv):\n    inp = argv[1]\n    out = argv[2]\nmain(sys.argv)",
        [(POSITIONAL, ())],
    ),
    "sys.argv, what is left of it": (
        "def main(args):\n    input_dir, output_dir = args[0], args[1]\nmain(sys.argv[1:])",
        [(POSITIONAL, ())],
    ),
    "sys.argv, mapped": ("input_dir, output_dir = map(Path, sys.argv[1:3])", [(POSITIONAL, ())]),
    "sys.argv, as paths": ("input_dir, output_dir = [Path(p) for p in sys.argv[1:]]", [(POSITIONAL, ())]),
    "no options": ("print(1)", []),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_options_are_read_from_the_text(kind: str) -> None:
    text, pairs = KINDS[kind]
    expected = [Takes(arguments=arguments, subcommand=subcommand) for arguments, subcommand in pairs]
    assert find_takes(ast.parse(textwrap.dedent(text))) == expected


PLACED: dict[str, tuple[str, list[tuple[str, ...]]]] = {
    "positional, the output first": (
        'p.add_argument("output")\np.add_argument("input")',
        [("{output}", "{input}")],
    ),
    "sys.argv, the output first": ("out = sys.argv[1]\ndata = sys.argv[2]", [("{output}", "{input}")]),
    "options of a click group": (
        """
        @click.group()
        @click.option("--input")
        @click.option("--output")
        def cli(input, output): ...
        @cli.command()
        def run(): ...
        """,
        [("--input", "{input}", "--output", "{output}", "run")],
    ),
    "options of a typer callback": (
        """
        @app.callback()
        def common(input_dir: str = "", output_dir: str = ""): ...
        @app.command()
        def fit(): ...
        """,
        [("--input-dir", "{input}", "--output-dir", "{output}", "fit")],
    ),
    "options before the subcommands of argparse": (
        """
        p.add_argument("-i")
        p.add_argument("-o")
        sub = p.add_subparsers()
        fit = sub.add_parser("fit")
        """,
        [("-i", "{input}", "-o", "{output}", "fit")],
    ),
    "SageMaker, one channel": (
        """
        p.add_argument("--train", default=os.environ["SM_CHANNEL_TRAIN"])
        p.add_argument("--model-dir", default=os.environ.get("SM_MODEL_DIR"))
        """,
        [("--train", "{input}", "--model-dir", "{output}")],
    ),
    "SageMaker, two channels": (
        """
        p.add_argument("--train", default=os.environ["SM_CHANNEL_TRAIN"])
        p.add_argument("--test", default=os.environ["SM_CHANNEL_TEST"])
        p.add_argument("--model-dir", default=os.environ.get("SM_MODEL_DIR"))
        """,
        [("--train", "{input}/train", "--test", "{input}/test", "--model-dir", "{output}")],
    ),
}


@pytest.mark.parametrize("kind", PLACED)
def test_folders_that_do_not_belong_at_the_end_are_placed(kind: str) -> None:
    text, placed = PLACED[kind]
    assert [takes.placed for takes in find_takes(ast.parse(textwrap.dedent(text)))] == placed


@pytest.mark.parametrize(
    ("text", "required"),
    [
        ('p.add_argument("-i", required=True)\np.add_argument("-o")\np.add_argument("--lr", required=True)', ("--lr",)),
        ('p.add_argument("input")\np.add_argument("output")\np.add_argument("config")', ("config",)),
        ('p.add_argument("input")\np.add_argument("output")\np.add_argument("more", nargs="*")', ()),
        ('p.add_argument("-i")\np.add_argument("-o")\np.add_argument("-n", "--number", required=True)', ("--number",)),
        ('p.add_argument("-i")\np.add_argument("-o")\np.add_argument("--n", required=True, default=3)', ()),
        ("def main(input, output, lr, n=1): ...\nfire.Fire(main)", ("--lr",)),
        ("class A:\n    data_dir: str\n    output_dir: str\n    lr: float\n    n: int = 3\ntyro.cli(A)", ("--lr",)),
        (
            '@click.command()\n@click.option("-i")\n@click.option("-o")\n@click.argument("x")\n'
            '@click.argument("y", nargs=-1)\ndef main(i, o, x, y): ...',
            ("x",),
        ),
    ],
)
def test_what_else_a_script_needs_is_known(text: str, required: tuple[str, ...]) -> None:
    assert [takes.required for takes in find_takes(ast.parse(text))] == [required]


GROUP = textwrap.dedent(PLACED["options of a click group"][0]) + "@cli.command()\ndef other(): ...\ncli()\n"


@pytest.mark.parametrize("command", [("python", "job.py", "run"), ("python", "job.py", "run", "--fast")])
def test_a_command_that_names_its_subcommand_gets_the_folders_before_it(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    program = program_of(command, source_of(tmp_path, {"job.py": GROUP}))
    assert program.command == (*command[:2], "--input", "{input}", "--output", "{output}", *command[2:])


def test_what_a_command_of_the_users_lacks_is_known(tmp_path: Path) -> None:
    text = "p.add_argument('-i')\np.add_argument('-o')\np.add_argument('--lr', required=True)\np.add_argument('conf')\n"
    source = source_of(tmp_path, {"job.py": text})
    assert program_of(("python", "job.py"), source).required == ("--lr",)
    assert program_of(("python", "job.py", "-i", "{input}", "-o", "{output}"), source).required == ("--lr",)
    assert program_of(("python", "job.py", "--lr=3", "conf.yaml"), source).required == ()


def test_a_script_whose_subcommands_can_not_be_told_is_not_started_without_one(tmp_path: Path) -> None:
    text = (
        "import argparse\n"
        + textwrap.dedent(KINDS["argparse, subcommands with names of run time"][0])
        + "p.parse_args()\n"
    )
    with pytest.raises(SourceError, match="No script takes both -i and -o"):
        find_program(source_of(tmp_path, {"job.py": text}))


def _script(options: str) -> str:
    return f"import argparse\np = argparse.ArgumentParser()\n{options}\nargs = p.parse_args()\n"


def test_options_that_the_user_names_choose_the_script(tmp_path: Path) -> None:
    files = {
        "a.py": _script('p.add_argument("--from-here")\np.add_argument("--to-there")'),
        "b.py": _script('p.add_argument("--input")\np.add_argument("--output")'),
    }
    program = find_program(source_of(tmp_path, files), ("--from-here", "--to-there"))
    assert (program.command, program.arguments) == (("python", "a.py"), ("--from-here", "--to-there"))


def test_a_folder_without_an_option_may_be_named_beside_one_with_it(tmp_path: Path) -> None:
    files = {"a.py": _script('p.add_argument("where")\np.add_argument("--to-there")')}
    program = find_program(source_of(tmp_path, files), ("", "--to-there"))
    assert (program.command, program.arguments) == (("python", "a.py"), ("", "--to-there"))


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


def test_the_keys_of_a_group_that_a_hydra_configuration_chooses_count(tmp_path: Path) -> None:
    files = {
        "train.py": HYDRA,
        "conf/train.yaml": "defaults:\n  - data: mnist\n  - _self_\npaths:\n  output: out\n",
        "conf/data/mnist.yaml": "root: ./data\nbatch: 3\n",
    }
    assert find_program(source_of(tmp_path, files)).arguments == ("data.root=", "paths.output=")


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
