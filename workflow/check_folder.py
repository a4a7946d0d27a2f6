"""Compare the pictures of the source `folder` with label.genres, split and validate before the crawl; it opens no picture."""

import difflib
from collections import Counter
from collections.abc import Iterator, Sequence

import pandas as pd

from stages.label import Label
from stages.validate import Validate, share_bounds
from webtoon_genre.core import paths
from webtoon_genre.core.errors import InputError
from webtoon_genre.core.wording import count, enumerated
from webtoon_genre.crawl.listing import picture_folder
from webtoon_genre.crawl.sources.folder import list_entries
from webtoon_genre.data.split_counts import describe_short_genres
from webtoon_genre.data.splits import SplitParams
from webtoon_genre.data.tables import TITLES, read_table

NOTE = "note: "  # begins a line that is no complaint


def folder_lines(path: str, label: Label, split: SplitParams | None, validate: Validate | None) -> Iterator[str]:
    """Complaints about the folder at `path` and its manifest, and notes on labels that label.genres leaves out."""
    try:
        folder = picture_folder(path)
    except InputError as error:
        yield f"{NOTE}{error}, or stay with the pictures of the last crawl" if was_crawled() else str(error)
        return
    try:
        entries = sorted(list_entries(folder, Counter()), key=lambda entry: entry.path)
    except InputError as error:
        yield str(error)
        return
    images = pd.DataFrame(
        {"title_id": [entry.title_id for entry in entries], "genre": [entry.label for entry in entries]}
    )
    images["no"] = images.groupby("title_id").cumcount() + 1
    sizes = images["genre"].value_counts()
    yield from missing_genres(path, label.genres, sorted(sizes.index))
    for genre in sorted(set(sizes.index) - set(label.genres)):
        yield f"{NOTE}{path} has {count(sizes[genre], 'picture')} of {genre!r}, which label.genres leaves out"
    labelled = images[images["genre"].isin(label.genres)]
    if split is not None:
        titled = images["title_id"].duplicated().any()
        yield from describe_short_genres(labelled, split, "add pictures of other titles" if titled else "add pictures")
    if validate is not None:
        yield from out_of_bounds(sizes[sizes.index.isin(label.genres)], len(label.genres), validate)


def was_crawled() -> bool:
    """Whether data/raw has a folder's pictures: another clone, or `dvc exp run --temp`, has these and no folder."""
    return paths.TITLES.is_file() and set(read_table(paths.TITLES, TITLES)["source"]) == {"folder"}


def missing_genres(source: str, genres: Sequence[str], existing: Sequence[str]) -> Iterator[str]:
    """A complaint about those of `genres` that the source lacks, with the nearest of its existing ones."""
    if missing := [genre for genre in genres if genre not in existing]:
        close = {genre: difflib.get_close_matches(genre, existing, n=1) for genre in missing}
        names = [f"{genre!r}" + "".join(f" (did you mean {name!r}?)" for name in close[genre]) for genre in missing]
        yield (
            f"label.genres has {', '.join(names)}, of which there will be no picture; "
            f"{source} has {enumerated(list(existing), 30) or 'no label'}"
        )


def out_of_bounds(sizes: pd.Series, genres: int, bounds: Validate) -> Iterator[str]:
    """Complaints about genres with too few pictures, or with a share of all pictures that is too small or too large."""
    low, high = share_bounds(bounds, genres)
    for genre, images in sorted(sizes.items()):
        share = images / sizes.sum()
        has = f"label.genres: {genre!r} has {count(images, 'picture')}"
        if images < bounds.min_images:
            yield f"{has}, fewer than the {bounds.min_images} of validate.min_images; add pictures, or lower it"
        if share < low:
            yield f"{has}, {share:.4f} of all, less than {low:.4f}; add pictures, or lower validate.min_ratio ({bounds.min_ratio})"
        if share > high:
            yield f"{has}, {share:.3f} of all, more than {high:.3f}; add others, or raise validate.max_ratio ({bounds.max_ratio})"
