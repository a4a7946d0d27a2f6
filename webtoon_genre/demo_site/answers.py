"""The JSON of the embedded site: what the web API of Naver Webtoon answers, made from a World; no HTTP."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from webtoon_genre.demo_site.dice import Dice
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
    """One page of a list of titles."""
    chosen = ordered(world, titles, order)
    here = chosen[TITLES_PER_PAGE * (page - 1) : TITLES_PER_PAGE * page]
    return {
        "titleList": [title_item(world, title) for title in here],
        "pageInfo": page_info(len(chosen), TITLES_PER_PAGE, page),
    }


def title_items(world: World, titles: Sequence[Title], order: str) -> list[dict[str, Any]]:
    """A whole list of titles, without pages."""
    return [title_item(world, title) for title in ordered(world, titles, order)]


def ordered(world: World, titles: Sequence[Title], order: str) -> list[Title]:
    """Titles by what the reader asked for, best or newest first; ties by id."""
    keys: dict[str, Callable[[Title], Any]] = {
        "update": lambda title: -title.times.day(title.times.out(world.as_of) - 1).toordinal(),
        "star": lambda title: -world.star_score(title),
        "starscore": lambda title: -world.star_score(title),
    }
    key = keys.get(order.lower(), lambda title: -views(world, title))
    return sorted(titles, key=lambda title: (key(title), title.id))


def title_item(world: World, title: Title) -> dict[str, Any]:
    """A title as lists show it."""
    age = (world.as_of - title.times.first).days
    return {
        "titleId": title.id,
        "titleName": title.name,
        "author": " / ".join(artist.name for artist in credited(title)),
        "writers": people(title.writers),
        "painters": people(title.painters),
        "novelOriginAuthors": people(title.origins),
        "thumbnailUrl": cover_url(world, title),
        "up": world.as_of - title.times.day(title.times.out(world.as_of) - 1) < timedelta(days=1),
        "rest": False,
        "bm": title.times.previews > 0,
        "adult": title.adult,
        "starScore": world.star_score(title),
        "viewCount": views(world, title),
        "openToday": age == 0,
        "potenUp": False,
        "bestChallengeLevelUp": False,
        "finish": title.times.finished(world.as_of),
        "new": age < 28,
    }


def title_info(world: World, title: Title) -> dict[str, Any]:
    """A title on its own page; half of the titles have the newer form of its artists."""
    return {
        "titleId": title.id,
        "thumbnailUrl": cover_url(world, title),
        "titleName": title.name,
        "webtoonLevelCode": "WEBTOON",
        **(newer_artists(world, title) if newer(title) else {"author": older_artists(title)}),
        "age": {"type": "RATE_18", "description": "18세 이용가"}
        if title.adult
        else {"type": "RATE_12", "description": "12세 이용가"},
        "publishDescription": f"{'월화수목금토일'[title.times.first.weekday()]}요웹툰",
        "synopsis": f"{title.name}. 시험용으로 지어낸 작품입니다.",
        "favoriteCount": views(world, title) // 40,
        "publishDayOfWeekList": [DAYS[title.times.first.weekday()]],
        "rest": False,
        "finished": title.times.finished(world.as_of),
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
        "new": (world.as_of - title.times.first).days < 28,
    }


def genre_tag(title: Title, genre: str) -> dict[str, Any]:
    """A genre as a title's page tells it."""
    code = genre.upper()
    return {
        "id": title.id,
        "tagName": LABELS[genre],
        "urlPath": f"/webtoon?tab=genre&genre={code}",
        "curationType": f"GENRE_{code}",
    }


def newer(title: Title) -> bool:
    """Whether a title's page names its artists as `communityArtists`."""
    return Dice("form", title.key).chance(0.5)


def older_artists(title: Title) -> dict[str, Any]:
    """The artists by role."""
    return {
        "writers": people(title.writers),
        "painters": people(title.painters),
        "originAuthors": people(title.origins),
    }


def newer_artists(world: World, title: Title) -> dict[str, Any]:
    """The artists with their roles, and the advertisement's parameters."""
    roles = {
        "ARTIST_WRITER": title.writers,
        "ARTIST_PAINTER": title.painters,
        "ARTIST_NOVEL_ORIGIN": title.origins,
    }
    artists = [
        {
            "artistId": artist.id,
            "name": artist.name,
            "artistTypeList": [role for role, holders in roles.items() if artist in holders],
        }
        for artist in credited(title)
    ]
    yes = {True: "Y", False: "N"}
    parameters = {
        "genreTypes": [genre.upper() for genre in title.genres],
        "adultYn": yes[title.adult],
        "finishedYn": yes[title.times.finished(world.as_of)],
    }
    return {"communityArtists": artists, "gfpAdCustomParam": parameters}


def episode_list(world: World, title: Title, page: int, sort: str) -> dict[str, Any]:
    """One page of a title's episodes: ASC mixes the paid previews in, DESC sets them apart."""
    every = world.episodes(title)
    rising = sort.upper() == "ASC"
    paid = [episode for episode in every if episode.paid]
    listed = every if rising else [episode for episode in reversed(every) if not episode.paid]
    here = listed[EPISODES_PER_PAGE * (page - 1) : EPISODES_PER_PAGE * page]
    return {
        "titleId": title.id,
        "webtoonLevelCode": "WEBTOON",
        "totalCount": len(every),
        "contentsNo": 0,
        "finished": title.times.finished(world.as_of),
        "dailyPass": False,
        "articleList": [episode_item(world, title, episode) for episode in here],
        "chargeFolderArticleList": [] if rising else [episode_item(world, title, episode) for episode in paid],
        "chargeFolderUp": False,
        "pageInfo": page_info(len(listed), EPISODES_PER_PAGE, page),
        "sort": "ASC" if rising else "DESC",
    }


def episode_item(world: World, title: Title, episode: Episode) -> dict[str, Any]:
    """An episode as lists show it."""
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
    """The day of a free episode, or how long a preview costs."""
    days = (episode.date - world.as_of).days
    if not episode.paid:
        return f"{episode.date:%y.%m.%d}"
    return "내일 무료" if days == 1 else f"{days}일 후 무료"


def page_info(total: int, size: int, page: int) -> dict[str, int]:
    """Where a page stands; `nextPage` is 0 on the last one and behind it."""
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
    """Where the image host has an episode's thumbnail."""
    return f"/webtoon/{title.id}/{episode.no}/thumbnail_202x120_{world.mark(title, episode)}.jpg"


def thumbnail_url(world: World, title: Title, episode: Episode) -> str:
    """The address of an episode's thumbnail."""
    return IMAGES + thumbnail_path(world, title, episode)


def cover_path(world: World, title: Title) -> str:
    """Where the image host has a title's cover."""
    cover = Episode(0, -1, title.times.first, "plain", False)
    return f"/webtoon/{title.id}/thumbnail/thumbnail_IMAG21_{world.mark(title, cover)}.jpg"


def cover_url(world: World, title: Title) -> str:
    """The address of a title's cover."""
    return IMAGES + cover_path(world, title)


def credited(title: Title) -> list[Artist]:
    """All who made a title, each once."""
    return list(dict.fromkeys(title.writers + title.painters + title.origins))


def people(artists: Sequence[Artist]) -> list[dict[str, Any]]:
    """Artists as the older forms name them."""
    return [{"id": artist.id, "name": artist.name} for artist in artists]


def views(world: World, title: Title) -> int:
    """How popular a title is."""
    return title.times.out(world.as_of) * Dice("views", world.seed, title.key).integer(900, 40_000)
