"""models/best of a workspace that has everything which `train` reads: a model trained, handed on and exported without `dvc`."""

import json
import shutil

from tests.support.pipeline_inputs import BACKBONE
from webtoon_genre.core import paths
from webtoon_genre.core.files import write_text


def train_and_export(val_accuracy: float) -> None:
    """Run train, finetune and export; val_accuracy: of the trained model, as `finetune` reads it, so 2 hands it on, -1 the fine-tuned one.

    The trained model stands in for the colour histogram, one trial for the best of the grid.
    """
    from stages import export, finetune, select, train

    train.main(BACKBONE)
    select.hand_on(BACKBONE, BACKBONE)
    shutil.copy(paths.predictions(BACKBONE), paths.HISTOGRAM_PREDICTIONS)
    trial = {"backbone": BACKBONE, "units": 8, "lr": 0.003, "unfreeze": "0"}
    selection = {"start": trial, "best_trained": BACKBONE, "trained": {BACKBONE: val_accuracy}}
    write_text(paths.metrics("select"), json.dumps(selection))
    finetune.main()
    export.main()
