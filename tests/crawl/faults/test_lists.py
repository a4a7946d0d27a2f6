"""Lists of titles: their kinds, and one without an end."""

from tests.support.crawl_faults import endless_page
from tests.support.crawl_runs import LIST, contents, metrics, titles
from tests.support.webtoon_server import API, title
from webtoon_genre.crawl.naver import api


def test_lists_of_all_kinds_are_read_with_their_names_of_the_order(site, crawl):
    action = title(14, 1, lists=["finished"])
    action["info"]["curationTagList"] = [{"curationType": "GENRE_ACTION"}]
    site.add(
        title(10, 1),
        title(11, 1, lists=["mon", "dailyPlus"]),
        title(12, 1, lists=["finished"]),
        title(13, 1, lists=["finished", "PURE"]),
        action,
    )
    assert crawl(lists=["genre", "weekday", "finished"], order="star").returncode == 0
    assert titles().index.tolist() == [10, 11, 12, 13]
    assert metrics()["left_out"] == {"other_genre": 1}
    lists = [url.removeprefix(f"{API}/api/webtoon/titlelist/") for url in site.requests if "titlelist" in url]
    assert sorted(lists) == sorted(
        [f"genre?genre={genre}&order=star&page=1" for genre in ("PURE", "DRAMA")]
        + [f"weekday?week={day}&order=starScore" for day in api.WEEK]
        + [f"finished?page={number}&order=starScore" for number in (1, 2)]
    )


def test_an_endless_list_of_titles_ends_the_crawl_with_one_line(site, crawl, before):
    for number in range(1, 9):
        site.answers[LIST.replace("page=1", f"page={number}")] = [
            endless_page("titleList", number, [title(1000 + number, 1)["item"]])
        ]
    process = crawl("--max-pages=5")
    assert process.returncode == 1
    assert process.stderr == (
        f"crawl: the list of titles at {LIST.replace('page=1', 'page=5')} cannot be read: "
        "the list has no end after 5 pages; nothing was changed, run again later\n"
    )
    assert contents() == before
