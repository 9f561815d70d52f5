"""Templates on real servers, on the road that every call goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dbmcp_core import connect
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
