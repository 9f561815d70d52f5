"""Which plugins there are: found through entry points, loaded one by name or all, a broken one left out and told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pluggy

from dbmcp_core import hookspecs, policy, secrets, sqlite
from dbmcp_core.database import Engine
from dbmcp_core.errors import PluginError
from dbmcp_core.hookspecs import PROJECT
from dbmcp_core.settings import nearest

if TYPE_CHECKING:
    from importlib_metadata import EntryPoint

__all__ = ["PluginInfo", "Registry"]

#: Where an engine's other names aren't those of its package.
_PLUGINS = {
    **{name: name for name in ("postgres", "mysql", "mssql", "databricks", "mongo", "chroma", "duckdb")},
    "postgresql": "postgres",
    "pg": "postgres",
    "mariadb": "mysql",
    "sqlserver": "mssql",
    "mongodb": "mongo",
    "chromadb": "chroma",
}
#: What the core brings itself, registered like any other plugin.
_BUILT_IN: dict[str, ModuleType] = {"sqlite": sqlite, "policy": policy, "secrets": secrets}


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """One plugin: where it comes from, which engines it gave, and why it isn't there if it isn't."""

    name: str
    distribution: str
    version: str
    engines: tuple[str, ...] = ()
    error: str | None = None


class Registry:
    """The plugins of one program. Makes no difference between what the core brings and what is installed beside it."""

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._plugins: dict[str, PluginInfo] = {}
        self._engines: dict[str, Engine] = {}
        self._owners: dict[str, str] = {}
        self._all_loaded = False
        for name, module in _BUILT_IN.items():
            self.register(module, name, distribution="dbmcp-core")

    @property
    def hook(self) -> Any:
        """The hooks of all plugins loaded so far, to call them."""
        return self._manager.hook

    def register(self, plugin: object, name: str, *, distribution: str = "", version: str = "") -> PluginInfo:
        """Add *plugin*, a module or an object with hook implementations, as *name*.

        Raises:
            PluginError: if one of its hooks doesn't exist, or an engine's name is taken; nothing of it stays.
        """
        if self._manager.has_plugin(name):
            return self._plugins[name]
        distribution = distribution or name
        self._manager.register(plugin, name)
        try:
            self._manager.check_pending()
            engines = self._take_engines(plugin, distribution)
        except PluginError:
            self._manager.unregister(name=name)
            raise
        except Exception as exc:
            self._manager.unregister(name=name)
            raise PluginError(f"Plugin {name!r} of {distribution} can't be used: {exc}") from exc
        info = PluginInfo(name, distribution, version, engines)
        self._plugins[name] = info
        return info

    def _take_engines(self, plugin: object, distribution: str) -> tuple[str, ...]:
        give = getattr(plugin, "dbmcp_engines", None)
        engines = [engine() for engine in give()] if give is not None else []
        names = [(name.lower(), engine) for engine in engines for name in (engine.name, *engine.aliases)]
        for name, engine in names:
            if (owner := self._owners.get(name)) is not None:
                raise PluginError(
                    f"Two plugins give an engine named {name!r}: {owner} and {distribution}.",
                    hint=f"Uninstall one of them; {type(engine).__name__} was not taken.",
                )
        for name, engine in names:
            self._engines[name] = engine
            self._owners[name] = distribution
        return tuple(engine.name for engine in engines)

    def load_all(self) -> list[PluginInfo]:
        """Load every installed plugin and return what became of each; a broken one doesn't disturb the others."""
        if not self._all_loaded:
            self._all_loaded = True
            for point in _entry_points():
                self._load(point)
        return self.plugins()

    def plugins(self) -> list[PluginInfo]:
        """Return the plugins looked at so far, those that failed among them."""
        return list(self._plugins.values())

    def engines(self) -> list[Engine]:
        """Return the engines loaded so far, each once."""
        return list(dict.fromkeys(self._engines.values()))

    def engine(self, name: str) -> Engine:
        """Return the engine called *name*: its name, an alias, or a URL's scheme. Loads no more plugins than it must.

        Raises:
            PluginError: with what to install, or why the plugin that has it can't be loaded.
        """
        wanted = name.lower()
        for points in self._steps(wanted):
            for point in points:
                self._load(point)
            if wanted in self._engines:
                return self._engines[wanted]
        failed = [plugin for plugin in self._plugins.values() if plugin.error and wanted in (plugin.name, "")]
        if failed:
            raise PluginError(f"The plugin for {name!r} can't be loaded. {failed[0].error}")
        known = sorted(engine.name for engine in self.engines())
        close = nearest(wanted, {*known, *_PLUGINS})
        hint = f"Is its plugin installed? 'dbmcp plugins' lists those that are{close if 'did you' in close else ''}."
        if wanted in _PLUGINS:  # of no other: whoever owns that name would be recommended
            hint = f"Try: pip install dbmcp-{_PLUGINS[wanted]}"
        raise PluginError(f"No engine is called {name!r}; there are: {', '.join(known)}.", hint=hint)

    def _steps(self, wanted: str) -> Iterator[list[EntryPoint]]:
        yield []
        if not self._all_loaded:
            points = _entry_points()
            yield [point for point in points if point.name == wanted]
            self._all_loaded = True
            yield points

    def _load(self, point: EntryPoint) -> None:
        if point.name in self._plugins:
            return
        distribution, version = _origin(point)
        try:
            self.register(point.load(), point.name, distribution=distribution, version=version)
        except Exception as exc:  # noqa: BLE001 - whatever a plugin does at import, the other databases stay up
            reason = str(exc) if isinstance(exc, PluginError) else f"{type(exc).__name__}: {exc}"
            self._plugins[point.name] = PluginInfo(point.name, distribution, version, error=reason)


def _entry_points() -> list[EntryPoint]:
    from importlib_metadata import distributions  # 10 ms that `import dbmcp_core` doesn't pay

    # ``entry_points(group=…)`` takes three times as long: it asks each distribution for its name first.
    points = (point for one in distributions() for point in one.entry_points if point.group == PROJECT)
    return sorted(points, key=lambda point: point.name)


def _origin(point: EntryPoint) -> tuple[str, str]:
    """Return the name and the version of what brings *point*. ``dist.name`` would import all of ``email`` for them."""
    text = point.dist.read_text("METADATA") if point.dist else None
    if text is None:
        return "?", ""
    headers = dict(line.partition(": ")[::2] for line in text.partition("\n\n")[0].splitlines())
    return headers.get("Name", "?"), headers.get("Version", "")
