"""stages/select.py: the best cell, the table and the figures of the grid."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stages import select
from webtoon_genre.core.errors import InputError

GRID = {"backbones": ["resnet50", "vgg16"], "unfreeze": [0, "all"], "units": [128, 256], "lr": [0.001, 0.0001]}
BEST = ("vgg16", "all", 256, 0.0001)


def row(backbone: str, layers: int | str, units: int, lr: float) -> dict:
    """A cell whose accuracies grow with its place in the grid, but for the best."""
    place = sum(GRID[key].index(value) for key, value in (("units", units), ("lr", lr)))
    accuracy = 0.9 if (backbone, layers, units, lr) == BEST else 0.2 + place / 100
    trained = 1000 * units * (10 if layers == "all" else 1)
    kept = {"epochs": 4, "best_epoch": 2, "accuracy": 0.5, "loss": 1.0, "val_loss": 1.5}
    return {"units": units, "lr": lr, "val_accuracy": accuracy, "trainable_parameters": trained, **kept}


@pytest.fixture
def handled(workspace, set_params):
    """The workspace with the rows of a grid of sixteen cells."""
    set_params({"handling.grid": GRID})
    Path("metrics/handling").mkdir(parents=True)
    for backbone in GRID["backbones"]:
        for layers in GRID["unfreeze"]:
            cells = [row(backbone, layers, units, lr) for units in GRID["units"] for lr in GRID["lr"]]
            Path(f"metrics/handling/{backbone}-{layers}.json").write_text(json.dumps({"cells": cells}))
    return workspace


def call(*arguments):
    """The finished command; its bugs and InputErrors are raised."""
    return CliRunner().invoke(select.app, arguments, catch_exceptions=False)


def test_the_best_cell_of_all_is_selected_and_the_best_of_each_cut_told(handled):
    call()
    found = json.loads(Path("metrics/select.json").read_text())
    assert found["cells"] == 16
    assert tuple(found["best"][key] for key in ("backbone", "unfreeze", "units", "lr")) == BEST
    assert sorted(found["cuts"]) == ["resnet50-0", "resnet50-all", "vgg16-0", "vgg16-all"]
    assert found["cuts"]["resnet50-0"] == {
        "lr": 0.0001,
        "trainable_parameters": 256_000,
        "units": 256,
        "val_accuracy": 0.22,
    }


def test_among_equal_accuracies_the_smaller_loss_is_better(handled):
    path = Path("metrics/handling/resnet50-0.json")
    cells = json.loads(path.read_text())["cells"]
    cells[1] |= {"val_accuracy": 0.9, "val_loss": 1.4}
    path.write_text(json.dumps({"cells": cells}))
    call()
    best = json.loads(Path("metrics/select.json").read_text())["best"]
    assert (best["backbone"], best["units"], best["lr"]) == ("resnet50", 128, 0.0001)


def test_the_table_has_a_line_a_cut_the_best_first(handled):
    call()
    lines = Path("metrics/handling.md").read_text().splitlines()
    assert lines[2] == "| vgg16 | all | 256 | 0.0001 | 2,560,000 | 4 | 0.900 |"
    assert len(lines) == 2 + 4


def test_rows_that_an_earlier_grid_left_are_not_looked_at(handled):
    Path("metrics/handling/vgg19-0.json").write_text(json.dumps({"cells": [row("vgg16", "all", 256, 0.0001)]}))
    call()
    assert json.loads(Path("metrics/select.json").read_text())["cells"] == 16


def test_missing_rows_are_one_line_and_nothing_is_written(handled):
    Path("metrics/handling/vgg16-all.json").unlink()
    with pytest.raises(
        InputError, match=r"^metrics/handling/vgg16-all\.json is not there; `dvc repro handling` makes it$"
    ):
        call()
    assert not Path("metrics/select.json").exists()


def test_the_grid_has_a_panel_a_backbone_and_cut_with_every_accuracy_in_its_cell(handled):
    call()
    grid = select.Grid(**GRID)
    figure = select.grid_figure(select.gather(grid, Path("metrics/handling")), grid)
    assert len(figure.axes) == 4
    assert [text.get_text() for text in figure.axes[3].texts] == ["0.200", "0.210", "0.210", "0.900"]
    framed = [axes for axes in figure.axes if axes.patches]
    assert framed == [figure.axes[3]]
    assert framed[0].patches[0].get_xy() == (0.5, 0.5)  # 256 and 0.0001: below on the right


@pytest.mark.parametrize("name", ["grid_figure", "rates_figure", "against"])
@pytest.mark.parametrize("cuts", [[0], [0, "all"], [0, 10, 20, 30, 40, "all"]])
def test_all_text_stays_within_the_figures(handled, name, cuts):
    grid = select.Grid(**{**GRID, "unfreeze": cuts, "units": [128, 256, 512], "lr": [0.001, 0.0001, 0.00001]})
    for backbone in grid.backbones:
        for layers in cuts:
            cells = [{**row("resnet50", 0, 128, 0.001), "units": u, "lr": r} for u in grid.units for r in grid.lr]
            Path(f"metrics/handling/{backbone}-{layers}.json").write_text(json.dumps({"cells": cells}))
    cells = select.gather(grid, Path("metrics/handling"))
    extra = ("trainable_parameters", "trained parameters") if name == "against" else ()
    figure = getattr(select, name)(cells, grid, *extra)
    figure.canvas.draw()
    frame = figure.get_tightbbox().extents * figure.dpi  # left, bottom, right, top, in pixels
    assert frame[0] >= 0
    assert frame[1] >= 0
    assert frame[2] <= figure.bbox.width
    assert frame[3] <= figure.bbox.height


def test_two_processes_write_the_same_bytes(handled, run_stage):
    names = ["metrics/select.json", "metrics/handling.md"]
    names += [f"plots/handling/{name}.png" for name in ("grid", "learning_rate", "parameters")]
    runs = []
    for _ in range(2):
        assert run_stage("select").returncode == 0
        runs.append([Path(name).read_bytes() for name in names])
    assert runs[0] == runs[1]


def test_times_are_drawn_from_the_logs_of_this_machine(handled):
    Path("logs/handling").mkdir(parents=True)
    Path("logs/handling/vgg16-0.json").write_text(json.dumps({"128-0.001": 12.5, "256-0.001": 20.0}))
    grid = select.Grid(**GRID)
    found = select.timed(select.gather(grid, Path("metrics/handling")), Path("logs/handling"))
    assert found[["units", "seconds"]].to_numpy().tolist() == [[128, 12.5], [256, 20.0]]
    assert call("times").stdout == "logs/times.png\n"
    assert Path("logs/times.png").stat().st_size > 1000


def test_without_times_is_one_line(handled):
    with pytest.raises(InputError, match=r"^logs/handling has no times of these cells; "):
        call("times")
