"""Settings that are more than a text: DuckDB's secrets, and the plugins that give it functions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

__all__ = ["DuckDBPlugins", "DuckDBSecrets"]

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: Parameters of secrets that are none themselves: masked, they would only spoil what an error says.
_OPEN = frozenset(
    {"provider", "region", "scope", "url_style", "use_ssl", "verify_ssl", "chain", "port", "host", "endpoint", "type"}
)
#: Shorter texts tell nothing, and stand in too many others.
_SHORTEST = 4


@dataclass(frozen=True, repr=False)
class DuckDBSecrets:
    """Secrets to make when the database is opened: name, type and parameters of each."""

    entries: tuple[tuple[str, str, Mapping[str, Any]], ...]

    @classmethod
    def from_setting(cls, value: object) -> Self:
        """Take a list of tables with ``name``, ``type`` and ``parameters``, or such a list as JSON."""
        return cls(tuple(map(cls._entry, _list(value, "name, type and parameters"))))

    @staticmethod
    def _entry(one: object) -> tuple[str, str, Mapping[str, Any]]:
        if not isinstance(one, Mapping) or not set(one) <= {"name", "type", "parameters"}:
            raise ValueError("wants tables with name, type and parameters")
        name, kind, parameters = one.get("name"), one.get("type"), one.get("parameters") or {}
        if not isinstance(name, str) or not name or not isinstance(kind, str) or not _WORD.fullmatch(kind):
            raise ValueError("wants a name and a type for each secret")
        if not isinstance(parameters, Mapping) or not all(_WORD.fullmatch(str(key)) for key in parameters):
            raise ValueError(f"wants a table of parameters for the secret {name!r}")
        return name, kind, dict(parameters)

    def secrets(self) -> Iterator[str]:
        """Yield the texts that must never show."""
        for _, _, parameters in self.entries:
            for key, value in parameters.items():
                if key.lower() not in _OPEN:
                    yield from _texts(value)

    def __repr__(self) -> str:
        return f"DuckDBSecrets({', '.join(name for name, _, _ in self.entries)})"

    def __hash__(self) -> int:
        return hash(tuple((name, kind) for name, kind, _ in self.entries))


@dataclass(frozen=True, repr=False)
class DuckDBPlugins:
    """Plugins whose functions DuckDB gets: name, module and configuration of each."""

    entries: tuple[tuple[str, str, Mapping[str, Any]], ...]

    @classmethod
    def from_setting(cls, value: object) -> Self:
        """Take a list of tables with ``name``, ``module`` and ``config``, or such a list as JSON."""
        return cls(tuple(map(cls._entry, _list(value, "name, module and config"))))

    @staticmethod
    def _entry(one: object) -> tuple[str, str, Mapping[str, Any]]:
        if not isinstance(one, Mapping) or not set(one) <= {"name", "module", "config"}:
            raise ValueError("wants tables with name, module and config")
        name, module, config = one.get("name"), one.get("module"), one.get("config") or {}
        if not isinstance(name, str) or not _WORD.fullmatch(name) or not isinstance(module, str) or not module:
            raise ValueError("wants a name (letters, digits, '_') and a module for each plugin")
        if not isinstance(config, Mapping):
            raise ValueError(f"wants a table as the config of the plugin {name!r}")  # noqa: TRY004 - see SettingValue
        return name, module, dict(config)

    def secrets(self) -> Iterator[str]:
        """Yield the texts that must never show: any part of a configuration may be one."""
        for _, _, config in self.entries:
            yield from _texts(config)

    def __repr__(self) -> str:
        return f"DuckDBPlugins({', '.join(name for name, _, _ in self.entries)})"

    def __hash__(self) -> int:
        return hash(tuple((name, module) for name, module, _ in self.entries))


def _list(value: object, of: str) -> Iterable[object]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise ValueError(f"wants a list of tables with {of}, or one as JSON") from None
    if not isinstance(value, (list, tuple)):
        raise ValueError(f"wants a list of tables with {of}")  # noqa: TRY004 - see SettingValue
    return value


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str) and len(value) >= _SHORTEST:
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _texts(part)
