import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stages import summary
from webtoon_genre.core.errors import InputError

BACKBONES = {"resnet50": (0.51, 0.412, [0.33, 0.5], 0.35), "vgg16": (0.52, 0.39, [0.3, 0.47], 0.31)}
BASELINES = {"majority": (0.22, 0.231, [0.1, 0.38], 0.04), "colour_histogram": (0.33, 0.301, [0.2, 0.4], 0.22)}
FINETUNED = {"genre-classifier": (0.55, 0.43, [0.35, 0.51], 0.37)}
TABLE = """\
fine-tuned        val accuracy  test accuracy  test interval  macro F1
genre-classifier         0.550          0.430    0.350–0.510     0.370

backbone          val accuracy  test accuracy  test interval  macro F1
vgg16                    0.520          0.390    0.300–0.470     0.310
resnet50                 0.510          0.412    0.330–0.500     0.350

baseline          val accuracy  test accuracy  test interval  macro F1
colour_histogram         0.330          0.301    0.200–0.400     0.220
majority                 0.220          0.231    0.100–0.380     0.040
"""


def sides(val, test, interval, f1):
    """Scores as evaluate and baseline write them, with more than summary needs."""
    return {
        "val": {"accuracy": val, "macro_f1": 0.9, "log_loss": 2.0},
        "test": {"accuracy": test, "accuracy_interval": interval, "macro_f1": f1, "per_genre": {"comic": {"f1": 0.1}}},
    }


def scored(models):
    return {name: sides(*figures) for name, figures in models.items()}


@pytest.fixture
def metrics(workspace, set_params):
    """The workspace with the metrics of two backbones and the baselines."""
    set_params({"train.backbones": list(BACKBONES)})
    Path("metrics/evaluate").mkdir(parents=True)
    for name, scores in scored(BACKBONES).items():
        Path(f"metrics/evaluate/{name}.json").write_text(json.dumps(scores))
    counted = {
        "crawl": {"thumbnails": 831, "titles": 81},
        "resize": {"rejected": 6, "images": 825},
        "split": {"images": {"train": 497, "val": 156, "test": 172}, "titles": {}},
    }
    for name, counts in counted.items():
        Path(f"metrics/{name}.json").write_text(json.dumps(counts))
    Path("metrics/finetune.json").write_text(json.dumps({"best": scored(FINETUNED)["genre-classifier"], "cuts": {}}))
    Path("metrics/baseline.json").write_text(json.dumps(scored(BASELINES)))
    change = {"against_none": {name: {"difference": 0.02} for name in ("accuracy", "balanced_accuracy")}}
    pairs = {
        name: {"test": {"accuracy": accuracy}, "against_ten_way": {"difference": 0.1}}
        for name, accuracy in (("comic_daily", 0.6), ("drama_pure", 0.8))
    }
    Path("metrics/balance.json").write_text(json.dumps({"variants": {"none": change, "focal": change}}))
    Path("metrics/pairs.json").write_text(json.dumps({"pairs": pairs}))
    steps = [{"genres": ["a", "b"], "accuracy": 0.9, "kappa": 0.7, "accuracy_interval": [0, 1]}]
    Path("metrics/label_limit.json").write_text(json.dumps({"steps": steps, "random": []}))
    criteria = {"author": {"accuracy": 0.6, "kappa": 0.5, "images": 9}}
    Path("metrics/leakage.json").write_text(json.dumps({"leakage": {"accuracy": {"difference": 0.1}}}))
    where = {"accuracy": 0.6, "where_errors_are": {"ambiguity": 0.3, "overlap": 0.4}, "flagged": {"titles": 5}}
    Path("metrics/ambiguity.json").write_text(json.dumps(where))
    pools = {pool: {"accuracy": 0.6, "kappa": 0.5, "width": 8} for pool in ("average", "style")}
    Path("metrics/style.json").write_text(json.dumps({"backbones": {"vgg16": pools}}))
    Path("metrics/criterion.json").write_text(json.dumps({"criteria": criteria}))
    for name in BACKBONES:
        for side in ("train", "val"):
            path = Path(f"plots/train/{name}/{side}/accuracy.tsv")
            path.parent.mkdir(parents=True)
            path.write_text("step\taccuracy\n0\t0.1\n1\t0.4\n")
    return workspace


def call(*arguments):
    """The finished command; its bugs and InputErrors are raised."""
    return CliRunner().invoke(summary.app, arguments, catch_exceptions=False)


def test_the_summary_holds_the_few_figures_of_each_model_and_no_more(metrics):
    call()
    found = json.loads(Path("metrics/summary.json").read_text())
    assert {part: list(models) for part, models in found.items()} == {
        "ambiguity": ["accuracy", "flagged_titles", "share_of_errors"],
        "backbones": ["resnet50", "vgg16"],
        "balance": ["focal"],
        "baselines": ["colour_histogram", "majority"],
        "criterion": ["author"],
        "data": ["images", "rejected", "thumbnails"],
        "finetuned": ["genre-classifier"],
        "label_limit": ["2_genres"],
        "leakage": ["accuracy"],
        "pairs": ["least_accuracy", "mean_accuracy", "mean_change_from_ten_way"],
        "style": ["vgg16"],
    }
    assert found["data"] == {"thumbnails": 831, "rejected": 6, "images": {"train": 497, "val": 156, "test": 172}}
    assert found["balance"]["focal"] == {"accuracy": 0.02, "balanced_accuracy": 0.02}
    assert found["pairs"] == {"least_accuracy": 0.6, "mean_accuracy": 0.7, "mean_change_from_ten_way": 0.1}
    assert found["backbones"]["resnet50"] == {
        "val_accuracy": 0.51,
        "test_accuracy": 0.412,
        "test_accuracy_interval": [0.33, 0.5],
        "test_macro_f1": 0.35,
    }


def test_only_the_backbones_in_params_are_gathered(metrics, set_params):
    set_params({"train.backbones": ["vgg16"]})
    call()
    assert list(json.loads(Path("metrics/summary.json").read_text())["backbones"]) == ["vgg16"]


def test_show_prints_an_aligned_table_best_validation_first_and_where_to_look_next(metrics):
    call()
    shown = call("show").stdout
    assert shown == TABLE + "\n" + summary.NEXT + "\n"
    assert "dvc exp run -S lr=1e-5" in shown


def test_show_writes_nothing(metrics):
    call()
    before = {path: path.stat().st_mtime_ns for path in sorted(metrics.rglob("*"))}
    call("show")
    assert {path: path.stat().st_mtime_ns for path in sorted(metrics.rglob("*"))} == before


def test_the_order_is_by_validation_and_not_by_test_accuracy():
    models = summary.summarise(scored(FINETUNED), scored(BACKBONES), scored(BASELINES))["backbones"]
    assert [name for name, _ in summary.ranked(models)] == ["vgg16", "resnet50"]


def test_equal_validation_accuracies_stand_by_name():
    rows = {name: {"val_accuracy": 0.5} for name in ("vgg19", "inception_v3", "vgg16")}
    assert [name for name, _ in summary.ranked(rows)] == ["inception_v3", "vgg16", "vgg19"]


def test_the_figure_names_every_model_and_says_what_the_dashed_line_is():
    axes = summary.figure(summary.summarise(scored(FINETUNED), scored(BACKBONES), scored(BASELINES))).axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["genre-classifier", "vgg16", "resnet50", "colour histogram", "majority"]
    assert [text.get_text() for text in axes.texts] == ["0.430", "0.390", "0.412", "0.301", "0.231"]
    dashed = [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == "--"]
    assert dashed == [0.5478]
    assert "0.5478, the original study's best" in axes.get_xlabel()


def bars(metrics):
    return summary.figure(summary.summarise(scored(FINETUNED), scored(BACKBONES), scored(BASELINES)))


def curves_of_one_backbone(metrics):
    return summary.curves([summary.history(Path("plots/train"), "vgg16")])


@pytest.mark.parametrize("draw", [bars, curves_of_one_backbone])
def test_all_text_stays_within_the_figure(metrics, draw):
    figure = draw(metrics)
    figure.canvas.draw()
    frame = figure.get_tightbbox().extents * figure.dpi  # left, bottom, right, top, in pixels
    assert frame[0] >= 0
    assert frame[1] >= 0
    assert frame[2] <= figure.bbox.width
    assert frame[3] <= figure.bbox.height


def test_two_processes_write_the_same_bytes(metrics, run_stage):
    runs = []
    for _ in range(2):
        assert run_stage("summary").returncode == 0
        runs.append(
            [Path(name).read_bytes() for name in ("metrics/summary.json", "plots/summary.png", "plots/curves.png")]
        )
    assert runs[0] == runs[1]


def test_learning_curves_have_a_panel_a_backbone_and_a_line_a_side(metrics):
    drawn = summary.curves([summary.history(Path("plots/train"), name) for name in BACKBONES])
    assert [axes.get_title() for axes in drawn.axes] == list(BACKBONES)
    for axes in drawn.axes:
        lines = [line.get_ydata().tolist() for line in axes.lines if len(line.get_ydata())]
        assert lines == [[0.1, 0.4], [0.1, 0.4]]


def test_missing_learning_curves_are_one_clear_line(metrics):
    Path("plots/train/vgg16/val/accuracy.tsv").unlink()
    with pytest.raises(InputError) as error:
        call()
    assert str(error.value) == "plots/train/vgg16/val/accuracy.tsv is not there; `dvc repro train` makes it"


def test_a_backbone_that_was_not_evaluated_is_one_clear_line_and_nothing_is_written(metrics):
    Path("metrics/evaluate/vgg16.json").unlink()
    with pytest.raises(InputError) as error:
        call()
    assert str(error.value) == "metrics/evaluate/vgg16.json is not there; `dvc repro evaluate` makes it"
    assert not Path("metrics/summary.json").exists()


def test_a_broken_file_is_named(metrics):
    Path("metrics/baseline.json").write_text("{")
    with pytest.raises(InputError) as error:
        call()
    assert str(error.value) == (
        "metrics/baseline.json is no JSON (Expecting property name enclosed in double quotes: line 1 column 2 (char 1)); "
        "make it anew with `dvc repro baseline`"
    )


def test_show_before_any_run_says_how_to_get_results(run_stage):
    done = run_stage("summary", "show")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "summary: metrics/summary.json is not there; `dvc repro summary` makes it\n"
