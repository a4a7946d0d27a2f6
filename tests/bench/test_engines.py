"""bench/engines.py and what it compares by: agreement is measured in what a head sees, missing packages are left out."""

import re

import keras
import numpy as np
import pytest
from typer.testing import CliRunner

from bench import agreement, engines, other_engines
from tests.support.engine_inputs import calibrated_extractor, centred_images
from tests.support.runtime_params import RUNTIME

FEATURES = np.random.default_rng(0).normal(3, [0.1, 1, 10], (60, 3)).astype(np.float32)
LABELS = (FEATURES[:, 1] > 3).astype(int)
SIDE = 32


def test_equal_features_agree_completely():
    assert agreement.largest_difference(FEATURES, FEATURES) == 0
    assert agreement.relative_difference(FEATURES, FEATURES) == 0
    assert agreement.equal_decisions(FEATURES, FEATURES, LABELS) == 1


@pytest.mark.parametrize("column", range(3))
def test_the_largest_difference_is_in_deviations_of_its_feature(column):
    features = FEATURES.copy()
    features[5, column] += 0.5 * FEATURES[:, column].std()
    assert agreement.largest_difference(features, FEATURES) == pytest.approx(0.5, rel=1e-3)


def test_a_constant_feature_is_compared_with_its_value():
    constant = np.full((4, 1), 20, np.float32)
    assert agreement.largest_difference(constant + np.float32(0.2), constant) == pytest.approx(0.01, rel=1e-3)


def test_a_decision_that_changes_counts():
    features = FEATURES.copy()
    features[7, 1] += 20 if LABELS[7] == 0 else -20
    assert agreement.equal_decisions(features, FEATURES, LABELS) == pytest.approx(59 / 60)


def test_the_highest_rates_and_the_lowest_costs_of_all_rounds_count():
    rounds = [
        {"rate": 1.0, "cpu_rate": 4.0, "peak": 5.0, "start": 9.0},
        {"rate": 2.0, "cpu_rate": 3.0, "peak": 6.0, "start": 8.0},
    ]
    assert engines.best_of(rounds) == {"rate": 2.0, "cpu_rate": 4.0, "peak": 5.0, "start": 8.0}


def test_ways_whose_package_is_missing_are_left_out_with_a_line(monkeypatch, capsys):
    monkeypatch.setattr(engines, "find_spec", lambda package: None if package == "openvino" else package)
    ways = engines.available(list(engines.WAYS), "vgg16")
    assert [way for way in engines.WAYS if way not in ways] == [way for way in engines.WAYS if "OpenVINO" in way]
    assert capsys.readouterr().err == "openvino is not installed: its ways are left out\n"


def test_ncnn_computes_plain_chains_only(monkeypatch):
    monkeypatch.setattr(engines, "find_spec", lambda package: package)
    assert [way for way in engines.available(list(engines.WAYS), "resnet50") if "ncnn" in way] == []


def test_a_chain_in_ncnn_s_format_has_all_weights_and_a_tensor_for_each_pooled_map():
    extractor = calibrated_extractor("vgg16", SIDE, ["style"])
    text, weights, maps = other_engines.ncnn_network(extractor.get_layer("backbone"))
    magic, counts, *lines = text.splitlines()
    names = [name for line in lines for name in line.split()[4 + int(line.split()[2]) :] if "=" not in name]
    assert (magic, counts) == ("7767517", f"{len(lines)} {len(names)}")
    assert [line.split()[0] for line in lines].count("Convolution") == 7
    assert len(weights) == 4 * (extractor.count_params() + 7)
    assert len(maps) == len(set(maps) & set(names)) == 3


@pytest.mark.parametrize("winograd", [True, False])
def test_ncnn_agrees_where_it_is_installed(winograd):
    pytest.importorskip("ncnn")
    extractor, images = calibrated_extractor("vgg16", SIDE, ["style"]), centred_images(SIDE)
    [features] = other_engines.ncnn(extractor, RUNTIME, winograd)(images)
    assert agreement.largest_difference(features, extractor.predict_on_batch(images)) < agreement.LIMIT


@pytest.mark.slow
def test_onnx_runtime_is_measured_beside_tensorflow():
    keras.utils.clear_session()
    options = ["--backbone", "mobilenet_v2", "--rounds", "1", "--way", engines.ONNXRUNTIME]
    result = CliRunner().invoke(engines.app, ["compare", *options])
    assert result.exit_code == 0, result.output
    rows = re.findall(
        r"^\| mobilenet_v2 \| ([^|]+) \| .* \| (\S+) \| (\S+) \| (\S+)% \| \d+ \| \d+ \|$", result.stdout, re.M
    )
    assert [row[0] for row in rows] == [engines.REFERENCE, engines.BASELINE, engines.ONNXRUNTIME]
    assert float(rows[0][1]) == 0
    assert all(float(largest) < agreement.LIMIT and float(decisions) >= 99.5 for _, largest, _, decisions in rows)
