"""Pooling: feature maps of a backbone become one vector an image; no files, no weights."""

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import keras

Pool = Literal["flatten", "average", "style", "gram"]
STYLE_POOLS = (
    "style",
    "gram",
)  # poolings of the early and middle layers in a backbone's STYLE; the others pool the top layer
DIRECTIONS = 32  # to which a map's channels are projected before their products are taken
EPSILON = 1e-5  # added to variances, so that a constant channel has a finite scale


def pool_map(feature_map: "keras.KerasTensor", pool: Pool) -> list["keras.KerasTensor"]:
    """Pool one map (n, h, w, channels) to float32 vectors (n, width): two for style (means and deviations of channels), else one.

    Means and deviations of channels are the style statistics of adaptive instance normalisation (Huang and Belongie, 2017,
    arXiv:1703.06868): they keep how something is drawn and drop where.
    """
    import keras

    x = keras.ops.cast(feature_map, "float32")  # in mixed precision the backbone computes in 16 bits
    if pool == "flatten":
        return [keras.layers.Flatten()(x)]
    if pool == "average":
        return [keras.layers.GlobalAveragePooling2D()(x)]
    if pool == "gram":
        return [gram_products(x)]
    return [keras.ops.mean(x, axis=(1, 2)), keras.ops.sqrt(keras.ops.var(x, axis=(1, 2)) + EPSILON)]


def gram_products(x: "keras.KerasTensor") -> "keras.KerasTensor":
    """Products of channels averaged over positions (Gatys et al., 2015, arXiv:1508.06576, equation 3), float32 (n, d (d + 1) / 2).

    512 channels have 131,328 products, so channels are first projected to d = DIRECTIONS fixed orthonormal directions: those of
    the discrete cosine transform after random signs (a fast Johnson-Lindenstrauss transform: Ailon and Chazelle, 2009,
    doi:10.1137/060673096). A map with fewer channels is not projected.
    """
    import keras

    x = project(x)
    size = x.shape[-1]
    flat = keras.ops.reshape(x, (-1, x.shape[1] * x.shape[2], size))
    products = keras.ops.matmul(keras.ops.transpose(flat, (0, 2, 1)), flat) / (x.shape[1] * x.shape[2])
    rows, columns = np.triu_indices(size)
    return keras.ops.take(keras.ops.reshape(products, (-1, size * size)), rows * size + columns, axis=1)


def project(x: "keras.KerasTensor") -> "keras.KerasTensor":
    """The map of which Gram products are taken: float32 (n, h, w, channels) → (n, h, w, at most DIRECTIONS)."""
    import keras

    channels = x.shape[-1]
    return keras.ops.matmul(x, projection(channels)) if channels > DIRECTIONS else x


def projection(channels: int) -> np.ndarray:
    """float32 (channels, DIRECTIONS) with orthonormal columns, the same on every machine."""
    angles = (np.arange(channels) + 0.5)[:, None] * np.arange(DIRECTIONS)
    cosines = np.cos(np.pi / channels * angles)
    signs = np.where(np.random.default_rng(0).random(channels) < 0.5, -1.0, 1.0)
    return (signs[:, None] * cosines / np.linalg.norm(cosines, axis=0)).astype(np.float32)


def concatenate(vectors_by_map: list[list["keras.KerasTensor"]]) -> "keras.KerasTensor":
    """Concatenate the vectors of all maps to float32 (n, width): the first vector of every map, then the second of every map."""
    import keras

    vectors = [vector for kind in zip(*vectors_by_map, strict=True) for vector in kind]
    return keras.ops.concatenate(vectors, axis=-1) if len(vectors) > 1 else vectors[0]
