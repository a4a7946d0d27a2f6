"""Plant wrong labels in the demo site and measure how many of them the stage `ambiguity` finds.

Reads:  nothing but the architecture's module: thumbnails are drawn without HTTP, and the backbone is random and calibrated.
Writes: a table in Markdown on stdout.
bench/README.md explains the results.
"""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer

from bench.ways import runtime_params
from stages import ambiguity
from webtoon_genre.cluster.params import LOCAL
from webtoon_genre.core.progress import track
from webtoon_genre.data import images
from webtoon_genre.demo_site.art import drawing
from webtoon_genre.demo_site.art.schools import GENRES
from webtoon_genre.demo_site.art.style import school_of
from webtoon_genre.demo_site.census import TITLES
from webtoon_genre.demo_site.timetable import USABLE
from webtoon_genre.demo_site.world import World
from webtoon_genre.evaluation import bootstrap
from webtoon_genre.experiments.folds import folds_by_title
from webtoon_genre.experiments.probe import Backbones, ExperimentParams, ProbeParams, ProbeTask
from webtoon_genre.experiments.probe_heads import Probe
from webtoon_genre.features.backbone import build_extractor, preprocess_images
from webtoon_genre.features.calibration import calibrate
from webtoon_genre.reproducibility import runtime
from webtoon_genre.training.head import SharedHeadParams

SIDE, SEED, CALIBRATION = 112, 2022, 96
FOLDS = 5


@dataclass(frozen=True)
class Detection:
    """Results of the stage; titles by id: all, lowest label quality first; planted; flagged; drawn in another genre's style."""

    metrics: dict[str, Any]
    ranking: list[int]
    planted: set[int]
    flagged: set[int]
    atypical: set[int]

    @property
    def precision(self) -> float:
        """The share of the flagged titles that are planted."""
        return len(self.planted & self.flagged) / max(1, len(self.flagged))

    @property
    def recall(self) -> float:
        """The share of the planted titles that are flagged."""
        return len(self.planted & self.flagged) / max(1, len(self.planted))

    @property
    def above_chance(self) -> dict[str, Any]:
        """Precision minus the share of planted titles among all, which flagging at random reaches; the interval resamples titles."""
        planted, flagged = (np.isin(self.ranking, list(titles)) for titles in (self.planted, self.flagged))
        counts = bootstrap.resample_counts(len(self.ranking), np.random.default_rng(SEED))
        chance = counts @ planted / len(self.ranking)
        resampled = bootstrap.safe_divide(counts @ (planted & flagged), counts @ flagged) - chance
        difference = self.precision - planted.mean()
        return bootstrap.difference_record(difference, bootstrap.interval(resampled), len(self.ranking))

    @property
    def with_reason(self) -> float:
        """The share of the flagged titles that are planted or atypical."""
        return len((self.planted | self.atypical) & self.flagged) / max(1, len(self.flagged))

    @property
    def among_first(self) -> float:
        """The share of planted titles among the first N of the ranking; N is the number of planted titles."""
        return len(self.planted & set(self.ranking[: len(self.planted)])) / max(1, len(self.planted))


def atypical_titles(world: World) -> set[int]:
    """Titles in a style that is more frequent in some other genre than in the one that the site lists them under."""
    titles = set()
    for title in world.titles.values():
        school = school_of(world.seed, title.key)
        frequencies = {genre: TITLES[genre] * GENRES[genre].get(school, 0.0) for genre in TITLES}
        if max(frequencies.values()) > frequencies[title.genre]:
            titles.add(title.id)
    return titles


def draw_dataset(world: World, most: int) -> tuple[pd.DataFrame, np.ndarray, set[int]]:
    """At most `most` thumbnails of each title: the dataset without splits, uint8 (n, side, side, 3), RGB, and the planted titles."""
    titles = [title for title in world.titles.values() if not title.adult and world.usable(title)]
    genres, rows, pictures = list(TITLES), [], []
    for title in track(titles, len(titles), "drawn", "titles"):
        timetable = title.timetable
        slots = [slot for slot in range(timetable.free_slots(world.as_of)) if timetable.kind(slot) in USABLE]
        for slot in slots[:most]:
            image = drawing.thumbnail(world.seed, title.key, title.painters[0].id, slot)
            pictures.append(images.fit_square(image[..., ::-1], SIDE, "linear"))
            rows.append((title.id, slot, title.genre, genres.index(title.genre), title.id))
    dataset = pd.DataFrame(rows, columns=["title_id", "no", "genre", "label", "group"])
    return dataset, np.stack(pictures), {title.id for title in titles if title.genre != title.true_genre}


def extract(backbone: str, pictures: np.ndarray, params: ExperimentParams) -> np.ndarray:
    """Features from a random, calibrated backbone, float32 (n, width), as the stage `features` computes them."""
    runtime.set_seed(params.seed)
    centred = pictures.astype(np.float32) - pictures.mean(axis=0, dtype=np.float64).astype(np.float32)
    extractor = build_extractor(backbone, SIDE, params.head.pool, "backbone", None)
    rows = np.linspace(0, len(centred) - 1, CALIBRATION).astype(int)
    calibrate(extractor, preprocess_images(centred[rows], backbone, "backbone"))
    starts = range(0, len(centred), 32)
    batches = [
        extractor.predict_on_batch(centred[start : start + 32])
        for start in track(starts, len(starts), "extracted", "batches")
    ]
    return np.concatenate(batches)


def detect(scale: float, mislabelled: float, backbone: str, most: int, seeds: list[int], lr: float = 5e-4) -> Detection:
    """Results of the stage `ambiguity` on a demo site with a share of `mislabelled` titles."""
    params = experiment_params(backbone, seeds, lr)
    runtime.start_keras(params.runtime)
    world = World(SEED, scale, mislabelled=mislabelled)
    dataset, pictures, planted = draw_dataset(world, most)
    features, no_rows = extract(backbone, pictures, params), np.zeros(0, np.int64)
    labels, groups = dataset["label"].to_numpy(np.int64), dataset["group"].to_numpy()
    task = ProbeTask(features, labels, groups, list(TITLES), no_rows, no_rows, no_rows)
    folds = folds_by_title(dataset, FOLDS, 77)
    probabilities = ambiguity.out_of_fold(task, folds, Probe(params))
    metrics, titles = ambiguity.assess_labels(dataset, probabilities, folds, list(TITLES), 77)
    flagged = set(titles.loc[titles["flagged"], "title_id"])
    return Detection(metrics, titles["title_id"].tolist(), planted, flagged, atypical_titles(world))


def experiment_params(backbone: str, seeds: list[int], lr: float) -> ExperimentParams:
    """Params as in params.yaml, except for the arguments."""
    return ExperimentParams(
        experiments=ProbeParams(seeds=seeds, units=64, lr=lr, batch=32, epochs=60, patience=6),
        train=Backbones(backbones=[backbone]),
        head=SharedHeadParams(pool="style", standardise=True, dropout=0.5),
        runtime=runtime_params(),
        cluster=LOCAL,
        seed=77,
    )


def main(
    scale: Annotated[float, typer.Option(help="of the study's 82,549 thumbnails")] = 0.05,
    backbone: Annotated[str, typer.Option(help="random weights")] = "vgg16",
    most: Annotated[int, typer.Option(help="thumbnails of a title")] = 20,
) -> None:
    """Measure with 0, 5, 10 and 20% of wrong labels."""
    typer.echo(
        "| wrong titles | flagged | precision | precision − chance | recall | among the first | with a reason | ambiguity |"
    )
    typer.echo("|--:" * 8 + "|")
    for share in (0.0, 0.05, 0.1, 0.2):
        result = detect(scale, share, backbone, most, [77, 78, 79])
        ambiguous = result.metrics["where_errors_are"]["ambiguity"]
        typer.echo(
            f"| {len(result.planted)} | {len(result.flagged)} | {result.precision:.2f} | {bootstrap.describe(result.above_chance)} "
            f"| {result.recall:.2f} "
            f"| {result.among_first:.2f} | {result.with_reason:.2f} | {ambiguous:.0%} |"
        )


if __name__ == "__main__":
    typer.run(main)
