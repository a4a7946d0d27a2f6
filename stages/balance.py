"""Eight ways to deal with genres of unequal size, each trained over several seeds and scored on the same test rows.

Reads:  data/dataset.parquet, data/features/BACKBONE.npy (experiments.backbone), BACKBONE-augmented.npy where augment.copies > 0
Writes: metrics/balance.json, plots/balance.png
Params: balance, experiments, augment.copies, head but its units, runtime

none: as crawled. down: a genre with more than `cap` train rows keeps `cap` of them. equal: every genre has `count` train rows,
drawn without replacement where there are more; where there are fewer, variants of them are added, if there are any, and then
repeats. mixup: as equal, but mixtures of two rows of the genre are added. The other four keep the rows and change the loss:
webtoon_genre/training/losses.py. Validation and test rows stay as they are.
"""

import logging
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pydantic import Field

from webtoon_genre.core import params, paths
from webtoon_genre.core.command import run
from webtoon_genre.core.files import write_json
from webtoon_genre.core.progress import track
from webtoon_genre.data.augmentation import AugmentCopies, with_augmented_features
from webtoon_genre.data.tables import DATASET, class_names, read_table
from webtoon_genre.evaluation import bootstrap
from webtoon_genre.evaluation.metrics import predicted_labels
from webtoon_genre.experiments import probe
from webtoon_genre.experiments.probe import Probe, ProbeTask
from webtoon_genre.plotting import figures
from webtoon_genre.reproducibility import runtime
from webtoon_genre.training import losses
from webtoon_genre.training.losses import Loss

BASELINE = "none"
ROWS = (BASELINE, "down", "equal", "mixup")
LOSSES = ("class_weights", "effective_weights", "focal", "logit_adjustment")
CAPTION = """\
95% intervals: whole titles resampled, the same for both; averaged over seeds
below: change of each genre's recall, in hundredths; in brackets: test images"""
log = logging.getLogger(__name__)


class Balance(params.Section):
    """params.yaml: balance."""

    cap: int = Field(ge=1)
    count: int = Field(ge=1)
    alpha: float = Field(gt=0)
    beta: float = Field(ge=0, lt=1)
    gamma: float = Field(ge=0)
    tau: float = Field(ge=0)


class Params(probe.ExperimentParams):
    """What this stage reads of params.yaml."""

    balance: Balance
    augment: AugmentCopies


def down(labels: np.ndarray, rows: np.ndarray, cap: int, generator: np.random.Generator) -> np.ndarray:
    """`rows`, int (n,), ascending, with at most `cap` drawn of each label; `labels` is indexed by row."""
    return joined([drawn(members, min(cap, len(members)), generator) for members in parts(labels, rows)])


def equal(
    labels: np.ndarray, rows: np.ndarray, spare: np.ndarray, count: int, generator: np.random.Generator
) -> np.ndarray:
    """`rows` with exactly `count` of each label: rows themselves first, then `spare` ones, each as often as the next or once more."""
    return joined(
        [
            filled(members, spare[labels[spare] == labels[members[0]]], count, generator)
            for members in parts(labels, rows)
        ]
    )


def filled(members: np.ndarray, spare: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """`count` rows of one label."""
    if count <= len(members):
        return drawn(members, count, generator)
    if count <= len(members) + len(spare):
        return np.concatenate([members, drawn(spare, count - len(members), generator)])
    everything = np.concatenate([members, spare])
    whole, rest = divmod(count, len(everything))
    return np.concatenate([np.tile(everything, whole), drawn(everything, rest, generator)])


def parts(labels: np.ndarray, rows: np.ndarray) -> list[np.ndarray]:
    """The rows of each label that has some, by label."""
    return [rows[labels[rows] == label] for label in np.unique(labels[rows])]


def joined(chosen: list[np.ndarray]) -> np.ndarray:
    """All of them, ascending."""
    return np.sort(np.concatenate(chosen))


def drawn(members: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """`count` of `members` without replacement."""
    return generator.permutation(members)[:count]


def mixed(task: ProbeTask, count: int, alpha: float, generator: np.random.Generator) -> ProbeTask:
    """`task` with `count` train rows of each label: where there are fewer, λ a + (1 - λ) b of two of them, λ ~ Beta(alpha, alpha).

    Mixup (Zhang et al., 2018, arXiv:1710.09412) within a genre, on features, so that labels stay whole.
    """
    rows, features, labels = [], [np.zeros((0, task.features.shape[1]), np.float32)], []
    for members in parts(task.labels, task.train):
        rows.append(drawn(members, min(count, len(members)), generator))
        short = count - len(rows[-1])
        one, other = generator.choice(members, (2, short))
        weight = generator.beta(alpha, alpha, (short, 1)).astype(np.float32)
        features.append(weight * task.features[one] + (1 - weight) * task.features[other])
        labels += [task.labels[members[0]]] * short
    wider = task.with_rows(np.concatenate(features), np.asarray(labels, np.int64))
    return replace(wider, train=np.concatenate([joined(rows), np.arange(len(task.labels), len(wider.labels))]))


def rebalanced(
    name: str, task: ProbeTask, spare: np.ndarray, settings: Balance, generator: np.random.Generator
) -> ProbeTask:
    """`task` with the train rows of one variant; `spare` are variants of train rows."""
    if name == "down":
        return replace(task, train=down(task.labels, task.train, settings.cap, generator))
    if name == "equal":
        return replace(task, train=equal(task.labels, task.train, spare, settings.count, generator))
    if name == "mixup":
        return mixed(task, settings.count, settings.alpha, generator)
    return task


def loss(name: str, counts: np.ndarray, settings: Balance) -> Loss | None:
    """What is minimised, None for plain cross-entropy; `counts`, int (k,), of the train rows."""
    if name == "class_weights":
        return losses.weighted_cross_entropy(losses.class_weights(counts))
    if name == "effective_weights":
        return losses.weighted_cross_entropy(losses.effective_weights(counts, settings.beta))
    if name == "focal":
        return losses.focal(settings.gamma)
    if name == "logit_adjustment":
        return losses.logit_adjusted(counts, settings.tau)
    return None


def outcomes(task: ProbeTask, spare: np.ndarray, settings: Params) -> dict[str, Any]:
    """Train every variant; of each its train rows by genre, its scores, and how it differs from the baseline."""
    trials, names = Probe(settings), (*ROWS, *LOSSES)
    said = {
        name: trained(name, task, spare, settings, trials) for name in track(names, len(names), "trained", "variants")
    }
    plain, labels, groups = predicted_labels(said[BASELINE]), task.labels[task.test], task.groups[task.test]
    found = {}
    for name in names:
        generator = np.random.default_rng(settings.runtime.seed)
        change = bootstrap.paired_difference(
            labels, groups, predicted_labels(said[name]), plain, task.classes, generator
        )
        rows = rebalanced(name, task, spare, settings.balance, np.random.default_rng(settings.experiments.seeds[0]))
        found[name] = {
            "train_images": {genre: int(count) for genre, count in zip(task.classes, rows.counts(), strict=True)},
            "test": probe.test_scores(task, said[name]),
            "against_none": change,
            "outcome": bootstrap.conclusion(f"{name} changes balanced accuracy", change["balanced_accuracy"]),
        }
    return found


def trained(name: str, task: ProbeTask, spare: np.ndarray, settings: Params, trials: Probe) -> np.ndarray:
    """What heads trained in one way say of the test rows, float32 (seeds, n, k)."""

    def vary(given: ProbeTask, generator: np.random.Generator) -> ProbeTask:
        return rebalanced(name, given, spare, settings.balance, generator)

    return trials.answers(task, loss(name, task.counts(), settings.balance), vary=vary).test


def draw(found: dict[str, Any]) -> Figure:
    """Change of accuracy and balanced accuracy with intervals, a line a variant; below, change of each genre's recall."""
    names = [name for name in found if name != BASELINE]
    genres = found[BASELINE]["test"]["per_genre"]
    figure = figures.new_figure(9.2, 3.4 + 0.72 * len(names))
    above, below = figure.subplots(2, 2, sharey="row", height_ratios=(len(names), len(names) + 1))
    for axes, measure in zip(above, ("accuracy", "balanced_accuracy"), strict=True):
        draw_changes(axes, {name: found[name]["against_none"][measure] for name in names}, measure.replace("_", " "))
    for axes in below:
        axes.remove()
    axes = figure.add_subplot(2, 1, 2)
    changes = [[found[name]["against_none"]["recall"].get(genre) for genre in genres] for name in names]
    values = np.array([[np.nan if each is None else each["difference"] for each in row] for row in changes])
    columns = [f"{figures.shorten(genre)} ({of['support']})" for genre, of in genres.items()]
    figures.draw_change_map(axes, values, [name.replace("_", " ") for name in names], columns)
    axes.set_xlabel(CAPTION, loc="left", fontsize=9)
    figure.suptitle(headline(found), fontsize=11)
    figure.tight_layout()
    return figure


def draw_changes(axes: Axes, changes: dict[str, Any], measure: str) -> None:
    """One panel."""
    points = [change["difference"] for change in changes.values()]
    intervals = [change["interval"] for change in changes.values()]
    figures.draw_intervals(
        axes, [name.replace("_", " ") for name in changes], points, intervals, [figures.BLUE] * len(points)
    )
    axes.axvline(0, color="black", linewidth=1, zorder=0)
    axes.set_title(f"change of {measure}", fontsize=10)


def headline(found: dict[str, Any]) -> str:
    """What the figure shows."""
    gains = gaining(found)
    said = f"{', '.join(gains)} raise balanced accuracy" if gains else "no way raises balanced accuracy beyond doubt"
    return f"Genres of unequal size: {said.replace('_', ' ')}"


def gaining(found: dict[str, Any]) -> list[str]:
    """The variants whose balanced accuracy is higher beyond doubt."""
    return [name for name, each in found.items() if each["against_none"]["balanced_accuracy"]["interval"][0] > 0]


def verdict(found: dict[str, Any]) -> str:
    """One sentence on all variants."""
    changes = {name: each["against_none"]["balanced_accuracy"] for name, each in found.items() if name != BASELINE}
    best = max(changes, key=lambda name: changes[name]["difference"])
    gains = gaining(found)
    return (
        f"{len(gains)} of {len(changes)} ways raise balanced accuracy beyond doubt{': ' * bool(gains)}{', '.join(gains)}; "
        + bootstrap.conclusion(f"the largest change, by {best}, is one", changes[best])
    )


def main() -> None:
    """Train and score each variant."""
    settings = params.read(Params)
    runtime.start_keras(settings.runtime)
    rows = read_table(paths.DATASET, DATASET)
    backbone, copies = settings.experiments.backbone, settings.augment.copies
    wider, table = with_augmented_features(rows, paths.FEATURES, backbone, copies)
    task = probe.probe_task(wider, table, class_names(rows))
    spare = np.arange(len(rows), len(wider))
    found = outcomes(replace(task, train=task.train[task.train < len(rows)]), spare, settings)
    write_json(
        paths.metrics("balance"), {**probe.probe_settings(settings, rows), "variants": found, "outcome": verdict(found)}
    )
    figures.save(draw(found), paths.plot("balance"))
    for name in found:
        log.info(found[name]["outcome"])
    log.info(verdict(found))


if __name__ == "__main__":
    run(main, "balance")
