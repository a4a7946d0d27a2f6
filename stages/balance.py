"""Eight ways to handle genres of unequal size, each trained over several seeds and scored on the same test rows.

Reads:  data/dataset.parquet, data/features/BACKBONE.npy (the first of train.backbones), BACKBONE-augmented.npy where augment.copies > 0
Writes: metrics/balance.json, plots/balance.png
Params: balance, experiments, augment.copies, head but its units, runtime, seed

none: the train rows as crawled. down: at most `cap` train rows of each genre. equal: exactly `count` train rows of each genre; a
larger genre is sampled without replacement, a smaller one gets augmented rows, if there are any, and then repeats. mixup: as equal,
but a smaller genre gets mixtures of two of its rows. The other four keep the rows and change the loss:
webtoon_genre/training/losses.py. Validation and test rows stay unchanged. Where all genres have as many train rows, the stage is skipped.
"""

import logging
from dataclasses import replace
from typing import Any

import numpy as np
from pydantic import Field

from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.params import Section
from webtoon_genre.core.wording import count
from webtoon_genre.data.augmentation import AugmentCopies, with_augmented_features
from webtoon_genre.evaluation import bootstrap
from webtoon_genre.experiments import probe
from webtoon_genre.experiments.probe import ExperimentData, ExperimentParams, ProbeTask
from webtoon_genre.experiments.probe_heads import Probe, ProbeRun
from webtoon_genre.experiments.score_rows import change_row
from webtoon_genre.plotting import figures
from webtoon_genre.plotting.artists import Axes, Figure
from webtoon_genre.plotting.intervals import draw_intervals
from webtoon_genre.training import losses
from webtoon_genre.training.losses import Loss

BASELINE = "none"
ROWS = (BASELINE, "down", "equal", "mixup")
LOSSES = ("class_weights", "effective_weights", "focal", "logit_adjustment")
CAPTION = f"""\
above: change from the train rows as they are ({BASELINE}), averaged over seeds
lines and brackets: 95% intervals, whole titles resampled, the same for both
below: change of each genre's recall, in percentage points"""
log = logging.getLogger(__name__)


class Balance(Section):
    """params.yaml: balance."""

    cap: int = Field(ge=1)
    count: int = Field(ge=1)
    alpha: float = Field(gt=0)
    beta: float = Field(ge=0, lt=1)
    gamma: float = Field(ge=0)
    tau: float = Field(ge=0)


class Params(ExperimentParams):
    """The keys of params.yaml that this stage reads."""

    question = "Do rebalanced train images, or losses with weights, help the small classes?"
    study = "Two ways, a cap on the large genres and an equal count of all: neither helped much. It gives no numbers."

    balance: Balance
    augment: AugmentCopies


def augmented_task(data: ExperimentData[Params]) -> tuple[ProbeTask, np.ndarray]:
    """The task with the features of augmented rows at the end, which are in no split, and their row numbers, int (m,)."""
    backbone, copies = data.params.backbone, data.params.augment.copies
    rows, features = with_augmented_features(
        data.dataset, paths.features(backbone), paths.augmented_features(backbone), copies
    )
    task = probe.probe_task(rows, features, data.genres)
    count = len(data.dataset)
    return replace(task, train=task.train[task.train < count]), np.arange(count, len(rows))


def down(labels: np.ndarray, rows: np.ndarray, cap: int, generator: np.random.Generator) -> np.ndarray:
    """Sample at most `cap` of `rows`, int (n,), ascending, of each label; `labels` is indexed by row."""
    return merge([sample(members, min(cap, len(members)), generator) for members in rows_by_label(labels, rows)])


def equal(
    labels: np.ndarray, rows: np.ndarray, augmented: np.ndarray, count: int, generator: np.random.Generator
) -> np.ndarray:
    """Exactly `count` rows of each label: first `rows`, then `augmented` ones, then repeats, whose numbers differ by one at most."""
    return merge(
        [
            fill(members, augmented[labels[augmented] == labels[members[0]]], count, generator)
            for members in rows_by_label(labels, rows)
        ]
    )


def fill(members: np.ndarray, augmented: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """`count` rows of one label."""
    if count <= len(members):
        return sample(members, count, generator)
    if count <= len(members) + len(augmented):
        return np.concatenate([members, sample(augmented, count - len(members), generator)])
    pool = np.concatenate([members, augmented])
    repeats, rest = divmod(count, len(pool))
    return np.concatenate([np.tile(pool, repeats), sample(pool, rest, generator)])


def rows_by_label(labels: np.ndarray, rows: np.ndarray) -> list[np.ndarray]:
    """The rows of each label that has some, by label."""
    return [rows[labels[rows] == label] for label in np.unique(labels[rows])]


def merge(parts: list[np.ndarray]) -> np.ndarray:
    """All rows, ascending."""
    return np.sort(np.concatenate(parts))


def sample(members: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """`count` of `members` without replacement."""
    return generator.permutation(members)[:count]


def mixup(task: ProbeTask, count: int, alpha: float, generator: np.random.Generator) -> ProbeTask:
    """`task` with `count` train rows of each label; missing rows are λ a + (1 - λ) b of two rows of the label, λ ~ Beta(alpha, alpha).

    Mixup (Zhang et al., 2018, arXiv:1710.09412) within a genre, on features, so that every row has one label.
    """
    rows, features, labels = [], [np.zeros((0, task.features.shape[1]), np.float32)], []
    for members in rows_by_label(task.labels, task.train):
        rows.append(sample(members, min(count, len(members)), generator))
        missing = count - len(rows[-1])
        left, right = generator.choice(members, (2, missing))
        weight = generator.beta(alpha, alpha, (missing, 1)).astype(np.float32)
        features.append(weight * task.features[left] + (1 - weight) * task.features[right])
        labels += [task.labels[members[0]]] * missing
    extended = task.with_rows(np.concatenate(features), np.asarray(labels, np.int64))
    return replace(extended, train=np.concatenate([merge(rows), np.arange(len(task.labels), len(extended.labels))]))


def rebalance(
    method: str, task: ProbeTask, augmented: np.ndarray, params: Balance, generator: np.random.Generator
) -> ProbeTask:
    """`task` with the train rows of one method; `augmented` are the numbers of augmented rows."""
    if method == "down":
        return replace(task, train=down(task.labels, task.train, params.cap, generator))
    if method == "equal":
        return replace(task, train=equal(task.labels, task.train, augmented, params.count, generator))
    if method == "mixup":
        return mixup(task, params.count, params.alpha, generator)
    return task


def method_loss(method: str, counts: np.ndarray, params: Balance) -> Loss | None:
    """The loss of one method, None for plain cross-entropy; `counts`, int (k,), of the train rows."""
    if method == "class_weights":
        return losses.weighted_cross_entropy(losses.class_weights(counts))
    if method == "effective_weights":
        return losses.weighted_cross_entropy(losses.effective_weights(counts, params.beta))
    if method == "focal":
        return losses.focal(params.gamma)
    if method == "logit_adjustment":
        return losses.logit_adjusted(counts, params.tau)
    return None


def method_run(method: str, task: ProbeTask, augmented: np.ndarray, params: Balance) -> ProbeRun:
    """The training of heads with one method."""

    def vary(task: ProbeTask, generator: np.random.Generator) -> ProbeTask:
        return rebalance(method, task, augmented, params, generator)

    return ProbeRun(task, method_loss(method, task.counts(), params), vary=vary)


def compare_methods(task: ProbeTask, augmented: np.ndarray, params: Params) -> dict[str, Any]:
    """Train with every method; by method its train rows by genre, its test scores, and the change from the baseline."""
    heads, methods = Probe(params), (*ROWS, *LOSSES)
    runs = [method_run(method, task, augmented, params.balance) for method in methods]
    probabilities = {
        method: predictions.test for method, predictions in zip(methods, heads.fit_predict_all(runs), strict=True)
    }
    return {method: method_scores(method, task, augmented, probabilities, params) for method in methods}


def method_scores(
    method: str, task: ProbeTask, augmented: np.ndarray, probabilities: dict[str, np.ndarray], params: Params
) -> dict[str, Any]:
    """Scores of one method; probabilities: of all methods, float32 (seeds, n, k)."""
    against_none = probe.compare(task, probabilities[method], probabilities[BASELINE], params.seed)
    rows = rebalance(method, task, augmented, params.balance, np.random.default_rng(params.experiments.seeds[0]))
    comparison = f"balanced accuracy of {readable(method)} against {BASELINE}"
    return {
        "train_images": {genre: int(count) for genre, count in zip(task.classes, rows.counts(), strict=True)},
        "test": probe.test_scores(task, probabilities[method]),
        "against_none": against_none,
        "outcome": bootstrap.conclusion(comparison, against_none["balanced_accuracy"]),
    }


def readable(method: str) -> str:
    """A method's name in texts."""
    return method.replace("_", " ")


def summarise(variants: dict[str, Any]) -> dict[str, Any]:
    """The change of balanced accuracy with class weights: one method in every version, since the best of several is best by chance too."""
    return bootstrap.change_metrics(
        "class_weights_change", variants["class_weights"]["against_none"]["balanced_accuracy"]
    )


def balanced_changes(variants: dict[str, Any]) -> dict[str, Any]:
    """By method, the change of balanced accuracy from the baseline."""
    return {
        readable(method): scores["against_none"]["balanced_accuracy"]
        for method, scores in variants.items()
        if method != BASELINE
    }


def outcome(variants: dict[str, Any]) -> str:
    """One sentence on all methods."""
    changes = balanced_changes(variants)
    best = max(changes, key=lambda method: changes[method]["difference"])
    gains = with_gain(changes)
    noun, verb = ("method", "methods"), ("improves", "improve")
    verdict = bootstrap.tally(list(changes.values()), noun, verb, "balanced accuracy")
    return f"{verdict}{': ' * bool(gains)}{gains}; largest change: {best}, {bootstrap.describe(changes[best])}"


def with_gain(changes: dict[str, Any]) -> str:
    """The methods of `balanced_changes` with a gain."""
    return ", ".join(method for method, change in changes.items() if bootstrap.is_gain(change))


def obstacle(task: ProbeTask) -> str | None:
    """Why there is nothing to balance, None if there is."""
    counts = set(task.counts().tolist())
    images = count(max(counts), "train image")
    return f"each of {len(task.classes)} genres has {images}: no imbalance" if len(counts) == 1 else None


def draw(variants: dict[str, Any]) -> Figure:
    """Draw changes of accuracy and balanced accuracy with intervals, one line a method; below, changes of each genre's recall."""
    methods = [method for method in variants if method != BASELINE]
    genres = variants[BASELINE]["test"]["per_genre"]
    figure = figures.new_figure(max(13, 2.4 + 0.5 * len(genres)), 2.4 + 0.64 * len(methods))
    panels = figure.subplot_mosaic([["accuracy", "balanced_accuracy"], ["recall", "recall"]])
    for measure in ("accuracy", "balanced_accuracy"):
        draw_changes(panels[measure], {method: variants[method]["against_none"][measure] for method in methods})
        panels[measure].set_title(f"change of {readable(measure)}")
    panels["balanced_accuracy"].tick_params(labelleft=False)
    draw_recalls(panels["recall"], variants, methods)
    pale = bootstrap.few_titles_note(variants[method]["against_none"]["accuracy"]["titles"] for method in methods)
    grey = bootstrap.few_titles_note((scores["titles"] for scores in genres.values()), "grey")
    figures.lay_out(figure, headline(variants), CAPTION + pale + grey)
    return figure


def draw_changes(axes: Axes, changes: dict[str, Any]) -> None:
    """Draw the changes of one measure by method."""
    draw_intervals(axes, [change_row(readable(method), change) for method, change in changes.items()])
    axes.axvline(0, color="black", linewidth=1, zorder=1)
    axes.locator_params(axis="x", nbins=5)  # so that the numbers of two panels do not touch


def draw_recalls(axes: Axes, variants: dict[str, Any], methods: list[str]) -> None:
    """Draw the change of each genre's recall under each method."""
    genres = {name: scores["titles"] for name, scores in variants[BASELINE]["test"]["per_genre"].items()}
    recalls = [variants[method]["against_none"]["recall"] for method in methods]
    values = np.array([[row[genre]["difference"] if genre in row else np.nan for genre in genres] for row in recalls])
    few = np.tile([not bootstrap.is_enough(titles) for titles in genres.values()], (len(methods), 1))
    texts = np.where(np.isnan(values), "", np.char.mod("%+.0f", np.round(100 * values) + 0.0))  # + 0.0: no "-0"
    figures.draw_map(axes, values, few, texts, max(0.05, float(np.nanmax(np.abs(values), initial=0))))
    columns = [f"{figures.shorten(genre)} ({count(titles, 'title')})" for genre, titles in genres.items()]
    figures.name_cells(axes, [readable(method) for method in methods], columns)


def headline(variants: dict[str, Any]) -> str:
    """The figure's title."""
    changes = balanced_changes(variants)
    if not bootstrap.is_enough(titles := min(change["titles"] for change in changes.values())):
        return f"Genres of unequal size: {bootstrap.too_few(titles)}"
    gains = with_gain(changes)
    result = f"by {gains}, of {len(changes)} methods" if gains else f"shown by any of {len(changes)} methods"
    return f"Genres of unequal size: {'a' if gains else 'no'} gain in balanced accuracy {result}"


def main() -> None:
    """Train with each method and score it."""
    data = probe.load(Params)
    if reason := obstacle(data.task()):
        probe.write_skipped("balance", data, reason, [paths.plot("balance")])
        return
    variants = compare_methods(*augmented_task(data), data.params)
    for method, scores in variants.items():
        if method != BASELINE:
            log.info(scores["outcome"])
    probe.write("balance", data, {"variants": variants}, summarise(variants), outcome(variants))
    figures.save(draw(variants), paths.plot("balance"))


if __name__ == "__main__":
    run(main, "balance")
