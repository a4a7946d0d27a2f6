"""The web API of Naver Webtoon: its addresses and what its JSON means; no HTTP.

Needed fields are those named here; others are ignored. One that is absent or of another type is a AnswerError with the address and
the key.
"""

import re
from datetime import date
from typing import Any, TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from stages.sources.web import AnswerError

ROLES = ("ARTIST_WRITER", "ARTIST_PAINTER", "ARTIST_NOVEL_ORIGIN")
ADULT_AGE = "RATE_18"
GENRE_TAG = "GENRE_"
FORMATS = {"EPISODE", "OMNIBUS", "STORY"}  # ways of telling, not genres


class Answer(BaseModel):
    """A JSON object of the API: camelCase keys, unknown ones ignored."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True)


class Page(Answer):
    """Where a page of a list stands."""

    next_page: int
    page: int | None = None
    total_pages: int | None = None

    @property
    def last(self) -> bool:
        """Whether no page follows."""
        return self.next_page == 0 or (self.page is not None and self.page == self.total_pages)


class TitlePage(Answer):
    """A page of a genre's titles, each still to be read as a ListedTitle."""

    title_list: list[Any]
    page_info: Page


class ListedTitle(Answer):
    """A title as lists show it."""

    title_id: int = Field(ge=0, lt=2**63)
    title_name: str
    adult: bool
    star_score: float | None


class Artist(Answer):
    """A person, in the older form."""

    name: str


class CommunityArtist(Answer):
    """A person, in the newer form."""

    name: str
    artist_type_list: list[str]


class Author(Answer):
    """The older form of a title's artists."""

    writers: list[Artist] = []
    painters: list[Artist] = []
    origin_authors: list[Artist] = []


class Age(Answer):
    """For whom a title is."""

    type: str


class Tag(Answer):
    """A genre, a format or a theme."""

    curation_type: str


class Info(Answer):
    """A title on its own page."""

    community_artists: list[CommunityArtist] | None = None
    author: Author | None = None
    age: Age | None = None
    curation_tag_list: list[Tag]

    @property
    def adult(self) -> bool:
        """Whether its episodes need a login."""
        return self.age is not None and self.age.type == ADULT_AGE

    @property
    def genres(self) -> tuple[str, ...]:
        """Genre codes in the order of the tags."""
        codes = (tag.curation_type.removeprefix(GENRE_TAG) for tag in self.curation_tag_list if is_genre(tag))
        return tuple(dict.fromkeys(code.lower() for code in codes))

    @property
    def authors(self) -> tuple[str, ...]:
        """Names of writers, then painters, then authors of the original, each once; both forms give the same."""
        if self.community_artists:
            by_role = [[who.name for who in self.community_artists if role in who.artist_type_list] for role in ROLES]
            by_role.append([who.name for who in self.community_artists])  # those of roles unknown here
        else:
            author = self.author or Author()
            by_role = [
                [who.name for who in group] for group in (author.writers, author.painters, author.origin_authors)
            ]
        return tuple(dict.fromkeys(name for names in by_role for name in names))


class Article(Answer):
    """An episode as lists show it."""

    no: int = Field(ge=0, lt=2**31)
    subtitle: str
    thumbnail_url: str
    star_score: float | None
    charge: bool
    service_date_description: str
    blind_inspection: Any = None

    @property
    def day(self) -> date | None:
        """The day of publication; None where it is told in words ("3일 후 무료")."""
        return service_date(self.service_date_description)

    @property
    def left_out(self) -> str | None:
        """Why its thumbnail is not asked for, None if it is."""
        if self.blind_inspection:
            return "hidden"
        if self.charge:
            return "paid"
        return None if self.day else "undated"


class ArticlePage(Answer):
    """A page of a title's episodes."""

    article_list: list[Article]
    page_info: Page


A = TypeVar("A", bound=Answer)


def read(model: type[A], answer: Any, url: str) -> A:
    """`answer` as `model`, or a AnswerError that names the key."""
    try:
        return model.model_validate(answer)
    except ValidationError as error:
        detail = error.errors()[0]
        key = ".".join(str(part) for part in detail["loc"]) or "the answer"
        if detail["type"] == "missing":
            raise AnswerError(url, "missing_key", f"{key} is missing") from None
        raise AnswerError(url, "bad_value", f"{key} is {str(detail['input'])[:40]!r}: {detail['msg']}") from None


def read_info(answer: Any, url: str) -> Info:
    """A title's page; one of the two forms of its artists must be there."""
    info = read(Info, answer, url)
    if info.community_artists is None and info.author is None:
        raise AnswerError(url, "missing_key", "communityArtists and author are missing")
    return info


def title_id_of(item: Any) -> int | None:
    """The id of a listed title that is perhaps not readable otherwise."""
    title_id = item.get("titleId") if isinstance(item, dict) else None
    return title_id if isinstance(title_id, int) else None


def is_genre(tag: Tag) -> bool:
    """Whether a tag names a genre."""
    return tag.curation_type.startswith(GENRE_TAG) and tag.curation_type.removeprefix(GENRE_TAG).upper() not in FORMATS


def service_date(text: str) -> date | None:
    """YY.MM.DD as a day of this century; None for anything else."""
    if not re.fullmatch(r"\d\d\.\d\d\.\d\d", text, re.ASCII):
        return None
    year, month, day = (int(part) for part in text.split("."))
    try:
        return date(2000 + year, month, day)
    except ValueError:
        return None


def titles_url(api: str, genre: str, page: int) -> str:
    """A page of the titles of a genre."""
    return f"{api}/api/webtoon/titlelist/genre?{urlencode({'genre': genre.upper(), 'order': 'user', 'page': page})}"


def info_url(api: str, title_id: int) -> str:
    """A title's own page."""
    return f"{api}/api/article/list/info?titleId={title_id}"


def articles_url(api: str, title_id: int, page: int) -> str:
    """A page of a title's episodes, oldest first."""
    return f"{api}/api/article/list?titleId={title_id}&page={page}&sort=ASC"
