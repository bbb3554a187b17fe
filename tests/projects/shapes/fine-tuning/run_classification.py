from dataclasses import dataclass

from transformers import HfArgumentParser


@dataclass
class DataArguments:
    data_dir: str
    max_length: int = 128


@dataclass
class TrainArguments:
    output_dir: str


def main():
    parser = HfArgumentParser((DataArguments, TrainArguments))
    print(parser.parse_args_into_dataclasses())


if __name__ == "__main__":
    main()
