"""Does params.yaml fit every stage? Read as each stage reads it, without running any.

Reads:  params.yaml, and the params models of the stages that dvc.yaml names
Writes: a line for each complaint, and exit code 1 if there is one
"""

from importlib import import_module
from pathlib import Path

import typer
from ruamel.yaml import YAML

from webtoon_genre.core import params
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError


def complaints(path: Path, stages: list[str]) -> list[str]:
    """What stages would say of a params file; what several say stands once, in the order of the stages."""
    found = {}
    for stage in stages:
        try:
            params.read(import_module(f"stages.{stage}").Params, path)
        except InputError as error:
            found[str(error)] = stage
    return list(found)


def main() -> None:
    """Read params.yaml as each stage does."""
    graph = YAML(typ="safe").load(Path("dvc.yaml").read_text(encoding="utf-8"))
    found = complaints(Path("params.yaml"), list(graph["stages"]))
    for line in found:
        typer.echo(line)
    if found:
        raise InputError(f"params.yaml fits not every stage ({len(found)} complaints)")


if __name__ == "__main__":
    run(main, "settings", "workflow")
