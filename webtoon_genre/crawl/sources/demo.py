"""The demo site: a server on loopback with Naver Webtoon's API, crawled in all its genres over HTTP like the real site."""

from pydantic import Field

from webtoon_genre.core.params import Section
from webtoon_genre.crawl.source import CrawlParams, CrawlResult
from webtoon_genre.crawl.store import Store


class Params(Section):
    """params.yaml: crawl.demo."""

    scale: float = Field(gt=0, le=1)
    seed: int = Field(ge=0)
    mislabelled: float = Field(ge=0, lt=1)
    delay: float = Field(ge=0)


def collect(params: Params, common: CrawlParams, store: Store) -> CrawlResult:
    """Start the site in a separate process, crawl it, and stop it."""
    from webtoon_genre.crawl.naver import site
    from webtoon_genre.demo_site.census import THUMBNAILS
    from webtoon_genre.demo_site.site import start_site

    with start_site(params.seed, params.scale, common.as_of, params.mislabelled) as proxy:
        demo = site.demo(proxy, params.seed, params.scale, params.delay, params.mislabelled)
        return site.crawl(demo, ["genre"], list(THUMBNAILS), "user", common, store)
