"""stages/evaluate.py: scores and figures of one model's predictions."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from stages import evaluate
from tests.conftest import REPOSITORY
from webtoon_genre.core import paths
from webtoon_genre.core.errors import InputError
from webtoon_genre.data.tables import ThumbnailStore
from webtoon_genre.training.predictions import held_out, prediction_table, write_predictions

GENRES = ["comic", "drama", "pure"]
PLOTS = ["confusion.csv", "confusion.png", "examples.png", "genres.png"]


@pytest.fixture
def predicted(synthetic_dataset):
    """Predictions by brightness: a genre is as probable as its channel is bright, so that all are right."""
    rows = synthetic_dataset.iloc[held_out(synthetic_dataset)]
    images = ThumbnailStore(Path("data/resized")).take(rows)
    powers = np.exp(images.mean(axis=(1, 2), dtype=np.float64) / 20)
    table = prediction_table(rows, (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32), GENRES)
    for path in (paths.predictions("resnet50"), paths.HISTOGRAM_PREDICTIONS):
        write_predictions(table, path)
    return table


def written_files(folder="."):
    """Bytes by path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file()
    }


def test_scores_of_val_and_test_rows_are_written(predicted):
    evaluate.main("resnet50")
    scores = json.loads(Path("metrics/evaluate/resnet50.json").read_text())
    assert set(scores) == {"val", "test", "test_detail", "against_colour_histogram"}
    detail = scores["test_detail"]
    assert (detail["averages"]["micro_f1"], detail["images"], detail["titles"]) == (1.0, 12, 3)
    assert (scores["test"]["accuracy"], scores["test"]["images"], scores["test"]["groups"]) == (1.0, 12, 3)
    assert scores["test"]["per_genre"]["pure"]["support"] == 4


def test_the_difference_from_the_colour_histogram_is_paired_by_title(predicted):
    wrong = (predicted["split"] == "test") & (predicted["title_id"] == predicted["title_id"].max())
    write_predictions(
        predicted.assign(predicted=predicted["predicted"].mask(wrong, "comic")), paths.HISTOGRAM_PREDICTIONS
    )
    evaluate.main("resnet50")
    change = json.loads(Path("metrics/evaluate/resnet50.json").read_text())["against_colour_histogram"]
    assert change["titles"] == 3
    assert change["difference"] == pytest.approx(wrong.sum() / 12, abs=1e-6)


def test_two_runs_write_the_same_bytes(predicted):
    runs = []
    for _ in range(2):
        evaluate.main("resnet50")
        runs.append(written_files())
    assert runs[0] == runs[1]
    assert {f"plots/evaluate/resnet50/{name}" for name in PLOTS} <= set(runs[0])


def test_no_plot_names_a_folder_of_this_machine(predicted, workspace):
    evaluate.main("resnet50")
    assert not [name for name, content in written_files("plots").items() if str(workspace).encode() in content]


def test_the_table_for_dvc_has_one_line_a_test_image(predicted):
    evaluate.main("resnet50")
    text = Path("plots/evaluate/resnet50/confusion.csv").read_text()
    assert text == "actual,predicted\n" + "comic,comic\n" * 4 + "drama,drama\n" * 4 + "pure,pure\n" * 4


def test_keras_is_not_imported(predicted):
    code = "import sys; from stages import evaluate; evaluate.main('resnet50'); print(*{'keras', 'tensorflow'} & set(sys.modules))"
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert result.stdout == "\n"


def test_a_backbone_that_was_not_trained_is_one_clear_line(synthetic_dataset):
    with pytest.raises(InputError) as error:
        evaluate.main("resnet50")
    assert str(error.value) == "data/predictions/resnet50.parquet is not there; `dvc repro train` makes it"
    assert not Path("metrics").exists()
