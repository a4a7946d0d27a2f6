"""The common footing of experiments: frozen features, the head and the code of `train`, several seeds, one baseline, untouched test rows.

An experiment is a function from train rows to train rows (or from labels to labels); what it is trained by and scored on is here.
It knows no files.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from webtoon_genre.core import params
from webtoon_genre.evaluation.metrics import (
    HELD_OUT,
    accuracy_interval,
    balanced_accuracy,
    confusion_matrix,
    kappa,
    macro_f1,
    predicted_labels,
    recalls,
)
from webtoon_genre.reproducibility.runtime import Runtime
from webtoon_genre.training.losses import Loss
from webtoon_genre.training.trainer import SharedHeadParams, Trainer, TrainingData, TrainingParams


class ProbeParams(params.Section, TrainingParams):
    """params.yaml: experiments."""

    backbone: str
    seeds: list[int] = Field(min_length=1)
    units: int = Field(ge=1)
    lr: float = Field(gt=0)


class ExperimentParams(params.ParamsFile):
    """What every experiment reads of params.yaml."""

    experiments: ProbeParams
    head: SharedHeadParams
    runtime: Runtime


@dataclass(frozen=True)
class ProbeTask:
    """Rows to be told apart. features: float32 (n, width); labels: int (n,), 0 to k - 1 (others stand in no side); groups: int (n,).

    train, val, test: row numbers, int (m,); `train` may name a row several times.
    """

    features: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    classes: list[str]
    train: np.ndarray
    val: np.ndarray
    test: np.ndarray

    def counts(self) -> np.ndarray:
        """int (k,): train rows of each label."""
        return np.bincount(self.labels[self.train], minlength=len(self.classes))

    def trainable(self) -> bool:
        """Has it train rows of every class, and held-out rows?"""
        return self.learnable() == self.classes and len(self.val) > 0 and len(self.test) > 0

    def learnable(self) -> list[str]:
        """The classes that have train rows."""
        return [name for name, count in zip(self.classes, self.counts(), strict=True) if count]

    def with_rows(self, features: np.ndarray, labels: np.ndarray) -> "ProbeTask":
        """The same with more rows at the end, which belong to no title and no side yet."""
        if not len(labels):
            return self
        return replace(
            self,
            features=np.concatenate([self.features, features]),
            labels=np.concatenate([self.labels, labels]),
            groups=np.concatenate([self.groups, np.full(len(labels), -1)]),
        )


def probe_task(dataset: pd.DataFrame, features: np.ndarray, genres: list[str]) -> ProbeTask:
    """All genres of the dataset, on its own split."""
    sides = dataset["split"].to_numpy()
    train, val, test = (np.flatnonzero(sides == side) for side in ("train", *HELD_OUT))
    labels, groups = dataset["label"].to_numpy(np.int64), dataset["group"].to_numpy()
    return ProbeTask(features, labels, groups, genres, train, val, test)


def test_rows_digest(dataset: pd.DataFrame) -> str:
    """Of the test rows, in any order: sha256 of their titles and numbers. Equal digests: experiments were scored on the same images."""
    test = dataset.loc[dataset["split"] == "test", ["title_id", "no"]].sort_values(["title_id", "no"])
    lines = test.to_csv(index=False, lineterminator="\n")
    return f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"


@dataclass(frozen=True)
class Predictions:
    """Probabilities, float32 (seeds, n, k), of a task's val rows and of its test rows; and the heads' weights, one list a seed."""

    val: np.ndarray
    test: np.ndarray
    heads: list[list[np.ndarray]] = field(default_factory=list)


class Probe:
    """Trains heads, one a seed, and lets them predict; a graph that was traced serves every task of as many classes."""

    def __init__(self, settings: ExperimentParams):
        self.settings = settings
        self.learners: dict[tuple[int, Loss | None], Trainer] = {}

    def answers(
        self,
        given: ProbeTask,
        loss: Loss | None = None,
        begin: Predictions | None = None,
        seeds: Sequence[int] | None = None,
        vary: Callable[[ProbeTask, np.random.Generator], ProbeTask] | None = None,
    ) -> Predictions:
        """What heads say of the held-out rows of a task.

        begin: heads for other labels; these start from their layers, all but the last. seeds: None for all of `experiments`. vary:
        gives the task with other train rows, for each seed.
        """
        val: list[np.ndarray] = []
        test: list[np.ndarray] = []
        heads = []
        for place, seed in enumerate(seeds or self.settings.experiments.seeds):
            varied = given if vary is None else vary(given, np.random.default_rng(seed))
            learner = self.learner(varied, seed, loss)
            if begin is not None:
                learner.adopt(begin.heads[place])
            learner.learn(self.settings.experiments.lr)
            heads.append(learner.head.get_weights())
            for rows, said in ((given.val, val), (given.test, test)):
                said.append(np.asarray(learner.head.predict_on_batch(np.asarray(given.features[rows]))))
        return Predictions(np.stack(val), np.stack(test), heads)

    def learner(self, given: ProbeTask, seed: int, loss: Loss | None) -> Trainer:
        """A learner at its start."""
        own, key = self.settings.experiments, (len(given.classes), loss)
        examples = TrainingData([given.features], given.features, given.labels, given.train, given.val)
        if key in self.learners:
            self.learners[key].again(examples, seed)
        else:
            head, runtime = self.settings.head.of(own.units), self.settings.runtime.model_copy(update={"seed": seed})
            self.learners[key] = Trainer(None, examples, len(given.classes), head, own, runtime, loss)
        return self.learners[key]


def scores_with_chance(given: ProbeTask, probabilities: np.ndarray, seed: int) -> dict[str, Any]:
    """`scored`, the interval of the accuracy, and what it is beside chance: the largest class's accuracy, and Cohen's kappa."""
    labels, predicted = given.labels[given.test], predicted_labels(probabilities)
    counts = [confusion_matrix(labels, each, len(given.classes)) for each in predicted]
    hits = (predicted == labels).mean(axis=0)
    return test_scores(given, probabilities) | {
        "accuracy_interval": accuracy_interval(hits, given.groups[given.test], np.random.default_rng(seed)),
        "majority_accuracy": float((labels == given.counts().argmax()).mean()),
        "kappa": float(np.mean([kappa(each) for each in counts])),
    }


def test_scores(given: ProbeTask, probabilities: np.ndarray) -> dict[str, Any]:
    """Test scores averaged over seeds, those of each seed, and each class's; probabilities: float (seeds, n, k) of the test rows."""
    counts = [
        confusion_matrix(given.labels[given.test], predicted_labels(each), len(given.classes)) for each in probabilities
    ]
    accuracies = [float(np.trace(each) / each.sum()) for each in counts]
    recalls, support = np.mean([recalls(each) for each in counts], axis=0), counts[0].sum(axis=1)
    return {
        "images": len(given.test),
        "groups": len(np.unique(given.groups[given.test])),
        "accuracy": float(np.mean(accuracies)),
        "accuracy_by_seed": accuracies,
        "balanced_accuracy": float(np.mean([balanced_accuracy(each) for each in counts])),
        "macro_f1": float(np.mean([macro_f1(each) for each in counts])),
        "per_genre": {
            genre: {"recall": float(recall), "support": int(images)}
            for genre, recall, images in zip(given.classes, recalls, support, strict=True)
        },
    }


def subset(dataset: pd.DataFrame, everything: ProbeTask, chosen: list[str]) -> ProbeTask:
    """The rows of some genres, labelled by their place in `chosen`."""
    labels = dataset["genre"].map({genre: place for place, genre in enumerate(chosen)}).fillna(-1).to_numpy(np.int64)
    train, val, test = (rows[labels[rows] >= 0] for rows in (everything.train, everything.val, everything.test))
    return ProbeTask(everything.features, labels, everything.groups, chosen, train, val, test)


def restrict(said: np.ndarray, everything: ProbeTask, task: ProbeTask) -> np.ndarray:
    """What a model of all genres gives the genres of `task`, a subset's, float (seeds, n, k): its choice among them alone.

    said: float (seeds, n, k) of all test rows.
    """
    places = [everything.classes.index(genre) for genre in task.classes]
    return said[:, np.isin(everything.test, task.test)][..., places]


def confusion_shares(task: ProbeTask, answers: Predictions) -> np.ndarray:
    """float (k, k), symmetric: the shares of two genres' validation images taken for the other, added, over seeds; 0 for one."""
    labels = task.labels[task.val]
    counts = [confusion_matrix(labels, predicted_labels(each), len(task.classes)) for each in answers.val]
    shares = np.mean([each / np.maximum(each.sum(axis=1, keepdims=True), 1) for each in counts], axis=0)
    return (shares + shares.T) * (1 - np.eye(len(task.classes)))


def probe_settings(settings: ExperimentParams, dataset: pd.DataFrame) -> dict[str, Any]:
    """What every experiment's metrics say of their footing."""
    own = settings.experiments
    return {"backbone": own.backbone, "seeds": own.seeds, "scored_rows": test_rows_digest(dataset)}
