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


@pytest.mark.parametrize(
    ("text", "tables"),
    [
        ("TABLE a.b UNION ALL TABLE c", {"a.b", "c"}),
        ("FROM t |> UNION ALL TABLE u |> EXCEPT SELECT * FROM v", {"t", "u", "v"}),
        ("WITH c AS (TABLE t) TABLE c", {"t"}),
        ("SELECT * FROM main.a.b@v1 JOIN c@v2", {"main.a.b", "c"}),
        ("SELECT * FROM event_log(TABLE(main.a.t))", {"main.a.t"}),
        ("SELECT * FROM event_log(TABLE t)", {"t"}),
        ("SELECT * FROM table_changes('main.a.t', 1)", {"main.a.t"}),
        ("SELECT * FROM table_changes('`a b`.`c.d`', 1, 2)", {"a b.c.d"}),
        ("SELECT a FROM t TIMESTAMP AS OF (SELECT max(x) FROM u)", {"t", "u"}),
        ("SHOW COLUMNS FROM t FROM main.a", {"main.a.t"}),
        ("SHOW TBLPROPERTIES main.a.t ('x')", {"main.a.t"}),
        ("DESCRIBE main.a.t PARTITION (a = 1)", {"main.a.t"}),
    ],
)
def test_every_table_is_named(text: str, tables: set[str]) -> None:
    verdict = judge(text, "databricks")
    assert verdict.kind is Kind.READ, verdict.reason
    assert {str(table) for table in verdict.tables} == tables


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM table_changes('a' || 'b', 1)",
        "SELECT * FROM table_changes(:t, 1)",
        "SELECT * FROM table_changes('delta.`/x`', 1)",
        "SELECT * FROM table_changes('/x', 1)",
        "SELECT * FROM `table_changes`(concat('a'), 1)",
        'SELECT """; DELETE FROM t --',
    ],
)
def test_a_table_named_in_a_string_is_judged_too(text: str) -> None:
    assert judge(text, "databricks").kind is not Kind.READ
