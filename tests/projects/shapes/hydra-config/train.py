import pathlib

import hydra


@hydra.main(version_base=None, config_path="conf", config_name="config")
def main(cfg):
    count = sum(1 for path in pathlib.Path(cfg.paths.data_dir).rglob("*") if path.is_file())
    target = pathlib.Path(cfg.paths.output_dir)
    target.mkdir(parents=True, exist_ok=True)
    (target / "answer.txt").write_text(f"{cfg.model.name}, {count} files")


if __name__ == "__main__":
    main()
