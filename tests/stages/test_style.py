"""stages/style.py: what a frozen backbone's layers tell of style."""

import json
import shutil

import numpy as np
import pytest

from stages import style
from tests.conftest import edit_params
from webtoon_genre.core.errors import InputError
from webtoon_genre.data.tables import DATASET, read_table
from webtoon_genre.experiments import probe

PARAMS = {
    "experiments.lr": 0.01,
    "experiments.epochs": 6,
    "experiments.seeds": [1, 2],
    "style.backbones": ["mobilenet_v2"],
}


@pytest.fixture(scope="module")
def folder(made, tmp_path_factory):
    """Where the stage has run, on 20 titles in two genres that differ by the weight of their lines."""
    folder = tmp_path_factory.mktemp("style")
    shutil.copytree(made, folder, dirs_exist_ok=True)
    edit_params(folder / "params.yaml", PARAMS)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        style.main()
    return folder


@pytest.fixture
def found(folder):
    """What it wrote."""
    return json.loads((folder / "metrics/style.json").read_text())


def test_each_way_to_pool_is_scored_on_the_same_rows_beside_the_top_layer(found, folder):
    pools = found["backbones"]["mobilenet_v2"]
    assert list(pools) == ["average", "gram", "style"]
    assert pools["average"]["width"] == 1280
    assert pools["average"]["against_top"]["accuracy"] == {"difference": 0.0, "interval": [0.0, 0.0]}
    for each in pools.values():
        difference = each["accuracy"] - pools["average"]["accuracy"]
        assert each["against_top"]["accuracy"]["difference"] == pytest.approx(difference, abs=2e-6)
        assert 0 <= each["accuracy_interval"][0] <= each["accuracy"] <= each["accuracy_interval"][1] <= 1
    assert found["scored_rows"] == probe.test_rows_digest(read_table(folder / "data/dataset.parquet", DATASET))
    assert (folder / "plots/style.png").stat().st_size > 1000


def test_the_weight_of_lines_is_seen_by_statistics_of_middle_layers(found):
    pools = found["backbones"]["mobilenet_v2"]
    assert pools["style"]["accuracy"] > 0.9
    assert pools["gram"]["accuracy"] > 0.9


def test_the_table_has_a_row_a_pooling(found, folder):
    head, _, *rows = (folder / "metrics/style.md").read_text().splitlines()
    assert head.startswith("| backbone | head.pool | features |")
    for row, pool in zip(rows, ("average", "style", "gram"), strict=True):
        each = found["backbones"]["mobilenet_v2"][pool]
        assert row.startswith(
            f"| mobilenet_v2 | {pool} | {each['width']} | {each['val_accuracy']:.3f} | {each['accuracy']:.3f} |"
        )


def test_the_best_is_chosen_on_validation_rows(found):
    pools = found["backbones"]["mobilenet_v2"]
    highest = max(each["val_accuracy"] for each in pools.values())
    assert pools[found["best"]["pool"]]["val_accuracy"] == highest
    assert found["outcome"].startswith(f"best by validation is mobilenet_v2 with head.pool {found['best']['pool']}; ")


def test_the_style_features_are_those_that_the_stage_features_writes(prepared, monkeypatch, set_params):
    """Pooled beside others, they are what `train` is trained on."""
    set_params(PARAMS | {"head.pool": "style"})
    seen = {}
    monkeypatch.setattr(style, "compared", lambda features, *_: seen.update(features) or {})
    monkeypatch.setattr(style, "verdict", lambda _: "")
    monkeypatch.setattr(style, "best", lambda _: ("mobilenet_v2", "style"))
    monkeypatch.setattr(style, "draw", lambda _: style.figures.blank(1, 1))
    style.main()
    written = np.load(prepared / "data/features/mobilenet_v2.npy")
    assert seen["style"].shape == written.shape
    np.testing.assert_allclose(seen["style"], written, rtol=1e-4, atol=1e-4)


def test_a_backbone_that_there_is_none_of_is_refused_at_once(prepared, set_params):
    set_params({"style.backbones": ["mobilenet_v9"]})
    with pytest.raises(InputError, match="backbone 'mobilenet_v9' is unknown; stages/backbones has "):
        style.main()
