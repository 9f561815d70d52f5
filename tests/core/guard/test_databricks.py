"""What Spark reads as a file, and what only looks like one; found with Spark itself."""

from __future__ import annotations

import pytest

from dbmcp_core.guard import judge
from dbmcp_core.statement import Kind, RefusalCode


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM `org.apache.spark.sql.execution.datasources.text.TextFileFormat`.x",
        "SELECT * FROM `com.databricks.spark.csv`.x",
        "SELECT * FROM TEXT.x",
        "SELECT * FROM excel.x",
        "DESCRIBE `org.apache.spark.sql.parquet`.x",
        "SELECT * FROM main.text.`/etc/passwd`",
    ],
)
def test_a_path_is_no_table(text: str) -> None:
    verdict = judge(text, "databricks")
    assert (verdict.kind, verdict.code) == (Kind.ADMIN, RefusalCode.UNSAFE_FUNCTION)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT from_xml(a, 'x STRING', map('rowValidationXSDPath', '/etc/passwd')) FROM t",
        "SELECT schema_of_xml('<a/>', map('rowValidationXSDPath', '/etc/passwd'))",
        "SELECT from_protobuf(a, 'M', '/etc/passwd') FROM t",
        "SELECT from_avro(a, 'subject', 'http://registry.example') FROM t",
    ],
)
def test_a_function_that_takes_a_schema_from_elsewhere_is_refused(text: str) -> None:
    verdict = judge(text, "databricks")
    assert (verdict.kind, verdict.code) == (Kind.ADMIN, RefusalCode.UNSAFE_FUNCTION)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM main.json.events",
        "SELECT * FROM main.kafka.events AS e",
        "SELECT text.a FROM notes AS text",
        "SELECT window(ts, '1 hour').start, count(*) FROM t GROUP BY window(ts, '1 hour')",
        "SELECT lag(a) OVER w FROM t WINDOW w AS (ORDER BY b)",
    ],
)
def test_a_read_passes(text: str) -> None:
    verdict = judge(text, "databricks")
    assert verdict.kind is Kind.READ, verdict.reason
