"""From the command line to an executor: plugins, configuration, records. And a Ctrl-C that reaches the database."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Protocol, TypeVar

import typer

from dbmcp_core import Config, Executor, JsonLines, Registry, Running, Source, setting
from dbmcp_core.config import load
from dbmcp_core.settings import Options

__all__ = ["DOOR", "AsJson", "ConfigFile", "Sink", "SourceName", "configured", "executor", "interruptible", "opened"]

#: What this door is called in records.
DOOR = "cli"

SourceName = Annotated[str, typer.Argument(metavar="SOURCE", help="A URL, a file's path, or a configured name.")]
ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="The configuration file, in place of ./dbmcp.toml."),
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON, for a program.")]

_log = logging.getLogger("dbmcp")
_T = TypeVar("_T")

#: Seconds between two looks at whether the user pressed Ctrl-C, where waiting isn't interrupted by it …
_LOOK_S = 0.2
#: … and that a statement has to stop after that.
_STOP_S = 5.0


class Sink(Protocol):
    """A plugin that records into a file."""

    path: Path

    def close(self) -> None:
        """Let go of the file."""


class _Records(Options):
    """The ``[records]`` table."""

    file: tuple[str, ...] = setting(
        (), doc="Files that each call is recorded in, as a line of JSON.", aliases=("files",)
    )


def configured(named: Sequence[str] = (), file: Path | None = None, *, warn: bool = True) -> tuple[Registry, Config]:
    """Load every plugin and put the configuration together.

    All of them are loaded: a policy that is installed holds, whichever engine is asked. A broken one is warned of.
    """
    registry = Registry()
    for plugin in registry.load_all():
        if plugin.error and warn:
            _log.warning("Plugin %r of %s is left out: %s", plugin.name, plugin.distribution, plugin.error)
    return registry, load(registry, named=named, file=file, environment=os.environ)


@contextmanager
def executor(
    registry: Registry,
    config: Config,
    sources: Sequence[Source],
    *,
    file: Path | None = None,
    records: Sequence[Path] = (),
    more: Sequence[Sink] = (),
) -> Iterator[Executor]:
    """Give an executor on *sources* for the block, with the sinks of ``[records]``, of *records*, and *more*."""
    folder = (file or Path()).absolute().parent if file else Path.cwd()
    table = _Records.build(config.records, where="[records]")
    paths = dict.fromkeys([*(folder / name for name in table.file), *records])
    sinks: list[Sink] = [*(JsonLines(path) for path in paths), *more]
    for sink in sinks:
        registry.register(sink, f"records to {sink.path}")
    one = Executor(registry, sources)
    try:
        yield one
    finally:
        one.close()
        for sink in sinks:
            sink.close()


@contextmanager
def opened(
    name: str, file: Path | None, *, change: Callable[[Source], Source] = lambda one: one
) -> Iterator[tuple[Executor, Source]]:
    """Give an executor on the one source *name*, *change*d to what the command line says."""
    registry, config = configured([name], file)
    source = change(config.sources[0])
    with executor(registry, config, [source], file=file) as one:
        yield one, source


def interruptible(work: Callable[[], _T], running: Running | None = None) -> _T:
    """Return what *work* does, in a thread, so that Ctrl-C is heard while a driver blocks; it stops *running*."""
    done: Future[_T] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as exc:  # noqa: BLE001 - raised again in the main thread
            done.set_exception(exc)

    threading.Thread(target=run, name="dbmcp-cli", daemon=True).start()
    try:
        while not wait([done], _LOOK_S).done:  # not Thread.join: one that was interrupted takes the thread for ended
            pass
    except KeyboardInterrupt:
        if running is not None:
            running.cancel("Interrupted.")
            wait([done], _STOP_S)
        raise
    return done.result()
