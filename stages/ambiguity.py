"""What the labels are worth: every title is predicted by models that never saw it, and labels that do not fit are named.

Reads:  data/dataset.parquet, data/features/BACKBONE.npy (experiments.backbone), data/resized/
Writes: metrics/ambiguity.json, data/ambiguity.parquet (a row a title, the least fitting label first), plots/ambiguity.png (which genres
        overlap), plots/ambiguity_titles.jpg (a contact sheet of the titles whose label fits least), plots/ambiguity_lookalikes.png
Params: ambiguity, experiments, head but its units, runtime

Titles are dealt to folds within their genre; each fold is predicted by heads that learned from the others, over several seeds.
This uses all images, so its scores are no test scores. Labels are judged by confident learning (webtoon_genre/experiments/label_noise.py).
"""

import logging
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pydantic import Field

from webtoon_genre.core import params, paths
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import write_json
from webtoon_genre.core.progress import track
from webtoon_genre.data import splits
from webtoon_genre.data.tables import DATASET, ThumbnailStore, class_names, read_features, read_table, write_table
from webtoon_genre.experiments import label_noise, near_duplicates, probe
from webtoon_genre.experiments.near_duplicates import MAX_DISTANCE
from webtoon_genre.experiments.probe import Probe, ProbeTask
from webtoon_genre.plotting import figures
from webtoon_genre.reproducibility import runtime

ACROSS = 7  # pictures of a title on the contact sheet
PAIRS = 10  # of genres in ambiguity.png
ROLES = 3  # that folds have: one is predicted, one tells when to stop, the others are learned from
KEPT = 20  # pairs of like pictures in the metrics
CAPTION = """\
errors between two genres over those that their sizes let expect
lines: 95% intervals, whole titles resampled; orange: beyond doubt"""
TABLE = pa.schema(
    [
        ("title_id", pa.int64()),
        ("genre", pa.string()),  # its label
        ("suggested", pa.string()),  # the genre that is most probable
        ("quality", pa.float64()),  # 0 to 1: how well the label fits
        ("images", pa.int64()),
        ("flagged", pa.bool_()),  # it looks mislabelled
    ]
)
log = logging.getLogger(__name__)


class Ambiguity(params.Section):
    """params.yaml: ambiguity."""

    folds: int = Field(ge=ROLES)
    seed: int = Field(ge=0)
    distance: int = Field(ge=0, le=MAX_DISTANCE)
    shown: int = Field(ge=1)


class Params(probe.ExperimentParams):
    """What this stage reads of params.yaml."""

    ambiguity: Ambiguity


def dealt(dataset: pd.DataFrame, folds: int, seed: int) -> np.ndarray:
    """The fold of each row, int (n,): titles whole, those of each genre spread evenly; a new title moves no other."""
    titles = dataset.groupby("group")["genre"].min()
    places = [str(fold) for fold in range(folds)]
    fold_of = {
        title: int(fold)
        for genre, own in titles.groupby(titles)
        for title, fold in zip(sorted(own.index), splits.assign_in_blocks(len(own), places, seed, genre), strict=True)
    }
    return dataset["group"].map(fold_of).to_numpy(np.int64)


def out_of_fold(task: ProbeTask, folds: np.ndarray, trials: Probe) -> np.ndarray:
    """What is said of each row by heads that did not see its title, float (n, k): the mean over seeds.

    A fold is predicted after training on the others, all but the next one, which tells when to stop.
    """
    said = np.zeros((len(folds), len(task.classes)))
    every = np.unique(folds)
    for place, fold in track(enumerate(every), len(every), "predicted", "folds"):
        stop = every[(place + 1) % len(every)]
        train, val, test = (
            np.flatnonzero(rows) for rows in ((folds != fold) & (folds != stop), folds == stop, folds == fold)
        )
        said[test] = trials.answers(replace(task, train=train, val=val, test=test)).test.mean(axis=0)
    return said


def judged(
    dataset: pd.DataFrame, said: np.ndarray, folds: np.ndarray, genres: list[str], seed: int
) -> tuple[dict[str, Any], pd.DataFrame]:
    """What follows from predictions, float (n, k), out of fold: metrics, and a row a title, the least fitting label first."""
    labels, groups = dataset["label"].to_numpy(np.int64), dataset["group"].to_numpy()
    joint, counts = label_noise.confident_joint(labels, said), label_noise.confusions(labels, groups, said)
    ratio, limits = label_noise.errors_over_chance(counts, np.random.default_rng([seed, 0]))
    titles = label_noise.rank_titles(label_noise.TitlePredictions.of(labels, groups, said), genres)
    flagged = titles[titles["flagged"]]
    known, first = np.unique(groups, return_index=True)
    doubtful = np.isin(known, flagged["title_id"])
    found = {
        "images": len(dataset),
        "titles": len(known),
        "accuracy": float((said.argmax(axis=1) == labels).mean()),
        "joint": {
            genre: dict(zip(genres, map(int, row), strict=True)) for genre, row in zip(genres, joint, strict=True)
        },
        "overlaps": label_noise.rank_pairs(label_noise.overlaps(joint), ratio, limits, genres),
        "where_errors_are": label_noise.error_shares(counts, folds[first], doubtful, np.random.default_rng([seed, 1])),
        "flagged": {"titles": len(flagged), "images": int(flagged["images"].sum())},
    }
    return found, titles


def like_pictures(dataset: pd.DataFrame, index: pd.DataFrame, distance: int) -> dict[str, Any]:
    """Pictures under different labels whose perceptual hashes differ in at most `distance` of 64 bits; index: data/resized's."""
    keys = ["title_id", "no"]
    hashes = dataset[keys].merge(index[[*keys, "perceptual_hash"]], on=keys, how="left", validate="many_to_one")
    if (missing := hashes["perceptual_hash"].isna()).any():
        raise InputError(
            f"data/resized lacks (title_id, no) {tuple(hashes.loc[missing, keys].iloc[0])}; run `dvc repro resize label`"
        )
    labels = dataset["label"].to_numpy(np.int64)
    pairs, images, shown = near_duplicates.cross_label_pairs(
        near_duplicates.parse_hashes(hashes["perceptual_hash"]), labels, distance
    )
    return {
        "distance": distance,
        "pairs": pairs,
        "images": images,
        "nearest": [
            {"bits": int(bits), "one": named(dataset, int(one)), "other": named(dataset, int(other))}
            for one, other, bits in shown[:KEPT]
        ],
    }


def named(dataset: pd.DataFrame, row: int) -> dict[str, Any]:
    """A picture in the metrics."""
    own = dataset.iloc[row]
    return {"title_id": int(own["title_id"]), "no": int(own["no"]), "genre": str(own["genre"])}


def verdict(found: dict[str, Any]) -> str:
    """One sentence."""
    where, sure = found["where_errors_are"], [each for each in found["overlaps"] if each["interval"][0] > 1]
    pairs = ", ".join("+".join(each["genres"]) for each in sure) or "no two genres"
    low, high = where["ambiguity_interval"]
    return (
        f"{where['ambiguity']:.0%} of the errors out of fold are ambiguity: they lie between genres that overlap, beyond what chance puts "
        f"there (95% interval {low:.0%} to {high:.0%}); beyond doubt overlap {pairs}; {found['flagged']['titles']} of "
        f"{found['titles']} titles look mislabelled"
    )


def draw(found: dict[str, Any], genres: list[str]) -> Figure:
    """For what genre images are taken, by label; and the pairs of genres that overlap most."""
    figure = figures.new_figure(12.4, 5.6)
    left, right = figure.subplots(1, 2, width_ratios=(5, 4))
    figures.draw_confusion(left, np.array([list(row.values()) for row in found["joint"].values()]), genres)
    left.set_xlabel("looks like (confident learning)")
    left.set_ylabel("labelled (images)")
    left.set_title("per cent of each genre's images", fontsize=10)
    draw_pairs(right, found["overlaps"][:PAIRS])
    figure.suptitle(headline(found), fontsize=11)
    figure.tight_layout()
    return figure


def draw_pairs(axes: Axes, pairs: list[dict[str, Any]]) -> None:
    """How far errors between two genres are beyond chance."""
    names = [" + ".join(each["genres"]) for each in pairs]
    sure = [figures.ORANGE if each["interval"][0] > 1 else figures.BLUE for each in pairs]
    points = [each["errors_over_chance"] for each in pairs]
    figures.draw_intervals(axes, names, points, [each["interval"] for each in pairs], sure)
    axes.axvline(1, color="black", linewidth=1, zorder=0)
    axes.set_xlim(left=0)
    axes.set_title("pairs that overlap most surely", fontsize=10)
    axes.set_xlabel(CAPTION, fontsize=9, loc="right")


def headline(found: dict[str, Any]) -> str:
    """What the figure shows."""
    where = found["where_errors_are"]
    low, high = where["ambiguity_interval"]
    return (
        f"{where['ambiguity']:.0%} of the errors on titles never seen lie between genres that overlap, "
        f"beyond chance (95% interval {low:.0%} to {high:.0%})"
    )


def draw_titles(titles: pd.DataFrame, dataset: pd.DataFrame, resized: ThumbnailStore, count: int) -> Figure:
    """Pictures of the titles whose label fits least, worst first."""
    rows, names = [], []
    for each in titles.head(count).to_dict("records"):
        own = dataset[(dataset["group"] == each["title_id"]) & (dataset["genre"] == each["genre"])]
        chosen = own.iloc[np.linspace(0, len(own) - 1, min(ACROSS, len(own))).round().astype(int)]
        rows.append(list(resized.take(chosen)))
        mark = "looks like" if each["flagged"] else "perhaps"
        names.append(f"{each['genre']}\n{mark}\n{each['suggested']}")
    return figures.sheet(rows, names, rows[0][0].shape[0])


def draw_lookalikes(found: dict[str, Any], dataset: pd.DataFrame, resized: ThumbnailStore, count: int) -> Figure:
    """Like pictures under different labels side by side, the most alike first."""
    pairs = found["nearest"][:count]
    if not pairs:
        figure = figures.new_figure(7, 1.2)
        figure.text(
            0.5,
            0.5,
            f"No two pictures of different genres differ in {found['distance']} bits or fewer of 64",
            ha="center",
            va="center",
        )
        return figure
    keys = pd.DataFrame([each[side] for each in pairs for side in ("one", "other")])
    shown = resized.take(keys)
    rows = [list(shown[place : place + 2]) for place in range(0, len(shown), 2)]
    names = [f"{each['one']['genre']}\n{each['other']['genre']}\n{each['bits']} bits" for each in pairs]
    return figures.sheet(rows, names, shown.shape[1])


def main() -> None:
    """Predict every title without it, and judge the labels."""
    settings = params.read(Params)
    own = settings.ambiguity
    rows, images = read_table(paths.DATASET, DATASET), ThumbnailStore(paths.RESIZED)
    genres = class_names(rows)
    if len(genres) < 2:
        raise InputError(
            f"the dataset has the genre {genres[0]} alone; labels can be judged where there are two or more"
        )
    seen = read_features(paths.FEATURES / f"{settings.experiments.backbone}.npy", len(rows))
    looks = like_pictures(rows, images.index, own.distance)
    folds = dealt(rows, own.folds, own.seed)
    if (filled := len(np.unique(folds))) < ROLES:
        raise InputError(
            f"{rows['group'].nunique()} titles fill {filled} of {own.folds} folds; {ROLES} are needed, to learn from, to stop by and "
            "to predict: add titles"
        )
    runtime.start_keras(settings.runtime)
    said = out_of_fold(probe.probe_task(rows, seen, genres), folds, Probe(settings))
    found, titles = judged(rows, said, folds, genres, settings.runtime.seed)
    sentence = verdict(found)
    write_table(titles, TABLE, paths.AMBIGUITY)
    write_json(
        paths.metrics("ambiguity"),
        {**probe.probe_settings(settings, rows), **found, "lookalikes": looks, "outcome": sentence},
    )
    figures.save(draw(found, genres), paths.plot("ambiguity"))
    figures.save(draw_titles(titles, rows, images, own.shown), paths.PLOTS / "ambiguity_titles.jpg")
    figures.save(draw_lookalikes(looks, rows, images, own.shown), paths.plot("ambiguity_lookalikes"))
    log.info(sentence)


if __name__ == "__main__":
    run(main, "ambiguity")
