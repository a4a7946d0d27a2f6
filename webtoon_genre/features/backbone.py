"""Backbones, feature extractors and their weights files; webtoon_genre/backbones/README.md states what an architecture's module has.

A backbone is an architecture without its top. A feature extractor takes float32 (n, side, side, 3), RGB minus the train mean image,
applies the backbone's input convention, runs the backbone in inference mode up to the last layer that its pooling needs, and pools
to float32 (n, width).
"""

import importlib
import math
import pkgutil
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

from webtoon_genre import backbones
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import reserve
from webtoon_genre.features.finite import check_weights
from webtoon_genre.features.pooling import STYLE_POOLS, Pool, concatenate, pool_map

if TYPE_CHECKING:
    import keras

Preprocess = Literal["backbone", "study"]
FLOAT = 4  # bytes of a float32, the dtype of weights in every runtime.precision
HEADER = 4096  # bytes that HDF5 adds to an array at most; 3,220 were measured


def backbone_names() -> list[str]:
    """Names of the backbones, sorted: the modules of webtoon_genre/backbones."""
    return sorted(module.name for module in pkgutil.iter_modules(backbones.__path__))


def check_backbone(name: str) -> None:
    """Raise InputError for a backbone without a module; imports nothing, so that it answers at once."""
    if name not in backbone_names():
        raise InputError(f"backbone {name!r} is unknown; webtoon_genre/backbones has {', '.join(backbone_names())}")


def architecture_file(name: str) -> Path:
    """The file of one architecture's module."""
    check_backbone(name)
    return Path(backbones.__path__[0]) / f"{name}.py"


def load_architecture(name: str) -> ModuleType:
    """The module of one architecture: build, convention, STYLE, URL, HASH, SMALLEST_SIDE."""
    check_backbone(name)
    return importlib.import_module(f"{backbones.__name__}.{name}")


def build_backbone(name: str, side: int) -> "keras.Model":
    """The backbone for images of `side` pixels, weights not loaded.

    Stochastic depth is off: calibration, the one pass in training mode, needs the outputs of every block.
    """
    import keras

    from webtoon_genre.reproducibility.layers import use_portable_layers

    architecture = load_architecture(name)
    if side < architecture.SMALLEST_SIDE:
        raise InputError(f"resize.side is {side}: {name} needs at least {architecture.SMALLEST_SIDE} pixels")
    backbone = architecture.build(side)
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0
    return use_portable_layers(backbone)


def build_extractor(name: str, side: int, pool: Pool, preprocess: Preprocess, weights: Path | None) -> "keras.Model":
    """The feature extractor of a backbone; `weights` are the backbone's, or None for Keras's seeded initialisation.

    preprocess: "backbone" is the input convention that the architecture was pretrained on, "study" centred BGR for all, as in the study.
    """
    return build_multi_extractor(name, side, [pool], preprocess, weights)


def build_multi_extractor(
    name: str, side: int, pools: Sequence[Pool], preprocess: Preprocess, weights: Path | None
) -> "keras.Model":
    """A feature extractor with one output for each of `pools`, in their order; the rest as in build_extractor."""
    import keras

    from webtoon_genre.features.layers import Inference

    backbone = build_backbone(name, side)
    if weights is not None:
        load_weights(backbone, weights)
    style_layers = [] if set(pools).isdisjoint(STYLE_POOLS) else load_architecture(name).STYLE
    style_maps = [backbone.get_layer(**layer_key(layer)).output for layer in style_layers]
    top_maps = [] if set(pools) <= set(STYLE_POOLS) else [backbone.output]
    inference = Inference(backbone.input, style_maps + top_maps, name="backbone")  # batch norm as in the study
    centred = keras.Input((side, side, 3), dtype="float32", name="centred")
    outputs = inference(preprocess_images(centred, name, preprocess))
    maps = outputs if isinstance(outputs, list) else [outputs]
    of_style = {True: maps[: len(style_maps)], False: maps[len(style_maps) :]}
    features = [
        concatenate([pool_map(feature_map, pool) for feature_map in of_style[pool in STYLE_POOLS]]) for pool in pools
    ]
    return keras.Model(centred, features if len(features) > 1 else features[0], name="extractor")


def preprocess_images(centred: Any, name: str, preprocess: Preprocess) -> Any:
    """Centred RGB, an array or a Keras tensor, in the input convention of the backbone (or of the study)."""
    return centred[..., ::-1] if preprocess == "study" else load_architecture(name).convention(centred)


def layer_key(layer: str | int) -> dict[str, str | int]:
    """Arguments of Keras's get_layer: a name, or an index where the name depends on the process."""
    return {"index": layer} if isinstance(layer, int) else {"name": layer}


def load_weights(model: "keras.Model", weights: Path) -> None:
    """Load all weights of `model` from a file in Keras's `.weights.h5` or older `.h5` layout; InputError where some are missing or not
    finite.
    """
    read_weights(model, weights)
    check_weights(model, str(weights), "make it anew")


def read_weights(model: "keras.Model", weights: Path) -> None:
    """As load_weights, whatever the values."""
    check_file(weights)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # Keras only warns where it leaves a layer as initialised
            model.load_weights(str(weights))
    except (ValueError, OSError, UserWarning) as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"{weights} does not hold the weights of this {model.name} ({reason}); make it anew") from None


def check_file(weights: Path) -> None:
    """Raise InputError for a file that is not there."""
    if not weights.is_file():
        raise InputError(f"{weights} is not there; `dvc repro` makes it, `dvc pull` gets it from the remote")


def save_weights(model: "keras.Model", weights: Path) -> None:
    """Write all weights of `model` in Keras's `.weights.h5` layout, after the disk has reserved room for them."""
    arrays = model.weights
    reserve(weights, sum(FLOAT * math.prod(array.shape) + HEADER for array in arrays) + HEADER)
    model.save_weights(weights)
