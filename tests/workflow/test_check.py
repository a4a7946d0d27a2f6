"""workflow/check.py: complaints about params.yaml, before anything runs."""

import math
import subprocess
import sys
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY
from tests.support.tiny_pipeline import Clone
from webtoon_genre.core import params
from webtoon_genre.features.backbone import backbone_names, load_architecture
from workflow.check import complaints, constant, findings, stage_models

MODELS = stage_models(REPOSITORY / "dvc.yaml")
HASH = f"md5:{'0' * 32}"
GENRES = "daily, comic, fantasy, action, drama, pure, sensibility, thrill, historical, sports"


@pytest.fixture
def lines(set_params):
    """A function that changes params and returns the complaints about them."""

    def check(values: dict[str, object]) -> list[str]:
        set_params(values)
        return complaints(Path("params.yaml"), MODELS)

    return check


def test_the_repository_s_params_have_no_complaint():
    assert complaints(REPOSITORY / "params.yaml", MODELS) == []


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"train.epochs": "many"}, "train.epochs is 'many': input should be a valid integer"),
        ({"head.wings": 2}, "head.wings is unknown; known in head: dropout, pool, standardise, units"),
        ({"tain": {}}, "tain is unknown (did you mean train?); known at the top level: ambiguity, augment, "),
        ({"crawl.source": "web"}, "crawl.source is 'web': input should be 'demo', 'folder' or 'naver'"),
        ({"train.backbones": ["vgg"]}, "train.backbones has 'vgg'; webtoon_genre/backbones has convnext_tiny, "),
        ({"train.backbones": ["vgg16", "vgg16"]},
         "train.backbones is ['vgg16', 'vgg16']: it lists 'vgg16' twice; list it once"),
        ({"experiments.backbone": "vgg16"},
         "experiments.backbone is a key of an earlier version: the experiments use the first of train.backbones; delete it"),
        ({"style": {"backbone": "vgg16"}},
         "style is a key of an earlier version: the experiment style uses the first of train.backbones; delete it"),
        ({"learning_rate": 0.1}, "learning_rate is unknown (did you mean lr?); known at the top level: ambiguity, "),
        ({"handling.grid.units": [16, 16]}, "handling.grid.units is [16, 16]: it lists 16 twice; list it once"),
        ({"handling.grid.units": [0]}, "handling.grid.units.0 is 0: input should be greater than 0"),
        ({"handling.grid.unfreeze": [0, -1]},
         "handling.grid.unfreeze.1 is -1: input should be 'all' or greater than or equal to 0"),
        ({"handling.grid.lr": [0.0]}, "handling.grid.lr.0 is 0.0: input should be greater than 0"),
        ({"train.unfreeze": "some"}, "train.unfreeze is 'some': input should be 'all' or a valid integer"),
        ({"experiments.seeds": [77, 77]}, "experiments.seeds is [77, 77]: it lists 77 twice; list it once"),
        ({"resize.side": 64}, "resize.side is 64: inception_v3 needs at least 75 pixels"),
        ({"pretrained.weights": "imagenet", "train.backbones": ["mobilenet_v2"]},
         "pretrained.weights is imagenet: mobilenet_v2 has no published checksum; set it to https://"),
        ({"pretrained.weights": "https://example.org/{backbone}.h5"},
         "pretrained.hash has none for vgg19; give md5:... or sha256:... of https://example.org/vgg19.h5"),
        ({"pretrained.weights": "weights/{backbone}.h5", "pretrained.hash": HASH},
         "pretrained.weights names weights/vgg16.h5, which is no file; set it to a file, a URL, imagenet or random"),
        ({"pretrained.hash": HASH}, f"pretrained.hash is '{HASH}', but weights random take none; set pretrained.hash: null"),
        ({"crawl.source": "folder"}, "crawl.folder.path is 'data/pictures', which is no folder; create it and put"),
        ({"crawl.source": "naver"}, "crawl.user_agent is 'webtoon-genre (contact you@example.org)'; put a contact address"),
        ({"label.genres": ["daily", "omnibus"]}, "label.genres has 'omnibus', of which there will be no picture; the demo "
         "site has fantasy, "),
        ({"crawl.source": "naver", "crawl.naver.genres": ["daily", "comic"], "label.genres": ["daily", "sports"]},
         "label.genres has 'sports', of which there will be no picture; crawl.naver.genres has daily, comic"),
        ({"label.genres": ["daily", "daily"]}, "label.genres is ['daily', 'daily']: it lists 'daily' twice; list it once"),
        ({"features.engine": "onnxruntime", "runtime.xla": True},
         "features.engine is onnxruntime, which needs runtime.xla false; it is true; change one of them"),
        ({"features.engine": "onnxruntime", "runtime.precision": "mixed_bfloat16"},
         "features.engine is onnxruntime, which needs runtime.precision 'float32'; it is 'mixed_bfloat16'; change one of them"),
        ({"features.engine": "torch"}, "features.engine is 'torch': input should be 'tensorflow' or 'onnxruntime'"),
        ({"validate.min_ratio": 2.0}, "validate.min_ratio is 2.0: input should be less than or equal to 1"),
        ({"validate.max_ratio": 0.5}, "validate.max_ratio is 0.5: input should be greater than or equal to 1"),
        ({"pairs.which": 3.5}, "pairs.which is 3.5: input should be 'all', a valid integer or a valid list"),
        ({"pairs.which": [["daily", 3]]}, "pairs.which.0.1 is 3: input should be a valid string; write it in quotes"),
        ({"pairs.which": [["daily", "daily"]]},
         f"pairs.which has ['daily', 'daily']; give two different genres of {GENRES}"),
        ({"pairs.which": 0}, "pairs.which is 0; give all, a number of pairs from 1, or a list of pairs"),
        ({"criterion.merged": [["daily", "pure"], ["pure", "drama"]]}, "criterion.merged has 'pure' 2 times; list it once"),
        ({"criterion.columns": ["colour"]}, "criterion.columns has 'colour'; data/raw/titles.parquet has title, "),
        ({"cluster.engine": "ray"}, "cluster: engine ray needs cluster.address, the cluster's host:port"),
    ],
)  # fmt: skip
def test_a_wrong_param_is_one_line_with_a_remedy(lines, values, line):
    printed = lines(values)
    assert sum(line in text for text in printed) == 1, printed
    assert all(text.startswith("params.yaml: ") and "\n" not in text for text in printed)


def numbers(values: Any, key: tuple = ()) -> Iterator[tuple]:
    """The keys of all numbers in nested dicts and lists."""
    if isinstance(values, dict | list):
        for name, item in values.items() if isinstance(values, dict) else enumerate(values):
            yield from numbers(item, (*key, name))
    elif isinstance(values, int | float) and not isinstance(values, bool):
        yield key


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_no_number_may_be_nan_or_infinite(value):
    repository = params.load(REPOSITORY / "params.yaml")
    for *sections, key in numbers(repository):
        values = deepcopy(repository)
        section = values
        for name in sections:
            section = section[name]
        section[key] = value
        lines = {line for model in MODELS for line in params.model_complaints(model, values)}
        assert len(lines) == 1, (sections, key, lines)
        assert str(value) in lines.pop()


def test_a_missing_ray_is_named(lines, monkeypatch):
    monkeypatch.setattr("workflow.check.find_spec", lambda name: None)
    assert lines({"cluster.engine": "ray", "cluster.address": "host:6379"}) == [
        "params.yaml: cluster.engine is ray, which is not installed; set it to local, "
        "or install the extra `ray` of pyproject.toml"
    ]


def test_genres_of_experiments_that_label_genres_lacks_are_a_note_and_no_complaint(set_params):
    set_params({"criterion.merged": [["daily", "comedy"], ["horror", "drama"]], "pairs.which": [["daily", "comedy"]]})
    assert findings(Path("params.yaml"), MODELS) == [
        "params.yaml: note: pairs.which has comedy, which label.genres lacks; the stage pairs leaves ['daily', 'comedy'] out",
        "params.yaml: note: criterion.merged has comedy, horror, which label.genres lacks; the stage criterion leaves them out",
    ]


def test_a_link_in_place_of_an_output_folder_is_a_complaint(lines, workspace):
    (workspace / "models").symlink_to(workspace)
    (line,) = lines({})
    assert line.startswith(f"models is a link to {workspace}, ")


def test_complaints_about_the_pictures_come_with_those_about_keys(lines, workspace):
    folder = workspace / "data/pictures/daily"
    folder.mkdir(parents=True)
    (folder / "1.png").touch()
    printed = lines(
        {"crawl.source": "folder", "label.genres": ["daily", "pure"], "train.epochs": "many", "split.seed": "x"}
    )
    assert [line.split()[1] for line in printed] == ["split.seed", "train.epochs", "label.genres", "label.genres:"]


def test_all_complaints_are_printed_once_each_and_the_exit_code_is_1(set_params, workspace):
    set_params({"train.epochs": "many", "head.dropout": 2, "label.genres": 3, "pairs.which": 3.5, "resize.side": 64})
    (workspace / "dvc.yaml").write_bytes((REPOSITORY / "dvc.yaml").read_bytes())
    result = Clone(workspace).run("python -m workflow.check", PYTHONPATH=str(REPOSITORY))
    keys = [line.split()[1] for line in result.stdout.splitlines()]
    assert sorted(keys) == ["head.dropout", "label.genres", "pairs.which", "train.epochs"]
    assert (result.returncode, result.stderr) == (1, "check: params.yaml has 4 complaints; nothing was run\n")


def test_a_file_without_yaml_is_one_line(workspace):
    (workspace / "params.yaml").write_text("a: [1\n")
    (workspace / "dvc.yaml").write_bytes((REPOSITORY / "dvc.yaml").read_bytes())
    result = Clone(workspace).run("python -m workflow.check", PYTHONPATH=str(REPOSITORY))
    assert result.returncode == 1
    assert result.stderr.startswith("check: params.yaml is no YAML: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.slow  # imports keras
def test_constants_of_backbones_are_read_without_an_import():
    for name in backbone_names():
        module = load_architecture(name)
        for key in ("SMALLEST_SIDE", "HASH", "URL"):
            assert constant(name, key) == getattr(module, key)


def test_a_check_imports_no_slow_library():
    program = "import sys, workflow.check as check; check.complaints(check.paths.PARAMS, check.stage_models(check.paths.GRAPH));"
    slow = ["tensorflow", "keras", "great_expectations", "sklearn", "ray"]
    program += f"print([name for name in {slow} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
