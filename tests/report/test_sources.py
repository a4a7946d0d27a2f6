"""webtoon_genre/report/sources.py: whose pictures they are, of every source that can be crawled."""

import pytest

from webtoon_genre.crawl.catalogue import source_names
from webtoon_genre.report.sources import RELEASED, SOURCES, source_of


def test_every_source_of_the_crawl_is_described():
    assert set(SOURCES) == set(source_names())


@pytest.mark.parametrize("examples", [False, True])
def test_only_a_folder_s_owner_decides_by_params(examples):
    assert (source_of("folder", examples).terms == RELEASED) == examples
    assert source_of("naver", examples) is SOURCES["naver"]
    assert source_of("demo", examples) is SOURCES["demo"]


def test_only_the_demo_site_s_drawings_are_free():
    assert [name for name, source in SOURCES.items() if source.free] == ["demo"]
