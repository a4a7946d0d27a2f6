"""webtoon_genre/crawl/shared_files.py: small titles share files of a few hundred pictures, and few files change."""

import random
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from webtoon_genre.crawl.shared_files import LIMITS, OWN_FILE, Size, name_files

LARGEST = 2**63 - 1  # of the title_ids
MIB = 2**20
IDS = st.one_of(st.integers(0, 3000), st.integers(0, LARGEST), st.integers(2**47, 2**47 + 3000))
TITLES = st.dictionaries(IDS, st.builds(Size, st.integers(1, 2 * OWN_FILE), st.integers(0, 40 * MIB)), max_size=300)


def untitled(count: int, start: int = 0) -> dict[int, Size]:
    """Return titles of one small picture, with ids like those of a folder: 48-bit digests."""
    generator = random.Random(start)
    return {generator.getrandbits(48): Size(1, 5000) for _ in range(count)}


def changed(before: dict[int, Size], after: dict[int, Size]) -> tuple[int, int]:
    """Return the number of files that are removed or changed, and of files that are new."""
    old, new = name_files(before), name_files(after)
    return sum(new.get(name) != titles for name, titles in old.items()), len(new.keys() - old.keys())


@settings(max_examples=50)
@given(TITLES)
def test_every_title_is_in_one_file(titles):
    assert sorted(title_id for title_ids in name_files(titles).values() for title_id in title_ids) == sorted(titles)


@settings(max_examples=50)
@given(TITLES)
def test_a_file_holds_one_large_title_or_small_titles_within_the_limits(titles):
    for name, title_ids in name_files(titles).items():
        sizes = [titles[title_id] for title_id in title_ids]
        if name.isdecimal():
            assert (name, sizes[0].pictures >= OWN_FILE, len(sizes)) == (str(title_ids[0]), True, 1)
        else:
            assert max(size.pictures for size in sizes) < OWN_FILE
            pictures, size = map(sum, zip(*sizes, strict=True))
            assert len(sizes) == 1 or (pictures <= LIMITS[0] and size <= LIMITS[1])


@settings(max_examples=50)
@given(TITLES)
def test_the_name_of_a_shared_file_is_the_range_of_its_title_ids(titles):
    ranges = []
    for name, title_ids in name_files(titles).items():
        if not name.isdecimal():
            first, last = map(int, name.removeprefix("shared-").split("-"))
            assert first <= min(title_ids) <= max(title_ids) <= last <= LARGEST
            ranges.append((first, last))
    ranges.sort()
    assert all(one[1] < other[0] for one, other in pairwise(ranges))


@settings(max_examples=25)
@given(TITLES, st.randoms())
def test_the_order_of_titles_has_no_effect(titles, random):
    items = list(titles.items())
    random.shuffle(items)
    assert list(name_files(dict(items)).items()) == list(name_files(titles).items())


def test_files_of_many_pictures_hold_a_few_hundred():
    for titles in (untitled(20_000), dict.fromkeys(range(1, 20_001), Size(1, 5000))):
        counts = [len(title_ids) for title_ids in name_files(titles).values()]
        assert 256 <= 20_000 / len(counts) <= 512
        assert max(counts) <= 512


def test_one_more_picture_changes_one_file_or_divides_it():
    titles = untitled(1000)
    for more in untitled(50, start=1):
        after = {**titles, more: Size(1, 5000)}
        removed, new = changed(titles, after)
        assert removed == 1
        assert new <= 2
        titles = after


def test_a_title_that_grows_leaves_its_shared_file_for_a_file_of_its_own():
    titles = {title_id: Size(OWN_FILE - 1, 5000) for title_id in range(1, 4)}
    assert list(name_files(titles)) == [f"shared-0-{LARGEST}"]
    grown = {**titles, 2: Size(OWN_FILE, 5000)}
    assert name_files(grown) == {f"shared-0-{LARGEST}": [1, 3], "2": [2]}


def test_no_titles_are_in_no_file():
    assert name_files({}) == {}
