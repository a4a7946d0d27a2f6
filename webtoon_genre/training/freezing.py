"""A trunk cut in two: what is frozen, whose outputs are computed once, and a tail that is trained on them; no files.

The cut is the study's: of the backbone's layers, in Keras's order, the last ones are trained, with batch norm in inference
mode, and all before them are frozen. Through residual and inception blocks several tensors cross it. A map that is pooled
before the cut crosses it pooled, so that what crosses is as small as it can be. With every layer unfrozen it is the images.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from webtoon_genre.core.errors import InputError
from webtoon_genre.features.backbone import Pool, Preprocess, concatenate, pool_map, preprocess_images

if TYPE_CHECKING:
    import keras

Unfreeze = Literal["all"] | int


@dataclass(frozen=True)
class SplitModel:
    """Both halves: the tail's answer to what the frozen half says of an image is the trunk's. They share its layers and weights.

    frozen: uint8 (n, side, side, 3), RGB → what crosses the cut, a list of float32 (n, ...) or the images themselves.
    tail: that list → pooled features, float32 (n, width).
    """

    frozen: "keras.Model"
    tail: "keras.Model"

    @property
    def crossing(self) -> list[tuple[tuple[int, ...], np.dtype]]:
        """Shape, for one image, and dtype of each tensor that crosses."""
        return [(tuple(each.shape[1:]), np.dtype(each.dtype)) for each in self.frozen.outputs]

    def bytes(self, images: int) -> int:
        """What crosses for so many images."""
        return sum(images * int(np.prod(shape)) * dtype.itemsize for shape, dtype in self.crossing)


def unfreeze_layers(body: "keras.Model", layers: Unfreeze) -> list["keras.Layer"]:
    """Make the last `layers` of the trunk's backbone trainable and freeze the others; those that are trainable now.

    A backbone's input, which is its first layer, has nothing to train, and is not given.
    """
    core = body.get_layer("core").layers
    count = len(core) if layers == "all" else layers
    if not 0 <= count <= len(core):
        raise InputError(f"unfreeze is {layers}: this trunk has {len(core)} layers; give 0 to {len(core)}, or all")
    for place, layer in enumerate(core):
        layer.trainable = place >= len(core) - count
    return core[max(1, len(core) - count) :]


def split_model(
    body: "keras.Model", mean: np.ndarray, backbone: str, pool: Pool, preprocess: Preprocess, layers: Unfreeze
) -> SplitModel:
    """Cut `body`, which trunk.build made of the same backbone, pool and preprocess, below its last `layers` layers.

    mean: float32 (side, side, 3), RGB, subtracted from the images first.
    """
    import keras

    from webtoon_genre.features.layers import Inference
    from webtoon_genre.training.layers import SubtractMean

    core, trained = body.get_layer("core"), unfreeze_layers(body, layers)
    images, centre = keras.Input(mean.shape, dtype="uint8", name="images"), SubtractMean(name="centre", trainable=False)
    centred = centre(images)
    centre.set_weights([mean])
    if len(trained) == len(core.layers) - 1:
        return SplitModel(
            keras.Model(images, [images], name="frozen"), keras.Model([images], body(centred), name="tail")
        )

    crossing, made = boundary_tensors(core, trained)
    late = [each for each in core.outputs if id(each) not in made]
    early = [each for each in core.outputs if id(each) in made]
    maps = as_list(Inference(core.input, crossing + early)(preprocess_images(centred, backbone, preprocess)))
    vectors = [pool_map(each, pool) for each in maps[len(crossing) :]]
    outputs = maps[: len(crossing)] + [vector for each in vectors for vector in each]

    inputs = [keras.Input(each.shape[1:], dtype=each.dtype) for each in outputs]
    answers = as_list(Inference(crossing, late)(inputs[: len(crossing)])) if late else []
    pooled = group_vectors(inputs[len(crossing) :], len(early))
    parts = {id(each): part for each, part in zip(early, pooled, strict=True)}
    parts |= {id(each): pool_map(answer, pool) for each, answer in zip(late, answers, strict=True)}
    features = concatenate([parts[id(each)] for each in core.outputs])
    return SplitModel(keras.Model(images, outputs, name="frozen"), keras.Model(inputs, features, name="tail"))


def boundary_tensors(
    core: "keras.Model", trained: Sequence["keras.Layer"]
) -> tuple[list["keras.KerasTensor"], dict[int, "keras.KerasTensor"]]:
    """What `trained` layers, and all that follows them, take of the tensors that are made without them; and all of the latter, by id.

    Sums and scales between layers may be operations without a layer of their own: they belong to the side that their inputs do.
    """
    made = {id(each): each for each in core.inputs}
    crossing: dict[int, keras.KerasTensor] = {}
    after = {id(layer) for layer in trained}
    for operation in core.operations:  # each after those that it depends on
        taken = as_list(operation.input)
        if id(operation) in after or any(id(each) not in made for each in taken):
            crossing |= {id(each): each for each in taken if id(each) in made}
        else:
            made |= {id(each): each for each in as_list(operation.output)}
    return list(crossing.values()), made


def group_vectors(vectors: list[Any], maps: int) -> list[list[Any]]:
    """`vectors` of so many maps, as many for each."""
    each = len(vectors) // max(maps, 1)
    return [vectors[place * each : (place + 1) * each] for place in range(maps)]


def as_list(value: Any) -> list[Any]:
    """What Keras gives as one tensor or as a list of several."""
    return list(value) if isinstance(value, list | tuple) else [value]
