"""MODEL_CARD.md in Hugging Face's form, and DATA_CARD.md after Gebru et al. (2021, arXiv:1803.09010), as texts; no files but the templates.

Every number comes from the data and the metrics of the run, with its 95% interval where one is known. Labels and titles are free text, so
they are escaped.
"""

import io
import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from ruamel.yaml import YAML

from webtoon_genre.core.wording import count
from webtoon_genre.evaluation import bootstrap
from webtoon_genre.evaluation.metrics import HELD_OUT
from webtoon_genre.report.facts import Facts

TEMPLATES = Path(__file__).parent / "templates"
MODEL_NAME = "genre-classifier"
LOWEST = 3  # labels with the lowest recall that are named
PAIRS = 6  # of confused labels that are named
MARKUP = re.compile(r"[\\`*<|]|(?<!\w)_|_(?!\w)|\](?=[(\[])")
FEW = f"† fewer than {bootstrap.MIN_TITLES} test titles: too few to tell"


def model_card(facts: Facts) -> str:
    """The text of MODEL_CARD.md."""
    return render("model_card.md.j2", facts, {**model_context(facts), "header": yaml_text(header(facts))})


def data_card(facts: Facts) -> str:
    """The text of DATA_CARD.md."""
    return render("data_card.md.j2", facts, data_context(facts))


def render(template: str, facts: Facts, context: dict[str, Any]) -> str:
    """Fill a template in; a name that it uses and the context lacks is an error."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown; the filter `escape` is for it
    )
    environment.filters |= {"escape": escape, "count": count}
    return environment.get_template(template).render(facts=facts, source=facts.source, metrics=facts.metrics, **context)


def escape(text: str) -> str:
    """Free text as Markdown shows it unchanged, on one line."""
    return MARKUP.sub(lambda match: f"\\{match[0]}" if match[0] != "<" else "&lt;", " ".join(text.split()))


def header(facts: Facts) -> dict[str, Any]:
    """The metadata that Hugging Face reads: licence, tags, and test scores as a model index."""
    free = facts.source.name == "demo" and facts.weights == "random"
    licence = {"license": "mit"} if free else {"license": "other", "license_name": "see-the-card"}
    return {
        **licence,
        "library_name": "keras",
        "pipeline_tag": "image-classification",
        "tags": [*facts.subject, "drawing-style", "image-classification", "keras", "onnx"],
        "datasets": [facts.name],
        "metrics": ["accuracy", "f1"],
        "model-index": [{"name": MODEL_NAME, "results": [test_result(facts)]}],
    }


def test_result(facts: Facts) -> dict[str, Any]:
    """The test scores of the model handed on, in the form of Hugging Face's model index."""
    scores = facts.metrics["finetune"]["best"]["test"]
    interval = bootstrap.format_interval(scores["accuracy_interval"], scores["groups"])
    return {
        "task": {"type": "image-classification", "name": "Image classification"},
        "dataset": {"type": facts.name, "name": facts.source.subject, "split": "test", "revision": facts.version},
        "metrics": [
            {"type": "accuracy", "name": f"Accuracy, 95% interval {interval}", "value": scores["accuracy"]},
            {"type": "f1", "name": "Macro F1", "value": scores["macro_f1"]},
        ],
    }


def yaml_text(value: dict[str, Any]) -> str:
    """YAML in block style, the keys in their order."""
    yaml, stream = YAML(), io.StringIO()
    yaml.default_flow_style = False
    yaml.width = 1000
    yaml.dump(value, stream)
    return stream.getvalue()


def model_context(facts: Facts) -> dict[str, Any]:
    """What model_card.md.j2 shows."""
    best, recalls = facts.metrics["finetune"]["best"], recall_rows(facts)
    averages, calibration = (best["test_detail"][part] for part in ("averages", "calibration"))
    return {
        "scores": score_rows(facts.metrics),
        "change": bootstrap.verdict(best["against_colour_histogram"]),
        "recalls": recalls,
        "macro": {name: with_interval(averages, f"macro_{name}") for name in ("f1", "recall", "precision")},
        "errors": {kind: with_interval(calibration[kind], "ece") for kind in ("before", "after")},
        "lowest": sorted(recalls, key=lambda row: row["value"])[:LOWEST],
        "few": FEW if any(row["mark"] for row in recalls) else "",
        "undecided": sum(bool(row["mark"]) for row in recalls),
        "pairs": confused_pairs(facts.metrics),
        "unlike": unlike_shares(facts.metrics["export"]),
        "similar": similar_titles(facts.metrics["export"]["own_title"]),
        "findings": findings(facts.metrics),
        "names": ", ".join(label_name(facts, label) for label in facts.labels),
        "enough": bootstrap.is_enough(best["test"]["groups"]),
    }


def label_name(facts: Facts, label: str) -> str:
    """A label, and its English name where that is another word: "pure (romance)"."""
    english = facts.model.names[label].en
    return escape(label) if english == label else f"{escape(label)} ({escape(english)})"


def score_rows(metrics: dict[str, Any]) -> list[dict[str, str]]:
    """The accuracy on val and test images, with intervals: the model handed on, then the baselines."""
    baselines = {name.replace("_", " "): scores for name, scores in metrics["baseline"].items()}
    models = {MODEL_NAME: metrics["finetune"]["best"], **baselines}
    return [
        {"model": name, **{split: accuracy_text(scores[split]) for split in HELD_OUT}}
        for name, scores in models.items()
    ]


def accuracy_text(scores: dict[str, Any]) -> str:
    """An accuracy with its interval."""
    return bootstrap.format_value(scores["accuracy"], scores["accuracy_interval"], scores["groups"])


def recall_rows(facts: Facts) -> list[dict[str, Any]]:
    """By label with test images: their number, recall and precision with intervals; `mark` where titles are too few."""
    rows = []
    for label, scores in facts.metrics["finetune"]["best"]["test_detail"]["per_genre"].items():
        if not scores["images"]:
            continue
        recall = bootstrap.format_value(scores["recall"], scores["recall_interval"], scores["titles"])
        rows.append(
            {
                "label": escape(label),
                "images": scores["images"],
                "value": scores["recall"],
                "recall": recall,
                "precision": with_interval(scores, "precision"),
                "mark": "" if bootstrap.is_enough(scores["titles"]) else " †",
            }
        )
    return rows


def with_interval(scores: dict[str, Any], name: str) -> str:
    """A score and its interval: "0.677 [0.580, 0.769]"."""
    low, high = scores[f"{name}_interval"]
    return f"{scores[name]:.3f} [{low:.3f}, {high:.3f}]"


def confused_pairs(metrics: dict[str, Any]) -> list[str] | None:
    """The pairs of labels between which more errors lie than by chance, in words; None where no experiment measured it.

    Heads on frozen features measure it, on titles that they have not seen; it is a fact about the labels more than about this model.
    """
    measured = [content["overlaps"] for content in metrics.values() if isinstance(content.get("overlaps"), list)]
    if not measured:
        return None
    pairs = [
        pair
        for pair in measured[0]
        if bootstrap.is_enough(pair["titles"]) and pair["errors_over_chance_interval"][0] > 1
    ]
    return [
        f"{' and '.join(map(escape, pair['genres']))}: {pair['errors_over_chance']:.1f} times as many errors as by chance "
        f"({pair['errors_over_chance_interval'][0]:.1f} to {pair['errors_over_chance_interval'][1]:.1f}), {count(pair['titles'], 'title')}"
        for pair in pairs[:PAIRS]
    ]


def unlike_shares(export: dict[str, Any]) -> dict[str, str]:
    """By split, the share of images that the model calls unlike its training pictures, with its interval."""
    return {
        split: bootstrap.format_value(share["share"], share["share_interval"], share["titles"])
        for split, share in export["unlike"].items()
    }


def similar_titles(own_title: dict[str, Any]) -> str | None:
    """How often a picture finds its title among the train titles first; None where no title has two pictures."""
    if not own_title["titles_searched"]:
        return None
    return bootstrap.format_value(
        own_title["recall_at_1"], own_title["recall_at_1_interval"], own_title["titles_searched"]
    )


def findings(metrics: dict[str, Any]) -> dict[str, str]:
    """The outcome of every experiment, by name: of all metrics with a `summary` and an `outcome`."""
    return {
        name: escape(content["outcome"])
        for name, content in sorted(metrics.items())
        if content.get("summary") is not None and content.get("outcome")
    }


def data_context(facts: Facts) -> dict[str, Any]:
    """What data_card.md.j2 shows."""
    split = facts.metrics["split"]
    return {
        "rows": label_rows(facts),
        "splits": ", ".join(
            f"{part} {count(split['images'][part], 'image')} of {count(split['titles'][part], 'title')}"
            for part in ("train", *HELD_OUT)
        ),
        "dates": date_range(facts),
        "authors": len({author for names in facts.titles["authors"] for author in names}),
        "rated": int(facts.titles["star_score"].notna().sum()),
        "left_out": reasons(facts.metrics["crawl"]["left_out"]),
        "failed": reasons(facts.metrics["crawl"]["failed"]["thumbnails"]),
        "rejected": reasons(facts.metrics["resize"]["rejected_by_reason"]),
        "unlabelled": reasons(facts.metrics["label"]["left_out"]),
        "expectations": len(facts.metrics["validate"]["expectations"]),
        "largest_share": largest_share(facts.metrics["label"]["images_by_genre"]),
    }


def label_rows(facts: Facts) -> list[dict[str, Any]]:
    """By label: its titles, its images, and its images in each split."""
    label, split = facts.metrics["label"], facts.metrics["split"]["images_by_genre"]
    return [
        {
            "label": escape(name),
            "titles": label["titles_by_genre"][name],
            "images": label["images_by_genre"][name],
            **{part: split[name].get(part, 0) for part in ("train", *HELD_OUT)},
        }
        for name in facts.labels
    ]


def date_range(facts: Facts) -> tuple[str, str] | None:
    """The first and the last day of publication of the source's pictures; None where it has no dates."""
    dates = facts.episodes["date"].dropna()
    return (str(min(dates)), str(max(dates))) if len(dates) else None


def reasons(counts: dict[str, int]) -> str:
    """Numbers by reason, in words: "410 paid, 3 hidden"; empty where nothing was left out."""
    return ", ".join(f"{number} {reason.replace('_', ' ')}" for reason, number in sorted(counts.items()) if number)


def largest_share(images: dict[str, int]) -> str:
    """The label with most images and its share, in words: "fantasy, with 238 of 1033 images (23%)"."""
    name, total = max(images, key=lambda label: images[label]), sum(images.values())
    return f"{escape(name)}, with {images[name]} of {count(total, 'image')} ({images[name] / total:.0%})"
