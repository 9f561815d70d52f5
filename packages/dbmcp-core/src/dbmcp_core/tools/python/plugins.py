"""A project's plugins: objects of its own classes, made once when first asked for, whose ``udf`` methods DuckDB has."""

from __future__ import annotations

import inspect
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from dbmcp_core.errors import ToolFailed
from dbmcp_core.runtime import UDF_MARK
from dbmcp_core.tools.python.modules import Modules, told
from dbmcp_core.tools.python.output import aside

__all__ = ["PluginSpec", "Plugins", "marked", "plugin_class"]

_log = logging.getLogger("dbmcp")

#: What a plugin's class is called, unless it is the only one of its module under ``Plugin``.
_CLASS = "MXCPPlugin"


@dataclass(frozen=True, slots=True)
class PluginSpec:
    """One plugin: its name, the module that its class is in, and its configuration, which may hold secrets."""

    name: str
    module: str
    config: Mapping[str, Any] = field(default_factory=dict, repr=False)


def plugin_class(module: ModuleType) -> type:
    """Return the class of a plugin's module.

    Raises:
        ToolFailed: It has none, or several.
    """
    from dbmcp_core.runtime import Plugin

    named = getattr(module, _CLASS, None)
    if isinstance(named, type):
        return named
    found = [
        one
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, Plugin) and one.__module__ == module.__name__
    ]
    if len(found) != 1:
        names = ", ".join(one.__name__ for one in found) or "none"
        raise ToolFailed(f"The module {module.__name__!r} wants one class under Plugin, or a {_CLASS} (has: {names}).")
    return found[0]


def marked(plugin: object) -> list[tuple[str, Callable[..., Any]]]:
    """Return the methods of *plugin* under ``udf``, by name."""
    return [
        (name, getattr(plugin, name))
        for name, function in inspect.getmembers_static(type(plugin))
        if getattr(getattr(function, "__func__", function), UDF_MARK, False)
    ]


class Plugins(Mapping[str, Any]):
    """The plugins by name. One that can't be made says why whenever it is asked for; the others work."""

    def __init__(self, specs: Sequence[PluginSpec], modules: Modules) -> None:
        self._specs = {spec.name: spec for spec in specs}
        self._modules = modules
        self._made: dict[str, Any] = {}
        self._failed: dict[str, ToolFailed] = {}
        self._making = threading.RLock()

    def __getitem__(self, name: str) -> Any:
        spec = self._specs[name]
        with self._making:
            if name in self._failed:
                raise self._failed[name]
            if name not in self._made:
                try:
                    self._made[name] = self._make(spec)
                except ToolFailed as exc:
                    self._failed[name] = exc
                    raise
            return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._specs)

    def __len__(self) -> int:
        return len(self._specs)

    def _make(self, spec: PluginSpec) -> Any:
        kind = plugin_class(self._modules.import_name(spec.module))
        try:
            with aside():
                return kind(dict(spec.config))
        except Exception as exc:  # noqa: BLE001 - whatever it is, it is told as the plugin's
            hidden = {*self._modules.secrets(), *(str(value) for value in spec.config.values() if len(str(value)) > 3)}
            what = told(exc, hidden, self._modules.folders)
            raise ToolFailed(f"The plugin {spec.name!r} can't be made: {what}") from None

    def close(self) -> None:
        """Let every plugin that was made close what it holds."""
        with self._making:
            made, self._made = self._made, {}
        for name, plugin in made.items():
            end = next((getattr(plugin, how) for how in ("on_shutdown", "shutdown") if _has_own(plugin, how)), None)
            if end is None:
                continue
            try:
                with aside():
                    end()
            except Exception as exc:  # noqa: BLE001 - the others are to be closed as well
                _log.warning("The plugin %r can't be closed: %s", name, told(exc, (), self._modules.folders))


def _has_own(plugin: object, method: str) -> bool:
    from dbmcp_core.runtime import Plugin

    found = getattr(type(plugin), method, None)
    return found is not None and found is not getattr(Plugin, method, None)
