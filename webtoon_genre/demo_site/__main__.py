"""The embedded site by hand: `serve` it to a browser, or draw a `sheet` of its thumbnails."""

import asyncio
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.demo_site import sheet as contact
from webtoon_genre.demo_site.site import LOOPBACK, forever, listening
from webtoon_genre.demo_site.timetable import STUDY_END
from webtoon_genre.demo_site.world import World

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
Scale = Annotated[float, typer.Option(help="Share of the study's 82,549 thumbnails, at most 1.")]
Seed = Annotated[int, typer.Option(help="Another seed, another site.")]


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 0,
    scale: Scale = 0.01,
    seed: Seed = 2022,
    mislabelled: Annotated[float, typer.Option(help="Share of titles under a wrong genre, below 1.")] = 0.0,
    as_of: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Show what was out on that day.")] = datetime(
        STUDY_END.year, STUDY_END.month, STUDY_END.day
    ),
) -> None:
    """Serve the site on loopback until Ctrl-C, and print where to browse it."""
    world = world_of(seed, scale, as_of.date(), mislabelled)
    with listening(port) as listener:
        typer.echo(f"http://{LOOPBACK}:{listener.getsockname()[1]}/   (Ctrl-C ends it)")
        asyncio.run(forever(world, listener))


@app.command()
def sheet(
    target: Annotated[Path, typer.Argument(metavar="OUT.png")],
    columns: Annotated[int, typer.Option(help="Thumbnails a genre.")] = 8,
    scale: Scale = 0.01,
    seed: Seed = 2022,
) -> None:
    """Write a contact sheet: one row a genre, thumbnails of several of its titles."""
    contact.write(target, world_of(seed, scale, STUDY_END), columns)


def world_of(seed: int, scale: float, as_of: date, mislabelled: float = 0.0) -> World:
    """The world, or one line on why there is none."""
    try:
        return World(seed, scale, as_of, mislabelled)
    except ValueError as error:
        raise InputError(str(error)) from None


if __name__ == "__main__":
    run(app, "sources.demo")
