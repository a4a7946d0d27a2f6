"""webtoon_genre/core/files.py: a file is complete or absent."""

import json

import numpy as np
import pytest

from webtoon_genre.core import files
from webtoon_genre.core.errors import InputError


class Crash(Exception):  # noqa: N818
    pass


def test_a_file_is_replaced_only_when_it_is_complete(tmp_path):
    target = tmp_path / "table.csv"
    target.write_text("old")
    with pytest.raises(Crash), files.replacing(target) as part:
        part.write_text("part")
        raise Crash
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_is_replaced_only_when_it_is_complete(tmp_path):
    target = tmp_path / "model"
    target.mkdir()
    (target / "old").write_text("old")
    with pytest.raises(Crash), files.replacing_folder(target) as part:
        (part / "new").write_text("part")
        raise Crash
    assert [path.name for path in target.iterdir()] == ["old"]
    with files.replacing_folder(target) as part:
        (part / "new").write_text("complete")
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "new"]


def test_equal_metrics_of_any_order_and_type_are_equal_bytes(tmp_path):
    files.write_json(tmp_path / "a.json", {"b": np.float32(0.5), "a": [1, np.int64(2)], "c": (0.12345678,)})
    files.write_json(tmp_path / "b.json", {"c": [0.123457], "a": (1, 2), "b": 0.5})
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_floats_are_rounded_to_six_places_without_a_negative_zero(tmp_path):
    files.write_json(tmp_path / "a.json", {"tiny": -1e-9, "third": 1 / 3})
    assert (tmp_path / "a.json").read_text() == '{\n  "third": 0.333333,\n  "tiny": 0.0\n}\n'


@pytest.mark.parametrize(
    ("value", "key", "number"),
    [
        ({"loss": float("nan")}, "loss", "nan"),
        ({"test": {"recalls": (0.5, float("inf"))}}, r"test\.recalls\.1", "inf"),
        ({"seeds": [np.array([1, -np.inf])]}, r"seeds\.0\.1", "-inf"),
    ],
)
def test_a_number_that_json_does_not_have_is_refused_with_its_key(tmp_path, value, key, number):
    with pytest.raises(
        InputError, match=rf"/a\.json: {key} is {number}, which JSON does not have; nothing was written$"
    ):
        files.write_json(tmp_path / "a.json", value)
    assert list(tmp_path.iterdir()) == []


def test_korean_text_stays_readable_in_json(tmp_path):
    files.write_json(tmp_path / "a.json", {"title": "공작저"})
    assert json.loads((tmp_path / "a.json").read_bytes()) == {"title": "공작저"}
    assert "공작저" in (tmp_path / "a.json").read_text(encoding="utf-8")


def test_only_products_and_hidden_files_stay_beside_products(tmp_path):
    for name in (
        "train/vgg16.json",
        "train/resnet50.json",
        "plots/vgg16/a.png",
        "plots/resnet50/a.png",
        "plots/.gitignore",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "plots/link").symlink_to(elsewhere)
    files.keep_only([tmp_path / name for name in ("train/vgg16.json", "plots/vgg16", "missing/vgg16")])
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.glob("*/*")) == [
        "plots/.gitignore",
        "plots/vgg16",
        "train/vgg16.json",
    ]
    assert elsewhere.is_dir()


def test_a_file_that_a_killed_stage_left_is_not_listed(tmp_path):
    for name in ("b.json", "a.json", ".part-c.json", "d.txt", "nested/e.json", "nested/.part-f.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{")
    assert [path.name for path in files.visible_files(tmp_path, "*.json")] == ["a.json", "b.json"]
    assert [path.name for path in files.visible_files(tmp_path, "**/*.json")] == ["a.json", "b.json", "e.json"]
