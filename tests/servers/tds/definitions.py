"""What DuckDB has no word for: functions, synonyms, assemblies, comments, identity, filtered indexes.

As much is done as DuckDB can do, and the rest is written down for the catalogue, as SQL Server would show it.
"""

from __future__ import annotations

import contextlib
import re
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp

__all__ = ["define", "prepared"]

_PART = r'(?:\[[^\]]+\]|"[^"]+"|\w+)'
_NAMED = rf"(?:(?P<schema>{_PART})\.)?(?P<name>{_PART})"
_FUNCTION = re.compile(
    rf"\s*CREATE\s+(?:OR\s+ALTER\s+)?FUNCTION\s+{_NAMED}\s*\((?P<params>[^)]*(?:\([^)]*\)[^)]*)*)\)\s*RETURNS\s+"
    rf"(?P<what>.+?)\s*(?P<hidden>WITH\s+ENCRYPTION\s+)?\bAS\b\s*(?P<body>.*)\Z",
    re.I | re.S,
)
_SYNONYM = re.compile(rf"\s*CREATE\s+SYNONYM\s+{_NAMED}\s+FOR\s+(?P<base>.+?)\s*\Z", re.I | re.S)
_ASSEMBLY = re.compile(
    rf"\s*CREATE\s+ASSEMBLY\s+(?P<name>{_PART})\s+FROM\s+\w+(?:\s+WITH\s+PERMISSION_SET\s*=\s*(?P<set>\w+))?\s*\Z", re.I
)
_COMMENT = re.compile(r"\s*EXEC(?:UTE)?\s+(?:sys\.)?sp_addextendedproperty\b(?P<params>.*)\Z", re.I | re.S)
_SETS = {"safe": 1, "external_access": 2, "unsafe": 3}
_NUMBER = "SELECT 2000000 + count(*) FROM sys.named"


def define(duck: Any, text: str) -> bool:
    """Run *text* if it is of the kind that this module knows, and tell whether it was."""
    for pattern, run in ((_FUNCTION, _function), (_SYNONYM, _synonym), (_ASSEMBLY, _assembly), (_COMMENT, _comment)):
        if match := pattern.match(text):
            run(duck, match)
            return True
    return False


def _bare(name: str | None) -> str:
    return name.strip('[]"') if name else "dbo"


def _new(duck: Any, match: re.Match[str], kind: str) -> int:
    (number,) = duck.execute(_NUMBER).fetchone()
    duck.execute(
        "INSERT INTO sys.named VALUES (?, ?, ?, ?)", [number, _bare(match["schema"]), _bare(match["name"]), kind]
    )
    return int(number)


def _function(duck: Any, match: re.Match[str]) -> None:
    is_table, body = match["what"].upper().startswith(("TABLE", "@")), match["body"].strip().rstrip(";")
    if external := re.match(rf"EXTERNAL\s+NAME\s+({_PART})", body, re.I):
        number = _new(duck, match, "FT" if is_table else "FS")
        duck.execute(
            "INSERT INTO sys.assembly_modules SELECT ?, assembly_id FROM sys.assemblies WHERE name = ?",
            [number, _bare(external[1])],
        )
        return
    inline = re.fullmatch(r"RETURN\s*\(?\s*((?:SELECT|WITH)\b.*?)\)?", body, re.I | re.S)
    number = _new(duck, match, ("IF" if inline else "TF") if is_table else "FN")
    definition = None if match["hidden"] else match[0]
    duck.execute("INSERT INTO sys.sql_modules VALUES (?, ?)", [number, definition])
    scalar = re.fullmatch(r"BEGIN\s+RETURN\s*(.+?);?\s*END", body, re.I | re.S)
    if (found := inline if is_table else scalar) is not None:
        _macro(duck, match, found[1], is_table=is_table)


def _macro(duck: Any, match: re.Match[str], body: str, *, is_table: bool) -> None:
    tree = sqlglot.parse_one(body, read="tsql").transform(
        lambda node: exp.column(node.name) if isinstance(node, exp.Parameter) else node
    )
    params = ", ".join(re.findall(r"@(\w+)", match["params"]))
    name = f'{_bare(match["schema"])}."{_bare(match["name"])}"'
    what = tree.sql("duckdb")
    with contextlib.suppress(
        duckdb.Error
    ):  # what it reads may be nothing of DuckDB's; it is in the catalogue all the same
        duck.execute(f"CREATE OR REPLACE MACRO {name}({params}) AS {'TABLE ' + what if is_table else f'({what})'}")


def _synonym(duck: Any, match: re.Match[str]) -> None:
    number = _new(duck, match, "SN")
    duck.execute("INSERT INTO sys.synonyms VALUES (?, ?, ?)", [number, _bare(match["name"]), match["base"]])


def _assembly(duck: Any, match: re.Match[str]) -> None:
    duck.execute(
        "INSERT INTO sys.assemblies SELECT 65536 + count(*), ?, ? FROM sys.assemblies",
        [_bare(match["name"]), _SETS[(match["set"] or "safe").lower()]],
    )


def _comment(duck: Any, match: re.Match[str]) -> None:
    """``sp_addextendedproperty`` with its parameters by name, on a table or a column."""
    given = {
        name.lower(): text.replace("''", "'")
        for name, text in re.findall(r"@(\w+)\s*=\s*N?'((?:[^']|'')*)'", match["params"])
    }
    assert given["name"] == "MS_Description", given
    thing = f'"{given["level0name"]}"."{given["level1name"]}"'
    kind = given["level1type"].upper()
    if column := given.get("level2name"):
        kind, thing = "COLUMN", f'{thing}."{column}"'
    duck.execute(f"COMMENT ON {kind} {thing} IS '{given['value'].replace(chr(39), chr(39) * 2)}'")


def prepared(duck: Any, tree: exp.Expr) -> exp.Expr:
    """Return a CREATE as DuckDB takes it, having written down what it leaves out."""
    if not isinstance(tree, exp.Create):
        return tree
    if isinstance(tree.this, exp.Index):
        return _index(duck, tree)
    if isinstance(tree.this, exp.Schema):
        for column in tree.this.find_all(exp.ColumnDef):
            _column(duck, tree.this.this, column)
    return tree


def _index(duck: Any, tree: exp.Create) -> exp.Expr:
    params = tree.this.args["params"]
    where, included = params.args.get("where"), [node.name for node in params.args.get("include") or ()]
    if where is not None or included:
        definition = where.this.sql("tsql") if where is not None else None
        row = [tree.this.name, bool(tree.args.get("unique")), definition, included]
        duck.execute("INSERT INTO sys.index_marks VALUES (?, ?, ?, ?)", row)
        tree.set("unique", bool(tree.args.get("unique")) and where is None)
    params.set("where", None)
    params.set("include", None)
    params.set("columns", [node.this for node in params.args["columns"]])
    tree.set("kind", "INDEX")
    return tree


def _column(duck: Any, table: exp.Table, column: exp.ColumnDef) -> None:
    for constraint in list(column.args.get("constraints") or ()):
        kind = constraint.kind
        if isinstance(kind, exp.ComputedColumnConstraint):
            if kind.args.get("persisted"):
                row = [table.db or "dbo", table.name, column.name]
                duck.execute("INSERT INTO sys.persisted VALUES (?, ?, ?)", row)
            kind.set("persisted", False)
            kind.set("not_null", False)
        elif isinstance(kind, exp.GeneratedAsIdentityColumnConstraint):
            sequence = f"dbo.identity_{table.name}_{column.name}"
            duck.execute(f"CREATE SEQUENCE {sequence}")
            constraint.set("kind", exp.DefaultColumnConstraint(this=exp.func("nextval", exp.Literal.string(sequence))))
