import six

from data.datamodule import DataModule
from models.net import Net
from options import parse


def main():
    args = parse()
    module, net = DataModule(args.data_dir), Net()
    count = sum(1 for path in module.folder.rglob("*") if path.is_file())
    (args.save_dir / "answer.txt").write_text(f"six {six.__version__}, {count} files")


if __name__ == "__main__":
    main()
