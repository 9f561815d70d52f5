"""A project that is served while its files are edited: a change is loaded whole, or not at all and told."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator

from dbmcp_core import DbmcpError, Executor, Registry
from dbmcp_core.errors import ToolFailed
from dbmcp_core.tools.files.definitions import Loaded
from dbmcp_core.tools.problems import Problem, ProjectInvalid
from dbmcp_core.tools.project import Project
from dbmcp_core.tools.toolbox import Toolbox
from dbmcp_server.mcp.kernel import DbServer, Offer
from dbmcp_server.mcp.project import ProjectDoor
from dbmcp_server.mcp.watching import Seen, changed, codes, is_same, look

__all__ = ["LiveProject"]

_log = logging.getLogger("dbmcp")

#: Seconds between two looks at the files; an edit is loaded when two looks see the same.
_LOOK_S = 0.5

#: Settings of a project that are read once, when it begins to be served.
_FIXED = ("audit", "audit_results", "ad_hoc", "sql_tools")

_KEPT = "The change is not taken, and what was there goes on"


class LiveProject:
    """One project on one server.

    Args:
        load: Reads the project; asked again after each change of its files.
        executor: Where its statements run.
        registry: Whose records hold.
        server: Where it is offered.
        tells_why: Whether clients may read what is wrong with the files; who watches them over HTTP may be anybody.
    """

    def __init__(
        self,
        load: Callable[[], Project],
        executor: Executor,
        registry: Registry,
        server: DbServer,
        *,
        tells_why: bool = False,
    ) -> None:
        self._load = load
        self._executor = executor
        self._registry = registry
        self._server = server
        self._tells_why = tells_why
        self._offer = Offer()
        self._toolbox: Toolbox | None = None
        self._door: ProjectDoor | None = None
        #: Those that went, but have calls under way.
        self._leaving: list[Toolbox] = []
        self._stopping = threading.Event()
        #: Held while what is served is exchanged, and at the end.
        self._changing = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self, project: Project) -> None:
        """Offer *project*, run what its code has to run first, and watch its files, the latter two on a thread."""
        seen = look(project)
        toolbox = Toolbox(project, self._executor, self._registry)
        self._take(toolbox)
        self._thread = threading.Thread(target=self._watch, args=[toolbox, seen], name="dbmcp-project", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop watching, and run what the project's code has to run at the end."""
        self._stopping.set()
        with self._changing:
            toolbox, self._toolbox = self._toolbox, None
            for one in (*self._leaving, toolbox):
                if one is not None:
                    one.close()

    # What is served

    def _take(self, toolbox: Toolbox) -> None:
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
                with self._changing:
                    if not self._stopping.is_set():
                        self._leaving.remove(toolbox)
                        toolbox.close()
                return

    # Changes

    def _watch(self, toolbox: Toolbox, seen: Seen) -> None:
        with self._changing:
            if self._stopping.is_set():
                return
            toolbox.prepare()
            toolbox.start()
        if not self._stopping.wait(_LOOK_S):  # whoever started it is served first
            _tell_of_mistakes(toolbox.project)
        # What the code was imported from is looked at as well; whatever else came meanwhile is a change.
        loaded = seen
        if toolbox.files:
            loaded = {**{path: facts for path, facts in self._look(toolbox).items() if path in toolbox.files}, **seen}
        before = loaded
        while not self._stopping.wait(_LOOK_S):
            toolbox = self._toolbox or toolbox
            try:
                now = self._look(toolbox)
                if now != loaded and now == before:
                    loaded = self._reload(toolbox, loaded, now)
                before = now
            except Exception as exc:  # noqa: BLE001 - whatever there is to see, the next edit has to be seen
                _log.error("The project's files can't be looked at: %s", type(exc).__name__)

    def _look(self, toolbox: Toolbox) -> Seen:
        return look(toolbox.project, toolbox.files, everywhere=self._is_kept)

    @property
    def _is_kept(self) -> bool:
        """Whether there is a change that isn't taken."""
        return self._door is not None and self._door.note is not None

    def _reload(self, toolbox: Toolbox, loaded: Seen, now: Seen) -> Seen:
        """Load what there is *now*, and return what was seen of what is loaded, or wasn't loadable.

        If it changed meanwhile, nothing is done and *loaded* is returned.
        """
        # Where it isn't taken, all of the folder is looked at from then on. What that is now has to be known before
        # anybody is told: who mends it at once does so after.
        narrow, wide = (look(toolbox.project, toolbox.files, everywhere=everywhere) for everywhere in (False, True))
        try:
            seen = self._exchange(toolbox, loaded, now)
        except (DbmcpError, ValueError, OSError) as exc:
            self._keep(str(exc))
        except Exception as exc:  # noqa: BLE001 - as above
            if not self._stopping.is_set():
                self._keep(f"{type(exc).__name__} while it was read.")
        else:
            return loaded if seen is None else seen
        return {**{path: facts for path, facts in wide.items() if path not in narrow}, **now}

    def _exchange(self, before: Toolbox, loaded: Seen, now: Seen) -> Seen | None:
        project = self._load().require()
        if problems := list(_problems(before.project, project, changed(loaded, now), self._executor)):
            raise ProjectInvalid(problems)
        toolbox = Toolbox(project, self._executor, self._registry)
        seen = look(project, before.files, everywhere=self._is_kept)
        try:
            _check_code(before, toolbox)
            after = look(project, toolbox.files, everywhere=self._is_kept)
            apart = {*codes(before.project), *codes(project), *before.files, *toolbox.files}
            narrow = look(project, toolbox.files)
            is_still = is_same(now, seen, apart) and is_same(seen, after, apart) and narrow.items() <= after.items()
            if not is_still or not self._is_taken(toolbox):
                toolbox.abandon()
                return None
        except BaseException:
            toolbox.abandon()
            raise
        _log.warning("The project was loaded anew: %d definitions.", len(project.definitions))
        with self._changing:
            if not self._stopping.is_set():
                toolbox.start()
        return narrow

    def _is_taken(self, toolbox: Toolbox) -> bool:
        """Offer *toolbox*, unless the server ends."""
        with self._changing:
            if self._stopping.is_set():
                return False
            self._bring_sources(toolbox.project)
            self._take(toolbox)
            return True

    def _keep(self, why: str) -> None:
        _log.error("%s: %s", _KEPT, why)
        told = f"{_KEPT}: {why}" if self._tells_why else f"{_KEPT}; the server's log says why."
        if self._door is not None:
            self._door.note = told
        self._server.tell("error", told)

    def _bring_sources(self, project: Project) -> None:
        """Open the way to sources that are new. Others stay as they were: calls are under way on them."""
        known = {source.name: source for source in self._executor.sources()}
        for source in project.config.sources:
            if source.name not in known:
                self._executor.add(source)
        gone = [
            source.name
            for source in project.config.sources
            if (old := known.pop(source.name, None)) is not None
            and (old.engine.name, old.settings) != (source.engine.name, source.settings)
        ]
        if gone or known:
            _log.warning("A restart is needed: sources were changed or removed (%s).", ", ".join([*gone, *known]))
        fixed = self._toolbox.project.config if self._toolbox is not None else project.config
        told = [name for name in _FIXED if getattr(fixed, name) != getattr(project.config, name)]
        if told:
            _log.warning("A restart is needed: settings of the project were changed (%s).", ", ".join(told))


def _problems(before: Project, project: Project, paths: set[str], executor: Executor) -> Iterator[Problem]:
    """Yield what is wrong with the definitions that are new or others; those that were wrong before hold nothing up."""
    from dbmcp_core.tools.files.validating import unreadable  # the start doesn't pay for what the first edit needs

    known = {one.subject: one.definition for one in before.definitions}
    for one in project.definitions:
        if known.get(one.subject) == one.definition and str(project.code_path(one)) not in paths:
            continue
        yield from _errors(one, project) or unreadable(one, project, executor)


def _errors(one: Loaded, project: Project) -> list[Problem]:
    from dbmcp_core.tools.files.checks import thorough

    return [problem for problem in thorough(one, project.config) if problem.severity == "error"]


def _tell_of_mistakes(project: Project) -> None:
    """Tell what is wrong with SQL, templates and policies, for whoever starts a project without `validate`."""
    for one in project.definitions:
        try:
            problems = _errors(one, project)
        except Exception as exc:  # noqa: BLE001 - the files are watched, whatever one of them does to a check
            _log.error("%s can't be checked: %s", one.subject, type(exc).__name__)
            continue
        for problem in problems:
            _log.error("%s can't be used: %s", one.subject, problem)


def _check_code(before: Toolbox, toolbox: Toolbox) -> None:
    """Load the Python of *toolbox*.

    Raises:
        ToolFailed: A file can't be loaded that could be, before, or a function doesn't fit its definition any more.
    """
    known = {failure.details.get("file") for failure in before.failures()}
    new = [failure for failure in toolbox.prepare() if failure.details.get("file") not in known]
    if new:
        raise ToolFailed(" ".join(failure.message for failure in new))
    wrong = before.misfits()
    if unfit := [told for subject, told in toolbox.misfits().items() if subject not in wrong]:
        raise ToolFailed(" ".join(unfit))
