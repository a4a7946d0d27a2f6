"""webtoon_genre/data/expectations.py: rules fail for the right rows, and results are formatted as text."""

from dataclasses import replace

import numpy as np
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
    plain,
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
        "copy": ["comic", None, "daily"],
    }
)


@pytest.mark.parametrize(
    ("rule", "rows"),
    [
        (one_of("genre", ["daily", "comic"]), [{"title_id": 1, "genre": "horror"}]),
        (within("rating", 0, 10), [{"title_id": 1, "rating": 10.5}]),
        (within("rating", 9.5, None), [{"title_id": 2, "rating": 9.0}]),
        (equal("genre", "copy"), [{"title_id": 1, "genre": "horror", "copy": None}]),
        (unique("title_id"), []),
        (unique("title_id", "genre"), []),
    ],
)
def test_a_rule_fails_for_these_rows_and_shows_their_ids_and_values(rule, rows):
    result = validate_tables([Check("t", "rule", "", rule)], {"t": Table(["title_id"], FRAME)})[0]
    assert (result.failing, result.success, result.rows) == (rows, not rows, 3)


def test_failing_rows_are_sorted_by_ids():
    result = validate_tables([Check("t", "rule", "", one_of("genre", []))], {"t": Table(["title_id"], FRAME)})[0]
    assert [row["title_id"] for row in result.failing] == [1, 2, 3]


def test_results_have_the_order_of_the_checks():
    checks = [Check(table, name, "", one_of("genre", [])) for table, name in [("b", "x"), ("a", "y"), ("b", "a")]]
    table = Table(["title_id"], FRAME)
    assert [result.check for result in validate_tables(checks, {"a": table, "b": table})] == checks


def test_a_check_that_cannot_be_evaluated_is_a_bug_and_crashes():
    with pytest.raises(RuntimeError, match="could not be evaluated"):
        validate_tables([Check("t", "rule", "", one_of("no such column", []))], {"t": Table(["title_id"], FRAME)})


def failure(count: int) -> CheckResult:
    """Return a result with `count` failing rows."""
    rows = [{"title_id": 7, "no": no, "genre": "a|b"} for no in range(count)]
    return CheckResult(Check("labels", "genre", "genre is known", one_of("genre", ["daily"])), False, 500, rows)


def test_a_failure_is_one_line_with_the_first_twenty_rows():
    line = describe_failure(failure(23))
    assert line.startswith(
        "labels: genre is known: 23 of 500 rows fail: title_id 7, no 0, genre 'a|b'; title_id 7, no 1,"
    )
    assert line.endswith("title_id 7, no 19, genre 'a|b'; and 3 more")


def test_the_markdown_has_every_expectation_and_the_failing_rows():
    success = replace(failure(0), success=True)
    assert as_markdown([success, failure(1)]) == (
        "# Validation\n\n1 of 2 expectations hold.\n\n"
        "| table | expected | rows | failing | verdict |\n|---|---|---:|---:|---|\n"
        "| labels | genre is known | 500 | 0 | holds |\n"
        "| labels | genre is known | 500 | 1 | **fails** |\n\n"
        "## labels: genre is known\n\n"
        "| title_id | no | genre |\n|---|---|---|\n| 7 | 0 | a\\|b |\n"
    )


def test_the_markdown_has_at_most_two_hundred_rows_and_the_metrics_have_all():
    assert as_markdown([failure(203)]).endswith("| 7 | 199 | a\\|b |\n\n… and 3 more in validate.json.\n")
    expectation = summary([failure(203)])["expectations"]["labels_genre"]
    assert (expectation["unexpected_count"], len(expectation["failing"])) == (203, 203)


def test_a_failure_shows_numbers_without_their_numpy_types():
    frame = pd.DataFrame({"title_id": np.array([5, 6], np.int64), "share": np.array([0.25, 7.5], np.float64)})
    (result,) = validate_tables(
        [Check("genres", "share", "at most 1", within("share", 0, 1), "add pictures")],
        {"genres": Table(["title_id"], frame)},
    )
    assert describe_failure(result) == "genres: at most 1: 1 of 2 rows fail: title_id 6, share 7.5; add pictures"


@pytest.mark.parametrize(
    "value", [np.int64(5), np.float32(0.5), np.bool_(True), np.str_("x"), pd.NA, np.nan, None, "x", 3]
)
def test_cells_become_python_s_own_types(value):
    assert type(plain(value)) in (int, float, bool, str, type(None))
