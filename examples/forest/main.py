"""Train a random forest on the wines of -i/train.csv, judge those of -i/test.csv; predictions and a plot go to -o."""

import argparse
import csv
import os
from pathlib import Path

import matplotlib as mpl
import numpy as np
from sklearn.ensemble import RandomForestClassifier

mpl.use("Agg")
from matplotlib import pyplot as plt

ROUNDS = 5
TREES_PER_ROUND = 100


def read_table(path):
    """Feature names, a row of numbers for each wine, and its cultivar."""
    with path.open(newline="") as file:
        header, *rows = csv.reader(file)
    values = np.array([[float(cell) for cell in row[:-1]] for row in rows])
    return header[:-1], values, np.array([row[-1] for row in rows])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-i", "--input", type=Path, required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()

    names, train, train_labels = read_table(args.input / "train.csv")
    _, test, test_labels = read_table(args.input / "test.csv")
    print(f"{len(train)} wines to learn from, {len(test)} to judge, {os.cpu_count()} cores", flush=True)

    forest = RandomForestClassifier(warm_start=True, oob_score=True, n_jobs=-1, random_state=0)
    for done in range(1, ROUNDS + 1):
        forest.set_params(n_estimators=done * TREES_PER_ROUND)
        forest.fit(train, train_labels)
        print(f"{forest.n_estimators} trees: {forest.oob_score_:.1%} right out of bag", flush=True)

    predicted = forest.predict(test)
    certainty = forest.predict_proba(test).max(axis=1)
    args.output.mkdir(parents=True, exist_ok=True)
    with (args.output / "predictions.csv").open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["wine", "cultivar", "predicted", "certainty"])
        for number, row in enumerate(zip(test_labels, predicted, certainty, strict=True), start=1):
            table.writerow([number, row[0], row[1], f"{row[2]:.2f}"])

    order = np.argsort(forest.feature_importances_)
    figure, axes = plt.subplots(figsize=(7, 5))
    axes.barh([names[index] for index in order], forest.feature_importances_[order])
    axes.set_xlabel("importance")
    axes.set_title(f"What tells the wines apart ({(predicted == test_labels).mean():.0%} of {len(test)} right)")
    figure.tight_layout()
    figure.savefig(args.output / "importance.png", dpi=120)
    print(f"{(predicted == test_labels).sum()} of {len(test)} right", flush=True)


if __name__ == "__main__":
    main()
