"""What is on disk of a crawl, in words for a person; nothing is changed."""

from collections import Counter
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from webtoon_genre.crawl import journal
from webtoon_genre.crawl.source import OK, VANISHED, Title
from webtoon_genre.crawl.store import JOURNAL, Store

UNITS = ("B", "kB", "MB", "GB", "TB")


def report(store: Store, running: bool) -> str:
    """The tables of data/raw, and what is staged beside them."""
    return "\n".join([*committed(store), *staged(store, running)])


def committed(store: Store) -> list[str]:
    """What the last crawl that ended well left: a line a genre (a title counts for its first), and statuses."""
    titles, episodes = store.titles(), store.episodes().table
    if not titles:
        return [f"{store.folder}: nothing; `dvc repro crawl` fetches, `dvc pull` or `dvc checkout` brings back"]
    sources = ", ".join(sorted({title.source for title in titles}))
    lines = [f"{store.folder}: {sources}", "", f"{'genre':<14}{'titles':>8}{'thumbnails':>12}{'size':>11}"]
    lines += by_genre(titles, episodes)
    return [*lines, "", *statuses(titles, episodes)]


def by_genre(titles: Sequence[Title], episodes: pa.Table) -> list[str]:
    """The rows of the table, and their sum."""
    genre = {title.title_id: title.genres[0] if title.genres else "(none)" for title in titles}
    pictures = episodes.filter(pc.is_valid(episodes["sha256"]))
    count: Counter[str] = Counter()
    size: Counter[str] = Counter()
    for title_id, length, own in zip(
        *(pictures[name].to_pylist() for name in ("title_id", "bytes", "genre")), strict=True
    ):
        count[own or genre[title_id]] += 1
        size[own or genre[title_id]] += length
    works = Counter(genre.values())
    lines = [table_line(name, works[name], count[name], size[name]) for name in sorted(count | works)]
    return [*lines, table_line("all", works.total(), count.total(), size.total())]


def table_line(name: str, titles: int, thumbnails: int, size: int) -> str:
    """One row."""
    return f"{name:<14}{titles:>8,}{thumbnails:>12,}{format_bytes(size):>11}"


def statuses(titles: Sequence[Title], episodes: pa.Table) -> list[str]:
    """Which days there are, and why other episodes have no picture."""
    days = pc.min_max(episodes["date"]).as_py()
    counts = {item["values"]: item["counts"] for item in pc.value_counts(episodes["status"]).to_pylist()}
    other = {f"{status} episodes": count for status, count in counts.items() if status not in (OK, VANISHED)}
    other |= {"adult titles": sum(title.adult for title in titles)}
    lines = [f"published {days['min']} to {days['max']}"] if days["min"] else []
    if gone := counts.get(VANISHED, 0):
        lines.append(f"vanished at the source, kept: {gone:,}")
    left = ", ".join(f"{count:,} {name}" for name, count in sorted(other.items()) if count)
    return [*lines, f"without a picture: {left or 'none'}"]


def staged(store: Store, running: bool) -> list[str]:
    """What a crawl under way, or one that did not end well, has so far."""
    files = sorted(store.staged.glob("*.parquet"))
    pictures, size = journal.counted(store.staged / JOURNAL)
    if not (files or pictures or running):
        return []
    complete = sum(pq.ParquetFile(path).metadata.num_rows for path in files)
    state = "a crawl is under way" if running else "a crawl did not end; the next one goes on from here"
    return [
        "",
        f"{store.staged}: {state}",
        f"{len(files):,} complete titles with {complete:,} thumbnails, {pictures:,} thumbnails of others, "
        f"{format_bytes(size + sum(path.stat().st_size for path in files))} in all",
    ]


def format_bytes(size: float) -> str:
    """A number of bytes with a unit, powers of 1000."""
    unit = 0
    while size >= 999.5 and unit < len(UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:,.0f} {UNITS[unit]}" if unit == 0 or size >= 99.5 else f"{size:,.1f} {UNITS[unit]}"
