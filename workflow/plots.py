"""The page of `dvc plots` without a network: DVC's charts and Vega's scripts in one file.

Reads:  .servers/node_modules/ (Vega, installed by `make plots`), and the plots of dvc.yaml
Writes: .servers/plots.html, the template of DVC's page with the scripts in it; dvc_plots/index.html, by DVC

DVC's own page loads these scripts from the web, and draws no chart where it cannot. A template without the placeholder `{scripts}`
loads none. `dvc config --local plots.html_template ../.servers/plots.html` makes every `dvc plots` use it in this clone.
"""

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import write_text

PACKAGES = Path(".servers/node_modules")
TEMPLATE = Path(".servers/plots.html")
SCRIPTS = ("vega", "vega-lite", "vega-embed")  # in the order in which each needs those before it
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Plots</title>
{refresh_tag}
<style>body { font: 15px/1.5 sans-serif; margin: 1em } body > div { margin-bottom: 2em }</style>
SCRIPTS
</head>
<body>
{plot_divs}
</body>
</html>
"""


def page_template(packages: Path) -> str:
    """The template of DVC's page, with the scripts of a folder of npm packages."""
    return PAGE.replace("SCRIPTS", "\n".join(script_element(packages, name) for name in SCRIPTS))


def script_element(packages: Path, name: str) -> str:
    """The script of one npm package as an HTML element."""
    path = packages / name / "build" / f"{name}.min.js"
    if not path.is_file():
        raise InputError(f"{path} is not there; `make plots` installs it from npm")
    script = path.read_text(encoding="utf-8").replace(
        "</script", r"<\/script"
    )  # the same string, which does not end the element
    return f"<script>{script}</script>"


def dvc_command(revisions: list[str], template: Path) -> list[str]:
    """The command of DVC that writes the page: of the workspace, or of `revisions` beside each other."""
    action = ["diff", *revisions] if revisions else ["show"]
    return [sys.executable, "-m", "dvc", "plots", *action, "--html-template", str(template)]


def main(revisions: Annotated[list[str] | None, typer.Argument()] = None) -> None:
    """Write dvc_plots/index.html, which opens without a network; REVISIONS are compared."""
    write_text(TEMPLATE, page_template(PACKAGES))
    sys.exit(subprocess.run(dvc_command(revisions or [], TEMPLATE)).returncode)


if __name__ == "__main__":
    run(main, "plots", "workflow")
