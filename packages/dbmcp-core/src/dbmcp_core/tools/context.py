"""What the code of a running tool may know and do: set by the toolbox for one call, read by ``dbmcp_core.runtime``."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol

from dbmcp_core.running import Running
from dbmcp_core.statement import Params
from dbmcp_core.tools.user import ANONYMOUS, User

__all__ = ["VALIDATING", "CallContext", "Host", "current", "entered", "loading"]


class Host(Protocol):
    """What a project gives to its code, beyond one call."""

    @property
    def site_config(self) -> Mapping[str, Any]:
        """The project's own configuration, as it stands in its file."""
        ...

    @property
    def user_config(self) -> Mapping[str, Any]:
        """The user's configuration, resolved."""
        ...

    def secret(self, name: str) -> Mapping[str, Any] | None:
        """Return the parameters of the secret *name*, if the project may have it."""
        ...

    @property
    def secret_values(self) -> Collection[str]:
        """The texts that must never show, in no error and no log: the values of the project's secrets."""
        ...

    @property
    def plugins(self) -> Mapping[str, Any]:
        """The project's plugins, by name."""
        ...

    def execute(self, context: CallContext, source: str | None, text: str, params: Params) -> list[dict[str, Any]]:
        """Run one statement on a source (the default one for None), on the one road, and return all rows, capped.

        What it does is judged: a read runs as one, a write only where the source allows it.
        """
        ...


@dataclass(frozen=True, slots=True)
class CallContext:
    """One call of a tool, a resource or a prompt, while it runs.

    ``running`` is its deadline and the cord to stop it; ``headers`` are those of its HTTP request, lower case;
    ``tell`` sends a log line or progress to the client: ``tell("info", message)``, ``tell("progress", (done, total,
    message))``, from any thread.
    """

    host: Host
    running: Running
    user: User = ANONYMOUS
    caller: str = "local"
    door: str = "python"
    headers: Mapping[str, str] = field(default_factory=dict)
    tell: Callable[[str, Any], None] = lambda _kind, _what: None
    #: Whether its statements may only read, whatever its source allows.
    only_reads: bool = False
    #: The record of this call, which those of its statements name.
    record: str | None = None
    #: Texts among its arguments that no error, record or log may show.
    private: frozenset[str] = field(default=frozenset(), repr=False)
    #: Whether a module is being loaded: ``dbmcp validate`` loads it too, and must change nothing.
    is_loading: bool = False


#: The door of ``dbmcp validate``, which tells of what fails by itself.
VALIDATING = "validate"

_current: ContextVar[CallContext | None] = ContextVar("dbmcp_call", default=None)


def current() -> CallContext | None:
    """Return the call that this code runs in, if it runs in one."""
    return _current.get()


@contextmanager
def entered(context: CallContext) -> Iterator[None]:
    """Make *context* the current one for the block, on this thread or task."""
    token = _current.set(context)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def loading() -> Iterator[None]:
    """Mark the current call, if there is one, as one that loads a module, for the block."""
    context = current()
    with entered(dataclasses.replace(context, is_loading=True)) if context is not None else nullcontext():
        yield
