"""Numbers in sentences: "three", "1 title", "6 titles"; English alone."""

WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def in_words(number: int) -> str:
    """A number up to ten in words, a larger one in digits: "three-way" and "18-way" begin so."""
    return WORDS[number] if number < len(WORDS) else str(number)


def count(number: int, singular: str, plural: str | None = None) -> str:
    """A number and its noun: "1 title", "0 titles"; `plural` where it is not the singular with an s."""
    return f"{number} {singular if number == 1 else plural or singular + 's'}"


def enumerated(names: list[str], most: int = 6) -> str:
    """The first `most` names, and how many more there are."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
