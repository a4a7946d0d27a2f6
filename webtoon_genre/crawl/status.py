"""Report of a crawl's data on disk, as text for a person; nothing on disk changes."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from webtoon_genre.crawl import journal
from webtoon_genre.crawl.source import OK, VANISHED, Title
from webtoon_genre.crawl.store import JOURNAL, Store

UNITS = ("B", "kB", "MB", "GB", "TB")


def report(store: Store, running: bool) -> str:
    """Describe the tables of data/raw and the staged files beside them."""
    return "\n".join([*describe_tables(store), *describe_staged(store, running)])


def describe_tables(store: Store) -> list[str]:
    """Describe the result of the last successful crawl: a line a genre (a title counts for its first), and statuses."""
    titles, episodes = store.titles(), store.episodes().table
    if not titles:
        return [f"{store.folder}: empty; `dvc repro crawl` fetches, `dvc pull` or `dvc checkout` restores"]
    sources = ", ".join(sorted({title.source for title in titles}))
    lines = [f"{store.folder}: {sources}", "", f"{'genre':<14}{'titles':>8}{'thumbnails':>12}{'size':>11}"]
    lines += describe_genres(titles, episodes)
    return [*lines, "", *describe_statuses(titles, episodes)]


def describe_genres(titles: Sequence[Title], episodes: pa.Table) -> list[str]:
    """Return the rows of the table, and their sum."""
    first_genres = {title.title_id: title.genres[0] if title.genres else "(none)" for title in titles}
    pictures = episodes.filter(pc.is_valid(episodes["sha256"]))
    counts: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for title_id, size, genre in zip(
        *(pictures[name].to_pylist() for name in ("title_id", "bytes", "genre")), strict=True
    ):
        counts[genre or first_genres[title_id]] += 1
        sizes[genre or first_genres[title_id]] += size
    title_counts = Counter(first_genres.values())
    lines = [
        format_row(genre, title_counts[genre], counts[genre], sizes[genre]) for genre in sorted(counts | title_counts)
    ]
    return [*lines, format_row("all", title_counts.total(), counts.total(), sizes.total())]


def format_row(name: str, titles: int, thumbnails: int, size: int) -> str:
    """Format one row."""
    return f"{name:<14}{titles:>8,}{thumbnails:>12,}{format_bytes(size):>11}"


def describe_statuses(titles: Sequence[Title], episodes: pa.Table) -> list[str]:
    """Describe the range of days, and why other episodes have no picture."""
    days = pc.min_max(episodes["date"]).as_py()
    counts = {item["values"]: item["counts"] for item in pc.value_counts(episodes["status"]).to_pylist()}
    missing = {f"{status} episodes": count for status, count in counts.items() if status not in (OK, VANISHED)}
    missing |= {"adult titles": sum(title.adult for title in titles)}
    lines = [f"published {days['min']} to {days['max']}"] if days["min"] else []
    if vanished := counts.get(VANISHED, 0):
        lines.append(f"vanished at the source, kept: {vanished:,}")
    reasons = ", ".join(f"{count:,} {name}" for name, count in sorted(missing.items()) if count)
    return [*lines, f"without a picture: {reasons or 'none'}"]


def describe_staged(store: Store, running: bool) -> list[str]:
    """Describe the staged data of a crawl that is running, or that did not succeed."""
    files = sorted(store.staged.glob("*.parquet"))
    pictures, size = journal.count_pictures(store.staged / JOURNAL)
    if not (files or pictures or running):
        return []
    titles, complete = count_staged(files)
    state = "a crawl is running" if running else "a crawl did not finish; the next one resumes it"
    return [
        "",
        f"{store.staged}: {state}",
        f"{titles:,} complete titles with {complete:,} thumbnails, {pictures:,} thumbnails of others, "
        f"{format_bytes(size + sum(path.stat().st_size for path in files))} in all",
    ]


def count_staged(files: Sequence[Path]) -> tuple[int, int]:
    """Return the number of titles in staged files, and of their pictures."""
    titles = pictures = 0
    for path in files:
        rows = pq.ParquetFile(path).read(["title_id", "no"])  # title_id: only in files that titles share
        titles += len(rows["title_id"].unique()) if "title_id" in rows.column_names else 1
        pictures += len(rows)
    return titles, pictures


def format_bytes(size: float) -> str:
    """Format a number of bytes with a unit, powers of 1000."""
    unit = 0
    while size >= 999.5 and unit < len(UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:,.0f} {UNITS[unit]}" if unit == 0 or size >= 99.5 else f"{size:,.1f} {UNITS[unit]}"
