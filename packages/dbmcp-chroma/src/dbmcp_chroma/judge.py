"""What a statement does, from what it is; nothing is asked of Chroma for it."""

from __future__ import annotations

from dbmcp_chroma.request import Request, read
from dbmcp_chroma.text import ReadError
from dbmcp_core.schema import TableName
from dbmcp_core.statement import Kind, RefusalCode, Statement, Verdict

__all__ = ["judge"]


def judge(statement: Statement) -> tuple[Verdict, Request | None]:
    """Return the verdict on *statement*, and its request where it has one that may run."""
    try:
        request = read(statement)
    except ReadError as exc:
        is_admin = exc.code is RefusalCode.ADMIN
        code = RefusalCode.NOT_A_READ if is_admin else exc.code
        kind = Kind.ADMIN if is_admin else Kind.UNKNOWN
        return Verdict(kind, code=code, reason=exc.message, line=exc.line, column=exc.column), None
    tables = frozenset({TableName(request.collection)} if request.collection is not None else ())
    if request.kind is Kind.READ:
        return Verdict(Kind.READ, tables, request.operators), request
    reason = f"The operation {request.operation!r} changes the database"
    return Verdict(request.kind, tables, request.operators, RefusalCode.NOT_A_READ, reason), request
