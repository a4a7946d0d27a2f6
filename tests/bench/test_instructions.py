"""bench/instructions.py: digests differ where bits do, rates are those of the quickest round."""

import re

import numpy as np
import pytest
from typer.testing import CliRunner

from bench import instructions

ROW = re.compile(r"^\| vgg16 \| (\w+) \| ([\d.]+) \| ([\d.]+) \| `(\w{8})` \| `(\w{8})` \|$", re.MULTILINE)


def test_a_digest_changes_with_a_single_bit():
    first, second = np.ones(3, np.float32), np.ones(3, np.float32)
    second[1] = np.nextafter(second[1], np.float32(2))
    assert instructions.digest([first]) != instructions.digest([second])
    assert instructions.digest([first]) == instructions.digest([first.copy()])


@pytest.mark.exhaustive
def test_both_kinds_of_instructions_are_measured_and_each_is_equal_in_all_rounds():
    result = CliRunner().invoke(instructions.app, ["compare", "--backbone", "vgg16", "--side", "32"])
    assert result.exit_code == 0, result.output
    rows = ROW.findall(result.stdout)
    assert [row[0] for row in rows] == ["portable", "native"]
    assert all(float(row[1]) > 0 and float(row[2]) > 0 for row in rows)
    assert "unequal" not in result.stdout


def test_digests_that_differ_between_rounds_are_printed_as_unequal(monkeypatch):
    digests = iter("abcdefgh")
    monkeypatch.setattr(
        instructions,
        "measure",
        lambda way, case: {"inference": 1.0, "training": 2.0, "outputs": next(digests), "weights": "same"},
    )
    result = CliRunner().invoke(instructions.app, ["compare", "--backbone", "vgg16"])
    assert result.stdout.count("unequal") == 2


@pytest.mark.parametrize("rate", [2.0, 8.0])
def test_the_quickest_round_counts(monkeypatch, rate):
    rates = iter([rate, 3.0, 5.0, 3.0])
    rest = {"training": 1.0, "outputs": "same", "weights": "same"}
    monkeypatch.setattr(instructions, "measure", lambda way, case: {"inference": next(rates), **rest})
    result = CliRunner().invoke(instructions.app, ["compare", "--backbone", "vgg16"])
    assert f"| vgg16 | portable | {max(rate, 5.0):.1f} |" in result.stdout
    assert f"| vgg16 | ratio | {max(rate, 5.0) / 3:.2f} | 1.00 |" in result.stdout
