import argparse
import pathlib

import six


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-i", dest="source", type=pathlib.Path, required=True)
    parser.add_argument("-o", dest="target", type=pathlib.Path, required=True)
    args = parser.parse_args()
    count = sum(1 for path in args.source.rglob("*") if path.is_file())
    args.target.mkdir(parents=True, exist_ok=True)
    (args.target / "answer.txt").write_text(f"six {six.__version__}, {count} files")


if __name__ == "__main__":
    main()
