"""Freezing: a feature extractor split into a frozen base, whose activations are computed once, and a trained tail; no files.

As in the study, the last layers of the backbone, in Keras's order, are trained, with batch norm in inference mode, and all layers
before them are frozen. Through residual and inception blocks several tensors pass from base to tail. A map that is pooled in the base
passes pooled, so that activations are as small as possible. With every layer unfrozen the images themselves pass.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import NonNegativeInt

from webtoon_genre.core.errors import InputError
from webtoon_genre.features.backbone import Preprocess, preprocess_images
from webtoon_genre.features.pooling import Pool, concatenate, pool_map

if TYPE_CHECKING:
    import keras

Unfreeze = Literal["all"] | NonNegativeInt


@dataclass(frozen=True)
class SplitModel:
    """A feature extractor as base and tail: the tail's output on the base's output is the extractor's. They share its weights.

    base: uint8 (n, side, side, 3), RGB → activations, a list of float32 (n, ...), or the images themselves.
    tail: that list → pooled features, float32 (n, width).
    """

    base: "keras.Model"
    tail: "keras.Model"

    @property
    def activations(self) -> list[tuple[tuple[int, ...], np.dtype]]:
        """Shape, for one image, and dtype of each tensor that passes from base to tail."""
        return [(tuple(tensor.shape[1:]), np.dtype(tensor.dtype)) for tensor in self.base.outputs]

    def bytes(self, images: int) -> int:
        """Bytes of the activations of so many images."""
        return sum(images * int(np.prod(shape)) * dtype.itemsize for shape, dtype in self.activations)


def unfreeze_layers(extractor: "keras.Model", layers: Unfreeze) -> list["keras.Layer"]:
    """Make the last `layers` of the extractor's backbone trainable, freeze the others, and return the trainable ones.

    The backbone's input counts as its first layer; it has nothing to train and is not returned.
    """
    backbone = extractor.get_layer("backbone").layers
    count = len(backbone) if layers == "all" else layers
    if not 0 <= count <= len(backbone):
        raise InputError(
            f"unfreeze is {layers}: this backbone has {len(backbone)} layers; give 0 to {len(backbone)}, or all"
        )
    for index, layer in enumerate(backbone):
        layer.trainable = index >= len(backbone) - count
    return backbone[max(1, len(backbone) - count) :]


def split_model(
    extractor: "keras.Model", mean: np.ndarray, name: str, pool: Pool, preprocess: Preprocess, layers: Unfreeze
) -> SplitModel:
    """Split an extractor that build_extractor made of the same name, pool and preprocess, below its last `layers` layers.

    mean: float32 (side, side, 3), RGB, subtracted from the images first.
    """
    import keras

    from webtoon_genre.features.layers import Inference
    from webtoon_genre.training.layers import SubtractMean

    backbone, trained = extractor.get_layer("backbone"), unfreeze_layers(extractor, layers)
    images = keras.Input(mean.shape, dtype="uint8", name="images")
    subtract_mean = SubtractMean(name="subtract_mean", trainable=False)
    centred = subtract_mean(images)
    subtract_mean.set_weights([mean])
    if len(trained) == len(backbone.layers) - 1:
        tail = keras.Model([images], extractor(centred), name="tail")
        return SplitModel(keras.Model(images, [images], name="base"), tail)

    boundary, base_tensors = boundary_tensors(backbone, trained)
    tail_maps = [tensor for tensor in backbone.outputs if id(tensor) not in base_tensors]
    base_maps = [tensor for tensor in backbone.outputs if id(tensor) in base_tensors]
    base = Inference(backbone.input, boundary + base_maps)
    tensors = as_list(base(preprocess_images(centred, name, preprocess)))
    base_vectors = [pool_map(feature_map, pool) for feature_map in tensors[len(boundary) :]]
    outputs = tensors[: len(boundary)] + [vector for vectors in base_vectors for vector in vectors]

    inputs = [keras.Input(tensor.shape[1:], dtype=tensor.dtype) for tensor in outputs]
    tail_outputs = as_list(Inference(boundary, tail_maps)(inputs[: len(boundary)])) if tail_maps else []
    pooled = group_vectors(inputs[len(boundary) :], len(base_maps))
    vectors_of = {id(tensor): vectors for tensor, vectors in zip(base_maps, pooled, strict=True)}
    vectors_of |= {id(tensor): pool_map(output, pool) for tensor, output in zip(tail_maps, tail_outputs, strict=True)}
    features = concatenate([vectors_of[id(tensor)] for tensor in backbone.outputs])
    return SplitModel(keras.Model(images, outputs, name="base"), keras.Model(inputs, features, name="tail"))


def boundary_tensors(
    backbone: "keras.Model", trained: Sequence["keras.Layer"]
) -> tuple[list["keras.KerasTensor"], dict[int, "keras.KerasTensor"]]:
    """The tensors of the base that the `trained` layers, and operations after them, take; and all tensors of the base, by id.

    Sums and scales between layers may be operations without a layer: they belong to the part that their inputs belong to.
    """
    base = {id(tensor): tensor for tensor in backbone.inputs}
    boundary: dict[int, keras.KerasTensor] = {}
    trained_ids = {id(layer) for layer in trained}
    for operation in backbone.operations:  # in order: inputs come before the operations that take them
        inputs = as_list(operation.input)
        if id(operation) in trained_ids or any(id(tensor) not in base for tensor in inputs):
            boundary |= {id(tensor): tensor for tensor in inputs if id(tensor) in base}
        else:
            base |= {id(tensor): tensor for tensor in as_list(operation.output)}
    return list(boundary.values()), base


def group_vectors(vectors: list[Any], maps: int) -> list[list[Any]]:
    """`vectors` in groups of equal length, one for each of so many maps."""
    size = len(vectors) // max(maps, 1)
    return [vectors[index * size : (index + 1) * size] for index in range(maps)]


def as_list(value: Any) -> list[Any]:
    """What Keras gives as one tensor or as a list of tensors, as a list."""
    return list(value) if isinstance(value, list | tuple) else [value]
