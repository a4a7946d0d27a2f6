"""Lists of titles, read from prepared pages without a network."""

import asyncio
import json
from typing import Any

import pytest

from webtoon_genre.core.errors import InputError
from webtoon_genre.crawl import http
from webtoon_genre.crawl.http import AnswerError
from webtoon_genre.crawl.naver import api, lists
from webtoon_genre.crawl.naver.lists import Source, list_sources, read_lists

HOST = "http://comic.test"
PURE, DRAMA = Source("genre", "pure"), Source("genre", "drama")


def item(title_id: Any, **changes: Any) -> dict[str, Any]:
    """Return a title as an item of a list."""
    return {"titleId": title_id, "titleName": f"제목 {title_id}", "adult": False, "starScore": 9.0} | changes


class Pages:
    """Prepared pages by address, and a log of the requests."""

    def __init__(self, **lists: list[list[Any]]):
        self.requests: list[str] = []
        self.bodies: dict[str, bytes] = {}
        for name, pages in lists.items():
            for number, items in enumerate(pages, 1):
                following = number + 1 if number < len(pages) else 0
                self.put(name, number, {"titleList": items, "pageInfo": {"page": number, "nextPage": following}})

    def put(self, name: str, number: int, answer: Any) -> None:
        """Prepare a page; bytes stay as they are."""
        url = api.list_url(HOST, "genre", name, "user", number)
        self.bodies[url] = answer if isinstance(answer, bytes) else json.dumps(answer).encode()

    async def read(self, model: type[api.Answer], url: str) -> Any:
        """Read a page as the spider does."""
        self.requests.append(url)
        return api.read(model, http.parsed(url, self.bodies[url]), url)

    def all(self, *sources: Source, limit: int | None = None) -> lists.Listing:
        """Read all titles of the lists `sources`."""
        return asyncio.run(read_lists(self.read, HOST, list(sources), "user", limit))


def test_sources_are_the_lists_of_each_kind():
    assert list_sources(["genre", "finished"], ["pure", "drama"]) == [PURE, DRAMA, Source("finished", "")]
    assert [source.name for source in list_sources(["weekday"], ["pure"])] == list(api.WEEK)


@pytest.mark.parametrize(
    ("kind", "name", "order", "tail"),
    [
        ("genre", "pure", "star", "genre?genre=PURE&order=star&page=3"),
        ("weekday", "mon", "star", "weekday?week=mon&order=starScore"),
        ("finished", "", "star", "finished?page=3&order=starScore"),
        ("finished", "", "view", "finished?page=3&order=view"),
    ],
)
def test_each_kind_of_list_has_its_address_and_its_name_of_the_star_score(kind, name, order, tail):
    assert api.list_url(HOST, kind, name, order, 3) == f"{HOST}/api/webtoon/titlelist/{tail}"


def test_a_title_of_two_lists_appears_once_with_both_genres():
    listing = Pages(pure=[[item(1)], [item(2)]], drama=[[item(2), item(3)]]).all(PURE, DRAMA)
    assert listing.genres == {1: ["pure"], 2: ["pure", "drama"], 3: ["drama"]}
    assert sorted(listing.titles) == [1, 2, 3]


def test_a_repeating_list_ends_with_the_first_page_without_new_titles():
    pages = Pages(pure=[[item(1)], [item(1)], [item(1)]])
    assert sorted(pages.all(PURE).titles) == [1]
    assert len(pages.requests) == 2


def test_a_list_that_always_has_new_titles_is_endless(monkeypatch):
    monkeypatch.setattr(lists, "MAX_PAGES", 3)
    pages = Pages(pure=[[item(number)] for number in range(1, 9)])
    with pytest.raises(InputError, match=r"page=3 cannot be read: the list has no end after 3 pages; nothing was"):
        pages.all(PURE)
    assert len(pages.requests) == 3


@pytest.mark.parametrize(
    ("limit", "title_ids", "cut"),
    [(1, [1], 1), (2, [1, 2], 1), (3, [1, 2, 3], 0), (4, [1, 2, 3], 0), (None, [1, 2, 3], 0)],
)
def test_a_limit_counts_only_where_a_list_is_longer(limit, title_ids, cut):
    listing = Pages(pure=[[item(1), item(2)], [item(3)]]).all(PURE, limit=limit)
    assert (list(listing.titles), listing.cut) == (title_ids, cut)


def test_no_page_is_read_beyond_the_limit():
    pages = Pages(pure=[[item(1), item(2)], [item(3)]])
    pages.all(PURE, limit=2)
    assert len(pages.requests) == 1


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (b'{"titleList": [', "the answer is no JSON: b'{\"titleList\": ['"),
        (b"", "the answer is no JSON: b''"),
        (b"<html>", "the answer is no JSON: b'<html>'"),
        (b"[" * 100_000, "the answer is no JSON: b'" + "[" * 40 + "'"),
        (b'{"a":' * 100_000, "the answer is no JSON: b'" + '{"a":' * 8 + "'"),
        (b"\xff\xfe\xfd", "the answer is no JSON: b'\\xff\\xfe\\xfd'"),
        (b"1" * 5000, "the answer is no JSON: b'" + "1" * 40 + "'"),
        ([], "the answer is '[]': Input should be a valid dictionary or instance of TitlePage"),
        ({"pageInfo": {"nextPage": 0}}, "titleList is missing"),
        ({"titleList": {}}, "titleList is '{}': Input should be a valid list"),
        ({"titleList": [], "pageInfo": {}}, "pageInfo.nextPage is missing"),
    ],
    ids=str,
)
def test_an_unreadable_list_ends_the_crawl_with_the_reason(answer, detail):
    pages = Pages()
    pages.put("pure", 1, answer)
    with pytest.raises(InputError) as error:
        pages.all(PURE)
    url = api.list_url(HOST, "genre", "pure", "user", 1)
    assert str(error.value) == (
        f"the list of titles at {url} cannot be read: {detail}; nothing was changed, run again later"
    )


def test_an_answer_nested_as_deep_as_json_allows_is_rejected_like_any_other():
    for depth in range(800, 1100):
        nested = b'{"titleList": ' + b'{"a":' * depth + b"1" + b"}" * depth + b"}"
        with pytest.raises(AnswerError):
            api.read(api.TitlePage, http.parsed("url", nested), "url")


@pytest.mark.parametrize(
    ("title_id", "detail"),
    [
        (-1, "titleId is '-1': Input should be greater than or equal to 0"),
        (2**70, f"titleId is '{2**70}': Input should be less than {2**63}"),
        (2**63, f"titleId is '{2**63}': Input should be less than {2**63}"),
        (1.5, "titleId is '1.5': Input should be a valid integer, got a number with a fractional part"),
        (None, "titleId is 'None': Input should be a valid integer"),
        ("seven", "titleId is 'seven': Input should be a valid integer, unable to parse string as an integer"),
    ],
)
def test_an_item_with_an_invalid_id_fails_alone(title_id, detail):
    listing = Pages(pure=[[item(title_id), item(2)]]).all(PURE)
    assert list(listing.titles) == [2]
    [fault] = listing.failed.values()
    assert (fault.reason, fault.detail) == ("bad_value", detail)


def test_items_that_are_no_objects_fail():
    listing = Pages(pure=[[7, item(2)]]).all(PURE)
    assert list(listing.titles) == [2]
    [fault] = listing.failed.values()
    assert fault.detail.startswith("the answer is '7': ")


def test_ids_as_text_are_valid():
    listing = Pages(pure=[[item("1"), item("2")], [item("3")]]).all(PURE)
    assert sorted(listing.titles) == [1, 2, 3]


def test_an_item_without_an_id_does_not_hide_another():
    listing = Pages(pure=[[item(None), item("2")]]).all(PURE)
    assert sorted(listing.titles) == [2]
    assert len(listing.failed) == 1


def test_a_page_of_invalid_items_does_not_end_a_list():
    listing = Pages(pure=[[item(None)], [item(None, titleName="another")], [item(3)]]).all(PURE)
    assert sorted(listing.titles) == [3]
