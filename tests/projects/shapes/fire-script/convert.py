from pathlib import Path

import fire


def convert(src, dst, quality=90):
    count = sum(1 for path in Path(src).rglob("*") if path.is_file())
    Path(dst, "answer.txt").write_text(f"{count} files")


if __name__ == "__main__":
    fire.Fire(convert)
