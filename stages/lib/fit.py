"""Heads and how models are trained: the study's head, Adam, early stopping with the best weights; no paths, no files."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, Field

from stages.lib import runtime
from stages.lib.params import Leaves, Section
from stages.lib.trunk import Pool

if TYPE_CHECKING:
    import keras

Watch = Callable[[int, dict[str, float]], None]


class Head(Section):
    """params.yaml: head."""

    pool: Pool
    standardise: bool
    units: int = Field(ge=1)
    dropout: float = Field(ge=0, lt=1)


class Schedule(BaseModel):
    """How long and in what steps a model is trained; part of params.yaml: train."""

    batch: int = Field(ge=1)
    epochs: int = Field(ge=1)
    patience: int = Field(ge=1)


class Training(Leaves, Schedule):
    """What experiments share of params.yaml: train."""


def build_head(width: int, classes: int, head: Head, features: np.ndarray) -> "keras.Model":
    """Pooled features, float32 (n, width) → probabilities (n, classes): Dense(relu), Dropout, Dense(softmax), as in the study.

    With `head.standardise`, features are first brought to zero mean and unit variance over `features`, the train rows.
    """
    import keras

    inputs = keras.Input((width,), dtype="float32")
    x = inputs
    if head.standardise:
        normalization = keras.layers.Normalization(axis=-1)
        normalization.adapt(features)
        x = normalization(x)
    x = keras.layers.Dense(head.units, activation="relu")(x)
    x = keras.layers.Dropout(head.dropout)(x)
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x), name="head")


def fit(
    model: "keras.Model",
    train: tuple[Any, np.ndarray] | Any,
    val: tuple[Any, np.ndarray] | Any,
    lr: float,
    schedule: Schedule,
    watch: Watch | None = None,
) -> pd.DataFrame:
    """Train `model` in place and leave it with its best weights (by accuracy on `val`); one row an epoch of what was measured.

    `train` and `val` are (inputs, int labels) or a Keras PyDataset, which brings its own batches. Call `runtime.seed` first.
    """
    import keras

    model.compile(keras.optimizers.Adam(lr), "sparse_categorical_crossentropy", metrics=["accuracy"])
    stop = keras.callbacks.EarlyStopping("val_accuracy", patience=schedule.patience, restore_best_weights=True)
    callbacks = [stop] if watch is None else [stop, watcher(watch)]
    batches = {"x": train[0], "y": train[1], "batch_size": schedule.batch} if isinstance(train, tuple) else {"x": train}
    history = model.fit(**batches, validation_data=val, epochs=schedule.epochs, callbacks=callbacks, verbose=0)
    return pd.DataFrame(history.history).rename_axis("epoch").reset_index()


def watcher(watch: Watch) -> "keras.callbacks.Callback":
    """A Keras callback that hands each epoch's number and figures to `watch`."""
    import keras

    return keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: watch(epoch, dict(logs or {})))


def fit_head(
    features: np.ndarray,
    labels: np.ndarray,
    train: np.ndarray,
    val: np.ndarray,
    classes: int,
    head: Head,
    lr: float,
    schedule: Schedule,
    seed: int,
    watch: Watch | None = None,
) -> tuple["keras.Model", pd.DataFrame]:
    """Train a head on rows `train` of `features`, float32 (n, width), stop by rows `val`; the head and its history.

    `train` and `val` are row numbers, int (m,); a row may stand in `train` several times.
    """
    runtime.seed(seed)
    shown = np.asarray(features[train])
    model = build_head(features.shape[1], classes, head, shown)
    history = fit(model, (shown, labels[train]), (np.asarray(features[val]), labels[val]), lr, schedule, watch)
    return model, history
