"""Check params.yaml before anything runs: against the params models of all stages, its sections against each other, and the pictures.

Reads:  params.yaml, the stages that dvc.yaml names and their params models, the sources of the backbones' modules, the names of the
        pictures of the source `folder`; imports no TensorFlow
Writes: one line for each complaint, with what to do, and exit code 1 if there is one; otherwise metrics/check.json, always the same,
        on which the first stages depend: under `dvc repro` and `dvc exp run` this module is the stage `check`
"""

import ast
import os
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from inspect import signature
from pathlib import Path
from typing import Any

import typer
from pydantic import ValidationError
from ruamel.yaml import YAML

from stages.criterion import Criterion
from stages.label import Label
from stages.pairs import Pairs
from stages.pretrained import Pretrained
from stages.train import Train
from stages.validate import Validate
from webtoon_genre.cluster.params import ClusterParams
from webtoon_genre.core import params, paths
from webtoon_genre.core.command import run
from webtoon_genre.core.complaints import describe_unknown
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import write_json
from webtoon_genre.core.wording import count
from webtoon_genre.crawl.sources.naver import PLACEHOLDER
from webtoon_genre.data.resizing import ResizeParams
from webtoon_genre.data.splits import SplitParams
from webtoon_genre.data.tables import TITLES
from webtoon_genre.demo_site.census import THUMBNAILS
from webtoon_genre.features.backbone import architecture_file, backbone_names
from webtoon_genre.features.weights import KEYWORDS, weights_source
from workflow.check_folder import NOTE, folder_lines, missing_genres
from workflow.check_outputs import linked_outputs, pictures_in_output
from workflow.graph import stage_names, stage_params

NOT_CLASSES = ("title_id", "authors", "genres")  # columns of titles.parquet that criterion.columns cannot name
Models = list[type[params.ParamsFile]]


def complaints(path: Path, models: Models) -> list[str]:
    """All complaints about a params file, without the notes."""
    return [line for line in findings(path, models) if f": {NOTE}" not in line]


def findings(path: Path, models: Models) -> list[str]:
    """All complaints and notes, each listed once: first those of single keys, in the order of the stages."""
    values = params.load(path)
    lines = [*unknown_sections(values, models)]
    lines += [line for model in models for line in params.model_complaints(model, values)]
    lines += cross_complaints(valid_sections(values, models))
    return [*linked_outputs(), *(f"{path}: {line}" for line in dict.fromkeys(lines))]


def stage_models(graph: Path) -> Models:
    """The params models of the stages in dvc.yaml."""
    stages = stage_names(YAML(typ="safe").load(graph.read_text(encoding="utf-8")))
    return [stage_params(stage) for stage in stages]


def unknown_sections(values: dict[str, Any], models: Models) -> Iterator[str]:
    """Top-level keys that no stage reads."""
    known = {field.alias or key for model in models for key, field in model.model_fields.items()}
    for key in values:
        if key not in known:
            yield describe_unknown(key, known, params.all_keys())


def valid_sections(values: dict[str, Any], models: Models) -> dict[str, params.Section]:
    """The sections of the file that fit their models, by key."""
    sections = {}
    for name, field in (item for model in models for item in model.model_fields.items()):
        key, section = field.alias or name, field.annotation
        if isinstance(section, type) and issubclass(section, params.Section) and key in values:
            try:
                sections[key] = section.model_validate(values[key])
            except ValidationError:
                continue
    return sections


def cross_complaints(sections: dict[str, params.Section]) -> Iterator[str]:
    """The complaints of CHECKS; a check is left out where a section that has no default is not valid."""
    for check in CHECKS:
        parameters = signature(check).parameters.values()
        if all(parameter.name in sections or parameter.default is None for parameter in parameters):
            yield from check(**{parameter.name: sections.get(parameter.name) for parameter in parameters})


def check_train(train: Train) -> Iterator[str]:
    """Is each of train.backbones a backbone?"""
    for name in train.backbones:
        if name not in backbone_names():
            yield f"train.backbones has {name!r}; webtoon_genre/backbones has {', '.join(backbone_names())}"


def check_side(resize: ResizeParams, train: Train) -> Iterator[str]:
    """Are the images large enough for every backbone?"""
    for name in known_backbones(train):
        if resize.side < (smallest := constant(name, "SMALLEST_SIDE")):
            yield f"resize.side is {resize.side}: {name} needs at least {smallest} pixels"


def check_weights(pretrained: Pretrained, train: Train) -> Iterator[str]:
    """Have all backbones weights with a hash, and do local files exist?"""
    for name in known_backbones(train):
        if pretrained.weights == "imagenet" and constant(name, "HASH") is None:
            yield (
                f"pretrained.weights is imagenet: {name} has no published checksum; set it to "
                f"{constant(name, 'URL')} with a pretrained.hash that you trust, or to random"
            )
            continue
        try:
            source = weights_source(name, pretrained.weights, pretrained.hash) if needs_hash(pretrained) else None
        except InputError as error:
            yield str(error)
            continue
        if source is not None and "://" not in source[0] and not Path(source[0]).expanduser().is_file():
            yield f"pretrained.weights names {source[0]}, which is no file; set it to a file, a URL, imagenet or random"


def needs_hash(pretrained: Pretrained) -> bool:
    """Are the weights a file, or is there a hash that keywords do not take?"""
    return pretrained.weights not in KEYWORDS or pretrained.hash is not None


def known_backbones(train: Train) -> list[str]:
    """Those of train.backbones that exist."""
    return [name for name in dict.fromkeys(train.backbones) if name in backbone_names()]


def constant(backbone: str, name: str) -> Any:
    """A constant of a backbone's module, from its source: importing the module would import TensorFlow."""
    for node in ast.parse(architecture_file(backbone).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            return ast.literal_eval(node.value)
    raise AssertionError(f"webtoon_genre/backbones/{backbone}.py defines no {name}")


def check_engine(cluster: ClusterParams) -> Iterator[str]:
    """Is Ray installed where a cluster is used?"""
    if cluster.engine == "ray" and find_spec("ray") is None:
        yield "cluster.engine is ray, which is not installed; set it to local, or install the extra `ray` of pyproject.toml"


def check_source(crawl: Any) -> Iterator[str]:
    """Can the source be crawled?"""
    if crawl.source == "folder":
        yield from pictures_in_output(crawl.folder.path)
    if crawl.source == "naver" and PLACEHOLDER in crawl.user_agent:
        yield f"crawl.user_agent is {crawl.user_agent!r}; put a contact address for the site into it"


def check_genres(
    label: Label, crawl: Any, split: SplitParams | None = None, validate: Validate | None = None
) -> Iterator[str]:
    """Does the source have every genre of label.genres, and a folder enough pictures? What a site's other lists have is not known here."""
    if crawl.source == "folder":
        yield from folder_lines(crawl.folder.path, label, split, validate)
    elif crawl.source == "demo":
        yield from missing_genres("the demo site", label.genres, list(THUMBNAILS))
    elif crawl.naver.lists == ["genre"]:
        yield from missing_genres("crawl.naver.genres", label.genres, crawl.naver.genres)


def check_pairs(label: Label, pairs: Pairs) -> Iterator[str]:
    """Does pairs.which give a number of pairs, or pairs of genres?"""
    if isinstance(pairs.which, int) and pairs.which < 1:
        yield f"pairs.which is {pairs.which}; give all, a number of pairs from 1, or a list of pairs"
    for pair in pairs.which if isinstance(pairs.which, list) else []:
        if len(pair) != 2 or len(set(pair)) != 2:
            yield f"pairs.which has {pair}; give two different genres of {', '.join(label.genres)}"
        elif others := [genre for genre in pair if genre not in label.genres]:
            yield f"{NOTE}pairs.which has {', '.join(others)}, which label.genres lacks; the stage pairs leaves {pair} out"


def check_merged(label: Label, criterion: Criterion) -> Iterator[str]:
    """Does criterion.merged name each genre once? Groups of other genres are left out by the stage."""
    genres = [genre for group in criterion.merged for genre in group]
    for genre in dict.fromkeys(genres):
        if genres.count(genre) > 1:
            yield f"criterion.merged has {genre!r} {genres.count(genre)} times; list it once"
    if others := [genre for genre in dict.fromkeys(genres) if genre not in label.genres]:
        yield f"{NOTE}criterion.merged has {', '.join(others)}, which label.genres lacks; the stage criterion leaves them out"


def check_columns(criterion: Criterion) -> Iterator[str]:
    """Does criterion.columns name columns of titles.parquet?"""
    columns = [name for name in TITLES.names if name not in NOT_CLASSES]
    for name in criterion.columns:
        if name not in columns:
            yield f"criterion.columns has {name!r}; {paths.TITLES} has {', '.join(columns)}"


CHECKS: tuple[Callable[..., Iterator[str]], ...] = (
    check_source,
    check_genres,
    check_train,
    check_side,
    check_weights,
    check_engine,
    check_pairs,
    check_merged,
    check_columns,
)


def main() -> None:
    """Check params.yaml and print every complaint."""
    if paths.PARAMS.is_file():
        # `dvc exp run -S` writes it in the second in which git recorded it; at an equal size git would take it for unchanged
        os.utime(paths.PARAMS)
    models = stage_models(paths.GRAPH)
    report = findings(paths.PARAMS, models)
    for line in report:
        typer.echo(line)
    lines = [line for line in report if f": {NOTE}" not in line]
    if lines:
        raise InputError(f"{paths.PARAMS} has {count(len(lines), 'complaint')}; nothing was run")
    write_json(paths.metrics("check"), {"complaints": 0})
    typer.echo(f"{paths.PARAMS} fits all {len(models)} stages")


if __name__ == "__main__":
    run(main, "check", "workflow")
