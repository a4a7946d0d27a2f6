"""webtoon_genre/core/files.py: a file is complete or absent."""

import json

import numpy as np
import pytest

from webtoon_genre.core import files


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


def test_a_number_that_json_does_not_have_is_refused(tmp_path):
    with pytest.raises(ValueError, match="Out of range float values are not JSON compliant"):
        files.write_json(tmp_path / "a.json", {"loss": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_korean_text_stays_readable_in_json(tmp_path):
    files.write_json(tmp_path / "a.json", {"title": "공작저"})
    assert json.loads((tmp_path / "a.json").read_bytes()) == {"title": "공작저"}
    assert "공작저" in (tmp_path / "a.json").read_text(encoding="utf-8")
