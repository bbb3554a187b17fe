import pathlib
import sys

input_dir = pathlib.Path(sys.argv[1])
output_dir = pathlib.Path(sys.argv[2])
count = sum(1 for path in input_dir.rglob("*") if path.is_file())
(output_dir / "answer.txt").write_text(f"{count} files")

if __name__ == "__main__":
    print("done")
