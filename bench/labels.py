"""Plant wrong labels in the embedded site, and count how many of them the stage ambiguity finds.

Reads:  nothing but the architecture's module: the site is drawn here, without HTTP, and the backbone is random and calibrated.
Writes: a table in Markdown on stdout.
bench/README.md tells how to read it.
"""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer

from bench.ways import machine
from stages import ambiguity
from webtoon_genre.core.progress import track
from webtoon_genre.data import images
from webtoon_genre.demo_site.art import drawing
from webtoon_genre.demo_site.art.schools import GENRES
from webtoon_genre.demo_site.art.style import school_of
from webtoon_genre.demo_site.census import TITLES
from webtoon_genre.demo_site.timetable import USABLE
from webtoon_genre.demo_site.world import World
from webtoon_genre.experiments.probe import ExperimentParams, Probe, ProbeParams, ProbeTask
from webtoon_genre.features.backbone import build_extractor, calibrate, preprocess_images
from webtoon_genre.reproducibility import runtime
from webtoon_genre.training.trainer import SharedHeadParams

SIDE, SEED, CALIBRATION = 112, 2022, 96
FOLDS = 5


@dataclass(frozen=True)
class Found:
    """What the stage says; titles by id: all, least fitting first; planted; flagged; in a manner that another genre has more often."""

    judged: dict[str, Any]
    ranked: list[int]
    planted: set[int]
    flagged: set[int]
    strange: set[int]

    @property
    def precision(self) -> float:
        """The share of the flagged titles that are planted."""
        return len(self.planted & self.flagged) / max(1, len(self.flagged))

    @property
    def recall(self) -> float:
        """The share of the planted titles that are flagged."""
        return len(self.planted & self.flagged) / max(1, len(self.planted))

    @property
    def explained(self) -> float:
        """The share of the flagged titles that are planted or drawn in the manner of another genre."""
        return len((self.planted | self.strange) & self.flagged) / max(1, len(self.flagged))

    @property
    def first(self) -> float:
        """The share of planted titles among the first ones of the ranking, as many as were planted."""
        return len(self.planted & set(self.ranked[: len(self.planted)])) / max(1, len(self.planted))


def strange(world: World) -> set[int]:
    """Titles in a manner that some other genre's titles have more often than those of the genre that the site files them under."""
    found = set()
    for title in world.titles.values():
        school = school_of(world.seed, title.key)
        often = {genre: TITLES[genre] * GENRES[genre].get(school, 0.0) for genre in TITLES}
        if max(often.values()) > often[title.genre]:
            found.add(title.id)
    return found


def drawn(world: World, most: int) -> tuple[pd.DataFrame, np.ndarray, set[int]]:
    """At most `most` thumbnails of each title: a dataset as `split` writes it, without sides, uint8 (n, side, side, 3), wrong titles."""
    titles = [title for title in world.titles.values() if not title.adult and world.usable(title)]
    genres, rows, pictures = list(TITLES), [], []
    for title in track(titles, len(titles), "drawn", "titles"):
        slots = [slot for slot in range(title.times.out(world.as_of)) if title.times.kind(slot) in USABLE]
        for slot in slots[:most]:
            image = drawing.thumbnail(world.seed, title.key, title.painters[0].id, slot)
            pictures.append(images.fit_square(image[..., ::-1], SIDE, "linear"))
            rows.append((title.id, slot, title.genre, genres.index(title.genre), title.id))
    dataset = pd.DataFrame(rows, columns=["title_id", "no", "genre", "label", "group"])
    return dataset, np.stack(pictures), {title.id for title in titles if title.genre != title.drawn}


def features(backbone: str, pictures: np.ndarray, settings: ExperimentParams) -> np.ndarray:
    """float32 (n, width), as the stage features computes them, of a random backbone."""
    runtime.set_seed(settings.runtime.seed)
    centred = pictures.astype(np.float32) - pictures.mean(axis=0, dtype=np.float64).astype(np.float32)
    body = build_extractor(backbone, SIDE, settings.head.pool, "backbone", None)
    chosen = np.linspace(0, len(centred) - 1, CALIBRATION).astype(int)
    calibrate(body, preprocess_images(centred[chosen], backbone, "backbone"))
    batches = range(0, len(centred), 32)
    said = [
        body.predict_on_batch(centred[start : start + 32]) for start in track(batches, len(batches), "seen", "batches")
    ]
    return np.concatenate(said)


def found(scale: float, mislabelled: float, backbone: str, most: int, seeds: list[int], lr: float = 5e-4) -> Found:
    """What the stage finds on such a site."""
    settings = common(backbone, seeds, lr)
    runtime.start_keras(settings.runtime)
    world = World(SEED, scale, mislabelled=mislabelled)
    dataset, pictures, planted = drawn(world, most)
    table, none = features(backbone, pictures, settings), np.zeros(0, np.int64)
    task = ProbeTask(
        table, dataset["label"].to_numpy(np.int64), dataset["group"].to_numpy(), list(TITLES), none, none, none
    )
    folds = ambiguity.dealt(dataset, FOLDS, 77)
    said = ambiguity.out_of_fold(task, folds, Probe(settings))
    judged, titles = ambiguity.judged(dataset, said, folds, list(TITLES), 77)
    flagged = set(titles.loc[titles["flagged"], "title_id"])
    return Found(judged, titles["title_id"].tolist(), planted, flagged, strange(world))


def common(backbone: str, seeds: list[int], lr: float) -> ExperimentParams:
    """As params.yaml, but for what is given."""
    return ExperimentParams(
        experiments=ProbeParams(backbone=backbone, seeds=seeds, units=64, lr=lr, batch=32, epochs=60, patience=6),
        head=SharedHeadParams(pool="style", standardise=True, dropout=0.5),
        runtime=machine(),
    )


def main(
    scale: Annotated[float, typer.Option(help="of the study's 82,549 thumbnails")] = 0.05,
    backbone: Annotated[str, typer.Option(help="random weights")] = "vgg16",
    most: Annotated[int, typer.Option(help="thumbnails of a title")] = 20,
) -> None:
    """Shares of 0, 5, 10 and 20 % of wrong labels."""
    typer.echo("| wrong titles | of | flagged | precision | recall | among the first | with a reason | ambiguity |")
    typer.echo("|--:" * 8 + "|")
    for share in (0.0, 0.05, 0.1, 0.2):
        here = found(scale, share, backbone, most, [77, 78, 79])
        score = here.judged["where_errors_are"]["ambiguity"]
        counts = f"| {len(here.planted)} | {len(here.ranked)} | {len(here.flagged)} "
        typer.echo(
            f"{counts}| {here.precision:.2f} | {here.recall:.2f} | {here.first:.2f} | {here.explained:.2f} | {score:.0%} |"
        )


if __name__ == "__main__":
    typer.run(main)
