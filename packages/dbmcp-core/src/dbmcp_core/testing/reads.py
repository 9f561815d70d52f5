"""What every engine promises of reads and writes: rows as they were, each by its own door, none by a wrong one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dbmcp_core.call import CallRecord
from dbmcp_core.database import Engine
from dbmcp_core.errors import DbmcpError, PolicyDenied
from dbmcp_core.running import Running
from dbmcp_core.statement import Statement
from dbmcp_core.testing.base import Contract, drain
from dbmcp_core.testing.caller import Caller
from dbmcp_core.testing.data import AUTHOR, BOOK

__all__ = ["ReadsContract"]


class ReadsContract(Contract):
    """Reads, writes, and statements that are neither."""

    def test_rows_come_back_as_they_were(self, filled: Caller) -> None:
        for table in (AUTHOR, BOOK):
            result = filled.query(self.reading(table))
            assert tuple(column.name for column in result.columns) == table.column_names
            assert result.rows == table.rows
            assert not result.truncated
            assert result.cursor is None

    def test_a_parameter_is_a_value(self, filled: Caller) -> None:
        for row in BOOK.rows:
            assert filled.query(self.finding(row[2])).rows == (row,)

    def test_columns_are_there_without_rows(self, filled: Caller) -> None:
        result = filled.query(self.finding("no such title"))
        assert tuple(column.name for column in result.columns) == BOOK.column_names
        assert result.rows == ()
        assert not result.truncated

    def test_a_write_is_seen_by_the_next_read(self, filled: Caller) -> None:
        statement = self._adding()
        filled.query(self.reading(AUTHOR))
        filled.execute(statement)
        assert filled.query(self.reading(AUTHOR)).rows == (*AUTHOR.rows, (99, "new"))

    def test_a_write_is_no_query(self, filled: Caller, records: list[CallRecord]) -> None:
        statement = self._adding()
        with pytest.raises(DbmcpError) as caught:
            filled.query(statement)
        assert caught.value.code == "not_a_read"
        assert records[-1].decision == "refused"
        assert filled.query(self.reading(AUTHOR)).rows == AUTHOR.rows

    def test_a_read_is_no_write(self, filled: Caller, records: list[CallRecord]) -> None:
        with pytest.raises(DbmcpError) as caught:
            filled.execute(self.reading(AUTHOR))
        assert caught.value.code == "not_a_write"
        assert records[-1].decision == "refused"

    def test_a_read_only_source_takes_no_write(self, filled: Caller, reader: Caller, records: list[CallRecord]) -> None:
        statement = self._adding()
        with pytest.raises(PolicyDenied):
            reader.execute(statement)
        assert (records[-1].decision, records[-1].code) == ("refused", "policy_denied")
        assert filled.query(self.reading(AUTHOR)).rows == AUTHOR.rows

    def test_the_engine_itself_refuses_to_write_when_read_only(
        self, engine: Engine, settings: dict[str, object], filled: Caller
    ) -> None:
        statement = self._adding()
        with (
            engine.open(self.source(engine, settings, read_only=True).settings) as database,
            pytest.raises(DbmcpError),
        ):
            database.execute(statement, Running())
        assert filled.query(self.reading(AUTHOR)).rows == AUTHOR.rows

    def test_a_read_only_source_reads(self, filled: Caller, reader: Caller) -> None:
        self._need_shared()
        assert filled.query(self.reading(BOOK)).rows == reader.query(self.reading(BOOK)).rows

    # Hostile statements

    def test_hostile_statements_are_no_queries(self, filled: Caller, reader: Caller) -> None:
        self._try_hostile(filled, lambda text: filled.query(text))
        if self.shared:
            self._try_hostile(filled, lambda text: reader.query(text))

    def test_hostile_statements_do_nothing_to_a_read_only_source(self, filled: Caller, reader: Caller) -> None:
        self._try_hostile(filled, lambda text: reader.execute(text))

    def test_hostile_statements_do_nothing_off_the_road(
        self, engine: Engine, settings: dict[str, object], filled: Caller
    ) -> None:
        """The engine's own lock holds without the guard: the statement may run, but must change nothing."""
        if not self.hostile:
            pytest.skip("this contract has no hostile statements")
        with engine.open(self.source(engine, settings, read_only=True).settings) as database:
            for text in self.hostile:
                try:
                    drain(database.query(Statement(text), Running()))
                except DbmcpError:
                    continue
            assert database.get_tables() == (filled.tables() if self.shared else [])
        assert self._snapshot(filled) == (AUTHOR.rows, BOOK.rows)

    def _try_hostile(self, filled: Caller, attempt: Callable[[str], object]) -> None:
        if not self.hostile:
            pytest.skip("this contract has no hostile statements")
        tables = filled.tables()
        passed = []
        for text in self.hostile:
            try:
                attempt(text)
            except DbmcpError:
                continue
            passed.append(text)
        assert not passed
        assert filled.tables() == tables
        assert self._snapshot(filled) == (AUTHOR.rows, BOOK.rows)

    def _snapshot(self, filled: Caller) -> tuple[object, object]:
        return filled.query(self.reading(AUTHOR)).rows, filled.query(self.reading(BOOK)).rows

    def _adding(self) -> Statement:
        statement = self.adding(AUTHOR, (99, "new"))
        if statement is None:
            pytest.skip("this engine writes nothing")
        return statement

    def _need_shared(self) -> None:
        if not self.shared:
            pytest.skip("two databases with these settings don't share their data")
