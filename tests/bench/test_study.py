"""bench/study.py: a copy of the working tree, its params, and the table; no stage runs here."""

from pathlib import Path

import pytest

from bench import study
from bench.study import RANDOM, Study
from tests.conftest import REPOSITORY
from webtoon_genre.core import params
from webtoon_genre.core.errors import InputError

MD5 = "md5:" + "0" * 32


def scores(accuracy: float, low: float, high: float) -> dict:
    """Some of the scores of a model on images of 20 titles."""
    return {"accuracy": accuracy, "accuracy_interval": [low, high], "groups": 20}


def change(difference: float, low: float, high: float) -> dict:
    """A difference over 20 titles."""
    return {"difference": difference, "interval": [low, high], "titles": 20}


def comparison(backbone: float, colour: float) -> dict:
    """What bench/study_scores.py writes of one sample."""
    models = {"backbone": scores(backbone, 0.4, 0.9), "colour_histogram": scores(colour, 0.3, 0.8)}
    return {**models, "difference": change(backbone - colour, -0.1, 0.3)}


METRICS = {
    "baseline": {"majority": {"test": scores(0.25, 0.2, 0.3)}},
    "study_scores": {"test": comparison(0.7, 0.6)},
    "check": {"complaints": 0},
}
LINES = {
    "largest class": "0.250 [0.200, 0.300], 20 titles",
    "colour histogram": "0.600 [0.300, 0.800], 20 titles",
    "backbone": "0.700 [0.400, 0.900], 20 titles",
    "backbone − colour histogram": "+0.100 [-0.100, +0.300], 20 titles",
}


def test_weights_are_random_alone_or_beside_real_ones_with_an_absolute_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("vgg16.h5").touch()
    assert study.weights_columns(["vgg16"], None, []) == {"vgg16": {"random": RANDOM}}
    real = {"pretrained.weights": str(tmp_path / "{backbone}.h5"), "pretrained.hash": MD5}
    assert study.weights_columns(["vgg16"], "{backbone}.h5", [MD5]) == {"vgg16": {"random": RANDOM, "real": real}}


def test_published_weights_need_no_hash():
    real = {"pretrained.weights": "imagenet", "pretrained.hash": None}
    assert study.weights_columns(["vgg16"], "imagenet", [])["vgg16"]["real"] == real


@pytest.mark.parametrize(
    ("backbones", "weights", "hashes", "line"),
    [
        (["vgg16", "vgg19"], "w", [MD5], "--hash is given 1 time, needed: 2 (one for each of vgg16, vgg19)"),
        (["vgg16"], None, [MD5], "--hash is given 1 time, needed: 0 (--weights is None)"),
        (["vgg16"], "/none/{backbone}", [MD5], "--weights: /none/vgg16 is no file; name one, a URL or imagenet"),
        (
            ["vgg16"],
            "/none",
            ["md5:1"],
            "pretrained.hash is 'md5:1' for vgg16; give md5: and 32, or sha256: and 64 hexadecimal digits",
        ),
    ],
)
def test_weights_that_cannot_be_used_are_one_line(backbones, weights, hashes, line):
    with pytest.raises(InputError) as error:
        study.weights_columns(backbones, weights, hashes)
    assert str(error.value) == line


def test_an_unknown_backbone_is_one_line():
    with pytest.raises(InputError, match=r"^--backbone is 'vgg'; one of convnext_tiny, .*, vgg19$"):
        study.weights_columns(["vgg"], None, [])


def test_the_copy_has_the_working_tree_and_no_products_of_a_run():
    before = (REPOSITORY / "params.yaml").read_bytes()
    with study.working_copy() as folder:
        study.set_params(folder, {"train.backbones": ["vgg16"], "crawl.folder.path": "/pictures"})
        values = params.load(folder / "params.yaml")
        assert (values["train"]["backbones"], values["crawl"]["folder"]["path"]) == (["vgg16"], "/pictures")
        assert (folder / "bench/study.py").read_bytes() == (REPOSITORY / "bench/study.py").read_bytes()
        assert (folder / ".dvc/config").is_file()
        assert not any((folder / name).exists() for name in ("dvc.lock", "metrics", "plots", ".dvc/cache", "data"))
    assert not folder.exists()
    assert (REPOSITORY / "params.yaml").read_bytes() == before


def test_a_failed_stage_is_one_line(tmp_path):
    with pytest.raises(InputError) as error:
        study.run_module(tmp_path, "no_such_module", "vgg16")
    assert (
        str(error.value) == "no_such_module vgg16 failed in the copy of the repository; the lines above give the reason"
    )


def test_the_least_that_a_study_measures_is_accuracies_and_their_difference():
    assert study.measures(METRICS, "vgg16") == LINES


def test_stages_that_ran_add_lines():
    against = {pool: {"against_top": {"accuracy": change(0.2, 0.1, 0.3)}} for pool in ("style", "gram")}
    metrics = METRICS | {
        "study_scores": {"test": comparison(0.7, 0.6), "unseen": comparison(0.5, 0.6)},
        "style": {"backbones": {"vgg16": against}, "outcome": "a sentence"},
        "leakage": {"leakage": {"accuracy": change(0.1, 0.0, 0.2)}, "outcome": "a sentence"},
        "finetune": {"best": {"test": scores(0.8, 0.7, 0.9)}},
        "pairs": {"outcome": "3 of 45 pairs"},
    }
    assert study.measures(metrics, "vgg16") == LINES | {
        "left-out vendor: colour histogram": "0.600 [0.300, 0.800], 20 titles",
        "left-out vendor: backbone": "0.500 [0.400, 0.900], 20 titles",
        "left-out vendor: backbone − colour histogram": "-0.100 [-0.100, +0.300], 20 titles",
        "layer statistics − top layer": "+0.200 [+0.100, +0.300], 20 titles",
        "Gram statistics − top layer": "+0.200 [+0.100, +0.300], 20 titles",
        "random split − titles apart": "+0.100 [+0.000, +0.200], 20 titles",
        "models/best": "0.800 [0.700, 0.900], 20 titles",
        "pairs": "3 of 45 pairs",
    }


def test_leakage_that_cannot_be_measured_says_why():
    assert study.measures(METRICS | {"leakage": {"outcome": "why"}}, "vgg16")["random split − titles apart"] == "why"


def test_a_study_runs_with_each_kind_of_weights_and_prints_a_table_for_each_backbone(monkeypatch):
    runs = []

    def record(folder: Path, *arguments: str) -> None:
        values = params.load(folder / "params.yaml")
        runs.append((values["train"]["backbones"], values["pretrained"]["weights"], values["lr"], *arguments))

    monkeypatch.setattr(study, "run_module", record)
    monkeypatch.setattr(study, "read_metrics", lambda folder: METRICS)
    columns = {"random": RANDOM, "real": {"pretrained.weights": "imagenet"}}
    a_study = Study("a study", {"lr": 0.5}, ["evaluate"], Path("/unseen"))
    first, second = study.run_study(a_study, dict.fromkeys(["b", "c"], columns))
    table = ["| a study, b | random | real |", "|---|---|---|"]
    table += [f"| {name} | {line} | {line} |" for name, line in LINES.items()]
    assert first.splitlines() == table
    assert second.startswith("| a study, c | random | real |")
    assert runs[:4] == [
        (["b"], "random", 0.5, "dvc", "repro", "evaluate"),
        (["b"], "random", 0.5, "bench.study_scores", "b", "--unseen", "/unseen"),
        (["b"], "imagenet", 0.5, "dvc", "repro", "evaluate"),
        (["b"], "imagenet", 0.5, "bench.study_scores", "b", "--unseen", "/unseen"),
    ]
