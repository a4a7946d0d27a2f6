"""workflow/comment.py and workflow/pictures.py: the review comment and the page of figures, from synthetic changes."""

import re
from dataclasses import replace

from tests.support.review_change import CHANGE
from workflow.changes import ModelChanges
from workflow.comment import LIMIT, Links, format_comment
from workflow.pictures import Figure, Side, differing_figures, format_page, format_side

STAGE = {
    "cmd": "make",
    "params": {"params.yaml": {"lr": 1, "head": {"pool": "a"}}},
    "deps": [{"path": "a.py", "md5": "1"}],
}
LINKS = Links(lambda side, path: f"{side}/{path}", "page", "[report.html](report.html)")


def test_without_differences_every_table_is_empty():
    text = format_comment(CHANGE, LINKS)
    assert text.count("Nothing differs.") == 3
    assert "### Figures" not in text


def test_a_comment_is_never_longer_than_github_allows():
    pairs = {f"backbones.{number:04}.{'x' * 90}": {"old": 0.25, "new": None} for number in range(1000)}
    stages = {
        f"train@{number}": {**STAGE, "outs": [{"path": f"{number}", "md5": "1", "size": 1}]} for number in range(1000)
    }
    change = replace(
        CHANGE,
        params={"params.yaml": pairs},
        metrics={"metrics/summary.json": pairs, **{f"metrics/{number}.json": pairs for number in range(10)}},
        after=stages,
        stale=list(pairs),
        figures=[Figure(f"plots/{number}.png", Side(None, None), Side("1", b"")) for number in range(1000)],
    )
    text = format_comment(change, LINKS)
    assert len(text) <= LIMIT
    assert re.search("and 9[0-9][0-9] more", text)
    assert text.count("<details>") == text.count("</details>")


def test_values_of_params_are_never_read_as_markdown():
    params = {"params.yaml": {"a|b": {"old": "@someone <b> `x`", "new": [1, 2]}}}
    assert "| `a\\|b` | `@someone <b> 'x'` | `[1, 2]` |" in format_comment(replace(CHANGE, params=params), LINKS)


def pair(old, new):
    return {"old": old, "new": new}


SUMMARY = {
    "backbones.resnet50.test_accuracy": pair(0.7, 0.7),
    "backbones.resnet50.test_accuracy_interval": pair("[0.600, 0.800], 62 titles", "[0.600, 0.800], 62 titles"),
    "backbones.vgg16.test_accuracy": pair(0.5, 0.25),
    "backbones.vgg16.test_accuracy_interval": pair("[0.400, 0.600], 62 titles", "[0.150, 0.350], 62 titles"),
    "backbones.vgg19.test_accuracy": pair(0.5, 0.25),
    "backbones.vgg19.test_accuracy_interval": pair("[0.400, 0.600], 62 titles", "[0.150, 0.350], 62 titles"),
    "balance.gain": pair(-0.01, 0.02),
    "balance.gain_interval": pair("[-0.100, +0.100], 62 titles", "[-0.050, +0.100], 62 titles"),
    "data.thumbnails": pair(168, 1680),
    "finetuned.genre-classifier.test_accuracy": {"new": 0.75},
    "finetuned.genre-classifier.test_accuracy_interval": {"new": "[0.650, 0.850], 62 titles"},
}
SCORES = """\
### Scores

|  | before | after | change, 95% interval |
| --- | --: | --: | --: |
| `finetuned.genre-classifier.test_accuracy` | – | 0.750 [0.650, 0.850], 62 titles |  |
| `backbones.vgg16.test_accuracy` | 0.500 [0.400, 0.600], 62 titles | 0.250 [0.150, 0.350], 62 titles | a loss, … |
| `backbones.vgg19.test_accuracy` | 0.500 [0.400, 0.600], 62 titles | 0.250 [0.150, 0.350], 62 titles |  |
| `data.thumbnails` | 168 | 1,680 | +1,512 |

In brackets: 95% intervals, whole titles resampled. Changes with an interval are paired by title.

<details><summary>metrics/summary.json, experiments: 1</summary>

|  | before | after |
| --- | --: | --: |
| `balance.gain` | -0.010 [-0.100, +0.100], 62 titles | +0.020 [-0.050, +0.100], 62 titles |

</details>

<details><summary>metrics/crawl.json: 1</summary>

|  | before | after | change |
| --- | --: | --: | --: |
| `episodes` | 200 | 2,000 | +1,800 |

</details>
"""


def test_scores_that_differ_are_visible_with_their_intervals_and_other_metrics_folded():
    metrics = {
        "metrics/summary.json": SUMMARY,
        "metrics/crawl.json": {"episodes": pair(200, 2000), "titles": pair(6, 6)},
    }
    models = ModelChanges({"backbones.vgg16.test_accuracy": "a loss, …"}, [])
    text = format_comment(replace(CHANGE, metrics=metrics, models=models), LINKS)
    assert SCORES in text


def test_intervals_over_few_test_titles_are_no_evidence():
    sentence = "The intervals are no evidence: too few test titles (6) to tell."
    for titles, count in ((6, 1), (10, 0)):
        metrics = {"metrics/summary.json": {**SUMMARY, "data.test_titles": pair(titles, titles)}}
        assert format_comment(replace(CHANGE, metrics=metrics), LINKS).count(sentence) == count


def test_predictions_that_are_not_available_are_one_line():
    models = ModelChanges({}, ["data/predictions/vgg16.parquet of bbbbbbb"])
    text = format_comment(replace(CHANGE, metrics={"metrics/summary.json": SUMMARY}, models=models), LINKS)
    assert (
        "\n\nModels lack a change where predictions are neither in DVC's cache nor in its remote; "
        "`dvc push` where they were made: `data/predictions/vgg16.parquet of bbbbbbb`.\n\n"
    ) in text


def test_a_stage_that_ran_without_a_new_output_is_listed_as_such():
    after = {**STAGE, "deps": [{"path": "a.py", "md5": "2"}], "outs": [{"path": "o", "md5": "1", "size": 1}]}
    before = {**STAGE, "outs": after["outs"]}
    text = format_comment(replace(CHANGE, before={"split": before}, after={"split": after}), LINKS)
    assert "| `split` | `a.py` | none: the same bytes |" in text


def test_reasons_are_a_stage_s_command_its_params_one_by_one_and_its_dependencies():
    after = {
        "cmd": "cmake",
        "params": {"params.yaml": {"lr": 1, "head": {"pool": "b"}}},
        "deps": [{"path": "b.py", "md5": "1"}],
    }
    change = replace(CHANGE, before={"split": STAGE}, after={"split": after, "crawl": after})
    text = format_comment(change, LINKS)
    assert "| `split` | `its command`, `head.pool`, `b.py`, `a.py` |" in text
    assert "| `crawl` | `(new)` |" in text


def test_a_stale_lock_is_a_warning_at_the_top():
    text = format_comment(replace(CHANGE, stale=["split: stages/split.py changed"]), LINKS)
    assert "> [!WARNING]\n> dvc.lock is not up to date" in text.split("###")[0]
    assert "> - `split: stages/split.py changed`" in text


def test_figures_that_differ_are_found_by_their_digests():
    locks = [
        {"stage": {"outs": [{"path": path, "md5": digest} for path, digest in outs.items()]}}
        for outs in (
            {"a.png": "1", "b.jpg": "1", "c.png": "1", "d.csv": "1"},
            {"e.png": "1", "b.jpg": "2", "c.png": "1"},
        )
    ]
    assert differing_figures(*locks) == {"e.png": (None, "1"), "b.jpg": ("1", "2"), "a.png": ("1", None)}


def test_a_missing_picture_is_distinguished_from_a_figure_that_the_commit_lacks():
    assert format_side(Side("1", None), "png") == "not in DVC's cache, nor in its remote"
    assert format_side(Side(None, None), "png") == "there is none"
    figure = Figure("plots/a.png", Side("1", None), Side("2", b""))
    assert "1 lack a picture" in format_comment(replace(CHANGE, figures=[figure]), LINKS)
    assert "<h2>plots/a.png</h2>" in format_page([figure], "b", "a")
