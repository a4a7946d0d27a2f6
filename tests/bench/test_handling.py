"""bench/handling.py, bench/ways.py, bench/fit.py: the printed lines follow from the measurements."""

import pytest
from typer.testing import CliRunner

from bench import fit, handling, ways
from bench.ways import Case

CASE = Case(backbone="mobilenet_v2", unfreeze=4, images=40, epochs=2, pool="average", side=32)


def test_ratios_and_shares_follow_from_the_seconds(monkeypatch, capsys):
    seconds = {"plain": (100.0, 0.0, 20.0), "trials": (10.0, 2.0, 3.0), "floor": (5.0, 1.0, 0.0)}
    names = ("seconds", "frozen", "building")
    monkeypatch.setattr(
        handling, "measure", lambda way, _: {**dict(zip(names, seconds[way], strict=True)), "peak": 2**20}
    )
    handling.main("resnet50", 10, 8, 2)
    output = capsys.readouterr().out
    assert "| trials | 2.0 | 3.0 | 5.0 | 10.0 | 1 |" in output
    assert "The nine trials take the plain way 10.0 times as long. The floor would be 20.0 times" in output
    assert "20% is the frozen base, 30% building and tracing, 40% the tails' steps" in output


def test_building_is_the_time_that_epochs_do_not_explain():
    clock = ways.EpochClock()
    clock.ends = [5.0, 6.0, 7.0, 9.0]  # started at 0: the median epoch is 1
    assert clock.building(0.0, 4) == 5.0


@pytest.mark.slow
@pytest.mark.parametrize("way", ["trials", pytest.param("floor", marks=pytest.mark.exhaustive)])
def test_a_way_trains_and_returns_its_parts(way):
    result = ways.measure(way, CASE)
    assert result["seconds"] > result["frozen"] > 0
    assert result["peak"] > 100 * 2**20


@pytest.mark.exhaustive
def test_both_loops_are_measured_and_compared():
    result = CliRunner().invoke(fit.app, ["compare", "--images", "64", "--epochs", "2", "--rounds", "1"])
    assert result.exit_code == 0, result.output
    rows = [line for line in result.stdout.splitlines() if line.startswith(("| ours", "| bare"))]
    assert len(rows) == 2
    assert float(rows[0].split("|")[2]) > 0
    assert "times the steps a second of a bare fit: mobilenet_v2, head" in result.stdout
