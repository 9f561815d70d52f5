"""Finding tables: by words, by pattern, page by page, in few tokens."""

from __future__ import annotations

import pytest

from dbmcp_core.schema import ColumnInfo, ForeignKey, IndexInfo, SchemaInfo, TableName, TableSchema
from dbmcp_core.search import Detail, describe, search
from dbmcp_core.values import tokens


def table(name: str, *columns: str, comment: str | None = None, schema: str | None = None) -> TableSchema:
    return TableSchema(
        TableName(name, schema), "table", tuple(ColumnInfo(column, "TEXT") for column in columns), comment=comment
    )


SHOP = SchemaInfo(
    "shop",
    (
        table("Customer", "CustomerId", "FirstName", "Country"),
        table("Invoice", "InvoiceId", "CustomerId", "BillingCountry"),
        table("InvoiceLine", "InvoiceLineId", "InvoiceId", "UnitPrice"),
        table("Category", "CategoryId", "Label", comment="Groups of goods for sale"),
    ),
)


def found(query: str, schema: SchemaInfo = SHOP) -> list[str]:
    return search(schema, query, detail=Detail.NAMES).text.splitlines()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["Customer", "Invoice", "InvoiceLine", "Category"]),
        ("invoice", ["Invoice", "InvoiceLine"]),
        ("invoices", ["Invoice", "InvoiceLine"]),
        ("categories", ["Category"]),
        ("invoice line", ["InvoiceLine", "Invoice"]),
        ("country", ["Customer", "Invoice"]),
        ("unit price", ["InvoiceLine"]),
        ("goods", ["Category"]),
        ("customer invoices", ["Invoice", "Customer"]),
        ("Invoice*", ["Invoice", "InvoiceLine"]),
        ("%line", ["InvoiceLine"]),
        ("*Price", ["InvoiceLine"]),
        ("nothing like it", []),
    ],
)
def test_words_and_patterns_find(query: str, expected: list[str]) -> None:
    names = found(query)
    assert names[: len(expected)] == expected
    assert not expected or names[0] == expected[0]


def test_no_hit_is_an_empty_page() -> None:
    page = search(SHOP, "zebra")
    assert (page.text, page.shown, page.total, page.next_offset) == ("", 0, 0, None)


def test_full_detail_tells_types_keys_and_references() -> None:
    line = TableSchema(
        TableName("line"),
        "table",
        (
            ColumnInfo("id", "INTEGER", nullable=False, is_primary_key=True),
            ColumnInfo("order_id", "INTEGER", nullable=False, default_value="0", comment="whose\n line"),
            ColumnInfo("sum", "REAL", generated="virtual"),
        ),
        ("id",),
        (IndexInfo("by_order", ("order_id", None), unique=True, where="sum > 0"),),
        (ForeignKey(("order_id",), TableName("order"), ("id",)),),
        comment="Lines",
        estimated_rows=7,
    )
    assert describe(line, Detail.FULL) == (
        "line ~7 rows -- Lines\n"
        "  id INTEGER pk\n"
        "  order_id INTEGER not null default 0 -> order(id) -- whose line\n"
        "  sum REAL virtual\n"
        "  unique index by_order (order_id, <expression>) where sum > 0"
    )


def test_compound_keys_have_their_own_line() -> None:
    pair = TableSchema(
        TableName("pair", "app"),
        "view",
        (ColumnInfo("a", ""), ColumnInfo("b", "")),
        ("a", "b"),
        (),
        (ForeignKey(("a", "b"), TableName("other"), ("x", "y")),),
    )
    text = describe(pair, Detail.FULL)
    assert "app.pair (view)" in text
    assert "primary key (a, b)" in text
    assert "foreign key (a, b) -> other(x, y)" in text


def test_three_thousand_tables_fit_into_pages_of_two_thousand_tokens() -> None:
    schema = SchemaInfo("big", tuple(table(f"table_{i}", "id", "name", "created_at") for i in range(3_000)))
    seen: list[str] = []
    offset: int | None = 0
    while offset is not None:
        page = search(schema, "table", offset=offset)
        assert tokens(page.text) < 2_000
        assert page.total == 3_000
        seen += [line.partition("(")[0] for line in page.text.splitlines()]
        offset = page.next_offset
    assert len(set(seen)) == len(seen) == 3_000


def test_the_detail_is_as_much_as_fits() -> None:
    assert search(SHOP).detail is Detail.FULL
    many = SchemaInfo("big", tuple(table(f"t{i}", "id", "name", "price", "note", "sold_at") for i in range(120)))
    assert search(many).detail is Detail.SUMMARY
    more = SchemaInfo("big", tuple(table(f"t{i}", "id", "name") for i in range(2_000)))
    assert search(more).detail is Detail.NAMES
