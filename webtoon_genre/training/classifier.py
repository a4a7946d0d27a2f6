"""The trained classifier in a folder: two weights files and `config.json`, and back to a Keras model.

`trained.weights.h5` holds what training changed, `extractor.weights.h5` the feature extractor before training, byte for byte the file
that the stage `features` wrote: DVC stores equal files once. With all layers trained there is no extractor file.

The model takes uint8 (n, side, side, 3), RGB: it subtracts the train mean image (one of its weights), computes pooled features and
gives probabilities.
"""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError

from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import replacing_folder, write_json
from webtoon_genre.core.model_files import CONFIG, EXTRACTOR, INPUT, MAP, PROBABILITIES, STYLE, TRAINED
from webtoon_genre.core.progress import track
from webtoon_genre.data.tables import ThumbnailStore
from webtoon_genre.features.backbone import Preprocess, build_extractor, load_weights, preprocess_images, save_weights
from webtoon_genre.features.pooling import concatenate, pool_map, project
from webtoon_genre.training.freezing import Unfreeze, as_list, unfreeze_layers
from webtoon_genre.training.head import HeadParams, build_head

if TYPE_CHECKING:
    import keras

BATCH = 32  # images at once in `predict`


class ClassifierConfig(BaseModel):
    """config.json: what is needed to build the model before its weights are loaded."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)  # an exported model's config has more keys

    backbone: str
    side: int
    preprocess: Preprocess
    unfreeze: Unfreeze
    head: HeadParams
    classes: list[str]


class Classifier:
    """A model from images to probabilities, and the names of its classes."""

    def __init__(self, model: "keras.Model", config: ClassifierConfig):
        self.model, self.config = model, config

    @property
    def classes(self) -> list[str]:
        """Genre codes, in the order of the probabilities."""
        return self.config.classes

    def predict(self, images: np.ndarray, label: str) -> np.ndarray:
        """Probabilities, float32 (n, classes), of uint8 (n, side, side, 3), RGB; `label` names the progress."""
        batches = [images[start : start + BATCH] for start in range(0, len(images), BATCH)]
        progress = track(batches, len(batches), label, "batches")
        return np.concatenate([np.asarray(self.model.predict_on_batch(batch)) for batch in progress])


def with_style(classifier: Classifier, backbone: "keras.Model | None" = None) -> "keras.Model":
    """A classifier with more outputs, by name: uint8 (n, side, side, 3), RGB → probabilities, the head's input, and what is pooled to it.

    The head's input is float32 (n, width), the style vector; the maps are (n, height, width, channels), in the order of the pooling,
    and with Gram pooling projected.
    backbone: in place of the classifier's.
    """
    import keras

    model, config = classifier.model, classifier.config
    subtract_mean, extractor, head = (model.get_layer(name) for name in ("subtract_mean", "extractor", "head"))
    images = keras.Input(model.input_shape[1:], dtype="uint8", name=INPUT)
    shown = preprocess_images(subtract_mean(images), config.backbone, config.preprocess)
    maps = as_list((backbone or extractor.get_layer("backbone"))(shown))
    style = concatenate([pool_map(feature_map, config.head.pool) for feature_map in maps])
    pooled = (
        [project(keras.ops.cast(feature_map, "float32")) for feature_map in maps]
        if config.head.pool == "gram"
        else maps
    )
    named = {f"{MAP}{number}": feature_map for number, feature_map in enumerate(pooled)}
    return keras.Model(images, {PROBABILITIES: head(style), STYLE: style, **named})


def style_of(classifier: Classifier, images: ThumbnailStore, rows: pd.DataFrame, label: str) -> np.ndarray:
    """Style vectors, float32 (n, width), of the images of `rows`; `label` names the progress."""
    model, starts = with_style(classifier), range(0, len(rows), BATCH)
    batches = (images.take(rows.iloc[start : start + BATCH]) for start in starts)
    return np.concatenate(
        [np.asarray(model.predict_on_batch(batch)[STYLE]) for batch in track(batches, len(starts), label, "batches")]
    )


def compose(extractor: "keras.Model", head: "keras.Model", mean: np.ndarray) -> "keras.Model":
    """Extractor and head as one model of uint8 (n, side, side, 3), RGB; `mean` is float32 (side, side, 3)."""
    import keras

    from webtoon_genre.training.layers import SubtractMean

    images = keras.Input(mean.shape, dtype="uint8", name="images")
    subtract_mean = SubtractMean(name="subtract_mean")
    model = keras.Model(images, head(extractor(subtract_mean(images))), name="classifier")
    subtract_mean.set_weights([mean])
    return model


def build_classifier(config: ClassifierConfig) -> "keras.Model":
    """The model that `config` describes, weights not loaded; layers are numbered from the start, since weights files hold names."""
    import keras

    keras.utils.clear_session()
    extractor = build_extractor(config.backbone, config.side, config.head.pool, config.preprocess, None)
    width = extractor.output_shape[-1]
    head = build_head(width, len(config.classes), config.head, None)
    return compose(extractor, head, np.zeros((config.side, config.side, 3), np.float32))


def save_classifier(folder: Path, model: "keras.Model", config: ClassifierConfig, extractor_weights: Path) -> None:
    """Write `folder` whole or not at all; equal weights give equal bytes. `extractor_weights` are those before training.

    The model is written as `load_classifier` builds it: a trained one would bring the state of its optimizer along.
    """
    plain = build_classifier(config)
    plain.set_weights(model.get_weights())
    write_files(folder, trained_layers(plain, config), config, extractor_weights)


def save_head(
    folder: Path, head: "keras.Model", mean: np.ndarray, config: ClassifierConfig, extractor_weights: Path
) -> None:
    """Write a classifier of which only the head was trained: the bytes of `save_classifier`, without building the extractor.

    mean: float32 (side, side, 3).
    """
    import keras

    from webtoon_genre.training.layers import SubtractMean, TrainedLayers

    keras.utils.clear_session()
    width = head.input_shape[-1]
    plain = build_head(width, len(config.classes), config.head, None)
    plain.set_weights(head.get_weights())
    subtract_mean = SubtractMean(name="subtract_mean")
    subtract_mean.build((None, *mean.shape))
    subtract_mean.set_weights([mean])
    write_files(folder, TrainedLayers([subtract_mean, plain]), config, extractor_weights)


def write_files(folder: Path, trained: "keras.Model", config: ClassifierConfig, extractor_weights: Path) -> None:
    """Write the files of a classifier, all or none; trained: of `trained_layers`."""
    with replacing_folder(folder) as part:
        save_weights(trained, part / TRAINED)
        if config.unfreeze != "all":
            shutil.copyfile(extractor_weights, part / EXTRACTOR)
        write_json(part / CONFIG, config.model_dump())


def trained_layers(model: "keras.Model", config: ClassifierConfig) -> "keras.Model":
    """The parts of a classifier that training sets: the mean image, the extractor's unfrozen layers, the head."""
    from webtoon_genre.training.layers import TrainedLayers

    unfrozen = unfreeze_layers(model.get_layer("extractor"), config.unfreeze)
    return TrainedLayers([model.get_layer("subtract_mean"), *unfrozen, model.get_layer("head")])


def read_config(folder: Path) -> ClassifierConfig:
    """The config of the model in `folder`."""
    try:
        return ClassifierConfig.model_validate_json((folder / CONFIG).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{error.filename} is not there; `dvc repro train` makes it") from None
    except ValidationError as error:
        keys = ", ".join(".".join(map(str, detail["loc"])) for detail in error.errors())
        raise InputError(
            f"{folder}/{CONFIG} is of another version of this code ({keys}); run `dvc repro train`"
        ) from None


def load_classifier(folder: Path) -> Classifier:
    """The classifier in `folder`, as `save_classifier` wrote it."""
    config = read_config(folder)
    model = build_classifier(config)
    if config.unfreeze != "all":
        load_weights(model.get_layer("extractor"), folder / EXTRACTOR)
    load_weights(trained_layers(model, config), folder / TRAINED)
    return Classifier(model, config)
