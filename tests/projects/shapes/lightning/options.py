import argparse
import pathlib


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data_dir", type=pathlib.Path)
    parser.add_argument("--save_dir", type=pathlib.Path)
    parser.add_argument("--max_epochs", type=int, default=1)
    return parser.parse_args()
