"""What image a run needs, known without Docker: sources, recipe, command, and the tag that names exactly that."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, field, replace
from functools import cached_property
from importlib import resources
from pathlib import Path

from aws_run.amounts import size
from aws_run.command_line import has_places
from aws_run.config import Arch, Config
from aws_run.config.envfile import parse_env
from aws_run.config.init_template import SCHEMA_FILE
from aws_run.errors import ConfigError, SourceError
from aws_run.events import Notice
from aws_run.frozen import frozen
from aws_run.image.base import BaseImage
from aws_run.image.recipe.command import find_program, program_of
from aws_run.image.recipe.dependencies import dependency_digest
from aws_run.image.recipe.entrypoint_layer import WRAP_TEMPLATE
from aws_run.image.recipe.mentions import find_memory_sharer
from aws_run.image.recipe.own_dockerfile import context_of, find_dockerfile, refuse_other_platform
from aws_run.image.recipe.program import Program
from aws_run.image.recipe.recipe import OwnDockerfile, Recipe, StandardRecipe, choose_recipe
from aws_run.image.recipe.script_options import POSITIONAL, SHORT
from aws_run.image.recipe.shell_form import refuse_shell_form
from aws_run.image.sources.source import DOCKERIGNORE, OnSeen, Source, SourceFile, read_source

TAG_LENGTH = 40
_BIG_SOURCE_BYTES = 200 << 20


@frozen
class ImagePlan:
    """`command` goes into the container as AWS_RUN_COMMAND when it is not None; None means the image's own
    ENTRYPOINT and CMD. It is not part of the image, so neither it nor the arguments change the tag."""

    source: Source
    recipe: Recipe
    command: tuple[str, ...] | None
    arguments: tuple[str, str] = SHORT  # the options that the command is given the two folders by
    arch: Arch
    recipe_digest: str  # over the recipe's text, the pinned installer and the dependency files
    build_secrets: tuple[str, ...] = ()  # names of variables that the build can read
    trust_dockerfile: bool = False  # the package indexes' passwords are handed to the project's own Dockerfile
    base: BaseImage | None = None  # None: not looked up, or the Dockerfile's own affair
    entrypoint_layer: bytes = field(repr=False)  # a tar, the same bytes for every project
    runs_on: str | None = None  # the Python of a job without a container, where that is not the recipe's
    memory_sharer: str | None = None  # the file that speaks of processes that share memory
    notes: tuple[str, ...] = ()  # what was chosen, in sentences for the plan

    @cached_property
    def tag(self) -> str:
        """40 hex digits; the same sources, recipe, base image, entrypoint and architecture give the same tag on every
        machine."""
        parts = {
            "source": self.source.digest,
            "base": self.base.identity if self.base is not None else None,
            "recipe": [type(self.recipe).__name__, asdict(self.recipe), self.recipe_digest],
            "entrypoint": hashlib.sha256(self.entrypoint_layer).hexdigest(),
            "arch": self.arch,
        }
        text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:TAG_LENGTH]

    def on(self, base: BaseImage) -> ImagePlan:
        return replace(self, base=base)

    @property
    def base_reference(self) -> str | None:
        """The base image's name; None where the project's Dockerfile alone knows it."""
        return self.recipe.base_image

    @property
    def platform(self) -> str:
        """As Docker names it."""
        return "linux/arm64" if self.arch == "arm64" else "linux/amd64"

    @property
    def machine(self) -> str:
        """As Linux names it."""
        return "aarch64" if self.arch == "arm64" else "x86_64"

    @property
    def summary(self) -> str:
        """One line for the plan: what it is made of and how much."""
        count = len(self.source.files)
        files = "1 file" if count == 1 else f"{count} files"
        return f"{self.recipe.summary}; {files}, {size(self.source.total_bytes)}"


def python_of(plan: ImagePlan | None) -> str | None:
    """The version that the job gets; None where the image brings its own."""
    recipe = plan.recipe if plan is not None else None
    if plan is not None and plan.runs_on is not None:
        return plan.runs_on
    return recipe.python if isinstance(recipe, StandardRecipe) else None


def plan_image(
    config: Config,
    exclude_dirs: Iterable[Path] | None = None,
    *,
    entrypoint_layer: Callable[[], bytes] | None = None,
    on_seen: OnSeen = lambda files, size_bytes: None,
    accept: Callable[[Sequence[SourceFile]], None] = lambda files: None,
) -> ImagePlan:
    """Read the project folder and decide on its image. Needs neither Docker nor AWS.

    `exclude_dirs`: the run's input and output folders; None takes them from the config. `on_seen`, `accept`: as
    `read_source` says.
    SourceError or ConfigError where the folder can't be run as it is.
    """
    if exclude_dirs is None:
        exclude_dirs = _run_folders(config)
    context = context_of(config.build)
    source = read_source(
        config.project_dir,
        exclude=config.exclude,
        exclude_paths=[*exclude_dirs, *_config_files(config)],
        dockerignore=_dockerignore(config, context),
        context=context,
        on_seen=on_seen,
        accept=accept,
    )
    own = find_dockerfile(config.build, source)
    given = (config.arguments.input, config.arguments.output)
    rewritten = None
    if own is not None:
        text = source.read(own).decode(errors="replace")
        refuse_other_platform(text, own, config.resources.arch, config.build.target)
        rewritten = refuse_shell_form(
            text, own, own_command=config.command is not None, root=source.root, target=config.build.target
        )
        program = Program(command=config.command or (), arguments=given)
    elif config.command is not None:
        program = program_of(config.command, source, given)
    else:
        program = find_program(source, given)
    recipe = choose_recipe(config.build, source, program.command, program.tools)
    return ImagePlan(
        source=source,
        recipe=recipe,
        command=program.command or None,
        arch=config.resources.arch,
        build_secrets=config.build.secrets,
        trust_dockerfile=config.build.trust_dockerfile,
        recipe_digest=_recipe_digest(source, recipe),
        entrypoint_layer=(entrypoint_layer or read_entrypoint_layer)(),
        arguments=program.arguments,
        memory_sharer=find_memory_sharer(source),
        notes=(
            *_command_notes(program),
            *(_required_notes(program) if not config.args else []),
            *_repeated_notes(program.command, config.args),
            *_doubled_notes(program, config.args),
            *recipe.notes,
            *([rewritten] if rewritten else []),
            *([f"the image build can read {', '.join(config.build.secrets)}"] if config.build.secrets else []),
            *_dotenv_notes(source, config),
        ),
    )


def _dockerignore(config: Config, context: str) -> str:
    """Docker prefers `<Dockerfile>.dockerignore` over the common one, which lies in the folder that it is given."""
    below = f"{context}/" if context else ""
    named = config.build.dockerfile
    own = f"{below}Dockerfile" if named in ("auto", "none") else named
    own_ignore = f"{own}{DOCKERIGNORE}"
    return own_ignore if (config.project_dir / own_ignore).is_file() else f"{below}{DOCKERIGNORE}"


def _command_notes(program: Program) -> list[str]:
    """What was chosen for the user; the command itself stands in the plan."""
    if program.notes:
        return list(program.notes)
    arguments = program.arguments
    if has_places(program.command):
        return []
    if arguments == POSITIONAL:
        return ["the folders are given to the script without options, the input first"]
    if "" in arguments:
        bare, option = ("input", arguments[1]) if not arguments[0] else ("output", arguments[0])
        return [f"the folders are given to the script by {option}, the {bare} without an option"]
    if arguments != SHORT:
        return [f"the folders are given to the script by {arguments[0]} and {arguments[1]}"]
    return []


def _required_notes(program: Program) -> list[str]:
    """A word about arguments that a script asks for and nobody gives: it would end with its usage message."""
    if not program.required:
        return []
    verb = "has no default and is" if len(program.required) == 1 else "have no default and are"
    reaches = "what stands behind `--`, or `args:` in aws-run.yaml, reaches the script"
    return [f"{', '.join(program.required)} {verb} not given; {reaches}"]


def _repeated_notes(command: Sequence[str], args: Sequence[str]) -> list[str]:
    """A word about arguments that begin with the command itself, whole or without its interpreter: the script would get
    its own name."""
    for repeated in (command, command[1:]):
        if repeated and list(args[: len(repeated)]) == list(repeated):
            rest = shlex.join(args[len(repeated) :])
            meant = f"perhaps only `{rest}` is meant" if rest else "perhaps none are meant"
            return [f"the arguments begin with {shlex.join(repeated)}, which is the command already: {meant}"]
    return []


def _doubled_notes(program: Program, args: Sequence[str]) -> list[str]:
    """A word about arguments that name a folder which the job is given anyway: a script takes one of the two."""
    ours = [option for option in program.arguments if option.startswith("-")]
    doubled = [one for one in ours if any(arg == one or arg.startswith(f"{one}=") for arg in args)]
    if not doubled or has_places(program.command):
        return []
    return [f"the arguments have {' and '.join(doubled)} already, which the job is given once more with its folder"]


def _dotenv_notes(source: Source, config: Config) -> list[str]:
    """A word about a .env that the script reads at home: it never goes into an image."""
    try:
        text = source.read(".env").decode("utf-8-sig") if source.has(".env") else ""
        names = {name for _, name, _ in parse_env(text, ".env")}
    except (ConfigError, SourceError, UnicodeDecodeError):
        return []
    if not names - config.env.keys() - config.secrets.keys():
        return []
    return [
        ".env stays on this machine, and the job does not get its variables; "
        "`env_file: .env` in aws-run.yaml or --env-file .env hands them over"
    ]


def big_source(source: Source) -> Notice | None:
    """A word about data that goes into the image with the code, where there is much of it."""
    if source.total_bytes < _BIG_SOURCE_BYTES:
        return None
    sizes: dict[str, int] = {}
    for file in source.files:
        top, slash, _ = file.path.partition("/")
        sizes[top + slash] = sizes.get(top + slash, 0) + file.size
    name = max(sizes, key=lambda top: sizes[top])
    return Notice(
        text=f"{size(source.total_bytes)} of the project go into the image, {size(sizes[name])} of them {name}",
        level="warning",
        hint="data belongs into the folder of -i; .awsrunignore leaves out what the job does not need",
    )


def standard_dockerfile(recipe: StandardRecipe | None = None) -> str:
    """Our Dockerfile with the parts that this project needs: `# begin NAME` to `# end NAME` stands for one of them.
    None: the file as it is."""
    text = resources.files("aws_run.image").joinpath("Dockerfile").read_text(encoding="utf-8")
    if recipe is None:
        return text
    parts = {
        "apt": bool(recipe.apt),
        "git": recipe.dependencies.needs_git,
        "project": recipe.install is not None,
        "conda": recipe.dependencies.conda is not None,
        "pip": recipe.pip,
        "without-pip": not recipe.pip,
        "tools": bool(recipe.tools),
        "managed-python": recipe.managed_python,
        "base-python": not recipe.managed_python,
    }
    # A version from git changes with each commit: the dependencies know it only where the project is among them.
    before, stage, after = text.partition("# begin project\n")
    text = _with_part(before, "version", wanted=recipe.version is not None and recipe.dependencies.whole_project)
    text += stage + _with_part(after, "version", wanted=recipe.version is not None)
    for name, wanted in parts.items():
        text = _with_part(text, name, wanted=wanted)
    if recipe.apt:
        head, stage, rest = text.partition("FROM ${BASE_IMAGE} AS system\n")
        text = head + stage + rest.replace("FROM ${BASE_IMAGE}", "FROM system")
    return text


def _with_part(text: str, name: str, *, wanted: bool) -> str:
    pattern = re.compile(rf"^# begin {name}\n(.*?)^# end {name}\n", re.MULTILINE | re.DOTALL)
    return pattern.sub(lambda part: part[1] if wanted else "", text)


def uv_requirements() -> str:
    """The version of uv that the recipe installs, with its hashes: requirements/uv.txt, which `make lock` makes."""
    return resources.files("aws_run.image").joinpath("uv.txt").read_text(encoding="utf-8")


def read_entrypoint_layer() -> bytes:
    from aws_run_entrypoint.bundle import write_layer

    with tempfile.TemporaryDirectory(prefix="aws-run-") as folder:
        path = Path(folder) / "entrypoint.tar"
        write_layer(path)
        return path.read_bytes()


def _run_folders(config: Config) -> list[Path]:
    folders = [config.output] if config.output is not None else []
    return [*folders, *config.input_folders]


def _config_files(config: Config) -> list[Path]:
    """Our own settings stay out: a longer time-out needs no new image."""
    files = [config.project_dir / name for name in ("aws-run.yaml", "aws-run.yml", SCHEMA_FILE)]
    return [*files, config.file] if config.file is not None else files


def _recipe_digest(source: Source, recipe: Recipe) -> str:
    if isinstance(recipe, OwnDockerfile):
        parts = [WRAP_TEMPLATE, hashlib.sha256(source.read(recipe.path)).hexdigest()]
    else:
        parts = [standard_dockerfile(recipe), dependency_digest(source, recipe.dependencies)]
        if recipe.needs_uv:
            parts.append(uv_requirements())
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
