"""Functions that ask who calls: get_username() and its like, and the methods of plugins.

DuckDB runs a Python function on threads of its own, for all sessions at once, so nothing but its arguments can tell it
whose statement it runs for. The functions that people write are temporary macros of one statement's own connection, on
variables of that connection: get_username() is a variable, and a plugin's method is a hidden function whose first
argument is the statement's own random token. Whoever calls the hidden function without one, or the macro in a statement
that wasn't given it, gets nothing: that the guard refuses both is the lock in front of this one.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import re
import secrets
import sys
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from dbmcp_core.settings import redact
from dbmcp_duckdb.caller import ASKS_ALL, ASKS_OPEN, About
from dbmcp_duckdb.types import returned, sql_type, taken

__all__ = ["HIDDEN", "Call", "Functions", "load_plugins"]

#: What the names of hidden functions begin with.
HIDDEN = "dbmcp_udf_"
_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_MACROS = {
    "get_username": "() AS CAST(getvariable('dbmcp_username') AS VARCHAR)",
    "get_user_email": "() AS CAST(getvariable('dbmcp_email') AS VARCHAR)",
    "get_user_provider": "() AS CAST(getvariable('dbmcp_provider') AS VARCHAR)",
    "get_user_external_token": "() AS CAST(getvariable('dbmcp_token') AS VARCHAR)",
    "get_request_header": "(name) AS getvariable('dbmcp_headers')[lower(name)]",
    "get_request_headers_json": "() AS CAST(getvariable('dbmcp_headers_json') AS VARCHAR)",
}
assert frozenset(_MACROS) == ASKS_ALL  # noqa: S101 - the parent judges by the one, we make the other


@dataclass
class Functions:
    """The functions of one open database."""

    has_caller: bool = False
    #: Each plugin's function by its name: the body of its macro.
    macros: dict[str, str] = field(default_factory=dict)
    #: What is known of the statements that run, by their tokens.
    calls: dict[str, About] = field(default_factory=dict)

    def add(self, root: duckdb.DuckDBPyConnection, suffix: str, method: str, function: Callable[..., Any]) -> None:
        """Give DuckDB one method of the plugin called *suffix*.

        Raises:
            TypeError: An annotation is no type of DuckDB's.
        """
        hints = typing.get_type_hints(function)
        names = list(inspect.signature(function).parameters)
        types = [duckdb.sqltype(sql_type(hints.get(name, Any))) for name in names]
        hidden = f"{HIDDEN}{len(self.macros)}"
        root.create_function(  # type: ignore[call-overload]  # "special" is taken, too
            hidden,
            self._guarded(function, [taken(hints.get(name, Any)) for name in names], len(names)),
            [duckdb.sqltype("VARCHAR"), *types],
            duckdb.sqltype(sql_type(hints.get("return", str))),
            null_handling="special",
            side_effects=True,  # each row calls it once: it may reach out
        )
        places = [f"a{number}" for number in range(len(names))]
        call = ", ".join(["CAST(getvariable('dbmcp_call') AS VARCHAR)", *places])
        self.macros[f"{method}_{suffix}".lower()] = f"({', '.join(places)}) AS {hidden}({call})"

    def _guarded(self, function: Callable[..., Any], takers: Sequence[Any], count: int) -> Callable[..., Any]:
        def run(token: str | None, *given: Any) -> Any:
            about = self.calls.get(token or "")
            if about is None:
                raise PermissionError("only statements of the project's tools may call a plugin")
            values = [taker(value) if taker is not None else value for taker, value in zip(takers, given, strict=True)]
            try:
                with about.entered():
                    return returned(function(*values))
            except Exception as exc:  # noqa: BLE001 - what a plugin raises is DuckDB's to tell
                # DuckDB tells type and message; the token of a caller is no secret of the source's, which are masked.
                message = redact(str(exc), [about.token] if about.token else [])
                raise type(type(exc).__name__, (Exception,), {})(message) from None

        return _with_arity(run, count + 1)

    def named(self, text: str, *, trusted: bool) -> set[str]:
        """Return which of the functions a statement may call *text* names, in whatever way."""
        if not self.has_caller and not self.macros:
            return set()
        words = set(_NAME.findall(text.lower()))
        found = words & (ASKS_ALL if trusted else ASKS_OPEN) if self.has_caller else set[str]()
        return found | (words & self.macros.keys()) if trusted else found


class Call:
    """The functions as one statement has them."""

    def __init__(self, functions: Functions, about: About | None, text: str) -> None:
        self._functions = functions
        self._about = about or About()
        self._token = ""
        self._names = functions.named(text, trusted=self._about.trusted)

    def widen(self, error: str) -> bool:
        """Return whether *error* says that a function was missing which this statement can have: a view may name it."""
        more = self._functions.named(error, trusted=self._about.trusted) - self._names
        self._names |= more
        return bool(more)

    def begin(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Make what the statement names, on its own connection."""
        if not self._names:
            return
        if self._names & self._functions.macros.keys():
            self._token = self._token or secrets.token_hex(16)
            self._functions.calls[self._token] = self._about
        for variable, value in self._variables().items():
            cursor.execute(f"SET VARIABLE {variable} = $1", [value])
        if "get_request_header" in self._names:
            headers = self._about.headers
            cursor.execute("SET VARIABLE dbmcp_headers = map($1::VARCHAR[], $2::VARCHAR[])", [*_columns(headers)])
        for name in sorted(self._names):
            body = _MACROS.get(name) or self._functions.macros[name]
            cursor.execute(f'CREATE OR REPLACE TEMP MACRO "{name}"{body}')

    def _variables(self) -> dict[str, str]:
        about = self._about
        known: dict[str, tuple[str, str | None]] = {
            "get_username": ("dbmcp_username", about.user.get("username")),
            "get_user_email": ("dbmcp_email", about.user.get("email")),
            "get_user_provider": ("dbmcp_provider", about.user.get("provider")),
            "get_user_external_token": ("dbmcp_token", about.token),
            "get_request_headers_json": (
                "dbmcp_headers_json",
                json.dumps(dict(about.headers)) if about.headers else None,
            ),
        }
        wanted = [pair for name, pair in known.items() if name in self._names]
        return {name: value for name, value in [*wanted, ("dbmcp_call", self._token or None)] if value is not None}

    def end(self) -> None:
        """Let nothing be called for this statement any more."""
        self._functions.calls.pop(self._token, None)


def _columns(mapping: Mapping[str, str]) -> tuple[list[str], list[str]]:
    return list(mapping), list(mapping.values())


def _with_arity(function: Callable[..., Any], count: int) -> Callable[..., Any]:
    """Return *function* with *count* plain parameters: DuckDB counts them."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter(f"a{number}", kind) for number in range(count)]
    function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return function


def _settle_imports() -> None:
    """Say once that a library is missing: DuckDB 1 looks for it at every value that a function returns."""
    for name in ("pandas", "pyarrow"):
        if name not in sys.modules and importlib.util.find_spec(name) is None:
            sys.modules[name] = None  # type: ignore[assignment]  # what Python takes for "not there"


def load_plugins(
    functions: Functions,
    root: duckdb.DuckDBPyConnection,
    entries: Sequence[tuple[str, str, Mapping[str, Any]]],
    folders: Sequence[str],
) -> dict[str, str]:
    """Give DuckDB the functions of the plugins; return what went wrong, by the plugin's name."""
    from dbmcp_core.errors import ToolFailed
    from dbmcp_core.tools.mxcp import shim as mxcp_shim
    from dbmcp_core.tools.python.modules import Modules
    from dbmcp_core.tools.python.plugins import Plugins, PluginSpec, marked

    mxcp_shim.install()
    _settle_imports()
    specs = [PluginSpec(*entry) for entry in entries]
    plugins = Plugins(specs, Modules(Path(folders[0] if folders else "."), [Path(folder) for folder in folders]))
    problems: dict[str, str] = {}
    for spec in specs:
        try:
            for method, function in marked(plugins[spec.name]):
                functions.add(root, spec.name, method, function)
        except ToolFailed as exc:
            problems[spec.name] = exc.message
        except (TypeError, NameError, duckdb.Error) as exc:
            problems[spec.name] = f"{type(exc).__name__}: {str(exc).splitlines()[0]}"
            if "numpy" in problems[spec.name]:
                problems[spec.name] += " (pip install 'dbmcp-duckdb[plugins]')"
    return problems
