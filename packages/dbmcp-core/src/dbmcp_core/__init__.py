"""Every database behind one interface, with the safety in the library.

::

    from dbmcp_core import connect

    with connect("sqlite:///shop.db") as shop:
        for row in shop.query("SELECT name, price FROM product WHERE price < ?", [20]):
            print(row)
"""

from typing import TYPE_CHECKING, Any

from dbmcp_core.call import Call, CallRecord, Intent, Policy, Request
from dbmcp_core.client import Client, connect
from dbmcp_core.config import Config, Source
from dbmcp_core.database import (
    Database,
    Engine,
    Lock,
    SupportsExplain,
    SupportsJudge,
    SupportsLocks,
    SupportsPrepare,
    SupportsSchemaVersion,
    batches,
)
from dbmcp_core.errors import (
    ArgumentsInvalid,
    ConfigError,
    ConnectionFailed,
    CursorExpired,
    DatabaseBusy,
    DatabaseError,
    DbmcpError,
    LimitExceeded,
    NotFound,
    PluginError,
    PolicyDenied,
    QueryCancelled,
    QueryFailed,
    QueryStopped,
    QueryTimeout,
    RecordFailed,
    Refused,
    ResourceExhausted,
    ResultInvalid,
    StatementRefused,
    ToolFailed,
    UnknownSource,
    UnsupportedError,
)
from dbmcp_core.executor import Executor
from dbmcp_core.hookspecs import hookimpl
from dbmcp_core.record import JsonLines
from dbmcp_core.registry import PluginInfo, Registry
from dbmcp_core.running import Running
from dbmcp_core.settings import Secret, Settings, setting
from dbmcp_core.statement import Column, Kind, Limits, Outcome, RefusalCode, Result, Rows, Statement, Verdict

if TYPE_CHECKING:
    from dbmcp_core.schema import ColumnInfo, ForeignKey, IndexInfo, SchemaInfo, TableName, TableSchema

__version__ = "0.1.0"

__all__ = [
    "ArgumentsInvalid",
    "Call",
    "CallRecord",
    "Client",
    "Column",
    "ColumnInfo",
    "Config",
    "ConfigError",
    "ConnectionFailed",
    "CursorExpired",
    "Database",
    "DatabaseBusy",
    "DatabaseError",
    "DbmcpError",
    "Engine",
    "Executor",
    "ForeignKey",
    "IndexInfo",
    "Intent",
    "JsonLines",
    "Kind",
    "LimitExceeded",
    "Limits",
    "Lock",
    "NotFound",
    "Outcome",
    "PluginError",
    "PluginInfo",
    "Policy",
    "PolicyDenied",
    "QueryCancelled",
    "QueryFailed",
    "QueryStopped",
    "QueryTimeout",
    "RecordFailed",
    "RefusalCode",
    "Refused",
    "Registry",
    "Request",
    "ResourceExhausted",
    "Result",
    "ResultInvalid",
    "Rows",
    "Running",
    "SchemaInfo",
    "Secret",
    "Settings",
    "Source",
    "Statement",
    "StatementRefused",
    "SupportsExplain",
    "SupportsJudge",
    "SupportsLocks",
    "SupportsPrepare",
    "SupportsSchemaVersion",
    "TableName",
    "TableSchema",
    "ToolFailed",
    "UnknownSource",
    "UnsupportedError",
    "Verdict",
    "batches",
    "connect",
    "hookimpl",
    "setting",
]


def __getattr__(name: str) -> Any:
    """Return what a schema is made of: a program that asks for none doesn't pay for it, a hundredth of its start."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from dbmcp_core import schema

    return getattr(schema, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
