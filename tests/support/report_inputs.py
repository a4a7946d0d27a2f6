"""Everything that the report reads, for any labels, in a few seconds: pictures through the first stages, predictions of no model."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from ruamel.yaml import YAML

from tests.support.image_factory import encode, picture, title, write_raw
from tests.support.random_predictions import predict
from webtoon_genre.core import paths
from webtoon_genre.core.files import write_json
from webtoon_genre.data.tables import DATASET, ThumbnailStore, read_table
from webtoon_genre.evaluation import study
from webtoon_genre.plotting import figures
from webtoon_genre.training.predictions import held_out, prediction_table, write_predictions

TITLES, EPISODES = 10, 3  # of each label
BACKBONE = "resnet50"
STAGES = {  # pictures that a stage's entry in dvc.lock has, beside metrics/STAGE.json
    "label": ["plots/label/contact_sheet.jpg"],
    "zero_center": ["plots/zero_center/mean.png"],
    "baseline": [],
    "select": ["plots/handling/grid.png", "plots/handling/rates.png"],
    "finetune": ["plots/finetune/examples.png"],
    "weather": ["plots/weather.png", "plots/weather_more.png"],
    "nearby": ["plots/nearby.png"],
    "summary": ["plots/curves.png", "plots/summary.png"],
}


def write_inputs(labels: list[str], set_params: Any, source: str = "folder") -> None:
    """Fill the working directory, which has a params.yaml."""
    set_params({"label.genres": labels, "train.backbones": [BACKBONE], "crawl.source": source})
    raw_pictures(labels)
    run_first_stages()
    dataset = read_table(paths.DATASET, DATASET)
    rows = dataset.iloc[held_out(dataset)]
    probabilities = predict(rows["label"].to_numpy(), len(labels))[0].astype(np.float32)
    table = prediction_table(rows, probabilities, labels)
    for path in (paths.predictions(BACKBONE), paths.BEST_PREDICTIONS):
        write_predictions(table, path)
    write_models(table)
    write_facts(source)
    write_experiments(dataset, labels)
    write_lock()


def raw_pictures(labels: list[str]) -> None:
    """data/raw: titles with Korean names, pictures of two shapes."""
    titles = [
        title(
            100 * number + index,
            [label],
            {
                no: encode(picture(1000 * number + 10 * index + no, 60, 36 + 12 * (index % 2)))
                for no in range(1, EPISODES + 1)
            },
        )
        for number, label in enumerate(labels, 1)
        for index in range(TITLES)
    ]
    write_raw(paths.RAW, titles)
    table = pd.read_parquet(paths.TITLES)
    table.loc[0, "title"] = "고양이 <마왕> & 친구"
    table.to_parquet(paths.TITLES)


def run_first_stages() -> None:
    """From resize to baseline."""
    from stages import baseline, label, resize, split, zero_center

    for stage in (resize, label, zero_center, split, baseline):
        stage.main()


def write_models(table: pd.DataFrame) -> None:
    """Metrics and figures of evaluate and finetune, for predictions."""
    from stages import evaluate
    from webtoon_genre.training import prediction_figures

    evaluate.main(BACKBONE)
    scores = json.loads(paths.metrics("evaluate", BACKBONE).read_text())
    prediction_figures.draw(
        table, scores["test"], scores["test_detail"], ThumbnailStore(paths.RESIZED), "best", paths.plots("finetune")
    )
    best = {"backbone": BACKBONE, **scores}
    write_json(paths.metrics("finetune"), {"best": best, "outcome": "models/best is trained resnet50"})


def write_facts(source: str) -> None:
    """Metrics of the crawl, of validation and of the grid, and figures that say what they stand for."""
    write_json(
        paths.metrics("crawl"),
        {"source": source, "thumbnails": 90, "titles": 30, "left_out": {"adult": 2}, "failed": {"thumbnails": {}}},
    )
    write_json(
        paths.metrics("validate"), {"failed": 0, "expectations": {"ids": {"element_count": 90, "unexpected_count": 0}}}
    )
    trial = {"units": 8, "lr": 0.001, "val_accuracy": 0.5, "val_accuracy_interval": [0.4, 0.6]}
    write_json(paths.metrics("select"), {"cells": 2, "failed": 1, "cuts": {f"{BACKBONE}-10": trial}})
    for name in ("handling/grid", "handling/rates"):  # two figures with one message
        figures.save(figures.note("best of 2 trials"), paths.plot(name))
    for name in ("summary", "curves", "weather", "weather_more", "nearby"):
        figures.save(figures.note(f"figure {name}: 0.500"), paths.plot(name))


def write_experiments(dataset: pd.DataFrame, labels: list[str]) -> None:
    """Two experiments that no code names: one with scores and a figure, one with a map."""
    change = {"difference": 0.125, "interval": [0.05, 0.2], "titles": 30}
    kinds = [{"label": label, "accuracy": 0.5, "accuracy_interval": [0.25, 0.75], "titles": 12} for label in labels]
    outcome = "accuracy on rainy days: a gain, +0.125 [+0.050, +0.200], 30 titles"
    weather = {"question": "Does the weather matter?", "outcome": outcome}
    if set(labels) == study.GENRES:
        weather["study"] = "A <large> gain."
    write_json(paths.metrics("weather"), {**weather, "change": change, "kinds": kinds, "summary": {}})
    firsts = dataset.drop_duplicates("title_id")
    cells = pd.DataFrame({"column": np.arange(len(firsts)) % 12, "row": np.arange(len(firsts)) // 12})
    table = pd.concat([firsts[["title_id", "no", "genre"]].reset_index(drop=True), cells], axis=1)
    table.to_parquet(paths.TITLE_MAP)
    nearby = {"question": "Who is near?", "outcome": "no difference shown", "map": paths.TITLE_MAP.as_posix()}
    write_json(paths.metrics("nearby"), {**nearby, "summary": {}})


def write_lock() -> None:
    """dvc.lock of the stages whose files are there."""
    runs = {}
    for name, pictures in STAGES.items():
        files = [path for path in (f"metrics/{name}.json", *pictures) if Path(path).is_file()]
        outs = [{"path": path, "md5": hashlib.md5(Path(path).read_bytes()).hexdigest()} for path in files]
        deps = [{"path": "data/dataset.parquet", "md5": "0" * 32}, {"path": "webtoon_genre/core", "md5": "1" * 32}]
        params = {"params.yaml": {"seed": 77, name: {"level": 0.5}}}
        runs[name] = {"cmd": f"python -m stages.{name}", "deps": deps, "params": params, "outs": outs}
    with paths.LOCK.open("w", encoding="utf-8") as file:
        YAML().dump({"stages": runs}, file)
