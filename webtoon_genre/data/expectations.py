"""Expectations of tables, evaluated by Great Expectations, and their results as text; independent of the tables' content, no paths."""

import logging
import os
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

LOG_ROWS = 20  # failing rows in a log line
MARKDOWN_ROWS = 200  # failing rows in the Markdown; the JSON has all


@dataclass(frozen=True)
class Table:
    """Rows to validate, and the id columns that sort them and name a failing one."""

    ids: list[str]
    frame: pd.DataFrame


@dataclass(frozen=True)
class Check:
    """One expectation of a table: its name, its text, its Great Expectations class with arguments, and what to do where it fails."""

    table: str
    name: str
    expected: str
    rule: tuple[str, dict[str, Any]]
    remedy: str = ""


@dataclass(frozen=True)
class CheckResult:
    """The result of a check: the number of rows validated, and the failing ones with their ids and the value."""

    check: Check
    success: bool
    rows: int
    failing: list[dict[str, Any]]


def one_of(column: str, values: list[str]) -> tuple[str, dict[str, Any]]:
    """Require that every value of the column is one of these."""
    return "ExpectColumnValuesToBeInSet", {"column": column, "value_set": values}


def within(column: str, low: float | None, high: float | None, mostly: float = 1) -> tuple[str, dict[str, Any]]:
    """Require that the column's values, except nulls, are in low..high; a share of 1 - mostly may be outside."""
    return "ExpectColumnValuesToBeBetween", {"column": column, "min_value": low, "max_value": high, "mostly": mostly}


def unique(*columns: str) -> tuple[str, dict[str, Any]]:
    """Require that no two rows are equal in all of the columns."""
    if len(columns) == 1:
        return "ExpectColumnValuesToBeUnique", {"column": columns[0]}
    return "ExpectCompoundColumnsToBeUnique", {"column_list": list(columns)}


def equal(first: str, second: str) -> tuple[str, dict[str, Any]]:
    """Require that two columns are equal in every row."""
    return "ExpectColumnPairValuesToBeEqual", {"column_A": first, "column_B": second}


def validate_tables(checks: list[Check], tables: Mapping[str, Table]) -> list[CheckResult]:
    """Validate the tables with Great Expectations; return results in the order of `checks`."""
    gx = great_expectations()
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    source = context.data_sources.add_pandas("data")
    results = {}
    for name, table in tables.items():
        frame = table.frame.sort_values(table.ids, ignore_index=True, kind="stable")
        batch = source.add_dataframe_asset(name).add_batch_definition_whole_dataframe(name)
        expectations = [expectation(gx, check) for check in checks if check.table == name]
        validation = batch.get_batch({"dataframe": frame}).validate(
            gx.ExpectationSuite(name=name, expectations=expectations),
            result_format={"result_format": "COMPLETE", "unexpected_index_column_names": table.ids},
        )
        for result in validation.to_json_dict()["results"]:
            results[name, result["expectation_config"]["meta"]["name"]] = result
    return [check_result(check, results[check.table, check.name], tables[check.table].ids) for check in checks]


def expectation(gx: Any, check: Check) -> Any:
    """Return a check as Great Expectations' object, with the check's name in its metadata."""
    kind, arguments = check.rule
    return getattr(gx.expectations, kind)(**arguments, meta={"name": check.name})


def check_result(check: Check, result: Mapping[str, Any], ids: list[str]) -> CheckResult:
    """Convert a result of Great Expectations, without its random ids and times."""
    details = result["result"]
    if "element_count" not in details:
        raise RuntimeError(f"{check} could not be evaluated: {result['exception_info']}")
    failing = [
        {key: plain(row[key]) for key in [*ids, *sorted(set(row) - set(ids))]}
        for row in details["unexpected_index_list"] or []
    ]
    return CheckResult(check, result["success"], details["element_count"], failing)


def plain(value: Any) -> Any:
    """Return a cell as Python's own type, whose repr is no np.int64(1); nulls become None."""
    if pd.isna(value):
        return None
    return value.item() if isinstance(value, np.generic) else value


def great_expectations() -> Any:
    """Import the library, which takes seconds, and turn off its usage statistics, which it sends to a server."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    logging.getLogger("great_expectations").propagate = False  # hides hundreds of notes; warnings stay visible
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it imports modules that are deprecated in Python 3.11
        import great_expectations
    return great_expectations


def summary(results: list[CheckResult]) -> dict[str, Any]:
    """Return the metrics, with every failing row."""
    return {
        "success": all(result.success for result in results),
        "failed": sum(not result.success for result in results),
        "expectations": {
            f"{result.check.table}_{result.check.name}": {
                "success": result.success,
                "element_count": result.rows,
                "unexpected_count": len(result.failing),
                "failing": result.failing,
            }
            for result in results
        },
    }


def as_markdown(results: list[CheckResult]) -> str:
    """Format the results as Markdown: all expectations, then the failing rows."""
    failed = sum(not result.success for result in results)
    lines = [
        "# Validation",
        "",
        f"{len(results) - failed} of {len(results)} expectations hold.",
        "",
        "| table | expected | rows | failing | verdict |",
        "|---|---|---:|---:|---|",
    ]
    for result in results:
        check, verdict = result.check, "holds" if result.success else "**fails**"
        lines.append(f"| {check.table} | {check.expected} | {result.rows} | {len(result.failing)} | {verdict} |")
    for result in results:
        lines += failing_rows(result) if result.failing else []
    return "\n".join(lines) + "\n"


def failing_rows(result: CheckResult) -> list[str]:
    """Format a heading and a table of the failing rows as lines of Markdown."""
    columns = list(result.failing[0])
    lines = ["", f"## {result.check.table}: {result.check.expected}", ""]
    lines += [markdown_row(columns), "|" + "---|" * len(columns)]
    lines += [markdown_row(row.values()) for row in result.failing[:MARKDOWN_ROWS]]
    more = len(result.failing) - MARKDOWN_ROWS
    return lines if more <= 0 else [*lines, "", f"… and {more} more in validate.json."]


def markdown_row(values: Iterable[Any]) -> str:
    """Format one row of a Markdown table."""
    return "| " + " | ".join(str(value).replace("|", "\\|") for value in values) + " |"


def describe_failure(result: CheckResult) -> str:
    """Describe a failure on one line: the expectation, the number of failing rows, the first of them, and what to do."""
    rows = "; ".join(", ".join(f"{key} {value!r}" for key, value in row.items()) for row in result.failing[:LOG_ROWS])
    more = len(result.failing) - LOG_ROWS
    return (
        f"{result.check.table}: {result.check.expected}: {len(result.failing)} of {result.rows} rows fail: {rows}"
        + (f"; and {more} more" if more > 0 else "")
        + (f"; {result.check.remedy}" if result.check.remedy else "")
    )
