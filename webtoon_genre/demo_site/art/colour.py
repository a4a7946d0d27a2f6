"""Colours as BGR tuples of integers, computed with arithmetic that rounds in the same way on every machine."""

Colour = tuple[int, int, int]

BLACK: Colour = (0, 0, 0)
WHITE: Colour = (255, 255, 255)


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """Convert a hue in degrees (any number), saturation and value in 0..1."""
    sector = (hue % 360) / 60
    index = int(sector) % 6
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
    )[index]
    return (level(blue), level(green), level(red))


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Mix two colours; `share` is that of the second one, 0..1."""
    rest = 1 - share
    return (
        int(first[0] * rest + second[0] * share + 0.5),
        int(first[1] * rest + second[1] * share + 0.5),
        int(first[2] * rest + second[2] * share + 0.5),
    )


def dim(colour: Colour, factor: float) -> Colour:
    """Multiply the brightness; a factor above 1 makes the colour lighter."""
    return (level(colour[0] * factor), level(colour[1] * factor), level(colour[2] * factor))


def grey(colour: Colour) -> Colour:
    """Return the grey of the same brightness."""
    brightness = (29 * colour[0] + 150 * colour[1] + 77 * colour[2]) >> 8
    return (brightness, brightness, brightness)


def level(value: float) -> int:
    """Round and clip to 0..255."""
    return min(255, max(0, int(value + 0.5)))
