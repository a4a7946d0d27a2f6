"""HTML pages of the demo site for people: an index of genres, the titles of a genre, the thumbnails of a title; no HTTP."""

from collections.abc import Iterable
from html import escape

from webtoon_genre.demo_site.answers import LABELS, artists_of, cover_path, thumbnail_path
from webtoon_genre.demo_site.world import Title, World

HEAD = """<!doctype html><html lang="ko"><meta charset="utf-8"><title>{title}</title><style>
body{{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:68rem;padding:0 1rem;color:#222}}
ul{{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:1rem}}li{{width:202px;font-size:13px}}
img{{width:202px;height:120px;display:block;border-radius:4px;background:#ddd}}a{{color:inherit}}
</style><h1>{title}</h1>"""


def index_page(world: World) -> str:
    """Return the index of genres, each with some of its titles."""
    parts = [HEAD.format(title="웹툰")]
    for genre in LABELS:
        titles = [title for title in world.titles.values() if title.genre == genre]
        parts.append(f'<h2><a href="/genre/{genre}">{LABELS[genre]}</a> <small>{len(titles)}</small></h2>')
        parts.append(cover_list(world, titles[:4]))
    return "".join(parts)


def genre_page(world: World, genre: str) -> str:
    """Return the titles of a genre, including those with it as their second genre."""
    titles = [title for title in world.titles.values() if genre in title.genres]
    return HEAD.format(title=LABELS[genre]) + '<p><a href="/">웹툰</a></p>' + cover_list(world, titles)


def title_page(world: World, title: Title) -> str:
    """Return the thumbnails of a title."""
    items = "".join(
        f'<li><img loading="lazy" alt="" src="{thumbnail_path(world, title, episode)}">{episode.no} · {episode.date}'
        f"{' · 유료' if episode.paid else ''}</li>"
        for episode in world.episodes(title)
    )
    links = " ".join(f'<a href="/genre/{genre}">{LABELS[genre]}</a>' for genre in title.genres)
    artists = escape(", ".join(artist.name for artist in artists_of(title)))
    return HEAD.format(title=escape(title.name)) + f"<p>{links} · {artists}</p><ul>{items}</ul>"


def cover_list(world: World, titles: Iterable[Title]) -> str:
    """Return titles as a list of covers."""
    items = (
        f'<li><a href="/title/{title.id}"><img alt="" src="{cover_path(world, title)}">{escape(title.name)}</a></li>'
        for title in titles
    )
    return f"<ul>{''.join(items)}</ul>"
