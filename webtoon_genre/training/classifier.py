"""The trained model on disk and in the hand: a folder with two weights files and `config.json`, nothing else needed.

`trained.weights.h5` is what training changed, `trunk.weights.h5` the frozen trunk, byte for byte the one that it began with: DVC
stores equal files once. With all layers trained there is no trunk file.

The whole model takes uint8 (n, side, side, 3), RGB: the train mean is subtracted (a weight of the model), the trunk's pooled
features are computed, the head gives probabilities.
"""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError

from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import replacing_folder, write_json
from webtoon_genre.core.progress import track
from webtoon_genre.data.tables import ThumbnailStore, class_names
from webtoon_genre.evaluation.metrics import HELD_OUT
from webtoon_genre.features.backbone import Preprocess, build_extractor, load_weights, save_weights
from webtoon_genre.training.freezing import Unfreeze, unfreeze_layers
from webtoon_genre.training.trainer import HeadParams, build_head

if TYPE_CHECKING:
    import keras

BATCH = 32  # images at once in `predict`
CHUNK = 2048  # images in memory at once in `predict_rows`


class ClassifierConfig(BaseModel):
    """What is needed to rebuild a model before its weights are loaded."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    backbone: str
    side: int
    preprocess: Preprocess
    unfreeze: Unfreeze
    head: HeadParams
    classes: list[str]


class Classifier:
    """A whole model and the names of its classes."""

    def __init__(self, model: "keras.Model", config: ClassifierConfig):
        self.model, self.config = model, config

    @property
    def classes(self) -> list[str]:
        """Genre codes, in the order of the probabilities."""
        return self.config.classes

    def predict(self, images: np.ndarray, what: str) -> np.ndarray:
        """uint8 (n, side, side, 3), RGB → probabilities, float32 (n, classes); `what` names the work in the progress line."""
        batches = [images[start : start + BATCH] for start in range(0, len(images), BATCH)]
        shown = track(batches, len(batches), what, "batches")
        return np.concatenate([np.asarray(self.model.predict_on_batch(batch)) for batch in shown])

    def predict_rows(self, resized: ThumbnailStore, rows: pd.DataFrame, what: str) -> np.ndarray:
        """Probabilities of thumbnails on disk, float32 (len(rows), classes), read a chunk at a time."""
        answers = []
        for start in range(0, len(rows), CHUNK):
            chunk = rows.iloc[start : start + CHUNK]
            told = f"{what}: images {start + 1:,} to {start + len(chunk):,} of {len(rows):,},"
            answers.append(self.predict(resized.take(chunk), told))
        return np.concatenate(answers)


def held_out_rows(dataset: pd.DataFrame, genres: list[str]) -> pd.DataFrame:
    """The val and test rows of `dataset`; InputError where its classes are not the model's `genres`."""
    if (found := class_names(dataset)) != genres:
        raise InputError(f"the model knows the genres {genres}, the dataset has {found}; run `dvc repro train`")
    return dataset[dataset["split"].isin(HELD_OUT)].reset_index(drop=True)


def compose(body: "keras.Model", head: "keras.Model", mean: np.ndarray) -> "keras.Model":
    """Trunk and head as one model of uint8 (n, side, side, 3), RGB; `mean` is float32 (side, side, 3)."""
    import keras

    from webtoon_genre.training.layers import SubtractMean

    images = keras.Input(mean.shape, dtype="uint8", name="images")
    centre = SubtractMean(name="centre")
    model = keras.Model(images, head(body(centre(images))), name="classifier")
    centre.set_weights([mean])
    return model


def build_classifier(config: ClassifierConfig) -> "keras.Model":
    """The model that `config` describes, its weights not loaded; layers are named from the start, as names stand in weights files."""
    import keras

    keras.utils.clear_session()
    body = build_extractor(config.backbone, config.side, config.head.pool, config.preprocess, None)
    width = body.output_shape[-1]
    head = build_head(width, len(config.classes), config.head, np.zeros((2, width), np.float32))
    return compose(body, head, np.zeros((config.side, config.side, 3), np.float32))


def save_classifier(folder: Path, model: "keras.Model", config: ClassifierConfig, weights: Path) -> None:
    """Write `folder` whole or not at all; equal weights give equal bytes. `weights` are those that the trunk began with.

    What is written is the model as `load` rebuilds it: one that was trained would bring its optimizer's state along.
    """
    plain = build_classifier(config)
    plain.set_weights(model.get_weights())
    with replacing_folder(folder) as part:
        save_weights(trained_layers(plain, config), part / "trained.weights.h5")
        if config.unfreeze != "all":
            shutil.copyfile(weights, part / "trunk.weights.h5")
        write_json(part / "config.json", config.model_dump())


def trained_layers(model: "keras.Model", config: ClassifierConfig) -> "keras.Model":
    """Of a whole model what training sets: the mean, the trunk's unfrozen layers, the head."""
    from webtoon_genre.training.trained_layers import TrainedLayers

    unfrozen = unfreeze_layers(model.get_layer("trunk"), config.unfreeze)
    return TrainedLayers([model.get_layer("centre"), *unfrozen, model.get_layer("head")])


def load_classifier(folder: Path) -> Classifier:
    """The model in `folder`, as `save` wrote it."""
    try:
        config = ClassifierConfig.model_validate_json((folder / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{error.filename} is not there; `dvc repro train` makes it") from None
    except ValidationError as error:
        wrong = ", ".join(".".join(map(str, detail["loc"])) for detail in error.errors())
        raise InputError(
            f"{folder}/config.json is of another version of this code ({wrong}); run `dvc repro train`"
        ) from None
    model = build_classifier(config)
    if config.unfreeze != "all":
        load_weights(model.get_layer("trunk"), folder / "trunk.weights.h5")
    load_weights(trained_layers(model, config), folder / "trained.weights.h5")
    return Classifier(model, config)
