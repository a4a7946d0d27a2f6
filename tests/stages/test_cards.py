"""stages/cards.py: cards of model and data, and the Croissant file, about the labels and the source that there are."""

import datetime
import json
import re
import shutil
import socket
from pathlib import Path

import pytest

from stages import cards
from tests.conftest import REPOSITORY
from tests.support.card_inputs import GENRES, write_inputs, write_json
from webtoon_genre.core import paths
from webtoon_genre.core.errors import InputError
from webtoon_genre.report import cards as card_texts

PRODUCTS = (paths.MODEL_CARD, paths.DATA_CARD, paths.CROISSANT)
PETS = ["cats", "dogs", "birds"]
MANY = [f"label {number}" for number in range(18)]


@pytest.fixture
def folder(workspace, set_params):
    """A workspace with pictures of pets from a folder."""
    set_params({"crawl.source": "folder", "label.genres": PETS})
    write_inputs(PETS, shared=True)
    return workspace


def texts() -> dict[str, str]:
    """Run the stage; the text of each product."""
    cards.main()
    return {path.name: path.read_text(encoding="utf-8") for path in PRODUCTS}


def test_cards_of_a_folder_are_about_its_labels_and_not_about_webtoons(folder):
    written = texts()
    croissant = json.loads(written["croissant.json"])
    said = [written["MODEL_CARD.md"], written["DATA_CARD.md"], croissant["description"], *croissant["keywords"]]
    for label in PETS:
        assert all(label in text for text in said[:3])
    text = re.sub("webtoon[-_]genre", "", "\n".join(said))  # the package's name
    assert re.findall(r"naver|webtoon|\bgenres\b|\bepisode|\bcomics?\b", text, re.IGNORECASE) == []


def test_cards_of_a_folder_leave_its_terms_to_the_owner(folder, set_params):
    assert "The owner of the folder has not released the pictures" in texts()["DATA_CARD.md"]
    set_params({"export.folder_examples": True})
    assert "The owner of the folder allows small examples" in texts()["DATA_CARD.md"]


def test_naver_s_thumbnails_may_not_be_passed_on(workspace, set_params):
    set_params({"crawl.source": "naver"})
    write_inputs(list(GENRES), source="naver")
    written = texts()
    for text in written.values():
        assert "may not be passed on" in text
    assert "license: other" in written["MODEL_CARD.md"]


@pytest.mark.parametrize("labels", [PETS[:2], MANY], ids=len)
def test_two_labels_and_eighteen_have_cards(workspace, set_params, labels):
    set_params({"crawl.source": "folder", "label.genres": labels})
    write_inputs(labels, shared=True)
    card = texts()["MODEL_CARD.md"]
    assert all(f"\n| {label} | 2 | " in card for label in labels)


def test_two_runs_write_equal_bytes(folder):
    first = texts()
    for path in PRODUCTS:
        path.unlink()
    assert texts() == first


def test_cards_hold_no_path_nor_name_of_this_machine(folder, set_params):
    set_params({"pretrained.weights": str(folder / "weights.h5")})
    written = "".join(texts().values())
    assert str(folder) not in written
    assert str(REPOSITORY) not in written
    assert socket.gethostname() not in written


def test_weights_are_named_by_kind(folder, set_params):
    assert "| random, calibrated on train images" in texts()["MODEL_CARD.md"]
    set_params({"pretrained.weights": "imagenet"})
    assert "| pretrained on ImageNet" in texts()["MODEL_CARD.md"]
    set_params({"pretrained.weights": "weights.h5"})
    assert "| from a file, under its own licence" in texts()["MODEL_CARD.md"]


def test_a_date_that_dvc_writes_without_quotes_is_read(folder, set_params):
    set_params({"crawl.as_of": datetime.date(2022, 10, 19)})
    assert json.loads(texts()["croissant.json"])["datePublished"] == "2022-10-19"


@pytest.mark.parametrize(
    ("path", "stage"),
    [
        ("metrics/finetune.json", "finetune"),
        ("metrics/validate.json", "validate"),
        ("data/dataset.parquet", "split"),
        ("data/raw/titles.parquet", "crawl"),
        ("data/raw/thumbnails", "crawl"),
        ("models/best", "export"),
    ],
)
def test_a_missing_input_is_one_line_that_names_its_stage(folder, path, stage):
    shutil.rmtree(path) if Path(path).is_dir() else Path(path).unlink()
    with pytest.raises(InputError, match=re.escape(f"{path} is not there; `dvc repro {stage}` makes it")):
        cards.main()


def test_the_command_prints_this_line_alone(folder, run_stage):
    Path("metrics/export.json").unlink()
    done = run_stage("cards")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "cards: metrics/export.json is not there; `dvc repro export` makes it\n"


def test_the_outcome_of_any_experiment_is_shown_by_its_name(folder):
    write_json(Path("metrics/handwriting.json"), {"summary": {"gain": 0.1}, "outcome": "a gain of *handwriting*"})
    write_json(Path("metrics/notes.json"), {"outcome": "no experiment"})
    card = texts()["MODEL_CARD.md"]
    assert "- **handwriting**: a gain of \\*handwriting\\*.\n" in card
    assert "no experiment" not in card


@pytest.mark.slow
def test_the_cards_in_git_are_those_of_the_results(pipeline, monkeypatch):
    monkeypatch.chdir(pipeline().folder)
    facts = cards.collect(cards.read(cards.Params))
    assert Path("MODEL_CARD.md").read_text(encoding="utf-8") == card_texts.model_card(facts)
    assert Path("DATA_CARD.md").read_text(encoding="utf-8") == card_texts.data_card(facts)
    assert Path("data/croissant.json").read_text(encoding="utf-8") == cards.croissant_text(facts)
