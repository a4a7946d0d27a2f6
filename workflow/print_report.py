"""The report as PDF, for paper: headless Chromium prints report/index.html.

Reads:  report/index.html
Writes: report/report.pdf, in no version: it has a date
"""

import os
import shutil
import subprocess
from pathlib import Path

import typer

from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import replacing

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE = 300  # seconds


def find_browser() -> str:
    """The path of the first of BROWSERS that is installed."""
    for name in BROWSERS:
        if path := shutil.which(name):
            return path
    raise InputError(
        f"no browser prints the report: none of {', '.join(BROWSERS)} is installed; `make servers` does it"
    )


def print_page(page: Path, target: Path) -> None:
    """Print a page as PDF."""
    if not page.is_file():
        raise InputError(f"{page} is not there; `dvc repro report` makes it")
    options = ["--headless", "--disable-gpu", "--no-pdf-header-footer", "--hide-scrollbars"]
    if os.geteuid() == 0:
        options.append("--no-sandbox")  # Chromium refuses to run as root with it
    with replacing(target) as part:
        command = [find_browser(), *options, f"--print-to-pdf={part.resolve()}", page.resolve().as_uri()]
        result = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
        if result.returncode or not part.is_file():
            lines = result.stderr.strip().splitlines() or ["no message"]
            raise InputError(f"{command[0]} did not print {page}: {lines[-1]}")


def main() -> None:
    """Print the report as PDF."""
    target = paths.REPORT.with_name("report.pdf")
    print_page(paths.REPORT, target)
    typer.echo(f"report: {paths.REPORT}, {target}")


if __name__ == "__main__":
    run(main, "report", "workflow")
