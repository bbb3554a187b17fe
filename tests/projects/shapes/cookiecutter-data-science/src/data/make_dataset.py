import pathlib

import click


@click.command()
@click.argument("input_filepath", type=click.Path(exists=True))
@click.argument("output_filepath", type=click.Path())
def main(input_filepath, output_filepath):
    """Turns raw data into data that is ready to be analysed."""
    count = sum(1 for path in pathlib.Path(input_filepath).rglob("*") if path.is_file())
    answer = f"{click.__name__ and 8}, {count} files"
    (pathlib.Path(output_filepath) / "answer.txt").write_text(answer)


if __name__ == "__main__":
    main()
