"""stages/title_map.py: titles in the space of features, their nearest neighbours, and a map of them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages import title_map
from tests.conftest import REPOSITORY
from tests.support.hostile_machine import FOLDER, PREFIX, environment, write
from webtoon_genre.core.errors import InputError
from webtoon_genre.data.tables import DATASET, INDEX, write_table
from webtoon_genre.experiments import probe
from webtoon_genre.experiments.probe import ProbeTask
from webtoon_genre.plotting import figures, thumbnail_map

GENRES = ["thin", "bold", "round"]
PARAMS = {"title_map": {"perplexity": 5, "titles": 100, "seed": 1}}


def write_inputs(workspace: Path, strength: float, titles: int = 30) -> pd.DataFrame:
    """30 titles of 3 images in three genres; features are noise and, by `strength`, the genre."""
    rows = [
        (title, no, GENRES[title % 3], title % 3, ["train", "train", "val", "test"][title // 3 % 4], title)
        for title in range(titles)
        for no in range(3)
    ]
    dataset = pd.DataFrame(rows, columns=DATASET.names)
    write_table(dataset, DATASET, workspace / "data/dataset.parquet")
    files = dataset["title_id"].astype(str)
    index = dataset.assign(file=files, row=dataset["no"], sha256="", width=8, height=8, perceptual_hash="")
    write_table(index, INDEX, workspace / "data/resized/index.parquet")
    for title in range(titles):
        np.save(workspace / f"data/resized/{title}.npy", np.full((3, 8, 8, 3), 8 * title, np.uint8))
    features = np.random.default_rng(0).normal(0, 1, (len(dataset), 12))
    features[:, :3] += strength * np.eye(3)[dataset["label"]]
    (workspace / "data/features").mkdir()
    np.save(workspace / "data/features/inception_v3.npy", features.astype(np.float32))
    return dataset


def run(workspace, set_params, **params):
    set_params({"title_map": PARAMS["title_map"] | params})
    title_map.main()
    return json.loads((workspace / "metrics/title_map.json").read_text())


def outputs(workspace: Path) -> list[bytes]:
    return [(workspace / path).read_bytes() for path in ("metrics/title_map.json", "plots/title_map.png")]


def titles_of(labels: list[int], groups: list[int] | None = None) -> pd.DataFrame:
    return pd.DataFrame(
        {"label": labels, "group": groups or range(len(labels)), "rows": [[row] for row in range(len(labels))]}
    )


def test_titles_of_a_genre_that_look_alike_are_each_other_s_neighbours(workspace, set_params):
    dataset = write_inputs(workspace, 20)
    metrics = run(workspace, set_params)
    assert metrics["same_genre"] == 1.0
    assert metrics["chance"] == pytest.approx(9 / 29, abs=1e-6)
    assert metrics["scored_rows"] == probe.test_rows_digest(dataset)
    assert metrics["outcome"] == (
        "the nearest other title has the same genre: 1.000 [1.000, 1.000], 30 titles; against a title at random (0.310): "
        "a gain, +0.690 [+0.690, +0.690], 30 titles"
    )
    assert metrics["summary"] == {
        "same_genre_change": pytest.approx(20 / 29, abs=1e-6),
        "same_genre_change_interval": "[+0.690, +0.690], 30 titles",
    }
    assert (workspace / "plots/title_map.png").stat().st_size > 1000


def test_features_of_noise_show_no_difference_from_chance(workspace, set_params):
    write_inputs(workspace, 0)
    metrics = run(workspace, set_params)
    low, high = metrics["against_chance"]["interval"]
    assert low <= 0 <= high
    assert "no difference shown" in metrics["outcome"]


def test_scores_by_genre_add_up_to_all(workspace, set_params):
    write_inputs(workspace, 1)
    metrics = run(workspace, set_params)
    genres = metrics["per_genre"]
    assert list(genres) == sorted(GENRES)
    for key in ("same_genre", "chance"):
        mean = sum(genre[key] * genre["titles"] for genre in genres.values()) / metrics["titles"]
        assert mean == pytest.approx(metrics[key], abs=1e-5)
    assert {genre["against_chance"]["titles"] for genre in genres.values()} == {10}


def test_chance_is_the_share_of_the_genre_among_titles_of_other_groups():
    titles = titles_of([0, 0, 1, 1, 1], [7, 8, 8, 9, 10])  # title 8 has images of both genres
    metrics = title_map.compare(titles, np.array([1, 0, 3, 2, 2]), ["a", "b"], 1)
    assert metrics["chance"] == pytest.approx(np.mean([1 / 4, 1 / 3, 2 / 3, 2 / 4, 2 / 4]))
    assert metrics["titles"] == 4
    assert metrics["same_genre"] == 1.0
    assert metrics["per_genre"]["a"]["chance"] == pytest.approx(np.mean([1 / 4, 1 / 3]))


def test_the_nearest_title_is_never_the_same_title_under_another_genre():
    distances = np.array([[0, 1, 5.0], [1, 0, 7], [5, 7, 0]])
    assert title_map.nearest_titles(distances, np.array([4, 4, 9])).tolist() == [2, 2, 0]


def test_means_are_of_features_standardised_by_train_rows_and_the_example_is_nearest():
    features = np.array([[0, 5], [2, 5], [4, 5], [8, 6]], np.float32)
    rows = np.arange(4)
    task = ProbeTask(features, rows, rows, ["a"], rows[:2], rows[2:3], rows[3:])
    titles = pd.DataFrame({"rows": [[0, 1, 2], [3]]})
    means, examples = title_map.title_means(task, titles)
    assert means.tolist() == [[1, 0], [7, 1]]  # the second feature, constant in train, is not scaled
    assert examples.tolist() == [1, 3]


def test_of_more_titles_than_the_limit_the_map_shows_a_sample(workspace, set_params, monkeypatch):
    write_inputs(workspace, 20)
    captions = []
    monkeypatch.setattr(thumbnail_map, "draw", lambda *arguments: captions.append(arguments[-1]) or figures.note("map"))
    assert run(workspace, set_params, titles=12)["titles"] == 30
    assert "\n12 thumbnails, of each title" in captions[0]


def test_a_sample_is_in_order_and_depends_on_the_seed():
    one, two = (title_map.sample(100, 12, seed).tolist() for seed in (1, 2))
    assert one == sorted(set(one))
    assert len(one) == 12
    assert one != two
    assert title_map.sample(5, 12, 1).tolist() == [0, 1, 2, 3, 4]


def test_few_titles_decide_nothing(workspace, set_params):
    write_inputs(workspace, 20, titles=9)
    assert "too few titles to tell" in run(workspace, set_params)["outcome"]


@pytest.mark.parametrize(
    ("titles", "reason"),
    [
        (titles_of([1, 1, 1, 1]), "all titles have the genre bold; titles of two genres or more are compared"),
        (titles_of([0, 1, 1], [5, 6, 6]), "2 titles; 3 are needed for a map"),
        (titles_of([0, 1, 1]), None),
    ],
)
def test_what_cannot_be_compared_is_said(titles, reason):
    assert title_map.obstacle(titles, GENRES) == reason


def test_two_titles_are_skipped_and_the_figure_says_why(workspace, set_params):
    write_inputs(workspace, 1, titles=2)
    metrics = run(workspace, set_params)
    assert metrics["outcome"] == "skipped: 2 titles; 3 are needed for a map"
    assert metrics["summary"] == {}
    assert (workspace / "plots/title_map.png").stat().st_size > 1000


def test_two_runs_write_the_same_bytes(workspace, set_params):
    write_inputs(workspace, 1)
    run(workspace, set_params)
    first = outputs(workspace)
    run(workspace, set_params)
    assert outputs(workspace) == first


@pytest.mark.slow
def test_another_machine_writes_the_same_bytes(workspace, set_params, run_stage, tmp_path):
    write_inputs(workspace, 1)
    run(workspace, set_params)
    first = outputs(workspace)
    write(workspace, FOLDER)
    variables = environment(tmp_path / "home")
    subprocess.run(
        f"{PREFIX} {sys.executable} -m stages.title_map",
        shell=True,
        cwd=workspace,
        env={**os.environ, **variables, "PYTHONPATH": f"{variables['PYTHONPATH']}:{REPOSITORY}"},
        check=True,
    )
    assert outputs(workspace) == first


@pytest.mark.slow
def test_the_stage_imports_no_keras(workspace, set_params):
    write_inputs(workspace, 1)
    set_params(PARAMS)
    program = (
        "import sys; from stages import title_map; title_map.main(); print({'keras', 'tensorflow'} & set(sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout == "set()\n"


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("perplexity", 1, "title_map.perplexity is 1: input should be greater than or equal to 2"),
        ("titles", 5000, "title_map.titles is 5000: input should be less than or equal to 1000"),
    ],
)
def test_an_invalid_param_is_one_line_of_error_and_nothing_is_written(workspace, set_params, key, value, message):
    write_inputs(workspace, 1)
    with pytest.raises(InputError) as error:
        run(workspace, set_params, **{key: value})
    assert str(error.value) == f"params.yaml: {message}"
    assert not Path("metrics").exists()
