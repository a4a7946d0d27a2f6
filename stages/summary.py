"""The results on one screen: each backbone beside the baselines; `python -m stages.summary show` prints them.

Reads:  metrics/crawl.json, metrics/resize.json, metrics/split.json,
        metrics/evaluate/BACKBONE.json of each backbone in train.backbones, metrics/finetune.json, metrics/baseline.json,
        metrics/balance.json, metrics/pairs.json, metrics/label_limit.json, metrics/criterion.json,
        metrics/ambiguity.json, metrics/style.json, metrics/leakage.json, plots/train/BACKBONE/
Writes: metrics/summary.json, plots/summary.png, plots/curves.png
Params: train.backbones
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import typer
from matplotlib.figure import Figure
from pydantic import Field

from webtoon_genre.core import params, paths
from webtoon_genre.core.command import run
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.files import write_json
from webtoon_genre.plotting import figures

STUDY = 0.5478  # the original study's best test accuracy: fine-tuned ResNet50, every layer unfrozen
NEXT = """\
test interval: 95%, whole titles resampled; macro F1: of test images

Where to look next
  plots/summary.png, plots/evaluate/           what each model confuses, and its surest predictions
  plots/curves.png, dvc plots show             learning curves; in a browser, with confusion matrices
  dvc exp run -S lr=1e-5 && dvc metrics diff   another learning rate, and what it changes"""
CAPTION = """\
accuracy on test images; lines: 95% intervals, whole titles resampled
orange: the fine-tuned genre-classifier
blue: backbones, best validation accuracy first; grey: baselines
dashed: 0.5478, the original study's best, for reference only: other thumbnails,
split at random by image (a title on all sides), ImageNet weights"""
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class Train(params.SharedKeys):
    """What is shared of params.yaml: train."""

    backbones: list[str] = Field(min_length=1)


class Params(params.ParamsFile):
    """What this stage reads of params.yaml."""

    train: Train


def short(sides: dict[str, Any]) -> dict[str, Any]:
    """The few figures of one model that a person compares; `sides` are its val and test scores."""
    return {
        "val_accuracy": sides["val"]["accuracy"],
        "test_accuracy": sides["test"]["accuracy"],
        "test_accuracy_interval": sides["test"]["accuracy_interval"],
        "test_macro_f1": sides["test"]["macro_f1"],
    }


def summarise(finetuned: dict[str, Any], backbones: dict[str, Any], baselines: dict[str, Any]) -> dict[str, Any]:
    """{"finetuned": {name: short scores}, "backbones": the same, "baselines": the same} from each model's val and test scores."""
    parts = {"finetuned": finetuned, "backbones": backbones, "baselines": baselines}
    return {part: {name: short(sides) for name, sides in models.items()} for part, models in parts.items()}


def counts(crawl: dict[str, Any], resize: dict[str, Any], split: dict[str, Any]) -> dict[str, Any]:
    """How much data the scores rest on: thumbnails crawled, those that resize rejected, images of each side."""
    return {"thumbnails": crawl["thumbnails"], "rejected": resize["rejected"], "images": split["images"]}


def experiments(
    balance: dict[str, Any],
    pairs: dict[str, Any],
    label_limit: dict[str, Any],
    criterion: dict[str, Any],
    ambiguity: dict[str, Any],
    style: dict[str, Any],
    leakage: dict[str, Any],
) -> dict[str, Any]:
    """Test figures of each experiment that a reviewer compares, without genres: changes, means, and those of a few genres."""
    variants = {name: each["against_none"] for name, each in balance["variants"].items() if name != "none"}
    measures = ("accuracy", "balanced_accuracy")
    found = pairs["pairs"].values()
    return {
        "balance": {
            name: {measure: of[measure]["difference"] for measure in measures} for name, of in variants.items()
        },
        "pairs": {
            "mean_accuracy": sum(each["test"]["accuracy"] for each in found) / len(found),
            "least_accuracy": min(each["test"]["accuracy"] for each in found),
            "mean_change_from_ten_way": sum(each["against_ten_way"]["difference"] for each in found) / len(found),
        },
        "label_limit": {
            f"{len(each['genres'])}_genres": {name: each[name] for name in ("accuracy", "kappa")}
            for each in label_limit["steps"]
        },
        "criterion": {
            name: {measure: each[measure] for measure in ("accuracy", "kappa")}
            for name, each in criterion["criteria"].items()
        },
        "ambiguity": {
            "accuracy": ambiguity["accuracy"],
            "share_of_errors": ambiguity["where_errors_are"]["ambiguity"],
            "flagged_titles": ambiguity["flagged"]["titles"],
        },
        "style": {
            backbone: {
                pool: {measure: each[measure] for measure in ("accuracy", "kappa")} for pool, each in pools.items()
            }
            for backbone, pools in style["backbones"].items()
        },
        "leakage": {measure: of["difference"] for measure, of in leakage["leakage"].items()},
    }


def ranked(models: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Name and short scores of each model, the best on val first: test scores choose nothing."""
    return sorted(models.items(), key=lambda item: (-item[1]["val_accuracy"], item[0]))


def table(summary: dict[str, Any]) -> str:
    """Aligned plain text: a line a model, the fine-tuned one above, the baselines below."""
    parts = {"fine-tuned": summary["finetuned"], "backbone": summary["backbones"], "baseline": summary["baselines"]}
    width = max(len(name) for title, models in parts.items() for name in (title, *models))
    sections = [section(title, models, width) for title, models in parts.items()]
    return "\n".join([*sections, NEXT])


def section(title: str, models: dict[str, Any], width: int) -> str:
    """A head line and a line a model, the names `width` characters wide."""
    lines = [f"{title:{width}}  {'val accuracy':>12}  {'test accuracy':>13}  {'test interval':>13}  {'macro F1':>8}"]
    for name, row in ranked(models):
        interval = "{:.3f}–{:.3f}".format(*row["test_accuracy_interval"])
        lines.append(
            f"{name:{width}}  {row['val_accuracy']:12.3f}  {row['test_accuracy']:13.3f}  {interval:>13}  {row['test_macro_f1']:8.3f}"
        )
    return "\n".join([*lines, ""])


def figure(summary: dict[str, Any]) -> Figure:
    """Test accuracy with its interval: the fine-tuned model, the backbones, the baselines; the study's best as a dashed line."""
    tuned, backbones, baselines = (ranked(summary[part]) for part in ("finetuned", "backbones", "baselines"))
    names, rows = zip(*tuned, *backbones, *baselines, strict=True)
    shades = {figures.ORANGE: tuned, figures.BLUE: backbones, figures.GREY: baselines}
    colours = [colour for colour, models in shades.items() for _ in models]
    drawn = figures.new_figure(7, 2.2 + 0.45 * len(rows))
    axes = drawn.subplots()
    intervals = [row["test_accuracy_interval"] for row in rows]
    labels = [name.replace("_", " ") if name in summary["baselines"] else name for name in names]
    figures.draw_intervals(axes, labels, [row["test_accuracy"] for row in rows], intervals, colours)
    axes.axvline(STUDY, color="black", linestyle="--", linewidth=1, zorder=0)
    axes.set_xlim(0, 1 if max(high for _, high in intervals) > 0.58 else 0.6)
    axes.set_xlabel(CAPTION, fontsize=9, loc="left")
    drawn.suptitle(headline(backbones, baselines), fontsize=11)
    drawn.tight_layout()
    return drawn


def headline(backbones: list[tuple[str, Any]], baselines: list[tuple[str, Any]]) -> str:
    """What the figure shows: the backbone that validation puts first, beside the strongest baseline."""
    (best, model), (other, simple) = backbones[0], baselines[0]
    return (
        f"{best} tells the genre of {model['test_accuracy']:.0%} of the test images, "
        f"{other.replace('_', ' ')} of {simple['test_accuracy']:.0%}"
    )


def history(folder: Path, backbone: str) -> pd.DataFrame:
    """Accuracy of one backbone's training, as DVCLive logged it: columns epoch, accuracy, side (train or val), backbone."""
    sides = []
    for side in ("train", "val"):
        path = folder / backbone / side / "accuracy.tsv"
        if not path.is_file():
            raise InputError(f"{path} is not there; `dvc repro train` makes it")
        sides.append(pd.read_csv(path, sep="\t").rename(columns={"step": "epoch"}).assign(side=side, backbone=backbone))
    return pd.concat(sides, ignore_index=True)


def curves(histories: list[pd.DataFrame]) -> Figure:
    """Accuracy by epoch on train and val images, a panel a backbone, on common axes."""
    import seaborn

    drawn = figures.new_figure(max(3.2 * len(histories) + 0.6, 5.2), 3.2)
    panels = drawn.subplots(1, len(histories), sharex=True, sharey=True, squeeze=False)[0]
    colours = {"train": figures.BLUE, "val": figures.ORANGE}
    for place, (axes, rows) in enumerate(zip(panels, histories, strict=True)):
        seaborn.lineplot(rows, x="epoch", y="accuracy", hue="side", palette=colours, ax=axes, legend=place == 0)
        axes.set_title(rows["backbone"].iloc[0], fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylim(0, 1)
    panels[0].legend(frameon=False, title=None, loc="lower right")
    drawn.suptitle("Learning curves: the epoch with the best val accuracy is kept", fontsize=11)
    drawn.tight_layout()
    return drawn


def read(path: Path, stage: str) -> Any:
    """The JSON that `stage` wrote."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} is not there; `dvc repro {stage}` makes it") from None
    except json.JSONDecodeError as error:
        raise InputError(f"{path} is no JSON ({error}); make it anew with `dvc repro {stage}`") from None


@app.callback(invoke_without_command=True)
def main(context: typer.Context) -> None:
    """Gather the scores of all backbones and baselines; with `show`, print what was gathered."""
    if context.invoked_subcommand is not None:
        return
    names = params.read(Params).train.backbones
    scored = {name: read(paths.metrics("evaluate", name), "evaluate") for name in names}
    summary = summarise(
        {"genre-classifier": read(paths.metrics("finetune"), "finetune")["best"]},
        scored,
        read(paths.metrics("baseline"), "baseline"),
    )
    tried = [
        read(path, path.stem)
        for path in (
            paths.metrics("balance"),
            paths.metrics("pairs"),
            paths.metrics("label_limit"),
            paths.metrics("criterion"),
            paths.metrics("ambiguity"),
            paths.metrics("style"),
            paths.metrics("leakage"),
        )
    ]
    data = counts(
        *(read(path, path.stem) for path in (paths.metrics("crawl"), paths.metrics("resize"), paths.metrics("split")))
    )
    write_json(paths.metrics("summary"), {"data": data, **summary, **experiments(*tried)})
    figures.save(figure(summary), paths.plot("summary"))
    figures.save(curves([history(paths.plots("train"), name) for name in names]), paths.plot("curves"))


@app.command()
def show() -> None:
    """Print the table of results and where to look next."""
    typer.echo(table(read(paths.metrics("summary"), "summary")))


if __name__ == "__main__":
    run(app, "summary")
