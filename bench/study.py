"""A study in a temporary copy of the working tree: params, `dvc repro`, and a table of what it measures, a column for each kind of weights.

The copy has an empty DVC cache and no products of earlier runs. The repository itself stays as it is.
"""

import json
import logging
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from ruamel.yaml import YAML

from bench.project import GIT
from webtoon_genre.core import params, paths
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.wording import count
from webtoon_genre.evaluation import bootstrap
from webtoon_genre.features.backbone import backbone_names
from webtoon_genre.features.weights import hash_of
from workflow.verify import dvc_environment

REPOSITORY = Path(__file__).parents[1]
PRODUCTS = (
    "dvc.lock",
    "metrics/",
    "plots/",
    "MODEL_CARD.md",
    "DATA_CARD.md",
    "data/",
)  # of a run, among the files in git
STDERR = 2  # its descriptor
RANDOM = {"pretrained.weights": "random", "pretrained.hash": None}
POOLS = {"style": "layer statistics − top layer", "gram": "Gram statistics − top layer"}
SAMPLES = {"test": "", "unseen": "left-out vendor: "}  # the samples that bench/study_scores.py scores
Backbones = Annotated[
    list[str] | None, typer.Option("--backbone", help="A run for each; without it, the first of train.backbones.")
]
WEIGHTS_HELP = "Beside random weights: imagenet, or a path or URL, in which {backbone} is replaced."
Weights = Annotated[str | None, typer.Option(help=WEIGHTS_HELP)]
Hashes = Annotated[
    list[str] | None, typer.Option("--hash", help="md5:... or sha256:... of the weights, one for each --backbone.")
]
Targets = Annotated[list[str] | None, typer.Option("--target", help="Stages to run, with those that they need.")]
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Study:
    """A name, params by dotted key, stages to run, and a folder of pictures by a vendor that no model has seen, if any."""

    name: str
    params: Mapping[str, Any]
    targets: Sequence[str]
    unseen: Path | None = None


Columns = Mapping[str, Mapping[str, Any]]  # params by the name of the column


def weights_columns(backbones: Sequence[str], weights: str | None, hashes: Sequence[str]) -> dict[str, Columns]:
    """The columns of each backbone: random weights and, where `weights` names some, real ones; InputError where these cannot be used."""
    if unknown := [name for name in backbones if name not in backbone_names()]:
        raise InputError(f"--backbone is {unknown[0]!r}; one of {', '.join(backbone_names())}")
    needed = 0 if weights in (None, "imagenet") else len(backbones)
    if len(hashes) != needed:
        whose = f"one for each of {', '.join(backbones)}" if needed else f"--weights is {weights}"
        raise InputError(f"--hash is given {count(len(hashes), 'time')}, needed: {needed} ({whose})")
    columns: dict[str, Columns] = {}
    for number, backbone in enumerate(backbones):
        known_hash = hashes[number] if hashes else None
        real = {} if weights is None else {"real": real_weights(backbone, weights, known_hash)}
        columns[backbone] = {"random": RANDOM, **real}
    return columns


def real_weights(backbone: str, weights: str, known_hash: str | None) -> dict[str, Any]:
    """The params of real weights; a path becomes absolute, since the study runs in another folder."""
    if weights == "imagenet" or "://" in weights:
        return {"pretrained.weights": weights, "pretrained.hash": known_hash}
    location = str(Path(weights).expanduser().absolute())
    file = location.replace("{backbone}", backbone)
    hash_of(backbone, file, known_hash)  # a malformed one is an error before the study begins
    if not Path(file).is_file():
        raise InputError(f"--weights: {file} is no file; name one, a URL or imagenet")
    return {"pretrained.weights": location, "pretrained.hash": known_hash}


def default_backbones() -> list[str]:
    """The first of train.backbones."""
    return params.load(REPOSITORY / paths.PARAMS)["train"]["backbones"][:1]


def source_files() -> list[str]:
    """The files that git tracks or would add, without products of a run."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.split("\0")
    return [name for name in names if (REPOSITORY / name).is_file() and not name.startswith(PRODUCTS)]


@contextmanager
def working_copy() -> Iterator[Path]:
    """A temporary copy of the working tree, as a repository of one commit."""
    with tempfile.TemporaryDirectory(prefix="bench-study-") as parent:
        folder = Path(parent) / "webtoon-genre"
        for name in source_files():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, folder / name)
        commit = [*GIT, "commit", "--quiet", "--no-verify", "--message", "study"]  # DVCLive needs one
        for command in (["git", "init", "--quiet"], ["git", "add", "--all"], commit):
            subprocess.run(command, cwd=folder, check=True)
        yield folder


def set_params(folder: Path, values: Mapping[str, Any]) -> None:
    """Set params by dotted key."""
    yaml = YAML()
    document = yaml.load(folder / paths.PARAMS)
    for name, value in values.items():
        *sections, key = name.split(".")
        section = document
        for part in sections:
            section = section[part]
        section[key] = value
    yaml.dump(document, folder / paths.PARAMS)


def run_module(folder: Path, *arguments: str) -> None:
    """Run `python -m` in `folder`, its output on stderr; InputError where it fails."""
    command, environment = [sys.executable, "-m", *arguments], dvc_environment(folder)
    if subprocess.run(command, cwd=folder, env=environment, stdout=STDERR).returncode:
        raise InputError(f"{' '.join(arguments)} failed in the copy of the repository; the lines above give the reason")


def run_study(study: Study, columns_of: Mapping[str, Columns]) -> Iterator[str]:
    """Run a study with each backbone and its weights; yield a table for each backbone."""
    with working_copy() as folder:
        set_params(folder, study.params)
        for backbone, columns in columns_of.items():
            results = {}
            for name, values in columns.items():
                log.info("%s, %s, %s weights: dvc repro %s", study.name, backbone, name, " ".join(study.targets))
                set_params(folder, {"train.backbones": [backbone], **values})
                run_module(folder, "dvc", "repro", *study.targets)
                run_module(
                    folder, "bench.study_scores", backbone, *(["--unseen", str(study.unseen)] if study.unseen else [])
                )
                results[name] = measures(read_metrics(folder / paths.METRICS), backbone)
            yield table(f"{study.name}, {backbone}", results)


def read_metrics(folder: Path) -> dict[str, Any]:
    """The metrics of all stages that are one file, by stage."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def measures(metrics: Mapping[str, Any], backbone: str) -> dict[str, str]:
    """What a study measures on test images, with intervals over titles, by name; stages that did not run are left out."""
    rows = {"largest class": accuracy(metrics["baseline"]["majority"]["test"])}
    for sample, prefix in SAMPLES.items():
        if scores := metrics["study_scores"].get(sample):
            rows[f"{prefix}colour histogram"] = accuracy(scores["colour_histogram"])
            rows[f"{prefix}backbone"] = accuracy(scores["backbone"])
            rows[f"{prefix}backbone − colour histogram"] = bootstrap.describe(scores["difference"])
    if "style" in metrics:
        pools = metrics["style"]["backbones"][backbone]
        rows |= {name: bootstrap.describe(pools[pool]["against_top"]["accuracy"]) for pool, name in POOLS.items()}
    if "leakage" in metrics:
        rows["random split − titles apart"] = leakage(metrics["leakage"])
    if "finetune" in metrics:
        rows["models/best"] = accuracy(metrics["finetune"]["best"]["test"])
    return rows | {name: values["outcome"] for name, values in metrics.items() if is_other_experiment(name, values)}


def is_other_experiment(name: str, values: Mapping[str, Any]) -> bool:
    """Whether a stage is an experiment without rows of its own."""
    return "outcome" in values and name not in ("style", "leakage")


def accuracy(scores: Mapping[str, Any]) -> str:
    """An accuracy with its interval."""
    return bootstrap.format_value(scores["accuracy"], scores["accuracy_interval"], scores["groups"])


def leakage(metrics: Mapping[str, Any]) -> str:
    """The difference that a random split makes, or why none can be measured."""
    return bootstrap.describe(metrics["leakage"]["accuracy"]) if "leakage" in metrics else metrics["outcome"]


def table(title: str, results: Mapping[str, Mapping[str, str]]) -> str:
    """A table in Markdown under a title: a row for each measure, a column for each of `results`."""
    names = list(dict.fromkeys(name for rows in results.values() for name in rows))
    lines = [f"| {title} | {' | '.join(results)} |", f"|---|{'---|' * len(results)}"]
    for name in names:
        lines.append(f"| {name} | {' | '.join(rows.get(name, '') for rows in results.values())} |")
    return "\n".join(lines)
