"""Templates on real servers, on the road that every call goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dbmcp_core import connect
from dbmcp_core.errors import DbmcpError
from dbmcp_core.tools.model import Parameter
from dbmcp_core.tools.sql.template import jinja_code

TEXT = """SELECT CAST($a AS CHAR(9)) AS a, CAST({{ a ~ '!' }} AS CHAR(9)) AS b,
1 IN {{ ids | inlist }} AS c, 3 NOT IN ({{ ids | inlist }}) AS d, 1 IN {{ empty | inlist }} AS e,
1 NOT IN {{ empty | inlist }} AS f, NULL NOT IN ({{ empty | inlist }}) AS g, 'q' IN ({{ empty | inlist }}) AS h"""
PARAMETERS = [Parameter(name="a", type="string"), *(Parameter(name=name, type="array") for name in ("ids", "empty"))]
VALUES = {"a": "O'x", "ids": [1, 2], "empty": []}


@pytest.mark.parametrize("engine", ["postgres", "mysql", "duckdb", "sqlite"])
def test_values_and_lists(request: pytest.FixtureRequest, tmp_path: Path, engine: str) -> None:
    if engine in ("postgres", "mysql"):
        settings: dict[str, Any] = request.getfixturevalue(f"{engine}_settings")
        database = connect(f"{engine}://", **settings)
    else:
        (tmp_path / "empty.db").touch()
        database = connect(f"sqlite:///{tmp_path / 'empty.db'}" if engine == "sqlite" else "duckdb://")
    with database:
        code = jinja_code(TEXT, PARAMETERS, engine)
        assert code.problems() == []
        assert code.check(engine, read_only=True) == []
        statement = code.statement(VALUES)
        [row] = database.query(statement.text, statement.params).rows
    assert [row[0].rstrip(), row[1].rstrip()] == ["O'x", "O'x!"]
    assert [bool(value) for value in row[2:]] == [True, True, False, True, True, False]


HOSTILE = (
    "'; DROP TABLE t; --", "\\' OR 1=1 --", "\\", "'", "''", '"', "`", "$$", "$1", "?", ":a", "%s", "%(a)s", "{{ a }}",
    "*/ x /*", "-- x", "\u02bc OR 1=1", "\u202e'", "a\nb", "\x1a", "\r\n", "é\U0001f600", "x" * 400, "\0", "\ud800",
)  # fmt: skip
ECHO = """SELECT {{ a }} AS a, {{ a ~ '' }} AS b, CASE WHEN {{ a }} IN {{ l | inlist }} THEN 1 ELSE 0 END AS c,
CASE WHEN {{ a }} LIKE {{ p }} ESCAPE '!' THEN 1 ELSE 0 END AS d"""


@pytest.mark.parametrize("engine", ["postgres", "mysql", "duckdb", "sqlite"])
def test_hostile_values_come_back_or_are_refused(request: pytest.FixtureRequest, tmp_path: Path, engine: str) -> None:
    cast = {"postgres": "{{ a }}::text", "duckdb": "{{ a }}::VARCHAR"}.get(engine, "{{ a }}")
    code = jinja_code(ECHO.replace("{{ a }}", cast), [Parameter(name=one, type="string") for one in "alp"], engine)
    with _database(request, tmp_path, engine) as database:
        for value in HOSTILE:
            pattern = "".join(f"!{char}" if char in "!%_" else char for char in value)
            statement = code.statement({"a": value, "l": ["x", value, "y"], "p": pattern})
            try:
                [row] = database.query(statement.text, statement.params).rows
            except DbmcpError:
                assert value in ("\0", "\ud800")  # which not every server has
                continue
            assert row == (value, value, 1, 1)


def _database(request: pytest.FixtureRequest, tmp_path: Path, engine: str) -> Any:
    if engine in ("postgres", "mysql"):
        return connect(f"{engine}://", **request.getfixturevalue(f"{engine}_settings"))
    (tmp_path / "empty.db").touch()
    return connect(f"sqlite:///{tmp_path / 'empty.db'}" if engine == "sqlite" else "duckdb://")
