"""Other labels from the same crawl: authors, ratings in bands, merged genres, any column of the titles' table.

Reads:  data/dataset.parquet, data/raw/titles.parquet, data/features/BACKBONE.npy (experiments.backbone)
Writes: metrics/criterion.json, plots/criterion.png
Params: criterion, split.ratios / seed, experiments, head but its units, runtime

author: the authors with most images, split by image, as the study did: each title stands on all sides. author_together and
author_apart: authors of two titles or more, the same test images of one title of each; `together` learns from other episodes of these
titles, `apart` only from the author's other titles, from as many images: the difference is what a model gains by knowing the title.
The others keep the dataset's split.
"""

import itertools
import logging
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from pydantic import Field

from webtoon_genre.core import params, paths
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import write_json
from webtoon_genre.core.progress import track
from webtoon_genre.data import splits
from webtoon_genre.data.splits import Ratios, SplitParams
from webtoon_genre.data.tables import DATASET, TITLES, class_names, read_features, read_table
from webtoon_genre.evaluation import bootstrap
from webtoon_genre.evaluation.metrics import predicted_labels
from webtoon_genre.experiments import probe
from webtoon_genre.experiments.probe import Predictions, Probe, ProbeTask
from webtoon_genre.plotting import figures
from webtoon_genre.reproducibility import runtime

MOST = 50  # values of a column
CAPTION = """\
accuracy on test images, averaged over seeds
lines: 95% intervals, whole titles resampled; grey: always the largest class
in brackets: classes, and Cohen's kappa (0: chance, 1: all right)"""
log = logging.getLogger(__name__)


class Criterion(params.Section):
    """params.yaml: criterion."""

    init: Literal["random", "genre"]
    authors: int = Field(ge=2)
    bands: int = Field(ge=2, le=9)
    merged: list[list[str]]
    columns: list[str]
    seed: int = Field(ge=0)


class Split(params.SharedKeys):
    """What is shared of params.yaml: split."""

    ratios: Ratios


class Params(probe.ExperimentParams):
    """What this stage reads of params.yaml."""

    criterion: Criterion
    split: Split


def task(dataset: pd.DataFrame, features: np.ndarray, values: pd.Series, sides: pd.Series) -> ProbeTask:
    """The rows whose value is not null, labelled by value, in sorted order, with the sides given ("" for none)."""
    names = sorted(values.dropna().unique())
    labels = values.map({name: place for place, name in enumerate(names)}).fillna(-1).to_numpy(np.int64)
    places = [np.flatnonzero((labels >= 0) & (sides == side).to_numpy()) for side in splits.SPLITS]
    return ProbeTask(features, labels, dataset["group"].to_numpy(), [str(name) for name in names], *places)


def lead_authors(dataset: pd.DataFrame, titles: pd.DataFrame) -> pd.Series:
    """The first author of each row's title, null where none is known."""
    leads = {
        title: authors[0] for title, authors in zip(titles["title_id"], titles["authors"], strict=True) if len(authors)
    }
    return dataset["title_id"].map(leads)


def largest(authors: pd.Series, count: int) -> list[str]:
    """The authors with most rows, equals by name."""
    rows = authors.value_counts()
    return [name for _, name in sorted((-images, name) for name, images in rows.items())][:count]


def by_image(dataset: pd.DataFrame, authors: pd.Series, settings: Params) -> pd.Series:
    """Sides of the study's kind: each title's images on all of them."""
    rule = SplitParams(by="image", ratios=settings.split.ratios, seed=settings.criterion.seed)
    return splits.assign_splits(dataset, rule).where(authors.notna(), "")


def held_title(dataset: pd.DataFrame, authors: pd.Series, seed: int) -> pd.Series:
    """bool (n,): is the row of its author's held-out title, one drawn of those that the author has?"""
    held = set()
    for author, rows in dataset.groupby(authors, sort=True):
        titles = sorted(rows["title_id"].unique())
        held.add(splits.shuffled_block([str(title) for title in titles], seed, author, 0)[0])
    return dataset["title_id"].astype(str).isin(held)


def author_sides(dataset: pd.DataFrame, authors: pd.Series, seed: int) -> tuple[pd.Series, pd.Series]:
    """Sides with authors' titles together and apart: the same test rows, as many train and val rows of each author.

    Of the held-out title every second episode is tested; the others may be learned from in `together` alone, where they take the
    place of as many rows of the other titles. Every fifth row that is learned from is a val row.
    """
    held = held_title(dataset, authors, seed)
    together, apart = (pd.Series("", index=dataset.index) for _ in range(2))
    for author, rows in dataset.groupby(authors, sort=True):
        own = rows.sort_values(["title_id", "no"])
        episodes, others = own.index[held[own.index]], own.index[~held[own.index]]
        seen, tested = episodes[1::2], episodes[::2]
        order = splits.shuffled_block([str(place) for place in others], seed, author, 1)
        kept = [int(place) for place in order[: max(0, len(others) - len(seen))]]
        learned = sorted([*seen, *kept])[: len(others)]
        for sides, chosen in ((together, learned), (apart, sorted(others))):
            sides[chosen] = "train"
            sides[chosen[::5]] = "val"
            sides[tested] = "test"
    return together, apart


def bands(dataset: pd.DataFrame, titles: pd.DataFrame, count: int) -> pd.Series:
    """Each row's band of its title's rating, as text; bounds are the quantiles of the train titles' ratings."""
    ratings = dataset["title_id"].map(titles.set_index("title_id")["star_score"])
    train = titles[titles["title_id"].isin(dataset.loc[dataset["split"] == "train", "title_id"])]["star_score"].dropna()
    if train.empty:
        return pd.Series(None, index=dataset.index, dtype=object)
    bounds = np.unique(np.quantile(train, np.arange(1, count) / count))
    names = [f"{place + 1}: {text}" for place, text in enumerate(spans(bounds))]
    return pd.Series(
        [None if np.isnan(each) else names[np.searchsorted(bounds, each, "right")] for each in ratings], dataset.index
    )


def spans(bounds: np.ndarray) -> list[str]:
    """Bands between bounds in words."""
    marks = [f"{bound:.2f}" for bound in bounds]
    return [
        f"below {marks[0]}",
        *(f"{low} to {high}" for low, high in itertools.pairwise(marks)),
        f"{marks[-1]} and more",
    ]


def merged(dataset: pd.DataFrame, groups: list[list[str]], genres: list[str]) -> pd.Series:
    """Each row's genre, or the genres that it is one with."""
    names = {genre: genre for genre in genres}
    for group in groups:
        if unknown := [genre for genre in group if names.get(genre) != genre]:
            raise InputError(f"criterion.merged has {unknown[0]!r}: give genres of {', '.join(genres)}, each once")
        names |= dict.fromkeys(group, "+".join(group))
    return dataset["genre"].map(names)


def column(dataset: pd.DataFrame, titles: pd.DataFrame, name: str) -> pd.Series:
    """Each row's value in a column of the titles' table, as text."""
    plain = [field.name for field in TITLES if field.name not in ("title_id", "authors", "genres")]
    if name not in plain:
        raise InputError(f"criterion.columns has {name!r}; data/raw/titles.parquet has {', '.join(plain)}")
    values = dataset["title_id"].map(titles.set_index("title_id")[name])
    if values.nunique() > MOST:
        raise InputError(
            f"criterion.columns has {name!r}, which has {values.nunique()} values; at most {MOST} can be classes"
        )
    return values.map(str, na_action="ignore")


def tasks(dataset: pd.DataFrame, titles: pd.DataFrame, features: np.ndarray, settings: Params) -> dict[str, ProbeTask]:
    """Every criterion, by name."""
    own, everyone = settings.criterion, lead_authors(dataset, titles)
    most = everyone.where(everyone.isin(largest(everyone, own.authors)))
    several = dataset.groupby(everyone)["title_id"].nunique()
    pairs = everyone.where(everyone.isin(largest(everyone[everyone.isin(several.index[several > 1])], own.authors)))
    together, apart = author_sides(dataset, pairs, own.seed)
    sides = dataset["split"]
    values = {
        "author": (most, by_image(dataset, most, settings)),
        "author_apart": (pairs, apart),
        "author_together": (pairs, together),
        "rating": (bands(dataset, titles, own.bands), sides),
        "merged": (merged(dataset, own.merged, class_names(dataset)), sides),
    } | {name: (column(dataset, titles, name), sides) for name in own.columns}
    return {name: task(dataset, features, *each) for name, each in values.items()}


def usable(each: ProbeTask) -> str | None:
    """Why a criterion cannot be learned, None if it can."""
    if len(each.classes) < 2:
        return f"{len(each.classes)} classes"
    if lacking := sorted(set(each.classes) - set(each.learnable())):
        return f"no train images of {', '.join(lacking)}"
    return None if len(each.val) and len(each.test) else "no held-out images"


def outcomes(wanted: dict[str, ProbeTask], everything: ProbeTask, settings: Params) -> dict[str, Any]:
    """Train each criterion's model; {"criteria": by name, "left_out": reasons by name}."""
    trials, seed = Probe(settings), settings.runtime.seed
    genre = trials.answers(everything)
    begin = genre if settings.criterion.init == "genre" else None
    left = {name: reason for name, each in wanted.items() if (reason := usable(each))}
    chosen = {name: each for name, each in wanted.items() if name not in left}
    answers: dict[str, Predictions] = {}
    found: dict[str, Any] = {}
    for name, each in track(chosen.items(), len(chosen), "trained", "criteria"):
        answers[name] = trials.answers(each, begin=begin)
        found[name] = probe.scores_with_chance(each, answers[name].test, seed)
    if "merged" in found:
        summed = added(genre.test, everything.classes, chosen["merged"].classes)
        found["merged"]["against_all_genres"] = change(chosen["merged"], answers["merged"].test, summed, seed)
    if "author_together" in found and "author_apart" in found:
        known = change(chosen["author_together"], answers["author_together"].test, answers["author_apart"].test, seed)
        found["author_together"]["against_apart"] = known
    return {"init": settings.criterion.init, "criteria": found, "left_out": left, "outcome": verdict(found)}


def added(said: np.ndarray, genres: list[str], names: list[str]) -> np.ndarray:
    """What a model of all genres, float (seeds, n, k), gives merged ones: probabilities of their genres, added."""
    return np.stack(
        [said[..., [genres.index(genre) for genre in name.split("+")]].sum(axis=-1) for name in names], axis=-1
    )


def change(each: ProbeTask, one: np.ndarray, other: np.ndarray, seed: int) -> dict[str, Any]:
    """How much more accurate `one` is than `other` on the test rows, both float (seeds, n, k)."""
    labels, groups = each.labels[each.test], each.groups[each.test]
    mine, theirs = predicted_labels(one), predicted_labels(other)
    return bootstrap.paired_difference(labels, groups, mine, theirs, each.classes, np.random.default_rng(seed))[
        "accuracy"
    ]


def verdict(found: dict[str, Any]) -> str:
    """One sentence: how far each criterion is beyond chance, what knowing titles gains, and what training on merged genres does."""
    said = [f"{name} {each['kappa']:.2f}" for name, each in found.items()]
    parts = [f"kappa by {', '.join(said)}"]
    if "against_apart" in found.get("author_together", {}):
        parts.append(
            bootstrap.conclusion(
                "knowing an author's title changes accuracy", found["author_together"]["against_apart"]
            )
        )
    if "against_all_genres" in found.get("merged", {}):
        merged = found["merged"]["against_all_genres"]
        parts.append(bootstrap.conclusion("training on merged genres, not adding up, changes accuracy", merged))
    return "; ".join(parts)


def draw(found: dict[str, Any]) -> Figure:
    """Accuracy of each criterion with its interval, and that of its largest class."""
    names = [
        f"{name.replace('_', ' ')} ({len(each['per_genre'])}; κ {each['kappa']:.2f})" for name, each in found.items()
    ]
    figure = figures.new_figure(7.4, 1.8 + 0.5 * len(found))
    axes = figure.subplots()
    points = [each["accuracy"] for each in found.values()]
    intervals = [each["accuracy_interval"] for each in found.values()]
    figures.draw_intervals(axes, names, points, intervals, [figures.BLUE] * len(points))
    majorities = [each["majority_accuracy"] for each in found.values()]
    axes.scatter(majorities, range(len(found)), marker="D", s=36, color=figures.GREY, zorder=3)
    axes.set_xlim(0, 1.03)
    axes.set_xlabel(CAPTION, fontsize=9, loc="left")
    figure.suptitle("Other labels from the same thumbnails", fontsize=11)
    figure.tight_layout()
    return figure


def main() -> None:
    """Train and score each criterion."""
    settings = params.read(Params)
    rows = read_table(paths.DATASET, DATASET)
    table = read_features(paths.FEATURES / f"{settings.experiments.backbone}.npy", len(rows))
    wanted = tasks(rows, read_table(paths.TITLES, TITLES), table, settings)
    runtime.start_keras(settings.runtime)
    found = outcomes(wanted, probe.probe_task(rows, table, class_names(rows)), settings)
    write_json(paths.metrics("criterion"), {**probe.probe_settings(settings, rows), **found})
    figures.save(draw(found["criteria"]), paths.plot("criterion"))
    log.info(found["outcome"])


if __name__ == "__main__":
    run(main, "criterion")
