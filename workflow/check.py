"""Check params.yaml before anything runs: against the params model of every stage, and its sections against each other.

Reads:  params.yaml, the stages that dvc.yaml names and their params models, the sources of the backbones' modules; imports no TensorFlow
Writes: one line for each complaint, with what to do, and exit code 1 if there is one
"""

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.util import find_spec
from inspect import signature
from pathlib import Path
from typing import Any

import typer
from pydantic import ValidationError
from ruamel.yaml import YAML

from stages.criterion import Criterion
from stages.finetune import Finetune
from stages.handling import Handling
from stages.label import Label
from stages.pairs import Pairs
from stages.pretrained import Pretrained
from stages.resize import Resize
from stages.style import Style
from stages.train import Train
from stages.validate import Validate
from webtoon_genre.core import params, paths
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.crawl.sources.folder import MANIFEST
from webtoon_genre.crawl.sources.naver import PLACEHOLDER
from webtoon_genre.data.tables import TITLES
from webtoon_genre.demo_site.census import THUMBNAILS
from webtoon_genre.experiments.probe import ProbeParams
from webtoon_genre.features.backbone import architecture_file, backbone_names
from webtoon_genre.features.weights import KEYWORDS, weights_source
from workflow.graph import stage_params

NOT_CLASSES = ("title_id", "authors", "genres")  # columns of titles.parquet that criterion.columns cannot name
Models = list[type[params.ParamsFile]]


def complaints(path: Path, models: Models) -> list[str]:
    """All complaints about a params file, each listed once: first those of single keys, in the order of the stages."""
    values = params.load(path)
    lines = [*unknown_sections(values, models), *(line for model in models for line in model_complaints(model, values))]
    keys = {line.split()[0] for line in lines}
    lines += [line for line in repeated_items(values) if line.split()[0] not in keys]
    lines += cross_complaints(valid_sections(values, models))
    return [f"{path}: {line}" for line in dict.fromkeys(lines)]


def stage_models(graph: Path) -> Models:
    """The params models of the stages in dvc.yaml."""
    return [stage_params(stage) for stage in YAML(typ="safe").load(graph.read_text(encoding="utf-8"))["stages"]]


def unknown_sections(values: dict[str, Any], models: Models) -> Iterator[str]:
    """Top-level keys that no stage reads."""
    known = {field.alias or key for model in models for key, field in model.model_fields.items()}
    for key in values:
        if key not in known:
            yield f"{params.describe_unknown_key(key, known)}; known at the top level: {params.listing(known)}"


def model_complaints(model: type[params.ParamsFile], values: dict[str, Any]) -> list[str]:
    """The complaints of one stage."""
    try:
        model.model_validate(values)
    except ValidationError as error:
        return [params.complaint(model, detail) for detail in error.errors()]
    return []


def repeated_items(values: Any, key: str = "") -> Iterator[str]:
    """Items that a list has twice, anywhere in the file: a stage or a trial would run twice under one name."""
    if isinstance(values, dict):
        for name, value in values.items():
            yield from repeated_items(value, f"{key}.{name}".lstrip("."))
    elif isinstance(values, list):
        for position, item in enumerate(values):
            if item in values[:position]:
                yield f"{key} lists {item!r} twice; list it once"


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
    """The complaints of CHECKS; a check whose sections are not all valid is left out."""
    for check in CHECKS:
        names = list(signature(check).parameters)
        if all(name in sections for name in names):
            yield from check(**{name: sections[name] for name in names})


def check_train(train: Train) -> Iterator[str]:
    """Is each of train.backbones a backbone?"""
    for name in train.backbones:
        if name not in backbone_names():
            yield f"train.backbones has {name!r}; webtoon_genre/backbones has {', '.join(backbone_names())}"


def check_grid_backbones(handling: Handling, train: Train) -> Iterator[str]:
    """Are the grid's backbones among train.backbones?"""
    return untrained("handling.grid.backbones has", handling.grid.backbones, train)


def check_experiment_backbone(experiments: ProbeParams, train: Train) -> Iterator[str]:
    """Is the experiments' backbone among train.backbones?"""
    return untrained("experiments.backbone is", [experiments.backbone], train)


def check_style_backbone(style: Style, train: Train) -> Iterator[str]:
    """Is the backbone of style among train.backbones?"""
    return untrained("style.backbone is", [style.backbone], train)


def untrained(key: str, names: Iterable[str], train: Train) -> Iterator[str]:
    """Backbones without weights and features, because train.backbones lacks them."""
    for name in names:
        if name not in train.backbones:
            yield f"{key} {name!r}, which is not in train.backbones; set it to one of {', '.join(train.backbones)}"


def check_side(resize: Resize, train: Train) -> Iterator[str]:
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


def check_numbers(train: Train, handling: Handling, finetune: Finetune, experiments: ProbeParams) -> Iterator[str]:
    """Are the numbers in lists large enough? How many layers a backbone has is not known here."""
    least: dict[str, tuple[Sequence[Any], int]] = {
        "train.unfreeze": ([train.unfreeze], 0),
        "handling.grid.unfreeze": (handling.grid.unfreeze, 0),
        "handling.grid.units": (handling.grid.units, 1),
        "finetune.unfreeze": (finetune.unfreeze, 0),
        "experiments.seeds": (experiments.seeds, 0),
    }
    for key, (numbers, bound) in least.items():
        for number in numbers:
            if number != "all" and number < bound:
                yield f"{key} has {number}; it must be {bound} at least"
    for rate in handling.grid.lr:
        if rate <= 0:
            yield f"handling.grid.lr has {rate}; a learning rate is above 0"


def check_engine(handling: Handling) -> Iterator[str]:
    """Is Ray installed where the grid needs it?"""
    if handling.engine == "ray" and find_spec("ray") is None:
        yield "handling.engine is ray, which is not installed; set it to local, or install the extra `ray` of pyproject.toml"


def check_source(crawl: Any) -> Iterator[str]:
    """Can the source be crawled?"""
    if crawl.source == "folder" and not Path(crawl.folder.path).is_dir():
        yield f"crawl.folder.path is {crawl.folder.path!r}, which is no folder; create it and put <label>/<files> into it"
    if crawl.source == "naver" and PLACEHOLDER in crawl.user_agent:
        yield f"crawl.user_agent is {crawl.user_agent!r}; put a contact address for the site into it"


def check_genres(label: Label, crawl: Any) -> Iterator[str]:
    """Does the source have every genre of label.genres? Which ones a folder's manifest or the site's other lists have is not known here."""
    key, genres = source_genres(crawl)
    for genre in label.genres:
        if genres and genre not in genres:
            yield f"label.genres has {genre!r}, of which there will be no picture; {key} has {', '.join(genres)}"


def source_genres(crawl: Any) -> tuple[str, list[str]]:
    """What lists the genres of the source, and the genres; none where they are not known before the crawl."""
    if crawl.source == "demo":
        return "the demo site", list(THUMBNAILS)
    if crawl.source == "naver" and crawl.naver.lists == ["genre"]:
        return "crawl.naver.genres", crawl.naver.genres
    folder = Path(crawl.folder.path)
    if crawl.source == "folder" and folder.is_dir() and not (folder / MANIFEST).exists():
        return str(folder), sorted(path.name for path in folder.iterdir() if path.is_dir())
    return "", []


def check_shares(label: Label, validate: Validate) -> Iterator[str]:
    """Can the shares of all genres lie between both bounds?"""
    fair = 1 / len(label.genres)
    if validate.min_share > fair:
        yield f"validate.min_share is {validate.min_share}; with {len(label.genres)} genres it must be {fair:.3g} at most"
    if validate.max_share < fair:
        yield f"validate.max_share is {validate.max_share}; with {len(label.genres)} genres it must be {fair:.3g} at least"


def check_pairs(label: Label, pairs: Pairs) -> Iterator[str]:
    """Does pairs.which give a number of pairs, or pairs of genres?"""
    if isinstance(pairs.which, int) and pairs.which < 1:
        yield f"pairs.which is {pairs.which}; give all, a number of pairs from 1, or a list of pairs"
    for pair in pairs.which if isinstance(pairs.which, list) else []:
        if len(pair) != 2 or len(set(pair)) != 2 or not set(pair) <= set(label.genres):
            yield f"pairs.which has {pair}; give two different genres of {', '.join(label.genres)}"


def check_merged(label: Label, criterion: Criterion) -> Iterator[str]:
    """Does criterion.merged name genres, and each of them once?"""
    genres = [genre for group in criterion.merged for genre in group]
    for genre in dict.fromkeys(genres):
        if genre not in label.genres or genres.count(genre) > 1:
            yield f"criterion.merged has {genre!r}; give genres of {', '.join(label.genres)}, each once"


def check_columns(criterion: Criterion) -> Iterator[str]:
    """Does criterion.columns name columns of titles.parquet?"""
    columns = [name for name in TITLES.names if name not in NOT_CLASSES]
    for name in criterion.columns:
        if name not in columns:
            yield f"criterion.columns has {name!r}; {paths.TITLES} has {', '.join(columns)}"


CHECKS: tuple[Callable[..., Iterator[str]], ...] = (
    check_source,
    check_genres,
    check_shares,
    check_train,
    check_grid_backbones,
    check_experiment_backbone,
    check_style_backbone,
    check_side,
    check_weights,
    check_numbers,
    check_engine,
    check_pairs,
    check_merged,
    check_columns,
)


def main() -> None:
    """Check params.yaml and print every complaint."""
    models = stage_models(paths.GRAPH)
    lines = complaints(paths.PARAMS, models)
    for line in lines:
        typer.echo(line)
    if lines:
        raise InputError(f"{paths.PARAMS} has {len(lines)} complaints; nothing was run")
    typer.echo(f"{paths.PARAMS} fits all {len(models)} stages")


if __name__ == "__main__":
    run(main, "check", "workflow")
