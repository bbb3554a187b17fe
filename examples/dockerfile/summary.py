"""Mean, lowest and highest of each measurement in the CSV files of -i, by one column, written to -o/summary.csv."""

import argparse
import csv
import statistics
import sys
from collections import defaultdict
from pathlib import Path


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--by", required=True, help="the column to group by")
    parser.add_argument("-i", "--input", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()

    values = defaultdict(list)
    for path in sorted(args.input.rglob("*.csv")):
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                group = row.pop(args.by)
                for column, cell in row.items():
                    values[group, column].append(float(cell))
        print(f"read {path.name}", flush=True)
    if not values:
        sys.exit(f"no CSV files in {args.input}")

    args.output.mkdir(parents=True, exist_ok=True)
    with (args.output / "summary.csv").open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow([args.by, "measurement", "count", "mean", "lowest", "highest"])
        for (group, column), cells in sorted(values.items()):
            table.writerow([group, column, len(cells), f"{statistics.fmean(cells):.3f}", min(cells), max(cells)])
    print(f"{sum(map(len, values.values()))} numbers, {len(values)} rows written", flush=True)


if __name__ == "__main__":
    main()
