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
WRITTEN = ["confusion.csv", "confusion.png", "examples.png", "genres.png"]


class Eye(classifier.Classifier):
    """A stand-in for a trained model: as sure of a genre as its channel is bright; it remembers how many images it saw."""

    classes = GENRES

    def __init__(self):
        self.seen = []

    def predict(self, images, what):
        self.seen.append(len(images))
        brightness = images.mean(axis=(1, 2), dtype=np.float64) / 20
        powers = np.exp(brightness - brightness.max(axis=1, keepdims=True))
        return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def model(monkeypatch):
    eye = Eye()
    monkeypatch.setattr(classifier, "load", lambda folder: eye)
    return eye


def rows_of(*answers):
    """Predictions as the table holds them: (title_id, genre, predicted, probability of what was predicted)."""
    table = pd.DataFrame(answers, columns=["title_id", "genre", "predicted", "probability"]).assign(no=1)
    for genre in GENRES:
        table[f"p_{genre}"] = np.where(table["predicted"] == genre, table["probability"], 0.1).astype(np.float32)
    return table.drop(columns="probability")


def written(folder="."):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file()
    }


def test_scores_of_val_and_test_rows_are_written(synthetic_dataset, model):
    evaluate.main("resnet50")
    found = json.loads(Path("metrics/evaluate/resnet50.json").read_text())
    assert set(found) == {"val", "test"}
    assert (found["test"]["accuracy"], found["test"]["images"], found["test"]["groups"]) == (1.0, 12, 3)
    assert found["test"]["per_genre"]["pure"]["support"] == 4


def test_train_rows_are_never_shown_to_the_model(synthetic_dataset, model):
    train = synthetic_dataset.loc[synthetic_dataset["split"] == "train", "title_id"].unique()
    for title_id in train:
        Path(f"data/resized/{title_id}.npy").unlink()
    evaluate.main("resnet50")
    assert sum(model.seen) == (synthetic_dataset["split"] != "train").sum()
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


def test_predictions_do_not_depend_on_the_chunk(synthetic_dataset, model, monkeypatch):
    resized, rows = ThumbnailStore(Path("data/resized")), synthetic_dataset
    whole = model.predict_rows(resized, rows, "resnet50")
    monkeypatch.setattr(classifier, "CHUNK", 7)
    assert (model.predict_rows(resized, rows, "resnet50") == whole).all()
    assert model.seen[1:] == [7] * 8 + [4]


def test_two_runs_write_the_same_bytes(synthetic_dataset, model):
    runs = []
    for _ in range(2):
        evaluate.main("vgg16")
        runs.append(written())
    assert runs[0] == runs[1]
    assert {f"plots/evaluate/vgg16/{name}" for name in WRITTEN} <= set(runs[0])


def test_nothing_written_names_a_folder_of_this_machine(synthetic_dataset, model, workspace):
    evaluate.main("vgg16")
    assert not [name for name, content in written("plots").items() if str(workspace).encode() in content]


def test_the_table_for_dvc_has_one_line_a_test_image(synthetic_dataset, model):
    evaluate.main("resnet50")
    text = Path("plots/evaluate/resnet50/confusion.csv").read_text()
    assert text == "actual,predicted\n" + "comic,comic\n" * 4 + "drama,drama\n" * 4 + "pure,pure\n" * 4


def test_the_surest_are_the_most_probable_one_a_title_right_and_wrong_apart():
    table = rows_of(
        (3, "comic", "comic", 0.5),
        (1, "comic", "comic", 0.9),
        (1, "comic", "comic", 0.8),
        (2, "drama", "pure", 0.7),
        (4, "drama", "comic", 0.95),
    )
    assert evaluate.surest(table, right=True)["title_id"].tolist() == [1, 3]
    assert evaluate.surest(table, right=True)["probability"].tolist() == pytest.approx([0.9, 0.5])
    assert evaluate.surest(table, right=False)["title_id"].tolist() == [4, 2]


def test_of_equally_sure_predictions_the_smaller_title_comes_first():
    table = rows_of((2, "pure", "pure", 0.5), (1, "pure", "pure", 0.5), (3, "pure", "pure", 0.5))
    assert evaluate.surest(table, right=True)["title_id"].tolist() == [1, 2, 3]


def test_examples_are_drawn_where_nothing_is_wrong_and_where_nothing_is_right(synthetic_dataset):
    resized = ThumbnailStore(Path("data/resized"))
    for predicted, shown in (("comic", (1, 0)), ("pure", (0, 1))):
        figure = evaluate.examples_figure(rows_of((1, "comic", predicted, 0.5)), resized, "title")
        drawn = [sum(bool(axes.images) for axes in figure.axes[start : start + evaluate.EXAMPLES]) for start in (0, 8)]
        assert tuple(drawn) == shown


@pytest.mark.parametrize("count", [2, 10, 18])
def test_labels_of_the_confusion_matrix_stay_within_the_figure_and_apart(count):
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


def test_bars_of_each_genre_are_its_scores():
    per_genre = {"comic": {"precision": 0.5, "recall": 1.0, "f1": 2 / 3, "support": 4}}
    axes = evaluate.genres_figure(per_genre, "title").axes[0]
    assert [bar.get_width() for bar in axes.patches] == [0.5, 1.0, 2 / 3]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["comic (4)"]


def test_a_model_of_other_genres_is_refused_and_nothing_is_written(synthetic_dataset, model):
    model.classes = ["comic", "drama"]
    before = written()
    with pytest.raises(InputError) as error:
        evaluate.main("resnet50")
    assert str(error.value) == (
        "the model knows the genres ['comic', 'drama'], the dataset has ['comic', 'drama', 'pure']; run `dvc repro train`"
    )
    assert written() == before


def test_an_unknown_backbone_is_one_line_that_names_those_known(synthetic_dataset, run_stage):
    done = run_stage("evaluate", "resnet51")
    assert done.returncode == 1
    assert done.stderr == (
        f"evaluate: backbone 'resnet51' is unknown; stages/backbones has {', '.join(backbone_names())}\n"
    )
    assert not Path("metrics").exists()


def test_a_backbone_that_was_not_trained_is_one_clear_line(synthetic_dataset):
    with pytest.raises(InputError) as error:
        evaluate.main("resnet50")
    assert str(error.value) == "models/resnet50/config.json is not there; `dvc repro train` makes it"
