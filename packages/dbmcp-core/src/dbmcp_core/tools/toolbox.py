"""The road of a tool's call, whichever door it came through: arguments, policies, code, result, policies, record.

::

    find ─► convert ─► input policies ─► run ─► check ─► output policies ─► record

Its statements take the executor's road, guard and all, like everybody's.
"""

from __future__ import annotations

import contextlib
import dataclasses
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from dbmcp_core.call import Call, Intent
from dbmcp_core.errors import CursorExpired, NotFound, PolicyDenied, ToolFailed
from dbmcp_core.executor import Executor
from dbmcp_core.journal import Entry, recorded
from dbmcp_core.registry import Registry
from dbmcp_core.running import Running
from dbmcp_core.settings import nearest
from dbmcp_core.statement import Result
from dbmcp_core.tools.context import CallContext, entered
from dbmcp_core.tools.endpoint import Endpoint
from dbmcp_core.tools.files.checks import source_of
from dbmcp_core.tools.host import ProjectHost, rows_of
from dbmcp_core.tools.model import Prompt, Resource, Tool
from dbmcp_core.tools.project import Project
from dbmcp_core.tools.sensitive import derived, masked, masked_arguments, private
from dbmcp_core.tools.sql.shape import is_plain
from dbmcp_core.tools.user import ANONYMOUS, User

if TYPE_CHECKING:
    from pathlib import Path

    from dbmcp_core.tools.python.functions import PythonCode

__all__ = ["Answer", "ToolCall", "Toolbox"]

#: Truncated answers whose rest can be read on; the executor parks fewer.
_MOST_PARKED = 1_000
_LESS = "Ask for less at once; whoever runs this server sets 'timeout_s' of the project."


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a tool, a resource or a prompt; ``key`` is its name or, for a resource, its URI as defined.

    With ``checks_result`` off, what it returns isn't held to its type; policies hold all the same.
    ``takes_null`` says whether whoever asks can be told null where an object is declared.
    """

    kind: str
    key: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    user: User = ANONYMOUS
    caller: str = "local"
    door: str = "python"
    headers: Mapping[str, str] = field(default_factory=dict)
    tell: Callable[[str, Any], None] = lambda _kind, _what: None
    checks_result: bool = True
    takes_null: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call returned, ready for JSON.

    ``truncated`` says that a list of rows was longer. ``cursor`` reads on where the rest is parked, by
    ``Toolbox.read_on``: it is good once, for its caller, and what it gives has passed the same policies.
    """

    value: Any
    truncated: bool = False
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class _Parked:
    """The rest of an answer: the executor's cursor, which nobody else gets to know, and whose it is."""

    endpoint: Endpoint
    cursor: str
    user: User
    caller: str
    #: How many rows were told.
    rows: int


class Toolbox:
    """The definitions of a project, ready to be called. Safe from many threads; everything blocks."""

    def __init__(self, project: Project, executor: Executor, registry: Registry) -> None:
        self.project = project
        self.executor = executor
        self._registry = registry
        self._endpoints: dict[tuple[str, str], Endpoint] = {
            (one.definition.kind, one.definition.key): Endpoint(one, project) for one in project.definitions
        }
        self.host = ProjectHost(project, executor)
        self._parked: OrderedDict[str, _Parked] = OrderedDict()
        #: The files that its code was imported from, once that was prepared.
        self.files: frozenset[str] = frozenset()

    def endpoints(self, kind: str) -> list[Endpoint]:
        """Return the endpoints of one *kind*, by name."""
        return [one for (which, _), one in self._endpoints.items() if which == kind]

    def endpoint(self, kind: str, key: str) -> Endpoint:
        """Return one endpoint.

        Raises:
            NotFound: naming the nearest one.
        """
        found = self._endpoints.get((kind, key))
        if found is None:
            known = [name for which, name in self._endpoints if which == kind]
            raise NotFound(f"There is no {kind} {key!r}{nearest(key, known)}.")
        return found

    def call(self, call: ToolCall, running: Running | None = None) -> Answer:
        """Run one call, whoever asks.

        Raises:
            NotFound: There is no such definition.
            ArgumentsInvalid: The arguments are wrong; nothing was run.
            PolicyDenied: A policy refused, before anything was run or on the way out.
            ToolFailed: Its code failed, or returned something else than it promises.
            DbmcpError: What its statements raise.
        """
        running = running or Running()
        entry = Entry("call", call.caller, call.door, tool=f"{call.kind}:{call.key}", user=_who(call.user))
        with recorded(self._registry, entry):
            endpoint = self.endpoint(call.kind, call.key)
            source = source_of(endpoint.loaded, self.project.config)
            if source is not None:
                entry.name, entry.source = source.name, source
            entry.arguments = masked_arguments(call.arguments, endpoint.parameters)
            entry.private = private(call.arguments, endpoint.parameters)
            arguments = endpoint.checker.convert(call.arguments)
            entry.private |= private(arguments, endpoint.parameters)  # what a JSON text held, and defaults
            with _deciding(entry):
                entry.decisions = _told(endpoint.policies.check_input(arguments, call.user))
                with self.host.call(running):
                    value, page = self._run(endpoint, arguments, call, running, entry)
                value = self._checked(endpoint, value, call, page)
                answer = self._answer(endpoint, value, page, call.user, call.caller, entry)
                if answer.value is None and not call.takes_null:
                    endpoint.refuse_null()
                return answer

    def read_on(
        self, cursor: str, *, user: User = ANONYMOUS, caller: str = "local", door: str = "python", running: Running
    ) -> Answer:
        """Return the next rows of an answer that was truncated.

        Raises:
            CursorExpired: if the cursor was used, is too old or is another caller's.
        """
        entry = Entry("read_on", caller, door, user=_who(user))
        with recorded(self._registry, entry):
            parked = self._parked.get(cursor)
            if parked is None or (parked.user, parked.caller) != (user, caller):
                raise CursorExpired("Nothing is parked under that cursor.", hint="Call the tool again.")
            del self._parked[cursor]
            entry.tool = parked.endpoint.loaded.subject
            with _deciding(entry):
                page = self.executor.read_on(parked.cursor, caller=caller, door=door, running=running)
                value = parked.endpoint.checked(self._shaped(parked.endpoint, page), page, parked.rows)
                return self._answer(parked.endpoint, value, page, user, caller, entry, parked.rows)

    def _answer(
        self,
        endpoint: Endpoint,
        value: Any,
        page: Result | None,
        user: User,
        caller: str,
        entry: Entry,
        before: int = 0,
    ) -> Answer:
        """Hold what was returned, which is of its type, to the policies; *before* it came so many rows."""
        column = _column(page) if is_plain(endpoint.definition.returns) else None
        value, decisions = endpoint.policies.apply_output(value, user, column=column)
        entry.decisions += _told(decisions)
        entry.result = masked(value, endpoint.definition.returns)
        if page is None:
            return Answer(value)
        entry.rows, entry.truncated = len(page), page.truncated
        if page.cursor is None:
            return Answer(value, page.truncated)
        return Answer(
            value, page.truncated, self._park(_Parked(endpoint, page.cursor, user, caller, before + len(page)))
        )

    def _park(self, rest: _Parked) -> str:
        token = secrets.token_urlsafe(16)
        self._parked[token] = rest
        while len(self._parked) > _MOST_PARKED:
            self._parked.popitem(last=False)
        return token

    def _checked(self, endpoint: Endpoint, value: Any, call: ToolCall, page: Result | None) -> Any:
        """Hold what was returned to its type."""
        if call.checks_result or endpoint.language == "prompt":
            return endpoint.checked(value, page)
        from dbmcp_core.tools.types.outbound import to_json_ready

        return to_json_ready(value, self.project.config.decimals)

    def _run(
        self, endpoint: Endpoint, arguments: Mapping[str, Any], call: ToolCall, running: Running, entry: Entry
    ) -> tuple[Any, Result | None]:
        """Return what the code gives, and the page of rows that it comes from, if it does."""
        if endpoint.language == "prompt":
            from dbmcp_core.tools.sql.prompts import prompt_messages

            return prompt_messages(cast("Prompt", endpoint.definition), arguments), None
        context = CallContext(
            self.host,
            running,
            call.user,
            call.caller,
            call.door,
            call.headers,
            call.tell,
            only_reads=endpoint.definition.only_reads,
            record=entry.id,
            private=entry.private,
        )
        with entered(context):
            if endpoint.language == "python":
                with running.within(self.project.config.timeout_s, what="The tool's code", hint=_LESS):
                    value = self._python(endpoint).call(arguments, context)
                return self._unwrapped(endpoint, value), None
            page = self._sql(endpoint, arguments, context, entry)
            return self._shaped(endpoint, page), page

    def _python(self, endpoint: Endpoint) -> PythonCode:
        """Return the function of a definition, looked up once."""
        if endpoint.python is None:
            from dbmcp_core.tools.python.functions import PythonCode

            definition = cast("Tool | Resource", endpoint.definition)
            path = self.project.code_path(endpoint.loaded)
            endpoint.python = PythonCode(definition, self.host.python, path, endpoint.loaded.subject)
        return endpoint.python

    def _sql(self, endpoint: Endpoint, arguments: Mapping[str, Any], context: CallContext, entry: Entry) -> Result:
        statement = dataclasses.replace(endpoint.code.statement(arguments), trusted=True)
        entry.private |= derived(statement.params, arguments, entry.private)
        intent = Intent.READ if context.only_reads else Intent.EITHER
        call = Call(entry.name, statement, intent, context.caller, context.door, parent=entry.id, private=entry.private)
        return rows_of(self.executor.run(call, context.running))

    def _shaped(self, endpoint: Endpoint, page: Result) -> Any:
        from dbmcp_core.tools.sql.shape import shaped, with_durations

        as_mxcp, returns = self.project.config.uses_mxcp, endpoint.definition.returns
        rows = with_durations(page.columns, page.rows) if as_mxcp else page.rows
        return shaped(page.columns, rows, returns, truncated=page.truncated, numbers_twins=as_mxcp)

    def _unwrapped(self, endpoint: Endpoint, value: Any) -> Any:
        if not self.project.config.uses_mxcp:
            return value
        from dbmcp_core.tools.sql.shape import unwrapped

        return unwrapped(value, endpoint.definition.returns)

    def misfits(self) -> dict[str, str]:
        """Return what doesn't fit between definitions and their functions in Python, which have been read."""
        found: dict[str, str] = {}
        for endpoint in self._endpoints.values():
            if endpoint.language == "python" and (problems := self._python(endpoint).check()):
                told = "; ".join(message.rstrip(".") for _, message in problems)
                found[endpoint.loaded.subject] = f"{endpoint.loaded.subject}: {told}."
        return found

    def prepare(self) -> list[ToolFailed]:
        """Read the code of every definition, which would else be read when it is first called; return ``failures``.

        Until ``start``, nothing of it has run that is under ``on_init``.
        """
        for endpoint in self._endpoints.values():
            if endpoint.language in ("sql", "jinja"):
                with contextlib.suppress(ToolFailed):  # its call will say so
                    _ = endpoint.text
        if self._has_python():
            self.host.python.load(self._starting())
            for endpoint in self._endpoints.values():
                if endpoint.language == "python":
                    with contextlib.suppress(ToolFailed):
                        self.host.python.modules.load(cast("Path", self.project.code_path(endpoint.loaded)))
            self.files = self.host.python.modules.files()
        return self.failures()

    def failures(self) -> list[ToolFailed]:
        """Return what of the Python files couldn't be loaded."""
        return self.host.python.modules.failures() if self._has_python() else []

    def start(self) -> None:
        """Run what the project's code wants to have run before its first call, if it has any code."""
        if self._has_python():
            with self.host.call(Running()):
                self.host.python.start(self._starting())

    def abandon(self) -> None:
        """Forget the code that ``prepare`` has loaded, for what it was to replace."""
        if "python" in vars(self.host):
            self.host.python.modules.abandon()

    def _has_python(self) -> bool:
        folder = self.project.config.python
        return (folder is not None and next(folder.rglob("*.py"), None) is not None) or any(
            endpoint.language == "python" for endpoint in self._endpoints.values()
        )

    def _starting(self) -> CallContext:
        return CallContext(self.host, Running(), door="start")

    def close(self) -> None:
        """Run what the project's code wants to have run at the end."""
        self.host.close()


@contextmanager
def _deciding(entry: Entry) -> Iterator[None]:
    """Keep what the policies decided when one of them denies; a client is not told of the others."""
    try:
        yield
    except PolicyDenied as exc:
        entry.decisions += _told(exc.details.pop("decisions", ()))  # type: ignore[arg-type]
        raise


def _who(user: User) -> dict[str, Any]:
    return {key: value for key, value in user.as_condition().items() if value not in (None, [])}


def _told(decisions: Sequence[Any]) -> tuple[Mapping[str, Any], ...]:
    return tuple(dataclasses.asdict(decision) for decision in decisions)


def _column(page: Result | None) -> str | None:
    """Return the name of a result's only column, which is not to be seen in the values alone."""
    return page.columns[0].name if page is not None and len(page.columns) == 1 else None
