"""What every engine promises, whatever its language: an engine's author inherits ``EngineContract``."""

from __future__ import annotations

import functools
import traceback

import pytest

from dbmcp_core.call import CallRecord
from dbmcp_core.database import Database, Engine
from dbmcp_core.errors import ConnectionFailed, DatabaseError, DbmcpError, NotFound, UnknownSource
from dbmcp_core.executor import Executor
from dbmcp_core.running import Running
from dbmcp_core.schema import TableName
from dbmcp_core.settings import Secret
from dbmcp_core.testing.base import drain, in_threads
from dbmcp_core.testing.caller import Caller
from dbmcp_core.testing.data import AUTHOR, BOOK
from dbmcp_core.testing.pages import PagesContract
from dbmcp_core.testing.reads import ReadsContract
from dbmcp_core.testing.stops import StopsContract

__all__ = ["EngineContract"]


class EngineContract(ReadsContract, PagesContract, StopsContract):
    """The contract of every engine. Its author gives the fixtures and methods of ``Contract``."""

    # Life cycle

    def test_what_is_not_connected_answers_connection_failed(self, engine: Engine, settings: dict[str, object]) -> None:
        database = engine.open(self.source(engine, settings).settings)
        with pytest.raises(ConnectionFailed):
            database.ping()
        database.disconnect()

    def test_it_disconnects_twice(self, database: Database) -> None:
        database.disconnect()
        database.disconnect()

    def test_it_connects_twice(self, database: Database) -> None:
        database.connect()
        database.ping()

    def test_what_is_disconnected_answers_connection_failed(self, database: Database) -> None:
        database.ping()
        database.disconnect()
        with pytest.raises(ConnectionFailed):
            database.ping()
        with pytest.raises(ConnectionFailed):
            database.get_tables()
        with pytest.raises(ConnectionFailed):
            drain(database.query(self.reading(BOOK), Running()))

    def test_it_connects_again(self, database: Database) -> None:
        for _ in range(3):
            database.disconnect()
            database.connect()
            database.ping()

    def test_disconnect_ends_an_open_stream(self, engine: Engine, executor: Executor, filled: Caller) -> None:
        self._need_shared()
        with engine.open(executor.sources()[0].settings) as database:
            rows = database.query(self.counting(filled, 1_000), Running())
            next(iter(rows))
            database.disconnect()
            with pytest.raises(DatabaseError):
                for _ in rows:
                    pass
            rows.close()
            rows.close()

    def test_a_source_is_opened_by_its_first_call(self, executor: Executor, main: Caller) -> None:
        assert not executor.is_open("main")
        main.ping()
        assert executor.is_open("main")
        assert not executor.is_open("reader")

    def test_a_source_that_was_removed_is_unknown(self, executor: Executor, main: Caller) -> None:
        main.ping()
        executor.remove("main")
        with pytest.raises(UnknownSource):
            main.ping()

    def test_a_source_can_be_added_again(self, engine: Engine, settings: dict[str, object], executor: Executor) -> None:
        for _ in range(3):
            executor.remove("main")
            executor.add(self.source(engine, settings))
            Caller(executor).ping()

    def test_an_executor_can_be_used_after_close(self, executor: Executor, main: Caller) -> None:
        main.ping()
        executor.close()
        assert not executor.is_open("main")
        main.ping()

    def test_what_cannot_be_reached_says_so(
        self, engine: Engine, settings: dict[str, object], executor: Executor, records: list[CallRecord]
    ) -> None:
        elsewhere = self.unreachable(settings)
        if elsewhere is None:
            pytest.skip("no settings of this engine lead nowhere")
        executor.add(self.source(engine, elsewhere, "nowhere", read_only=True))
        nowhere = Caller(executor, "nowhere")
        for _ in range(3):
            with pytest.raises(ConnectionFailed):
                nowhere.ping()
        assert [record.decision for record in records] == ["failed"] * 3
        Caller(executor).ping()

    def test_dropped_connections_are_replaced(self, filled: Caller) -> None:
        statement = self.reading(BOOK)
        filled.query(statement)
        self.drop_connections()
        try:
            result = filled.query(statement)
        except ConnectionFailed:  # told once is fine; the next call has a new connection
            result = filled.query(statement)
        assert result.rows == BOOK.rows

    # Schema

    def test_tables_are_listed_in_order(self, filled: Caller) -> None:
        names = filled.tables()
        assert {AUTHOR.name, BOOK.name} <= {name.name for name in names}
        assert names == sorted(names, key=str)

    def test_an_empty_database_has_no_tables(self, main: Caller) -> None:
        assert main.tables() == []
        assert main.schema().tables == ()

    def test_a_table_has_its_columns(self, filled: Caller) -> None:
        table = filled.table(BOOK.name)
        assert table.name.name == BOOK.name
        assert tuple(column.name for column in table.columns) == self.described(BOOK)

    def test_a_listed_name_leads_to_its_table(self, filled: Caller) -> None:
        for name in filled.tables():
            assert filled.table(name).name == name

    def test_the_schema_holds_every_table(self, filled: Caller) -> None:
        schema = filled.schema()
        assert [table.name for table in schema.tables] == filled.tables()
        assert all(table == filled.table(table.name) for table in schema.tables)

    def test_a_missing_table_is_not_found_and_the_nearest_named(
        self, filled: Caller, records: list[CallRecord]
    ) -> None:
        with pytest.raises(NotFound) as caught:
            filled.table("boook")
        assert BOOK.name in (caught.value.hint or "")
        assert (records[-1].decision, records[-1].code) == ("failed", "not_found")

    def test_a_hostile_table_name_is_only_a_name(self, filled: Caller) -> None:
        for name in (
            "book; DROP TABLE book",
            "book'--",
            'book"',
            "",
            "\x00",
            "book' OR '1'='1",
            "x" * 10_000,
            "../book",
        ):
            with pytest.raises(NotFound):
                filled.table(TableName(name))
        assert self._snapshot(filled) == (AUTHOR.rows, BOOK.rows)

    # Errors, secrets, records

    def test_what_the_database_rejects_has_a_code_and_a_reason(self, filled: Caller, records: list[CallRecord]) -> None:
        if self.rejected is None:
            pytest.skip("this contract has no statement that the engine rejects")
        with pytest.raises(DbmcpError) as caught:
            filled.query(self.rejected)
        assert caught.value.code in ("query_failed", "unparsable_statement")
        assert records[-1].decision in ("failed", "refused")
        assert records[-1].code == caught.value.code
        assert filled.query(self.reading(BOOK)).rows == BOOK.rows

    def test_secrets_never_show(
        self,
        engine: Engine,
        settings: dict[str, object],
        executor: Executor,
        records: list[CallRecord],
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        built = self.source(engine, settings)
        names = [name for name, value in vars(built.settings).items() if isinstance(value, Secret)]
        if not names:
            pytest.skip("these settings have no secret")
        canary = "canary-5up3r-s3cr3t"
        wrong = self.source(engine, {**settings, **dict.fromkeys(names, canary)}, "wrong")
        assert canary not in repr(wrong) + str(wrong)
        executor.add(wrong)
        shown = []
        for text in (self.rejected or "?", f"{canary} {self.rejected}"):
            with pytest.raises(DbmcpError) as caught:
                Caller(executor, "wrong").query(text)
            shown += [str(caught.value), repr(caught.value), str(caught.value.details)]
            shown += traceback.format_exception_only(caught.value)
        shown += [str(record.as_dict()) for record in records] + [caplog.text]
        assert not [text for text in shown if canary in text]

    def test_every_call_leaves_one_record(self, filled: Caller, records: list[CallRecord]) -> None:
        records.clear()
        caller = filled.named("somebody")
        caller.query(self.reading(BOOK))
        caller.tables()
        caller.table(BOOK.name)
        caller.schema()
        caller.ping()
        assert [record.action for record in records] == ["read", "tables", "table", "schema", "ping"]
        assert {record.decision for record in records} == {"done"}
        assert {record.caller for record in records} == {"somebody"}
        first = records[0]
        assert (first.rows, first.truncated, first.code, first.kind) == (len(BOOK.rows), False, None, "read")
        assert len({record.id for record in records}) == len(records)

    def test_a_record_holds_no_parameter(self, filled: Caller, records: list[CallRecord]) -> None:
        records.clear()
        filled.query(self.finding("a value that only the database sees"))
        assert "only the database sees" not in str(records[0].as_dict())
        assert records[0].parameters == 1

    # Many at once

    def test_many_callers_get_their_own_rows(self, filled: Caller) -> None:
        def look(number: int) -> None:
            for turn in range(12):
                row = BOOK.rows[(number + turn) % len(BOOK.rows)]
                assert filled.named(f"caller-{number}").query(self.finding(row[2])).rows == (row,)

        in_threads([functools.partial(look, number) for number in range(12)])

    def test_readers_beside_a_writer_see_whole_writes(self, filled: Caller) -> None:
        self._adding()

        def write() -> None:
            for key in range(100, 115):
                statement = self.adding(AUTHOR, (key, f"author {key}"))
                assert statement is not None
                filled.execute(statement)

        def read() -> None:
            seen = 0
            for _ in range(15):
                rows = filled.query(self.reading(AUTHOR)).rows
                assert rows[: len(AUTHOR.rows)] == AUTHOR.rows
                assert all(name == f"author {key}" for key, name in rows[len(AUTHOR.rows) :])
                assert len(rows) >= seen
                seen = len(rows)

        in_threads([write, read, read, read])
        assert len(filled.query(self.reading(AUTHOR)).rows) == len(AUTHOR.rows) + 15

    def test_many_open_at_once(self, executor: Executor) -> None:
        in_threads([Caller(executor).ping] * 16)
