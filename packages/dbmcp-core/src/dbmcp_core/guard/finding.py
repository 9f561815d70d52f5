"""What the parts of the guard hand to each other."""

from __future__ import annotations

from dataclasses import dataclass, field

from dbmcp_core.schema import TableName
from dbmcp_core.statement import Kind, RefusalCode, Verdict

__all__ = ["Finding", "Look", "position"]

#: From harmless to worst: a statement is what the worst of its parts is.
_RANK = {Kind.READ: 0, Kind.WRITE: 1, Kind.DEFINE: 2, Kind.ADMIN: 3, Kind.UNKNOWN: 4}


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason why a statement is no read. ``offset`` is where it stands in the text, ``None`` if unknown."""

    kind: Kind
    reason: str
    offset: int | None = None
    code: RefusalCode = RefusalCode.NOT_A_READ


@dataclass(slots=True)
class Look:
    """All that was found in one statement. Nothing found means that it reads."""

    findings: list[Finding] = field(default_factory=list)
    tables: set[TableName] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)

    def add(self, finding: Finding | None) -> None:
        """Take one more finding, if there is one."""
        if finding is not None:
            self.findings.append(finding)

    def verdict(self, text: str) -> Verdict:
        """Return the verdict: the worst finding speaks for the statement."""
        tables, functions = frozenset(self.tables), frozenset(self.functions)
        if not self.findings:
            return Verdict(Kind.READ, tables, functions)
        worst = max(self.findings, key=lambda finding: _RANK[finding.kind])
        line, column = position(text, worst.offset)
        return Verdict(worst.kind, tables, functions, worst.code, worst.reason, line, column)


def position(text: str, offset: int | None) -> tuple[int | None, int | None]:
    """Return line and column, both from 1, of an offset in *text*."""
    if offset is None:
        return None, None
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)
