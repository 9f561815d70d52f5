"""T-SQL on DuckDB, as far as sqlglot carries: enough for a driver and a catalogue, and no proof of T-SQL's meaning."""

from __future__ import annotations

import itertools
import math
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import duckdb
import sqlglot
from catalogue import setup
from definitions import define, prepared
from sqlglot import exp
from sqlglot.errors import SqlglotError
from values import Type, named, of_duckdb

__all__ = ["Connection", "Result", "Server", "ServerFault"]

#: Types whose values DuckDB can't hold: a column that is cast to one is computed as text, and written from it.
_AS_TEXT = {
    "money", "smallmoney", "datetime", "smalldatetime", "datetime2", "datetimeoffset", "time", "xml", "sql_variant",
    "rowversion", "timestamp", "hierarchyid", "geometry", "geography", "varchar", "char",
}  # fmt: skip
_TYPES = {
    "FLOAT": "DOUBLE", "DOUBLE": "DOUBLE", "UTINYINT": "UTINYINT", "TINYINT": "UTINYINT", "BIT": "BOOLEAN",
    "BOOLEAN": "BOOLEAN", "VARBINARY": "BLOB", "BINARY": "BLOB", "IMAGE": "BLOB", "ROWVERSION": "BLOB",
    "DATETIME2": "TIMESTAMP", "DATETIME": "TIMESTAMP", "SMALLDATETIME": "TIMESTAMP", "TIMESTAMP": "TIMESTAMP",
    "TIMESTAMPTZ": "TIMESTAMPTZ", "MONEY": "DECIMAL(19, 4)", "SMALLMONEY": "DECIMAL(10, 4)", "TIME": "TIME",
    "UNIQUEIDENTIFIER": "UUID", "UUID": "UUID", "NVARCHAR": "VARCHAR", "VARCHAR": "VARCHAR", "NCHAR": "VARCHAR",
    "CHAR": "VARCHAR", "TEXT": "VARCHAR", "XML": "VARCHAR", "SYSNAME": "VARCHAR",
}  # fmt: skip
_COMMAND = (
    r"(?i)(SET|IF|COMMIT|ROLLBACK|BEGIN\s+TRAN|KILL|USE|DECLARE|WAITFOR|EXEC(UTE)?|sp_\w+|(CREATE|DROP)\s+DATABASE"
    r"|CREATE\s+(SYNONYM|ASSEMBLY|(OR\s+ALTER\s+)?FUNCTION))\b"
)
_NAME = r"[\[\"]?(\w+)[\]\"]?"


class ServerFault(Exception):
    """An error with SQL Server's number for it."""

    def __init__(self, number: int, message: str, *, severity: int = 16, line: int = 1) -> None:
        super().__init__(message)
        self.number, self.message, self.severity, self.line = number, message, severity, line


class Result(NamedTuple):
    """What one statement gives: columns with batches of rows, or a number of changed rows."""

    columns: list[tuple[str, Type]] | None = None
    batches: Iterable[list[tuple[Any, ...]]] = ()
    count: int | None = None


class Server:
    """All databases, in memory, and the sessions on them."""

    def __init__(self) -> None:
        self.root = duckdb.connect(config={"threads": "1"})
        for setting in ("integer_division=true", "ieee_floating_point_ops=false", "default_collation='nocase'"):
            self.root.execute(f"SET GLOBAL {setting}")
        self.databases: set[str] = set()
        self.sessions: dict[int, tuple[Connection, Callable[[], None]]] = {}
        #: The tables that a transaction has read, by its session: nobody changes their definition meanwhile.
        self.read: dict[int, set[str]] = {}
        self.numbers = itertools.count(51)
        self._changing = threading.Lock()
        self.create("master")

    def create(self, name: str) -> None:
        with self._changing:
            if name in self.databases:
                raise ServerFault(1801, f"Database '{name}' already exists. Choose a different database name.")
            cursor = self.root.cursor()
            cursor.execute(f"ATTACH ':memory:' AS \"{name}\"")
            for schema in ("dbo", "sys"):
                cursor.execute(f'CREATE SCHEMA "{name}".{schema}')
            cursor.execute(f"SET search_path = '{name}.dbo,{name}.sys'")
            for statement in setup(name):
                cursor.execute(statement)
            self.databases.add(name)

    def drop(self, name: str) -> None:
        if name not in self.databases:
            raise ServerFault(3701, f"Cannot drop the database '{name}', because it does not exist.")
        for connection, close in list(self.sessions.values()):
            if connection.database == name:
                close()
        self.databases.discard(name)
        try:
            self.root.execute(f'DETACH "{name}"')
        except duckdb.Error:  # a session that was cut is still on its way out; the process gives it back at its end
            return


class Connection:
    """One session: its database, its transaction, its prepared statements."""

    def __init__(self, server: Server, database: str) -> None:
        self.server, self.number = server, next(server.numbers)
        self.duck = server.root.cursor()
        self.use(database)
        self.trancount, self.implicit, self.showplan = 0, False, False
        self.prepared: dict[int, tuple[str, str]] = {}
        self.cancelled = threading.Event()
        self.lock_ms, self.waits_for = -1, 0
        #: The program, what it intends (ReadOnly or ReadWrite), and how it logged in.
        self.login = ("", "", "")

    def use(self, database: str) -> None:
        if database not in self.server.databases:
            raise ServerFault(
                911, f"Database '{database}' does not exist. Make sure that the name is entered correctly."
            )
        self.duck.execute(f"SET search_path = '{database}.dbo,{database}.sys'")
        self.database = database

    def begin(self) -> None:
        if not self.trancount:
            self.duck.execute("BEGIN TRANSACTION")
        self.trancount += 1

    def end(self, how: str) -> None:
        """Commit or roll back."""
        if not self.trancount:
            raise ServerFault(3902 if how == "COMMIT" else 3903, f"The {how} TRANSACTION request has no BEGIN.")
        self.trancount = self.trancount - 1 if how == "COMMIT" else 0
        if not self.trancount:
            self.server.read.pop(self.number, None)
            self.duck.execute(how)

    def run(self, text: str, params: Mapping[str, tuple[str, Any]] | None = None) -> Iterator[Result]:
        """Run a batch; *params* have their declared type and value. An error rolls back, as XACT_ABORT ON has it."""
        try:
            variables = dict(params or {})
            # The whole batch is parsed before any of it runs.
            for part in [self._parsed(text, part) for part in _split(text)]:
                yield from self._run(part, variables)
        except (duckdb.Error, ServerFault, SqlglotError) as error:
            if self.trancount:
                self.trancount = 0
                self.server.read.pop(self.number, None)
                self.duck.execute("ROLLBACK")
            raise _fault(error) from error

    def _parsed(self, text: str, part: str) -> str | exp.Expr:
        if re.match(_COMMAND, part):
            return part
        try:
            tree = sqlglot.parse_one(part, read="tsql")
        except SqlglotError as error:
            found = getattr(error, "errors", None) or [{}]
            line = text.count("\n", 0, text.find(part)) + (found[0].get("line") or 1)
            raise ServerFault(102, f"Incorrect syntax near '{found[0].get('highlight') or ''}'.", line=line) from error
        if isinstance(tree, (exp.Command, exp.Alias, exp.Column)) or not tree.key.isalpha():
            raise ServerFault(102, f"Incorrect syntax near '{part[:20]}'.")
        return tree

    def _run(self, part: str | exp.Expr, variables: dict[str, tuple[str, Any]]) -> Iterator[Result]:
        if isinstance(part, str):
            yield from self._command(part, variables)
            return
        if self.implicit and not self.trancount and not self.showplan:
            self.begin()
        described = next(
            (f for f in part.find_all(exp.Anonymous) if f.name == "dm_exec_describe_first_result_set"), None
        )
        if described is not None:
            asked = variables[f"@{described.expressions[0].name}"][1]
            yield Result([("column_ordinal", Type("int")), ("type_name", Type("nvarchar"))], [self._described(asked)])
            return
        self._lock(part)
        types = _projected(part)
        used: dict[str, Any] = {}
        tree = prepared(self.duck, self._translated(part, variables, used))
        text = tree.sql(dialect="duckdb", unsupported_level=sqlglot.ErrorLevel.IGNORE)
        if self.showplan:
            plan = "\n".join(row[1] for row in self.duck.execute(f"EXPLAIN {text}", used or None).fetchall())
            yield Result([("StmtText", Type("nvarchar"))], [[(plan,)]])
            return
        self.duck.execute(text, used or None)
        if isinstance(part, exp.Query) and not part.args.get("into"):
            described = self.duck.description or []
            columns = [(entry[0], types.get(at) or of_duckdb(str(entry[1]))) for at, entry in enumerate(described)]
            yield Result(columns, iter(lambda: self.duck.fetchmany(256), []))
        elif isinstance(part, (exp.Insert, exp.Update, exp.Delete, exp.Merge)):
            row = self.duck.fetchone()
            yield Result(count=row[0] if row else 0)
        else:
            yield Result()

    def _command(self, part: str, variables: dict[str, tuple[str, Any]]) -> Iterator[Result]:
        """Run what is about the session, the transaction or the server, and is none of DuckDB's business."""
        if define(self.duck, part):
            yield Result()
            return
        words = re.sub(r"\s+", " ", part.strip())
        for pattern, run in _COMMANDS:
            if match := re.match(rf"(?i){pattern}\Z", words):
                if pattern.startswith("DECLARE"):
                    variables.update({name: (kind, None) for name, kind in re.findall(r"(@\w+) ([^,]+)", words)})
                yield run(self, match) or Result()
                return
        raise ServerFault(102, f"Incorrect syntax near '{words[:20]}'.", severity=15)

    def _described(self, text: str) -> list[tuple[Any, ...]]:
        """Return place and type of the columns that *text* would give, as far as a cast says it."""
        tree = self._parsed(text, _split(text)[-1])
        return [(at + 1, kind.name) for at, kind in _projected(tree).items()] if isinstance(tree, exp.Expr) else []

    def _lock(self, tree: exp.Expr) -> None:
        """Note what a transaction reads until it ends, and have a change of its definition wait for that."""
        names = {f"{self.database}.{table.name}".lower() for table in tree.find_all(exp.Table)}
        if isinstance(tree, exp.Query) and self.trancount:
            self.server.read.setdefault(self.number, set()).update(names)
        if not isinstance(tree, (exp.Drop, exp.Alter, exp.TruncateTable)):
            return
        until = time.monotonic() + self.lock_ms / 1000 if self.lock_ms >= 0 else math.inf
        try:
            while blocker := next(
                (n for n, read in list(self.server.read.items()) if n != self.number and read & names), 0
            ):
                self.waits_for = blocker
                if self.cancelled.wait(0.02) or time.monotonic() > until:
                    raise ServerFault(1222, "Lock request time out period exceeded.")
        finally:
            self.waits_for = 0

    def set(self, match: re.Match[str]) -> None:
        if found := re.match(r"SET LOCK_TIMEOUT (-?\d+)", match[0].upper()):
            self.lock_ms = int(found[1])
        for name, value in re.findall(r"\b(IMPLICIT_TRANSACTIONS|SHOWPLAN_\w+) (ON|OFF)", match[0].upper()):
            setattr(self, "implicit" if name[0] == "I" else "showplan", value == "ON")

    def finish(self, match: re.Match[str]) -> None:
        if self.trancount or not match[1]:
            self.end(match[2].upper())
        if match[3]:
            self.begin()

    def kill(self, match: re.Match[str]) -> None:
        found = self.server.sessions.get(int(match[1]))
        if found is None:
            raise ServerFault(6106, f"Process ID {match[1]} is not an active process ID.")
        found[1]()

    def wait(self, match: re.Match[str]) -> None:
        self.cancelled.wait(int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3]))

    def _translated(self, tree: exp.Expr, variables: Mapping[str, tuple[str, Any]], used: dict[str, Any]) -> exp.Expr:
        def one(node: exp.Expr) -> exp.Expr:
            if isinstance(node, exp.SessionParameter) or (
                isinstance(node, exp.Parameter) and isinstance(node.this, exp.Parameter)
            ):
                name = node.sql("tsql").strip("@").upper()
                known = {
                    "TRANCOUNT": self.trancount,
                    "SPID": self.number,
                    "ROWCOUNT": 0,
                    "VERSION": "dbmcp test server",
                }
                return exp.convert(known.get(name))
            if isinstance(node, exp.Parameter) and not isinstance(node.parent, exp.Parameter):
                name = "@" + node.name
                if name not in variables:
                    raise ServerFault(137, f'Must declare the scalar variable "{name}".')
                kind, value = variables[name]
                used[name[1:]] = value
                return sqlglot.parse_one(f"CAST(${name[1:]} AS {_duck_type(kind)})", read="duckdb")
            if isinstance(node, exp.DataType):
                return _data_type(node)
            if isinstance(node, exp.Table):
                return self._table(node)
            if isinstance(node, exp.Ordered) and isinstance(node.parent, (exp.PrimaryKey, exp.UniqueColumnConstraint)):
                return node.this
            if isinstance(node, exp.Add) and any(_is_text(side) for side in (node.this, node.expression)):
                return exp.DPipe(this=node.this, expression=node.expression)
            if isinstance(node, exp.HexString):
                return sqlglot.parse_one(f"unhex('{node.name}')", read="duckdb")
            return sqlglot.parse_one(_PLAIN[type(node)], read="duckdb") if type(node) in _PLAIN else node

        return tree.copy().transform(one)

    def _table(self, node: exp.Table) -> exp.Expr:
        rows, columns = [], ""
        if node.name.lower() == "databases" and node.db.lower() == "sys":
            rows, columns = (
                [f"('{name}', true)" for name in self.server.databases],
                "name, is_read_committed_snapshot_on",
            )
        elif (view := _LIVE.get(node.name.lower())) is not None:
            rows = [view[1](number, one) for number, (one, _) in list(self.server.sessions.items())]
            columns = view[0]
        if rows:
            text = f"SELECT * FROM (VALUES {', '.join(rows)}) AS {node.alias or node.name}({columns})"
            return sqlglot.parse_one(text).args["from_"].this
        if node.args.get("catalog") and not node.db:
            node.set("db", exp.to_identifier("dbo"))
        node.set("hints", None)
        return node


#: What DuckDB has as another type, or for another account.
_PLAIN = dict.fromkeys((exp.CurrentTimestamp, exp.CurrentDatetime), "now()::TIMESTAMP") | {exp.CurrentUser: "'sa'"}

#: Views of what the sessions do at the moment: their columns, and the row of one session. The last is our own.
_LIVE: dict[str, tuple[str, Callable[[int, Connection], str]]] = {
    "dm_exec_sessions": ("session_id, database_id", lambda number, one: f"({number}, db_id('{one.database}'))"),
    "dm_exec_requests": ("session_id, blocking_session_id", lambda number, one: f"({number}, {one.waits_for})"),
    "test_logins": (
        "session_id, program, intent, how",
        lambda number, one: f"({number}, {', '.join(map(repr, one.login))})",
    ),
}

#: What a statement of this form does. Drivers send some of them.
_COMMANDS: tuple[tuple[str, Callable[[Connection, re.Match[str]], Result | None]], ...] = (
    (r"SET .*", Connection.set),
    (r"(IF @@TRANCOUNT > 0 )?(COMMIT|ROLLBACK)(?: TRAN\w*| WORK)?( BEGIN TRAN\w*)?", Connection.finish),
    (r"BEGIN TRAN(?:SACTION)?", lambda connection, _: connection.begin()),
    (r"KILL (\d+)", Connection.kill),
    (rf"USE {_NAME}", lambda connection, match: connection.use(match[1])),
    (rf"CREATE DATABASE {_NAME}", lambda connection, match: connection.server.create(match[1])),
    (rf"DROP DATABASE (?:IF EXISTS )?{_NAME}", lambda connection, match: connection.server.drop(match[1])),
    (r"DECLARE .*", lambda *_: None),
    (r"WAITFOR DELAY '(\d+):(\d+):(\d+)'", Connection.wait),
    (
        r"(?:EXEC(?:UTE)? )?(?:\[?SYS\]?\.)?(SP_\w+)(?: (-?\d+))?.*",
        lambda _, match: procedure(match[1].lower(), int(match[2] or 0)),
    ),
)


def procedure(name: str, argument: Any = None) -> Result:
    """Return what a procedure that drivers call gives: how long a type is, no parameter, no table."""
    number, small, text = Type("int"), Type("smallint"), Type("nvarchar")
    if name == "sp_describe_undeclared_parameters":
        return Result([("parameter_ordinal", number), ("name", text), ("suggested_system_type_id", number)], [])
    if not name.startswith("sp_datatype_info"):
        raise ServerFault(2812, f"Could not find stored procedure '{name}'.")
    columns = [("TYPE_NAME", text), ("DATA_TYPE", small), ("PRECISION", number), ("LITERAL_PREFIX", text)]
    length = {12: 8000, -9: 4000, -3: 8000, 93: 27}.get(argument)
    rows = [("text", argument, length, "'", *[0] * 16)] if length else []
    return Result(columns + [(f"C{at}", small) for at in range(16)], [rows])


def _split(text: str) -> list[str]:
    """Cut a batch at its semicolons; a function is a batch of its own."""
    if re.match(r"(?i)\s*CREATE\s+(OR\s+ALTER\s+)?FUNCTION\b", text):
        return [text]
    try:
        tokens = sqlglot.tokenize(text, read="tsql")
    except SqlglotError as error:
        raise ServerFault(105, "Unclosed quotation mark after the character string.") from error
    ends = [token.start for token in tokens if token.token_type is sqlglot.TokenType.SEMICOLON]
    parts = [text[start:end] for start, end in zip([0, *(end + 1 for end in ends)], [*ends, len(text)], strict=True)]
    return [part.strip() for part in parts if sqlglot.tokenize(part, read="tsql")]


def _projected(tree: exp.Expr) -> dict[int, Type]:
    """Compute casts in the select list to types that DuckDB hasn't as text, and return these types."""
    found = {}
    for at, column in enumerate(tree.selects if isinstance(tree, exp.Select) else ()):
        inner = column.this if isinstance(column, exp.Alias) else column
        if isinstance(inner, exp.Cast) and not isinstance(inner.this, exp.Parameter):
            kind = named(inner.to.sql("tsql"))
            if kind.name in _AS_TEXT:
                found[at] = kind
                inner.set("to", exp.DataType.build("NVARCHAR", dialect="tsql"))
    return found


def _data_type(node: exp.DataType) -> exp.DataType:
    text = node.sql("tsql").upper().split("(")[0]
    duck = _TYPES.get(text) or ("TIMESTAMPTZ" if text == "DATETIMEOFFSET" else None)
    return exp.DataType.build(duck, dialect="duckdb") if duck else node


def _duck_type(kind: str) -> str:
    return _data_type(exp.DataType.build(kind.strip(), dialect="tsql")).sql("duckdb")


def _is_text(node: exp.Expr) -> bool:
    return (isinstance(node, exp.Literal) and node.is_string) or isinstance(node, (exp.National, exp.DPipe))


_FAULTS: tuple[tuple[type[Exception], str, int, str], ...] = (
    (duckdb.CatalogException, r"already exists", 2714, "There is already an object named so in the database."),
    (duckdb.CatalogException, r"(?:Table|View).*? with name \"?([^\s\"!]+)", 208, "Invalid object name '{}'."),
    (duckdb.CatalogException, r"Function.*? with name \"?([^\s\"!]+)", 195, "'{}' is not a recognized function."),
    (duckdb.BinderException, r"[Cc]olumn \"?([^\s\"]+)\"? (?:not found|does not)", 207, "Invalid column name '{}'."),
    (duckdb.BinderException, r"column named \"?([^\s\"]+)\"?", 207, "Invalid column name '{}'."),
    (duckdb.ConstraintException, r"NOT NULL constraint failed: (\S+)", 515, "Cannot insert NULL into column '{}'."),
    (duckdb.ConstraintException, r"foreign key", 547, "The statement conflicted with the FOREIGN KEY constraint."),
    (duckdb.ConstraintException, r"", 2627, "Violation of PRIMARY KEY constraint. Cannot insert duplicate key."),
    (duckdb.TransactionException, r"", 1205, "Transaction was deadlocked on lock resources. Rerun the transaction."),
    (duckdb.ConversionException, r"(.*)", 245, "Conversion failed: {}"),
    (duckdb.OutOfRangeException, r"(?i)division by zero", 8134, "Divide by zero error encountered."),
    (duckdb.OutOfRangeException, r"(.*)", 8115, "Arithmetic overflow error: {}"),
    (duckdb.InvalidInputException, r"(?i)division by zero", 8134, "Divide by zero error encountered."),
    (duckdb.ParserException, r"near \"([^\"]*)\"", 102, "Incorrect syntax near '{}'."),
    (duckdb.OutOfMemoryException, r"", 701, "There is insufficient system memory to run this query."),
)  # fmt: skip


def _fault(error: Exception) -> ServerFault:
    if isinstance(error, ServerFault):
        return error
    for kind, pattern, number, message in _FAULTS:
        if isinstance(error, kind) and (match := re.search(pattern, str(error))):
            return ServerFault(number, message.format(*(match.groups() or [""])))
    return ServerFault(50000, str(error).splitlines()[0])
