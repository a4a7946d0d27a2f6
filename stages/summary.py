"""The results on one screen: every model beside the baselines, and the headline of each experiment.

Reads:  metrics/crawl.json, metrics/resize.json, metrics/split.json, metrics/baseline.json, metrics/finetune.json,
        metrics/evaluate/BACKBONE.json and plots/train/BACKBONE/ of each backbone in train.backbones,
        and the `summary` block of every metrics/EXPERIMENT.json that has one
Writes: metrics/summary.json, plots/summary.png, plots/curves.png, plots/curves.csv (for `dvc plots`: backbone, split, epoch, accuracy,
        loss); and removes the metrics and plots of train and evaluate of other backbones, which DVC leaves after a change of
        train.backbones
Params: train.backbones

metrics/summary.json has what reviewers compare with `dvc metrics diff`: numbers, and the interval of each as text in the next line.
`python -m stages.summary show` prints the table of models.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import typer
from pydantic import Field

from webtoon_genre.core import paths
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import keep_only, read_json, visible_files, write_json, write_text
from webtoon_genre.core.params import ParamsFile, SharedKeys, read
from webtoon_genre.evaluation import bootstrap, study
from webtoon_genre.evaluation.metrics import HELD_OUT
from webtoon_genre.plotting import figures
from webtoon_genre.plotting.artists import Figure
from webtoon_genre.plotting.intervals import IntervalRow, draw_intervals, name_points, show_range

NEXT_STEPS = """\
in brackets: 95% intervals, whole titles resampled; the best validation accuracy first
against histogram: change of test accuracy from the colour histogram's, paired by title

Where to look next
  plots/summary.png, plots/evaluate/           what each model confuses, and its surest predictions
  plots/curves.png, dvc plots show             learning curves; in a browser, with confusion matrices (make plots: without the web)
  dvc exp run -S lr=1e-4 && dvc metrics diff   another learning rate, and what it changes

The study on one page: open report/index.html"""
CAPTION = """\
test accuracy; backbones and baselines: the best validation accuracy first
lines and brackets: 95% intervals, whole titles resampled"""
STUDY = f"{study.ACCURACY}: the original study's best"
STUDY_CAPTION = """
for reference only: the original study had other thumbnails, split at random by image (a title on all sides), and ImageNet weights"""
GROUPS = {"finetuned": "handed on", "backbones": "backbone", "baselines": "baseline"}  # of models, and their titles
COLOURS = {"finetuned": figures.ORANGE, "backbones": figures.BLUE, "baselines": figures.GREY}
CELL = len("0.123 [0.123, 0.123], 1234 titles")
CHANGE = "against_colour_histogram"  # the key of a model's difference in test accuracy, which baselines do not have
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class Train(SharedKeys):
    """params.yaml: train, the keys that this stage shares."""

    backbones: list[str] = Field(min_length=1)


class Params(ParamsFile):
    """What this stage reads of params.yaml."""

    train: Train


def collect() -> dict[str, Any]:
    """Read what is compared: {"data": amounts, "finetuned": {name: headline scores}, "backbones": ..., "baselines": ...}."""
    crawl, resize, split = (read_json(paths.metrics(stage), stage) for stage in ("crawl", "resize", "split"))
    backbones = read(Params).train.backbones
    groups = {
        "finetuned": {"genre-classifier": read_json(paths.metrics("finetune"), "finetune")["best"]},
        "backbones": {name: read_json(paths.metrics("evaluate", name), "evaluate") for name in backbones},
        "baselines": read_json(paths.metrics("baseline"), "baseline"),
    }
    return {"data": counts(crawl, resize, split), **summarise(groups)}


def summarise(groups: dict[str, Any]) -> dict[str, Any]:
    """The headline scores of each model; groups: all val and test scores, by group and name."""
    return {
        group: {name: headline_scores(splits) for name, splits in models.items()} for group, models in groups.items()
    }


def headline_scores(splits: dict[str, Any]) -> dict[str, Any]:
    """The accuracies of one model with their intervals and numbers of titles; splits: all its val and test scores."""
    keys = {"accuracy": "accuracy", "accuracy_interval": "accuracy_interval", "titles": "groups"}
    scores = {f"{split}_{name}": splits[split][key] for split in HELD_OUT for name, key in keys.items()}
    return scores | {CHANGE: splits.get(CHANGE)}


def counts(crawl: dict[str, Any], resize: dict[str, Any], split: dict[str, Any]) -> dict[str, int]:
    """The amount of data behind the scores: thumbnails crawled, those that resize rejected, titles of the test images."""
    return {
        "thumbnails": crawl["thumbnails"],
        "rejected": resize["rejected"],
        "test_titles": split["titles"]["test"],
    }


def reviewed(summary: dict[str, Any]) -> dict[str, Any]:
    """What reviewers compare of `collect`: the amounts of data, and the test accuracy of each model."""
    return {"data": summary["data"]} | {
        group: {name: accuracy_metrics(scores) for name, scores in summary[group].items()} for group in GROUPS
    }


def accuracy_metrics(scores: dict[str, Any]) -> dict[str, Any]:
    """The test accuracy of one model and its difference from the colour histogram, with their intervals as text."""
    key, change = "test_accuracy", scores[CHANGE]
    accuracy = bootstrap.value_metrics(key, scores[key], scores[f"{key}_interval"], scores["test_titles"])
    return accuracy | (bootstrap.change_metrics(CHANGE, change) if change else {})


def experiment_summaries(folder: Path) -> dict[str, Any]:
    """The `summary` block of each experiment's metrics file in `folder`, by experiment."""
    contents = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in visible_files(folder, "*.json")}
    return {name: content["summary"] for name, content in contents.items() if content.get("summary")}


def ranked(models: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Name and headline scores of each model, the best validation accuracy first: test scores choose nothing."""
    return sorted(models.items(), key=lambda item: (-item[1]["val_accuracy"], item[0]))


def table(summary: dict[str, Any]) -> str:
    """Aligned plain text: a line a model, the one handed on above, the baselines below."""
    width = max(len(name) for group, title in GROUPS.items() for name in (title, *summary[group]))
    sections = [section(title, summary[group], width) for group, title in GROUPS.items()]
    titles = summary["data"]["test_titles"]
    few = (
        []
        if bootstrap.is_enough(titles)
        else [f"{bootstrap.too_few(titles)} models apart: the intervals are too narrow"]
    )
    return "\n".join([*sections, *few, NEXT_STEPS])


def section(title: str, models: dict[str, Any], width: int) -> str:
    """A header line and a line a model, the names `width` characters wide."""
    rows = [row for _, row in ranked(models)]
    last = "against histogram" if any(row[CHANGE] for row in rows) else ""
    cells = [("validation accuracy", "test accuracy", last), *((*accuracies(row), change_cell(row)) for row in rows)]
    names = [title, *(name for name, _ in ranked(models))]
    lines = [
        f"{name:{width}}  {val:{CELL}}  {test:{CELL}}  {change}".rstrip()
        for name, (val, test, change) in zip(names, cells, strict=True)
    ]
    return "\n".join([*lines, ""])


def change_cell(row: dict[str, Any]) -> str:
    """The difference in test accuracy from the colour histogram with its interval, over the same titles; empty for a baseline."""
    return bootstrap.describe(row[CHANGE]).rpartition(",")[0] if row[CHANGE] else ""


def accuracies(row: dict[str, Any]) -> tuple[str, ...]:
    """Validation and test accuracy of a model with their intervals."""
    return tuple(
        bootstrap.format_value(row[f"{split}_accuracy"], row[f"{split}_accuracy_interval"], row[f"{split}_titles"])
        for split in HELD_OUT
    )


def scores_figure(summary: dict[str, Any], comparable: bool) -> Figure:
    """Test accuracy with its interval: the model handed on, the backbones, the baselines.

    comparable: whether the data are the study's; then its best accuracy is a dashed line.
    """
    rows = [
        accuracy_row(name.replace("_", " ") if group == "baselines" else name, scores, COLOURS[group])
        for group in GROUPS
        for name, scores in ranked(summary[group])
    ]
    figure = figures.new_figure(8.6, 1.5 + 0.36 * len(rows))
    axes = figure.subplots()
    draw_intervals(axes, rows)
    for group, colour in COLOURS.items():
        name_points(axes, GROUPS[group], colour)
    if comparable:
        axes.axvline(study.ACCURACY, color="black", linestyle="--", linewidth=1, zorder=0, label=STUDY)
    figures.add_legend(axes)
    show_range(axes, [study.ACCURACY] * comparable, *(row.interval for row in rows))
    titles = summary["data"]["test_titles"]
    message = headline(ranked(summary["backbones"]), ranked(summary["baselines"]), titles)
    caption = CAPTION + bootstrap.few_titles_note([titles]) + STUDY_CAPTION * comparable
    figures.lay_out(figure, message, caption)
    return figure


def accuracy_row(name: str, scores: dict[str, Any], colour: str) -> IntervalRow:
    """A line of the figure."""
    value, interval, titles = scores["test_accuracy"], scores["test_accuracy_interval"], scores["test_titles"]
    text = bootstrap.format_value(value, interval, titles)
    return IntervalRow(name, value, interval, text, colour, pale=not bootstrap.is_enough(titles))


def headline(backbones: list[tuple[str, Any]], baselines: list[tuple[str, Any]], titles: int) -> str:
    """The figure's message: the backbone that validation puts first, beside the strongest baseline; titles: of the test images."""
    (backbone, model), (baseline, simple) = backbones[0], baselines[0]
    return (
        f"{backbone} tells the genre of {model['test_accuracy']:.0%} of the test images, "
        f"{baseline.replace('_', ' ')} of {simple['test_accuracy']:.0%}"
    ) + ("" if bootstrap.is_enough(titles) else f"; {bootstrap.too_few(titles)}")


def history(folder: Path, backbone: str) -> pd.DataFrame:
    """Learning curves of one backbone, as DVCLive logged them: columns backbone, split (train or val), epoch, accuracy, loss."""
    splits = []
    for split in ("train", "val"):
        accuracy, loss = (read_curve(folder / backbone / split / f"{metric}.tsv") for metric in ("accuracy", "loss"))
        rows = accuracy.merge(loss, on="step").rename(columns={"step": "epoch"})
        rows.insert(0, "split", split)
        splits.append(rows)
    curves = pd.concat(splits, ignore_index=True)
    curves.insert(0, "backbone", backbone)
    return curves


def read_curve(path: Path) -> pd.DataFrame:
    """A metric by step, as DVCLive logged it."""
    if not path.is_file():
        raise InputError(f"{path} is not there; `dvc repro train` makes it")
    return pd.read_csv(path, sep="\t")


def curves_figure(histories: list[pd.DataFrame]) -> Figure:
    """Accuracy by epoch on train and val images, a panel a backbone, on common axes."""
    import seaborn

    figure = figures.new_figure(max(3.2 * len(histories) + 0.6, 5.2), 3.2)
    panels = figure.subplots(1, len(histories), sharex=True, sharey=True, squeeze=False)[0]
    colours = {"train": figures.BLUE, "val": figures.ORANGE}
    for axes, rows in zip(panels, histories, strict=True):
        last = axes is panels[-1]
        seaborn.lineplot(rows, x="epoch", y="accuracy", hue="split", palette=colours, ax=axes, legend=last)
        axes.set_title(rows["backbone"].iloc[0])
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylim(0, 1)
    panels[-1].legend(title=None, loc="upper left", bbox_to_anchor=(1, 1))
    title = "Learning curves: the epoch with the best val accuracy is kept"
    figures.lay_out(
        figure, title, "accuracy by epoch on the images of both splits; train: with dropout, during the epoch"
    )
    return figure


@app.callback(invoke_without_command=True)
def main(context: typer.Context) -> None:
    """Collect the scores of all models and experiments; with `show`, print the table of models."""
    if context.invoked_subcommand is not None:
        return
    summary, names = collect(), read(Params).train.backbones
    write_json(paths.metrics("summary"), {**reviewed(summary), **experiment_summaries(paths.METRICS)})
    crawl, split = (read_json(paths.metrics(stage), stage) for stage in ("crawl", "split"))
    comparable = study.is_comparable(crawl["source"], split["images_by_genre"])
    figures.save(scores_figure(summary, comparable), paths.plot("summary"))
    best = history(paths.plots("finetune"), "curves").assign(backbone="models/best")
    curves = [*(history(paths.plots("train"), name) for name in names), best]
    figures.save(curves_figure(curves), paths.plot("curves"))
    write_text(paths.plot("curves").with_suffix(".csv"), pd.concat(curves).to_csv(index=False, lineterminator="\n"))
    for stage in ("train", "evaluate"):
        keep_only([product(stage, name) for product in (paths.metrics, paths.plots) for name in names])


@app.command()
def show() -> None:
    """Print the table of results and where to look next."""
    typer.echo(table(collect()))


if __name__ == "__main__":
    run(app, "summary")
