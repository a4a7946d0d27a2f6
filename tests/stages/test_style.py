"""stages/style.py: drawing style in the layers of a frozen backbone."""

import json
import shutil

import numpy as np
import pytest

from stages import style
from tests.conftest import edit_params
from webtoon_genre.core import params as params_file
from webtoon_genre.core import paths
from webtoon_genre.core.errors import InputError
from webtoon_genre.data.mean_image import read_mean_image
from webtoon_genre.data.tables import DATASET, ThumbnailStore, read_table
from webtoon_genre.evaluation import bootstrap
from webtoon_genre.experiments import probe
from webtoon_genre.reproducibility.runtime import start_keras

PARAMS = {
    "experiments.lr": 0.01,
    "experiments.epochs": 6,
    "experiments.seeds": [1, 2],
    "train.backbones": ["mobilenet_v2"],
}


@pytest.fixture(scope="module")
def folder(pipeline_inputs, tmp_path_factory):
    """Results of the stage on 20 titles in two genres that differ in the thickness of their lines."""
    folder = tmp_path_factory.mktemp("style")
    shutil.copytree(pipeline_inputs, folder, dirs_exist_ok=True)
    edit_params(folder / "params.yaml", PARAMS)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        style.main()
    return folder


@pytest.fixture
def metrics(folder):
    return json.loads((folder / "metrics/style.json").read_text())


@pytest.fixture
def pools(metrics):
    return metrics["backbones"]["mobilenet_v2"]


def test_each_pooling_is_scored_on_the_same_rows_and_compared_with_the_top_layer(metrics, pools, folder):
    assert list(pools) == ["average", "gram", "style"]
    assert pools["average"]["width"] == 1280
    assert pools["average"]["against_top"]["accuracy"] == {"difference": 0.0, "interval": [0.0, 0.0], "titles": 4}
    for scores in pools.values():
        difference = scores["accuracy"] - pools["average"]["accuracy"]
        assert scores["against_top"]["accuracy"]["difference"] == pytest.approx(difference, abs=2e-6)
        assert 0 <= scores["accuracy_interval"][0] <= scores["accuracy"] <= scores["accuracy_interval"][1] <= 1
    assert metrics["scored_rows"] == probe.test_rows_digest(read_table(folder / "data/dataset.parquet", DATASET))
    assert (folder / "plots/style.png").stat().st_size > 1000


def test_statistics_of_middle_layers_predict_the_thickness_of_lines(pools):
    assert pools["style"]["accuracy"] > 0.9
    assert pools["gram"]["accuracy"] > 0.9


def test_the_table_has_a_row_for_each_pooling(pools, folder):
    head, _, *rows = (folder / "metrics/style.md").read_text().splitlines()
    names = "features | validation accuracy | test accuracy | test accuracy against its top layer"
    assert head == f"| backbone | head.pool | {names} |"
    assert rows[3:] == ["", "In brackets: 95% intervals, whole titles resampled."]
    for row, pool in zip(rows[:3], ("average", "style", "gram"), strict=True):
        scores = pools[pool]
        val = bootstrap.format_value(scores["val_accuracy"], scores["val_accuracy_interval"], scores["val_titles"])
        test = bootstrap.format_value(scores["accuracy"], scores["accuracy_interval"], scores["groups"])
        change = "" if pool == "average" else bootstrap.verdict(scores["against_top"]["accuracy"])
        assert row == f"| mobilenet_v2 | {pool} | {scores['width']} | {val} | {test} | {change} |"


def test_the_summary_has_the_change_from_the_top_layer_to_the_best_pooling(metrics, pools):
    change = pools[metrics["best"]["pool"]]["against_top"]["accuracy"]
    assert metrics["summary"] == bootstrap.change_metrics("best_pool_change", change)


def test_the_best_pooling_is_chosen_on_validation_rows(metrics, pools):
    best = metrics["best"]
    highest = max(scores["val_accuracy"] for scores in pools.values())
    assert best["backbone"] == "mobilenet_v2"
    assert pools[best["pool"]]["val_accuracy"] == highest
    assert metrics["outcome"].startswith(
        "too few validation titles (4) to tell which pooling is best; highest on their images is mobilenet_v2 with "
        f"head.pool {best['pool']}; "
    )


def test_the_style_features_equal_those_of_the_stage_features(training_workspace, set_params):
    """Computed beside other poolings, they are the features that `train` uses."""
    set_params(PARAMS | {"head.pool": "style"})
    params = params_file.read(style.Params)
    start_keras(params.runtime)
    dataset, mean = read_table(paths.DATASET, DATASET), read_mean_image(paths.MEAN).image
    features = style.pool_features(dataset, ThumbnailStore(paths.RESIZED), mean, params)["style"]
    expected = np.load(training_workspace / "data/features/mobilenet_v2.npy")
    assert features.shape == expected.shape
    np.testing.assert_allclose(features, expected, rtol=1e-4, atol=1e-4)


def test_an_unknown_backbone_is_refused_before_keras_starts(training_workspace, set_params, monkeypatch):
    set_params({"train.backbones": ["mobilenet_v9"]})
    monkeypatch.setattr(probe, "start_keras", lambda _: pytest.fail("Keras was started"))
    with pytest.raises(InputError, match=r"^backbone 'mobilenet_v9' is unknown; webtoon_genre/backbones has "):
        style.main()


def test_enough_validation_titles_name_a_best_pooling():
    scores = {pool: {"val_accuracy": 0.5, "val_titles": 10} for pool in style.POOLS}
    assert style.summarise(scores) == {}
    assert style.outcome("vgg16", scores) == "best on validation images is vgg16 with head.pool average, its top layer"
