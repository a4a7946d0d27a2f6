"""webtoon_genre/report/cards.py: the model card as Hugging Face reads it, numbers with intervals, labels of any spelling."""

import dataclasses

import pytest
from huggingface_hub import EvalResult, ModelCard

from stages import cards as stage
from tests.support.card_inputs import GENRES, write_inputs
from webtoon_genre.report import cards
from webtoon_genre.report.facts import Facts

ODD = ["a|b", "*bold*", "_c_", "[x](y)", "<b>"]


@pytest.fixture
def facts(workspace) -> Facts:
    """Facts of a demo site with three genres."""
    write_inputs(list(GENRES), source="demo")
    return stage.collect(stage.read(stage.Params))


@pytest.fixture
def odd_facts(workspace, set_params) -> Facts:
    """Facts of a folder whose labels have Markdown in them."""
    set_params({"crawl.source": "folder"})
    write_inputs(ODD)
    return stage.collect(stage.read(stage.Params))


def with_metrics(facts: Facts, **stages) -> Facts:
    """The facts with other metrics of some stages."""
    return dataclasses.replace(facts, metrics={**facts.metrics, **stages})


def test_hugging_face_reads_the_header_and_the_test_accuracy(facts, tmp_path):
    path = tmp_path / "MODEL_CARD.md"
    path.write_text(cards.model_card(facts), encoding="utf-8")
    data = ModelCard.load(path).data
    header = {"license": "mit", "library_name": "keras", "pipeline_tag": "image-classification"}
    assert header.items() <= data.to_dict().items()
    assert {"onnx", "keras", "webtoon"} <= set(data.tags)
    results = {result.metric_type: result for result in data.eval_results}
    assert all(isinstance(result, EvalResult) for result in results.values())
    assert results["accuracy"].metric_value == facts.metrics["finetune"]["best"]["test"]["accuracy"]
    assert results["accuracy"].metric_name == "Accuracy, 95% interval [0.500, 0.700], 12 titles"
    assert results["accuracy"].dataset_split == "test"
    assert data.to_dict()["model-index"][0]["name"] == "genre-classifier"


def test_a_model_on_pictures_or_weights_of_others_is_not_under_the_code_s_licence(facts):
    assert cards.header(facts)["license"] == "mit"
    assert cards.header(dataclasses.replace(facts, weights="imagenet"))["license"] == "other"


def test_every_section_of_a_card_is_apart_from_the_text_before_it(facts):
    for text in (cards.model_card(facts), cards.data_card(facts)):
        lines = text.splitlines()
        headings = [number for number, line in enumerate(lines) if line.startswith(("# ", "## "))]
        assert all(lines[number - 1] == "" for number in headings if number)
        assert "\n\n\n" not in text
        assert [line for line in lines if line != line.rstrip()] == []
        assert text.endswith("\n")
        assert not text.endswith("\n\n")


@pytest.mark.parametrize(
    ("interval", "words"),
    [([-0.02, 0.12], "no difference shown"), ([0.01, 0.09], "a gain"), ([-0.2, -0.1], "a loss")],
)
def test_a_difference_is_told_by_its_interval(facts, interval, words):
    best = facts.metrics["finetune"]["best"]
    change = {**best["against_colour_histogram"], "interval": interval}
    changed = with_metrics(facts, finetune={"best": {**best, "against_colour_histogram": change}})
    assert f"paired by title: {words}, +0.050" in cards.model_card(changed)


def test_recalls_have_their_titles_and_a_mark_where_these_are_few(facts):
    rows = cards.recall_rows(facts)
    assert [row["label"] for row in rows] == list(GENRES)
    assert [row["recall"] for row in rows] == [
        "1.000 [1.000, 1.000], 1 title",
        "1.000 [1.000, 1.000], 1 title",
        "0.000 [0.000, 0.000], 1 title",
    ]
    assert {row["mark"] for row in rows} == {" †"}
    assert "- **Lowest recalls**: fantasy 0.000 [0.000, 0.000], 1 title †;" in cards.model_card(facts)


def test_confused_pairs_are_those_above_chance_over_enough_titles(facts):
    pair = {
        "genres": ["daily", "comic"],
        "errors_over_chance": 3.0,
        "errors_over_chance_interval": [2.0, 4.0],
        "titles": 30,
    }
    overlaps = [pair, {**pair, "errors_over_chance_interval": [0.9, 4.0]}, {**pair, "titles": 9}]
    measured = with_metrics(facts, ambiguity={"overlaps": overlaps})
    words = "daily and comic: 3.0 times as many errors as by chance (2.0 to 4.0), 30 titles"
    assert cards.confused_pairs(measured.metrics) == [words]
    assert f"  - {words}\n" in cards.model_card(measured)


def test_without_confused_pairs_the_card_says_so_and_without_a_measurement_nothing(facts):
    assert "Confused" not in cards.model_card(facts)
    assert "no pair is shown to have more errors" in cards.model_card(with_metrics(facts, ambiguity={"overlaps": []}))


def test_markdown_in_labels_is_shown_as_it_is(odd_facts):
    rows = [line for line in cards.data_card(odd_facts).splitlines() if line.startswith("| ")]
    cells = [row.split(" | ")[0].removeprefix("| ") for row in rows[1 : 1 + len(ODD)]]
    assert cells == ["a\\|b", "\\*bold\\*", "\\_c\\_", "[x\\](y)", "&lt;b>"]
    assert ModelCard(cards.model_card(odd_facts)).data.pipeline_tag == "image-classification"


def test_underscores_inside_words_and_intervals_stay(facts):
    assert cards.escape("author_apart, +0.1 [-0.1, +0.2]") == "author_apart, +0.1 [-0.1, +0.2]"
    assert cards.escape("one\ntwo") == "one two"


def test_a_split_by_image_is_named_as_inflated(facts):
    by_image = dataclasses.replace(facts, split_by="image")
    assert "These scores are inflated" in cards.model_card(by_image)
    assert "test scores are inflated" in cards.data_card(by_image)
    assert "inflated" not in cards.model_card(facts) + cards.data_card(facts)


def test_random_weights_are_a_limit_only_where_no_layer_was_trained(facts):
    trained = dataclasses.replace(facts, model=facts.model.model_copy(update={"unfreeze": "10"}))
    assert "**Random weights**" in cards.model_card(facts)
    assert "**Random weights**" not in cards.model_card(trained)


def test_limits_of_use_are_in_every_card(facts):
    assert "**Judging people**" in cards.model_card(facts)
    assert "**Taking a style**" in cards.model_card(facts)
    assert "imitating a living artist" in cards.data_card(facts)
