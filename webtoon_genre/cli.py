"""The command `webtoon-genre`; `python -m webtoon_genre.cli` is the same."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from webtoon_genre.core import paths
from webtoon_genre.core.command import run

if TYPE_CHECKING:
    from webtoon_genre.inference.model import GenreModel, Prediction, Unreadable

SOME_UNREADABLE = 2  # exit code
Pictures = Annotated[
    list[str], typer.Argument(help="Files, folders, http(s) URLs; - for a list of them on standard input.")
]
Model = Annotated[str, typer.Option(help="A model's folder, or a Git repository whose models/best DVC fetches.")]
Rev = Annotated[str | None, typer.Option(help="A commit, tag or branch of that repository.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True)


@app.callback()
def webtoon_genre() -> None:
    """Use a trained model that classifies thumbnails of webtoons by genre."""


@contextmanager
def opened(
    model: str, rev: str | None, pictures: list[str]
) -> "Iterator[tuple[GenreModel, Path, Iterator[Prediction | Unreadable]]]":
    """The model, its folder, and the result of each picture in turn; unreadable ones are named on stderr and end in exit code 2."""
    from webtoon_genre.core.progress import track
    from webtoon_genre.data.images import silent_decoders
    from webtoon_genre.inference.model import Unreadable, load_model
    from webtoon_genre.inference.pictures import expand
    from webtoon_genre.inference.remote import local_model

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a file's name need not be text
    names, failed = expand(pictures, sys.stdin), False

    def results() -> "Iterator[Prediction | Unreadable]":
        nonlocal failed
        answers = loaded.stream(names)
        # on a terminal the results themselves show how far the work is, and a bar would be between them
        for result in answers if sys.stdout.isatty() else track(answers, len(names), "read", "pictures"):
            if isinstance(result, Unreadable):
                failed = True
                sys.stderr.write(f"webtoon-genre: {result.name}: {result.error}\n")
            yield result

    with local_model(model, rev) as folder, silent_decoders():
        loaded = load_model(folder)
        yield loaded, folder, results()
    if failed:
        raise typer.Exit(SOME_UNREADABLE)


@app.command()
def info(model: Annotated[Path, typer.Argument(help="A model's folder.")] = paths.BEST) -> None:
    """Tell what model is in a folder: backbone, input, classes, files."""
    from webtoon_genre.inference.model_info import describe, read_model_info

    typer.echo(describe(read_model_info(model), model))


@app.command()
def predict(
    pictures: Pictures,
    model: Model = str(paths.BEST),
    rev: Rev = None,
    top: Annotated[int | None, typer.Option(min=1, help="Show the most probable labels alone.")] = None,
    json: Json = False,
    csv: Annotated[Path | None, typer.Option(help="Write a table to this file.")] = None,
) -> None:
    """Name the genre of pictures by their drawing style, with probabilities."""
    from webtoon_genre.inference import report
    from webtoon_genre.inference.model import Prediction

    with opened(model, rev, pictures) as (loaded, _, results):
        if csv is not None:
            report.write_csv(results, loaded.classes, csv)
            return
        for result in results:
            if json:
                typer.echo(report.prediction_json(result, top))
            elif isinstance(result, Prediction):
                typer.echo(report.prediction_text(result, loaded, top, sys.stdout.isatty()))


@app.command()
def explain(
    pictures: Pictures,
    out: Annotated[Path, typer.Option(help="The sheet to draw: PNG.")] = Path("explained.png"),
    model: Model = str(paths.BEST),
    rev: Rev = None,
    number: Annotated[int, typer.Option(min=1, help="Labels for each picture, the most probable first.")] = 2,
    check: Annotated[
        bool, typer.Option("--check", help="Hide squares of the picture, and compare: takes longer.")
    ] = False,
) -> None:
    """Draw where a picture speaks for its genre (red) and against it (blue), beside the second genre."""
    from webtoon_genre.inference import explain as explaining
    from webtoon_genre.inference import report, sheets
    from webtoon_genre.inference.head import load_head
    from webtoon_genre.inference.model import Prediction

    explanations = []
    with opened(model, rev, pictures) as (loaded, folder, results):
        head = load_head(folder)
        for result in results:
            if isinstance(result, Prediction):
                explanation = explaining.explain(loaded, head, result, number)
                explanations.append(explanation)
                agreement = explaining.check(loaded, explanation) if check else None
                typer.echo(report.explanation_text(result, explanation.labels, agreement))
        if explanations:
            sheets.write_png(sheets.explanation_sheet(explanations), out)
            typer.echo(f"{out}: red speaks for the label, blue against it")


@app.command()
def similar(
    pictures: Pictures,
    model: Model = str(paths.BEST),
    rev: Rev = None,
    number: Annotated[int, typer.Option(min=1, help="Titles for each picture.")] = 10,
    json: Json = False,
    sheet: Annotated[Path | None, typer.Option(help="Draw the pictures beside examples of the titles: PNG.")] = None,
) -> None:
    """Find the titles that are nearest in drawing style."""
    from webtoon_genre.inference import report, sheets
    from webtoon_genre.inference.model import Prediction

    rows = []
    with opened(model, rev, pictures) as (loaded, _, results):
        for result in results:
            neighbours = loaded.similar(result, number) if isinstance(result, Prediction) else []
            if json:
                typer.echo(report.similar_json(result, neighbours))
            elif neighbours:
                typer.echo(report.similar_text(result.name, neighbours))
            if isinstance(result, Prediction) and sheet is not None:
                rows.append((result, neighbours))
        if rows and sheet is not None:
            sheets.write_png(sheets.similar_sheet(rows, loaded.titles), sheet)


@app.command()
def judge(
    pictures: Annotated[list[str], typer.Argument(help="A folder of drawn pictures; also files, URLs, -.")],
    genre: Annotated[str, typer.Option(help="The genre that they should look like.")],
    model: Model = str(paths.BEST),
    rev: Rev = None,
    json: Json = False,
    sheet: Annotated[Path | None, typer.Option(help="Draw the pictures, those that fit least first: PNG.")] = None,
) -> None:
    """Judge drawn pictures: how much they look like a genre, beside its real titles and those of other genres."""
    from webtoon_genre.inference import judge as judging
    from webtoon_genre.inference import report, sheets
    from webtoon_genre.inference.model import Prediction
    from webtoon_genre.inference.references import load_references

    with opened(model, rev, pictures) as (loaded, folder, results):
        judging.check_genre(loaded, genre)
        references = load_references(folder)
        predictions = [result for result in results if isinstance(result, Prediction)]
        judgement = judging.judge(loaded, references, predictions, genre)
        typer.echo(report.as_json(judging.as_record(judgement)) if json else judging.as_text(judgement))
        if sheet is not None:
            sheets.write_png(sheets.judge_sheet(predictions, genre), sheet)


@app.command()
def serve(
    model: Model = str(paths.BEST),
    rev: Rev = None,
    host: Annotated[
        str, typer.Option(help="The address to listen at; others than this machine's open it to the network.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8000,
) -> None:
    """Serve the model over HTTP: a page for people, /predict, /explain and /similar for programs, /docs about them."""
    from webtoon_genre.inference.remote import local_model
    from webtoon_genre.service.server import serve_model

    with local_model(model, rev) as folder:
        serve_model(folder, host, port)


def main() -> None:
    """Run the command with the process's arguments."""
    run(app, "webtoon-genre", prog="webtoon-genre")


if __name__ == "__main__":
    main()
