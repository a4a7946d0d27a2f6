"""A map of titles by drawing style: does the title that looks most alike have the same genre?

Reads:  data/dataset.parquet, data/features/BACKBONE.npy (the first of train.backbones), data/resized/
Writes: metrics/title_map.json, plots/title_map.png, data/title_map.parquet (the thumbnails of the map and their cells)
Params: title_map, experiments, head but its units, runtime, seed

A title is the mean of its images' features, standardised by the train rows. Its nearest other title is compared with chance: a title
at random. On the map, by t-SNE (webtoon_genre/experiments/tsne.py), a title is the thumbnail nearest to its mean. Where the
images of a title have several genres, it counts once for each of them. No network is trained or run, so Keras is not imported.
"""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pydantic import Field

from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.params import Section
from webtoon_genre.core.wording import count
from webtoon_genre.data.tables import DATASET, ThumbnailStore, write_table
from webtoon_genre.evaluation import bootstrap
from webtoon_genre.evaluation.bootstrap import TitleCounts
from webtoon_genre.experiments import probe, tsne
from webtoon_genre.experiments.probe import ExperimentParams, ProbeTask
from webtoon_genre.plotting import figures, thumbnail_map

FEWEST, MOST = 3, 1000  # titles; time and memory grow with the square of their number
CHUNK = 1024  # rows that are standardised at a time
LEAST_DEVIATION = 1e-6  # of a feature over the train rows; one that varies less is not scaled
CELLS = pa.schema(
    [
        DATASET.field("title_id"),
        DATASET.field("no"),
        DATASET.field("genre"),
        ("column", pa.int32()),
        ("row", pa.int32()),
    ]
)  # of data/title_map.parquet: the thumbnails of the map, one a title and label, and their cells from the upper left
TITLE = "Titles by drawing style: similar ones are near each other"


class TitleMap(Section):
    """params.yaml: title_map."""

    perplexity: int = Field(ge=2)
    titles: int = Field(ge=FEWEST, le=MOST)
    seed: int = Field(ge=0)


class Params(ExperimentParams):
    """The keys of params.yaml that this stage reads."""

    question = "Is the title that looks most alike of the same class?"

    title_map: TitleMap


def list_titles(dataset: pd.DataFrame, seed: int) -> pd.DataFrame:
    """One row a title and label, with its images' row numbers as `rows`; a random sample of MOST where there are more."""
    numbered = dataset[["group", "label"]].assign(rows=np.arange(len(dataset)))
    titles = numbered.groupby(["group", "label"], as_index=False)["rows"].agg(list)
    return titles.iloc[sample(len(titles), MOST, seed)].reset_index(drop=True)


def sample(number: int, most: int, seed: int) -> np.ndarray:
    """At most `most` of `number` positions, at random, in their order."""
    return np.sort(np.random.default_rng(seed).permutation(number)[:most])


def obstacle(titles: pd.DataFrame, genres: list[str]) -> str | None:
    """Why titles cannot be compared, None if they can."""
    labels, number = titles["label"].unique(), titles["group"].nunique()
    if len(labels) < 2:
        return f"all titles have the genre {genres[labels[0]]}; titles of two genres or more are compared"
    return f"{count(number, 'title')}; {FEWEST} are needed for a map" if number < FEWEST else None


def scale(task: ProbeTask) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of each feature over the train rows, float64 (width,)."""
    chunks = [task.train[start : start + CHUNK] for start in range(0, len(task.train), CHUNK)]
    total = sum(task.features[rows].sum(axis=0, dtype=np.float64) for rows in chunks)
    mean = np.asarray(total / len(task.train))
    variance = sum(np.square(task.features[rows] - mean).sum(axis=0) for rows in chunks) / len(task.train)
    deviation = np.sqrt(variance)
    return mean, np.where(deviation > LEAST_DEVIATION, deviation, 1.0)


def title_means(task: ProbeTask, titles: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Mean standardised features of each title, float64 (n, width), and the row of its image nearest to them, int (n,)."""
    mean, deviation = scale(task)
    means, examples = [], []
    for rows in titles["rows"]:
        features = (task.features[rows] - mean) / deviation
        means.append(features.mean(axis=0))
        examples.append(rows[int(np.square(features - means[-1]).sum(axis=1).argmin())])
    return np.stack(means), np.array(examples)


def nearest_titles(distances: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Position of the nearest title of another group, int (n,); distances: float64 (n, n)."""
    return np.where(groups[:, None] == groups, np.inf, distances).argmin(axis=1)


def compare(titles: pd.DataFrame, nearest: np.ndarray, genres: list[str], seed: int) -> dict[str, Any]:
    """How often the nearest other title has the same genre, how often a title at random has it, and the difference, by genre too."""
    labels, groups = titles["label"].to_numpy(np.int64), titles["group"].to_numpy()
    counts = TitleCounts.of(labels, groups, labels[nearest][None], len(genres))
    images = counts.images  # 1 for each genre of a group, 0 for others
    others = images.sum() - images.sum(axis=1, keepdims=True)
    chance = TitleCounts(images * (images.sum(axis=0) - images) / others, images)
    # the first row is the titles themselves
    weights = np.vstack([np.ones(len(images)), bootstrap.resample_counts(len(images), np.random.default_rng(seed))])
    same, random = counts.resample(weights), chance.resample(weights)
    rows = zip(genres, same.recalls().T, random.recalls().T, (images > 0).sum(axis=0), strict=True)
    return {
        **neighbour_scores(same.accuracy(), random.accuracy(), len(images)),
        "per_genre": {
            genre: neighbour_scores(shares, by_chance, number) for genre, shares, by_chance, number in rows if number
        },
    }


def neighbour_scores(same: np.ndarray, random: np.ndarray, titles: int) -> dict[str, Any]:
    """Shares of titles with a neighbour of their genre, the nearest and a random one, float (1 + resamples,), as JSON with intervals."""
    change = same - random
    return {
        "same_genre": float(same[0]),
        "same_genre_interval": [float(limit) for limit in bootstrap.interval(same[1:])],
        "titles": int(titles),
        "chance": float(random[0]),
        "against_chance": bootstrap.difference_record(change[0], bootstrap.interval(change[1:]), titles),
    }


def summarise(metrics: dict[str, Any]) -> dict[str, Any]:
    """How much more often the nearest other title has the same genre than a title at random."""
    return bootstrap.change_metrics("same_genre_change", metrics["against_chance"])


def outcome(metrics: dict[str, Any]) -> str:
    """One sentence."""
    share = bootstrap.format_value(metrics["same_genre"], metrics["same_genre_interval"], metrics["titles"])
    comparison = (
        f"the nearest other title has the same genre: {share}; against a title at random ({metrics['chance']:.3f})"
    )
    return bootstrap.conclusion(comparison, metrics["against_chance"])


def caption(metrics: dict[str, Any], shown: int, backbone: str) -> str:
    """What the map shows, in four lines; shown: the number of titles on it."""
    share = bootstrap.format_value(metrics["same_genre"], metrics["same_genre_interval"], metrics["titles"])
    return "\n".join(
        [
            f"share of titles whose nearest other title has the same genre: {share}",
            f"against a title at random ({metrics['chance']:.3f}): {bootstrap.verdict(metrics['against_chance'])}",
            f"near: similar mean features of {backbone} (t-SNE, moved to free cells of a grid); far distances mean little",
            f"{count(shown, 'thumbnail')}, of each title the image nearest to its mean; colour and number: the genre (titles)",
        ]
    )


def cell_table(rows: pd.DataFrame, cells: np.ndarray) -> pd.DataFrame:
    """The thumbnails of the map, CELLS: rows of the dataset and their cells, int (n, 2), column and row."""
    table = rows[["title_id", "no", "genre"]].reset_index(drop=True)
    return table.assign(column=cells[:, 0], row=cells[:, 1])


def main() -> None:
    """Compare neighbours with chance, and draw the map."""
    data = probe.load(Params, keras=False)
    params, plot = data.params, paths.plot("title_map")
    titles = list_titles(data.dataset, params.title_map.seed)
    if reason := obstacle(titles, data.genres):
        probe.write_skipped("title_map", data, reason, [plot])
        write_table(cell_table(data.dataset.iloc[:0], np.zeros((0, 2), np.int64)), CELLS, paths.TITLE_MAP)
        return
    means, examples = title_means(data.task(), titles)
    distances = tsne.squared_distances(means)
    metrics = compare(titles, nearest_titles(distances, titles["group"].to_numpy()), data.genres, params.seed)
    metrics["map"] = paths.TITLE_MAP.as_posix()
    probe.write("title_map", data, metrics, summarise(metrics), outcome(metrics))
    shown = sample(len(titles), params.title_map.titles, params.title_map.seed)
    rows = data.dataset.iloc[examples[shown]]
    images = ThumbnailStore(paths.RESIZED).take(rows)
    layout = thumbnail_map.Layout.of(images, tsne.layout(distances[np.ix_(shown, shown)], params.title_map.perplexity))
    labels, text = titles["label"].to_numpy()[shown], caption(metrics, len(shown), params.backbone)
    figures.save(thumbnail_map.draw(layout, labels, data.genres, TITLE, text), plot)
    write_table(cell_table(rows, layout.cells), CELLS, paths.TITLE_MAP)


if __name__ == "__main__":
    run(main, "title_map")
