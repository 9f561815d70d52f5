"""Writes, errors and attacks in SQL: all or nothing, with a reason, and never by the wrong door."""

from __future__ import annotations

import pytest

from dbmcp_core.call import CallRecord
from dbmcp_core.database import SupportsExplain, SupportsLocks
from dbmcp_core.errors import DbmcpError, QueryCancelled, QueryFailed, QueryTimeout, StatementRefused
from dbmcp_core.executor import Executor
from dbmcp_core.statement import Limits, Statement
from dbmcp_core.testing.base import PATIENCE_S, in_threads
from dbmcp_core.testing.caller import Caller
from dbmcp_core.testing.data import AUTHOR, BOOK
from dbmcp_core.testing.fakes import WatchedRunning
from dbmcp_core.testing.sql_base import SQLBase
from dbmcp_core.testing.stops import ends_when_removed

__all__ = ["SQLSafetyContract"]


class SQLSafetyContract(SQLBase):
    """Writes that fail, errors that help, reads that look dangerous and aren't."""

    def test_a_write_says_how_many_rows_it_changed(self, filled: Caller, records: list[CallRecord]) -> None:
        assert filled.execute("UPDATE book SET price = 1 WHERE id IN (1, 2, 3)").affected_rows == 3
        assert records[-1].rows == 3
        assert filled.execute("UPDATE book SET price = 1 WHERE id = 999").affected_rows == 0
        assert filled.execute("DELETE FROM book WHERE id = 6").affected_rows == 1
        assert filled.query("SELECT count(*) FROM book").rows == ((len(BOOK.rows) - 1,),)

    def test_a_failed_write_leaves_nothing(self, filled: Caller, records: list[CallRecord]) -> None:
        with pytest.raises(QueryFailed):
            filled.execute("INSERT INTO author (id, name) VALUES (10, 'new'), (11, 'new too'), (1, 'taken')")
        assert (records[-1].decision, records[-1].code) == ("failed", "query_failed")
        assert filled.query(self.reading(AUTHOR)).rows == AUTHOR.rows

    @pytest.mark.parametrize(
        "text",
        [
            "INSERT INTO author (id, name) VALUES (1, 'taken')",
            "INSERT INTO author (id, name) VALUES (10, NULL)",
            "INSERT INTO book (id, author_id, title) VALUES (10, 999, 'nobody wrote it')",
            "DELETE FROM author WHERE id = 1",
        ],
        ids=["unique", "not null", "foreign key", "referenced"],
    )
    def test_a_constraint_holds_and_says_so(self, filled: Caller, text: str) -> None:
        with pytest.raises(QueryFailed):
            filled.execute(text)
        assert filled.query(self.reading(AUTHOR)).rows == AUTHOR.rows

    def test_several_writes_in_one_text_are_refused(self, filled: Caller) -> None:
        with pytest.raises(DbmcpError):
            filled.execute(
                "INSERT INTO author (id, name) VALUES (10, 'a'); INSERT INTO author (id, name) VALUES (11, 'b')"
            )
        assert filled.query(self.reading(AUTHOR)).rows == AUTHOR.rows

    @pytest.mark.parametrize("text", ["BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT a"])
    def test_a_caller_controls_no_transaction(self, filled: Caller, text: str) -> None:
        with pytest.raises(DbmcpError):
            filled.execute(text)
        filled.execute("UPDATE book SET price = 7 WHERE id = 1")
        assert filled.query("SELECT price FROM book WHERE id = 1").rows == ((7.0,),)

    def test_a_write_that_is_stopped_leaves_nothing(self, filled: Caller) -> None:
        text = self._runaway_write()
        running = WatchedRunning()

        def stop() -> None:
            assert running.corded.wait(PATIENCE_S)
            running.cancel()

        with pytest.raises(QueryCancelled):
            in_threads([lambda: filled.execute(text, running=running), stop])
        with pytest.raises(QueryTimeout):
            in_threads([lambda: filled.execute(text, limits=Limits(timeout_s=0.1))])
        assert filled.query(self.reading(AUTHOR)).rows == AUTHOR.rows
        assert filled.execute("UPDATE book SET price = 7 WHERE id = 1").affected_rows == 1

    def test_removing_a_source_stops_its_writes(self, executor: Executor, filled: Caller) -> None:
        text = self._runaway_write()
        ends_when_removed(executor, lambda running: filled.execute(text, running=running))

    def test_a_write_that_waits_for_another_can_be_stopped(self, filled: Caller) -> None:
        text = self._runaway_write()
        first = WatchedRunning()
        waited = []

        def run() -> None:
            with pytest.raises(QueryCancelled):
                filled.execute(text, running=first)

        def stop() -> None:
            assert first.corded.wait(PATIENCE_S)
            try:
                filled.execute("UPDATE book SET price = 7 WHERE id = 1", limits=Limits(timeout_s=0.2))
            except QueryTimeout:
                waited.append(True)
            finally:
                first.cancel()

        try:
            in_threads([run, stop])
        finally:
            first.cancel()
        if not waited:
            pytest.skip("writers of other rows don't wait for each other here")
        assert filled.query("SELECT price FROM book WHERE id = 1").rows == ((BOOK.rows[0][3],),)

    # Errors

    def test_a_syntax_error_has_a_place(self, main: Caller) -> None:
        if self.rejected is None:
            pytest.skip("this contract has no statement that the engine rejects")
        with pytest.raises(DbmcpError) as caught:
            main.query(self.rejected)
        assert caught.value.code in ("query_failed", "unparsable_statement")
        assert caught.value.details.get("line") == 2

    def test_a_missing_table_is_named_with_the_nearest(self, filled: Caller) -> None:
        with pytest.raises(QueryFailed) as caught:
            filled.query("SELECT * FROM boook")
        assert "boook" in caught.value.message
        assert "book" in (caught.value.hint or "")

    def test_a_missing_column_is_named(self, filled: Caller) -> None:
        with pytest.raises(QueryFailed) as caught:
            filled.query("SELECT titel FROM book")
        assert "titel" in caught.value.message

    def test_what_cannot_be_understood_is_refused(self, filled: Caller) -> None:
        for text in ("", " ", ";", "-- only a comment", "/* open", "'open", "SELECT (", "\ufeff", "x" * 1_000):
            with pytest.raises(DbmcpError) as caught:
                filled.query(text)
            assert caught.value.code != "database_error", text

    def test_an_enormous_statement_does_no_harm(self, filled: Caller) -> None:
        for text in (
            "SELECT " + "(" * 5_000 + "1" + ")" * 5_000,
            "SELECT " + "1 + " * 20_000 + "1",
            "SELECT " + "NOT " * 20_000 + "1",
            "SELECT " + "-" * 1 + " - " * 5_000 + "1",
            "SELECT 1" + " UNION ALL SELECT 1" * 3_000,
            "SELECT '" + "x" * 3_000_000 + "'",
            "SELECT /*" + "x" * 3_000_000 + "*/ 1",
        ):
            try:
                filled.query(text, limits=Limits(timeout_s=PATIENCE_S))
            except DbmcpError as exc:
                assert exc.code != "database_error", text[:60]  # noqa: PT017 - running it is fine too
        assert filled.query(self.reading(BOOK)).rows == BOOK.rows

    # Reads that only look dangerous

    @pytest.mark.parametrize(
        "text",
        [
            "SELECT 'DELETE FROM book; --' AS x",
            "SELECT 1 AS x -- DELETE FROM book",
            "/* DROP TABLE book; */ SELECT 1 AS x",
            'SELECT 1 AS "DELETE"',
            "WITH x AS (SELECT 1 AS n) SELECT n FROM x",
            "SELECT count(*) FROM book WHERE title LIKE '%update%'",
            "SELECT id, row_number() OVER (ORDER BY id) AS r FROM book",
            "SELECT id FROM book UNION SELECT id FROM author",
            "SELECT CASE WHEN 1 = 1 THEN 'insert' ELSE 'drop' END AS x",
            "SELECT replace('a', 'a', 'b') AS x",
            "SELECT * FROM book_title",
            "SELECT id FROM book;",
            "SELECT id FROM book ;  \n",
        ],
    )
    def test_a_read_that_looks_dangerous_passes(self, filled: Caller, text: str) -> None:
        assert len(filled.query(text).rows) >= 1

    # What only some engines do

    def test_a_plan_is_shown_and_nothing_run(self, executor: Executor, filled: Caller) -> None:
        statement = Statement("SELECT * FROM book WHERE id = 1")
        if not isinstance(self._open_database(executor), SupportsExplain):
            pytest.skip("this engine shows no plans")
        assert executor.explain("main", statement).strip()
        for text in (
            "DELETE FROM book",
            "ANALYZE DELETE FROM book",
            "SELECT 1; DELETE FROM book",
            "QUERY PLAN DELETE FROM book",
        ):
            with pytest.raises(StatementRefused):
                executor.explain("main", Statement(text))
        assert filled.query(self.reading(BOOK)).rows == BOOK.rows

    def test_every_lock_holds_on_a_read_only_source(self, executor: Executor, filled: Caller) -> None:
        locks = executor.locks("reader")
        assert {"guard", "policy"} <= {lock.name for lock in locks}
        if not isinstance(self._open_database(executor), SupportsLocks):
            pytest.skip("this engine has no locks of its own to show")
        assert len(locks) > 2
        # The account is that of the test's database, which has to write; a source's status warns of it.
        assert [lock for lock in locks if not lock.holds and lock.name != "account"] == []
        assert filled.query(self.reading(BOOK)).rows == BOOK.rows

    def _open_database(self, executor: Executor) -> object:
        source = executor.sources()[0]
        return source.engine.open(source.settings)

    def _runaway_write(self) -> str:
        if self.runaway_write is None:
            pytest.skip("this engine has no write that runs on")
        return self.runaway_write
