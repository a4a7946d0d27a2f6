"""webtoon_genre/core/complaints.py: one short line for each fault of params.yaml, with the nearest known key."""

from pathlib import Path
from typing import Any

import pytest

from stages import handling, label, pairs, pretrained, split, train
from webtoon_genre.core import params
from webtoon_genre.core.complaints import nearest
from webtoon_genre.core.errors import InputError

KNOWN = params.all_keys()


def siblings(key: str) -> list[str]:
    """Return the keys of the section in which `key` stands."""
    prefix = f"{key.rpartition('.')[0]}.".lstrip(".")
    inner = [name.removeprefix(prefix) for name in KNOWN if name.startswith(prefix)]
    return [name for name in inner if "." not in name]


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("learning_rate", "lr"),
        ("train.learning_rate", "lr"),
        ("experiments.learning_rate", "lr"),
        ("Learning-Rate", "lr"),
        ("batch_size", "train.batch"),
        ("finetune.batch_size", "batch"),
        ("epochs", "train.epochs"),
        ("epocs", "train.epochs"),
        ("train.epocs", "epochs"),
        ("backbone", "train.backbones"),
        ("train.backbone", "backbones"),
        ("train.model", "backbones"),
        ("classes", "label.genres"),
        ("label.labels", "genres"),
        ("crawl.naver.genre", "genres"),
        ("image_size", "resize.side"),
        ("train.seeds", "experiments.seeds"),
        ("dropout", "head.dropout"),
        ("train.unfreze", "unfreeze"),
        ("label_limits", "label_limit"),
        ("crawl.path", "crawl.folder.path"),
        ("zzz", None),
        ("head.wings", None),
    ],
)
def test_the_nearest_key_of_any_section_is_suggested(key, name):
    assert nearest(key, siblings(key), KNOWN) == name


@pytest.fixture
def message(set_params):
    """Return a function that changes a param and returns the error of a stage about it."""

    def read(stage: Any, key: str, value: Any) -> str:
        set_params({key: value})
        with pytest.raises(InputError) as caught:
            params.read(stage.Params)
        return str(caught.value)

    return read


@pytest.mark.parametrize(
    ("stage", "key", "value", "line"),
    [
        (train, "train.epochs", None, "train.epochs is null: input should be a valid integer"),
        (train, "train.epochs", True, "train.epochs is true: input should be a valid integer"),
        (train, "train.epochs", "20", "train.epochs is '20': input should be a valid integer; write it without quotes"),
        (train, "train.epochs", [20], "train.epochs is [20]: input should be a valid integer"),
        (train, "lr", "fast", "lr is 'fast': input should be a valid number"),
        (train, "lr", float("inf"), "lr is inf: input should be a finite number"),
        (train, "lr", float("nan"), "lr is nan: input should be a finite number"),
        (train, "train", None, "train is null: it should be a section with backbones, batch, epochs, patience, preprocess, unfreeze"),
        (train, "train", [1, 2], "train is [1, 2]: it should be a section with backbones, batch, epochs, patience, preprocess, unfreeze"),
        (split, "split.ratios", 3, "split.ratios is 3: it should be a section with test, train, val"),
        (split, "split.ratios", {"train": 0.6, "val": 0.3, "test": 0.2},
         "split.ratios: shares [0.6, 0.3, 0.2] must add up to 1, in whole hundredths"),
        (label, "label.genres", "daily", "label.genres is 'daily': input should be a valid list"),
        (label, "label.genres", ["daily", 19], "label.genres.1 is 19: input should be a valid string; write it in quotes"),
        (label, "label.genres", ["x" * 99], f"label.genres is ['{'x' * 58}…: list should have at least 2 items after validation, not 1"),
        (handling, "cluster.engine", "ray", "cluster: engine ray needs cluster.address, the cluster's host:port"),
        (pairs, "pairs.which", "some", "pairs.which is 'some': input should be 'all', a valid integer or a valid list"),
        (pairs, "pairs.which", None, "pairs.which is null: input should be 'all', a valid integer or a valid list"),
        (pairs, "pairs.which", [["daily", None]], "pairs.which.0.1 is null: input should be a valid string"),
        (pretrained, "pretrained.hash", 5, "pretrained.hash is 5: input should be a valid string or a valid dictionary; write "
         "it in quotes"),
        (pretrained, "pretrained.hash", {"vgg16": 3}, "pretrained.hash.vgg16 is 3: input should be a valid string; write it in quotes"),
    ],
)  # fmt: skip
def test_a_value_of_the_wrong_kind_is_one_short_line(message, stage, key, value, line):
    assert message(stage, key, value) == f"params.yaml: {line}"


@pytest.mark.parametrize(
    ("stage", "key", "line"),
    [
        (handling, "handling.engine",
         "handling.engine is a key of an earlier version: write it into cluster.engine, which more stages read, and delete it"),
        (handling, "handling.address", "handling.address is a key of an earlier version: write it into cluster.address, and delete it"),
        (handling, "handling.grids", "handling.grids is a key of an earlier version: write the grid into handling.grid, and delete it"),
        (handling, "handling.grid.backbones",
         "handling.grid.backbones is a key of an earlier version: the grid has all of train.backbones; delete it"),
        (train, "learning_rate", "learning_rate is unknown (did you mean lr?); known at the top level: "),
        (train, "epochs", "epochs is unknown (did you mean train.epochs?); known at the top level: "),
        (train, "train.epocs", "train.epocs is unknown (did you mean epochs?); known in train: backbones, batch, epochs, "),
    ],
)  # fmt: skip
def test_stages_explain_unknown_keys(message, stage, key, line):
    assert message(stage, key, 1).startswith(f"params.yaml: {line}")


def test_a_date_is_shown_as_yaml_has_it(workspace: Path):
    path = workspace / "params.yaml"
    path.write_text(path.read_text().replace("multi_genre: first", "multi_genre: 2022-08-19"))
    with pytest.raises(InputError) as caught:
        params.read(label.Params)
    assert str(caught.value) == "params.yaml: label.multi_genre is 2022-08-19: input should be 'first', 'drop' or 'all'"


@pytest.mark.parametrize("text", ["1: 2\n", "? [1, 2]\n: 3\n", '"a\\nb": 1\n', "null: 1\n", "train:\n  1: 2\n"])
def test_a_key_that_is_no_text_is_one_line(workspace: Path, text):
    path = workspace / "params.yaml"
    path.write_text(
        path.read_text() + text if not text.startswith("train") else path.read_text().replace("train:\n", text, 1)
    )
    with pytest.raises(InputError, match=r"is unknown") as caught:
        params.read(label.Params if not text.startswith("train") else train.Params)
    assert "\n" not in str(caught.value)
