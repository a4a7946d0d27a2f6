"""Training: Adam, early stopping on validation accuracy, the best weights restored; no paths, no files."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, Field

from webtoon_genre.evaluation.bootstrap import accuracy_interval, format_value
from webtoon_genre.reproducibility.runtime import Runtime, set_seed
from webtoon_genre.training.batches import Batches
from webtoon_genre.training.column_statistics import column_statistics
from webtoon_genre.training.divergence import NotFinite, check_inputs, check_metrics, check_trained
from webtoon_genre.training.head import HeadParams, build_head
from webtoon_genre.training.loop import EpochLoop

if TYPE_CHECKING:
    import keras

SCORES = (
    "epochs",
    "best_epoch",
    "trainable_parameters",
    "accuracy",
    "loss",
    "val_accuracy",
    "val_accuracy_interval",
    "val_titles",
    "val_loss",
)  # of best_epoch
EpochCallback = Callable[[int, dict[str, float]], None]  # epoch from 0, and its metrics


class TrainingParams(BaseModel):
    """Batch size and early stopping; part of several sections of params.yaml."""

    batch: int = Field(ge=1)
    epochs: int = Field(ge=1)
    patience: int = Field(ge=1)


def describe_val_accuracy(scores: Mapping[str, Any] | pd.Series) -> str:
    """Format the validation accuracy among scores of `best_epoch` with its interval: "0.589 [0.490, 0.680], 66 titles"."""
    return format_value(scores["val_accuracy"], scores["val_accuracy_interval"], scores["val_titles"])


@dataclass(frozen=True)
class TrainingData:
    """The data of a training run, the same for every head and learning rate; row i of each array belongs to image i.

    inputs: of the tail, each (n, ...). features: of the frozen extractor, float32 (n, width). labels, groups: int (n,); a group is a
    title, or what else one split holds whole.
    train, val: row numbers, int (m,); `train` may name a row several times.
    """

    inputs: Sequence[np.ndarray]
    features: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    train: np.ndarray
    val: np.ndarray


class Trainer:
    """A head on a tail, compiled once, that starts from the same weights in every `fit`: runs do not depend on each other.

    Without a tail the head is trained on features. With a tail, its trainable layers are trained too. The loss is cross-entropy.
    """

    def __init__(
        self,
        tail: "keras.Model | None",
        data: TrainingData,
        classes: int,
        head: HeadParams,
        params: TrainingParams,
        runtime: Runtime,
        seed: int,
    ):
        import keras

        self.data, self.params, self.seed = data, params, seed
        set_seed(seed)
        statistics = None
        if head.standardise:
            with np.errstate(over="ignore", invalid="ignore"):  # checked by build_head
                statistics = column_statistics(data.features, data.train)
        self.head = build_head(data.features.shape[1], classes, head, statistics)
        self.model = self.head
        if tail is not None:
            inputs = [keras.Input(tensor.shape[1:], dtype=tensor.dtype) for tensor in tail.inputs]
            outputs = self.head(tail(inputs))
            self.model = keras.Model(inputs if len(inputs) > 1 else inputs[0], outputs)  # as in Batches
        self.model.compile(
            keras.optimizers.Adam(),
            "sparse_categorical_crossentropy",
            metrics=["accuracy"],
            jit_compile=runtime.xla,
        )
        self.model.optimizer.build(self.model.trainable_variables)
        # creates the variables of the metrics; otherwise the first step does, and everything is traced twice
        self.model.compute_metrics(None, np.zeros(1, int), np.zeros((1, classes)))
        self.loop = EpochLoop(self.model, short=tail is None)
        self.initial = [keras.ops.convert_to_numpy(variable) for variable in self._variables()]

    def fit(self, lr: float, on_epoch_end: EpochCallback | None = None) -> pd.DataFrame:
        """Train from the initial weights and restore the best ones, by accuracy on val rows; one row of metrics an epoch.

        Raises NotFinite with the epoch where a loss or a weight is NaN or infinite, or with the image where a feature is.
        """
        import keras

        for variable, value in zip(self._variables(), self.initial, strict=True):
            variable.assign(value)
        self.model.optimizer.learning_rate = lr
        keras.utils.set_random_seed(self.seed)
        data, batch = self.data, self.params.batch
        train = Batches(data.inputs, data.labels, data.train, batch, self.seed)
        val = Batches(data.inputs, data.labels, data.val, batch, None)
        history: list[dict[str, float]] = []
        best, weights = -1, self.model.get_weights()
        for epoch in range(self.params.epochs):
            metrics = self.loop.epoch(train, epoch, train=True)
            metrics |= {f"val_{name}": value for name, value in self.loop.epoch(val, epoch, train=False).items()}
            self._check(metrics, epoch, lr)
            history.append(metrics)
            if on_epoch_end is not None:
                on_epoch_end(epoch, metrics)
            if best < 0 or metrics["val_accuracy"] > history[best]["val_accuracy"]:
                best, weights = epoch, self.model.get_weights()
                check_trained(weights, epoch, lr)
            if epoch - best >= self.params.patience:
                break
        self.model.set_weights(weights)
        return pd.DataFrame(history).rename_axis("epoch").reset_index()

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """Probabilities, float32 (m, classes), of `rows`, int (m,), by the weights that `fit` restored."""
        batches = Batches(self.data.inputs, self.data.labels, rows, self.params.batch, None)
        return np.concatenate([np.asarray(self.model.predict_on_batch(inputs)) for inputs, _ in batches.epoch(0)])

    def best_epoch(self, history: pd.DataFrame) -> dict[str, Any]:
        """The epoch whose weights `fit` restored: its number and metrics, the epochs run, the parameters trained.

        `val_accuracy_interval` is that of `accuracy_interval` over the `val_titles` titles of the val rows.
        """
        best = history.loc[history["val_accuracy"].idxmax()]
        data = self.data
        correct = self.predict(data.val).argmax(axis=1) == data.labels[data.val]
        limits = accuracy_interval(correct, data.groups[data.val], np.random.default_rng(self.seed))
        titles = len(np.unique(data.groups[data.val]))
        scores = {name: float(best[name]) for name in ("accuracy", "loss", "val_accuracy", "val_loss")}
        trainable = sum(int(np.prod(weight.shape)) for weight in self.model.trainable_weights)
        return {
            "epochs": len(history),
            "best_epoch": int(best["epoch"]),
            "trainable_parameters": trainable,
            "val_accuracy_interval": limits,
            "val_titles": titles,
            **scores,
        }

    def _check(self, metrics: dict[str, float], epoch: int, lr: float) -> None:
        try:
            check_metrics(metrics, epoch, lr)
        except NotFinite:
            check_inputs(self.data.inputs, np.concatenate([self.data.train, self.data.val]))
            raise

    def _variables(self) -> list["keras.Variable"]:
        return self.model.variables + self.model.optimizer.variables
