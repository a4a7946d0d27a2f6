"""bench/scale.py: growth between two sizes, and docs/scale.md, which is its arithmetic."""

import json

import pytest

from bench import scale
from bench.scale import Growth
from tests.conftest import REPOSITORY


def test_a_stage_that_takes_a_hundred_times_for_ten_times_the_thumbnails_is_quadratic():
    row = Growth("leakage", (1.0, 100.0), (1.0, 1.0))
    assert row.exponent == pytest.approx(2, abs=1e-3)
    assert row.hours(10 * scale.MEASURED) == pytest.approx(10_000 / 3600, rel=1e-2)


def test_a_short_stage_and_one_that_grows_slowly_count_as_linear():
    for seconds in ((0.1, 4.0), (10.0, 20.0)):
        row = Growth("label", seconds, (1.0, 1.0))
        assert row.hours(10 * scale.MEASURED) == pytest.approx(10 * seconds[1] / 3600)


def test_memory_grows_by_what_it_grew_between_the_sizes():
    row = Growth("baseline", (1.0, 10.0), (0.5, 3.2))
    assert row.gigabytes(scale.MEASURED + 10 * (scale.MEASURED - scale.SMALLER)) == pytest.approx(3.2 + 10 * 2.7)


def test_the_tables_are_those_of_two_results(tmp_path, capsys):
    for folder, work in (("small", 1.0), ("large", 10.0)):
        (tmp_path / folder / "0").mkdir(parents=True)
        rows = [{"name": "features@a", "work": work, "memory": work * 1e9}]
        (tmp_path / folder / "0" / "times.json").write_text(json.dumps(rows))
    scale.main(tmp_path / "small", tmp_path / "large")
    printed = capsys.readouterr().out
    assert "| features@a | 1.0 | 10.0 | 1.0 | 10.0 |" in printed
    assert scale.table(scale.read_growth(printed)) in printed


def test_the_page_s_arithmetic_is_that_of_its_measurements():
    page = (REPOSITORY / "docs/scale.md").read_text(encoding="utf-8")
    rows = scale.read_growth(page)
    assert len(rows) > 20
    assert scale.table(rows) in page
