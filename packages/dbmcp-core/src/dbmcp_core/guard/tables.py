"""The tables that a tree names, and those that a read may not name: files, other servers, catalogs of secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from dbmcp_core.guard.finding import Finding
from dbmcp_core.guard.functions import is_unsafe
from dbmcp_core.guard.pragmas import is_reading_pragma
from dbmcp_core.guard.reading import offset_of
from dbmcp_core.schema import TableName
from dbmcp_core.statement import Kind, RefusalCode

__all__ = ["check_name", "check_tables", "named_tables"]

#: Catalogs with passwords, keys or the raw text of others, by the last part of the name.
_SECRETS: dict[str, frozenset[str]] = {
    "postgres": frozenset(
        ["pg_authid", "pg_shadow", "pg_user_mapping", "pg_user_mappings", "pg_largeobject", "pg_subscription", "pg_hba_file_rules", "pg_ident_file_mappings", "pg_file_settings", "user_mapping_options", "_pg_user_mappings", "pg_statistic", "pg_statistic_ext_data"]
    ),
    "mysql": frozenset(
        ["mysql.user", "mysql.global_priv", "mysql.servers", "mysql.password_history", "mysql.slave_master_info", "mysql.general_log", "mysql.slow_log", "mysql.proxies_priv", "mysql.db", "mysql.authentication_policy"]
    ),
    "tsql": frozenset(
        ["sql_logins", "syslogins", "sysxlogins", "linked_logins", "sysremotelogins", "credentials", "key_encryptions", "dm_os_enumerate_fixed_drives"]
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
_SPARK_FORMATS = frozenset(
    ["parquet", "csv", "json", "orc", "avro", "text", "binaryfile", "delta", "image", "libsvm", "xml", "iceberg", "hudi", "jdbc", "kafka", "rate", "socket"]
)
#: Where a CTE sees itself without the word RECURSIVE.
_SELF_AWARE = frozenset({"sqlite", "tsql"})


def named_tables(tree: exp.Expr, dialect: str) -> Iterator[tuple[exp.Table, tuple[str, ...]]]:
    """Yield each table of *tree* that is none of its own CTEs, with the parts of its name, the last one first."""
    for table in tree.find_all(exp.Table):
        parts = _parts(table)
        if parts and not (len(parts) == 1 and _is_cte(table, dialect)):
            yield table, parts


def _parts(table: exp.Table) -> tuple[str, ...]:
    """Return the parts of a name; none for a function in FROM."""
    names = [table.args.get("this"), table.args.get("db"), table.args.get("catalog")]
    if isinstance(names[0], exp.Dot):  # more than three parts
        names = [*reversed(list(names[0].flatten())), *names[1:]]
    if not isinstance(names[0], (exp.Identifier, exp.Var, exp.Literal)):
        return ()
    return tuple(name.name for name in names if isinstance(name, exp.Expr))


def _is_cte(table: exp.Table, dialect: str) -> bool:
    name = _folded(table.this, dialect)
    inner: exp.Expr = table
    while (outer := inner.parent) is not None:
        with_ = outer if isinstance(outer, exp.With) else outer.args.get("with_")
        if isinstance(with_, exp.With) and name in _visible(with_, inner, dialect):
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


def check_tables(tree: exp.Expr, dialect: str, *, is_read: bool) -> Iterator[TableName | Finding]:
    """Yield the name of each table, and what is wrong with reading it."""
    for table, parts in named_tables(tree, dialect):
        yield TableName(*parts[:3]) if len(parts) <= 3 else TableName(parts[0], parts[1], ".".join(parts[:1:-1]))
        if is_read and (finding := check_name(parts, dialect, offset_of(table))):
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
        # The one spot to ask if a source should ever allow files.
        return Finding(Kind.ADMIN, f"{full!r} is a file, not a table", offset, RefusalCode.UNSAFE_FUNCTION)
    if dialect == "sqlite":
        return _check_virtual(name, offset)
    return None


def _is_file(parts: tuple[str, ...], dialect: str) -> bool:
    if dialect == "duckdb":
        return bool(_FILE_NAME.search(".".join(reversed(parts))))
    if dialect == "databricks":
        schema = parts[1].lower() if len(parts) > 1 else ""
        return schema in _SPARK_FORMATS or bool(re.search(r"[/\\:]", parts[0]))
    return False


def _check_virtual(name: str, offset: int | None) -> Finding | None:
    """SQLite calls a table-valued function without brackets, too."""
    group = is_unsafe(name, "sqlite", has_arguments=False)
    if group or (name.startswith("pragma_") and not is_reading_pragma(name.removeprefix("pragma_"))):
        why = group.why if group else "may change settings or the file"
        reason = f"{name} is not allowed in a read: it {why}"
        return Finding(Kind.ADMIN, reason, offset, RefusalCode.UNSAFE_FUNCTION)
    return None
