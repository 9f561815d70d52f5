"""Tools and resources written in Python: a function of one of the project's files, found, checked and called."""

from __future__ import annotations

import dataclasses
import inspect
import io
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType
from typing import Any

from dbmcp_core.errors import DbmcpError, ToolFailed
from dbmcp_core.running import Running
from dbmcp_core.tools.context import CallContext, entered
from dbmcp_core.tools.model import Resource, Tool
from dbmcp_core.tools.python import background
from dbmcp_core.tools.python.modules import Modules, is_interrupt, told
from dbmcp_core.tools.python.output import aside
from dbmcp_core.tools.user import ANONYMOUS

__all__ = ["Project", "PythonCode", "call", "find_function", "function_problems"]

_log = logging.getLogger("dbmcp")

#: Items that a generator may yield.
_MOST_ITEMS = 200_000

Problems = list[tuple[tuple[str | int, ...], str]]


def find_function(definition: Tool | Resource, module: ModuleType) -> Callable[..., Any]:
    """Return the function of *module* that a definition means.

    A tool's is called as the tool is, with ``_`` for ``-``. A resource's is ``main``, or is called as the file is, or
    is the first public function in it.

    Raises:
        ToolFailed: naming what would have been taken.
    """
    stem = Path(module.__file__ or "").stem
    if isinstance(definition, Tool):
        wanted = [definition.name, definition.name.replace("-", "_")]
    else:
        wanted = ["main", stem, stem.replace("-", "_")]
    for name in wanted:
        if name in vars(module):
            found = vars(module)[name]
            if not callable(found):
                raise ToolFailed(f"{name!r} in {stem}.py is a {type(found).__name__}, not a function.")
            return found  # type: ignore[no-any-return]  # it is callable
    public = [
        function
        for name, function in vars(module).items()
        if inspect.isfunction(function) and function.__module__ == module.__name__ and not name.startswith("_")
    ]
    if public and isinstance(definition, Resource):
        return public[0]
    known = ", ".join(function.__name__ for function in public) or "none"
    raise ToolFailed(f"{stem}.py has no function {wanted[0]!r} (its functions: {known}).")


def function_problems(definition: Tool | Resource, function: Callable[..., Any]) -> Problems:
    """Return what doesn't fit between a definition's parameters and its function's, which get them by name."""
    try:
        given = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # some functions written in C don't tell
        return []
    by_name = {one.name for one in given if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)}
    takes_any = any(one.kind is one.VAR_KEYWORD for one in given)
    name = getattr(function, "__name__", "its function")
    declared = {parameter.name for parameter in definition.parameters}
    problems: Problems = [
        (("parameters", place, "name"), f"the function {name}() takes no {parameter.name!r}")
        for place, parameter in enumerate(definition.parameters)
        if parameter.name not in by_name and not takes_any
    ]
    for one in given:
        if one.default is not one.empty or one.kind in (one.VAR_KEYWORD, one.VAR_POSITIONAL):
            continue
        if one.kind is one.POSITIONAL_ONLY:
            problems.append((("source",), f"the function {name}() takes {one.name!r} by place only, not by name"))
        elif one.name not in declared:
            problems.append((("source",), f"the function {name}() wants {one.name!r}, which is no parameter"))
    return problems


def call(function: Callable[..., Any], arguments: Mapping[str, Any], context: CallContext, modules: Modules) -> Any:
    """Return what *function* returns for *arguments*; ``async def`` ones run on a loop of their own thread.

    Blocks, in a worker thread. What is stopped raises the error of its stop: an async function is cancelled; any other
    runs on by itself until it next uses the database, which raises, while its caller has long been answered
    (``dbmcp_core.aio``).

    Raises:
        ToolFailed: in place of what the function raised; its traceback is in the log.
        DbmcpError: what it let through of dbmcp's own.
    """
    context.running.raise_if_stopped()
    try:
        with entered(context), aside():
            result = function(**arguments)
            if inspect.isawaitable(result):
                result = background.run(_awaited(result), context.running)
            result = _collected(result, context.running)
    except BaseException as exc:
        if is_interrupt(exc):
            raise
        context.running.raise_if_stopped()  # what comes up then is only its echo
        if isinstance(exc, DbmcpError):
            raise
        name = getattr(function, "__name__", "The function")
        raise ToolFailed(
            f"{name}() failed: {told(exc, (*modules.secrets(), *context.private), modules.folders)}"
        ) from None
    context.running.raise_if_stopped()
    return result


async def _awaited(awaitable: Any) -> Any:
    return await awaitable


def _collected(result: Any, running: Running) -> Any:
    """Return what a generator yields as a list, while its call lasts; anything else as it is.

    Raises:
        ToolFailed: It doesn't end.
    """
    if inspect.isasyncgen(result):
        return background.run(_listed(result), running)
    if not isinstance(result, Iterator) or isinstance(result, io.IOBase):
        return result
    found: list[Any] = []
    for item in result:
        running.raise_if_stopped()
        _add(found, item)
    return found


async def _listed(items: AsyncIterator[Any]) -> list[Any]:
    found: list[Any] = []
    async for item in items:
        _add(found, item)
    return found


def _add(found: list[Any], item: Any) -> None:
    found.append(item)
    if len(found) > _MOST_ITEMS:
        raise ToolFailed(f"It yields more than {_MOST_ITEMS:,} items.")


class Project:
    """The Python side of a project: its modules, and what runs before the first call and after the last."""

    def __init__(self, modules: Modules, *, folder: Path | None = None) -> None:
        self.modules = modules
        #: All of its files are loaded at the start, for their hooks.
        self.folder = folder
        self.problems: list[ToolFailed] = []
        self._starting = threading.Lock()
        self._started = False
        self._context: CallContext | None = None

    def load(self, context: CallContext) -> None:
        """Load the folder's modules, unless that was done; what goes wrong is in ``problems`` and in the log."""
        with self._starting:
            self._load(context)

    def _load(self, context: CallContext) -> None:
        if self._context is not None:
            return
        # Not for the first one's caller: neither its rights nor its deadline count here.
        nobody: dict[str, Any] = {"user": ANONYMOUS, "headers": {}, "tell": lambda _kind, _what: None}
        self._context = dataclasses.replace(context, running=Running(), caller="project", **nobody)
        if self.folder is not None and self.folder.is_dir():
            with entered(self._context):
                self.problems += self.modules.load_folder(self.folder)

    def start(self, context: CallContext) -> None:
        """Load the folder's modules, and run what is under ``on_init``, unless that was done.

        What goes wrong is in ``problems`` and in the log; tools of other files work.
        """
        if self._started:
            return
        with self._starting:
            if self._started:
                return
            self._load(context)
            self.modules.keep()
            self._run(self.modules.hooks.init)
            self._started = True

    def stop(self) -> None:
        """Run what is under ``on_shutdown``, if it was started, and forget the modules."""
        with self._starting:
            if self._started and self._context is not None:
                self._context = dataclasses.replace(self._context, running=Running())
                self._run(list(reversed(self.modules.hooks.shutdown)))
            self._started = False
            self.modules.close()

    def _run(self, hooks: list[Callable[[], Any]]) -> None:
        done = 0
        while done < len(hooks):  # one may load a module with more of them
            assert self._context is not None  # noqa: S101 - for the type checker
            hook = hooks[done]
            done += 1
            try:
                call(hook, {}, self._context, self.modules)
            except DbmcpError as exc:
                name = getattr(hook, "__name__", "a hook")
                failure = exc if isinstance(exc, ToolFailed) else ToolFailed(f"{name}() failed: {exc}")
                self.problems.append(failure)
                _log.warning("%s", failure)
        hooks.clear()

    def ready(self, context: CallContext) -> AbstractContextManager[None]:
        """Start, and return the context that a module is to be loaded in: nobody's, too."""
        self.start(context)
        assert self._context is not None  # noqa: S101 - for the type checker
        return entered(self._context)

    def run_hooks(self) -> None:
        """Run what modules that were loaded since have under ``on_init``."""
        if self.modules.hooks.init:
            with self._starting:
                self._run(self.modules.hooks.init)


class PythonCode:
    """The code of one definition.

    Args:
        definition: The tool or resource.
        project: Whose modules it is among.
        file: Its file; left out, the code in the definition itself.
        where: What errors call the definition.
    """

    def __init__(self, definition: Tool | Resource, project: Project, file: Path | None, where: str = "") -> None:
        self.definition = definition
        self.project = project
        self.file = file
        self.where = where or definition.key
        self.missing: object = None
        self._function: Callable[..., Any] | None = None

    def problems(self) -> Problems:
        """Return what can be said without running anything."""
        if self.file is not None and not self.file.is_file():
            return [(("source", "file"), f"there is no file {str(self.definition.source.file)!r}")]
        return []

    def check(self) -> Problems:
        """Load the file, and return what is wrong with it, its function and the function's parameters.

        ``missing`` is a package then that the file imports and that isn't installed, if that is why.
        """
        try:
            return self.problems() or function_problems(self.definition, self.function())
        except ToolFailed as exc:
            self.missing = exc.details.get("missing")
            return [(("source",), str(exc))]

    def function(self) -> Callable[..., Any]:
        """Return the function, of the module loaded now if it hasn't been.

        Raises:
            ToolFailed: It isn't there, or its file can't be loaded.
        """
        if self._function is None:
            modules = self.project.modules
            if self.file is not None:
                module = modules.load(self.file)
            else:
                module = modules.inline(self.definition.source.code or "", self.where)
            self._function = find_function(self.definition, module)
        return self._function

    def call(self, arguments: Mapping[str, Any], context: CallContext) -> Any:
        """Return what the function returns for *arguments*; see ``call``."""
        with self.project.ready(context):
            function = self.function()
        self.project.run_hooks()
        return call(function, arguments, context, self.project.modules)
