import argparse
import pathlib

import boxes

from importlib.metadata import version


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--input-dir", dest="source", type=pathlib.Path, required=True)
    parser.add_argument("--output-dir", dest="target", type=pathlib.Path, required=True)
    args = parser.parse_args()
    count = sum(1 for path in args.source.rglob("*") if path.is_file())
    args.target.mkdir(parents=True, exist_ok=True)
    (args.target / "answer.txt").write_text(f"{count} files with the package {version('boxes')}")


if __name__ == "__main__":
    main()
