"""workflow/check.py: complaints about params.yaml, before anything runs."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.support.tiny_pipeline import Clone
from webtoon_genre.features.backbone import backbone_names, load_architecture
from workflow.check import complaints, constant, stage_models

MODELS = stage_models(REPOSITORY / "dvc.yaml")
HASH = f"md5:{'0' * 32}"
GENRES = "daily, comic, fantasy, action, drama, pure, sensibility, thrill, historical, sports"
TRAINED = "resnet50, inception_v3, vgg16, vgg19"


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
        ({"train.backbones": ["vgg"], "handling.grid.backbones": ["vgg"], "experiments.backbone": "vgg",
          "style.backbone": "vgg"}, "train.backbones has 'vgg'; webtoon_genre/backbones has convnext_tiny, "),
        ({"train.backbones": ["resnet50", "inception_v3", "vgg16", "vgg16"]},
         "train.backbones lists 'vgg16' twice; list it once"),
        ({"handling.grid.backbones": ["mobilenet_v2"]}, "handling.grid.backbones has 'mobilenet_v2', which is not in "
         f"train.backbones; set it to one of {TRAINED}"),
        ({"experiments.backbone": "mobilenet_v2"},
         f"experiments.backbone is 'mobilenet_v2', which is not in train.backbones; set it to one of {TRAINED}"),
        ({"style.backbone": "mobilenet_v2"},
         f"style.backbone is 'mobilenet_v2', which is not in train.backbones; set it to one of {TRAINED}"),
        ({"handling.grid.units": [16, 16]}, "handling.grid.units lists 16 twice; list it once"),
        ({"handling.grid.units": [0]}, "handling.grid.units has 0; it must be 1 at least"),
        ({"handling.grid.unfreeze": [0, -1]}, "handling.grid.unfreeze has -1; it must be 0 at least"),
        ({"handling.grid.lr": [0.0]}, "handling.grid.lr has 0.0; a learning rate is above 0"),
        ({"finetune.unfreeze": [-2]}, "finetune.unfreeze has -2; it must be 0 at least"),
        ({"train.unfreeze": -1}, "train.unfreeze has -1; it must be 0 at least"),
        ({"experiments.seeds": [77, 77]}, "experiments.seeds lists 77 twice; list it once"),
        ({"resize.side": 64}, "resize.side is 64: inception_v3 needs at least 75 pixels"),
        ({"pretrained.weights": "imagenet", "train.backbones": ["mobilenet_v2"],
          "handling.grid.backbones": ["mobilenet_v2"], "experiments.backbone": "mobilenet_v2",
          "style.backbone": "mobilenet_v2"},
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
        ({"label.genres": ["daily", "daily"]}, "label.genres is ['daily', 'daily']: value error, 'daily' "),
        ({"validate.min_share": 0.2}, "validate.min_share is 0.2; with 10 genres it must be 0.1 at most"),
        ({"validate.max_share": 0.05}, "validate.max_share is 0.05; with 10 genres it must be 0.1 at least"),
        ({"pairs.which": [["daily", "comedy"]]},
         f"pairs.which has ['daily', 'comedy']; give two different genres of {GENRES}"),
        ({"pairs.which": [["daily", "daily"]]},
         f"pairs.which has ['daily', 'daily']; give two different genres of {GENRES}"),
        ({"pairs.which": 0}, "pairs.which is 0; give all, a number of pairs from 1, or a list of pairs"),
        ({"criterion.merged": [["daily", "comedy"]]}, f"criterion.merged has 'comedy'; give genres of {GENRES}, each once"),
        ({"criterion.merged": [["daily", "pure"], ["pure", "drama"]]},
         f"criterion.merged has 'pure'; give genres of {GENRES}, each once"),
        ({"criterion.columns": ["colour"]}, "criterion.columns has 'colour'; data/raw/titles.parquet has title, "),
        ({"handling.engine": "ray"}, "engine ray needs handling.address, the cluster's host:port"),
    ],
)  # fmt: skip
def test_a_wrong_param_is_one_line_with_a_remedy(lines, values, line):
    printed = lines(values)
    assert sum(line in text for text in printed) == 1, printed
    assert all(text.startswith("params.yaml: ") and "\n" not in text for text in printed)


def test_a_missing_ray_is_named(lines, monkeypatch):
    monkeypatch.setattr("workflow.check.find_spec", lambda name: None)
    assert lines({"handling.engine": "ray", "handling.address": "host:6379"}) == [
        "params.yaml: handling.engine is ray, which is not installed; set it to local, "
        "or install the extra `ray` of pyproject.toml"
    ]


def test_the_genres_of_a_folder_are_its_subfolders(lines, workspace):
    (workspace / "data/pictures/daily").mkdir(parents=True)
    values = {"crawl.source": "folder", "label.genres": ["daily", "pure"], "criterion.merged": []}
    line = "params.yaml: label.genres has 'pure', of which there will be no picture; data/pictures has daily"
    assert lines(values) == [line]
    (workspace / "data/pictures/manifest.csv").write_text("path,label\n")
    assert lines({}) == []


def test_all_complaints_are_printed_once_each_and_the_exit_code_is_1(set_params, workspace):
    set_params({"train.epochs": "many", "head.dropout": 2, "style.backbone": 3, "pairs.which": 0, "resize.side": 64})
    (workspace / "dvc.yaml").write_bytes((REPOSITORY / "dvc.yaml").read_bytes())
    result = Clone(workspace).run("python -m workflow.check", PYTHONPATH=str(REPOSITORY))
    keys = [line.split()[1] for line in result.stdout.splitlines()]
    assert sorted(keys) == ["head.dropout", "pairs.which", "style.backbone", "train.epochs"]
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
