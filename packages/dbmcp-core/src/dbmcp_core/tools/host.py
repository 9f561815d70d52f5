"""What a project gives to its Python code: its configuration, its secrets, its plugins, and a way to its databases."""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbmcp_core.call import Call, Intent
from dbmcp_core.errors import DbmcpError, LimitExceeded, ResourceExhausted, StatementRefused, ToolFailed
from dbmcp_core.executor import Executor
from dbmcp_core.running import Running
from dbmcp_core.settings import redact
from dbmcp_core.statement import Column, Limits, Outcome, Params, RefusalCode, Result, Statement
from dbmcp_core.tools.context import CallContext
from dbmcp_core.tools.project import Project
from dbmcp_core.tools.sql.shape import names

if TYPE_CHECKING:
    from dbmcp_core.tools.python.functions import Project as PythonProject
    from dbmcp_core.tools.python.plugins import Plugins

__all__ = ["ProjectHost", "rows_of"]

_log = logging.getLogger("dbmcp")

#: Rows that one statement of a tool's Python code may fetch; more would be cut off without a word.
_MOST_ROWS = 200_000
#: Characters of the shortest value of a secret that is masked wherever it stands; shorter ones are in every text.
_SHORTEST_SECRET = 4
#: Characters of a statement that can't be parsed in its error.
_MOST_SHOWN = 40
#: Seconds between two looks of a waiting call at whether it was stopped meanwhile.
_LOOK_S = 0.1


class ProjectHost:
    """``dbmcp_core.tools.context.Host`` for one project on one executor."""

    def __init__(self, project: Project, executor: Executor) -> None:
        self._project = project
        self._executor = executor
        self._gate = threading.Condition()
        self._calls = 0
        self._is_reloading = False

    # Facts

    @property
    def site_config(self) -> Mapping[str, Any]:
        """The project's own configuration."""
        return self._project.config.site_config

    @property
    def user_config(self) -> Mapping[str, Any]:
        """The user's configuration."""
        return self._project.config.user_config

    def secret(self, name: str) -> Mapping[str, Any] | None:
        """Return the parameters of a secret that the project may have."""
        return self._project.config.secrets.get(name)

    @functools.cached_property
    def secret_values(self) -> Collection[str]:
        """The texts that must never show."""
        config = self._project.config
        found = [text for one in config.secrets.values() for text in _texts(one)]
        found += [text for plugin in config.plugins for text in _texts(plugin.config)]
        return frozenset(text for text in found if len(text) >= _SHORTEST_SECRET)

    # Code

    @functools.cached_property
    def python(self) -> PythonProject:
        """The project's modules."""
        from dbmcp_core.tools.python.functions import Project as PythonProject
        from dbmcp_core.tools.python.modules import Modules

        config = self._project.config
        if config.uses_mxcp:
            from dbmcp_core.tools.mxcp import shim as mxcp_shim

            mxcp_shim.install()
        folders: list[Path] = [path for path in (config.python, config.plugins_path) if path is not None]
        modules = Modules(config.folder, [*folders, config.folder], secrets=lambda: self.secret_values)
        return PythonProject(modules, folder=config.python)

    @functools.cached_property
    def plugins(self) -> Plugins:
        """The project's plugins, by name."""
        from dbmcp_core.tools.python.plugins import Plugins, PluginSpec

        specs = [PluginSpec(one.name, one.module, one.config) for one in self._project.config.plugins]
        return Plugins(specs, self.python.modules)

    def close(self) -> None:
        """Run what is under ``on_shutdown``, and let plugins close what they hold."""
        if "python" in vars(self):
            if "plugins" in vars(self):
                self.plugins.close()
            self.python.stop()

    # Databases

    def execute(self, context: CallContext, source: str | None, text: str, params: Params) -> list[dict[str, Any]]:
        """Run one statement and return all of its rows.

        Raises:
            ToolFailed: The project has no source of its own, and none was named.
            ResourceExhausted: There are too many of them.
            ResultInvalid: Two columns have one name.
        """
        name = source or self._project.config.connection
        if name is None:
            raise ToolFailed("The project has no source of its own.", hint="Name one: db.execute(sql, source='NAME').")
        running = Running()
        intent = Intent.READ if context.only_reads else Intent.EITHER
        limits = Limits(max_rows=_MOST_ROWS)
        statement = Statement(text, params, trusted=True)
        call = Call(name, statement, intent, context.caller, context.door, limits, context.record, context.private)
        with context.running.cord(running.cancel):
            page = self._run(call, running)
            keys = names(page.columns, numbers_twins=self._project.config.uses_mxcp)
            rows = [dict(zip(keys, row, strict=True)) for row in page]
            while page.cursor is not None and len(rows) < _MOST_ROWS:
                page = self._executor.read_on(page.cursor, caller=context.caller, door=context.door, limits=limits)
                rows += [dict(zip(keys, row, strict=True)) for row in page]
        if page.truncated:
            raise ResourceExhausted(f"The statement has more than {len(rows):,} rows.", hint="Narrow it, or add LIMIT.")
        return rows

    def _run(self, call: Call, running: Running) -> Result:
        try:
            return rows_of(self._executor.run(call, running))
        except StatementRefused as exc:
            if exc.code == RefusalCode.UNPARSABLE:  # code that puts statements together has many of them
                begin = redact(call.statement.text.strip()[:_MOST_SHOWN], self.secret_values)
                exc.message += f" It begins with {begin!r}."
            raise

    # Reloading

    @contextmanager
    def call(self, running: Running) -> Iterator[None]:
        """Count a call while the block runs; while the database is being reloaded, wait first.

        Raises:
            LimitExceeded: The reload takes too long.
        """
        until = time.monotonic() + self._project.config.timeout_s
        with self._gate:
            while self._is_reloading:
                running.raise_if_stopped()
                if time.monotonic() > until:
                    raise LimitExceeded("The project's database is being reloaded.", hint="Try again in a moment.")
                self._gate.wait(_LOOK_S)
            self._calls += 1
        try:
            yield
        finally:
            with self._gate:
                self._calls -= 1
                self._gate.notify_all()

    def wait(self, seconds: float) -> bool:
        """Wait until no call runs, and return whether that came about."""
        with self._gate:
            return self._gate.wait_for(lambda: not self._calls, seconds)

    def reload(self, payload: Callable[[], object] | None, description: str) -> None:
        """Have the database closed, *payload* run, and the database opened anew, once no call runs."""
        threading.Thread(target=self._reload, args=[payload, description], name="dbmcp-reload", daemon=True).start()

    def _reload(self, payload: Callable[[], object] | None, description: str) -> None:
        with self._gate:
            self._gate.wait_for(lambda: not self._is_reloading)
            self._is_reloading = True
            self._gate.wait_for(lambda: not self._calls)
        try:
            if self._project.config.connection is not None:
                self._executor.disconnect(self._project.config.connection)
            if payload is not None:
                payload()
        except DbmcpError as exc:
            _log.error("The reload %r failed: %s", description, exc)
        except Exception as exc:  # noqa: BLE001 - the author's own code
            _log.error("The reload %r failed: %s", description, type(exc).__name__)
        finally:
            with self._gate:
                self._is_reloading = False
                self._gate.notify_all()


def rows_of(done: Result | Outcome) -> Result:
    """Return the rows of a statement; a write without any has one that counts, where there is something to count."""
    if isinstance(done, Result):
        return done
    if done.returned is not None:
        return done.returned
    return Result((Column("Count", "BIGINT"),), () if done.affected_rows is None else ((done.affected_rows,),))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
