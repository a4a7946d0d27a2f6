"""The world of the demo site: counts, dates, names; no pictures, no HTTP."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tests.conftest import REPOSITORY
from webtoon_genre.data.splits import SplitParams, assign_splits
from webtoon_genre.demo_site.census import THUMBNAILS, apportion, titles_at
from webtoon_genre.demo_site.timetable import HIDDEN, STUDY_END, UNUSABLE, USABLE
from webtoon_genre.demo_site.world import World

SEED = 2022
DAYS = st.integers(-2500, 900).map(lambda days: STUDY_END + timedelta(days=days))


def usable(world: World) -> Counter[str]:
    """Count usable thumbnails by first genre."""
    counts: Counter[str] = Counter()
    for title in world.titles.values():
        counts[title.genre] += world.usable(title)
    return counts


def titles(world: World) -> Counter[str]:
    """Count titles that are not for adults, by first genre."""
    return Counter(title.genre for title in world.titles.values() if not title.adult)


def kinds(world: World) -> set[str]:
    """Return the kinds of the free episodes that a crawler may see."""
    open_titles = [title for title in world.titles.values() if not title.adult]
    return {episode.kind for title in open_titles for episode in world.episodes(title) if not episode.paid}


def test_at_full_scale_the_counts_equal_the_study_s():
    counts = usable(World(SEED, 1.0))
    assert counts == THUMBNAILS
    assert counts.total() == 82_549


def test_at_full_scale_there_are_about_700_titles():
    assert titles(World(SEED, 1.0)).total() == 700


def test_at_a_hundredth_the_proportions_equal_the_study_s():
    assert usable(World(SEED, 0.01)) == {genre: round(count * 0.01) for genre, count in THUMBNAILS.items()}


@given(st.integers(0, 10**6), st.floats(0.0001, 1.0))
def test_each_genre_has_five_titles_with_a_thumbnail_each_at_any_scale(seed, scale):
    for genre, thumbnails in THUMBNAILS.items():
        assert 5 <= titles_at(genre, scale) <= max(5, round(thumbnails * scale))


@pytest.mark.parametrize("seed", [1, 77, 2022])
def test_counts_do_not_depend_on_the_seed(seed):
    assert usable(World(seed, 0.01)) == usable(World(SEED, 0.01))
    assert titles(World(seed, 0.01)) == titles(World(SEED, 0.01))


def test_the_default_site_has_sixty_test_titles_three_of_each_genre_in_about_a_thousand_thumbnails():
    params = YAML(typ="safe").load(REPOSITORY / "params.yaml")
    world = World(params["crawl"]["demo"]["seed"], params["crawl"]["demo"]["scale"])
    rows = [(title.id, no, title.genre) for title in world.titles.values() for no in range(world.usable(title))]
    labels = pd.DataFrame(rows, columns=["title_id", "no", "genre"])
    labels["split"] = assign_splits(labels, SplitParams.model_validate(params["split"]))
    test = labels[labels["split"] == "test"].drop_duplicates("title_id")["genre"].value_counts()
    assert 1000 <= len(labels) <= 1300
    assert test.sum() >= 60
    assert set(test.index) == set(THUMBNAILS)
    assert test.min() >= 3


def test_titles_differ_in_length_by_a_factor_of_five():
    counts = sorted(World(SEED, 1.0).usable(title) for title in World(SEED, 1.0).titles.values() if not title.adult)
    assert counts[len(counts) // 10] * 5 < counts[-len(counts) // 10]


@given(st.integers(0, 2000), st.lists(st.floats(0.01, 10.0), min_size=1, max_size=40))
def test_shares_are_at_least_one_and_add_up(spare, weights):
    counts = apportion(len(weights) + spare, weights)
    assert sum(counts) == len(weights) + spare
    assert min(counts) >= 1


def test_at_a_hundredth_every_special_kind_exists():
    world = World(SEED, 0.01)
    assert kinds(world) == {*USABLE, *UNUSABLE, HIDDEN}
    all_titles = world.titles.values()
    assert any(title.adult for title in all_titles)
    assert any(len(title.genres) == 2 for title in all_titles)
    assert any(episode.paid for title in all_titles for episode in world.episodes(title))
    assert any(no != slot + 1 for title in all_titles for slot, no in enumerate(e.no for e in world.episodes(title)))


def test_the_first_titles_of_a_genre_have_one_genre_so_that_dropping_the_mixed_ones_leaves_five():
    single = Counter(
        title.genre for title in World(SEED, 0.01).titles.values() if len(title.genres) == 1 and not title.adult
    )
    assert min(single[genre] for genre in THUMBNAILS) >= 5


def test_unusable_and_hidden_episodes_are_additional_to_the_usable_ones():
    world = World(SEED, 0.01)
    free = [e for t in world.titles.values() if not t.adult for e in world.episodes(t) if not e.paid]
    assert sum(episode.kind in USABLE for episode in free) == 825
    assert len(free) > 825


@given(DAYS, st.integers(0, 400))
@settings(max_examples=25)
def test_published_content_is_the_same_on_any_later_day(day, wait):
    earlier, later = World(SEED, 0.01, day), World(SEED, 0.01, day + timedelta(days=wait))
    for title_id, title in earlier.titles.items():
        assert later.titles[title_id] == title
        free = [episode for episode in earlier.episodes(title) if not episode.paid]
        assert later.episodes(title)[: len(free)] == free
        assert [earlier.token(title, e) for e in free] == [later.token(title, e) for e in free]


@given(DAYS)
@settings(max_examples=25)
def test_exactly_the_previews_have_a_date_after_the_day_of_the_site(day):
    world = World(SEED, 0.01, day)
    for title in world.titles.values():
        assert all(episode.paid == (episode.date > day) for episode in world.episodes(title))


@given(DAYS, st.integers(0, 400))
@settings(max_examples=25)
def test_new_titles_have_larger_ids_than_all_earlier_ones(day, wait):
    earlier, later = World(SEED, 0.01, day).titles, World(SEED, 0.01, day + timedelta(days=wait)).titles
    assert list(later)[: len(earlier)] == list(earlier)


def test_after_the_study_unfinished_titles_grow_by_an_episode_a_week():
    before, after = World(SEED, 0.01), World(SEED, 0.01, STUDY_END + timedelta(weeks=1))
    for title in before.titles.values():
        growth = title.timetable.free_slots(after.as_of) - title.timetable.free_slots(before.as_of)
        assert growth == (0 if title.timetable.finished(before.as_of) else 1)


def test_a_year_brings_a_twentieth_to_a_sixth_of_new_titles():
    titles, later = len(World(SEED, 0.01).titles), len(World(SEED, 0.01, date(2023, 8, 19)).titles)
    assert titles / 20 <= later - titles <= titles / 6


def test_two_seeds_have_mostly_different_titles():
    names = {title.name for title in World(SEED, 0.01).titles.values()}
    assert len(names & {title.name for title in World(1, 0.01).titles.values()}) < len(names) / 2


def test_ratings_drift_by_at_most_0_04_and_stay_within_0_to_10():
    now, later = World(SEED, 0.01), World(SEED, 0.01, date(2023, 3, 1))
    drifts = [abs(now.star_score(title) - later.star_score(title)) for title in now.titles.values()]
    assert 0 < max(drifts) <= 0.04
    assert all(0 <= now.star_score(title, 0) <= 10 for title in now.titles.values())


def test_some_artists_have_two_titles_and_some_titles_three_artists():
    all_titles = World(SEED, 0.01).titles.values()
    assert max(Counter(title.painters[0].name for title in all_titles).values()) > 1
    assert {len({*title.writers, *title.painters, *title.origins}) for title in all_titles} == {1, 2, 3}


@pytest.mark.parametrize("scale", [0.0, -0.1, 1.01])
def test_a_scale_outside_0_to_1_is_refused(scale):
    with pytest.raises(ValueError, match=rf"^scale is {scale}; it is a share of the study, above 0 and at most 1$"):
        World(SEED, scale)


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_a_share_of_wrong_labels_outside_0_to_1_is_refused(share):
    with pytest.raises(ValueError, match=rf"^mislabelled is {share}; it is a share of the titles, from 0 and below 1$"):
        World(SEED, 0.01, mislabelled=share)


def test_only_the_genre_of_a_mislabelled_title_changes():
    correct, mislabelled = World(SEED, 0.01), World(SEED, 0.01, mislabelled=0.2)
    assert list(correct.titles) == list(mislabelled.titles)
    changes = [
        (correct.titles[key], title) for key, title in mislabelled.titles.items() if title.genre != title.true_genre
    ]
    assert 0.1 * len(correct.titles) < len(changes) < 0.3 * len(correct.titles)
    for before, after in changes:
        assert after == replace(before, genres=after.genres)
        assert after.genre not in before.genres
    assert [title for title in correct.titles.values() if title.genre != title.true_genre] == []


def test_a_larger_share_of_wrong_labels_includes_those_of_a_smaller_share():
    few, many = (
        {
            key: title.genres
            for key, title in World(SEED, 0.01, mislabelled=share).titles.items()
            if title.genre != title.true_genre
        }
        for share in (0.1, 0.3)
    )
    assert few.items() < many.items()
