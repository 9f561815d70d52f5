"""``${NAME}`` and ``${scheme:reference}`` in a configuration: from the environment, a file, or whoever knows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from dbmcp_core.errors import ConfigError
from dbmcp_core.hookspecs import hookimpl

__all__ = ["dbmcp_secrets", "expand"]

_REFERENCE = re.compile(r"\$\$|\$\{(?:(?P<scheme>[a-z][a-z0-9_-]*):)?(?P<name>[^{}]+)\}")


def expand(
    value: object, environment: Mapping[str, str], resolve: Callable[[str, str], str | None], *, where: str
) -> object:
    """Return *value* with every ``${NAME}`` and ``${scheme:reference}`` replaced, in lists and tables too.

    ``$$`` is a dollar sign. *resolve* is the ``dbmcp_secrets`` hook: scheme and reference to the secret or None.

    Raises:
        ConfigError: naming the reference that leads nowhere.
    """

    def replace(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        scheme, name = match["scheme"], match["name"]
        found = environment.get(name) if scheme is None else resolve(scheme, name)
        if found is None:
            missing = (
                f"the environment has no {name}" if scheme is None else f"nothing gives a {scheme!r} secret for it"
            )
            raise ConfigError(f"{where}: {match[0]} leads nowhere: {missing}.")
        return found

    if isinstance(value, str):
        return _REFERENCE.sub(replace, value)
    if isinstance(value, Mapping):
        return {key: expand(part, environment, resolve, where=where) for key, part in value.items()}
    if isinstance(value, list):
        return [expand(part, environment, resolve, where=where) for part in value]
    return value


@hookimpl
def dbmcp_secrets(scheme: str, reference: str) -> str | None:
    """Read ``${file:PATH}``, the way containers mount secrets; one line end at its end is not part of it."""
    if scheme != "file":
        return None
    try:
        return Path(reference).read_text(encoding="utf-8").removesuffix("\n")
    except OSError as exc:
        raise ConfigError(f"The secret file {reference!r} can't be read: {exc.strerror}.") from exc
