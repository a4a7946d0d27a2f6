"""bench/handling.py, bench/fit.py: what they print follows from what was measured."""

import pytest
from typer.testing import CliRunner

from bench import fit, handling, ways
from bench.ways import Case

CASE = Case(backbone="mobilenet_v2", unfreeze=4, images=40, epochs=2, pool="average", side=32)


def test_ratios_and_shares_are_those_of_the_seconds(monkeypatch, capsys):
    seconds = {"plain": (100.0, 0.0, 20.0), "cells": (10.0, 2.0, 3.0), "floor": (5.0, 1.0, 0.0)}
    names = ("seconds", "frozen", "building")
    monkeypatch.setattr(
        handling, "apart", lambda way, _: {**dict(zip(names, seconds[way], strict=True)), "peak": 2**20}
    )
    handling.main("resnet50", 10, 8, 2)
    printed = capsys.readouterr().out
    assert "| cells | 2.0 | 3.0 | 5.0 | 10.0 | 1 |" in printed
    assert "The nine cells cost the plain way 10.0 times as much. The floor would be 20.0 times" in printed
    assert "20% is the frozen half, 30% building and tracing, 40% the tails' own steps" in printed


def test_building_is_what_epochs_do_not_explain():
    watch = ways.Watch()
    watch.ends = [5.0, 6.0, 7.0, 9.0]  # started at 0: the median epoch is 1
    assert watch.building(0.0, 4) == 5.0


@pytest.mark.parametrize("way", ["cells", "floor"])
def test_a_way_really_trains_and_tells_its_parts(way):
    told = ways.apart(way, CASE)
    assert told["seconds"] > told["frozen"] > 0
    assert told["peak"] > 100 * 2**20


def test_both_loops_are_measured_and_compared():
    done = CliRunner().invoke(fit.app, ["compare", "--images", "64", "--epochs", "2", "--rounds", "1"])
    assert done.exit_code == 0, done.output
    rows = [line for line in done.stdout.splitlines() if line.startswith(("| ours", "| bare"))]
    assert len(rows) == 2
    assert float(rows[0].split("|")[2]) > 0
    assert "of the steps a second of a bare fit: mobilenet_v2, head" in done.stdout
