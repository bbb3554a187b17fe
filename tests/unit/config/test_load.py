"""Flag > environment > aws-run.yaml > default."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aws_run import contract
from aws_run.cli.commands.submit import submit
from aws_run.config import Amount, Checkpoint, Config, Gpu, Input, load_config
from aws_run.config.load import HARMLESS
from aws_run.config.options import FLAGS, OPTIONS, VARIABLES
from aws_run.errors import UsageError

from .conftest import Load, typed

Refused = Callable[..., str]

DESIGN = """\
version: 1
name: segment
command: python main.py          # -i and -o are appended
input: ./data
output: ./out
exclude: ["*.tmp"]
build: {dockerfile: auto, python: "3.12", base_image: null}
backend: auto
resources: {cpu: 4+, memory: 16GB, gpu: L4:1, disk: 100GB, arch: x86_64, instance_types: []}
spot_policy: auto
retry: {on: [no-capacity, interruption], max: 3}
checkpoint: {path: /checkpoint, every: 5m}
timeout: 2h                      # total over all attempts
limits: {max_cost: 5.00, max_price: 1.50}
env: {MODE: prod, HF_HOME: null} # null = taken from the shell
secrets: {HF_TOKEN: "arn:aws:secretsmanager:eu-central-1:123456789012:secret:hf-AbCdEf"}
network: {subnets: [], security_groups: [], public_ip: auto}
iam: {task_role: auto}
keep: [bucket, repository]
tags: {team: demo}
"""


def test_the_whole_file_is_read(load: Load, project: Path) -> None:
    config = load(DESIGN, environ={"HF_HOME": "/models"}, for_run=True)
    assert config.name == "segment"
    assert config.file == project / "aws-run.yaml"
    assert config.project_dir == project
    assert config.command == ("python", "main.py")
    assert config.inputs == (Input(place=str(project / "data")),)
    assert config.output == project / "out"
    assert config.exclude == ("*.tmp",)
    assert config.build.python == "3.12"
    assert config.build.base_image is None
    assert config.resources.cpu == Amount(value=4, at_least=True)
    assert config.resources.memory_mib == Amount(value=16_384)
    assert config.resources.gpu == Gpu(model="L4", count=1)
    assert config.resources.disk_gib == 100
    assert config.spot_policy == "auto"
    assert config.retry.on == ("no-capacity", "interruption")
    assert config.checkpoint == Checkpoint(path="/checkpoint", every_s=300)
    assert config.timeout_s == 7200
    assert config.limits.max_cost_usd == 5
    assert config.limits.max_price_usd_per_hour == 1.5
    assert config.env == {"MODE": "prod", "HF_HOME": "/models"}
    assert list(config.secrets) == ["HF_TOKEN"]
    assert config.keep == ("bucket", "repository")
    assert config.tags == {"team": "demo"}


def test_without_a_file_the_defaults_hold_and_the_folder_gives_the_name(load: Load, project: Path) -> None:
    assert load() == Config(project_dir=project, name="segment")


def test_a_folder_whose_name_is_no_project_name_is_made_one(tmp_path: Path) -> None:
    folder = tmp_path / "2024 Größe (final)"
    folder.mkdir()
    config = load_config(folder, file=None, flags={}, environ={}, cwd=tmp_path, for_run=False)
    assert config.name == "p-2024-groe-final"


def test_a_flag_beats_the_environment_and_that_beats_the_file(load: Load) -> None:
    file = "timeout: 1h\n"
    assert load().timeout_s == 7200
    assert load(file).timeout_s == 3600
    assert load(file, environ={"AWS_RUN_TIMEOUT": "2m"}).timeout_s == 120
    assert load(file, environ={"AWS_RUN_TIMEOUT": "2m"}, timeout="3s").timeout_s == 3


VALUES = {
    "name": ("one", "two", "three"),
    "input": ("one", "two", "three"),
    "output": ("one", "two", "three"),
    "follow_output": ("yes", "false", True),
    "exec": ("yes", "false", True),
    "full_sync": ("yes", "false", True),
    "build.dockerfile": ("none", "auto", "none"),
    "build.base_image": ("one:1", "two:2", "three:3"),
    "build.refresh_base": ("yes", "false", True),
    "image": ("one:1", "two:2", "three:3"),
    "backend": ("fargate", "ec2", "auto"),
    "resources.cpu": ("1", "2+", "4"),
    "resources.memory": ("1GB", "2GB+", "512MB"),
    "resources.gpu": ("L4:1", "2", "T4"),
    "resources.disk": ("30GB", "40GB", "50GB"),
    "resources.output_size": ("30GB", "40GB", "50GB"),
    "resources.arch": ("arm64", "x86_64", "arm64"),
    "resources.instance_types": ("[c7i.large]", "c7i.xlarge,m7i.large", ("c7a.large", "c7a.xlarge")),
    "spot_policy": ("spot", "auto", "on-demand"),
    "retry.max": ("1", "2", 0),
    "timeout": ("1h", "2h", "3h"),
    "limits.max_cost": ("1", "2.50", "3"),
    "limits.max_price": ("1", "2.50", "3"),
    "network.subnets": ("[subnet-0000000a]", "subnet-0000000b,subnet-0000000d", "subnet-0000000c"),
    "network.security_groups": ("[sg-0000000a]", "sg-0000000b", "sg-0000000c"),
    "iam.task_role": ("arn:aws:iam::123456789012:role/one", "arn:aws:iam::123456789012:role/two", "auto"),
    "iam.permissions_boundary": tuple(f"arn:aws:iam::123456789012:policy/{name}" for name in ("a", "b", "c")),
    "kms_key": tuple(f"arn:aws:kms:eu-central-1:123456789012:key/{name}" for name in ("a", "b", "c")),
    "region": ("eu-central-1", "us-east-1", "eu-north-1"),
}


def get(config: Config, field: str) -> object:
    value: object = config
    for part in field.split("."):
        value = getattr(value, part)
    return value


@pytest.mark.parametrize("key", VALUES)
def test_every_option_can_be_set_in_all_three_places(key: str, load: Load) -> None:
    option = next(option for option in OPTIONS if option.key == key)
    in_file, in_environment, in_flag = VALUES[key]
    section, _, leaf = key.rpartition(".")
    file = f"{section}: {{{leaf}: {in_file}}}\n" if section else f"{key}: {in_file}\n"
    assert option.env
    assert option.flag
    from_file = get(load(file), option.field)
    from_environment = get(load(file, environ={option.env: str(in_environment)}), option.field)
    from_flag = get(load(file, environ={option.env: str(in_environment)}, **{option.flag: in_flag}), option.field)
    assert from_file != from_environment
    assert from_environment != from_flag
    assert from_file != get(load(""), option.field)


def test_the_test_above_leaves_out_no_option_with_three_places() -> None:
    three = {option.key for option in OPTIONS if option.key and option.env and option.flag}
    added = {"exclude", "env", "secrets", "build.secrets", "keep", "labels", "tags"}  # these add up; see below
    assert three - set(VALUES) == added


def test_no_option_takes_a_variable_that_belongs_to_the_container() -> None:
    assert not set(VARIABLES) & set(contract.ALL)
    assert len(set(VARIABLES)) == len(VARIABLES)


def test_every_option_has_a_field_of_config_and_a_line_of_help() -> None:
    config = Config(project_dir=Path("/"), name="x", checkpoint=Checkpoint())
    for option in OPTIONS:
        get(config, option.field)
        assert option.help.endswith(".")
        assert "\n" not in option.help


def test_the_command_line_offers_every_flag_that_the_loader_reads() -> None:
    assert {parameter.name for parameter in submit.params} >= FLAGS


def test_an_empty_variable_is_not_given(load: Load) -> None:
    assert load(environ={"AWS_RUN_MEMORY": "", "AWS_RUN_TIMEOUT": " "}).timeout_s == 7200


def test_null_in_the_file_says_what_leaving_it_out_says(load: Load) -> None:
    assert load("timeout: null\nbuild:\nresources: {cpu: ~}\nenv:\n") == load("")


def test_python_and_env_keep_the_text_as_written(load: Load) -> None:
    config = load("build: {python: 3.10}\nenv: {VERSION: 1.10, FLAG: yes, ON: true, N: 007}\n")
    assert config.build.python == "3.10"
    assert config.env == {"VERSION": "1.10", "FLAG": "yes", "ON": "true", "N": "007"}


def test_variables_add_up_name_by_name(load: Load, project: Path) -> None:
    (project / "more.env").write_text("# comment\nexport B=file\n\nC='quoted # x'\nSHELL_ONE\n")
    config = load(
        "env: {A: yaml, B: yaml, D: yaml}\n",
        environ={"AWS_RUN_ENV": "D=environment", "SHELL_ONE": "s"},
        env=("A=flag", "E=x=y,z", "SHELL_ONE"),
        env_file=Path("more.env"),
    )
    assert config.env == {
        "A": "flag",
        "B": "file",
        "C": "quoted # x",
        "D": "environment",
        "E": "x=y,z",
        "SHELL_ONE": "s",
    }


def test_a_variable_of_the_shell_that_is_not_there_is_an_error(refused: Refused, project: Path) -> None:
    message = refused("\nenv:\n  HF_HOME:\n", for_run=True)
    assert message == "aws-run.yaml:3: env.HF_HOME: HF_HOME is not set in the shell"
    assert refused("", env=("NOPE",), for_run=True) == "--env NOPE: NOPE is not set in the shell"
    (project / "x.env").write_text("A=1\nNOPE\n")
    message = refused("", env_file="x.env", for_run=True)
    assert message == "--env-file x.env:2: names a variable that is not set in the shell"


def test_commands_that_start_nothing_need_no_variable_of_the_shell(load: Load) -> None:
    assert load("env: {HF_HOME: null, A: b}\n", for_run=False).env == {"A": "b"}


def test_excludes_and_tags_add_up(load: Load) -> None:
    config = load(
        'exclude: ["*.tmp"]\ntags: {team: a, who: b}\n',
        environ={"AWS_RUN_EXCLUDE": "*.bak", "AWS_RUN_TAGS": "team=c"},
        exclude=("a,b", "*.tmp"),
        tag=("who=d e",),
    )
    assert config.exclude == ("*.tmp", "*.bak", "a,b")
    assert config.tags == {"team": "c", "who": "d e"}


def test_keep_on_the_command_line_adds_to_what_is_kept(load: Load) -> None:
    assert load(keep=("cluster",)).keep == ("bucket", "repository", "roles", "log-group", "cluster")
    assert load("keep: [bucket]\n", keep=("roles",)).keep == ("bucket", "roles")
    assert load("keep: []\n").keep == ()
    assert load("keep: [bucket]\n", environ={"AWS_RUN_KEEP": "log-group"}).keep == ("log-group",)


def test_keep_all_names_every_kind(load: Load) -> None:
    assert load("keep: [all]\n").keep == (
        *("bucket", "repository", "cluster", "roles", "log-group"),
        *("launch-template", "group", "capacity-provider", "task-definition"),
    )


def test_a_checkpoint_section_switches_checkpoints_on(load: Load) -> None:
    assert load("").checkpoint is None
    assert load("checkpoint:\n").checkpoint is None
    assert load("checkpoint: {}\n").checkpoint == Checkpoint()
    assert load("checkpoint: {every: 1m}\n").checkpoint == Checkpoint(every_s=60)
    assert load("", environ={"AWS_RUN_CHECKPOINT": "/state"}).checkpoint == Checkpoint(path="/state")


def test_a_gpu_of_0_takes_the_gpu_of_the_file_away(load: Load) -> None:
    assert load("resources: {gpu: L4:1}\n", gpu="0").resources.gpu is None


def test_spot_is_short_for_its_policy(load: Load) -> None:
    assert load("spot_policy: on-demand\n", spot=True).spot_policy == "spot"
    assert load("", environ={"AWS_RUN_SPOT_POLICY": "auto"}, spot=True).spot_policy == "spot"
    assert load("spot_policy: auto\n", spot=False).spot_policy == "auto"
    assert load("", spot=True, spot_policy="spot").spot_policy == "spot"


def test_a_command_is_words_or_a_list(load: Load) -> None:
    assert load('command: python "my main.py" --x=1\n').command == ("python", "my main.py", "--x=1")
    assert load("command: [sh, -c, 'a | b']\n").command == ("sh", "-c", "a | b")


def test_arguments_after_the_dashes_are_taken_as_they_are(load: Load) -> None:
    assert load(args=("--epochs", "3", "", "a,b ")).args == ("--epochs", "3", "", "a,b ")


def test_paths_of_the_file_are_relative_to_it_and_those_of_flags_to_the_user(load: Load, project: Path) -> None:
    elsewhere = project.parent / "elsewhere"
    elsewhere.mkdir()
    file = "input: data\noutput: ./x/../out\n"
    config = load(file, cwd=elsewhere)
    assert (config.input_folders, config.output) == ((project / "data",), project / "out")
    config = load(file, cwd=elsewhere, input="in", environ={"AWS_RUN_OUTPUT": "o"})
    assert (config.input_folders, config.output) == ((elsewhere / "in",), elsewhere / "o")


def test_a_home_folder_is_one_only_where_the_path_begins_with_it(load: Load, project: Path) -> None:
    assert load("", input="~/x").input_folders == (Path("~/x").expanduser(),)
    assert load("", input="./~/x").input_folders == (project / "~" / "x",)


def test_another_file_can_be_named(project: Path) -> None:
    other = project / "conf" / "big.yaml"
    other.parent.mkdir()
    other.write_text("input: ../data\ntimeout: 5m\n")
    by_flag = load_config(project, file=Path("conf/big.yaml"), flags={}, environ={}, cwd=project, for_run=False)
    by_variable = load_config(
        project, file=None, flags={}, environ={"AWS_RUN_FILE": "conf/big.yaml"}, cwd=project, for_run=False
    )
    assert by_flag == by_variable
    assert by_flag.input_folders == (project / "data",)
    assert by_flag.timeout_s == 300
    with pytest.raises(UsageError, match=r"^nope.yaml: no such file$"):
        load_config(project, file=Path("nope.yaml"), flags={}, environ={}, cwd=project)


def test_the_other_ending_is_read_too_but_not_both(load: Load, project: Path, refused: Refused) -> None:
    (project / "aws-run.yml").write_text("timeout: 7s\n")
    assert load().timeout_s == 7
    assert refused("").startswith("both aws-run.yaml and aws-run.yml are in ")


def test_a_dockerfile_is_held_relative_to_the_project(load: Load, project: Path) -> None:
    (project / "docker").mkdir()
    (project / "docker" / "Dockerfile.gpu").touch()
    assert load("build: {dockerfile: docker/Dockerfile.gpu}\n").build.dockerfile == "docker/Dockerfile.gpu"
    config = load("", dockerfile="Dockerfile.gpu", cwd=project / "docker")
    assert config.build.dockerfile == "docker/Dockerfile.gpu"
    assert load("", dockerfile="docker/Dockerfile.gpu", cwd=project.parent).build.dockerfile == "docker/Dockerfile.gpu"


SOME_TEXT = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["16GB", "L4:1", "4+", "2h", "auto", "spot", "5", "0", "null", "[a]", "{a: b}"]),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    flags=st.dictionaries(st.sampled_from(sorted(FLAGS - {"env_file", "spot"})), SOME_TEXT, max_size=4),
    keys=st.dictionaries(st.sampled_from([option.key or "x" for option in OPTIONS]), SOME_TEXT, max_size=4),
    variables=st.dictionaries(st.sampled_from(sorted(VARIABLES)), SOME_TEXT, max_size=3),
)
def test_whatever_is_given_there_is_a_config_or_a_sentence(
    project: Path, flags: dict[str, str], keys: dict[str, str], variables: dict[str, str]
) -> None:
    lines = [f"{key.replace('.', ': {')}: {text}{'}' if '.' in key else ''}" for key, text in keys.items()]
    (project / "aws-run.yaml").write_text("\n".join(lines), encoding="utf-8", errors="replace")
    try:
        config = load_config(project, file=None, flags=flags, environ=variables, cwd=project)
    except UsageError as error:
        assert error.message  # noqa: PT017 (either outcome is right)
    else:
        assert typed(config).name


def test_links_are_followed_at_the_users_word_alone(load: Load, refused: Refused) -> None:
    assert load("", follow_links=True).follow_links
    assert load("", environ={"AWS_RUN_FOLLOW_LINKS": "true"}).follow_links
    message = refused("follow_links: true\n")
    assert (
        message == "aws-run.yaml:1: follow_links: can't be set in the file; use --follow-links or AWS_RUN_FOLLOW_LINKS"
    )


def test_of_a_strangers_file_only_what_describes_the_job_is_read(project: Path) -> None:
    """Written out, so that an option more is one that somebody means: rights, places, hardware, money and the
    environment of who runs it are no stranger's to set."""
    assert set(HARMLESS) == {
        "command", "outputs", "tolerances", "exclude", "checkpoint.path", "checkpoint.every", "build.dockerfile", "build.target",
        "build.python", "build.dependencies", "build.extras", "build.groups", "build.install", "build.apt", "arguments.input",
        "arguments.output",
    }  # fmt: skip
    (project / "aws-run.yaml").write_text(
        "name: theirs\ncommand: python theirs.py\nimage: evil\nregion: eu-west-1\niam: {task_role: 'arn:aws:iam::123456789012:role/x'}\n"
    )
    left: list[str] = []
    config = load_config(project, file=None, flags={}, environ={}, for_run=False, left_out=left.append)
    assert config.command == ("python", "theirs.py")
    assert (config.image, config.region, config.iam.task_role) == (None, None, "auto")
    assert config.name != "theirs"
    assert len(left) == 4
