"""stages/evaluate.py: scores, predictions and figures of one model."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stages import evaluate
from webtoon_genre.core.errors import InputError
from webtoon_genre.data.tables import ThumbnailStore
from webtoon_genre.features.backbone import backbone_names
from webtoon_genre.training import classifier

GENRES = ["comic", "drama", "pure"]
PLOTS = ["confusion.csv", "confusion.png", "examples.png", "genres.png"]


class BrightnessModel(classifier.Classifier):
    """A stand-in for a trained model: a genre is as probable as its channel is bright; `batches` has the images of each call."""

    classes = GENRES

    def __init__(self):
        self.batches = []

    def predict(self, images, label):
        self.batches.append(len(images))
        brightness = images.mean(axis=(1, 2), dtype=np.float64) / 20
        powers = np.exp(brightness - brightness.max(axis=1, keepdims=True))
        return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def model(monkeypatch):
    model = BrightnessModel()
    monkeypatch.setattr(evaluate, "load_classifier", lambda folder: model)
    return model


def prediction_table(*rows):
    """The table of predictions, from (title_id, genre, predicted genre, its probability)."""
    table = pd.DataFrame(rows, columns=["title_id", "genre", "predicted", "probability"]).assign(no=1)
    for genre in GENRES:
        table[f"p_{genre}"] = np.where(table["predicted"] == genre, table["probability"], 0.1).astype(np.float32)
    return table.drop(columns="probability")


def written_files(folder="."):
    """Bytes by path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file()
    }


def test_scores_of_val_and_test_rows_are_written(synthetic_dataset, model):
    evaluate.main("resnet50")
    scores = json.loads(Path("metrics/evaluate/resnet50.json").read_text())
    assert set(scores) == {"val", "test"}
    assert (scores["test"]["accuracy"], scores["test"]["images"], scores["test"]["groups"]) == (1.0, 12, 3)
    assert scores["test"]["per_genre"]["pure"]["support"] == 4


def test_train_rows_are_not_predicted(synthetic_dataset, model):
    train = synthetic_dataset.loc[synthetic_dataset["split"] == "train", "title_id"].unique()
    for title_id in train:
        Path(f"data/resized/{title_id}.npy").unlink()
    evaluate.main("resnet50")
    assert sum(model.batches) == (synthetic_dataset["split"] != "train").sum()
    assert not set(pd.read_parquet("data/predictions/resnet50.parquet")["title_id"]) & set(train)


def test_every_val_and_test_row_has_its_prediction_in_the_order_of_the_dataset(synthetic_dataset, model):
    evaluate.main("resnet50")
    table = pd.read_parquet("data/predictions/resnet50.parquet")
    expected = synthetic_dataset[synthetic_dataset["split"] != "train"].reset_index(drop=True)
    columns = ["title_id", "no", "genre", "label", "split"]
    assert (table[columns] == expected[columns]).all(axis=None)
    assert list(table.columns[5:]) == ["predicted", "p_comic", "p_drama", "p_pure"]
    assert (table.dtypes.iloc[6:] == np.float32).all()
    assert (table["predicted"] == table[table.columns[6:]].idxmax(axis=1).str.removeprefix("p_")).all()


def test_predictions_do_not_depend_on_the_chunk_size(synthetic_dataset, model, monkeypatch):
    thumbnails, rows = ThumbnailStore(Path("data/resized")), synthetic_dataset
    at_once = model.predict_rows(thumbnails, rows, "resnet50")
    monkeypatch.setattr(classifier, "CHUNK", 7)
    assert (model.predict_rows(thumbnails, rows, "resnet50") == at_once).all()
    assert model.batches[1:] == [7] * 8 + [4]


def test_two_runs_write_the_same_bytes(synthetic_dataset, model):
    runs = []
    for _ in range(2):
        evaluate.main("vgg16")
        runs.append(written_files())
    assert runs[0] == runs[1]
    assert {f"plots/evaluate/vgg16/{name}" for name in PLOTS} <= set(runs[0])


def test_no_plot_names_a_folder_of_this_machine(synthetic_dataset, model, workspace):
    evaluate.main("vgg16")
    assert not [name for name, content in written_files("plots").items() if str(workspace).encode() in content]


def test_the_table_for_dvc_has_one_line_a_test_image(synthetic_dataset, model):
    evaluate.main("resnet50")
    text = Path("plots/evaluate/resnet50/confusion.csv").read_text()
    assert text == "actual,predicted\n" + "comic,comic\n" * 4 + "drama,drama\n" * 4 + "pure,pure\n" * 4


def test_the_most_confident_predictions_are_one_a_title_correct_and_wrong_apart():
    table = prediction_table(
        (3, "comic", "comic", 0.5),
        (1, "comic", "comic", 0.9),
        (1, "comic", "comic", 0.8),
        (2, "drama", "pure", 0.7),
        (4, "drama", "comic", 0.95),
    )
    assert evaluate.most_confident(table, correct=True)["title_id"].tolist() == [1, 3]
    assert evaluate.most_confident(table, correct=True)["probability"].tolist() == pytest.approx([0.9, 0.5])
    assert evaluate.most_confident(table, correct=False)["title_id"].tolist() == [4, 2]


def test_of_equally_probable_predictions_the_smaller_title_comes_first():
    table = prediction_table((2, "pure", "pure", 0.5), (1, "pure", "pure", 0.5), (3, "pure", "pure", 0.5))
    assert evaluate.most_confident(table, correct=True)["title_id"].tolist() == [1, 2, 3]


def test_examples_are_drawn_if_all_predictions_are_correct_or_all_are_wrong(synthetic_dataset):
    thumbnails = ThumbnailStore(Path("data/resized"))
    for predicted, expected in (("comic", (1, 0)), ("pure", (0, 1))):
        figure = evaluate.examples_figure(prediction_table((1, "comic", predicted, 0.5)), thumbnails, "title")
        panels = [sum(bool(axes.images) for axes in figure.axes[start : start + evaluate.EXAMPLES]) for start in (0, 8)]
        assert tuple(panels) == expected


@pytest.mark.parametrize("count", [2, 10, 18])
def test_labels_of_the_confusion_matrix_are_inside_the_figure_and_do_not_overlap(count):
    genres = [f"genre number {number}" for number in range(count)]
    table = pd.DataFrame({"label": range(count), "predicted": genres[::-1]})
    figure = evaluate.confusion_figure(table, genres, "title")
    figure.canvas.draw()
    boxes = [label.get_window_extent() for label in figure.axes[0].get_yticklabels()]
    assert all(box.x0 >= 0 for box in boxes)
    assert all(above.y0 > below.y1 for above, below in pairwise(boxes))
    assert all(label.get_window_extent().y0 >= 0 for label in figure.axes[0].get_xticklabels())


def test_a_row_of_the_confusion_matrix_shows_shares_of_the_true_genre():
    table = pd.DataFrame({"label": [0, 0, 0, 1], "predicted": ["comic", "comic", "drama", "drama"]})
    axes = evaluate.confusion_figure(table, GENRES[:2], "title").axes[0]
    assert [text.get_text() for text in axes.texts] == ["67", "33", "100"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["comic (3)", "drama (1)"]


def test_the_bars_of_a_genre_are_its_scores():
    per_genre = {"comic": {"precision": 0.5, "recall": 1.0, "f1": 2 / 3, "support": 4, "titles": 2}}
    axes = evaluate.genres_figure(per_genre, "title").axes[0]
    assert [bar.get_width() for bar in axes.patches] == [0.5, 1.0, 2 / 3]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["comic (4; 2)"]


def test_a_model_of_other_genres_is_refused_and_nothing_is_written(synthetic_dataset, model):
    model.classes = ["comic", "drama"]
    before = written_files()
    with pytest.raises(InputError) as error:
        evaluate.main("resnet50")
    assert str(error.value) == (
        "the model knows the genres ['comic', 'drama'], the dataset has ['comic', 'drama', 'pure']; run `dvc repro train`"
    )
    assert written_files() == before


def test_an_unknown_backbone_is_one_line_with_the_known_names(synthetic_dataset, run_stage):
    process = run_stage("evaluate", "resnet51")
    assert process.returncode == 1
    assert process.stderr == (
        f"evaluate: backbone 'resnet51' is unknown; webtoon_genre/backbones has {', '.join(backbone_names())}\n"
    )
    assert not Path("metrics").exists()


def test_a_backbone_that_was_not_trained_is_one_clear_line(synthetic_dataset):
    with pytest.raises(InputError) as error:
        evaluate.main("resnet50")
    assert str(error.value) == "models/resnet50/config.json is not there; `dvc repro train` makes it"
