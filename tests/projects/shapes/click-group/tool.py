import pathlib

import click


@click.group()
def cli():
    pass


@cli.command()
@click.option("--in", "source", type=click.Path(path_type=pathlib.Path))
@click.option("--out", "target", type=click.Path(path_type=pathlib.Path))
def make_tiles(source, target):
    count = sum(1 for path in source.rglob("*") if path.is_file())
    (target / "answer.txt").write_text(f"made: {count} files")


@cli.command()
@click.argument("name")
def show(name):
    click.echo(name)


if __name__ == "__main__":
    cli()
