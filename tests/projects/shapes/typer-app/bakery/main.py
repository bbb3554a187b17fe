from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def bake(
    input_dir: Annotated[Path, typer.Option(help="flour")],
    output_dir: Annotated[Path, typer.Option(help="bread")],
):
    count = sum(1 for path in input_dir.rglob("*") if path.is_file())
    (output_dir / "answer.txt").write_text(f"{count} files")
