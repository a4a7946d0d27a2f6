"""models/best of two genres of the demo site, made in the working directory: `python -m tests.support.demo_model`."""

import shutil
from pathlib import Path

from tests.conftest import REPOSITORY, edit_params
from tests.support.exported_model import train_and_export
from tests.support.pipeline_inputs import BACKBONE

GENRES = ["fantasy", "comic"]
PARAMS = {
    "label.genres": GENRES,
    "train.backbones": [BACKBONE],
    "finetune.unfreeze": [0],  # no such model is handed on
    "finetune.epochs": 1,
}


def main() -> None:
    """Run the stages in the working directory."""
    from stages import crawl, features, label, pretrained, resize, split, zero_center
    from webtoon_genre.core.params import read

    shutil.copy(REPOSITORY / "params.yaml", "params.yaml")
    edit_params(Path("params.yaml"), PARAMS)
    collected = read(crawl.Params).crawl
    crawl.update(collected.max_failed_share, lambda store: crawl.collect(collected, store))
    for stage in (resize, label, zero_center, split):
        stage.main()
    for stage in (pretrained, features):
        stage.main(BACKBONE)
    train_and_export(val_accuracy=2)


if __name__ == "__main__":
    main()
