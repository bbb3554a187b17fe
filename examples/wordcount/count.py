"""Count the words of every text file under -i: words.csv over all of them, and a table for each text."""

import argparse
import csv
import re
import sys
from collections import Counter
from pathlib import Path

WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


def write_table(path, counts):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["word", "count"])
        table.writerows(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-i", "--input", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()

    total = Counter()
    texts = sorted(args.input.rglob("*.txt"))
    if not texts:
        sys.exit(f"no .txt files in {args.input}")
    for path in texts:
        counts = Counter(WORD.findall(path.read_text(encoding="utf-8").lower()))
        write_table(args.output / path.relative_to(args.input).with_suffix(".csv"), counts)
        total += counts
        print(f"{path.relative_to(args.input)}: {counts.total()} words", flush=True)
    write_table(args.output / "words.csv", total)
    print(f"{total.total()} words, {len(total)} different", flush=True)


if __name__ == "__main__":
    main()
