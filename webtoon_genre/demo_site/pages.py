"""The embedded site as HTML for people: a genre index, a genre's titles, a title's thumbnails; no HTTP."""

from collections.abc import Iterable
from html import escape

from webtoon_genre.demo_site.answers import LABELS, cover_path, credited, thumbnail_path
from webtoon_genre.demo_site.world import Title, World

HEAD = """<!doctype html><html lang="ko"><meta charset="utf-8"><title>{title}</title><style>
body{{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:68rem;padding:0 1rem;color:#222}}
ul{{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:1rem}}li{{width:202px;font-size:13px}}
img{{width:202px;height:120px;display:block;border-radius:4px;background:#ddd}}a{{color:inherit}}
</style><h1>{title}</h1>"""


def index(world: World) -> str:
    """The genres, each with some of its titles."""
    parts = [HEAD.format(title="웹툰")]
    for genre in LABELS:
        titles = [title for title in world.titles.values() if title.genre == genre]
        parts.append(f'<h2><a href="/genre/{genre}">{LABELS[genre]}</a> <small>{len(titles)}</small></h2>')
        parts.append(cards(world, titles[:4]))
    return "".join(parts)


def genre(world: World, name: str) -> str:
    """The titles of a genre, those included that bear it second."""
    titles = [title for title in world.titles.values() if name in title.genres]
    return HEAD.format(title=LABELS[name]) + '<p><a href="/">웹툰</a></p>' + cards(world, titles)


def title(world: World, one: Title) -> str:
    """The thumbnails of a title."""
    items = "".join(
        f'<li><img loading="lazy" alt="" src="{thumbnail_path(world, one, episode)}">{episode.no} · {episode.date}'
        f"{' · 유료' if episode.paid else ''}</li>"
        for episode in world.episodes(one)
    )
    links = " ".join(f'<a href="/genre/{name}">{LABELS[name]}</a>' for name in one.genres)
    makers = escape(", ".join(artist.name for artist in credited(one)))
    return HEAD.format(title=escape(one.name)) + f"<p>{links} · {makers}</p><ul>{items}</ul>"


def cards(world: World, titles: Iterable[Title]) -> str:
    """Titles by their covers."""
    items = (
        f'<li><a href="/title/{one.id}"><img alt="" src="{cover_path(world, one)}">{escape(one.name)}</a></li>'
        for one in titles
    )
    return f"<ul>{''.join(items)}</ul>"
