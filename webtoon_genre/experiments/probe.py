"""Probes: small heads on frozen features, trained as `train` does over several seeds, scored on the same untouched test rows.

An experiment varies the train rows, the labels or the loss of a ProbeTask; this module trains and scores. The functions `load` and
`write` are the common edge of the experiments' stages; nothing else here reads or writes files.
"""

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import pandas as pd
from pydantic import Field, NonNegativeInt

from webtoon_genre.cluster.params import ClusterParams
from webtoon_genre.core import paths
from webtoon_genre.core.files import write_json
from webtoon_genre.core.params import ParamsFile, Section, SharedKeys, read
from webtoon_genre.data.tables import DATASET, class_names, read_features, read_table
from webtoon_genre.evaluation import bootstrap, study
from webtoon_genre.evaluation.bootstrap import accuracy_interval
from webtoon_genre.evaluation.metrics import (
    HELD_OUT,
    balanced_accuracy,
    confusion_matrix,
    kappa,
    macro_f1,
    predicted_labels,
    recalls,
    titles_per_class,
)
from webtoon_genre.plotting import figures
from webtoon_genre.reproducibility.runtime import Runtime, configure, start_keras
from webtoon_genre.training.head import SharedHeadParams
from webtoon_genre.training.stack import Weights
from webtoon_genre.training.trainer import TrainingParams

log = logging.getLogger(__name__)


class ProbeParams(Section, TrainingParams):
    """params.yaml: experiments."""

    seeds: list[NonNegativeInt] = Field(min_length=1)
    units: int = Field(ge=1)
    lr: float = Field(gt=0)


class Backbones(SharedKeys):
    """params.yaml: train.backbones, untracked: experiments depend on the features of the first one, which dvc.yaml names."""

    untracked: ClassVar = frozenset({"backbones"})

    backbones: list[str] = Field(min_length=1)


class ExperimentParams(ParamsFile):
    """The keys of params.yaml that every experiment reads; a stage with such params is an experiment.

    question: what the experiment asks. study: what the original study reports on it, None where it reports nothing.
    """

    untracked: ClassVar = frozenset({"cluster"})

    question: ClassVar[str]
    study: ClassVar[str | None] = None

    experiments: ProbeParams
    train: Backbones
    head: SharedHeadParams
    runtime: Runtime
    cluster: ClusterParams
    seed: int = Field(ge=0)

    @property
    def backbone(self) -> str:
        """The backbone of all experiments: the first of train.backbones."""
        return self.train.backbones[0]


P = TypeVar("P", bound=ExperimentParams)


@dataclass(frozen=True)
class ProbeTask:
    """Rows to classify. features: float32 (n, width); labels: int (n,), 0 to k - 1 (others are in no split); groups: int (n,), titles.

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
        """Whether there are train rows of every class, and held-out rows."""
        return self.learnable() == self.classes and len(self.val) > 0 and len(self.test) > 0

    def learnable(self) -> list[str]:
        """The classes that have train rows."""
        return [name for name, count in zip(self.classes, self.counts(), strict=True) if count]

    def with_rows(self, features: np.ndarray, labels: np.ndarray) -> "ProbeTask":
        """The task with more rows at the end, which belong to no title and no split yet."""
        if not len(labels):
            return self
        return replace(
            self,
            features=np.concatenate([self.features, features]),
            labels=np.concatenate([self.labels, labels]),
            groups=np.concatenate([self.groups, np.full(len(labels), -1)]),
        )


@dataclass(frozen=True)
class ExperimentData(Generic[P]):
    """Input of an experiment's stage: its params, the dataset and the genres."""

    params: P
    dataset: pd.DataFrame
    genres: list[str]

    def task(self) -> ProbeTask:
        """All genres on the dataset's split, with the features of the first of train.backbones, which this reads."""
        features = read_features(paths.features(self.params.backbone), len(self.dataset))
        return probe_task(self.dataset, features, self.genres)


def load(
    model: type[P], check: Callable[[ExperimentData[P]], None] | None = None, keras: bool = True
) -> ExperimentData[P]:
    """Read params as `model`, read the dataset, and start Keras.

    check: raises InputError for params or a dataset that the stage refuses; it runs before Keras starts, which takes seconds.
    keras: false for a stage that trains nothing and can do without it.
    """
    params = read(model)
    dataset = read_table(paths.DATASET, DATASET)
    data = ExperimentData(params, dataset, class_names(dataset))
    if check is not None:
        check(data)
    if keras:
        start_keras(params.runtime)
    else:
        configure(params.runtime)
    return data


def write(stage: str, data: ExperimentData[P], metrics: dict[str, Any], summary: dict[str, Any], outcome: str) -> None:
    """Write metrics/STAGE.json; `summary` goes into metrics/summary.json, `outcome`, one sentence, into the report and README's table."""
    params = data.params
    shared = {
        "question": params.question,
        "backbone": params.backbone,
        "seeds": params.experiments.seeds,
        "scored_rows": test_rows_digest(data.dataset),
    }
    if params.study and set(data.genres) == study.GENRES:
        shared["study"] = params.study
    write_json(paths.metrics(stage), {**shared, **metrics, "summary": summary, "outcome": outcome})
    log.info(outcome)


def write_skipped(stage: str, data: ExperimentData[P], reason: str, plots: Sequence[Path]) -> None:
    """Write metrics/STAGE.json of an experiment that does not apply to the dataset, and `plots` that say why."""
    write(stage, data, {"skipped": reason}, {}, f"skipped: {reason}")
    for path in plots:
        figures.save(figures.note(f"{stage} was skipped: {reason}"), path)


def probe_task(dataset: pd.DataFrame, features: np.ndarray, genres: list[str]) -> ProbeTask:
    """All genres of the dataset on its own split."""
    splits = dataset["split"].to_numpy()
    train, val, test = (np.flatnonzero(splits == split) for split in ("train", *HELD_OUT))
    labels, groups = dataset["label"].to_numpy(np.int64), dataset["group"].to_numpy()
    return ProbeTask(features, labels, groups, genres, train, val, test)


def test_rows_digest(dataset: pd.DataFrame) -> str:
    """sha256 of the titles and numbers of the test rows, in any order; equal digests mean the same test images."""
    test = dataset.loc[dataset["split"] == "test", ["title_id", "no"]].sort_values(["title_id", "no"])
    lines = test.to_csv(index=False, lineterminator="\n")
    return f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"


@dataclass(frozen=True)
class Predictions:
    """Probabilities, float32 (seeds, n, k), of a task's val rows and of its test rows; and the weights of the heads, one list a seed."""

    val: np.ndarray
    test: np.ndarray
    heads: list[Weights] = field(default_factory=list)


def scores_with_chance(task: ProbeTask, probabilities: np.ndarray, seed: int) -> dict[str, Any]:
    """`test_scores`, the interval of the accuracy, and chance: the largest class, the difference from it, and Cohen's kappa."""
    labels, predicted = task.labels[task.test], predicted_labels(probabilities)
    confusions = [confusion_matrix(labels, row, len(task.classes)) for row in predicted]
    hits = (predicted == labels).mean(axis=0)
    majority = np.zeros((1, len(labels), len(task.classes)))
    majority[..., task.counts().argmax()] = 1
    return test_scores(task, probabilities) | {
        "accuracy_interval": accuracy_interval(hits, task.groups[task.test], np.random.default_rng(seed)),
        "majority_accuracy": float((labels == task.counts().argmax()).mean()),
        "against_majority": compare(task, probabilities, majority, seed)["accuracy"],
        "kappa": float(np.mean([kappa(confusion) for confusion in confusions])),
    }


def compare(task: ProbeTask, probabilities: np.ndarray, baseline: np.ndarray, seed: int) -> dict[str, Any]:
    """The differences in test scores between two models, both float (seeds, n, k), as `bootstrap.paired_difference` returns them."""
    labels, groups = task.labels[task.test], task.groups[task.test]
    predicted, reference = predicted_labels(probabilities), predicted_labels(baseline)
    generator = np.random.default_rng(seed)
    return bootstrap.paired_difference(labels, groups, predicted, reference, task.classes, generator)


def test_scores(task: ProbeTask, probabilities: np.ndarray) -> dict[str, Any]:
    """Test scores averaged over seeds, those of each seed, and recall by class; probabilities: float (seeds, n, k) of the test rows."""
    labels = task.labels[task.test]
    confusions = [confusion_matrix(labels, row, len(task.classes)) for row in predicted_labels(probabilities)]
    accuracies = [float(np.trace(confusion) / confusion.sum()) for confusion in confusions]
    mean_recalls = np.mean([recalls(confusion) for confusion in confusions], axis=0)
    support, groups = confusions[0].sum(axis=1), task.groups[task.test]
    columns = zip(task.classes, mean_recalls, support, titles_per_class(labels, groups, len(task.classes)), strict=True)
    return {
        "images": len(task.test),
        "groups": len(np.unique(groups)),
        "accuracy": float(np.mean(accuracies)),
        "accuracy_by_seed": accuracies,
        "balanced_accuracy": float(np.mean([balanced_accuracy(confusion) for confusion in confusions])),
        "macro_f1": float(np.mean([macro_f1(confusion) for confusion in confusions])),
        "per_genre": {
            genre: {"recall": float(recall), "support": int(images), "titles": int(titles)}
            for genre, recall, images, titles in columns
        },
    }


def subset(dataset: pd.DataFrame, task: ProbeTask, genres: list[str]) -> ProbeTask:
    """The rows of some genres, labelled by their position in `genres`."""
    positions = {genre: position for position, genre in enumerate(genres)}
    labels = dataset["genre"].map(positions).fillna(-1).to_numpy(np.int64)
    train, val, test = (rows[labels[rows] >= 0] for rows in (task.train, task.val, task.test))
    return ProbeTask(task.features, labels, task.groups, genres, train, val, test)


def restrict(probabilities: np.ndarray, full_task: ProbeTask, task: ProbeTask) -> np.ndarray:
    """Probabilities of a full model for the classes and test rows of `task`, a subset: float (seeds, n, k).

    probabilities: float (seeds, n, k) of all test rows of `full_task`.
    """
    columns = [full_task.classes.index(genre) for genre in task.classes]
    return probabilities[:, np.isin(full_task.test, task.test)][..., columns]


def confusion_shares(task: ProbeTask, predictions: Predictions) -> np.ndarray:
    """float (k, k), symmetric: the shares of two genres' validation images predicted as the other, added, averaged over seeds."""
    labels = task.labels[task.val]
    confusions = [confusion_matrix(labels, predicted_labels(row), len(task.classes)) for row in predictions.val]
    shares = np.mean([counts / np.maximum(counts.sum(axis=1, keepdims=True), 1) for counts in confusions], axis=0)
    return (shares + shares.T) * (1 - np.eye(len(task.classes)))
