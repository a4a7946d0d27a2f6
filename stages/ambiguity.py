"""Label quality: every title is predicted by models trained without it; genres that overlap and labels that do not fit are reported.

Reads:  data/dataset.parquet, data/features/BACKBONE.npy (the first of train.backbones), data/resized/
Writes: metrics/ambiguity.json, data/ambiguity.parquet (a row a title, lowest label quality first), plots/ambiguity.png (which genres
        overlap), plots/ambiguity_titles.jpg (a contact sheet of the titles with the lowest label quality),
        plots/ambiguity_lookalikes.png (near-duplicates with different labels, or else the nearest images)
Params: ambiguity, experiments, head but its units, runtime, seed

Titles are assigned to folds within their genre; each fold is predicted by heads trained on the others, over several seeds. This uses
all images, so its scores are no test scores. Labels are rated by confident learning (webtoon_genre/experiments/label_noise.py).
With too few titles to train, to stop training and to predict, the stage is skipped, and its table is empty.
"""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pydantic import Field

from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.params import Section
from webtoon_genre.core.wording import count, enumerated
from webtoon_genre.data.tables import ThumbnailStore, write_table
from webtoon_genre.evaluation import bootstrap
from webtoon_genre.experiments import label_noise, lookalikes, probe
from webtoon_genre.experiments.folds import fold_tasks, folds_by_title, merge_folds
from webtoon_genre.experiments.near_duplicates import MAX_DISTANCE
from webtoon_genre.experiments.probe import ExperimentParams, ProbeTask
from webtoon_genre.experiments.probe_heads import Probe, ProbeRun
from webtoon_genre.plotting import figures
from webtoon_genre.plotting.artists import Axes, Figure
from webtoon_genre.plotting.intervals import IntervalRow, draw_intervals

COLUMNS = 7  # images of a title on the contact sheet
LARGEST_FIGURE = 10  # pairs of genres in ambiguity.png
ROLES = 3  # of folds: one is predicted, one decides when to stop, the others are trained on
CAPTION = """\
left: per cent of each label's images, by the genre that confident learning assigns; in brackets: images
right: errors between two genres divided by those expected from their sizes (line: 1), the highest lower ends first
lines and brackets: 95% intervals, whole titles resampled; orange: more errors than by chance"""
TABLE = pa.schema(
    [
        ("title_id", pa.int64()),
        ("genre", pa.string()),  # its label
        ("suggested", pa.string()),  # the most probable genre
        ("quality", pa.float64()),  # 0 to 1: how well the label fits
        ("images", pa.int64()),
        ("flagged", pa.bool_()),  # it looks mislabelled
    ]
)


class Ambiguity(Section):
    """params.yaml: ambiguity."""

    folds: int = Field(ge=ROLES)
    seed: int = Field(ge=0)
    distance: int = Field(ge=0, le=MAX_DISTANCE)
    shown: int = Field(ge=1)


class Params(ExperimentParams):
    """The keys of params.yaml that this stage reads."""

    question = "Which classes overlap, how many errors follow from that, and which titles have a doubtful label?"
    study = "Some genres are ambiguous, comic and daily, sensibility and pure; people cannot tell them apart either. It gives no numbers."

    ambiguity: Ambiguity


def obstacle(dataset: pd.DataFrame, genres: list[str], folds: np.ndarray) -> str | None:
    """Why labels cannot be rated, None if they can; folds: of `folds_by_title`."""
    if len(genres) < 2:
        return f"the dataset has the genre {genres[0]} alone; label quality needs two genres or more"
    if (filled := len(np.unique(folds))) >= ROLES:
        return None
    titles = count(dataset["group"].nunique(), "title")
    return f"{titles} in {count(filled, 'fold')}; {ROLES} are needed: to train, to stop training and to predict"


def out_of_fold(task: ProbeTask, folds: np.ndarray, heads: Probe) -> np.ndarray:
    """Probabilities of each row by heads trained without its title, float (n, k), averaged over seeds."""
    tasks = fold_tasks(task, folds)
    return merge_folds(tasks, heads.fit_predict_all([ProbeRun(task) for task in tasks])).mean(axis=0, dtype=np.float64)


def assess_labels(
    dataset: pd.DataFrame, probabilities: np.ndarray, folds: np.ndarray, genres: list[str], seed: int
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Metrics from out-of-fold probabilities, float (n, k); and a table with a row a title, lowest label quality first."""
    labels, groups = dataset["label"].to_numpy(np.int64), dataset["group"].to_numpy()
    joint = label_noise.confident_joint(labels, probabilities)
    counts = label_noise.confusions(labels, groups, probabilities)
    ratio, limits = label_noise.errors_over_chance(counts, np.random.default_rng([seed, 0]))
    pair_titles = label_noise.pair_titles(counts)
    titles = label_noise.rank_titles(label_noise.TitlePredictions.of(labels, groups, probabilities), genres)
    flagged = titles[titles["flagged"]]
    group_ids, first = np.unique(groups, return_index=True)
    mislabelled = np.isin(group_ids, flagged["title_id"])
    shares = label_noise.error_shares(counts, folds[first], mislabelled, np.random.default_rng([seed, 1]))
    metrics = {
        "images": len(dataset),
        "titles": len(group_ids),
        "accuracy": float((probabilities.argmax(axis=1) == labels).mean()),
        "joint": {
            genre: dict(zip(genres, map(int, row), strict=True)) for genre, row in zip(genres, joint, strict=True)
        },
        "overlaps": label_noise.rank_pairs(label_noise.overlaps(joint), ratio, limits, pair_titles, genres),
        "where_errors_are": shares,
        "flagged": {"titles": len(flagged), "images": int(flagged["images"].sum())},
    }
    return metrics, titles


def summarise(metrics: dict[str, Any]) -> dict[str, Any]:
    """The ambiguous share of the errors."""
    shares = metrics["where_errors_are"]
    return bootstrap.value_metrics(
        "share_of_errors", shares["ambiguity"], shares["ambiguity_interval"], metrics["titles"]
    )


def outcome(metrics: dict[str, Any]) -> str:
    """One sentence."""
    flagged, titles = metrics["flagged"]["titles"], metrics["titles"]
    labels = f"{flagged} of {count(titles, 'title')} look{'s' * (flagged == 1)} mislabelled"
    if not bootstrap.is_enough(titles) or len(metrics["joint"]) == 2:
        return f"{share_of_errors(metrics)}; {labels}"
    pairs = enumerated([" and ".join(pair["genres"]) for pair in metrics["overlaps"] if overlap(pair)])
    several = f"of {count(len(metrics['overlaps']), 'pair')}, interval above chance"
    return f"{share_of_errors(metrics)}; overlapping genres ({several}): {pairs or 'none'}; {labels}"


def overlap(pair: dict[str, Any]) -> bool:
    """Whether more errors lie between two genres than by chance, over enough titles."""
    return bootstrap.is_enough(pair["titles"]) and pair["errors_over_chance_interval"][0] > 1


def share_of_errors(metrics: dict[str, Any]) -> str:
    """The share of errors between genres that overlap, beyond chance, in words."""
    shares, titles = metrics["where_errors_are"], metrics["titles"]
    if len(metrics["joint"]) == 2:
        return f"of two genres, all {shares['errors']} errors on unseen titles lie between both"
    if not bootstrap.is_enough(titles):
        return f"{bootstrap.too_few(titles, noun='titles')} which genres overlap"
    share = bootstrap.format_value(shares["ambiguity"], shares["ambiguity_interval"], titles)
    return f"share of the errors on unseen titles that lie between overlapping genres, beyond chance: {share}"


def draw(metrics: dict[str, Any], genres: list[str]) -> Figure:
    """Draw the confident joint of labels and genres, and the pairs of genres that overlap most."""
    more = 0.42 * max(0, len(genres) - 10)  # inches
    figure = figures.new_figure(14.4 + more, 4.6 + more)
    left, right = figure.subplots(1, 2, width_ratios=(6.9 + more, 4.6))
    figures.draw_confusion(left, np.array([list(row.values()) for row in metrics["joint"].values()]), genres)
    left.set_xlabel("genre by confident learning")
    left.set_ylabel("label (images)")
    pairs = metrics["overlaps"][:LARGEST_FIGURE]
    draw_pairs(right, pairs)
    note = bootstrap.few_titles_note((pair["titles"] for pair in pairs), noun="titles")
    message = share_of_errors(metrics)
    figures.lay_out(figure, message[0].upper() + message[1:], CAPTION + note)
    return figure


def draw_pairs(axes: Axes, pairs: list[dict[str, Any]]) -> None:
    """Draw the ratio of errors between two genres to chance."""
    draw_intervals(axes, [ratio_row(pair) for pair in pairs])
    axes.axvline(1, color="black", linewidth=1, zorder=1)
    axes.set_xlim(left=0)
    axes.set_title("errors between two genres, times those by chance")


def ratio_row(pair: dict[str, Any]) -> IntervalRow:
    """A line of the figure."""
    value, interval, titles = pair["errors_over_chance"], pair["errors_over_chance_interval"], pair["titles"]
    name = " + ".join(map(figures.shorten, pair["genres"]))
    colour = figures.ORANGE if overlap(pair) else figures.BLUE
    text = bootstrap.format_value(value, interval, titles)
    return IntervalRow(name, value, interval, text, colour, pale=not bootstrap.is_enough(titles))


def draw_titles(titles: pd.DataFrame, dataset: pd.DataFrame, resized: ThumbnailStore, most: int) -> Figure:
    """Draw images of the titles with the lowest label quality, lowest first."""
    rows, names = [], []
    for title in titles.head(most).to_dict("records"):
        images = dataset[(dataset["group"] == title["title_id"]) & (dataset["genre"] == title["genre"])]
        chosen = images.iloc[np.linspace(0, len(images) - 1, min(COLUMNS, len(images))).round().astype(int)]
        rows.append(list(resized.take(chosen)))
        verb = "looks like" if title["flagged"] else "perhaps"
        names.append(f"{figures.shorten(title['genre'])}\n{verb}\n{figures.shorten(title['suggested'])}")
    flagged = int(titles["flagged"].sum())
    title = f"{flagged} of {count(len(titles), 'title')} look{'s' * (flagged == 1)} mislabelled"
    caption = "rows: titles, the label that fits least first; below it, the genre that models trained without the title predict"
    return figures.sheet(rows, names, title, caption)


def main() -> None:
    """Predict every title out of fold and rate the labels."""
    data = probe.load(Params)
    dataset, params, images = data.dataset, data.params.ambiguity, ThumbnailStore(paths.RESIZED)
    plots = [paths.plot("ambiguity"), paths.PLOTS / "ambiguity_titles.jpg", paths.plot("ambiguity_lookalikes")]
    folds = folds_by_title(dataset, params.folds, params.seed)
    if reason := obstacle(dataset, data.genres, folds):
        write_table(pd.DataFrame(columns=TABLE.names), TABLE, paths.AMBIGUITY)
        probe.write_skipped("ambiguity", data, reason, plots)
        return
    duplicates = lookalikes.search(dataset, images.index, params.distance)
    task = data.task()
    probabilities = out_of_fold(task, folds, Probe(data.params))
    metrics, titles = assess_labels(dataset, probabilities, folds, data.genres, data.params.seed)
    write_table(titles, TABLE, paths.AMBIGUITY)
    probe.write("ambiguity", data, metrics | {"lookalikes": duplicates}, summarise(metrics), outcome(metrics))
    figures.save(draw(metrics, data.genres), plots[0])
    figures.save(draw_titles(titles, dataset, images, params.shown), plots[1])
    figures.save(lookalikes.draw(duplicates, images, params.shown), plots[2])


if __name__ == "__main__":
    run(main, "ambiguity")
