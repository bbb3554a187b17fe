"""What is refused without AWS, and how it is said."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aws_run.config import load_config
from aws_run.errors import EXIT_USAGE, ConfigError, UsageError

from .conftest import Load

Refused = Callable[..., str]


@pytest.mark.parametrize(
    ("yaml", "message"),
    [
        ("name: x\nresources:\n  memroy: 16GB\n", 'aws-run.yaml:3: resources.memroy: unknown key; did you mean "memory"?'),
        ("comand: x\n", 'aws-run.yaml:1: comand: unknown key; did you mean "command"?'),
        ("memory: 16GB\n", 'aws-run.yaml:1: memory: unknown key; did you mean "resources.memory"?'),
        ("reources: {}\n", 'aws-run.yaml:1: reources: unknown key; did you mean "resources"?'),
        ("spot: true\n", 'aws-run.yaml:1: spot: unknown key; did you mean "spot_policy"?'),
        ("xyz: 1\n", "aws-run.yaml:1: xyz: unknown key"),
        ("profile: me\n", "aws-run.yaml:1: profile: can't be set in the file; use --profile or AWS_RUN_PROFILE"),
        ("args: [x]\n", "aws-run.yaml:1: args: can't be set in the file; use ARGS after --"),
        ("version: 2\n", "aws-run.yaml:1: version: only version 1 is known to this aws-run"),
        ("resources: 4\n", "aws-run.yaml:1: resources: must hold keys and values: cpu, memory, gpu, disk, output_size, arch, instance_types"),
        ("name: [a]\n", "aws-run.yaml:1: name: must be a single value"),
        ("name: My Project\n", 'aws-run.yaml:1: name: "My Project" is not a project name: lower-case letters, digits and single dashes, at most 32; try "my-project"'),
        (f"name: {'a' * 33}\n", f'aws-run.yaml:1: name: "{"a" * 33}" is not a project name: lower-case letters, digits and single dashes, at most 32; try "{"a" * 32}"'),
        ("exclude: '*.tmp'\n", "aws-run.yaml:1: exclude: must be a list, like [*.tmp]"),
        ("exclude: [a, [b]]\n", "aws-run.yaml:1: exclude[1]: must be a single value"),
        ("keep:\n  - bucket\n  - clusters\n", 'aws-run.yaml:3: keep[1]: "clusters" is none of bucket, repository, cluster, roles, log-group, launch-template, group, capacity-provider, task-definition, all; did you mean "cluster"?'),
        ("backend: fargat\n", 'aws-run.yaml:1: backend: "fargat" is none of auto, ec2, fargate; did you mean "fargate"?'),
        ("resources: {cpu: many}\n", 'aws-run.yaml:1: resources.cpu: "many" is not a number of vCPU; write 4, 0.5 or 4+ for at least'),
        ("timeout: 0\n", 'aws-run.yaml:1: timeout: "0" is too short; it must be 1 s or more'),
        ("timeout: 15d\n", 'aws-run.yaml:1: timeout: "15d" is too long; at most 14 days'),
        ("limits: {max_cost: 0}\n", 'aws-run.yaml:1: limits.max_cost: "0" is too little; it must be more than 0'),
        ("retry: {max: -1}\n", 'aws-run.yaml:1: retry.max: "-1" must be a whole number from 0 to 20'),
        ("command: 'python \"main.py'\n", "aws-run.yaml:1: command: can't be split into words: no closing quotation"),
        ("command: python main.py | tee log\n", 'aws-run.yaml:1: command: "|" needs a shell and none is used; write ["sh", "-c", "…"] for one'),
        ("command: []\n", "aws-run.yaml:1: command: is empty"),
        ("env: [A=b]\n", "aws-run.yaml:1: env: must hold names and values"),
        ("env: {A: [b]}\n", "aws-run.yaml:1: env.A: must be a single value"),
        ("env: {1A: b}\n", 'aws-run.yaml:1: env.1A: "1A" is not a name for a variable: letters, digits and _'),
        ("env: {AWS_RUN_ID: b}\n", "aws-run.yaml:1: env.AWS_RUN_ID: AWS_RUN_ID is set by aws-run itself"),
        ("secrets: {T: hunter2}\n", "aws-run.yaml:1: secrets.T: must be the ARN of a Secrets Manager secret or an SSM parameter, never the secret itself"),
        ("secrets:\n  T:\n", "aws-run.yaml:2: secrets.T: has no value"),
        ("tags: {'aws:x': b}\n", "aws-run.yaml:1: tags.aws:x: \"aws:x\" can't be set: aws: belongs to AWS and aws-run: to this tool"),
        ("tags: {'aws-run:run': b}\n", "aws-run.yaml:1: tags.aws-run:run: \"aws-run:run\" can't be set: aws: belongs to AWS and aws-run: to this tool"),
        ("tags: {a: 'b;c'}\n", 'aws-run.yaml:1: tags.a: "b;c" is not a tag value: up to 256 letters, digits, spaces and _.:/=+-@'),
        ("build: {python: 2.7}\n", 'aws-run.yaml:1: build.python: "2.7" is not a Python version; write "3.12"'),
        ("build: {python: 3.7}\n", "aws-run.yaml:1: build.python: Python 3.7 is too old; 3.8 is the oldest that can be had"),
        ("build: {dockerfile: nope}\n", "aws-run.yaml:1: build.dockerfile: nope: no such file"),
        ("retention: {logs: 31}\n", "aws-run.yaml:1: retention.logs: 31 is not a period CloudWatch Logs offers; the nearest is 30"),
        ("region: frankfurt\n", 'aws-run.yaml:1: region: "frankfurt" is not a region; they look like eu-central-1'),
        ("input: s3://B/x\n", 'aws-run.yaml:1: input: "B" is not a bucket name; write s3://bucket/prefix'),
        ("output: s3://bucket/x\n", "aws-run.yaml:1: output: s3://bucket/x: outputs go into a local folder; the bucket keeps them as well"),
        ("backend: fargate\nresources: {gpu: 1}\n", "aws-run.yaml:2: resources.gpu: Fargate has no GPUs (aws-run.yaml:1: backend asks for Fargate)"),
        ("backend: fargate\nresources: {cpu: 17}\n", "aws-run.yaml:2: resources.cpu: a Fargate task has at most 16 vCPU (aws-run.yaml:1: backend asks for Fargate)"),
        ("resources: {gpu: A100, arch: arm64}\n", "aws-run.yaml:1: resources.gpu: GPUs can't be had beside an arm64 processor"),
        ("backend: fargate\nspot_policy: auto\n", "aws-run.yaml:2: spot_policy: Fargate Spot never falls back to on-demand by itself (aws-run.yaml:1: backend asks for Fargate)"),
        ("region: us-iso-east-1\n", "aws-run.yaml:1: region: aws-run does not work in us-iso-east-1: what AWS ISO has of a run's services is not known"),
        ("region: eusc-de-east-1\n", "aws-run.yaml:1: region: aws-run does not work in eusc-de-east-1: what AWS European Sovereign Cloud has of a run's services is not known"),
        ("kms_key: alias/mine\n", 'aws-run.yaml:1: kms_key: "alias/mine" is not the ARN of a KMS key'),
        ("retention: {runs: 2}\ntimeout: 30h\n", "aws-run.yaml:1: retention.runs: with 2 days of retention S3 could remove a run's outputs while it lasts (its timeout is 1.2 days)"),
        ("image: a:1\nbuild: {base_image: b}\n", "aws-run.yaml:2: build.base_image: there is nothing to build, because aws-run.yaml:1: image names a ready image"),
    ],
)  # fmt: skip
def test_the_file_is_refused_by_line_and_key(refused: Refused, yaml: str, message: str) -> None:
    assert refused(yaml) == message


def test_all_mistakes_of_a_file_are_told_in_one_round(refused: Refused) -> None:
    yaml = "inptu: x\nbuild: {atp: [a], python: snake}\nresources: {cpu: lots}\ncheckpoint: 3\nsecrets: {T: hunter2}\n"
    assert refused(yaml).splitlines() == [
        "aws-run.yaml has 6 mistakes",
        'aws-run.yaml:1: inptu: unknown key; did you mean "input"?',
        'aws-run.yaml:2: build.atp: unknown key; did you mean "apt"?',
        'aws-run.yaml:2: build.python: "snake" is not a Python version; write "3.12"',
        'aws-run.yaml:3: resources.cpu: "lots" is not a number of vCPU; write 4, 0.5 or 4+ for at least',
        "aws-run.yaml:4: checkpoint: must hold keys and values: path, every",
        "aws-run.yaml:5: secrets.T: must be the ARN of a Secrets Manager secret or an SSM parameter, never the secret itself",
    ]


def test_a_file_of_a_newer_version_is_refused_for_that_alone(refused: Refused) -> None:
    assert refused("version: 2\nnew_key: x\nother: y\n") == (
        "aws-run.yaml:1: version: only version 1 is known to this aws-run"
    )


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"memory": "16"}, '--memory: "16" has no unit; write 16GB or 16MB'),
        ({"gpu": "L4", "backend": "fargate"}, "--gpu: Fargate has no GPUs (--backend asks for Fargate)"),
        ({"memory": "121GB", "backend": "fargate"}, "--memory: a Fargate task has at most 120GB of memory (--backend asks for Fargate)"),
        ({"disk": "201GB", "backend": "fargate"}, "--disk: a Fargate task has at most 200GB of disk (--backend asks for Fargate)"),
        ({"instance_type": ("c7i.large",), "backend": "fargate"}, "--instance-type: Fargate has no instance types (--backend asks for Fargate)"),
        ({"instance_type": ("large",)}, '--instance-type: "large" is not an instance type; they look like c7i.2xlarge'),
        ({"spot": True, "spot_policy": "on-demand"}, "--spot and --spot-policy on-demand contradict each other"),
        ({"spot": True, "spot_policy": "auto"}, "--spot and --spot-policy auto contradict each other"),
        ({"tag": ("team",)}, '--tag: "team" must be NAME=VALUE'),
        ({"secret": ("T=hunter2",)}, "--secret T: must be the ARN of a Secrets Manager secret or an SSM parameter, never the secret itself"),
        ({"subnets": "vpc-1"}, '--subnets: "vpc-1" is not a subnet; they look like subnet-0abc…'),
        ({"timeout": "-1h"}, '--timeout: "-1h" is not a duration; write 7d, 2h, 90m, 1h30m or 45s'),
        ({"max_cost": "free"}, '--max-cost: "free" is not an amount in USD; write 5.00'),
        ({"image": "a:1", "dockerfile": "none"}, "--dockerfile: there is nothing to build, because --image names a ready image"),
        ({"env": ("AWS_SECRET_ACCESS_KEY=x",)}, "--env AWS_SECRET_ACCESS_KEY: AWS_SECRET_ACCESS_KEY would be readable in the task definition; the job has a role of its own (iam.task_role), and secrets: hands in what must stay secret"),
        ({"env_file": "nope.env"}, "--env-file nope.env: can't be read: No such file or directory"),
    ],
)  # fmt: skip
def test_a_flag_is_refused_by_its_name(refused: Refused, flags: dict[str, Any], message: str) -> None:
    assert refused(**flags) == message


def test_a_secret_given_in_the_clear_is_not_repeated_in_the_message(refused: Refused) -> None:
    assert "hunter2" not in refused(secret=("T=hunter2",))
    assert "hunter2" not in refused("secrets: {T: hunter2}\n")


def test_errors_of_use_and_of_configuration_exit_with_2() -> None:
    assert ConfigError("x").exit_code == UsageError("x").exit_code == EXIT_USAGE


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "AWS_RUN_MEMROY",
            'the environment has AWS_RUN_MEMROY, which is not a setting of aws-run; did you mean "AWS_RUN_MEMORY"?',
        ),
        ("AWS_RUN_QQQQ_WWWW", "the environment has AWS_RUN_QQQQ_WWWW, which is not a setting of aws-run"),
    ],
)
def test_an_unknown_variable_is_refused_with_a_suggestion(refused: Refused, name: str, message: str) -> None:
    assert refused(environ={name: "1"}) == message


@pytest.mark.parametrize("name", ["AWS_RUN_ID", "AWS_RUN_LOCAL_PORT", "AWS_RUN_LOCAL", "AWS_RUN_DEBUG", "AWS_REGION"])
def test_variables_of_the_container_and_the_embedded_aws_are_none_of_our_business(load: Load, name: str) -> None:
    assert load(environ={name: "1"}) == load()


def test_a_variable_in_two_places_is_refused(refused: Refused) -> None:
    arn = "arn:aws:ssm:eu-central-1:123456789012:parameter/x"
    assert refused(f"env: {{A: b}}\nsecrets: {{A: '{arn}'}}\n") == (
        "aws-run.yaml:2: secrets: A is in env as well; a variable has one source"
    )


def test_a_ready_image_on_the_command_line_beats_the_build_section(load: Load) -> None:
    config = load("build: {base_image: b}\n", image="a:1")
    assert config.image == "a:1"


def test_more_tags_than_aws_takes_are_refused(refused: Refused) -> None:
    assert refused(tag=tuple(f"t{n}=1" for n in range(41))) == "--tag: 41 tags; at most 40 fit beside aws-run's own"


def test_results_are_kept_a_day_longer_than_the_run_may_take(load: Load) -> None:
    assert load("retention: {runs: 2}\ntimeout: 24h\n").runs_retention_days == 2
    assert load("retention: {runs: 15}\ntimeout: 14d\n").runs_retention_days == 15


@pytest.mark.parametrize("given", [{"env": ("A=" + "x" * 60_000,)}, {"args": ("x" * 30_000, "y" * 30_000)}])
def test_more_text_than_a_task_definition_takes_is_refused(refused: Refused, given: dict[str, Any]) -> None:
    assert "AWS takes about 56 KiB" in refused(**given)


def test_long_arguments_that_fit_are_let_through(load: Load) -> None:
    assert len(load(args=("x" * 50_000,)).args[0]) == 50_000


def test_the_largest_fargate_task_is_let_through(load: Load) -> None:
    assert load(backend="fargate", cpu="16", memory="120GB", disk="200GB").backend == "fargate"


class TestFolders:
    """-i must be there; -o must be able to be, and apart from -i."""

    def test_both_are_needed(self, refused: Refused) -> None:
        assert refused(for_run=True) == "no input folder is given"
        assert refused(for_run=True, input="data") == "no output folder is given"

    def test_a_detached_run_needs_no_output_folder(self, load: Load) -> None:
        assert load(for_run=True, input="data", detach=True).output is None

    def test_commands_that_start_nothing_look_at_neither(self, load: Load) -> None:
        assert load("input: gone\n", for_run=False).inputs

    def test_the_input_must_be_a_folder_that_is_there(self, refused: Refused, project: Path) -> None:
        (project / "file").touch()
        assert refused(for_run=True, input="nope", output="out") == "-i nope: no such folder"
        assert refused(for_run=True, input="file", output="out") == "-i file: is a file; the input is a folder"
        message = refused("\ninput: nope\noutput: out\n", for_run=True)
        assert message == "aws-run.yaml:2: input: nope: no such folder"
        message = refused("output: out\n", for_run=True, environ={"AWS_RUN_INPUT": "nope"})
        assert message == "AWS_RUN_INPUT nope: no such folder"

    def test_the_output_folder_is_not_made_here(self, load: Load, project: Path) -> None:
        assert load(for_run=True, input="data", output="a/b").output == project / "a" / "b"
        assert not (project / "a").exists()

    def test_the_output_must_be_able_to_become_a_folder(self, refused: Refused, project: Path) -> None:
        (project / "file").touch()
        message = refused(for_run=True, input="data", output="file")
        assert message == "-o file: is a file; results go into a folder"
        message = refused(for_run=True, input="data", output="file/out")
        assert message == f"-o file/out: {project / 'file'} is a file, so no folder can be made in it"

    @pytest.mark.parametrize("output", ["data", "./data/", "data/../data", "link"])
    def test_the_output_is_not_the_input(self, refused: Refused, project: Path, output: str) -> None:
        (project / "link").symlink_to("data")
        assert refused(for_run=True, input="data", output=output) == f"-o {output}: is the input folder"

    @pytest.mark.parametrize("output", ["data/out", "data/a/b", "link/out"])
    def test_the_output_is_not_inside_the_input(self, refused: Refused, project: Path, output: str) -> None:
        (project / "link").symlink_to("data")
        assert refused(for_run=True, input="data", output=output) == (
            f"-o {output}: lies inside the input folder, so results would be sent as input next time"
        )

    @pytest.mark.parametrize("output", ["/", "..", "~"])
    def test_the_output_is_no_folder_that_holds_far_more(
        self, refused: Refused, output: str, monkeypatch: pytest.MonkeyPatch, project: Path
    ) -> None:
        monkeypatch.setenv("HOME", str(project.parent / "home"))
        (project.parent / "home").mkdir()
        named = str(Path(output).expanduser()) if output == "~" else output
        message = refused(for_run=True, input="data", output=named)
        assert message.startswith(f"-o {named}: is ")
        assert "results" in message

    def test_the_output_is_not_the_projects_own_folder(self, refused: Refused) -> None:
        assert "is the project's folder" in refused(for_run=True, input="data", output=".")

    def test_a_neighbour_with_a_longer_name_is_not_inside(self, load: Load) -> None:
        assert load(for_run=True, input="data", output="data-out").output

    def test_a_name_too_long_for_the_file_system_is_a_sentence(self, refused: Refused) -> None:
        assert refused(for_run=True, input="x" * 5000, output="out") == "a path can't be followed: File name too long"

    @pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
    def test_an_input_without_rights_is_refused(self, refused: Refused, project: Path) -> None:
        (project / "data").chmod(0)
        assert refused(for_run=True, input="data", output="out") == "-i data: can't be read by this user"

    def test_a_project_that_is_no_folder_is_refused(self, project: Path) -> None:
        (project / "file").touch()
        for name, what in (("nope", "no such folder or script"), ("file", "is a file, not a folder")):
            with pytest.raises(UsageError) as caught:
                load_config(project / name, file=None, flags={}, environ={}, cwd=project)
            assert caught.value.message == f"{project / name}: {what}"

    @pytest.mark.parametrize(("given", "hint"), [("trian.py", "did you mean train.py?"), ("other", "give the folder")])
    def test_a_script_that_is_misspelt_is_suggested(
        self, project: Path, given: str, hint: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(project)
        (project / "train.py").touch()
        with pytest.raises(UsageError) as caught:
            load_config(Path(given), file=None, flags={}, environ={}, cwd=project)
        assert caught.value.message == f"{given}: no such folder or script"
        assert caught.value.hint is not None
        assert hint in caught.value.hint

    def test_an_input_that_is_misspelt_is_suggested_if_it_is_a_folder(self, load: Load, project: Path) -> None:
        (project / "dats").touch()
        for given, hint in (("dtaa", "did you mean data?"), ("dats2", None), ("zzz", None)):
            with pytest.raises(ConfigError) as caught:
                load("", for_run=True, input=given, output="out")
            assert caught.value.hint == hint

    def test_a_dockerfile_outside_of_the_project_is_refused(self, refused: Refused, project: Path) -> None:
        (project.parent / "Dockerfile").touch()
        message = refused(dockerfile="../Dockerfile")
        assert message == f"--dockerfile: ../Dockerfile lies outside of the project {project}"
