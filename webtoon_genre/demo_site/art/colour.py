"""Colours as BGR tuples of whole numbers, by plain arithmetic that rounds the same everywhere."""

Colour = tuple[int, int, int]

BLACK: Colour = (0, 0, 0)
WHITE: Colour = (255, 255, 255)


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """Hue in degrees (any), saturation and value in 0..1."""
    sector = (hue % 360) / 60
    whole = int(sector) % 6
    rest = sector - int(sector)
    top, low = 255 * value, 255 * value * (1 - saturation)
    falling, rising = top - (top - low) * rest, low + (top - low) * rest
    red, green, blue = (
        (top, rising, low),
        (falling, top, low),
        (low, top, rising),
        (low, falling, top),
        (rising, low, top),
        (top, low, falling),
    )[whole]
    return (level(blue), level(green), level(red))


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """`share`, 0..1, of the other colour in the one."""
    kept = 1 - share
    return (
        int(one[0] * kept + other[0] * share + 0.5),
        int(one[1] * kept + other[1] * share + 0.5),
        int(one[2] * kept + other[2] * share + 0.5),
    )


def dim(colour: Colour, factor: float) -> Colour:
    """Darker below 1, lighter above."""
    return (level(colour[0] * factor), level(colour[1] * factor), level(colour[2] * factor))


def grey(colour: Colour) -> Colour:
    """The grey of the same brightness."""
    brightness = (29 * colour[0] + 150 * colour[1] + 77 * colour[2]) >> 8
    return (brightness, brightness, brightness)


def level(value: float) -> int:
    """Rounded into 0..255."""
    return min(255, max(0, int(value + 0.5)))
