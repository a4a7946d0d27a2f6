"""The canvas: twice the size of a thumbnail, so that downsampling smooths edges. Units are pixels of the thumbnail."""

from collections.abc import Sequence

import cv2
import numpy as np

from webtoon_genre.demo_site.art.blend import FULL, blend, falloff
from webtoon_genre.demo_site.art.colour import Colour
from webtoon_genre.demo_site.art.geometry import Points, oval

WIDTH, HEIGHT = 202, 120
ZOOM = 2
SHIFT = 4  # fractional bits of cv2's fixed point
FIXED = ZOOM << SHIFT


class Canvas:
    """Pixels, uint8 (240, 404, 3) BGR, and the shade mask: uint8 (240, 404), 255 where a tone is applied later."""

    def __init__(self, shaded: bool, brush: bool):
        self.brush = brush  # whether outlines get thicker along a part, like those of a brush
        self.image = np.zeros((HEIGHT * ZOOM, WIDTH * ZOOM, 3), np.uint8)
        self.shade = np.zeros((HEIGHT * ZOOM, WIDTH * ZOOM), np.uint8) if shaded else None

    def fill(self, points: Points, colour: Colour) -> None:
        """Fill a polygon; it clears the shade below it."""
        outline = fixed_point(points)
        cv2.fillPoly(self.image, [outline], colour, cv2.LINE_AA, SHIFT)
        if self.shade is not None:
            cv2.fillPoly(self.shade, [outline], 0, cv2.LINE_8, SHIFT)

    def tone(self, points: Points, colour: Colour) -> None:
        """Draw a shadow: a polygon of the shade mask if there is one, else of a colour."""
        if self.shade is None:
            cv2.fillPoly(self.image, [fixed_point(points)], colour, cv2.LINE_AA, SHIFT)
        else:
            cv2.fillPoly(self.shade, [fixed_point(points)], 255, cv2.LINE_8, SHIFT)

    def stroke(self, points: Points, colour: Colour, width: float, closed: bool = False) -> None:
        """Draw a line."""
        cv2.polylines(self.image, [fixed_point(points)], closed, colour, thickness(width), cv2.LINE_AA, SHIFT)

    def strokes(self, lines: Sequence[Points], colour: Colour, width: float) -> None:
        """Draw several open lines of one width."""
        cv2.polylines(
            self.image, [fixed_point(line) for line in lines], False, colour, thickness(width), cv2.LINE_AA, SHIFT
        )

    def fills(self, shapes: Sequence[Points], colour: Colour) -> None:
        """Fill several small polygons that do not overlap."""
        cv2.fillPoly(self.image, [fixed_point(shape) for shape in shapes], colour, cv2.LINE_AA, SHIFT)

    def shape(self, points: Points, colour: Colour, ink: Colour, width: float) -> None:
        """Fill a polygon and draw its outline, which smooths the edge."""
        outline = fixed_point(points)
        cv2.fillPoly(self.image, [outline], colour, cv2.LINE_8, SHIFT)
        cv2.polylines(self.image, [outline], True, ink, thickness(width), cv2.LINE_AA, SHIFT)
        if self.brush:
            thick_part = outline[len(outline) // 2 : len(outline) * 9 // 10]
            cv2.polylines(self.image, [thick_part], False, ink, thickness(width * 1.9), cv2.LINE_AA, SHIFT)
        if self.shade is not None:
            cv2.fillPoly(self.shade, [outline], 0, cv2.LINE_8, SHIFT)

    def disc(self, x: float, y: float, radius: float, colour: Colour) -> None:
        """Fill a circle."""
        centre = (round(x * FIXED), round(y * FIXED))
        cv2.circle(self.image, centre, max(1, round(radius * FIXED)), colour, -1, cv2.LINE_AA, SHIFT)
        if self.shade is not None:
            cv2.circle(self.shade, centre, max(1, round(radius * FIXED)), 0, -1, cv2.LINE_8, SHIFT)

    def oval(self, x: float, y: float, across: float, down: float, colour: Colour) -> None:
        """Fill an ellipse."""
        self.fill(oval(x, y, across, down), colour)

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """Fill a rectangle, rounded to half pixels."""
        corners = (round(left * ZOOM), round(top * ZOOM)), (round(right * ZOOM) - 1, round(bottom * ZOOM) - 1)
        if corners[0][0] > corners[1][0] or corners[0][1] > corners[1][1]:
            return
        cv2.rectangle(self.image, *corners, colour, cv2.FILLED)
        if self.shade is not None:
            cv2.rectangle(self.shade, *corners, 0, cv2.FILLED)

    def gradient(self, top: Colour, bottom: Colour, start: float = 0, end: float = HEIGHT) -> None:
        """Fill rows with a gradient between two colours."""
        first, last = round(start * ZOOM), round(end * ZOOM)
        steps = np.arange(last - first, dtype=np.int32)[:, None]
        upper, lower = np.array(top, np.int32), np.array(bottom, np.int32)
        rows = upper + (lower - upper) * steps // max(1, last - first - 1)
        visible = rows[: HEIGHT * ZOOM - first, None].astype(np.uint8)
        self.image[first:last] = cv2.repeat(visible, 1, WIDTH * ZOOM)

    def veil(self, colour: Colour, start: float, end: float) -> None:
        """Fade the canvas into a colour between two heights; below the lower height, the colour covers it."""
        first, last = round(start * ZOOM), min(round(end * ZOOM), HEIGHT * ZOOM)
        steps = np.arange(last - first) * FULL // max(1, round(end * ZOOM) - first)
        self.image[first:last] = blend(self.image[first:last], colour, steps[:, None].astype(np.uint16))
        self.box(0, last / ZOOM, WIDTH, HEIGHT, colour)

    def glow(self, x: float, y: float, radius: float, colour: Colour, strength: int) -> None:
        """Draw light that fades with the distance from a point; strength in 0..256."""
        reach = max(2, int(radius)) * ZOOM
        left, top = int(x * ZOOM) - reach, int(y * ZOOM) - reach
        across, down = slice(max(0, left), max(0, left + 2 * reach)), slice(max(0, top), max(0, top + 2 * reach))
        region = self.image[down, across]
        if region.size:
            rows, columns = region.shape[:2]
            skip, lead = max(0, -top), 3 * max(0, -left)
            weight = falloff(reach)[skip : skip + rows, lead : lead + 3 * columns]
            region[:] = blend(region, colour, (weight * (strength >> 1)) >> 7)

    def paste(self, source: "Canvas", points: Points) -> None:
        """Copy the pixels within a polygon from another canvas."""
        mask = np.zeros(self.image.shape[:2], np.uint8)
        cv2.fillPoly(mask, [fixed_point(points)], 255, cv2.LINE_8, SHIFT)
        cv2.copyTo(source.image, mask, self.image)
        if self.shade is not None and source.shade is not None:
            cv2.copyTo(source.shade, mask, self.shade)

    def downsample(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the thumbnail, uint8 (120, 202, 3) BGR, and its shade, uint8 (120, 202): every pixel is the mean of four."""
        size = (WIDTH, HEIGHT)
        shade = None if self.shade is None else cv2.resize(self.shade, size, interpolation=cv2.INTER_AREA)
        return cv2.resize(self.image, size, interpolation=cv2.INTER_AREA), shade


def fixed_point(points: Points) -> np.ndarray:
    """Convert points to cv2's fixed point, int32 (n, 2)."""
    return np.array([(round(x * FIXED), round(y * FIXED)) for x, y in points], np.int32)


def thickness(width: float) -> int:
    """Convert a width to pixels of the enlarged canvas, at least 1."""
    return max(1, round(width * ZOOM))
