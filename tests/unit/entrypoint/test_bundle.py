from __future__ import annotations

import ast
import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from tests.unit.transfer.stub import StubS3

from aws_run.image.recipe.entrypoint_layer import ENTRYPOINT
from aws_run_entrypoint import bundle
from aws_run_entrypoint.bundle import pyz_bytes, write_layer


def test_the_layer_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    write_layer(tmp_path / "a.tar")
    os.utime(Path(__file__).parents[3] / "entrypoint/aws_run_entrypoint/main.py")
    write_layer(tmp_path / "b.tar")
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()
    assert (tmp_path / "a.tar").stat().st_size <= 300_000


def test_the_layer_holds_the_zip_and_two_open_folders(tmp_path: Path) -> None:
    write_layer(tmp_path / "a.tar")
    with tarfile.open(tmp_path / "a.tar") as archive:
        held = {m.name: (m.mode, m.uid, m.mtime) for m in archive}
        zipped = archive.extractfile("opt/aws-run/entrypoint.pyz")
        assert zipped is not None
        assert zipped.read() == pyz_bytes()
    assert held["aws-run"] == held["checkpoint"] == (0o1777, 0, 0)
    assert held["opt/aws-run/entrypoint.pyz"] == (0o644, 0, 0)


def test_what_is_checked_in_the_image_is_all_that_is_imported_anywhere() -> None:
    parsed = {"pyexpat"}
    with zipfile.ZipFile(io.BytesIO(pyz_bytes())) as archive:
        sources = [archive.read(name) for name in archive.namelist() if not name.endswith("needed.py")]
        checked = ast.literal_eval(archive.read("aws_run_entrypoint/needed.py").decode().partition(" = ")[2])
    for node in (node for source in sources for node in ast.walk(ast.parse(source))):
        if isinstance(node, ast.Import):
            parsed.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            parsed.add(node.module)
    assert set(checked) == {name for name in parsed if not name.startswith("aws_run_entrypoint")}
    assert {"ssl", "zlib", "http.client"} <= set(checked)


@pytest.mark.parametrize("module", ["ssl", "zlib", "http.client", "pyexpat"])
def test_a_python_that_lacks_a_module_is_one_sentence_when_the_image_is_built(tmp_path: Path, module: str) -> None:
    (tmp_path / "e.pyz").write_bytes(pyz_bytes())
    lacks = f"import runpy, sys; sys.modules[{module!r}] = None; sys.argv = ['e', '--self-check']; runpy.run_path('e.pyz', run_name='__main__')"
    command = [sys.executable, *ENTRYPOINT[1:-1], "-c", lacks]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (125, "")
    assert done.stderr == f"aws-run: this image's python3 is not whole, it lacks the module {module}\n"


def stopped_at_once(folder: Path) -> Path:
    """The zip, and a stop signal that comes while its first module is loaded."""
    path = folder / "stopped.pyz"
    with zipfile.ZipFile(io.BytesIO(pyz_bytes())) as held, zipfile.ZipFile(path, "w") as changed:
        for name in held.namelist():
            sent = b"\nimport os; os.kill(os.getpid(), 15)\n" if name == "aws_run_entrypoint/__init__.py" else b""
            changed.writestr(name, held.read(name) + sent)
    return path


def test_a_stop_that_comes_while_modules_are_loaded_waits_for_the_supervisor(tmp_path: Path) -> None:
    env = {
        **{"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"},
        **{"AWS_RUN_ID": "r", "AWS_RUN_BUCKET": "bucket", "AWS_RUN_PREFIX": "runs/r/"},
        **{"AWS_RUN_WORK_DIR": str(tmp_path), "AWS_RUN_COMMAND": '["touch","started"]'},
    }
    with StubS3() as stub:
        done = subprocess.run(
            [sys.executable, *ENTRYPOINT[1:-1], stopped_at_once(tmp_path)],
            cwd=tmp_path,
            env={**env, "AWS_ENDPOINT_URL_S3": stub.url},
            capture_output=True,
            text=True,
            check=False,
        )
        result = json.loads(stub.current()["runs/r/result.json"])
    assert (done.returncode, result["reason"]) == (125, "stopped"), done.stderr
    assert not (tmp_path / "started").exists()


def test_the_zip_checks_itself_in_an_isolated_python(tmp_path: Path) -> None:
    (tmp_path / "e.pyz").write_bytes(pyz_bytes())
    (tmp_path / "socket.py").write_text("raise SystemExit('the job folder must not be imported from')")
    done = subprocess.run(
        [sys.executable, *ENTRYPOINT[1:-1], tmp_path / "e.pyz", "--self-check"],
        cwd=tmp_path,
        env={},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("aws-run entrypoint works with Python 3.")
    assert done.stderr == ""


class _WithoutDocstrings(ast.NodeTransformer):
    """What they say is taken out; where they end is nobody's business."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return ast.copy_location(ast.Pass(), node)
        return node


def _program(source: bytes) -> str:
    tree = _WithoutDocstrings().visit(ast.parse(source))
    for node in ast.walk(tree):
        for end in {"end_lineno", "end_col_offset"} & set(getattr(node, "_attributes", ())):
            setattr(node, end, 0)
    return ast.dump(tree, include_attributes=True)


def test_leaving_out_comments_and_docstrings_changes_no_program() -> None:
    for path in Path(bundle.__file__).parent.rglob("*.py"):
        source = path.read_bytes()
        short = bundle.without_texts(source)
        assert _program(short) == _program(source), path
