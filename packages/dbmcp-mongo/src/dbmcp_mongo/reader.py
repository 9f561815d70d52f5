"""From the text of a query, in any of its forms, to the command that it is. Evaluates nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dbmcp_core.statement import RefusalCode, Statement
from dbmcp_mongo import forms
from dbmcp_mongo.command import Command, Places
from dbmcp_mongo.literals import Literals
from dbmcp_mongo.scanner import ReadError, Scanner
from dbmcp_mongo.shell import read_shell

__all__ = ["ReadError", "read", "read_value"]

#: Characters of a text; documents of MongoDB have up to 16 MiB.
_MOST = 16 * 2**20


def read(statement: Statement) -> Command:
    """Return the command of *statement*.

    Raises:
        ReadError: saying why the text can't be read, where, and what would be clear.
    """
    text = statement.text
    if len(text) > _MOST:
        raise ReadError(f"The text has more than {_MOST // 2**20} MiB")
    scanner = Scanner(text)
    character = scanner.peek()
    if not character:
        raise ReadError("There is no statement", code=RefusalCode.EMPTY)
    if character not in ("{", "["):
        literals = Literals(scanner, statement.params)
        command = read_shell(literals)
        literals.check_all_used()
        return replace(command, places=literals.places)
    return _data(statement)


def _data(statement: Statement) -> Command:
    found, _ = _value(statement, 0, checked=False)
    if not isinstance(found, (dict, list)):
        raise _no_query()
    if not forms.needs_collection(found):
        return _formed(*_value(statement, 0), None)
    collection = _first(statement)
    return _formed(*_value(statement, 1), collection)


def _no_query() -> ReadError:
    return ReadError(
        'This is a value, not a query; write {"collection": "users", "filter": {…}} or db.users.find()', 1, 1
    )


def _formed(found: Any, places: Places, collection: str | None) -> Command:
    try:
        if isinstance(found, list):
            command = forms.read_array(found, str(collection))
        elif isinstance(found, dict):
            command = forms.read_object(found, collection)
        else:  # Extended JSON, such as {"$date": 0}
            raise _no_query()
        return replace(command, places=places)
    except ReadError as exc:
        if exc.line is None:
            exc.line = exc.column = 1
        raise


def _first(statement: Statement) -> str:
    params = statement.params
    if isinstance(params, Mapping) or not params or not isinstance(params[0], str):
        raise ReadError(
            'Which collection? Write {"collection": "users", …}, db.users.find(), or give it as first parameter',
            1,
            1,
            code=RefusalCode.AMBIGUOUS,
        )
    return params[0]


def _value(statement: Statement, skip: int, *, checked: bool = True) -> tuple[Any, Places]:
    scanner = Scanner(statement.text)
    # Unchecked, only the form is looked for: whether the first parameter is a collection isn't known yet.
    literals = Literals(scanner, statement.params, skip=skip, blind=not checked)
    value = literals.value()
    scanner.take(";")
    if scanner.peek():
        scanner.fail("Only one statement is allowed", code=RefusalCode.MULTIPLE)
    if checked:
        literals.check_all_used()
    return value, literals.places


def read_value(text: str) -> Any:
    """Return the one value that *text* spells, in the shell's notation or in Extended JSON."""
    return _value(Statement(text), 0)[0]
