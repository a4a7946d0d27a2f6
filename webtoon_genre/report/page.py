"""The report: the study on one self-contained page, the same bytes for the same inputs; nothing is loaded from elsewhere."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from webtoon_genre.core import paths
from webtoon_genre.core.wording import count
from webtoon_genre.data.mean_image import read_mean_image
from webtoon_genre.data.tables import DATASET, TITLES, ThumbnailStore, class_names, read_table
from webtoon_genre.evaluation import study
from webtoon_genre.plotting.thumbnail_map import colour_of, ink
from webtoon_genre.report import charts, content, fonts
from webtoon_genre.report.figures import KINDS, EmbeddedFigure, read_figure
from webtoon_genre.report.preprocessing import samples
from webtoon_genre.report.provenance import Stage, maker_of
from webtoon_genre.report.sprites import Sprites
from webtoon_genre.report.traced import Metrics, escape
from webtoon_genre.training.predictions import read_predictions

TEMPLATES = Path(__file__).parent / "templates"
SECTIONS = (
    ("models", "Results"),
    ("findings", "Findings"),
    ("data", "Data"),
    ("preprocessing", "Preprocessing"),
    ("grid", "Grid"),
    ("model", "The model handed on"),
    ("experiments", "Experiments"),
    ("reproducibility", "Reproducibility"),
)
FONT, SHEET = "@@font@@", "@@sheet@@"  # stand for what is known when the page's text is


@dataclass(frozen=True)
class Settings:
    """What the page says of params: the weights, the split, the backbones, the side of a picture in pixels, the data's day."""

    weights: str
    split_by: str
    backbones: list[str]
    side: int
    as_of: str


def render(settings: Settings, stages: list[Stage]) -> str:
    """The page; stages: the runs of all stages before it."""
    metrics, sprites = Metrics(paths.METRICS), Sprites()
    dataset = read_table(paths.DATASET, DATASET)
    genres, store = class_names(dataset), ThumbnailStore(paths.RESIZED)
    titles = read_table(paths.TITLES, TITLES).set_index("title_id")["title"]
    table = read_predictions(paths.BEST_PREDICTIONS, "finetune")
    shown: dict[str, Any] = {
        "m": metrics,
        "settings": settings,
        "words": content.Wording.of(genres),
        "genres": genres,
        "models": content.models(metrics, settings.backbones),
        "cells": content.confusion(metrics, genres),
        "cell_images": content.cell_images(table),
        "experiments": content.experiments(metrics, stages, titles, dataset),
        "samples": samples(dataset, store, paths.THUMBNAILS, read_mean_image(paths.MEAN).image),
        "titles": titles,
        "stages": stages,
        "figures": figures_of(stages, ("summary", "label", "zero_center", "select", "finetune")),
        "study": study,
        "differences": study.differences(metrics.at("crawl#/source"), settings.split_by, settings.weights),
        "charts": charts,
        "colours": {genre: (colour_of(label), ink(colour_of(label))) for label, genre in enumerate(genres)},
        "sprites": sprites,
        "maker_of": lambda path: maker_of(stages, path),
        "count": count,
        "key": lambda reference, name: f"{reference}/{escape(name)}",
        "sections": SECTIONS,
        "style": Markup((TEMPLATES / "report.css").read_text(encoding="utf-8")),
        "script": Markup((TEMPLATES / "report.js").read_text(encoding="utf-8")),
        "font": FONT,
        "sheet": SHEET,
    }
    text = environment().get_template("report.html.j2").render(shown)
    sheet, font = sprites.draw(store), fonts.subset(text)
    face = f'@font-face {{ font-family: "Report Korean"; src: url("{font}") format("woff"); }}' if font else ""
    size = f"--columns: {sheet.columns}; --ratio: {sheet.ratio:.4f}; --sheet: url({sheet.uri});"
    return text.replace(FONT, face).replace(SHEET, size)


def environment() -> Environment:
    """Templates escape what they show, and fail where a value is missing."""
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def figures_of(stages: list[Stage], names: tuple[str, ...]) -> dict[str, EmbeddedFigure]:
    """The figures of some stages by their path below plots/, without suffix."""
    found = [path for stage in stages if stage.name in names for path in stage.figures(KINDS)]
    return {Path(path).relative_to(paths.PLOTS).with_suffix("").as_posix(): read_figure(Path(path)) for path in found}
