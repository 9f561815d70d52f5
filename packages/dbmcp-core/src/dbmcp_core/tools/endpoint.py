"""One definition, and what was made of it: what it takes, what it runs, and what its results are held to."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dbmcp_core.errors import ResourceExhausted, ResultInvalid, ToolFailed
from dbmcp_core.statement import Result
from dbmcp_core.tools.files.checks import code_of, refused, source_of
from dbmcp_core.tools.files.definitions import Loaded
from dbmcp_core.tools.model import Parameter, Prompt
from dbmcp_core.tools.project import Project
from dbmcp_core.values import size

if TYPE_CHECKING:
    from dbmcp_core.tools.policies.rules import PolicySet
    from dbmcp_core.tools.python.functions import PythonCode
    from dbmcp_core.tools.sql.code import Code
    from dbmcp_core.tools.types.checker import Checker

__all__ = ["Endpoint"]

_WRONG = "The result isn't what is declared:"


class Endpoint:
    """One definition; each part is made when it is first needed."""

    def __init__(self, loaded: Loaded, project: Project) -> None:
        self.loaded = loaded
        self.definition = loaded.definition
        self._project = project
        #: Its function, once it was looked up.
        self.python: PythonCode | None = None

    @functools.cached_property
    def checker(self) -> Checker:
        """What its arguments and its result are held to."""
        from dbmcp_core.tools.types.checker import Checker

        definition = self.definition
        return Checker(definition.parameters, definition.returns, keeps_null=self._project.config.uses_mxcp)

    @functools.cached_property
    def _page_checker(self) -> Checker:
        """What one page of a result is held to: how many items there are is asked of all pages together."""
        from dbmcp_core.tools.types.checker import Checker

        returns = self.definition.returns
        free = returns.model_copy(update={"min_items": None, "max_items": None}) if returns is not None else None
        return Checker((), free)

    @functools.cached_property
    def policies(self) -> PolicySet:
        """The project's rules for it, and its own."""
        from dbmcp_core.tools.policies.rules import policies_for

        return policies_for(self.definition, self._project.policies)

    @functools.cached_property
    def text(self) -> str:
        """The text of its SQL, as it was when it was first asked for."""
        try:
            return self._project.code(self.loaded)[0]
        except ValueError as exc:
            raise ToolFailed(f"{self.loaded.subject} has no code: {exc}.") from exc

    @functools.cached_property
    def code(self) -> Code:
        """Its SQL; of a template, all branches are looked at before the first of them runs."""
        source = source_of(self.loaded, self._project.config)
        if source is None:
            raise ToolFailed(f"{self.loaded.subject} has no source to run on.", hint="Name one by 'connection'.")
        code = code_of(self.definition, self.text, source)
        if self.language == "jinja" and (wrong := refused(self.definition, code, source)):
            raise ToolFailed(f"The template can't be used: {wrong[0][1]}.", hint="'dbmcp validate' tells where.")
        return code

    @property
    def language(self) -> str:
        """``sql``, ``jinja``, ``python``, or ``prompt``."""
        return "prompt" if isinstance(self.definition, Prompt) else self.definition.code_language

    @functools.cached_property
    def parameters(self) -> Mapping[str, Parameter]:
        """Its parameters, by name."""
        return {parameter.name: parameter for parameter in self.definition.parameters}

    def checked(self, value: Any, page: Result | None = None, before: int = 0) -> Any:
        """Return *value*, which the code gave, as it is declared; of a list in *page*s *before* came so many rows.

        Raises:
            ResultInvalid: It is something else.
            ResourceExhausted: It is of code in Python, and too large.
        """
        config = self._project.config
        if self.language == "prompt":  # messages; what 'return' says is about what a model makes of them
            return value
        if page is not None and (page.truncated or before):
            self._check_length(before + len(page), is_whole=not page.truncated)
            return self._page_checker.check(value, decimals=config.decimals)
        found = self.checker.check(value, decimals=config.decimals)
        if self.language == "python" and (bytes_ := size(found)) > config.max_bytes:
            raise ResourceExhausted(
                f"The tool's code returned {bytes_:,} bytes, and {config.max_bytes:,} are the most (max_bytes).",
                hint="Ask for less at once; whoever wrote it can give it a limit and an offset.",
            )
        return found

    def _check_length(self, rows: int, *, is_whole: bool) -> None:
        """Hold the pages of a list, *rows* in all so far, to how many items it may have."""
        returns = self.definition.returns
        most, least = (returns.max_items, returns.min_items) if returns is not None else (None, None)
        if most is not None and (rows > most or (rows == most and not is_whole)):
            raise ResultInvalid(
                f"{_WRONG} result wants at most {most} items, and has more.", hint="LIMIT it, or raise 'maxItems'."
            )
        if least is not None and is_whole and rows < least:
            raise ResultInvalid(f"{_WRONG} result wants at least {least} items, and has {rows}.")

    def refuse_null(self) -> None:
        """Raise ResultInvalid if an object is declared: whoever asks can't be told that there is none."""
        returns = self.definition.returns
        if returns is not None and returns.type == "object":
            raise ResultInvalid(
                f"{_WRONG} there is none (null), and here an object has to be one.",
                hint="If nothing was found, the tool can say so in the object.",
            )
