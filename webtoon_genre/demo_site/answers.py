"""JSON answers of the demo site in the form of Naver Webtoon's web API, computed from a World; no HTTP."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from webtoon_genre.demo_site.seeded_random import SeededRandom
from webtoon_genre.demo_site.timetable import HIDDEN
from webtoon_genre.demo_site.world import Artist, Episode, Title, World

API = "http://comic.demo.test"
IMAGES = "http://image.demo.test"
TITLES_PER_PAGE, EPISODES_PER_PAGE, PAGES_SHOWN = 25, 20, 10
DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
LABELS = {
    "daily": "일상",
    "comic": "개그",
    "fantasy": "판타지",
    "action": "액션",
    "drama": "드라마",
    "pure": "로맨스",
    "sensibility": "감성",
    "thrill": "스릴러",
    "historical": "무협/사극",
    "sports": "스포츠",
}


def title_list(world: World, titles: Sequence[Title], order: str, page: int) -> dict[str, Any]:
    """Return a page of a list of titles."""
    sorted_titles = sort_titles(world, titles, order)
    page_titles = sorted_titles[TITLES_PER_PAGE * (page - 1) : TITLES_PER_PAGE * page]
    return {
        "titleList": [title_item(world, title) for title in page_titles],
        "pageInfo": page_info(len(sorted_titles), TITLES_PER_PAGE, page),
    }


def title_items(world: World, titles: Sequence[Title], order: str) -> list[dict[str, Any]]:
    """Return a complete list of titles, without pages."""
    return [title_item(world, title) for title in sort_titles(world, titles, order)]


def sort_titles(world: World, titles: Sequence[Title], order: str) -> list[Title]:
    """Sort titles by the requested order, best or newest first; ties by id."""
    keys: dict[str, Callable[[Title], Any]] = {
        "update": lambda title: -title.timetable.day(title.timetable.free_slots(world.as_of) - 1).toordinal(),
        "star": lambda title: -world.star_score(title),
        "starscore": lambda title: -world.star_score(title),
    }
    key = keys.get(order.lower(), lambda title: -views(world, title))
    return sorted(titles, key=lambda title: (key(title), title.id))


def title_item(world: World, title: Title) -> dict[str, Any]:
    """Return a title as an item of a list."""
    age = (world.as_of - title.timetable.first).days
    return {
        "titleId": title.id,
        "titleName": title.name,
        "author": " / ".join(artist.name for artist in artists_of(title)),
        "writers": people(title.writers),
        "painters": people(title.painters),
        "novelOriginAuthors": people(title.origins),
        "thumbnailUrl": cover_url(world, title),
        "up": world.as_of - title.timetable.day(title.timetable.free_slots(world.as_of) - 1) < timedelta(days=1),
        "rest": False,
        "bm": title.timetable.previews > 0,
        "adult": title.adult,
        "starScore": world.star_score(title),
        "viewCount": views(world, title),
        "openToday": age == 0,
        "potenUp": False,
        "bestChallengeLevelUp": False,
        "finish": title.timetable.finished(world.as_of),
        "new": age < 28,
    }


def title_info(world: World, title: Title) -> dict[str, Any]:
    """Return the page of a title; 50% of the titles have the newer form of their artists."""
    return {
        "titleId": title.id,
        "thumbnailUrl": cover_url(world, title),
        "titleName": title.name,
        "webtoonLevelCode": "WEBTOON",
        **(newer_artists(world, title) if has_newer_form(title) else {"author": older_artists(title)}),
        "age": {"type": "RATE_18", "description": "18세 이용가"}
        if title.adult
        else {"type": "RATE_12", "description": "12세 이용가"},
        "publishDescription": f"{'월화수목금토일'[title.timetable.first.weekday()]}요웹툰",
        "synopsis": f"{title.name}. 시험용으로 지어낸 작품입니다.",
        "favoriteCount": views(world, title) // 40,
        "publishDayOfWeekList": [DAYS[title.timetable.first.weekday()]],
        "rest": False,
        "finished": title.timetable.finished(world.as_of),
        "dailyPass": False,
        "curationTagList": [genre_tag(title, genre) for genre in title.genres]
        + [
            {
                "id": 64,
                "tagName": "시험용",
                "urlPath": "/curation/list?type=CUSTOM_TAG&id=64",
                "curationType": "CUSTOM_TAG",
            }
        ],
        "contentsNo": 0,
        "new": (world.as_of - title.timetable.first).days < 28,
    }


def genre_tag(title: Title, genre: str) -> dict[str, Any]:
    """Return a genre in the form of a title's page."""
    code = genre.upper()
    return {
        "id": title.id,
        "tagName": LABELS[genre],
        "urlPath": f"/webtoon?tab=genre&genre={code}",
        "curationType": f"GENRE_{code}",
    }


def has_newer_form(title: Title) -> bool:
    """Return whether the page of a title lists its artists under `communityArtists`."""
    return SeededRandom("form", title.key).chance(0.5)


def older_artists(title: Title) -> dict[str, Any]:
    """Return the artists by role."""
    return {
        "writers": people(title.writers),
        "painters": people(title.painters),
        "originAuthors": people(title.origins),
    }


def newer_artists(world: World, title: Title) -> dict[str, Any]:
    """Return the artists with their roles, and the parameters of the advertisement."""
    roles = {
        "ARTIST_WRITER": title.writers,
        "ARTIST_PAINTER": title.painters,
        "ARTIST_NOVEL_ORIGIN": title.origins,
    }
    artists = [
        {
            "artistId": artist.id,
            "name": artist.name,
            "artistTypeList": [role for role, members in roles.items() if artist in members],
        }
        for artist in artists_of(title)
    ]
    flags = {True: "Y", False: "N"}
    parameters = {
        "genreTypes": [genre.upper() for genre in title.genres],
        "adultYn": flags[title.adult],
        "finishedYn": flags[title.timetable.finished(world.as_of)],
    }
    return {"communityArtists": artists, "gfpAdCustomParam": parameters}


def episode_list(world: World, title: Title, page: int, sort: str) -> dict[str, Any]:
    """Return a page of a title's episodes: ASC includes the paid previews, DESC lists them separately."""
    all_episodes = world.episodes(title)
    ascending = sort.upper() == "ASC"
    paid = [episode for episode in all_episodes if episode.paid]
    ordered = all_episodes if ascending else [episode for episode in reversed(all_episodes) if not episode.paid]
    page_episodes = ordered[EPISODES_PER_PAGE * (page - 1) : EPISODES_PER_PAGE * page]
    return {
        "titleId": title.id,
        "webtoonLevelCode": "WEBTOON",
        "totalCount": len(all_episodes),
        "contentsNo": 0,
        "finished": title.timetable.finished(world.as_of),
        "dailyPass": False,
        "articleList": [episode_item(world, title, episode) for episode in page_episodes],
        "chargeFolderArticleList": [] if ascending else [episode_item(world, title, episode) for episode in paid],
        "chargeFolderUp": False,
        "pageInfo": page_info(len(ordered), EPISODES_PER_PAGE, page),
        "sort": "ASC" if ascending else "DESC",
    }


def episode_item(world: World, title: Title, episode: Episode) -> dict[str, Any]:
    """Return an episode as an item of a list."""
    item = {
        "no": episode.no,
        "thumbnailUrl": thumbnail_url(world, title, episode),
        "subtitle": f"{episode.slot + 1}화",
        "starScore": 0.0 if episode.paid else world.star_score(title, episode.slot),
        "bgm": False,
        "up": episode.date == world.as_of,
        "charge": episode.paid,
        "serviceDateDescription": service_date(world, episode),
        "volumeNo": episode.slot + 1,
        "hasReadLog": False,
        "recentlyReadLog": False,
        "thumbnailClock": episode.paid,
        "thumbnailLock": episode.paid,
    }
    return {**item, "blindInspection": True} if episode.kind == HIDDEN else item


def service_date(world: World, episode: Episode) -> str:
    """Return the day of a free episode, or the number of days until a preview is free."""
    days = (episode.date - world.as_of).days
    if not episode.paid:
        return f"{episode.date:%y.%m.%d}"
    return "내일 무료" if days == 1 else f"{days}일 후 무료"


def page_info(total: int, size: int, page: int) -> dict[str, int]:
    """Return the position of a page; `nextPage` is 0 on the last page and after it."""
    pages = max(1, -(-total // size))
    first = (page - 1) // PAGES_SHOWN * PAGES_SHOWN + 1
    return {
        "totalRows": total,
        "pageSize": size,
        "indexSize": PAGES_SHOWN,
        "page": page,
        "rawPage": page,
        "endRowNum": min(page * size, total),
        "lastPage": min(first + PAGES_SHOWN - 1, pages),
        "totalPages": pages,
        "startRowNum": (page - 1) * size + 1,
        "firstPage": first,
        "prevPage": page - 1,
        "nextPage": page + 1 if page < pages else 0,
    }


def thumbnail_path(world: World, title: Title, episode: Episode) -> str:
    """Return the path of an episode's thumbnail on the image host."""
    return f"/webtoon/{title.id}/{episode.no}/thumbnail_202x120_{world.token(title, episode)}.jpg"


def thumbnail_url(world: World, title: Title, episode: Episode) -> str:
    """Return the URL of an episode's thumbnail."""
    return IMAGES + thumbnail_path(world, title, episode)


def cover_path(world: World, title: Title) -> str:
    """Return the path of a title's cover on the image host."""
    cover = Episode(0, -1, title.timetable.first, "plain", False)
    return f"/webtoon/{title.id}/thumbnail/thumbnail_IMAG21_{world.token(title, cover)}.jpg"


def cover_url(world: World, title: Title) -> str:
    """Return the URL of a title's cover."""
    return IMAGES + cover_path(world, title)


def artists_of(title: Title) -> list[Artist]:
    """Return the artists of a title without duplicates."""
    return list(dict.fromkeys(title.writers + title.painters + title.origins))


def people(artists: Sequence[Artist]) -> list[dict[str, Any]]:
    """Return artists in the older form."""
    return [{"id": artist.id, "name": artist.name} for artist in artists]


def views(world: World, title: Title) -> int:
    """Return the view count of a title."""
    return title.timetable.free_slots(world.as_of) * SeededRandom("views", world.seed, title.key).integer(900, 40_000)
