"""A backbone as the part of a model that turns centred thumbnails into pooled features; no paths but the weights file's.

A trunk takes float32 (n, side, side, 3), RGB minus the train mean, applies the backbone's input convention, runs the
backbone in inference mode up to the last layer that its pooling needs, and pools to float32 (n, width).
"""

import importlib
import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import reserve

if TYPE_CHECKING:
    import keras

Pool = Literal["flatten", "average", "style", "gram"]
STYLE_POOLS = (
    "style",
    "gram",
)  # poolings of a module's early and middle layers, STYLE; the others are of its top layer
DIRECTIONS = 32  # that a layer's channels are projected to before their products are taken
Preprocess = Literal["backbone", "study"]
FOLDER = "stages/backbones"
FLOAT = 4  # bytes of a float32, which weights are whatever runtime.precision is
HEADER = 4096  # bytes that HDF5 adds to an array at most; 3,220 were seen
EPSILON = 1e-5  # added to variances, so that a constant channel has a finite scale


def backbone_names() -> list[str]:
    """The backbones there are: the modules of stages/backbones."""
    folder = Path(__file__).parent.parent / "backbones"
    return sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")


def check_backbone(backbone: str) -> None:
    """Refuse a backbone that there is no module for; importing nothing, so that the answer is quick."""
    if backbone not in backbone_names():
        raise InputError(f"backbone {backbone!r} is unknown; {FOLDER} has {', '.join(backbone_names())}")


def load_architecture(backbone: str) -> ModuleType:
    """The module of one architecture: build, convention, STYLE, URL, HASH, SMALLEST_SIDE."""
    check_backbone(backbone)
    return importlib.import_module(f"stages.backbones.{backbone}")


def build_backbone(backbone: str, side: int) -> "keras.Model":
    """The whole backbone without top, weights not loaded; `side` in pixels.

    Stochastic depth is off: calibration, the one pass in training mode, has to see every block.
    """
    import keras

    from webtoon_genre.reproducibility.layers import use_portable_layers

    architecture = load_architecture(backbone)
    if side < architecture.SMALLEST_SIDE:
        raise InputError(f"resize.side is {side}: {backbone} needs at least {architecture.SMALLEST_SIDE} pixels")
    core = architecture.build(side)
    for layer in core.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0
    use_portable_layers(core)
    return core


def build_extractor(
    backbone: str, side: int, pool: Pool, preprocess: Preprocess, weights: Path | None
) -> "keras.Model":
    """The trunk of `backbone`; `weights` are the whole backbone's, or None for Keras's own seeded initialisation.

    preprocess "backbone" is what each architecture was pretrained on; "study" gives all of them centred BGR, as the study did.
    """
    return build_multi_extractor(backbone, side, [pool], preprocess, weights)


def build_multi_extractor(
    backbone: str, side: int, pools: Sequence[Pool], preprocess: Preprocess, weights: Path | None
) -> "keras.Model":
    """A trunk that pools in several ways at once, its answers in their order.

    preprocess "backbone" is what each architecture was pretrained on; "study" gives all of them centred BGR, as the study did.
    """
    import keras

    from webtoon_genre.features.layers import Inference

    whole = build_backbone(backbone, side)
    if weights is not None:
        load_weights(whole, weights)
    middle = [
        whole.get_layer(**layer_key(name)).output
        for name in load_architecture(backbone).STYLE
        if not set(pools).isdisjoint(STYLE_POOLS)
    ]
    top = [] if set(pools) <= set(STYLE_POOLS) else [whole.output]
    core = Inference(whole.input, middle + top, name="core")  # batch norm always in inference mode, as in the study
    centred = keras.Input((side, side, 3), dtype="float32", name="centred")
    answers = core(preprocess_images(centred, backbone, preprocess))
    maps = answers if isinstance(answers, list) else [answers]
    shown = {True: maps[: len(middle)], False: maps[len(middle) :]}
    features = [concatenate([pool_map(each, pool) for each in shown[pool in STYLE_POOLS]]) for pool in pools]
    return keras.Model(centred, features if len(features) > 1 else features[0], name="trunk")


def preprocess_images(centred: Any, backbone: str, preprocess: Preprocess) -> Any:
    """Centred RGB, an array or a Keras tensor, as the backbone is shown it."""
    return centred[..., ::-1] if preprocess == "study" else load_architecture(backbone).convention(centred)


def layer_key(layer: str | int) -> dict[str, str | int]:
    """How Keras is asked for a layer: by name, or by index where its name depends on the process."""
    return {"index": layer} if isinstance(layer, int) else {"name": layer}


def pool_map(each: "keras.KerasTensor", pool: Pool) -> list["keras.KerasTensor"]:
    """One map (n, h, w, channels) → its float32 vectors: all of it, its average over place, channel means and deviations, or `gram`.

    Means and deviations of channels are the style statistics of adaptive instance normalisation (Huang and Belongie, 2017,
    arXiv:1703.06868): what is drawn where is gone, how it is drawn stays.
    """
    import keras

    each = keras.ops.cast(each, "float32")  # in mixed precision the backbone answers in 16 bits
    if pool == "flatten":
        return [keras.layers.Flatten()(each)]
    if pool == "average":
        return [keras.layers.GlobalAveragePooling2D()(each)]
    if pool == "gram":
        return [gram_products(each)]
    return [keras.ops.mean(each, axis=(1, 2)), keras.ops.sqrt(keras.ops.var(each, axis=(1, 2)) + EPSILON)]


def gram_products(each: "keras.KerasTensor") -> "keras.KerasTensor":
    """Products of channels, averaged over place (Gatys et al., 2015, arXiv:1508.06576, equation 3), float32 (n, d (d + 1) / 2).

    512 channels have 131,328 products, so the channels are first projected to d = DIRECTIONS fixed orthonormal directions, those of
    the discrete cosine transform after signs of a fixed noise (a fast Johnson-Lindenstrauss transform: Ailon and Chazelle, 2009,
    doi:10.1137/060673096); fewer channels stay as they are.
    """
    import keras

    channels = each.shape[-1]
    if channels > DIRECTIONS:
        each = keras.ops.matmul(each, projection(channels))
    size = each.shape[-1]
    flat = keras.ops.reshape(each, (-1, each.shape[1] * each.shape[2], size))
    products = keras.ops.matmul(keras.ops.transpose(flat, (0, 2, 1)), flat) / (each.shape[1] * each.shape[2])
    rows, columns = np.triu_indices(size)
    return keras.ops.take(keras.ops.reshape(products, (-1, size * size)), rows * size + columns, axis=1)


def projection(channels: int) -> np.ndarray:
    """float32 (channels, DIRECTIONS), orthonormal columns; the same on every machine."""
    places = (np.arange(channels) + 0.5)[:, None] * np.arange(DIRECTIONS)
    cosines = np.cos(np.pi / channels * places)
    signs = np.where(np.random.default_rng(0).random(channels) < 0.5, -1.0, 1.0)
    return (signs[:, None] * cosines / np.linalg.norm(cosines, axis=0)).astype(np.float32)


def concatenate(maps: list[list["keras.KerasTensor"]]) -> "keras.KerasTensor":
    """The vectors of all maps as one, float32 (n, width): the first of each map, then the second of each."""
    import keras

    vectors = [vector for kind in zip(*maps, strict=True) for vector in kind]
    return keras.ops.concatenate(vectors, axis=-1) if len(vectors) > 1 else vectors[0]


def load_weights(model: "keras.Model", weights: Path) -> None:
    """Load all weights of `model`, in Keras's `.weights.h5` or its older `.h5` layout; a file that lacks some is refused."""
    if not weights.is_file():
        raise InputError(f"{weights} is not there; `dvc repro` makes it, `dvc pull` gets it from the remote")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "error", UserWarning
            )  # Keras only warns where it leaves a layer as it was initialised
            model.load_weights(str(weights))
    except (ValueError, OSError, UserWarning) as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"{weights} does not hold the weights of this {model.name} ({reason}); make it anew") from None


def save_weights(model: "keras.Model", weights: Path) -> None:
    """Write all weights of `model` in Keras's `.weights.h5` layout, once the disk has room for them."""
    arrays = model.weights
    reserve(weights, sum(FLOAT * math.prod(array.shape) + HEADER for array in arrays) + HEADER)
    model.save_weights(weights)


def calibrate(trunk: "keras.Model", shown: np.ndarray) -> None:
    """Give a randomly initialised trunk the statistics of real images: float32 (n, side, side, 3), as `show` gives them.

    With batch norm: one pass in training mode sets every layer's moving statistics to this batch's. With layer norm: nothing,
    since it takes each image's own. With neither: each convolution's channels are scaled and shifted to zero mean and unit
    variance over the batch, from the bottom up (Krähenbühl et al., 2015, arXiv:1511.06856, section 3.1).
    """
    import keras

    core = trunk.get_layer("core")
    norms = [layer for layer in core.layers if isinstance(layer, keras.layers.BatchNormalization)]
    if norms:
        adopt_batch_statistics(core, norms, shown)
    elif not any(isinstance(layer, keras.layers.LayerNormalization) for layer in core.layers):
        standardise_convolutions(core, shown)


def adopt_batch_statistics(
    core: "keras.Model", norms: list["keras.layers.BatchNormalization"], shown: np.ndarray
) -> None:
    """Set the moving mean and variance of each batch norm to those of the batch `shown`, each layer on its calibrated input."""
    import keras

    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    keras.Model(core.input, core.outputs)(shown, training=True)  # `core` itself is never in training mode
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def standardise_convolutions(core: "keras.Model", shown: np.ndarray) -> None:
    """Rescale kernels and set biases of a plain chain of layers so that each channel has mean 0 and variance 1 before its ReLU."""
    import keras

    x = keras.ops.convert_to_tensor(shown)
    for layer in core.layers[1:]:
        if not isinstance(layer, keras.layers.Conv2D):
            x = layer(x)
            continue
        kernel, bias = layer.get_weights()
        activation, layer.activation = layer.activation, keras.activations.linear
        answers = layer(x)  # (n, h, w, channels), before the activation
        mean = keras.ops.convert_to_numpy(keras.ops.mean(answers, axis=(0, 1, 2)))
        scale = 1 / np.sqrt(keras.ops.convert_to_numpy(keras.ops.var(answers, axis=(0, 1, 2))) + EPSILON)
        layer.set_weights([kernel * scale, (bias - mean) * scale])
        layer.activation = activation
        x = activation((answers - mean) * scale)
