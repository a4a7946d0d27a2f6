"""Fewer genres: from all down to two, removing the most ambiguous one at a time, beside random orders.

Reads:  data/dataset.parquet, data/features/BACKBONE.npy (the first of train.backbones)
Writes: metrics/label_limit.json, plots/label_limit.png
Params: label_limit, experiments, head but its units, runtime, seed

At each step a model of the remaining genres is trained over several seeds; the genre with most confusions on validation images is
removed next. Fewer labels are easier by themselves, so accuracy is reported beside that of always predicting the largest genre,
Cohen's kappa, and the model of all genres restricted to the remaining ones. Of two genres none can be removed: the stage is skipped.
"""

from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.params import Section
from webtoon_genre.core.progress import Meter
from webtoon_genre.core.wording import count, in_words
from webtoon_genre.evaluation import bootstrap
from webtoon_genre.evaluation.metrics import confusion_matrix, kappa, predicted_labels
from webtoon_genre.experiments import probe
from webtoon_genre.experiments.probe import ExperimentParams, Predictions, ProbeTask
from webtoon_genre.experiments.probe_heads import Probe, ProbeRun
from webtoon_genre.plotting import figures
from webtoon_genre.plotting.artists import Axes, Figure

FEWEST = 2  # genres
RESTRICTED = "model of all genres,\nrestricted to the remaining ones"
MAJORITY = "always the genre with most\ntrain images"
CAPTION = """\
from left to right the genre with most confusions on validation images is removed; accuracies are averaged over seeds
bands and brackets: 95% intervals, whole titles resampled"""


class LabelLimit(Section):
    """params.yaml: label_limit."""

    orders: int = Field(ge=0)
    seed: int = Field(ge=0)


class Params(ExperimentParams):
    """The keys of params.yaml that this stage reads."""

    question = (
        "Does accuracy rise when the most ambiguous classes are left out, beyond what fewer classes give by themselves?"
    )
    study = "Leaving out ambiguous genres raised accuracy. It gives no numbers."

    label_limit: LabelLimit


def most_ambiguous(task: ProbeTask, predictions: Predictions) -> str:
    """The genre with the largest share of confusions on validation images; the first one of ties."""
    return task.classes[int(probe.confusion_shares(task, predictions).sum(axis=1).argmax())]


def step_scores(task: ProbeTask, probabilities: np.ndarray, restricted: np.ndarray, seed: int) -> dict[str, Any]:
    """Scores for one number of genres.

    probabilities: float (seeds, n, k) of the model of these genres. restricted: the same of the model of all genres.
    """
    labels, groups = task.labels[task.test], task.groups[task.test]
    predicted, full = predicted_labels(probabilities), predicted_labels(restricted)
    generator = np.random.default_rng([seed, len(task.classes)])
    scores = probe.scores_with_chance(task, probabilities, seed)
    change = bootstrap.paired_difference(labels, groups, predicted, full, task.classes, generator)
    return scores | {
        "genres": task.classes,
        "gain_over_majority": scores["accuracy"] - scores["majority_accuracy"],
        "all_genres_accuracy": float((full == labels).mean()),
        "against_all_genres": change["accuracy"],
    }


def remove_ambiguous(dataset: pd.DataFrame, full_task: ProbeTask, heads: Probe, meter: Meter) -> list[dict[str, Any]]:
    """Scores for every number of genres, the most ambiguous one removed at a time; `left_out` names the one removed last."""
    task, left_out, steps = full_task, None, []
    full_predictions = predictions = heads.fit_predict(full_task)
    while task.trainable():
        restricted = probe.restrict(full_predictions.test, full_task, task)
        steps.append({"left_out": left_out, **step_scores(task, predictions.test, restricted, heads.params.seed)})
        meter.step()
        if len(task.classes) <= FEWEST:
            break
        left_out = most_ambiguous(task, predictions)
        task = probe.subset(dataset, full_task, [genre for genre in task.classes if genre != left_out])
        predictions = heads.fit_predict(task)
    return steps


def remove_in_order(
    dataset: pd.DataFrame, full_task: ProbeTask, order: list[str], heads: Probe, meter: Meter
) -> list[dict[str, Any]]:
    """Accuracy and kappa with the genres of `order` removed one after the other."""
    remaining = [
        [genre for genre in full_task.classes if genre not in order[:removed]]
        for removed in range(1, len(order) - FEWEST + 1)
    ]
    tasks = [task for genres in remaining if (task := probe.subset(dataset, full_task, genres)).trainable()]
    trained = heads.fit_predict_all([ProbeRun(task) for task in tasks], heads.params.experiments.seeds[:1])
    meter.step(len(remaining))
    return [order_step(task, predictions.test[0]) for task, predictions in zip(tasks, trained, strict=True)]


def order_step(task: ProbeTask, probabilities: np.ndarray) -> dict[str, Any]:
    """Number of genres, accuracy and kappa; probabilities: float (n, k) of the test rows."""
    predicted, labels = predicted_labels(probabilities), task.labels[task.test]
    counts = confusion_matrix(labels, predicted, len(task.classes))
    return {"labels": len(task.classes), "accuracy": float((predicted == labels).mean()), "kappa": kappa(counts)}


def remove_genres(dataset: pd.DataFrame, full_task: ProbeTask, params: Params) -> dict[str, Any]:
    """Train all models; {"steps": of the order of ambiguity, "random": of each random order}.

    Genres without train images are left out from the start.
    """
    limit, genres = params.label_limit, full_task.learnable()
    full_task, heads = probe.subset(dataset, full_task, genres), Probe(params)
    generator = np.random.default_rng(limit.seed)
    orders = [[genres[index] for index in generator.permutation(len(genres))] for _ in range(limit.orders)]
    count = len(genres) - FEWEST
    meter = Meter(count + 1 + limit.orders * count, "trained", "label sets")
    steps = remove_ambiguous(dataset, full_task, heads, meter)
    random = [
        {"order": order[:count], "steps": remove_in_order(dataset, full_task, order, heads, meter)} for order in orders
    ]
    meter.close()
    return {"steps": steps, "random": random}


def summarise(steps: list[dict[str, Any]]) -> dict[str, Any]:
    """The change of accuracy from the model of all genres to one without the most ambiguous genre; nothing if that cannot be trained."""
    return bootstrap.change_metrics("one_removed_change", steps[1]["against_all_genres"]) if steps[1:] else {}


def outcome(steps: list[dict[str, Any]]) -> str:
    """One sentence on the way from all genres to two."""
    first, last = steps[0], steps[-1]
    changes = [step["against_all_genres"] for step in steps[1:]]
    noun, number = ("model of fewer genres", "models of fewer genres"), in_words(len(first["genres"]))
    full = f"the {number}-way model restricted to the remaining ones"
    ends = [
        bootstrap.format_value(step["accuracy"], step["accuracy_interval"], step["groups"]) for step in (first, last)
    ]
    parts = [f"accuracy of {len(first['genres'])} genres {ends[0]}; of {len(last['genres'])} {ends[1]}"]
    parts += [
        bootstrap.conclusion(f"without {step['left_out']} against {full}", step["against_all_genres"])
        for step in steps[1:2]
    ]
    return "; ".join([*parts, bootstrap.tally(changes, noun, ("beats", "beat"), full)])


def obstacle(task: ProbeTask) -> str | None:
    """Why no genre can be removed, None if one can."""
    genres = task.learnable()
    if len(genres) > FEWEST:
        return None
    return f"{count(len(genres), 'genre')} with train images; none can be left out of fewer than {FEWEST + 1}"


def draw(metrics: dict[str, Any]) -> Figure:
    """Draw accuracy and kappa by number of genres; each step names the genre that was removed."""
    steps = metrics["steps"]
    figure = figures.new_figure(max(11.4, 4.6 + 0.5 * len(steps)), 3.9)
    left, right = figure.subplots(1, 2)
    numbers = [len(step["genres"]) for step in steps]
    low, high = zip(*(step["accuracy_interval"] for step in steps), strict=True)
    left.fill_between(numbers, low, high, color=figures.BLUE, alpha=0.15, linewidth=0)
    for axes, measure in ((left, "accuracy"), (right, "kappa")):
        draw_steps(axes, numbers, [step[measure] for step in steps], [step["groups"] for step in steps])
        for order in metrics["random"]:
            counts = [step["labels"] for step in order["steps"]]
            axes.plot(
                counts,
                [step[measure] for step in order["steps"]],
                color="0.7",
                zorder=1,
                label="genres removed in random order,\none seed",
            )
        label_axes(axes, steps, measure)
    left.plot(
        numbers, [step["all_genres_accuracy"] for step in steps], "--", color="black", linewidth=1, label=RESTRICTED
    )
    left.plot(numbers, [step["majority_accuracy"] for step in steps], ":", color="black", linewidth=1.2, label=MAJORITY)
    lines = {line.get_label(): line for axes in (right, left) for line in axes.lines}  # an entry a label
    right.legend(lines.values(), lines.keys(), loc="upper left", bbox_to_anchor=(1.02, 1), borderaxespad=0)
    figures.lay_out(figure, headline(steps), CAPTION)
    return figure


def draw_steps(axes: Axes, numbers: list[int], values: list[float], titles: list[int]) -> None:
    """Draw the removal of the most ambiguous genre; points of too few titles are white."""
    axes.plot(numbers, values, "o-", color=figures.BLUE, markersize=5, label="most ambiguous genre removed")
    few = [not bootstrap.is_enough(number) for number in titles]
    if any(few):
        points = np.array([numbers, values])[:, few]
        label = f"the same, on fewer than {bootstrap.MIN_TITLES}\ntest titles: too few to tell"
        axes.plot(*points, "o", color=figures.BLUE, markerfacecolor="white", markersize=5, label=label)


def headline(steps: list[dict[str, Any]]) -> str:
    """The figure's message: accuracy of all genres and of the last ones."""
    parts = [
        f"{len(step['genres'])} genres: accuracy "
        f"{bootstrap.format_value(step['accuracy'], step['accuracy_interval'], step['groups'])}"
        for step in (steps[0], steps[-1])
    ]
    return "; ".join(parts)


def label_axes(axes: Axes, steps: list[dict[str, Any]], measure: str) -> None:
    """Add the title, and ticks with the number of genres and the one removed."""
    numbers = [len(step["genres"]) for step in steps]
    names = ["all" if step["left_out"] is None else f"{figures.shorten(step['left_out'])} removed" for step in steps]
    ticks = [f"{number} ({name})" for number, name in zip(numbers, names, strict=True)]
    axes.set_xticks(numbers, ticks, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_xlabel("number of genres (the genre removed at this step)")
    axes.invert_xaxis()
    axes.set_ylim(*(-0.02 + min(0, *(step[measure] for step in steps)), 1.02))
    axes.set_title("test accuracy" if measure == "accuracy" else "Cohen's kappa: 0 is chance, 1 is all right")
    axes.grid(axis="y", color="0.9", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)


def main() -> None:
    """Remove one genre after the other."""
    data = probe.load(Params)
    task, plot = data.task(), paths.plot("label_limit")
    if reason := obstacle(task):
        probe.write_skipped("label_limit", data, reason, [plot])
        return
    metrics = remove_genres(data.dataset, task, data.params)
    steps = metrics["steps"]
    probe.write("label_limit", data, metrics, summarise(steps), outcome(steps))
    figures.save(draw(metrics), plot)


if __name__ == "__main__":
    run(main, "label_limit")
