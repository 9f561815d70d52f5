"""A project that is served while its files are edited: a change is loaded whole, or not at all and told."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from dbmcp_core import DbmcpError, Executor, Registry
from dbmcp_core.tools.project import Project
from dbmcp_core.tools.toolbox import Toolbox
from dbmcp_server.mcp.kernel import DbServer, Offer
from dbmcp_server.mcp.project import ProjectDoor

__all__ = ["LiveProject"]

_log = logging.getLogger("dbmcp")

#: Seconds between two looks at the files; an edit is loaded when two looks see the same.
_LOOK_S = 0.5

#: Settings of a project that are read once, when it begins to be served.
_FIXED = ("audit", "audit_results", "ad_hoc", "sql_tools")

_Seen = frozenset[tuple[str, int, int]]


class LiveProject:
    """One project on one server.

    Args:
        load: Reads the project; asked again after each change of its files.
        executor: Where its statements run.
        registry: Whose records hold.
        server: Where it is offered.
    """

    def __init__(self, load: Callable[[], Project], executor: Executor, registry: Registry, server: DbServer) -> None:
        self._load = load
        self._executor = executor
        self._registry = registry
        self._server = server
        self._offer = Offer()
        self._toolbox: Toolbox | None = None
        self._door: ProjectDoor | None = None
        #: Those that went, but have calls under way.
        self._leaving: list[Toolbox] = []
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, project: Project) -> None:
        """Offer *project*, run what its code has to run first, and watch its files, the latter two on a thread."""
        self._take(project)
        self._thread = threading.Thread(target=self._watch, args=[project], name="dbmcp-project", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop watching, and run what the project's code has to run at the end."""
        self._stopping.set()
        toolbox, self._toolbox = self._toolbox, None
        for one in (*self._leaving, toolbox):
            if one is not None:
                one.close()

    def _take(self, project: Project) -> None:
        toolbox = Toolbox(project, self._executor, self._registry)
        door = ProjectDoor(toolbox, self._server.calls, self._server.levels)
        offer = door.offer()
        self._server.change(self._offer, offer)
        self._offer = offer
        before, self._toolbox = self._toolbox, toolbox
        door_before, self._door = self._door, door
        if before is None or door_before is None:
            return
        if door_before.wait(0):
            before.close()
            return
        self._leaving.append(before)
        threading.Thread(target=self._leave, args=[before, door_before], name="dbmcp-leaving", daemon=True).start()

    def _leave(self, toolbox: Toolbox, door: ProjectDoor) -> None:
        """Close what went when its last call has ended: what is under way may need what its code set up."""
        while not self._stopping.is_set():
            if door.wait(_LOOK_S):
                self._leaving.remove(toolbox)
                toolbox.close()
                return

    def _watch(self, project: Project) -> None:
        if self._toolbox is not None:
            self._toolbox.start()
        loaded = before = _seen(project)
        while not self._stopping.wait(_LOOK_S):
            now = _seen(project)
            if now != loaded and now == before:
                loaded = now
                self._reload()
            before = now

    def _reload(self) -> None:
        try:
            project = self._load().require()
            self._bring_sources(project)
            self._take(project)
        except (DbmcpError, ValueError, OSError) as exc:
            _log.error("The change is not taken, and what was there goes on: %s", exc)
            return
        _log.warning("The project was loaded anew: %d definitions.", len(project.definitions))
        if self._toolbox is not None:
            self._toolbox.start()

    def _bring_sources(self, project: Project) -> None:
        """Open the way to sources that are new. Others stay as they were: calls are under way on them."""
        known = {source.name: source for source in self._executor.sources()}
        for source in project.config.sources:
            if source.name not in known:
                self._executor.add(source)
        changed = [
            source.name
            for source in project.config.sources
            if (old := known.pop(source.name, None)) is not None
            and (old.engine.name, old.settings) != (source.engine.name, source.settings)
        ]
        if changed or known:
            _log.warning("A restart is needed: sources were changed or removed (%s).", ", ".join([*changed, *known]))
        fixed = self._toolbox.project.config if self._toolbox is not None else project.config
        told = [name for name in _FIXED if getattr(fixed, name) != getattr(project.config, name)]
        if told:
            _log.warning("A restart is needed: settings of the project were changed (%s).", ", ".join(told))


def _seen(project: Project) -> _Seen:
    """Return what there is to see of the files without reading them."""
    return frozenset(_signatures(project))


def _signatures(project: Project) -> Iterator[tuple[str, int, int]]:
    config = project.config
    folders = {config.python, config.plugins_path, *config.kinds.values()}
    files = {path for folder in folders if folder is not None for path in _files(folder)} | {config.origin}
    files |= {path for one in project.definitions if (path := project.code_path(one)) is not None}
    for path in files:
        try:
            facts = path.stat()
        except OSError:  # gone since, which the next look sees
            continue
        yield str(path), facts.st_mtime_ns, facts.st_size


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.suffix in (".yml", ".yaml", ".sql", ".py", ".jinja", ".j2") and "__pycache__" not in path.parts:
            yield path
