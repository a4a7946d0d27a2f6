"""webtoon_genre/data/expectations.py: each rule fails for the rows it should, and verdicts read well."""

from dataclasses import replace

import pandas as pd
import pytest

from webtoon_genre.data.expectations import (
    Check,
    CheckResult,
    Table,
    as_markdown,
    describe_failure,
    equal,
    one_of,
    summary,
    unique,
    validate_tables,
    within,
)

FRAME = pd.DataFrame(
    {
        "title_id": [3, 1, 2],
        "rating": [None, 10.5, 9.0],
        "genre": ["comic", "horror", "daily"],
        "twin": ["comic", None, "daily"],
    }
)


@pytest.mark.parametrize(
    ("rule", "rows"),
    [
        (one_of("genre", ["daily", "comic"]), [{"title_id": 1, "genre": "horror"}]),
        (within("rating", 0, 10), [{"title_id": 1, "rating": 10.5}]),
        (within("rating", 9.5, None), [{"title_id": 2, "rating": 9.0}]),
        (equal("genre", "twin"), [{"title_id": 1, "genre": "horror", "twin": None}]),
        (unique("title_id"), []),
        (unique("title_id", "genre"), []),
    ],
)
def test_a_rule_fails_for_these_rows_and_shows_their_ids_and_values(rule, rows):
    found = validate_tables([Check("t", "rule", "", rule)], {"t": Table(["title_id"], FRAME)})[0]
    assert (found.failing, found.success, found.rows) == (rows, not rows, 3)


def test_failing_rows_stand_by_ascending_ids():
    found = validate_tables([Check("t", "rule", "", one_of("genre", []))], {"t": Table(["title_id"], FRAME)})[0]
    assert [row["title_id"] for row in found.failing] == [1, 2, 3]


def test_verdicts_stand_in_the_order_of_the_checks():
    checks = [Check(table, name, "", one_of("genre", [])) for table, name in [("b", "x"), ("a", "y"), ("b", "a")]]
    table = Table(["title_id"], FRAME)
    assert [verdict.check for verdict in validate_tables(checks, {"a": table, "b": table})] == checks


def test_a_check_that_cannot_be_judged_is_a_bug_and_crashes():
    with pytest.raises(RuntimeError, match="could not be judged"):
        validate_tables([Check("t", "rule", "", one_of("no such column", []))], {"t": Table(["title_id"], FRAME)})


def verdict(count: int) -> CheckResult:
    """A failed verdict on `count` rows."""
    rows = [{"title_id": 7, "no": no, "genre": "a|b"} for no in range(count)]
    return CheckResult(Check("labels", "genre", "genre is known", one_of("genre", ["daily"])), False, 500, rows)


def test_a_complaint_is_one_line_with_the_first_twenty_rows():
    line = describe_failure(verdict(23))
    assert line.startswith(
        "labels: genre is known: 23 of 500 rows fail: title_id 7, no 0, genre 'a|b'; title_id 7, no 1,"
    )
    assert line.endswith("title_id 7, no 19, genre 'a|b'; and 3 more")


def test_the_page_shows_each_expectation_and_the_failing_rows():
    good = replace(verdict(0), success=True)
    assert as_markdown([good, verdict(1)]) == (
        "# Validation\n\n1 of 2 expectations hold.\n\n"
        "| table | expected | rows | failing | verdict |\n|---|---|---:|---:|---|\n"
        "| labels | genre is known | 500 | 0 | holds |\n"
        "| labels | genre is known | 500 | 1 | **fails** |\n\n"
        "## labels: genre is known\n\n"
        "| title_id | no | genre |\n|---|---|---|\n| 7 | 0 | a\\|b |\n"
    )


def test_the_page_is_cut_at_two_hundred_rows_and_the_metrics_are_not():
    assert as_markdown([verdict(203)]).endswith("| 7 | 199 | a\\|b |\n\n… and 3 more in validate.json.\n")
    found = summary([verdict(203)])["expectations"]["labels_genre"]
    assert (found["unexpected_count"], len(found["failing"])) == (203, 203)
