"""Which nodes of a tree only read, and what the others do. What is on neither list is not understood."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from dbmcp_core.guard.finding import Finding
from dbmcp_core.statement import Kind, RefusalCode

__all__ = ["alias_offsets", "check_tree", "offset_of"]

#: Whole families: operators, comparisons, calls (their names are judged one by one) and JSON paths.
_FAMILIES: tuple[type[exp.Expr], ...] = (
    exp.Binary,
    exp.Unary,
    exp.Predicate,
    exp.Func,
    exp.JSONPathPart,
    exp.Query,
    exp.DataType,
)
_READING: frozenset[type[exp.Expr]] = frozenset(
    {
        # values and names
        *(exp.Column, exp.Identifier, exp.Literal, exp.Null, exp.Boolean, exp.Star, exp.Var, exp.Table, exp.Tuple),
        *(exp.Parameter, exp.SessionParameter, exp.Placeholder, exp.Pseudocolumn, exp.PositionalColumn),
        *(exp.BitString, exp.HexString, exp.ByteString, exp.RawString, exp.UnicodeString, exp.National),
        *(exp.Introducer, exp.CharacterSet, exp.Heredoc, exp.DataTypeParam, exp.Interval, exp.ScopeResolution),
        *(exp.TableColumn, exp.Alias, exp.Aliases, exp.TableAlias, exp.PivotAlias, exp.PivotAny, exp.ColumnDef),
        # STRUCT<a: INT NOT NULL COMMENT 'x'> in a cast
        *(exp.ColumnConstraint, exp.NotNullColumnConstraint, exp.CommentColumnConstraint),
        # expressions
        *(exp.Bracket, exp.Slice, exp.Lambda, exp.Comprehension, exp.ForIn, exp.Variadic, exp.TimeUnit),
        *(exp.AtTimeZone, exp.FromTimeZone, exp.AtIndex, exp.Distinct, exp.Ordered, exp.IgnoreNulls),
        *(
            exp.RespectNulls,
            exp.HavingMax,
            exp.Filter,
            exp.WithinGroup,
            exp.Window,
            exp.WindowSpec,
            exp.PartitionByExcluding,
        ),
        *(exp.All, exp.Any, exp.OnCondition, exp.TranslateCharacters, exp.OverflowTruncateBehavior),
        *(exp.JSON, exp.JSONPath, exp.JSONKeyValue, exp.JSONColumnDef, exp.JSONSchema, exp.JSONValue, exp.FormatJson),
        *(exp.JSONExtractQuote, exp.OpenJSONColumnDef, exp.XMLNamespace, exp.XMLKeyValueOption),
        # clauses
        *(exp.With, exp.CTE, exp.RecursiveWithSearch, exp.From, exp.Join, exp.Lateral, exp.TableFromRows, exp.Values),
        *(exp.Where, exp.PreWhere, exp.Group, exp.Cube, exp.Rollup, exp.GroupingSets, exp.Having, exp.Qualify),
        *(exp.Order, exp.Sort, exp.Cluster, exp.Distribute, exp.Limit, exp.LimitOptions, exp.Offset, exp.Fetch),
        *(exp.TableSample, exp.Pivot, exp.UnpivotColumns, exp.MatchRecognize, exp.MatchRecognizeMeasure),
        *(exp.Version, exp.HistoricalData, exp.Partition, exp.PartitionRange, exp.Summarize, exp.ForClause),
        *(exp.JoinHint, exp.IndexTableHint, exp.WithTableHint, exp.QueryOption, exp.Operator, exp.WithFill),
    }
)
_EFFECTS: dict[type[exp.Expr], tuple[Kind, str]] = {
    exp.Insert: (Kind.WRITE, "INSERT changes rows"),
    exp.MultitableInserts: (Kind.WRITE, "INSERT changes rows"),
    exp.Update: (Kind.WRITE, "UPDATE changes rows"),
    exp.Delete: (Kind.WRITE, "DELETE changes rows"),
    exp.Merge: (Kind.WRITE, "MERGE changes rows"),
    exp.TruncateTable: (Kind.WRITE, "TRUNCATE changes rows"),
    exp.LoadData: (Kind.WRITE, "LOAD DATA changes rows"),
    exp.Copy: (Kind.WRITE, "COPY changes rows or writes a file"),
    exp.Lock: (Kind.WRITE, "A locking clause locks rows"),
    exp.Into: (Kind.DEFINE, "SELECT INTO makes a table"),
    exp.Create: (Kind.DEFINE, "CREATE changes definitions"),
    exp.Alter: (Kind.DEFINE, "ALTER changes definitions"),
    exp.Drop: (Kind.DEFINE, "DROP changes definitions"),
    exp.Comment: (Kind.DEFINE, "COMMENT changes definitions"),
    exp.QueryTransform: (Kind.ADMIN, "TRANSFORM … USING runs a program"),
    exp.Set: (Kind.ADMIN, "SET changes settings"),
    exp.Use: (Kind.ADMIN, "USE changes the session"),
    exp.Pragma: (Kind.ADMIN, "PRAGMA changes settings"),
    exp.Attach: (Kind.ADMIN, "ATTACH opens a file"),
    exp.Detach: (Kind.ADMIN, "DETACH changes the session"),
    exp.Kill: (Kind.ADMIN, "KILL stops a session"),
    exp.Grant: (Kind.ADMIN, "GRANT changes rights"),
    exp.Revoke: (Kind.ADMIN, "REVOKE changes rights"),
    exp.Execute: (Kind.ADMIN, "EXECUTE runs a procedure"),
    exp.Transaction: (Kind.ADMIN, "BEGIN is about the transaction"),
    exp.Commit: (Kind.ADMIN, "COMMIT is about the transaction"),
    exp.Rollback: (Kind.ADMIN, "ROLLBACK is about the transaction"),
}
#: What a read is made of at the top. A lone name is a call of a procedure to T-SQL.
_ROOTS = (exp.Query, exp.Values, exp.Pivot, exp.Summarize)


def check_tree(tree: exp.Expr, *, is_read: bool) -> Iterator[Finding]:
    """Yield what the nodes of *tree* do beside reading.

    With *is_read* false, the statement is known to change something, and only worse parts of it are of interest.
    """
    root_is_known = isinstance(tree, _ROOTS) or type(tree) in _EFFECTS
    if is_read and not root_is_known:
        yield _not_understood(tree)
    changes = not is_read or type(tree) in _EFFECTS
    for node in tree.walk():
        if effect := _EFFECTS.get(type(node)):
            yield Finding(effect[0], effect[1], offset_of(node))
        elif not changes and not _only_reads(node) and not node.find_ancestor(*_EFFECTS):
            yield _not_understood(node)


def _only_reads(node: exp.Expr) -> bool:
    return type(node) in _READING or isinstance(node, _FAMILIES)


def _not_understood(node: exp.Expr) -> Finding:
    name = type(node).__name__
    reason = f"{name} is not among the constructs known to only read"
    return Finding(Kind.UNKNOWN, reason, offset_of(node), RefusalCode.UNPARSABLE)


def offset_of(node: exp.Expr) -> int | None:
    """Return where *node* begins in the text, as far as the parser kept it."""
    for part in node.walk(bfs=False):
        start = part.meta.get("start")
        if isinstance(start, int):
            return start
    return None


def alias_offsets(tree: exp.Expr) -> frozenset[int]:
    """Return where names of CTEs and aliases stand: before a bracket, those are no calls."""
    names = [alias.this for alias in tree.find_all(exp.TableAlias) if alias.this is not None]
    # Spark's VALUES 1, 2 AS v(x): the parser takes the table's alias for the last value's.
    rows = (values.expressions[-1] for values in tree.find_all(exp.Values) if values.expressions)
    names += [row.expressions[-1].args["alias"] for row in rows if _ends_with_alias(row)]
    return frozenset(start for name in names if isinstance(start := name.meta.get("start"), int))


def _ends_with_alias(row: exp.Expr) -> bool:
    return isinstance(row, exp.Tuple) and bool(row.expressions) and isinstance(row.expressions[-1], exp.Alias)
