"""The tables that a tree names, and those that a read may not name: files, other servers, catalogs of secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sqlglot import exp

from dbmcp_core.guard.finding import Finding
from dbmcp_core.guard.functions import is_unsafe
from dbmcp_core.guard.lexer import Lexeme, Part
from dbmcp_core.guard.reading import offset_of
from dbmcp_core.guard.vocabulary import words
from dbmcp_core.schema import TableName
from dbmcp_core.statement import Kind, RefusalCode

__all__ = ["check_name", "check_tables", "file_finding", "named_tables", "table_name", "tables_in_strings"]

#: Catalogs with passwords, keys or the raw text of others, by the last part of the name.
_SECRETS: dict[str, frozenset[str]] = {
    "postgres": words(
        """
        pg_authid pg_shadow pg_user_mapping pg_user_mappings pg_largeobject pg_subscription pg_hba_file_rules
        pg_ident_file_mappings pg_file_settings user_mapping_options _pg_user_mappings pg_statistic
        pg_statistic_ext_data
        """
    ),
    "mysql": words(
        """
        mysql.user mysql.global_priv mysql.servers mysql.password_history mysql.slave_master_info mysql.general_log
        mysql.slow_log mysql.proxies_priv mysql.db mysql.authentication_policy
        """
    ),
    "tsql": words(
        """
        sql_logins syslogins sysxlogins linked_logins sysremotelogins credentials key_encryptions
        dm_os_enumerate_fixed_drives
        """
    ),
    "sqlite": frozenset(),
    "duckdb": frozenset({"duckdb_secrets"}),
    "databricks": frozenset(),
}
#: A table of DuckDB or Databricks with such a name is a file, unless one of that name is defined.
_FILE_NAME = re.compile(
    r"[/\\*?:\[]|\.(?:csv|tsv|txt|parquet|json|jsonl|ndjson|geojson|xlsx?|db|duckdb|ddb|sqlite3?|arrow|ipc|feather|avro"
    r"|orc|shp|gpkg|vortex|lance)(?:\.(?:gz|zst|bz2|xz))?$",
    re.IGNORECASE,
)
_SPARK_FORMATS = words(
    """
    parquet csv json orc avro text binaryfile delta image libsvm xml iceberg hudi jdbc kafka rate socket excel
    cloudfiles deltasharing statestore state-metadata mlflow-experiment mongodb redshift snowflake bigquery sqlserver
    postgresql
    """
)
_SPARK_NAME = re.compile(r"`((?:[^`]|``)+)`|([^.`]+)")
#: Where a CTE sees itself without the word RECURSIVE.
_SELF_AWARE = frozenset({"sqlite", "tsql"})


def named_tables(tree: exp.Expr, dialect: str) -> Iterator[tuple[exp.Table, tuple[str, ...]]]:
    """Yield each table of *tree* that is none of its own CTEs, with the parts of its name, the last one first."""
    for table in tree.find_all(exp.Table):
        parts = _parts(table)
        if parts and not (len(parts) == 1 and _is_cte(table, dialect)):
            yield table, parts


def _parts(table: exp.Table) -> tuple[str, ...]:
    """Return the parts of a name, the last one first and empty ones as ``""``; none for a function in FROM."""
    name = table.args.get("this")
    last = name.expression if isinstance(name, exp.Dot) else name
    if not isinstance(last, (exp.Identifier, exp.Var, exp.Literal)):
        return ()
    given = (name, table.args.get("db"), table.args.get("catalog"))
    return tuple(part for node in given if node is not None for part in _names(node))


def _names(node: exp.Expr | str) -> Iterator[str]:
    """Yield the names that dots join, the last one first. T-SQL leaves some out: ``db..t``."""
    if isinstance(node, exp.Dot):
        yield from _names(node.args["expression"])
        yield from _names(node.args["this"])
    else:
        yield node.name if isinstance(node, exp.Expr) else str(node)


def _is_cte(table: exp.Table, dialect: str) -> bool:
    name = _folded(table.this, dialect)
    inner: exp.Expr = table
    while (outer := inner.parent) is not None:
        with_ = outer if isinstance(outer, exp.With) else outer.args.get("with_")
        if isinstance(with_, exp.With) and with_ is not inner and name in _visible(with_, inner, dialect):
            return True
        inner = outer
    return False


def _visible(with_: exp.With, inner: exp.Expr, dialect: str) -> Iterator[str]:
    """Yield the CTEs that *inner* sees: all of them, unless it is one of them, which sees those before itself."""
    for cte in with_.expressions:
        if cte is inner and not (with_.args.get("recursive") or dialect in _SELF_AWARE):
            return
        if isinstance(cte.args.get("alias"), exp.TableAlias):
            yield _folded(cte.args["alias"].this, dialect)


def _folded(name: exp.Expr, dialect: str) -> str:
    # Only PostgreSQL tells "T" from t; where that is in doubt, a table too many is named, not one too few.
    keeps_case = dialect == "postgres" and bool(name.args.get("quoted"))
    return name.name if keeps_case else name.name.lower()


def table_name(parts: tuple[str, ...]) -> TableName:
    """Return the name with those *parts*, the last one first. More than three go into the catalog."""
    name, schema, *rest = (*parts, "", "")[: max(len(parts), 2)]
    return TableName(name, schema or None, ".".join(reversed(rest)) or None)


def check_tables(tree: exp.Expr, source: str, dialect: str, *, is_read: bool) -> Iterator[TableName | Finding]:
    """Yield the name of each table in the tree of *source*, and what is wrong with reading it."""
    for table, parts in named_tables(tree, dialect):
        yield table_name(parts)
        offset = offset_of(table)
        if is_read and dialect == "duckdb" and offset is not None and source[offset] == "'":
            yield file_finding(parts[0], offset)
        elif is_read and (finding := check_name(parts, dialect, offset)):
            yield finding


def tables_in_strings(lexemes: Sequence[Lexeme]) -> Iterator[TableName | Finding]:
    """Yield what Spark's ``table_changes('main.sales.t', 1)`` reads, and what is wrong with reading it."""
    for index, lexeme in enumerate(lexemes[:-2]):
        if lexeme.text.lower() != "table_changes" or not lexemes[index + 1].is_op("("):
            continue
        given, behind = lexemes[index + 2], lexemes[index + 3 : index + 4]
        if given.part is not Part.STRING or not behind or behind[0].text not in (",", ")"):
            reason = "table_changes() is not allowed in a read unless one string names its table"
            yield Finding(Kind.UNKNOWN, reason, lexeme.start, RefusalCode.UNSAFE_FUNCTION)
            continue
        parts = tuple(quoted.replace("``", "`") or bare for quoted, bare in _SPARK_NAME.findall(given.text))[::-1]
        yield table_name(parts or (given.text,))
        if finding := check_name(parts or (given.text,), "databricks", lexeme.start):
            yield finding


def check_name(parts: tuple[str, ...], dialect: str, offset: int | None = None) -> Finding | None:
    """Return why a read may not name that table (its *parts* from the last to the first), if so."""
    name = parts[0].lower()
    full = ".".join(reversed(parts))
    if name in _SECRETS[dialect] or full.lower() in _SECRETS[dialect]:
        return Finding(Kind.ADMIN, f"{full} holds secrets of the server", offset)
    if dialect == "tsql" and len(parts) > 3:
        return Finding(Kind.ADMIN, f"{full} is on another server", offset, RefusalCode.UNSAFE_FUNCTION)
    if _is_file(parts, dialect):
        return file_finding(full, offset)
    if dialect == "sqlite":
        return _check_virtual(name, offset)
    return None


def file_finding(name: str, offset: int | None) -> Finding:
    """Return the refusal of every file that stands for a table: the one spot to ask if a source should allow them."""
    return Finding(Kind.ADMIN, f"{name!r} is a file, not a table", offset, RefusalCode.UNSAFE_FUNCTION)


def _is_file(parts: tuple[str, ...], dialect: str) -> bool:
    if dialect == "duckdb":
        return bool(_FILE_NAME.search(".".join(reversed(parts))))
    if dialect == "databricks":
        # A format may be given as its Java class. Behind a catalog, the same words are a schema.
        schema = parts[1].lower() if len(parts) == 2 else ""
        return schema in _SPARK_FORMATS or "." in schema or bool(re.search(r"[/\\:]", parts[0]))
    return False


def _check_virtual(name: str, offset: int | None) -> Finding | None:
    """SQLite calls a table-valued function without brackets, too."""
    if group := is_unsafe(name, "sqlite", arguments=0):
        reason = f"{name} is not allowed in a read: it {group.why}"
        return Finding(Kind.ADMIN, reason, offset, RefusalCode.UNSAFE_FUNCTION)
    return None
