"""Command of the demo site: `serve` it to a browser, or write a contact `sheet` of its thumbnails."""

import asyncio
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.demo_site import sheet as contact_sheet
from webtoon_genre.demo_site.site import LOOPBACK, open_listener, serve_forever
from webtoon_genre.demo_site.timetable import STUDY_END
from webtoon_genre.demo_site.world import World

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
Scale = Annotated[float, typer.Option(help="Share of the study's 82,549 thumbnails, at most 1.")]
Seed = Annotated[int, typer.Option(help="Seed of the site's content.")]


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="0 takes a free port.")] = 0,
    scale: Scale = 0.01,
    seed: Seed = 2022,
    mislabelled: Annotated[float, typer.Option(help="Share of titles with a wrong genre, below 1.")] = 0.0,
    as_of: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Day of the site's content.")] = datetime(
        STUDY_END.year, STUDY_END.month, STUDY_END.day
    ),
) -> None:
    """Serve the site on loopback until Ctrl-C, and print its address."""
    world = create_world(seed, scale, as_of.date(), mislabelled)
    with open_listener(port) as listener:
        typer.echo(f"http://{LOOPBACK}:{listener.getsockname()[1]}/   (Ctrl-C ends it)")
        asyncio.run(serve_forever(world, listener))


@app.command()
def sheet(
    target: Annotated[Path, typer.Argument(metavar="OUT.png")],
    columns: Annotated[int, typer.Option(help="Thumbnails per genre.")] = 8,
    scale: Scale = 0.01,
    seed: Seed = 2022,
) -> None:
    """Write a contact sheet: one row per genre, with thumbnails of several titles."""
    contact_sheet.write(target, create_world(seed, scale, STUDY_END), columns)


def create_world(seed: int, scale: float, as_of: date, mislabelled: float = 0.0) -> World:
    """Return the world, or raise an InputError for bad arguments."""
    try:
        return World(seed, scale, as_of, mislabelled)
    except ValueError as error:
        raise InputError(str(error)) from None


if __name__ == "__main__":
    run(app, "demo_site", "webtoon_genre")
