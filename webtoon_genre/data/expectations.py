"""Expectations of tables, judged by Great Expectations, and verdicts in words; no paths, and no idea of what the tables hold."""

import logging
import os
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

LOG_ROWS = 20  # failing rows in a line of the log
MARKDOWN_ROWS = 200  # failing rows in the Markdown; the JSON holds all


@dataclass(frozen=True)
class Table:
    """Rows to judge, by ascending ids, and the columns that name a failing one."""

    ids: list[str]
    frame: pd.DataFrame


@dataclass(frozen=True)
class Check:
    """One expectation of a table: its name, in words, and as Great Expectations' class with arguments."""

    table: str
    name: str
    expected: str
    rule: tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class CheckResult:
    """What came of a check: how many rows were judged, and the failing ones, their ids and the value seen."""

    check: Check
    success: bool
    rows: int
    failing: list[dict[str, Any]]


def one_of(column: str, values: list[str]) -> tuple[str, dict[str, Any]]:
    """Each value of the column is among these."""
    return "ExpectColumnValuesToBeInSet", {"column": column, "value_set": values}


def within(column: str, low: float | None, high: float | None, mostly: float = 1) -> tuple[str, dict[str, Any]]:
    """Each value of the column, nulls aside, lies in low..high; a share of 1 - mostly may not."""
    return "ExpectColumnValuesToBeBetween", {"column": column, "min_value": low, "max_value": high, "mostly": mostly}


def unique(*columns: str) -> tuple[str, dict[str, Any]]:
    """No two rows agree in all of the columns."""
    if len(columns) == 1:
        return "ExpectColumnValuesToBeUnique", {"column": columns[0]}
    return "ExpectCompoundColumnsToBeUnique", {"column_list": list(columns)}


def equal(one: str, other: str) -> tuple[str, dict[str, Any]]:
    """Two columns agree in each row."""
    return "ExpectColumnPairValuesToBeEqual", {"column_A": one, "column_B": other}


def validate_tables(checks: list[Check], tables: Mapping[str, Table]) -> list[CheckResult]:
    """Let Great Expectations judge the tables; the verdicts stand in the order of `checks`."""
    gx = great_expectations()
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    source = context.data_sources.add_pandas("data")
    verdicts = {}
    for name, table in tables.items():
        frame = table.frame.sort_values(table.ids, ignore_index=True, kind="stable")
        batch = source.add_dataframe_asset(name).add_batch_definition_whole_dataframe(name)
        expectations = [expectation(gx, check) for check in checks if check.table == name]
        results = batch.get_batch({"dataframe": frame}).validate(
            gx.ExpectationSuite(name=name, expectations=expectations),
            result_format={"result_format": "COMPLETE", "unexpected_index_column_names": table.ids},
        )
        for result in results.to_json_dict()["results"]:
            verdicts[name, result["expectation_config"]["meta"]["name"]] = result
    return [check_result(check, verdicts[check.table, check.name], tables[check.table].ids) for check in checks]


def expectation(gx: Any, check: Check) -> Any:
    """The expectation of a check, with the check's name in its metadata."""
    kind, arguments = check.rule
    return getattr(gx.expectations, kind)(**arguments, meta={"name": check.name})


def check_result(check: Check, result: Mapping[str, Any], ids: list[str]) -> CheckResult:
    """What Great Expectations found, without its random ids and times; nulls are None."""
    found = result["result"]
    if "element_count" not in found:
        raise RuntimeError(f"{check} could not be judged: {result['exception_info']}")
    failing = [
        {key: None if pd.isna(row[key]) else row[key] for key in [*ids, *sorted(set(row) - set(ids))]}
        for row in found["unexpected_index_list"] or []
    ]
    return CheckResult(check, result["success"], found["element_count"], failing)


def great_expectations() -> Any:
    """The library (seconds to import), without its statistics to the maker's server."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    logging.getLogger("great_expectations").propagate = False  # warnings are still shown; hundreds of notes are not
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it imports modules that Python 3.11 calls deprecated
        import great_expectations
    return great_expectations


def summary(verdicts: list[CheckResult]) -> dict[str, Any]:
    """What the metrics tell, every failing row included."""
    return {
        "success": all(verdict.success for verdict in verdicts),
        "failed": sum(not verdict.success for verdict in verdicts),
        "expectations": {
            f"{verdict.check.table}_{verdict.check.name}": {
                "success": verdict.success,
                "element_count": verdict.rows,
                "unexpected_count": len(verdict.failing),
                "failing": verdict.failing,
            }
            for verdict in verdicts
        },
    }


def as_markdown(verdicts: list[CheckResult]) -> str:
    """The same in Markdown: all expectations, then the failing rows."""
    failed = sum(not verdict.success for verdict in verdicts)
    lines = [
        "# Validation",
        "",
        f"{len(verdicts) - failed} of {len(verdicts)} expectations hold.",
        "",
        "| table | expected | rows | failing | verdict |",
        "|---|---|---:|---:|---|",
    ]
    for verdict in verdicts:
        check, word = verdict.check, "holds" if verdict.success else "**fails**"
        lines.append(f"| {check.table} | {check.expected} | {verdict.rows} | {len(verdict.failing)} | {word} |")
    for verdict in verdicts:
        lines += failing_rows(verdict) if verdict.failing else []
    return "\n".join(lines) + "\n"


def failing_rows(verdict: CheckResult) -> list[str]:
    """A heading and a table of the failing rows, as lines of Markdown."""
    columns = list(verdict.failing[0])
    lines = ["", f"## {verdict.check.table}: {verdict.check.expected}", ""]
    lines += [markdown_row(columns), "|" + "---|" * len(columns)]
    lines += [markdown_row(row.values()) for row in verdict.failing[:MARKDOWN_ROWS]]
    more = len(verdict.failing) - MARKDOWN_ROWS
    return lines if more <= 0 else [*lines, "", f"… and {more} more in validate.json."]


def markdown_row(cells: Iterable[Any]) -> str:
    """One row of a Markdown table."""
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def describe_failure(verdict: CheckResult) -> str:
    """One line: what was expected, how many rows fail, and which (the first of them)."""
    rows = "; ".join(", ".join(f"{key} {value!r}" for key, value in row.items()) for row in verdict.failing[:LOG_ROWS])
    more = len(verdict.failing) - LOG_ROWS
    return (
        f"{verdict.check.table}: {verdict.check.expected}: {len(verdict.failing)} of {verdict.rows} rows fail: {rows}"
        + (f"; and {more} more" if more > 0 else "")
    )
