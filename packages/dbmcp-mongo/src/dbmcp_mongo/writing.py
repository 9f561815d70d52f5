"""Writes: each in a transaction where the server has them, and what they did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bson import ObjectId
from pymongo.client_session import ClientSession
from pymongo.database import Database as MongoDB

from dbmcp_core.errors import QueryFailed
from dbmcp_core.statement import Outcome, Result, Statement
from dbmcp_mongo.command import Command, Document
from dbmcp_mongo.table import Table

__all__ = ["WRITES", "outcome", "send"]

WRITES = frozenset({"insert", "update", "delete", "findAndModify"})


def send(
    database: MongoDB[Document], command: Command, session: ClientSession, *, transactions: bool
) -> list[Document]:
    """Send all documents of *command* and return the replies; nothing stays of them on an error, in a transaction."""
    documents, options = (command.document, *command.more), database.codec_options
    if command.name not in WRITES or not transactions:
        return [_checked(database.command(one, session=session, codec_options=options)) for one in documents]
    with session.start_transaction():
        return [_checked(database.command(one, session=session, codec_options=options)) for one in documents]


def _checked(reply: Document) -> Document:
    errors = reply.get("writeErrors") or ([reply["writeConcernError"]] if "writeConcernError" in reply else [])
    if errors:
        raise QueryFailed(f"MongoDB: {errors[0].get('errmsg')}.", details={"code": errors[0].get("code")})
    return reply


def outcome(statement: Statement, command: Command, replies: Sequence[Document]) -> Outcome:
    """Return what a write did."""
    if command.name not in WRITES:
        return Outcome()
    affected, keys = 0, []
    for document, reply in zip((command.document, *command.more), replies, strict=True):
        affected += _affected(document, reply)
        keys += _keys(statement, document, reply)
    if command.name != "findAndModify":
        return Outcome(affected, tuple(keys))
    found = replies[0].get("value")
    table = Table([found] if found else [], None)
    return Outcome(affected, tuple(keys), Result(tuple(table.columns), tuple(table.rows())))


def _affected(document: Document, reply: Document) -> int:
    if "update" in document and "updates" in document:
        return int(reply.get("nModified", 0)) + len(reply.get("upserted", ()))
    if "findAndModify" in document:
        return int(reply.get("lastErrorObject", {}).get("n", 0))
    return int(reply.get("n", 0))


def _keys(statement: Statement, document: Document, reply: Document) -> list[Any]:
    if "insert" in document:
        given = f"{statement.text} {statement.params!r}".lower()
        ids = [one["_id"] for one in document["documents"]]
        return [one for one in ids if isinstance(one, ObjectId) and str(one) not in given]
    if "findAndModify" in document:
        upserted = reply.get("lastErrorObject", {}).get("upserted")
        return [] if upserted is None else [upserted]
    return [one["_id"] for one in reply.get("upserted", ())]
