"""What nobody can read in a figure: texts that are cut, that overlap, that lie on another panel, or that a line or a point strikes."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import combinations
from unittest import mock

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.path import Path
from matplotlib.text import Text
from matplotlib.transforms import Bbox

SLACK = 1.5  # pixels: of anti-aliasing
POINT = 4  # pixels: the radius of a point


def text_faults(figure: Figure) -> list[str]:
    """A line for each text that cannot be read, with the reason."""
    texts = drawn_texts(figure)
    boxes = [outline(text) for text in texts]
    names = [repr(text.get_text()) for text in texts]
    faults = [f"{names[one]} overlaps {names[other]}" for one, other in overlaps(boxes)]
    for name, text, box in zip(names, texts, boxes, strict=True):
        faults += [f"{name} is cut at the {edge}" for edge in overhang(figure, box)]
        for axes in figure.axes:
            if axes is not text.axes and axes.axison and Path(box).intersects_bbox(shrunk(axes.bbox)):
                faults.append(f"{name} lies on another panel")
            if axes is text.axes and struck(axes, box):
                faults.append(f"a line or a point strikes {name}")
    return faults


def drawn_texts(figure: Figure) -> list[Text]:
    """The visible texts of a figure, without tick labels out of range and empty ones."""
    texts: list[Text] = []
    with recorded(texts):
        figure.canvas.draw()
    return [text for text in texts if text.get_visible() and text.get_text().strip()]


@contextmanager
def recorded(texts: list[Text]) -> Iterator[None]:
    """Append to `texts` what draws itself in the block."""
    draw = Text.draw
    with mock.patch.object(
        Text, "draw", lambda text, *args, **options: (texts.append(text), draw(text, *args, **options))[1]
    ):
        yield


def outline(text: Text) -> np.ndarray:
    """The corners of a text's box, which turns with it, float (5, 2), pixels: the last is the first."""
    text.set_bbox({"boxstyle": f"square,pad={-SLACK / text.get_fontsize() * 72 / text.get_figure().dpi}"})
    text.update_bbox_position_size(text.get_figure().canvas.get_renderer())
    patch = text.get_bbox_patch()
    corners = patch.get_transform().transform(patch.get_path().vertices)[:4]
    text.set_bbox(None)
    return np.vstack([corners, corners[:1]])


def overhang(figure: Figure, box: np.ndarray) -> list[str]:
    """The edges of a figure beyond which a box, float (5, 2), reaches."""
    left, bottom, right, top = *box.min(axis=0), *box.max(axis=0)
    beyond = {"left": -left, "bottom": -bottom, "right": right - figure.bbox.width, "top": top - figure.bbox.height}
    return [edge for edge, pixels in beyond.items() if pixels > 0]


def overlaps(boxes: list[np.ndarray]) -> list[tuple[int, int]]:
    """The positions of boxes, float (5, 2), that overlap."""
    low, high = (np.array([limit(box, axis=0) for box in boxes]) for limit in (np.min, np.max))
    near = (low[:, None] < high[None]).all(axis=-1) & (low[None] < high[:, None]).all(axis=-1)
    return [pair for pair in combinations(range(len(boxes)), 2) if near[pair] and meet(boxes[pair[0]], boxes[pair[1]])]


def meet(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two rectangles, float (5, 2), overlap: no side of either separates them."""
    for edges in (np.diff(one, axis=0)[:2], np.diff(other, axis=0)[:2]):
        for edge in edges:
            first, second = one @ edge, other @ edge
            if first.max() <= second.min() or second.max() <= first.min():
                return False
    return True


def struck(axes: Axes, box: np.ndarray) -> bool:
    """Whether a line or a point of the axes lies on a box within them; grids may."""
    if not Path(box).intersects_bbox(axes.bbox):
        return False
    lines = [line for line in axes.lines if line.get_visible() and len(line.get_xdata())]
    paths = [line.get_path().transformed(line.get_transform()) for line in lines if line.get_linestyle() != "None"]
    marks = [
        line.get_path().transformed(line.get_transform()).vertices for line in lines if line.get_marker() != "None"
    ]
    marks += [axes.transData.transform(collection.get_offsets()) for collection in axes.collections]
    points = np.concatenate([np.zeros((0, 2)), *marks])
    crossed = any(path.intersects_path(Path(box), filled=False) for path in paths)
    return crossed or bool(
        Path(box).contains_points(points, radius=POINT).any() or Path(box).contains_points(points, radius=-POINT).any()
    )


def shrunk(box: Bbox) -> Bbox:
    """A box without its edge: names may touch it."""
    return box.padded(-SLACK)
