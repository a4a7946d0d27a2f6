"""The web API of Naver Webtoon: its addresses and models of its JSON; no HTTP.

The fields named here are required unless they have a default; others are ignored. A field that is absent or of another type raises
AnswerError with the address and the key.
"""

import re
from collections.abc import Iterable
from datetime import date
from typing import Annotated, Any, Self, TypeVar
from urllib.parse import urlencode

from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from webtoon_genre.crawl.http import AnswerError

GENRE_LISTS, WEEKDAY_LISTS, FINISHED_LIST = "genre", "weekday", "finished"
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun", "dailyPlus")
ROLES = ("ARTIST_WRITER", "ARTIST_PAINTER", "ARTIST_NOVEL_ORIGIN")
ADULT_AGE = "RATE_18"
GENRE_TAG = "GENRE_"
FORMATS = {"EPISODE", "OMNIBUS", "STORY"}  # narrative formats, not genres


def encodable(text: str) -> str:
    """Replace lone surrogates in `text`, which JSON can express and UTF-8 cannot."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


Text = Annotated[str, AfterValidator(encodable)]
FINISHED = Field(None, validation_alias=AliasChoices("finished", "finish"))  # `finish` in lists, `finished` elsewhere


class Answer(BaseModel):
    """A JSON object of the API: camelCase keys; unknown keys are ignored."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True, allow_inf_nan=False)


class Page(Answer):
    """The position of a page in its list."""

    next_page: int
    page: int | None = None
    total_pages: int | None = None

    @property
    def last(self) -> bool:
        """Whether this is the last page."""
        return self.next_page == 0 or (self.page is not None and self.page == self.total_pages)


class TitlePage(Answer):
    """A page of titles, each yet to be read as a TitleItem; a list without pages has no `page_info`."""

    title_list: list[Any]
    page_info: Page | None = None

    @property
    def last(self) -> bool:
        """Whether this is the last page."""
        return self.page_info is None or self.page_info.last


class TitleItem(Answer):
    """A title as an item of a list."""

    title_id: int = Field(ge=0, lt=2**63)
    title_name: Text
    author: Text | None = None  # "채밀/수냥냥 / 서순배": all names, by role or not
    adult: bool
    star_score: float | None
    finished: bool | None = FINISHED

    @property
    def names(self) -> set[str]:
        """The names in `author`."""
        return {name.strip() for name in (self.author or "").split("/")} - {""}


class Artist(Answer):
    """A person, in the older form."""

    name: Text


class CommunityArtist(Answer):
    """A person, in the newer form."""

    name: Text
    artist_type_list: list[str]


class Author(Answer):
    """The older form of a title's artists."""

    writers: list[Artist] = []
    painters: list[Artist] = []
    origin_authors: list[Artist] = []


class Age(Answer):
    """The age rating of a title."""

    type: str


class Tag(Answer):
    """A genre, a format or a theme."""

    curation_type: Text


class Advertising(Answer):
    """Data for advertisers on a title's page, in the newer form."""

    genre_types: list[Text] | Text = []


class Info(Answer):
    """A title on its own page."""

    community_artists: list[CommunityArtist] | None = None
    author: Author | None = None
    age: Age | None = None
    curation_tag_list: list[Tag]
    gfp_ad_custom_param: Advertising | None = None
    finished: bool | None = FINISHED

    @model_validator(mode="after")
    def require_artists(self) -> Self:
        """Require one of the two forms of a title's artists."""
        if self.community_artists is None and self.author is None:
            raise PydanticCustomError("missing_key", "communityArtists and author are missing")
        return self

    @property
    def adult(self) -> bool:
        """Whether its episodes need a login."""
        return self.age is not None and self.age.type == ADULT_AGE

    @property
    def genres(self) -> tuple[str, ...]:
        """Genre codes in the order of the tags, or those for advertisers where no tag is a genre."""
        tags = (tag.curation_type for tag in self.curation_tag_list)
        names = [tag.removeprefix(GENRE_TAG) for tag in tags if tag.startswith(GENRE_TAG)]
        types = self.gfp_ad_custom_param.genre_types if self.gfp_ad_custom_param else []
        codes = genre_codes(names) or genre_codes(types.split(",") if isinstance(types, str) else types)
        return tuple(dict.fromkeys(codes))

    @property
    def authors(self) -> tuple[str, ...]:
        """Names of writers, then painters, then authors of the original, without repetition; equal in both forms."""
        if self.community_artists:
            by_role = [
                [artist.name for artist in self.community_artists if role in artist.artist_type_list] for role in ROLES
            ]
            by_role.append([artist.name for artist in self.community_artists])  # those with other roles
        else:
            author = self.author or Author()
            by_role = [
                [artist.name for artist in artists]
                for artists in (author.writers, author.painters, author.origin_authors)
            ]
        return tuple(dict.fromkeys(name for names in by_role for name in names))


class Article(Answer):
    """An episode as an item of a list."""

    no: int = Field(ge=0, lt=2**31)
    subtitle: Text
    thumbnail_url: Text
    star_score: float | None
    charge: bool
    service_date_description: str
    blind_inspection: Any = None

    @property
    def day(self) -> date | None:
        """The day of publication; None where the API states it in words ("3일 후 무료")."""
        return service_date(self.service_date_description)

    @property
    def exclusion(self) -> str | None:
        """Why its thumbnail is not requested; None if it is."""
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
    """Read `answer` as `model`, or raise AnswerError with the key."""
    try:
        return model.model_validate(answer)
    except ValidationError as error:
        detail = error.errors()[0]
        key = ".".join(str(part) for part in detail["loc"]) or "the answer"
        if detail["type"] == "missing":
            raise AnswerError(url, "missing_key", f"{key} is missing") from None
        if detail["type"] == "missing_key":
            raise AnswerError(url, "missing_key", detail["msg"]) from None
        raise AnswerError(url, "bad_value", f"{key} is {str(detail['input'])[:40]!r}: {detail['msg']}") from None


def title_id_of(item: Any) -> int | None:
    """Return the id of a list item that may be unreadable otherwise."""
    title_id = item.get("titleId") if isinstance(item, dict) else None
    try:
        return int(title_id) if isinstance(title_id, int | str) else None
    except ValueError:
        return None


def genre_codes(names: Iterable[str]) -> list[str]:
    """Return the genres among `names` as codes, without formats."""
    return [name.strip().lower() for name in names if name.strip() and name.strip().upper() not in FORMATS]


def service_date(text: str) -> date | None:
    """Parse YY.MM.DD as a day of this century; return None for any other text."""
    if not re.fullmatch(r"\d\d\.\d\d\.\d\d", text, re.ASCII):
        return None
    year, month, day = (int(part) for part in text.split("."))
    try:
        return date(2000 + year, month, day)
    except ValueError:
        return None


def order_name(kind: str, order: str) -> str:
    """Return the name of an order in lists of `kind`; genre lists and others name the order by star score differently."""
    return "starScore" if order == "star" and kind != GENRE_LISTS else order


def list_url(api: str, kind: str, name: str, order: str, page: int) -> str:
    """Return the address of a page of titles: of a genre, of a weekday (one page only), or finished ones (`name` is "")."""
    spelling = order_name(kind, order)
    queries: dict[str, dict[str, str | int]] = {
        GENRE_LISTS: {"genre": name.upper(), "order": spelling, "page": page},
        WEEKDAY_LISTS: {"week": name, "order": spelling},
        FINISHED_LIST: {"page": page, "order": spelling},
    }
    return f"{api}/api/webtoon/titlelist/{kind}?{urlencode(queries[kind])}"


def info_url(api: str, title_id: int) -> str:
    """Return the address of a title's own page."""
    return f"{api}/api/article/list/info?titleId={title_id}"


def articles_url(api: str, title_id: int, page: int) -> str:
    """Return the address of a page of a title's episodes, oldest first."""
    return f"{api}/api/article/list?titleId={title_id}&page={page}&sort=ASC"
