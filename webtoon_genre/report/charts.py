"""Charts as inline SVG, whose colours and text follow the page, light or dark, on a screen or on paper; they compute no numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

WIDTH, HEIGHT = 340, 300  # of the viewBox
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 12, 44  # margins
TICKS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


@dataclass(frozen=True)
class Band:
    """A line with its interval: x and value, low and high, each float (n,)."""

    name: str
    style: str
    x: Sequence[float]
    value: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


def horizontal(value: float) -> float:
    """The position of a share on the horizontal axis."""
    return round(LEFT + value * (WIDTH - LEFT - RIGHT), 1)


def vertical(value: float) -> float:
    """The position of a share on the vertical axis."""
    return round(HEIGHT - BOTTOM - value * (HEIGHT - TOP - BOTTOM), 1)


def frame(body: list[Markup], text: str, x_label: str, y_label: str) -> Markup:
    """Axes from 0 to 1 in both directions around what a chart draws. text: the chart in words, for those who do not see it."""
    middle = horizontal(0.5)
    parts = [Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(WIDTH, HEIGHT, text)]
    for tick in TICKS:
        x, y = horizontal(tick), vertical(tick)
        parts.append(line(horizontal(0), y, horizontal(1), y, "grid"))
        parts.append(label(x, HEIGHT - BOTTOM + 16, f"{tick:.1f}", "middle"))
        parts.append(label(LEFT - 6, y + 4, f"{tick:.1f}", "end"))
    parts.append(label(middle, HEIGHT - 8, x_label, "middle"))
    centre = vertical(0.5)
    parts.append(
        Markup('<text transform="translate(12 {}) rotate(-90)" text-anchor="middle">{}</text>').format(centre, y_label)
    )
    return Markup("").join([*parts, *body, Markup("</svg>")])


def line(x1: float, y1: float, x2: float, y2: float, style: str) -> Markup:
    """A line in a style of the page."""
    return Markup('<line x1="{}" y1="{}" x2="{}" y2="{}" class="{}"/>').format(x1, y1, x2, y2, style)


def label(x: float, y: float, text: str, anchor: str) -> Markup:
    """A text."""
    return Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(x, y, anchor, text)


def reliability(bins: Sequence[dict[str, Any]]) -> Markup:
    """A reliability diagram: the share of right answers by mean confidence, with intervals; on the diagonal both are equal."""
    body = [line(horizontal(0), vertical(0), horizontal(1), vertical(1), "diagonal")]
    for row in bins:
        x, (low, high) = horizontal(row["confidence"]), row["share_right_interval"]
        body.append(line(x, vertical(low), x, vertical(high), "range"))
        body.append(Markup('<circle cx="{}" cy="{}" r="5"/>').format(x, vertical(row["share_right"])))
    pairs = "; ".join(f"{row['confidence']:.2f}: {row['share_right']:.2f}" for row in bins)
    return frame(body, f"Share right by mean confidence. {pairs}", "mean confidence", "share right")


def curves(bands: Sequence[Band], x_label: str, y_label: str) -> Markup:
    """Lines with their intervals as bands."""
    body = []
    for band in bands:
        edge = [*zip(band.x, band.low, strict=True), *reversed([*zip(band.x, band.high, strict=True)])]
        body.append(Markup('<polygon class="band {}" points="{}"/>').format(band.style, points(edge)))
        trace = points([*zip(band.x, band.value, strict=True)])
        body.append(Markup('<polyline class="curve {}" points="{}"/>').format(band.style, trace))
    texts = [
        f"{band.name}: " + "; ".join(f"{x:.1f}: {value:.2f}" for x, value in zip(band.x, band.value, strict=True))
        for band in bands
    ]
    return frame(body, f"{y_label} by {x_label}. {'. '.join(texts)}", x_label, y_label)


def points(pairs: Sequence[tuple[float, float]]) -> str:
    """Points of a line."""
    return " ".join(f"{horizontal(x)},{vertical(y)}" for x, y in pairs)


def answered(name: str, rows: Sequence[dict[str, Any]], other: str, others: Sequence[dict[str, Any]]) -> Markup:
    """Accuracy by the share of images answered, the surest first, of a model and of another one."""
    bands = [
        Band(
            label,
            style,
            [row["share"] for row in values],
            [row["accuracy"] for row in values],
            [row["accuracy_interval"][0] for row in values],
            [row["accuracy_interval"][1] for row in values],
        )
        for label, style, values in ((other, "second", others), (name, "first", rows))
    ]
    return curves(bands, "share answered, the surest first", "accuracy")
