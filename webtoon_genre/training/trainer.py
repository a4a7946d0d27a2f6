"""Heads and how models are trained: the study's head, Adam, early stopping with the best weights; no paths, no files."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, Field

from webtoon_genre.core.params import Section, SharedKeys
from webtoon_genre.features.backbone import Pool
from webtoon_genre.reproducibility.runtime import Runtime, set_seed
from webtoon_genre.training.batches import Batches
from webtoon_genre.training.loop import EpochLoop
from webtoon_genre.training.losses import Loss

if TYPE_CHECKING:
    import keras

EpochCallback = Callable[[int, dict[str, float]], None]


class HeadParams(Section):
    """params.yaml: head."""

    pool: Pool
    standardise: bool
    units: int = Field(ge=1)
    dropout: float = Field(ge=0, lt=1)


class SharedHeadParams(SharedKeys):
    """What experiments that choose the units themselves share of params.yaml: head."""

    pool: Pool
    standardise: bool
    dropout: float = Field(ge=0, lt=1)

    def of(self, units: int) -> HeadParams:
        """The head of so many units."""
        return HeadParams(pool=self.pool, standardise=self.standardise, units=units, dropout=self.dropout)


class TrainingParams(BaseModel):
    """How long and in what steps a model is trained; part of several sections of params.yaml."""

    batch: int = Field(ge=1)
    epochs: int = Field(ge=1)
    patience: int = Field(ge=1)


def build_head(width: int, classes: int, head: HeadParams, features: np.ndarray | None) -> "keras.Model":
    """Pooled features, float32 (n, width) → probabilities (n, classes): Dense(relu), Dropout, Dense(softmax), as in the study.

    With `head.standardise`, features are first brought to zero mean and unit variance over `features`, the train rows; without,
    `features` may be None.
    """
    import keras

    from webtoon_genre.reproducibility.layers import softmax

    inputs = keras.Input((width,), dtype="float32")
    x = inputs
    if head.standardise:
        normalization = keras.layers.Normalization(axis=-1)
        normalization.adapt(features)
        x = normalization(x)
    x = keras.layers.Dense(head.units, activation="relu")(x)
    x = keras.layers.Dropout(head.dropout)(x)
    answer = keras.layers.Dense(classes, activation=softmax, dtype="float32")(x)  # whatever the precision
    return keras.Model(inputs, answer, name="head")


@dataclass(frozen=True)
class TrainingData:
    """What a model is trained on, the same for every head and learning rate.

    inputs: of the tail, each (n, ...). features: what the frozen trunk says, float32 (n, width). labels: int (n,). Row i of each is
    of image i. train, val: row numbers, int (m,); a row may stand in `train` several times.
    """

    inputs: Sequence[np.ndarray]
    features: np.ndarray
    labels: np.ndarray
    train: np.ndarray
    val: np.ndarray


class Trainer:
    """A head on a tail, compiled once, that learns from the same start at each learning rate: what it learned before leaves no trace.

    Without a tail the head is trained on features. With one, of which some layers are trainable, they learn too. `loss` is
    cross-entropy unless another is given.
    """

    def __init__(
        self,
        tail: "keras.Model | None",
        examples: TrainingData,
        classes: int,
        head: HeadParams,
        schedule: TrainingParams,
        runtime: Runtime,
        loss: Loss | None = None,
    ):
        import keras

        self.examples, self.schedule, self.seed = examples, schedule, runtime.seed
        self.shape, self.classes = head, classes
        self.head = self._head()
        self.model = self.head
        if tail is not None:
            inputs = [keras.Input(each.shape[1:], dtype=each.dtype) for each in tail.inputs]
            answer = self.head(tail(inputs))
            self.model = keras.Model(inputs if len(inputs) > 1 else inputs[0], answer)  # as batches have them
        self.model.compile(
            keras.optimizers.Adam(),
            loss or "sparse_categorical_crossentropy",
            metrics=["accuracy"],
            jit_compile=runtime.xla,
        )
        self.model.optimizer.build(self.model.trainable_variables)
        self.model.compute_metrics(
            None, np.zeros(1, int), np.zeros((1, classes))
        )  # or all is traced twice: they make variables then
        self.loop = EpochLoop(self.model, short=tail is None)
        self.start = [keras.ops.convert_to_numpy(variable) for variable in self._variables()]

    def learn(self, lr: float, watch: EpochCallback | None = None) -> pd.DataFrame:
        """Train, and leave the model with its best weights (by accuracy on val rows); one row an epoch of what was measured."""
        import keras

        for variable, value in zip(self._variables(), self.start, strict=True):
            variable.assign(value)
        self.model.optimizer.learning_rate = lr
        keras.utils.set_random_seed(self.seed)
        examples, batch = self.examples, self.schedule.batch
        train = Batches(examples.inputs, examples.labels, examples.train, batch, self.seed)
        val = Batches(examples.inputs, examples.labels, examples.val, batch, None)
        history: list[dict[str, float]] = []
        best, weights = -1, self.model.get_weights()
        for epoch in range(self.schedule.epochs):
            history.append(self.loop.epoch(train, epoch, train=True))
            told = self.loop.epoch(val, epoch, train=False)
            history[-1] |= {f"val_{name}": value for name, value in told.items()}
            if watch is not None:
                watch(epoch, history[-1])
            if best < 0 or history[-1]["val_accuracy"] > history[best]["val_accuracy"]:
                best, weights = epoch, self.model.get_weights()
            if epoch - best >= self.schedule.patience:
                break
        self.model.set_weights(weights)
        return pd.DataFrame(history).rename_axis("epoch").reset_index()

    def again(self, examples: TrainingData, seed: int) -> None:
        """Begin anew with other examples, of the same shapes, and another seed, as a new learner would; what was traced is kept.

        Only the head's start depends on them: a tail begins as it did.
        """
        self.examples, self.seed = examples, seed
        drawn = self._head().variables
        fresh = {id(old): new for old, new in zip(self.head.variables, drawn, strict=True)}
        begun = zip(self._variables(), self.start, strict=True)
        self.start = [np.asarray(fresh[id(each)]) if id(each) in fresh else value for each, value in begun]

    def adopt(self, weights: list[np.ndarray]) -> None:
        """Begin with the weights of a head for other labels, all but those of its last layer."""
        last = {id(each) for each in self.head.layers[-1].variables}
        given = zip(self.head.weights, weights, strict=True)
        adopted = {id(own): value for own, value in given if id(own) not in last}
        self.start = [adopted.get(id(each), value) for each, value in zip(self._variables(), self.start, strict=True)]

    def kept(self, history: pd.DataFrame) -> dict[str, Any]:
        """The epoch that was kept, what it scored, how much was trained."""
        best = history.loc[history["val_accuracy"].idxmax()]
        scores = {name: float(best[name]) for name in ("accuracy", "loss", "val_accuracy", "val_loss")}
        trainable = sum(int(np.prod(weight.shape)) for weight in self.model.trainable_weights)
        return {"epochs": len(history), "best_epoch": int(best["epoch"]), "trainable_parameters": trainable, **scores}

    def _head(self) -> "keras.Model":
        """Not trained yet."""
        set_seed(self.seed)
        examples, standardise = self.examples, self.shape.standardise
        shown = np.asarray(examples.features[examples.train]) if standardise else None  # gigabytes, if flattened
        return build_head(examples.features.shape[1], self.classes, self.shape, shown)

    def _variables(self) -> list["keras.Variable"]:
        return self.model.variables + self.model.optimizer.variables


def fit_head(
    features: np.ndarray,
    labels: np.ndarray,
    train: np.ndarray,
    val: np.ndarray,
    classes: int,
    head: HeadParams,
    lr: float,
    schedule: TrainingParams,
    runtime: Runtime,
) -> "keras.Model":
    """A head trained on rows `train` of `features`, float32 (n, width), stopped by rows `val`; row numbers as in Examples."""
    learner = Trainer(None, TrainingData([features], features, labels, train, val), classes, head, schedule, runtime)
    learner.learn(lr)
    return learner.head
