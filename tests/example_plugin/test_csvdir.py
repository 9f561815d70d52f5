"""An engine of somebody else's keeps the contract of every engine. It speaks no SQL, and judges its language alone."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from dbmcp_core import Engine, Registry, Statement, connect
from dbmcp_core.testing import AUTHOR, BOOK, Caller, EngineContract, Table

sys.path.insert(0, str(Path(__file__).parent / "src"))  # as if it were installed
import dbmcp_csvdir


class TestCsvDir(EngineContract):
    rejected: ClassVar[str | None] = "reed book"
    hostile: ClassVar[tuple[str, ...]] = (
        "",
        "add author",
        "add author where id",
        "read ../secret",
        "read book; add author",
        "read book\x00",
        "remove book",
        "SELECT 1",
    )

    @pytest.fixture
    def engine(self) -> Engine:
        return dbmcp_csvdir.CsvDir()

    @pytest.fixture
    def settings(self, tmp_path: Path) -> dict[str, object]:
        (tmp_path / "data").mkdir()
        (tmp_path / "secret.csv").write_text("password:text\nhunter2\n")
        return {"folder": str(tmp_path / "data")}

    def fill(self, main: Caller) -> None:
        for table in (AUTHOR, BOOK):
            self.make(main, table.name, ",".join(f"{name}:{kind}" for name, kind in table.columns) + "\n")
            for row in table.rows:
                main.execute(self.adding(table, row))

    def make(self, main: Caller, name: str, text: str) -> None:
        settings = main.executor.sources()[0].settings
        assert isinstance(settings, dbmcp_csvdir.CsvSettings)
        Path(settings.folder, f"{name}.csv").write_text(text, encoding="utf-8")

    def reading(self, table: Table) -> Statement:
        return Statement(f"read {table.name}")

    def finding(self, title: str) -> Statement:
        return Statement("read book where title", [title])

    def counting(self, main: Caller, count: int) -> Statement:
        self.make(main, "number", "n:integer\n" + "".join(f"{number}\n" for number in range(1, count + 1)))
        return Statement("read number")

    def adding(self, table: Table, row: Sequence[Any]) -> Statement:
        return Statement(f"add {table.name}", tuple(row))

    def unreachable(self, settings: dict[str, object]) -> dict[str, object] | None:
        return {"folder": f"{settings['folder']}{os.sep}nowhere"}


def test_it_is_reached_by_its_scheme(tmp_path: Path) -> None:
    (tmp_path / "price.csv").write_text("name:text,price:float\npen,1.5\nink,\n")
    registry = Registry()
    registry.register(dbmcp_csvdir, "csvdir", distribution="dbmcp-csvdir")
    with connect(f"csvdir:{tmp_path}", registry=registry) as client:
        assert client.query("read price").rows == (("pen", 1.5), ("ink", None))
        assert [table.name.name for table in client.get_schema().tables] == ["price"]
