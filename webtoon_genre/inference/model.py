"""A model in the hand: pictures in, calibrated probabilities and style vectors out, by ONNX Runtime; no TensorFlow, no DVC."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from webtoon_genre.core.errors import InputError
from webtoon_genre.core.model_files import INPUT, MAP, MODEL, PROBABILITIES, STYLE
from webtoon_genre.evaluation import temperature
from webtoon_genre.inference.model_info import InferenceConfig, read_inference_config
from webtoon_genre.inference.pictures import Picture, Rule, Source, read_pictures
from webtoon_genre.inference.titles import Neighbour, TitleIndex, load_titles

BATCH = 32  # pictures at once
LOAD_ERRORS = (  # of ONNX Runtime, which have no common base
    "Fail",
    "InvalidArgument",
    "InvalidGraph",
    "InvalidProtobuf",
    "NoModel",
    "NotImplemented",
    "RuntimeException",
)
T = TypeVar("T")


@dataclass(frozen=True)
class Prediction:
    """What the model says of a picture. probabilities: calibrated, by label, the largest first; they add up to 1.

    pixels: the model's input, uint8 (side, side, 3), RGB. style: the style vector, float32 (width,). distance: in style, from the nearest
    train title (titles.py). unlike: whether 99 in 100 validation pictures are nearer.
    """

    name: str
    probabilities: dict[str, float]
    pixels: np.ndarray = field(repr=False, compare=False)
    style: np.ndarray = field(repr=False, compare=False)
    distance: float
    unlike: bool

    @property
    def genre(self) -> str:
        """The label with the largest probability."""
        return next(iter(self.probabilities))


@dataclass(frozen=True)
class Unreadable:
    """A picture without a prediction, and why."""

    name: str
    error: str


class GenreModel:
    """A trained model of pictures of drawings. config: as in config.json. Calls from several threads are safe."""

    def __init__(self, config: InferenceConfig, session: Any, titles: TitleIndex):
        self.config, self.titles, self._session = config, titles, session

    @property
    def classes(self) -> list[str]:
        """Labels, in the order of the model's outputs."""
        return self.config.classes

    @property
    def rule(self) -> Rule:
        """How a picture becomes the model's input."""
        return Rule(self.config.side, self.config.resize.interpolation, self.config.resize.max_pixels)

    def run(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Raw outputs of uint8 (n, side, side, 3), RGB: probabilities before calibration, float32 (n, classes), and style vectors."""
        probabilities, style = self._session.run([PROBABILITIES, STYLE], {INPUT: pixels})
        return probabilities, style

    @property
    def pool(self) -> str:
        """How maps become the style vector: flatten, average, style or gram."""
        return str(self.config.head["pool"])

    def maps(self, pixels: np.ndarray) -> list[np.ndarray]:
        """What is pooled to the style vectors of uint8 (n, side, side, 3): (n, h, w, channels) each, in the order of the pooling."""
        names = [output.name for output in self._session.get_outputs() if output.name.startswith(MAP)]
        return self._session.run(sorted(names, key=lambda name: int(name.removeprefix(MAP))), {INPUT: pixels})

    def predict(self, pictures: Iterable[Source]) -> list[Prediction]:
        """Predictions for paths, URLs, bytes of files, or arrays uint8 (height, width, 3), RGB; InputError names all unreadable ones."""
        results = list(self.stream(pictures))
        if bad := [result for result in results if isinstance(result, Unreadable)]:
            raise InputError("; ".join(f"{result.name}: {result.error}" for result in bad))
        return [result for result in results if isinstance(result, Prediction)]

    def stream(self, pictures: Iterable[Source]) -> Iterator[Prediction | Unreadable]:
        """As `predict`, one after the other in the order of the pictures, and an Unreadable in place of an error."""
        for batch in batches(read_pictures(pictures, self.rule), BATCH):
            yield from self.predict_batch(batch)

    def predict_batch(self, pictures: Sequence[Picture]) -> list[Prediction | Unreadable]:
        """Predictions for pictures that were read."""
        pixels = [picture.pixels for picture in pictures if picture.pixels is not None]
        predictions = iter(self.predict_pixels(np.stack(pixels)) if pixels else [])
        results: list[Prediction | Unreadable] = []
        for picture in pictures:
            if picture.pixels is None:
                results.append(Unreadable(picture.name, picture.error))
            else:
                results.append(replace(next(predictions), name=picture.name))
        return results

    def predict_pixels(self, pixels: np.ndarray) -> list[Prediction]:
        """Predictions, without names, of uint8 (n, side, side, 3), RGB."""
        raw, style = self.run(pixels)
        probabilities = temperature.scale(raw, self.config.temperature)
        nearest = self.titles.distances(style).min(axis=1)
        ranked = np.argsort(-probabilities, axis=1, kind="stable")
        return [
            Prediction(
                name="",
                probabilities={self.classes[label]: float(row[label]) for label in order},
                pixels=square,
                style=vector,
                distance=float(distance),
                unlike=bool(distance > self.config.unlike_distance),
            )
            for square, row, order, vector, distance in zip(pixels, probabilities, ranked, style, nearest, strict=True)
        ]

    def similar(self, prediction: Prediction, number: int = 10) -> list[Neighbour]:
        """The train titles nearest in style to a picture, the nearest first."""
        return self.titles.nearest(prediction.style, number)


def batches(items: Iterator[T], size: int) -> Iterator[list[T]]:
    """Lists of `size` items; the last may be shorter."""
    while batch := list(islice(items, size)):
        yield batch


def load_model(folder: Path) -> GenreModel:
    """The model in a folder such as models/best; InputError where a file is missing or of another version."""
    config = read_inference_config(folder)
    return GenreModel(config, open_session(folder / MODEL), load_titles(folder))


def open_session(path: Path) -> Any:
    """An ONNX Runtime session on the CPU."""
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as states

    if not path.is_file():
        raise InputError(f"{path} is not there; get the model anew with `dvc pull`")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except tuple(getattr(states, name) for name in LOAD_ERRORS) as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"{path} cannot be loaded ({reason}); get the model anew with `dvc pull`") from None
