"""Real builds on a real engine, pushed to a real registry and pulled from it again."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from tests.docker.image_support import Bench
from tests.docker.private_index import host_address, private_index

from aws_run import contract
from aws_run.clock import SystemClock
from aws_run.config import Build, Config, Resources
from aws_run.errors import BuildError, DockerError, SourceError
from aws_run.events import Event
from aws_run.image.builder import RegistryLogin
from aws_run.image.docker.engine import check_docker
from aws_run.image.docker.push import ApiPushEngine, push_image
from aws_run.image.plan import plan_image
from aws_run.image.recipe.entrypoint_layer import ENTRYPOINT

SCRIPT = """\
import os, pwd, sys
print(pwd.getpwuid(os.getuid()).pw_name, os.getcwd(), os.access(".", os.W_OK), sys.argv[1:], flush=True)
wanted = "-i" in sys.argv and sys.argv.index("-i"), "-o" in sys.argv and sys.argv.index("-o")
"""


@pytest.fixture
def context(docker_engine: docker.DockerClient, registry: str, base_image: str) -> Iterator[Bench]:
    context = Bench(engine=docker_engine, registry=registry, base_image=base_image)
    yield context
    context.clean()


def project(folder: Path, **files: str) -> Path:
    """`a__b` stands for a.b in the names."""
    folder.mkdir()
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(content)
    return folder


@pytest.mark.parametrize("classic", [False, True])
def test_a_project_without_dependencies_runs_as_nobody_special_in_its_own_folder(
    tmp_path: Path, context: Bench, classic: bool
) -> None:
    built = context.build(context.plan(project(tmp_path / "plain", main__py=SCRIPT)), classic=classic)
    assert built.run("python", "main.py", "-i", "x y") == "job /app True ['-i', 'x y']\n"
    config = built.inspect()["Config"]
    assert config["Entrypoint"] == list(ENTRYPOINT)
    assert config["User"] == "10001:10001"
    assert "PYTHONUNBUFFERED=1" in config["Env"]
    assert built.run(*ENTRYPOINT, "--self-check").startswith("aws-run entrypoint works")


@pytest.mark.parametrize("classic", [False, True])
def test_a_dockerfile_of_ones_own_keeps_its_entrypoint_cmd_user_and_folder(
    tmp_path: Path, context: Bench, classic: bool
) -> None:
    dockerfile = (
        "ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nRUN echo $HTTPS_PROXY > /proxy\n"
        "WORKDIR /my/work\nCOPY main.py ./\nUSER 1234:99\nSTOPSIGNAL SIGQUIT\n"
        'ENTRYPOINT ["python3", "-u", "main.py", "it\'s $HOME \\"x\\""]\nCMD ["--by", "a b"]\n'
    )
    root = project(tmp_path / "own", Dockerfile=dockerfile, main__py="print(1)\n")
    environ = {**os.environ, "HTTPS_PROXY": "http://ann:word@proxy.example:3128"}
    built = context.build(context.plan(root), classic=classic, environ=environ)
    config = built.inspect()["Config"]
    assert config["Entrypoint"] == list(ENTRYPOINT)
    assert config["Cmd"] == ["--by", "a b"]
    assert (config["User"], config["WorkingDir"]) == ("1234:99", "/my/work")
    assert config["StopSignal"] == "SIGTERM"  # what the entrypoint takes for a stop
    kept = '["python3","-u","main.py","it\'s $HOME \\"x\\""]'
    assert f"{contract.IMAGE_ENTRYPOINT}={kept}" in config["Env"]
    assert "1" in built.run("python3", "main.py")
    assert built.run("cat", "/proxy") == "http://proxy.example:3128\n"
    assert "proxy.example" not in json.dumps([built.inspect(), context.engine.images.get(built.reference).history()])
    assert not context.engine.images.list("aws-run-build")


@pytest.mark.parametrize("classic", [False, True])
def test_a_project_whose_first_file_has_an_umlaut_is_a_context_like_any_other(
    tmp_path: Path, context: Bench, classic: bool
) -> None:
    root = project(tmp_path / "umlaut", Dockerfile=f'FROM {context.base_image}\nCOPY . /w/\nCMD ["python3", "x.py"]\n')
    name = f"A {'long ' * 40}Ä.txt"
    (root / name).write_text("here")
    built = context.build(context.plan(root), classic=classic)
    assert built.run("cat", f"/w/{name}") == "here"


def test_the_entrypoint_is_one_and_the_same_layer_in_different_projects(tmp_path: Path, context: Bench) -> None:
    dockerfile = f'FROM {context.base_image}\nRUN mkdir -p /opt/x && touch /opt/x/y\nCMD ["python3", "x.py"]\n'
    one = context.build(context.plan(project(tmp_path / "one", main__py=SCRIPT)))
    two = context.build(context.plan(project(tmp_path / "two", Dockerfile=dockerfile)))
    three = context.build(context.plan(project(tmp_path / "three", Dockerfile=dockerfile, a="1")), classic=True)
    base = set(one.layers()[:1])
    assert len(set(one.layers()) & set(two.layers()) - base) == 1
    assert set(one.layers()) & set(three.layers()) - base == set(one.layers()) & set(two.layers()) - base


def test_a_code_edit_makes_one_new_layer_and_an_undone_edit_none(tmp_path: Path, context: Bench) -> None:
    root = project(tmp_path / "edit", main__py=SCRIPT, requirements__txt="six\n")
    first = context.build(context.plan(root))
    (root / "main.py").write_text(SCRIPT + "import six\nprint(six.__name__)\n")
    second = context.build(context.plan(root))
    assert second.digest != first.digest
    assert second.layers()[:-1] == first.layers()[:-1]
    assert second.layers()[-1] != first.layers()[-1]
    assert second.run("python", "main.py").endswith("six\n")
    (root / "main.py").write_text(SCRIPT)
    again = context.build(context.plan(root))
    assert (again.tag, again.layers()) == (first.tag, first.layers())


def test_entrypoint_dependencies_and_code_are_the_same_layers_whoever_builds_them(
    tmp_path: Path, context: Bench
) -> None:
    """So that a build on a fresh machine, as in CI, pushes nothing that the registry has already."""
    plan = context.plan(project(tmp_path / "same", main__py=SCRIPT, requirements__txt="six\n"))
    one, two = context.build(plan).layers(), context.build(plan, classic=True).layers()
    names = ["base", "entrypoint", "user", "dependencies", "code"]
    assert [name for name, layer in zip(names, two, strict=True) if layer not in one] == ["user"]


EVIL_SETUP = """\
import pathlib
from setuptools import setup
for cache in ("/root/.cache/uv", "/root/.cache"):
    for module in pathlib.Path(cache).rglob("six.py"):
        module.write_text(module.read_text() + "\\nPOISONED_BY = 'project A'\\n")
setup(name="evil", version="1", py_modules=[])
"""


def test_what_one_project_runs_while_it_is_built_changes_nothing_that_another_installs(
    tmp_path: Path, context: Bench
) -> None:
    """setup.py runs as root beside uv's cache, whose unpacked wheels are never looked at again."""
    script = f"{SCRIPT}import six\nprint('six says:', getattr(six, 'POISONED_BY', 'clean'))\n"
    victim = project(tmp_path / "victim", main__py=script, requirements__txt="six==1.16.0\n")
    assert context.build(context.plan(victim)).run("python", "main.py").endswith("six says: clean\n")
    attacker = project(tmp_path / "attacker", main__py=script, requirements__txt="six==1.16.0\n./evil\n")
    project(attacker / "evil", setup__py=EVIL_SETUP)
    context.build(context.plan(attacker))
    (victim / "requirements.txt").write_text("six==1.16.0\nidna\n")
    assert context.build(context.plan(victim)).run("python", "main.py").endswith("six says: clean\n")


def test_a_locked_project_gets_what_is_locked_and_its_package_can_be_imported(tmp_path: Path, context: Bench) -> None:
    pyproject = (
        '[project]\nname = "locked"\nversion = "1"\nrequires-python = ">=3.9"\ndependencies = ["six==1.16.0"]\n'
        "[dependency-groups]\ndev = [\"nothing-of-that-name-exists-here; python_version < '3'\"]\n"
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
    )
    root = project(tmp_path / "locked", main__py="import six, locked\nprint(six.__version__, locked.X)\n")
    (root / "pyproject.toml").write_text(pyproject)
    (root / "src" / "locked").mkdir(parents=True)
    (root / "src" / "locked" / "__init__.py").write_text("X = 42\n")
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([str(uv), "lock", "--quiet", "--directory", str(root)], check=True)
    config = Config(
        project_dir=root, name="locked", command=("python", "main.py"), build=Build(base_image=context.base_image)
    )
    built = context.build(plan_image(config, []))
    assert built.run("python", "main.py") == "1.16.0 42\n"


def test_a_project_that_installs_itself_is_found_where_it_runs(tmp_path: Path, context: Bench) -> None:
    root = project(tmp_path / "itself", requirements__txt="-e .\n", main__py=SCRIPT, mine__py="X = 7\n")
    (root / "pyproject.toml").write_text(
        '[project]\nname = "mine"\nversion = "1"\n[tool.setuptools]\npy-modules = ["mine"]\n'
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
    )
    built = context.build(context.plan(root))
    where = "import os; os.chdir('/tmp'); import importlib.metadata as m, mine; print(m.version('mine'), mine.__file__)"
    assert built.run("python", "-c", where) == "1 /app/mine.py\n"


@pytest.mark.parametrize("written_down", [False, True])
@pytest.mark.parametrize("classic", [False, True])
def test_the_private_index_is_used_and_its_password_is_nowhere_in_the_image(
    tmp_path: Path, context: Bench, classic: bool, written_down: bool
) -> None:
    """Its address is the machine's, or stands in requirements.txt with a variable for the password."""
    root = project(
        tmp_path / f"private-{'classic' if classic else 'buildkit'}-{'named' if written_down else 'set'}",
        main__py=SCRIPT,
        requirements__txt="arun-private-demo\n",
    )
    password = f"hunter2-{classic}-{written_down}-in-no-layer"
    with private_index("arun-private-demo", "reader", password) as port:
        index = f"http://reader:%s@{host_address(context)}:{port}/simple/"
        build = Build(base_image=context.base_image)
        if written_down:
            line = f"--extra-index-url {index % '${READERS_TOKEN}'}\n"
            (root / "requirements.txt").write_text(line + "arun-private-demo\n")
            environ = {**os.environ, "READERS_TOKEN": password}
            build = Build(base_image=context.base_image, secrets=("READERS_TOKEN",))
        else:
            environ = {**os.environ, "PIP_EXTRA_INDEX_URL": index % password}
        built = context.build(context.plan(root, build), classic=classic, environ=environ)
    assert built.run("python", "-c", "import arun_private_demo; print(arun_private_demo.X)") == "private\n"
    assert not any(password.encode() in chunk for chunk in built.all_bytes())
    assert password not in repr(built.events)
    assert built.run("python", "-c", "import os; print(os.path.exists('/run/secrets'))") == "False\n"


def test_a_dockerfile_of_ones_own_reads_the_passwords_only_where_it_is_trusted(tmp_path: Path, context: Bench) -> None:
    """It could send them anywhere; the addresses it needs to install anything at all."""
    password = "hunter2-for-nobody"
    # A secret is no part of a step's identity: the same step would be taken from the cache of an earlier test run.
    steal = "cp /run/secrets/settings /stolen && chmod 644 /stolen"
    mount = f"RUN --mount=type=secret,id=settings : {uuid.uuid4()}; {steal}\n"
    root = project(tmp_path / "thief", Dockerfile=f'FROM {context.base_image}\n{mount}CMD ["python3", "x.py"]\n')
    environ = {**os.environ, "PIP_EXTRA_INDEX_URL": f"https://reader:{password}@index.example/simple"}
    stolen = context.build(context.plan(root), environ=environ).run("cat", "/stolen")
    assert "PIP_EXTRA_INDEX_URL=https://index.example/simple" in stolen
    assert password not in stolen
    (root / "Dockerfile").write_text((root / "Dockerfile").read_text().replace("RUN", f"ENV X={uuid.uuid4()}\nRUN"))
    trusted = context.plan(root, Build(trust_dockerfile=True))
    assert password in context.build(trusted, environ=environ).run("cat", "/stolen")


@pytest.mark.parametrize("classic", [False, True])
def test_a_requirement_that_does_not_exist_says_so_with_the_installers_last_words(
    tmp_path: Path, context: Bench, classic: bool
) -> None:
    root = project(tmp_path / "wrong", main__py=SCRIPT, requirements__txt="no-such-package-arun-zz\n")
    with pytest.raises(BuildError, match="The requirement no-such-package-arun-zz does not exist") as caught:
        context.build(context.plan(root), classic=classic)
    tail = caught.value.log_tail
    assert tail[0] == "error: No solution found when resolving dependencies"
    assert 2 <= len(tail) <= 4


@pytest.mark.parametrize("classic", [False, True])
def test_an_image_without_python_is_told_at_build_time(tmp_path: Path, context: Bench, classic: bool) -> None:
    root = project(tmp_path / "bare", Dockerfile='FROM scratch\nCOPY a /\nCMD ["/a"]\n', a="x")
    with pytest.raises(BuildError, match=r"has no python3, and aws-run needs Python 3\.9"):
        context.build(context.plan(root), classic=classic)


@pytest.mark.parametrize(
    ("dockerfile", "sentence"),
    [
        ("FROM scratch\nCOPY a /\n", r"The base image has no shell"),
        (
            "FROM BASE\nRUN rm -f /usr/local/bin/python* /usr/bin/python*\n",
            r"has no python3, and aws-run needs Python 3\.9",
        ),
    ],
)
@pytest.mark.parametrize("classic", [False, True])
def test_a_base_image_without_python_is_told_at_build_time(
    tmp_path: Path, context: Bench, dockerfile: str, sentence: str, classic: bool
) -> None:
    folder = project(tmp_path / "base", Dockerfile=dockerfile.replace("BASE", context.base_image), a="x")
    name = f"arun-test-bare:{uuid.uuid4().hex[:12]}"
    context.engine.images.build(path=str(folder), tag=name, rm=True)
    try:
        with pytest.raises(BuildError, match=sentence):
            context.build(
                context.plan(project(tmp_path / "bare", main__py=SCRIPT), Build(base_image=name)), classic=classic
            )
    finally:
        context.engine.images.remove(name, noprune=True)


@pytest.mark.parametrize(
    ("dockerfile", "sentence"),
    [
        ("CMD cd /; python3 main.py\n", "CMD in Dockerfile is in shell form"),
        ("ENTRYPOINT export X=1; python3 main.py\n", "ENTRYPOINT in Dockerfile is in shell form"),
        ("CMD []\n", "neither ENTRYPOINT nor CMD"),
        ("COPY absent.txt /\n", r"copies absent\.txt, which is not among the files"),
        ("RUN echo last words >&2; exit 3\n", "RUN echo last words >&2; exit 3 failed"),
        ("FRUM x\n", "Docker refused it"),
    ],
)
@pytest.mark.parametrize("classic", [False, True])
def test_a_dockerfile_that_cannot_work_is_one_sentence(
    tmp_path: Path, context: Bench, dockerfile: str, sentence: str, classic: bool
) -> None:
    root = project(tmp_path / "broken", Dockerfile=f"FROM {context.base_image}\n{dockerfile}", main__py=SCRIPT)
    with pytest.raises((BuildError, SourceError), match=sentence) as caught:  # SourceError: seen before the build
        context.build(context.plan(root), classic=classic)
    assert caught.value.hint is not None
    tail = caught.value.log_tail if isinstance(caught.value, BuildError) else ()
    assert not any("--->" in line or line.startswith("#") for line in tail)


def test_an_image_of_another_architecture_is_refused_before_it_is_pushed(tmp_path: Path, context: Bench) -> None:
    here = check_docker().arch
    other = "arm64" if here == "x86_64" else "x86_64"
    platform, machine = ("amd64", "x86_64") if here == "x86_64" else ("arm64", "aarch64")
    # Behind a variable, which only the build puts in: a plain `--platform=` is refused before it.
    dockerfile = f'ARG P=linux/{platform}\nFROM --platform=$P {context.base_image}\nCMD ["x"]\n'
    root = project(tmp_path / "foreign", Dockerfile=dockerfile)
    config = Config(project_dir=root, name="foreign", resources=Resources(arch=other))
    with pytest.raises(BuildError, match=f"is for {machine}, but {other} was asked for"):
        context.build(plan_image(config, []))


def test_nothing_is_written_to_dockers_own_configuration(tmp_path: Path, context: Bench) -> None:
    folder = tmp_path / "docker-config"
    folder.mkdir()
    environ = {**os.environ, "DOCKER_CONFIG": str(folder)}
    context.build(context.plan(project(tmp_path / "quiet", main__py=SCRIPT)), environ=environ)
    assert not any(path.name == "config.json" for path in folder.rglob("*"))


def test_a_registry_that_refuses_a_token_gets_a_fresh_one(context: Bench, guarded_registry: str) -> None:
    """What an ECR token does after 12 hours; here the registry checks passwords itself."""
    passwords = iter(["wrong", "right"])
    asked: list[str] = []

    def login() -> RegistryLogin:
        asked.append(next(passwords))
        return RegistryLogin(server=guarded_registry, username="AWS", password=asked[-1])

    name = f"{guarded_registry}/arun/guarded"
    context.engine.images.get(context.base_image).tag(name, "t")
    context.pushed.append(f"{name}:t")
    events: list[Event] = []
    digest = push_image(ApiPushEngine(context.engine.api), name, "t", login, emit=events.append, clock=SystemClock())
    assert digest.startswith("sha256:")
    assert asked == ["wrong", "right"]
    auth = {"username": "AWS", "password": "right"}
    assert ApiPushEngine(context.engine.api).remote_digest(f"{name}:t", auth) == digest


def test_a_registry_that_is_not_there_is_an_error_in_the_end(context: Bench) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        name = f"127.0.0.1:{probe.getsockname()[1]}/arun/x"
        context.engine.images.get(context.base_image).tag(name, "t")
        context.pushed.append(f"{name}:t")
        events: list[Event] = []
        with pytest.raises(DockerError, match="could not push"):
            push_image(ApiPushEngine(context.engine.api), name, "t", context.login, emit=events.append, clock=NoWait())
    assert len(events) == 5


class NoWait(SystemClock):
    def sleep(self, seconds: float) -> None:
        assert seconds > 0


@pytest.fixture
def guarded_registry(docker_engine: docker.DockerClient, registry: str, tmp_path: Path) -> Iterator[str]:
    """A registry like that of the other tests, which asks for AWS and `right`."""
    hashed = "$2b$05$abcdefghijklmnopqrstuu8xaCxxL82bnl.UY74PMksDxIJShppPC"
    (tmp_path / "htpasswd").write_text(f"AWS:{hashed}\n")
    container = docker_engine.containers.run(
        "aws-run-test-registry:latest",
        detach=True,
        ports={"5000/tcp": ("127.0.0.1", None)},
        volumes={str(tmp_path / "htpasswd"): {"bind": "/htpasswd", "mode": "ro"}},
        environment={
            "REGISTRY_AUTH": "htpasswd",
            "REGISTRY_AUTH_HTPASSWD_REALM": "tests",
            "REGISTRY_AUTH_HTPASSWD_PATH": "/htpasswd",
        },
    )
    try:
        container.reload()
        port = int(container.ports["5000/tcp"][0]["HostPort"])
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
        yield f"127.0.0.1:{port}"
    finally:
        container.remove(force=True, v=True)
