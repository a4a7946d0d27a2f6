"""stages/select.py: the best trial and its inputs, the table and the figures of the grid."""

import hashlib
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stages import select
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.params import read
from webtoon_genre.features.backbone import architecture_file

BACKBONES, DEPTHS = ["resnet50", "vgg16"], [0, "all"]
GRID = {"units": [128, 256], "lr": [0.001, 0.0001]}
BEST = ("vgg16", "all", 256, 0.0001)


def row(backbone: str, layers: int | str, units: int, lr: float) -> dict:
    """A trial; its accuracy grows with its position in the grid, except for the best."""
    position = sum(GRID[key].index(value) for key, value in (("units", units), ("lr", lr)))
    accuracy = 0.9 if (backbone, layers, units, lr) == BEST else 0.2 + position / 100
    trained = 1000 * units * (10 if layers == "all" else 1)
    rest = {"epochs": 4, "best_epoch": 2, "accuracy": 0.5, "loss": 1.0, "val_loss": 1.5, "val_titles": 40}
    return {
        "unfreeze": layers,
        "units": units,
        "lr": lr,
        "val_accuracy": accuracy,
        "val_accuracy_interval": [accuracy - 0.1, accuracy + 0.05],
        "trainable_parameters": trained,
        **rest,
    }


@pytest.fixture
def grid_workspace(workspace, set_params):
    """A workspace with the rows of a grid of sixteen trials and of two trained models, and stand-ins for the other files read."""
    grid = {**GRID, "frozen": [], "unfreeze": DEPTHS}
    set_params({"train.backbones": BACKBONES, **{f"handling.grid.{key}": values for key, values in grid.items()}})
    Path("metrics/handling").mkdir(parents=True)
    for backbone in BACKBONES:
        write_trials(backbone, all_trials(backbone))
        write_trained(backbone, 0.5 if backbone == "resnet50" else 0.4)
        for name in (*inputs(backbone), *trained(backbone)):
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_text(name)
    return workspace


def extractor(backbone: str) -> str:
    return f"models/extractor/{backbone}.weights.h5"


def inputs(backbone: str) -> list[str]:
    """What a trial starts from."""
    return [f"data/features/{backbone}.npy", f"data/features/{backbone}-augmented.npy", extractor(backbone)]


def trained(backbone: str) -> list[str]:
    """Files of a trained model."""
    models = [f"models/trained/{backbone}/{name}" for name in ("config.json", "trained.weights.h5")]
    return [f"data/predictions/{backbone}.parquet", f"plots/train/{backbone}/val/accuracy.tsv", *models]


def write_trained(backbone: str, val_accuracy: float, val_loss: float = 1.0) -> None:
    """Write the metrics of a trained model."""
    Path("metrics/train").mkdir(parents=True, exist_ok=True)
    cell = {"val_accuracy": val_accuracy, "val_loss": val_loss}
    Path(f"metrics/train/{backbone}.json").write_text(json.dumps({"cells": [cell]}))


def all_trials(backbone: str) -> list[dict]:
    return [row(backbone, layers, units, lr) for layers in DEPTHS for units in GRID["units"] for lr in GRID["lr"]]


def write_trials(backbone: str, trials: list[dict]) -> None:
    Path(f"metrics/handling/{backbone}.json").write_text(json.dumps({"cells": trials}))


def read_metrics() -> dict:
    return json.loads(Path("metrics/select.json").read_text())


def call(*arguments):
    """Run the command in this process; errors are raised."""
    return CliRunner().invoke(select.app, arguments, catch_exceptions=False)


def test_the_metrics_hold_the_best_trial_and_the_best_of_each_backbone_and_unfreeze(grid_workspace):
    call()
    metrics = read_metrics()
    assert metrics["cells"] == 16
    assert tuple(metrics["best"][key] for key in ("backbone", "unfreeze", "units", "lr")) == BEST
    assert sorted(metrics["cuts"]) == ["resnet50-0", "resnet50-all", "vgg16-0", "vgg16-all"]
    assert metrics["cuts"]["resnet50-0"] == {
        "lr": 0.0001,
        "trainable_parameters": 256_000,
        "units": 256,
        "val_accuracy": 0.22,
        "val_accuracy_interval": [0.12, 0.27],
        "val_titles": 40,
    }


def test_the_metrics_hold_the_digest_of_the_best_backbone_s_module(grid_workspace):
    call()
    digest = hashlib.sha256(architecture_file("vgg16").read_bytes()).hexdigest()
    assert read_metrics()["architecture"] == f"sha256:{digest}"


def test_the_inputs_of_the_best_trial_and_the_best_trained_model_are_handed_on_as_hard_links(grid_workspace):
    call()
    sources = {
        "features.npy": "data/features/vgg16.npy",
        "features-augmented.npy": "data/features/vgg16-augmented.npy",
        "extractor.weights.h5": extractor("vgg16"),
        "before.parquet": "data/predictions/vgg16.parquet",
        "style.npy": "data/features/resnet50.npy",
        "predictions.parquet": "data/predictions/resnet50.parquet",
        "curves/val/accuracy.tsv": "plots/train/resnet50/val/accuracy.tsv",
        "model/config.json": "models/trained/resnet50/config.json",
        "model/trained.weights.h5": "models/trained/resnet50/trained.weights.h5",
    }
    files = [path for path in Path("models/selected").rglob("*") if path.is_file()]
    assert sorted(path.relative_to("models/selected").as_posix() for path in files) == sorted(sources)
    for name, source in sources.items():
        assert (Path("models/selected") / name).samefile(source)


def test_the_metrics_hold_the_validation_accuracy_of_every_trained_model_and_name_the_best(grid_workspace):
    call()
    metrics = read_metrics()
    assert (metrics["best_trained"], metrics["trained"]) == ("resnet50", {"resnet50": 0.5, "vgg16": 0.4})


def test_fine_tuning_starts_from_the_best_trial_of_the_backbones_that_are_not_frozen(grid_workspace, set_params):
    set_params({"handling.grid.frozen": ["vgg16"]})
    call()
    metrics = read_metrics()
    assert (metrics["best"]["backbone"], metrics["start"]["backbone"]) == ("vgg16", "resnet50")
    assert metrics["start"]["val_accuracy"] == 0.22
    assert Path("models/selected/features.npy").samefile("data/features/resnet50.npy")


def test_where_all_backbones_are_frozen_fine_tuning_starts_from_the_best_trial(grid_workspace, set_params):
    set_params({"handling.grid.frozen": BACKBONES})
    call()
    metrics = read_metrics()
    assert metrics["start"] == metrics["best"]


def test_among_trained_models_of_equal_accuracy_the_smaller_loss_is_better(grid_workspace):
    write_trained("vgg16", 0.5, val_loss=0.9)
    call()
    assert read_metrics()["best_trained"] == "vgg16"


@pytest.mark.parametrize("position", range(4))
def test_missing_files_of_the_best_trained_model_are_one_line(grid_workspace, position):
    path = Path(trained("resnet50")[position])
    for file in path.parent.iterdir() if "models" in path.parts else [path]:
        file.unlink()
    missing = {"models": "models/trained/resnet50", "plots": "plots/train/resnet50"}.get(path.parts[0], str(path))
    with pytest.raises(InputError, match=rf"^{missing} is not there; `dvc repro train` makes it$"):
        call()
    assert not Path("models/selected").exists()


def test_a_link_of_dvc_s_cache_is_followed(grid_workspace, tmp_path_factory):
    cached = tmp_path_factory.mktemp("cache") / "ab12"
    Path(extractor("vgg16")).rename(cached)
    Path(extractor("vgg16")).symlink_to(cached)
    call()
    target = Path("models/selected/extractor.weights.h5")
    assert target.read_text() == extractor("vgg16")
    assert not target.is_symlink()


def test_without_hard_links_the_inputs_are_copied(grid_workspace, monkeypatch):
    def refuse(*_):
        raise OSError("no hard links on this disk")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    call()
    target = Path("models/selected/extractor.weights.h5")
    assert target.read_text() == extractor("vgg16")
    assert not target.samefile(extractor("vgg16"))


def test_inputs_of_an_earlier_best_trial_are_replaced(grid_workspace):
    call()
    trials = json.loads(Path("metrics/handling/resnet50.json").read_text())["cells"]
    write_trials("resnet50", [{**trial, "val_accuracy": 0.95} for trial in trials])
    call()
    assert Path("models/selected/features.npy").samefile("data/features/resnet50.npy")
    assert Path("data/features/vgg16.npy").read_text() == "data/features/vgg16.npy"


def fail(backbone: str, positions: list[int]) -> None:
    """Let some trials of a backbone have failed, by their position in its metrics."""
    trials = json.loads(Path(f"metrics/handling/{backbone}.json").read_text())["cells"]
    for position in positions:
        scores = dict.fromkeys(set(trials[position]) - {"unfreeze", "units", "lr"})
        trials[position] |= {**scores, "failed": "loss is nan in epoch 1 at the learning rate 0.001"}
    write_trials(backbone, trials)


def test_failed_trials_are_counted_and_left_out(grid_workspace, caplog):
    fail("vgg16", [1, 7])  # 7: the best
    call()
    metrics = read_metrics()
    assert (metrics["cells"], metrics["failed"]) == (16, 2)
    assert (metrics["best"]["val_accuracy"], metrics["best"]["epochs"]) == (0.22, 4)
    assert "failed" not in metrics["best"]
    text = "2 of 16 trials failed: their training ended in NaN or infinity."
    assert caplog.messages == [text]
    lines = Path("metrics/handling.md").read_text().splitlines()
    assert lines[2] == "| resnet50 | 0 | 256 | 0.0001 | 256,000 | 4 | 0.220 [0.120, 0.270], 40 titles |"
    assert lines[-2:] == ["", text]
    assert len(lines) == 2 + 4 + 2


def test_the_table_for_dvc_plots_has_every_trial_those_that_failed_without_numbers(grid_workspace):
    fail("resnet50", [0])
    call()
    lines = Path("plots/handling/trials.csv").read_text().splitlines()
    assert lines[:3] == [
        "backbone,unfreeze,units,lr,val_accuracy,low,high",
        "resnet50,0,128,0.001,,,",
        "resnet50,0,128,0.0001,0.21,0.11,0.26",
    ]
    assert len(lines) == 1 + 16


def test_where_no_trial_failed_nothing_is_said_of_it(grid_workspace, caplog):
    call()
    assert read_metrics()["failed"] == 0
    assert caplog.messages == []
    assert "failed" not in Path("metrics/handling.md").read_text()


def test_a_depth_of_which_all_trials_failed_stays_in_the_table(grid_workspace):
    fail("resnet50", [0, 1, 2, 3])
    call()
    lines = Path("metrics/handling.md").read_text().splitlines()
    assert lines[-3] == "| resnet50 | 0 | | | | | failed |"
    assert sorted(read_metrics()["cuts"]) == ["resnet50-all", "vgg16-0", "vgg16-all"]


def test_a_backbone_of_which_all_trials_failed_has_an_empty_panel(grid_workspace):
    fail("resnet50", [*range(8)])
    params = read(select.Params)
    trials, grid = select.gather(params), params.handling.grid
    figure = select.grid_figure(trials, grid)
    assert [text.get_text() for text in figure.axes[0].texts] == ["failed"] * 4
    assert [text.get_text() for text in figure.axes[3].texts] == ["0.200", "0.210", "0.210", "0.900"]
    assert figure.get_suptitle() == (
        "Best of 16 trials on validation images: vgg16, all unfrozen, 256 Dense units, learning rate 0.0001: "
        "accuracy 0.900 [0.800, 0.950], 40 titles"
    )
    assert (
        figure.get_supxlabel()
        == "validation accuracy of 16 trials, 95% intervals about ±0.08; framed: the best; 8 failed"
    )
    assert len(select.rates_figure(trials, grid).axes) == 2
    select.accuracy_figure(trials, "trainable_parameters", "trained parameters").canvas.draw()


def test_a_grid_of_which_all_trials_failed_is_one_line_and_nothing_is_written(grid_workspace):
    for backbone in BACKBONES:
        fail(backbone, [*range(8)])
    with pytest.raises(InputError) as caught:
        call()
    assert str(caught.value) == (
        "all 16 trials of the grid failed, the first because loss is nan in epoch 1 at the learning rate 0.001; "
        "lower handling.grid.lr"
    )
    assert not Path("metrics/select.json").exists()
    assert not Path("models/selected").exists()


def test_missing_features_of_the_best_backbone_are_one_line(grid_workspace):
    Path("data/features/vgg16.npy").unlink()
    with pytest.raises(InputError, match=r"^data/features/vgg16\.npy is not there; `dvc repro features` makes it$"):
        call()
    assert not Path("models/selected").exists()
    assert not Path("metrics/select.json").exists()


def test_among_equal_accuracies_the_smaller_loss_is_better(grid_workspace):
    trials = json.loads(Path("metrics/handling/resnet50.json").read_text())["cells"]
    trials[1] |= {"val_accuracy": 0.9, "val_loss": 1.4}
    write_trials("resnet50", trials)
    call()
    best = read_metrics()["best"]
    assert (best["backbone"], best["units"], best["lr"]) == ("resnet50", 128, 0.0001)


def test_the_table_has_a_line_for_each_backbone_and_unfreeze_the_best_first(grid_workspace):
    call()
    lines = Path("metrics/handling.md").read_text().splitlines()
    assert lines[2] == "| vgg16 | all | 256 | 0.0001 | 2,560,000 | 4 | 0.900 [0.800, 0.950], 40 titles |"
    assert len(lines) == 2 + 4


def test_rows_of_an_earlier_grid_are_not_read(grid_workspace):
    write_trials("vgg19", [row("vgg16", "all", 256, 0.0001)])
    call()
    assert read_metrics()["cells"] == 16


def test_missing_rows_are_one_line_and_nothing_is_written(grid_workspace):
    Path("metrics/handling/vgg16.json").unlink()
    with pytest.raises(InputError, match=r"^metrics/handling/vgg16\.json is not there; `dvc repro handling` makes it$"):
        call()
    assert not Path("metrics/select.json").exists()


def test_the_grid_has_a_panel_for_each_backbone_and_unfreeze_with_all_accuracies(grid_workspace):
    call()
    grid = select.Grid(**GRID)
    figure = select.grid_figure(select.gather(read(select.Params)), grid)
    assert len(figure.axes) == 4
    assert [text.get_text() for text in figure.axes[3].texts] == ["0.200", "0.210", "0.210", "0.900"]
    framed = [axes for axes in figure.axes if axes.patches]
    assert framed == [figure.axes[3]]
    assert framed[0].patches[0].get_xy() == (0.5, 0.5)  # 256 and 0.0001: below on the right


@pytest.mark.parametrize("name", ["grid_figure", "rates_figure", "accuracy_figure"])
@pytest.mark.parametrize("unfreeze", [[0], [0, "all"], [0, 10, 20, 30, 40, "all"]])
def test_all_text_is_inside_the_figure(grid_workspace, name, unfreeze):
    grid = select.Grid(units=[128, 256, 512], lr=[0.001, 0.0001, 0.00001])
    trials = [{**row("resnet50", 0, 128, 0.001), "units": units, "lr": lr} for units in grid.units for lr in grid.lr]
    for backbone in BACKBONES:
        write_trials(backbone, [{**trial, "unfreeze": layers} for layers in unfreeze for trial in trials])
    trials = select.gather(read(select.Params))
    arguments = ("trainable_parameters", "trained parameters") if name == "accuracy_figure" else (grid,)
    figure = getattr(select, name)(trials, *arguments)
    figure.canvas.draw()
    frame = figure.get_tightbbox().extents * figure.dpi  # left, bottom, right, top, in pixels
    assert frame[0] >= 0
    assert frame[1] >= 0
    assert frame[2] <= figure.bbox.width
    assert frame[3] <= figure.bbox.height


def test_two_processes_write_the_same_bytes(grid_workspace, run_stage):
    names = ["metrics/select.json", "metrics/handling.md"]
    names += [f"plots/handling/{name}.png" for name in ("grid", "learning_rate", "parameters")]
    runs = []
    for _ in range(2):
        assert run_stage("select").returncode == 0
        runs.append([Path(name).read_bytes() for name in names])
    assert runs[0] == runs[1]


def test_times_are_drawn_from_the_logs_of_this_machine(grid_workspace):
    Path("logs/handling").mkdir(parents=True)
    Path("logs/handling/vgg16-0.json").write_text(json.dumps({"128-0.001": 12.5, "256-0.001": 20.0}))
    timed = select.with_seconds(select.gather(read(select.Params)))
    assert timed[["units", "seconds"]].to_numpy().tolist() == [[128, 12.5], [256, 20.0]]
    assert call("times").stdout == "logs/times.png\n"
    assert Path("logs/times.png").stat().st_size > 1000


def test_without_times_is_one_line(grid_workspace):
    with pytest.raises(InputError, match=r"^logs/handling has no times of these trials; "):
        call("times")


def test_metrics_of_backbones_that_left_the_grid_are_removed(grid_workspace, set_params):
    set_params({"train.backbones": ["vgg16"]})
    call()
    assert [path.name for path in Path("metrics/handling").iterdir()] == ["vgg16.json"]
