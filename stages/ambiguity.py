"""Label quality: every title is predicted by models trained without it; genres that overlap and labels that do not fit are reported.

Reads:  data/dataset.parquet, data/features/BACKBONE.npy (the first of train.backbones), data/resized/
Writes: metrics/ambiguity.json, data/ambiguity.parquet (a row a title, lowest label quality first), plots/ambiguity.png (which genres
        overlap), plots/ambiguity_titles.jpg (a contact sheet of the titles with the lowest label quality),
        plots/ambiguity_lookalikes.png (near-duplicates with different labels)
Params: ambiguity, experiments, head but its units, runtime, seed

Titles are assigned to folds within their genre; each fold is predicted by heads trained on the others, over several seeds. This uses
all images, so its scores are no test scores. Labels are rated by confident learning (webtoon_genre/experiments/label_noise.py).
With too few titles to train, to stop training and to predict, the stage is skipped, and its table is empty.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pydantic import Field

from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.params import Section
from webtoon_genre.core.progress import track
from webtoon_genre.core.wording import count, enumerated
from webtoon_genre.data import splits
from webtoon_genre.data.tables import ThumbnailStore, write_table
from webtoon_genre.evaluation import bootstrap
from webtoon_genre.experiments import label_noise, near_duplicates, probe
from webtoon_genre.experiments.near_duplicates import MAX_DISTANCE
from webtoon_genre.experiments.probe import ExperimentParams, Probe, ProbeTask
from webtoon_genre.plotting import figures
from webtoon_genre.plotting.artists import Axes, Figure

COLUMNS = 7  # images of a title on the contact sheet
LARGEST_FIGURE = 10  # pairs of genres in ambiguity.png
ROLES = 3  # of folds: one is predicted, one decides when to stop, the others are trained on
LONGEST_LIST = 20  # pairs of near-duplicates in the metrics
CAPTION = """\
errors between two genres divided by those expected from their sizes
lines: 95% CI, whole titles resampled; orange: the interval lies above 1"""
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

    ambiguity: Ambiguity


def obstacle(dataset: pd.DataFrame, genres: list[str], folds: np.ndarray) -> str | None:
    """Why labels cannot be rated, None if they can; folds: of `assign_folds`."""
    if len(genres) < 2:
        return f"the dataset has the genre {genres[0]} alone; label quality needs two genres or more"
    if (filled := len(np.unique(folds))) >= ROLES:
        return None
    titles = count(dataset["group"].nunique(), "title")
    return f"{titles} in {count(filled, 'fold')}; {ROLES} are needed: to train, to stop training and to predict"


def assign_folds(dataset: pd.DataFrame, folds: int, seed: int) -> np.ndarray:
    """The fold of each row, int (n,): whole titles, those of each genre evenly distributed; a new title moves no other."""
    genre_of = dataset.groupby("group")["genre"].min()
    names = [str(fold) for fold in range(folds)]
    fold_of = {
        title: int(fold)
        for genre, titles in genre_of.groupby(genre_of)
        for title, fold in zip(
            sorted(titles.index), splits.assign_in_blocks(len(titles), names, seed, genre), strict=True
        )
    }
    return dataset["group"].map(fold_of).to_numpy(np.int64)


def out_of_fold(task: ProbeTask, folds: np.ndarray, heads: Probe) -> np.ndarray:
    """Probabilities of each row by heads trained without its title, float (n, k), averaged over seeds.

    A fold is predicted after training on the others; the next fold is the validation fold, which decides when to stop.
    """
    probabilities = np.zeros((len(folds), len(task.classes)))
    numbers = np.unique(folds)
    for index, fold in track(enumerate(numbers), len(numbers), "predicted", "folds"):
        stop = numbers[(index + 1) % len(numbers)]
        train, val, test = (
            np.flatnonzero(rows) for rows in ((folds != fold) & (folds != stop), folds == stop, folds == fold)
        )
        probabilities[test] = heads.fit_predict(replace(task, train=train, val=val, test=test)).test.mean(axis=0)
    return probabilities


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


def find_near_duplicates(dataset: pd.DataFrame, index: pd.DataFrame, distance: int) -> dict[str, Any]:
    """Images with different labels whose perceptual hashes differ in at most `distance` of 64 bits; index: that of data/resized."""
    keys = ["title_id", "no"]
    hashes = dataset[keys].merge(index[[*keys, "perceptual_hash"]], on=keys, how="left", validate="many_to_one")
    if (missing := hashes["perceptual_hash"].isna()).any():
        raise InputError(
            f"data/resized lacks (title_id, no) {tuple(hashes.loc[missing, keys].iloc[0])}; run `dvc repro resize label`"
        )
    labels = dataset["label"].to_numpy(np.int64)
    pairs, images, examples = near_duplicates.cross_label_pairs(
        near_duplicates.parse_hashes(hashes["perceptual_hash"]), labels, distance
    )
    return {
        "distance": distance,
        "pairs": pairs,
        "images": images,
        "nearest": [
            {
                "bits": int(bits),
                "one": describe_image(dataset, int(first)),
                "other": describe_image(dataset, int(second)),
            }
            for first, second, bits in examples[:LONGEST_LIST]
        ],
    }


def describe_image(dataset: pd.DataFrame, row: int) -> dict[str, Any]:
    """An image in the metrics."""
    image = dataset.iloc[row]
    return {"title_id": int(image["title_id"]), "no": int(image["no"]), "genre": str(image["genre"])}


def summarise(metrics: dict[str, Any]) -> dict[str, Any]:
    """Accuracy, the ambiguous share of the errors, and the number of titles that look mislabelled."""
    return {
        "accuracy": metrics["accuracy"],
        "share_of_errors": metrics["where_errors_are"]["ambiguity"],
        "flagged_titles": metrics["flagged"]["titles"],
    }


def outcome(metrics: dict[str, Any]) -> str:
    """One sentence."""
    flagged, titles = metrics["flagged"]["titles"], metrics["titles"]
    labels = f"{flagged} of {count(titles, 'title')} look{'s' * (flagged == 1)} mislabelled"
    if not bootstrap.is_enough(titles) or len(metrics["joint"]) == 2:
        return f"{share_of_errors(metrics)}; {labels}"
    pairs = enumerated([" and ".join(pair["genres"]) for pair in metrics["overlaps"] if overlap(pair)])
    several = f"of {count(len(metrics['overlaps']), 'pair')}, 95% CI above chance"
    return f"{share_of_errors(metrics)}; overlapping genres ({several}): {pairs or 'none'}; {labels}"


def overlap(pair: dict[str, Any]) -> bool:
    """Whether more errors lie between two genres than by chance, over enough titles."""
    return bootstrap.is_enough(pair["titles"]) and pair["interval"][0] > 1


def share_of_errors(metrics: dict[str, Any]) -> str:
    """The share of errors between genres that overlap, beyond chance, in words."""
    shares, titles = metrics["where_errors_are"], metrics["titles"]
    if len(metrics["joint"]) == 2:
        return f"of two genres, all {shares['errors']} errors on unseen titles lie between both"
    if not bootstrap.is_enough(titles):
        return f"{bootstrap.too_few(titles, noun='titles')} which genres overlap"
    low, high = shares["ambiguity_interval"]
    return (
        f"{shares['ambiguity']:.0%} (95% CI {low:.0%} to {high:.0%}) of the errors on unseen titles lie between overlapping "
        "genres, beyond chance"
    )


def draw(metrics: dict[str, Any], genres: list[str]) -> Figure:
    """Draw the confident joint of labels and genres, and the pairs of genres that overlap most."""
    more = 0.42 * max(0, len(genres) - 10)  # inches
    figure = figures.new_figure(12.4 + more, 5.6 + more)
    left, right = figure.subplots(1, 2, width_ratios=(6.9 + more, 5.52))
    figures.draw_confusion(left, np.array([list(row.values()) for row in metrics["joint"].values()]), genres)
    left.set_xlabel("genre by confident learning")
    left.set_ylabel("label (images)")
    left.set_title("per cent of each label's images", fontsize=10)
    draw_pairs(right, metrics["overlaps"][:LARGEST_FIGURE])
    figures.add_title(figure, share_of_errors(metrics))
    figure.tight_layout()
    return figure


def draw_pairs(axes: Axes, pairs: list[dict[str, Any]]) -> None:
    """Draw the ratio of errors between two genres to chance."""
    names = [
        f"{' + '.join(figures.shorten(genre) for genre in pair['genres'])} ({count(pair['titles'], 'title')})"
        for pair in pairs
    ]
    colours = [figures.ORANGE if overlap(pair) else figures.BLUE for pair in pairs]
    points = [pair["errors_over_chance"] for pair in pairs]
    figures.draw_intervals(axes, names, points, [pair["interval"] for pair in pairs], colours)
    axes.axvline(1, color="black", linewidth=1, zorder=0)
    axes.set_xlim(left=0)
    axes.set_title("pairs with the highest lower bound", fontsize=10)
    few = any(not bootstrap.is_enough(pair["titles"]) for pair in pairs)
    figures.add_caption(
        axes, CAPTION + f"\nfewer than {bootstrap.MIN_TITLES} titles are too few to tell" * few, "right"
    )


def draw_titles(titles: pd.DataFrame, dataset: pd.DataFrame, resized: ThumbnailStore, count: int) -> Figure:
    """Draw images of the titles with the lowest label quality, lowest first."""
    rows, names = [], []
    for title in titles.head(count).to_dict("records"):
        images = dataset[(dataset["group"] == title["title_id"]) & (dataset["genre"] == title["genre"])]
        chosen = images.iloc[np.linspace(0, len(images) - 1, min(COLUMNS, len(images))).round().astype(int)]
        rows.append(list(resized.take(chosen)))
        verb = "looks like" if title["flagged"] else "perhaps"
        names.append(f"{figures.shorten(title['genre'])}\n{verb}\n{figures.shorten(title['suggested'])}")
    return figures.sheet(rows, names, rows[0][0].shape[0])


def draw_near_duplicates(metrics: dict[str, Any], resized: ThumbnailStore, count: int) -> Figure:
    """Draw near-duplicates with different labels side by side, nearest first; metrics: of `find_near_duplicates`."""
    pairs = metrics["nearest"][:count]
    if not pairs:
        return figures.note(f"No two images of different genres differ in {metrics['distance']} bits or fewer of 64")
    images = resized.take(pd.DataFrame([pair[side] for pair in pairs for side in ("one", "other")]))
    rows = [list(images[start : start + 2]) for start in range(0, len(images), 2)]
    names = [
        "\n".join([*(figures.shorten(pair[side]["genre"]) for side in ("one", "other")), f"{pair['bits']} bits"])
        for pair in pairs
    ]
    return figures.sheet(rows, names, images.shape[1])


def main() -> None:
    """Predict every title out of fold and rate the labels."""
    data = probe.load(Params)
    dataset, params, images = data.dataset, data.params.ambiguity, ThumbnailStore(paths.RESIZED)
    plots = [paths.plot("ambiguity"), paths.PLOTS / "ambiguity_titles.jpg", paths.plot("ambiguity_lookalikes")]
    folds = assign_folds(dataset, params.folds, params.seed)
    if reason := obstacle(dataset, data.genres, folds):
        write_table(pd.DataFrame(columns=TABLE.names), TABLE, paths.AMBIGUITY)
        probe.write_skipped("ambiguity", data, reason, plots)
        return
    duplicates = find_near_duplicates(dataset, images.index, params.distance)
    probabilities = out_of_fold(data.task(), folds, Probe(data.params))
    metrics, titles = assess_labels(dataset, probabilities, folds, data.genres, data.params.seed)
    write_table(titles, TABLE, paths.AMBIGUITY)
    probe.write("ambiguity", data, metrics | {"lookalikes": duplicates}, summarise(metrics), outcome(metrics))
    figures.save(draw(metrics, data.genres), plots[0])
    figures.save(draw_titles(titles, dataset, images, params.shown), plots[1])
    figures.save(draw_near_duplicates(duplicates, images, params.shown), plots[2])


if __name__ == "__main__":
    run(main, "ambiguity")
