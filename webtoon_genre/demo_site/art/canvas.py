"""What is drawn on: twice the thumbnail's size, so that halving it smooths edges. Units are the thumbnail's pixels."""

from collections.abc import Sequence

import cv2
import numpy as np

from webtoon_genre.demo_site.art.blend import FULL, blended, falloff
from webtoon_genre.demo_site.art.colour import Colour
from webtoon_genre.demo_site.art.geometry import Points, oval

WIDTH, HEIGHT = 202, 120
ZOOM = 2
SHIFT = 4  # cv2's fixed point: sixteenths
FIXED = ZOOM << SHIFT


class Canvas:
    """Pixels, uint8 (240, 404, 3) BGR, and the shade: uint8 (240, 404), 255 where a tone is to be laid."""

    def __init__(self, shaded: bool, brush: bool):
        self.brush = brush  # whether outlines swell, as those of a brush do
        self.image = np.zeros((HEIGHT * ZOOM, WIDTH * ZOOM, 3), np.uint8)
        self.shade = np.zeros((HEIGHT * ZOOM, WIDTH * ZOOM), np.uint8) if shaded else None

    def fill(self, points: Points, colour: Colour) -> None:
        """A filled polygon; it hides the shade below it."""
        outline = fixed(points)
        cv2.fillPoly(self.image, [outline], colour, cv2.LINE_AA, SHIFT)
        if self.shade is not None:
            cv2.fillPoly(self.shade, [outline], 0, cv2.LINE_8, SHIFT)

    def tone(self, points: Points, colour: Colour) -> None:
        """A shadow: a polygon of the shade where there is one, else of a colour."""
        if self.shade is None:
            cv2.fillPoly(self.image, [fixed(points)], colour, cv2.LINE_AA, SHIFT)
        else:
            cv2.fillPoly(self.shade, [fixed(points)], 255, cv2.LINE_8, SHIFT)

    def stroke(self, points: Points, colour: Colour, width: float, closed: bool = False) -> None:
        """A line of a width."""
        cv2.polylines(self.image, [fixed(points)], closed, colour, thickness(width), cv2.LINE_AA, SHIFT)

    def strokes(self, lines: Sequence[Points], colour: Colour, width: float) -> None:
        """Several open lines of one width."""
        cv2.polylines(self.image, [fixed(line) for line in lines], False, colour, thickness(width), cv2.LINE_AA, SHIFT)

    def fills(self, shapes: Sequence[Points], colour: Colour) -> None:
        """Several small filled polygons that do not overlap."""
        cv2.fillPoly(self.image, [fixed(shape) for shape in shapes], colour, cv2.LINE_AA, SHIFT)

    def shape(self, points: Points, colour: Colour, ink: Colour, width: float) -> None:
        """A filled polygon with its outline, which smooths the edge."""
        outline = fixed(points)
        cv2.fillPoly(self.image, [outline], colour, cv2.LINE_8, SHIFT)
        cv2.polylines(self.image, [outline], True, ink, thickness(width), cv2.LINE_AA, SHIFT)
        if self.brush:
            swollen = outline[len(outline) // 2 : len(outline) * 9 // 10]
            cv2.polylines(self.image, [swollen], False, ink, thickness(width * 1.9), cv2.LINE_AA, SHIFT)
        if self.shade is not None:
            cv2.fillPoly(self.shade, [outline], 0, cv2.LINE_8, SHIFT)

    def disc(self, x: float, y: float, radius: float, colour: Colour) -> None:
        """A filled circle."""
        centre = (round(x * FIXED), round(y * FIXED))
        cv2.circle(self.image, centre, max(1, round(radius * FIXED)), colour, -1, cv2.LINE_AA, SHIFT)
        if self.shade is not None:
            cv2.circle(self.shade, centre, max(1, round(radius * FIXED)), 0, -1, cv2.LINE_8, SHIFT)

    def oval(self, x: float, y: float, across: float, down: float, colour: Colour) -> None:
        """A filled ellipse."""
        self.fill(oval(x, y, across, down), colour)

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """A filled rectangle, to the nearest half pixel."""
        corners = (round(left * ZOOM), round(top * ZOOM)), (round(right * ZOOM) - 1, round(bottom * ZOOM) - 1)
        if corners[0][0] > corners[1][0] or corners[0][1] > corners[1][1]:
            return
        cv2.rectangle(self.image, *corners, colour, cv2.FILLED)
        if self.shade is not None:
            cv2.rectangle(self.shade, *corners, 0, cv2.FILLED)

    def gradient(self, top: Colour, bottom: Colour, start: float = 0, end: float = HEIGHT) -> None:
        """Rows that pass from one colour to the other."""
        first, last = round(start * ZOOM), round(end * ZOOM)
        steps = np.arange(last - first, dtype=np.int32)[:, None]
        upper, lower = np.array(top, np.int32), np.array(bottom, np.int32)
        rows = upper + (lower - upper) * steps // max(1, last - first - 1)
        shown = rows[: HEIGHT * ZOOM - first, None].astype(np.uint8)
        self.image[first:last] = cv2.repeat(shown, 1, WIDTH * ZOOM)

    def veil(self, colour: Colour, start: float, end: float) -> None:
        """Let what is there fade into a colour between two heights, and be it wholly below the lower one."""
        first, last = round(start * ZOOM), min(round(end * ZOOM), HEIGHT * ZOOM)
        steps = np.arange(last - first) * FULL // max(1, round(end * ZOOM) - first)
        self.image[first:last] = blended(self.image[first:last], colour, steps[:, None].astype(np.uint16))
        self.box(0, last / ZOOM, WIDTH, HEIGHT, colour)

    def glow(self, x: float, y: float, radius: float, colour: Colour, strength: int) -> None:
        """Light that fades from a point; strength in 0..256."""
        reach = max(2, int(radius)) * ZOOM
        left, top = int(x * ZOOM) - reach, int(y * ZOOM) - reach
        across, down = slice(max(0, left), max(0, left + 2 * reach)), slice(max(0, top), max(0, top + 2 * reach))
        part = self.image[down, across]
        if part.size:
            rows, columns = part.shape[:2]
            skip, lead = max(0, -top), 3 * max(0, -left)
            weight = falloff(reach)[skip : skip + rows, lead : lead + 3 * columns]
            part[:] = blended(part, colour, (weight * (strength >> 1)) >> 7)

    def paste(self, other: "Canvas", points: Points) -> None:
        """Take what lies within a polygon from another canvas."""
        mask = np.zeros(self.image.shape[:2], np.uint8)
        cv2.fillPoly(mask, [fixed(points)], 255, cv2.LINE_8, SHIFT)
        cv2.copyTo(other.image, mask, self.image)
        if self.shade is not None and other.shade is not None:
            cv2.copyTo(other.shade, mask, self.shade)

    def small(self) -> tuple[np.ndarray, np.ndarray | None]:
        """The thumbnail, uint8 (120, 202, 3) BGR, and its shade, uint8 (120, 202): each pixel the mean of four."""
        size = (WIDTH, HEIGHT)
        shade = None if self.shade is None else cv2.resize(self.shade, size, interpolation=cv2.INTER_AREA)
        return cv2.resize(self.image, size, interpolation=cv2.INTER_AREA), shade


def fixed(points: Points) -> np.ndarray:
    """Points in cv2's fixed point, int32 (n, 2)."""
    return np.array([(round(x * FIXED), round(y * FIXED)) for x, y in points], np.int32)


def thickness(width: float) -> int:
    """A width in whole pixels of the enlarged canvas, at least 1."""
    return max(1, round(width * ZOOM))
