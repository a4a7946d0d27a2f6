"""Naver Webtoon: titles of its lists, crawled over HTTP within robots.txt, delays and limits; docs/crawling.md.

Whoever runs it needs the site's permission, and states a contact address in crawl.user_agent.
"""

from collections import Counter
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from webtoon_genre.core.errors import InputError
from webtoon_genre.core.params import Section
from webtoon_genre.crawl.source import CrawlParams, CrawlResult
from webtoon_genre.crawl.store import Store

PLACEHOLDER = "example.org"  # the host in the default crawl.user_agent


def unique(names: list[str]) -> list[str]:
    """Return `names`, or raise ValueError where a name is repeated."""
    if repeated := sorted(name for name, times in Counter(names).items() if times > 1):
        raise ValueError(f"{repeated[0]} is listed twice")
    return names


class Params(Section):
    """params.yaml: crawl.naver."""

    genres: Annotated[list[Annotated[str, Field(pattern="^[a-z_]+$")]], Field(min_length=1), AfterValidator(unique)]
    lists: Annotated[list[Literal["genre", "weekday", "finished"]], Field(min_length=1), AfterValidator(unique)]
    order: Literal["user", "update", "view", "star"]
    delay: float = Field(ge=0)
    throttle: float | None = Field(gt=0)


def collect(params: Params, common: CrawlParams, store: Store) -> CrawlResult:
    """Crawl the live site."""
    if PLACEHOLDER in common.user_agent:
        raise InputError(f"crawl.user_agent is {common.user_agent!r}; put a contact address for the site into it")
    from webtoon_genre.crawl.naver import site

    return site.crawl(
        site.naver(params.delay, params.throttle), params.lists, params.genres, params.order, common, store
    )
