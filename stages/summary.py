"""The results on one screen: every model beside the baselines, and a block from each experiment.

Reads:  metrics/crawl.json, metrics/resize.json, metrics/split.json, metrics/baseline.json, metrics/finetune.json,
        metrics/evaluate/BACKBONE.json and plots/train/BACKBONE/ of each backbone in train.backbones,
        and the `summary` block of every metrics/EXPERIMENT.json that has one
Writes: metrics/summary.json, plots/summary.png, plots/curves.png; and removes the metrics and plots of train and evaluate of other
        backbones, which DVC leaves after a change of train.backbones
Params: train.backbones

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
from webtoon_genre.core.files import keep_only, read_json, write_json
from webtoon_genre.core.params import ParamsFile, SharedKeys, read
from webtoon_genre.evaluation import bootstrap, study
from webtoon_genre.plotting import figures
from webtoon_genre.plotting.artists import Figure

NEXT_STEPS = """\
test interval: 95%, whole titles resampled; macro F1: of test images

Where to look next
  plots/summary.png, plots/evaluate/           what each model confuses, and its surest predictions
  plots/curves.png, dvc plots show             learning curves; in a browser, with confusion matrices
  dvc exp run -S lr=1e-4 && dvc metrics diff   another learning rate, and what it changes"""
CAPTION = """\
accuracy on test images; lines: 95% intervals, whole titles resampled
orange: the fine-tuned genre-classifier
blue: backbones, best validation accuracy first; grey: baselines"""
STUDY_CAPTION = f"""
dashed: {study.ACCURACY}, the original study's best, for reference only: other thumbnails,
split at random by image (a title on all sides), ImageNet weights"""
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class Train(SharedKeys):
    """params.yaml: train, the keys that this stage shares."""

    backbones: list[str] = Field(min_length=1)


class Params(ParamsFile):
    """What this stage reads of params.yaml."""

    train: Train


def headline_scores(splits: dict[str, Any]) -> dict[str, Any]:
    """The few scores of one model that a person compares; `splits` holds its val and test scores."""
    return {
        "val_accuracy": splits["val"]["accuracy"],
        "test_accuracy": splits["test"]["accuracy"],
        "test_accuracy_interval": splits["test"]["accuracy_interval"],
        "test_macro_f1": splits["test"]["macro_f1"],
    }


def summarise(finetuned: dict[str, Any], backbones: dict[str, Any], baselines: dict[str, Any]) -> dict[str, Any]:
    """{"finetuned": {name: headline scores}, "backbones": ..., "baselines": ...} from each model's val and test scores."""
    groups = {"finetuned": finetuned, "backbones": backbones, "baselines": baselines}
    return {
        group: {name: headline_scores(splits) for name, splits in models.items()} for group, models in groups.items()
    }


def counts(crawl: dict[str, Any], resize: dict[str, Any], split: dict[str, Any]) -> dict[str, Any]:
    """The amount of data behind the scores: thumbnails crawled, those that resize rejected, images and titles of each split."""
    return {
        "thumbnails": crawl["thumbnails"],
        "rejected": resize["rejected"],
        "images": split["images"],
        "titles": split["titles"],
    }


def experiment_summaries(folder: Path) -> dict[str, Any]:
    """The `summary` block of each experiment's metrics file in `folder`, by experiment."""
    contents = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}
    return {name: content["summary"] for name, content in contents.items() if content.get("summary")}


def ranked(models: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Name and headline scores of each model, the best validation accuracy first: test scores choose nothing."""
    return sorted(models.items(), key=lambda item: (-item[1]["val_accuracy"], item[0]))


def table(summary: dict[str, Any]) -> str:
    """Aligned plain text: a line a model, the fine-tuned one above, the baselines below."""
    groups = {"fine-tuned": summary["finetuned"], "backbone": summary["backbones"], "baseline": summary["baselines"]}
    width = max(len(name) for title, models in groups.items() for name in (title, *models))
    sections = [section(title, models, width) for title, models in groups.items()]
    titles = summary["data"]["titles"]["test"]
    few = (
        []
        if bootstrap.is_enough(titles)
        else [f"{bootstrap.too_few(titles)} models apart: the intervals are too narrow"]
    )
    return "\n".join([*sections, *few, NEXT_STEPS])


def section(title: str, models: dict[str, Any], width: int) -> str:
    """A header line and a line a model, the names `width` characters wide."""
    lines = [f"{title:{width}}  {'val accuracy':>12}  {'test accuracy':>13}  {'test interval':>13}  {'macro F1':>8}"]
    for name, row in ranked(models):
        interval = "{:.3f}–{:.3f}".format(*row["test_accuracy_interval"])
        lines.append(
            f"{name:{width}}  {row['val_accuracy']:12.3f}  {row['test_accuracy']:13.3f}  {interval:>13}  {row['test_macro_f1']:8.3f}"
        )
    return "\n".join([*lines, ""])


def scores_figure(summary: dict[str, Any], comparable: bool) -> Figure:
    """Test accuracy with its interval: the fine-tuned model, the backbones, the baselines.

    comparable: whether the data are the study's; then its best accuracy is a dashed line.
    """
    finetuned, backbones, baselines = (ranked(summary[group]) for group in ("finetuned", "backbones", "baselines"))
    names, rows = zip(*finetuned, *backbones, *baselines, strict=True)
    groups = {figures.ORANGE: finetuned, figures.BLUE: backbones, figures.GREY: baselines}
    colours = [colour for colour, models in groups.items() for _ in models]
    figure = figures.new_figure(7, 2.2 + 0.45 * len(rows))
    axes = figure.subplots()
    intervals = [row["test_accuracy_interval"] for row in rows]
    labels = [name.replace("_", " ") if name in summary["baselines"] else name for name in names]
    figures.draw_intervals(axes, labels, [row["test_accuracy"] for row in rows], intervals, colours)
    if comparable:
        axes.axvline(study.ACCURACY, color="black", linestyle="--", linewidth=1, zorder=0)
    axes.set_xlim(0, 1 if max(high for _, high in intervals) > 0.58 else 0.6)
    titles = summary["data"]["titles"]["test"]
    figures.add_caption(axes, CAPTION + bootstrap.few_titles_note([titles]) + STUDY_CAPTION * comparable)
    figures.add_title(figure, headline(backbones, baselines, titles))
    figure.tight_layout()
    return figure


def headline(backbones: list[tuple[str, Any]], baselines: list[tuple[str, Any]], titles: int) -> str:
    """The figure's message: the backbone that validation puts first, beside the strongest baseline; titles: of the test images."""
    (backbone, model), (baseline, simple) = backbones[0], baselines[0]
    return (
        f"{backbone} tells the genre of {model['test_accuracy']:.0%} of the test images, "
        f"{baseline.replace('_', ' ')} of {simple['test_accuracy']:.0%}"
    ) + ("" if bootstrap.is_enough(titles) else f"; {bootstrap.too_few(titles)}")


def history(folder: Path, backbone: str) -> pd.DataFrame:
    """Accuracy by epoch of one backbone, as DVCLive logged it: columns epoch, accuracy, side (train or val), backbone."""
    splits = []
    for split in ("train", "val"):
        path = folder / backbone / split / "accuracy.tsv"
        if not path.is_file():
            raise InputError(f"{path} is not there; `dvc repro train` makes it")
        rows = pd.read_csv(path, sep="\t").rename(columns={"step": "epoch"})
        splits.append(rows.assign(side=split, backbone=backbone))
    return pd.concat(splits, ignore_index=True)


def curves_figure(histories: list[pd.DataFrame]) -> Figure:
    """Accuracy by epoch on train and val images, a panel a backbone, on common axes."""
    import seaborn

    figure = figures.new_figure(max(3.2 * len(histories) + 0.6, 5.2), 3.2)
    panels = figure.subplots(1, len(histories), sharex=True, sharey=True, squeeze=False)[0]
    colours = {"train": figures.BLUE, "val": figures.ORANGE}
    for index, (axes, rows) in enumerate(zip(panels, histories, strict=True)):
        seaborn.lineplot(rows, x="epoch", y="accuracy", hue="side", palette=colours, ax=axes, legend=index == 0)
        axes.set_title(rows["backbone"].iloc[0], fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylim(0, 1)
    panels[0].legend(frameon=False, title=None, loc="lower right")
    figures.add_title(figure, "Learning curves: the epoch with the best val accuracy is kept")
    figure.tight_layout()
    return figure


@app.callback(invoke_without_command=True)
def main(context: typer.Context) -> None:
    """Collect the scores of all models and experiments; with `show`, print the table of models."""
    if context.invoked_subcommand is not None:
        return
    names = read(Params).train.backbones
    backbones = {name: read_json(paths.metrics("evaluate", name), "evaluate") for name in names}
    finetuned = {"genre-classifier": read_json(paths.metrics("finetune"), "finetune")["best"]}
    crawl, resize, split = (read_json(paths.metrics(stage), stage) for stage in ("crawl", "resize", "split"))
    models = summarise(finetuned, backbones, read_json(paths.metrics("baseline"), "baseline"))
    summary = {"data": counts(crawl, resize, split), **models}
    write_json(paths.metrics("summary"), {**summary, **experiment_summaries(paths.METRICS)})
    comparable = study.is_comparable(crawl["source"], split["images_by_genre"])
    figures.save(scores_figure(summary, comparable), paths.plot("summary"))
    figures.save(curves_figure([history(paths.plots("train"), name) for name in names]), paths.plot("curves"))
    for stage in ("train", "evaluate"):
        keep_only([product(stage, name) for product in (paths.metrics, paths.plots) for name in names])


@app.command()
def show() -> None:
    """Print the table of results and where to look next."""
    typer.echo(table(read_json(paths.metrics("summary"), "summary")))


if __name__ == "__main__":
    run(app, "summary")
