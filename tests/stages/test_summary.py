"""stages/summary.py: all models beside the baselines, and the `summary` blocks of experiments."""

import contextlib
import io
import json
from pathlib import Path

import pytest
from dvc.compare import show_diff
from dvc.utils.diff import diff
from typer.testing import CliRunner

from stages import summary
from webtoon_genre.core.errors import InputError
from webtoon_genre.evaluation import study

BACKBONES = {"resnet50": (0.51, 0.412, [0.33, 0.5]), "vgg16": (0.52, 0.39, [0.3, 0.47])}
BASELINES = {"majority": (0.22, 0.231, [0.1, 0.38]), "colour_histogram": (0.33, 0.301, [0.2, 0.4])}
FINETUNED = {"genre-classifier": (0.55, 0.43, [0.35, 0.51])}
TABLE = """\
handed on         validation accuracy                test accuracy                      against histogram
genre-classifier  0.550 [0.200, 0.700], 14 titles    0.430 [0.350, 0.510], 16 titles    +0.041 [-0.020, +0.100]

backbone          validation accuracy                test accuracy                      against histogram
vgg16             0.520 [0.200, 0.700], 14 titles    0.390 [0.300, 0.470], 16 titles    +0.041 [-0.020, +0.100]
resnet50          0.510 [0.200, 0.700], 14 titles    0.412 [0.330, 0.500], 16 titles    +0.041 [-0.020, +0.100]

baseline          validation accuracy                test accuracy
colour_histogram  0.330 [0.200, 0.700], 14 titles    0.301 [0.200, 0.400], 16 titles
majority          0.220 [0.200, 0.700], 14 titles    0.231 [0.100, 0.380], 16 titles
"""


SPLIT = {
    "images": {"train": 497, "val": 156, "test": 172},
    "titles": {"train": 47, "val": 14, "test": 16},
    "images_by_genre": dict.fromkeys(study.GENRES),
}


def scores(val, test, interval):
    """Scores as evaluate and baseline write them, with more than summary needs."""
    return {
        "val": {"accuracy": val, "accuracy_interval": [0.2, 0.7], "groups": 14, "macro_f1": 0.9, "log_loss": 2.0},
        "test": {"accuracy": test, "accuracy_interval": interval, "groups": 16, "per_genre": {"comic": {"f1": 0.1}}},
    }


CHANGE = {"difference": 0.041, "interval": [-0.02, 0.1], "titles": 16}  # of a model from the colour histogram


def scores_by_model(models, **more):
    return {name: {**scores(*values), **more} for name, values in models.items()}


def write(path: str, value) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(json.dumps(value))


@pytest.fixture
def metrics(workspace, set_params):
    """A workspace with the metrics of two backbones, the fine-tuned model and the baselines, but of no experiment."""
    set_params({"train.backbones": list(BACKBONES)})
    for name, values in scores_by_model(BACKBONES, against_colour_histogram=CHANGE).items():
        write(f"metrics/evaluate/{name}.json", values)
    write("metrics/crawl.json", {"thumbnails": 831, "titles": 81, "source": "demo-2022-0.01"})
    write("metrics/resize.json", {"rejected": 6, "images": 825})
    write("metrics/split.json", SPLIT)
    write(
        "metrics/finetune.json",
        {"best": scores_by_model(FINETUNED, against_colour_histogram=CHANGE)["genre-classifier"], "cuts": {}},
    )
    write("metrics/baseline.json", scores_by_model(BASELINES))
    for folder in (*(f"plots/train/{name}" for name in BACKBONES), "plots/finetune/curves"):
        for split in ("train", "val"):
            curves = Path(f"{folder}/{split}")
            curves.mkdir(parents=True)
            (curves / "accuracy.tsv").write_text("step\taccuracy\n0\t0.1\n1\t0.4\n")
            (curves / "loss.tsv").write_text("step\tloss\n0\t2.5\n1\t1.25\n")
    return workspace


def call(*arguments):
    """Run the command in this process; errors are raised."""
    return CliRunner().invoke(summary.app, arguments, catch_exceptions=False)


def read_summary() -> dict:
    return json.loads(Path("metrics/summary.json").read_text())


def test_the_summary_holds_the_test_accuracy_of_each_model_and_the_amount_of_data(metrics):
    call()
    result = read_summary()
    assert {group: list(models) for group, models in result.items()} == {
        "backbones": ["resnet50", "vgg16"],
        "baselines": ["colour_histogram", "majority"],
        "data": ["rejected", "test_titles", "thumbnails"],
        "finetuned": ["genre-classifier"],
    }
    assert result["data"] == {"thumbnails": 831, "rejected": 6, "test_titles": 16}
    assert result["backbones"]["resnet50"] == {
        "against_colour_histogram": 0.041,
        "against_colour_histogram_interval": "[-0.020, +0.100], 16 titles",
        "test_accuracy": 0.412,
        "test_accuracy_interval": "[0.330, 0.500], 16 titles",
    }
    assert list(result["baselines"]["majority"]) == ["test_accuracy", "test_accuracy_interval"]


def test_metrics_diff_shows_each_number_beside_its_interval(metrics):
    # DVC leaves lists out, so an interval is a text
    call()
    before = read_summary()
    write("metrics/evaluate/vgg16.json", {**scores(0.5, 0.4, [0.31, 0.5]), "against_colour_histogram": CHANGE})
    call()
    files = [{"metrics/summary.json": {"data": content}} for content in (before, read_summary())]
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        show_diff(
            diff(*files), title="Metric", no_path=True, a_rev="before", b_rev="after", precision=5, round_digits=True
        )
    assert [line.rstrip() for line in output.getvalue().splitlines()] == [
        "Metric                                  before                     after                      Change",
        "backbones.vgg16.test_accuracy           0.39                       0.4                        0.01",
        "backbones.vgg16.test_accuracy_interval  [0.300, 0.470], 16 titles  [0.310, 0.500], 16 titles  -",
    ]


def test_the_summary_block_of_any_experiment_is_collected_by_its_name(metrics):
    call()
    before = read_summary()
    write("metrics/handwriting.json", {"summary": {"gain": 0.05}, "outcome": "A sentence.", "details": [1, 2]})
    write("metrics/weather.json", {"summary": {"rain": {"accuracy": 0.6}, "sun": {"accuracy": 0.7}}})
    call()
    assert read_summary() == {
        **before,
        "handwriting": {"gain": 0.05},
        "weather": {"rain": {"accuracy": 0.6}, "sun": {"accuracy": 0.7}},
    }


def test_metrics_without_a_summary_block_are_not_collected(metrics):
    call()
    before = read_summary()
    write("metrics/notes.json", {"outcome": "A sentence.", "accuracy": 0.6})
    write("metrics/weather/rain.json", {"summary": {"gain": 0.05}})  # an item of a matrix stage
    call()
    assert read_summary() == before


def test_a_second_run_does_not_collect_its_own_metrics(metrics):
    write("metrics/weather.json", {"summary": {"gain": 0.05}})
    call()
    first = Path("metrics/summary.json").read_bytes()
    call()
    assert Path("metrics/summary.json").read_bytes() == first


def test_only_the_backbones_in_params_are_collected(metrics, set_params):
    set_params({"train.backbones": ["vgg16"]})
    call()
    assert list(read_summary()["backbones"]) == ["vgg16"]


def test_show_prints_an_aligned_table_the_best_validation_accuracy_first(metrics):
    call()
    output = call("show").stdout
    assert output == TABLE + "\n" + summary.NEXT_STEPS + "\n"
    assert "dvc exp run -S lr=1e-4" in output


def test_show_writes_nothing(metrics):
    call()
    before = {path: path.stat().st_mtime_ns for path in sorted(metrics.rglob("*"))}
    call("show")
    assert {path: path.stat().st_mtime_ns for path in sorted(metrics.rglob("*"))} == before


def test_the_order_is_by_validation_and_not_by_test_accuracy():
    models = all_scores()["backbones"]
    assert [name for name, _ in summary.ranked(models)] == ["vgg16", "resnet50"]


def test_models_of_equal_validation_accuracy_are_ordered_by_name():
    rows = {name: {"val_accuracy": 0.5} for name in ("vgg19", "inception_v3", "vgg16")}
    assert [name for name, _ in summary.ranked(rows)] == ["inception_v3", "vgg16", "vgg19"]


def all_scores(titles=16):
    groups = {"finetuned": FINETUNED, "backbones": BACKBONES, "baselines": BASELINES}
    models = summary.summarise({group: scores_by_model(some) for group, some in groups.items()})
    return {"data": {"test_titles": titles}, **models}


def test_the_figure_names_every_model_and_explains_the_dashed_line():
    axes = summary.scores_figure(all_scores(), comparable=True).axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["genre-classifier", "vgg16", "resnet50", "colour histogram", "majority"]
    values = [text.get_text().partition(" ")[0] for text in axes.texts]
    assert values == ["0.430", "0.390", "0.412", "0.301", "0.231"]
    dashed = [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == "--"]
    assert dashed == [0.5478]
    assert "0.5478: the original study's best" in axes.get_legend_handles_labels()[1]


def test_other_data_have_no_line_and_no_mention_of_the_study():
    figure = summary.scores_figure(all_scores(), comparable=False)
    assert [line for line in figure.axes[0].lines if line.get_linestyle() == "--"] == []
    assert "study" not in figure.get_supxlabel()


@pytest.mark.parametrize(("source", "genres"), [("folder", study.GENRES), ("naver", ["daily", "comic"])])
def test_the_stage_reads_from_the_data_whether_they_are_the_study_s(metrics, monkeypatch, source, genres):
    write("metrics/crawl.json", {"thumbnails": 831, "source": source})
    write("metrics/split.json", SPLIT | {"images_by_genre": dict.fromkeys(genres)})
    comparable_calls, draw = [], summary.scores_figure
    monkeypatch.setattr(
        summary,
        "scores_figure",
        lambda scores, comparable: comparable_calls.append(comparable) or draw(scores, comparable),
    )
    call()
    assert comparable_calls == [False]


def test_few_test_titles_are_named_beside_the_scores():
    few = all_scores(titles=6)
    assert "\ntoo few test titles (6) to tell models apart: the intervals are too narrow\n" in summary.table(few)
    assert "too few" not in summary.table(all_scores())
    figure = summary.scores_figure(few, comparable=False)
    assert figure.get_suptitle().endswith("; too few test titles (6) to tell")


def test_two_processes_write_the_same_bytes(metrics, run_stage):
    runs = []
    names = ("metrics/summary.json", "plots/summary.png", "plots/curves.png", "plots/curves.csv")
    for _ in range(2):
        assert run_stage("summary").returncode == 0
        runs.append([Path(name).read_bytes() for name in names])
    assert runs[0] == runs[1]


def test_learning_curves_have_a_panel_a_backbone_and_a_line_a_split(metrics):
    figure = summary.curves_figure([summary.history(Path("plots/train"), name) for name in BACKBONES])
    assert [axes.get_title() for axes in figure.axes] == list(BACKBONES)
    for axes in figure.axes:
        lines = [line.get_ydata().tolist() for line in axes.lines if len(line.get_ydata())]
        assert lines == [[0.1, 0.4], [0.1, 0.4]]


def test_the_table_of_learning_curves_has_a_row_for_each_model_split_and_epoch(metrics):
    call()
    lines = Path("plots/curves.csv").read_text().splitlines()
    assert lines[:3] == ["backbone,split,epoch,accuracy,loss", "resnet50,train,0,0.1,2.5", "resnet50,train,1,0.4,1.25"]
    models = [line.rsplit(",", 3)[0] for line in lines[1::2]]
    assert models == [f"{name},{split}" for name in (*BACKBONES, "models/best") for split in ("train", "val")]


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


def test_metrics_that_are_no_json_are_one_line(metrics):
    Path("metrics/baseline.json").write_text("{")
    with pytest.raises(InputError) as error:
        call()
    assert str(error.value) == (
        "metrics/baseline.json is no JSON (Expecting property name enclosed in double quotes: line 1 column 2 (char 1)); "
        "make it anew with `dvc repro baseline`"
    )


def test_show_before_any_run_is_one_line(run_stage):
    process = run_stage("summary", "show")
    assert (process.returncode, process.stdout) == (1, "")
    assert process.stderr == "summary: metrics/crawl.json is not there; `dvc repro crawl` makes it\n"


def test_metrics_and_plots_of_backbones_that_left_params_are_removed_and_no_others(metrics, set_params):
    write("metrics/train/resnet50.json", {})
    write("metrics/train/vgg16.json", {})
    write("metrics/weather.json", {})
    for name in (
        "plots/evaluate/resnet50/confusion.png",
        "plots/evaluate/vgg16/confusion.png",
        "models/resnet50/config.json",
    ):
        write(name, {})
    set_params({"train.backbones": ["vgg16"]})
    call()
    paths = {path.as_posix() for path in metrics.glob("*/*") if path.name != "vgg16.json"}
    items = sorted(
        path.relative_to(metrics).as_posix()
        for folder in ("train", "evaluate")
        for path in metrics.glob(f"*/{folder}/*")
    )
    assert items == [
        "metrics/evaluate/vgg16.json",
        "metrics/train/vgg16.json",
        "plots/evaluate/vgg16",
        "plots/train/vgg16",
    ]
    assert {
        f"{metrics}/{name}" for name in ("metrics/weather.json", "metrics/baseline.json", "models/resnet50")
    } <= paths


def test_nothing_is_removed_where_the_summary_fails(metrics, set_params):
    set_params({"train.backbones": ["vgg16"]})
    Path("metrics/baseline.json").unlink()
    with pytest.raises(InputError):
        call()
    assert Path("metrics/evaluate/resnet50.json").exists()
