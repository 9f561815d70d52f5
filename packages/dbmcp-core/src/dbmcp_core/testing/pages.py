"""What every engine promises of limits and cursors: caps are exact, and reading on loses and repeats nothing."""

from __future__ import annotations

import contextlib

import pytest

from dbmcp_core.call import CallRecord
from dbmcp_core.database import Engine
from dbmcp_core.errors import CursorExpired, DbmcpError
from dbmcp_core.executor import Executor
from dbmcp_core.statement import Limits, Result, Statement
from dbmcp_core.testing.base import Contract, in_threads
from dbmcp_core.testing.caller import Caller

__all__ = ["PagesContract"]


class PagesContract(Contract):
    """Limits and cursors."""

    @pytest.mark.parametrize("count", [0, 1, 2, 63, 64, 65, 127, 128, 200])
    def test_as_many_rows_as_the_cap_are_not_truncated(self, main: Caller, count: int) -> None:
        result = main.query(self.counting(main, count), limits=Limits(max_rows=count))
        assert numbers(result) == list(range(1, count + 1))
        assert not result.truncated
        assert result.cursor is None

    @pytest.mark.parametrize("count", [1, 2, 63, 64, 65, 127, 128, 200])
    def test_one_row_more_than_the_cap_is_truncated(self, main: Caller, records: list[CallRecord], count: int) -> None:
        result = main.query(self.counting(main, count + 1), limits=Limits(max_rows=count))
        assert numbers(result) == list(range(1, count + 1))
        assert result.truncated
        assert (records[-1].rows, records[-1].truncated) == (count, True)

    def test_no_rows_may_be_asked_for(self, main: Caller) -> None:
        result = main.query(self.counting(main, 5), limits=Limits(max_rows=0))
        assert (len(result), result.truncated) == (0, True)
        assert len(result.columns) >= 1

    def test_the_sources_own_cap_holds(
        self, engine: Engine, settings: dict[str, object], executor: Executor, main: Caller
    ) -> None:
        executor.add(self.source(engine, settings, "small", max_rows=7))
        statement = self.counting(main, 8)
        small = Caller(executor, "small")
        if not self.shared:
            statement = self.counting(small, 8)
        result = small.query(statement)
        assert (len(result), result.truncated) == (7, True)

    @pytest.mark.parametrize("limits", [Limits(max_bytes=300), Limits(max_tokens=60)], ids=["bytes", "tokens"])
    def test_size_is_capped_and_the_rest_can_be_read(self, main: Caller, limits: Limits) -> None:
        pages = self._pages(main, self.counting(main, 300), limits)
        assert len(pages) > 3
        assert max(map(len, pages)) < 150
        assert [number for page in pages for number in numbers(page)] == list(range(1, 301))

    @pytest.mark.parametrize("limits", [Limits(max_bytes=1), Limits(max_tokens=1)], ids=["bytes", "tokens"])
    def test_a_first_row_over_the_cap_is_given_all_the_same(self, main: Caller, limits: Limits) -> None:
        pages = self._pages(main, self.counting(main, 5), limits)
        assert [numbers(page) for page in pages] == [[1], [2], [3], [4], [5]]

    def test_a_caller_cannot_lift_the_sources_cap_on_bytes(
        self, engine: Engine, settings: dict[str, object], executor: Executor
    ) -> None:
        executor.add(self.source(engine, settings, "small", max_bytes=200, max_tokens=1_000))
        small = Caller(executor, "small")
        statement = self.counting(small, 200)
        result = small.query(statement, limits=Limits(max_bytes=10**9, max_tokens=10**9))
        assert result.truncated
        assert len(result) < 100

    @pytest.mark.parametrize("size", [1, 7, 64, 100, 299, 300, 1_000])
    def test_reading_on_loses_and_repeats_nothing(self, main: Caller, size: int) -> None:
        pages = self._pages(main, self.counting(main, 300), Limits(max_rows=size))
        assert [number for page in pages for number in numbers(page)] == list(range(1, 301))
        assert [page.truncated for page in pages] == [True] * (len(pages) - 1) + [False]
        assert len(pages) == -(-300 // size)
        assert all(page.columns == pages[0].columns for page in pages)

    def test_pages_may_differ_in_size(self, main: Caller) -> None:
        page = self._first(main, 500, 3)
        got = numbers(page)
        for size in (0, 1, 2, 100, 64, 5, 1_000):
            assert page.cursor is not None
            page = main.read_on(page.cursor, limits=Limits(max_rows=size))
            got += numbers(page)
        assert got == list(range(1, 501))
        assert not page.truncated

    def test_other_calls_may_come_between(self, main: Caller) -> None:
        first, second = self._first(main, 300, 100), self._first(main, 200, 50)
        assert first.cursor is not None
        assert second.cursor is not None
        main.ping()
        main.tables()
        assert numbers(main.read_on(second.cursor))[:2] == [51, 52]
        assert numbers(main.read_on(first.cursor))[:2] == [101, 102]

    def test_a_cursor_is_good_once(self, main: Caller) -> None:
        cursor = self._first(main, 30, 10).cursor
        assert cursor is not None
        assert numbers(main.read_on(cursor)) == list(range(11, 31))
        with pytest.raises(CursorExpired):
            main.read_on(cursor)

    def test_a_cursor_is_good_once_from_many_threads(self, main: Caller) -> None:
        cursor = self._first(main, 30, 10).cursor
        assert cursor is not None
        got: list[Result] = []

        def read() -> None:
            with contextlib.suppress(CursorExpired):
                got.append(main.read_on(cursor))

        in_threads([read] * 8)
        assert [numbers(page) for page in got] == [list(range(11, 31))]

    def test_a_cursor_is_its_callers_alone(self, main: Caller) -> None:
        cursor = self._first(main, 30, 10).cursor
        assert cursor is not None
        with pytest.raises(CursorExpired) as stolen:
            main.named("thief").read_on(cursor)
        with pytest.raises(CursorExpired) as invented:
            main.read_on("AAAAAAAAAAAAAAAA")
        assert str(stolen.value) == str(invented.value)
        assert numbers(main.read_on(cursor))[0] == 11

    def test_a_cursor_expires_with_its_source(self, executor: Executor, main: Caller) -> None:
        cursor = self._first(main, 30, 10).cursor
        assert cursor is not None
        executor.remove("main")
        with pytest.raises(CursorExpired):
            main.read_on(cursor)

    def test_cursors_that_nobody_reads_are_bounded(self, main: Caller) -> None:
        statement = self.counting(main, 30)
        cursors = [main.query(statement, limits=Limits(max_rows=10)).cursor for _ in range(40)]
        if None in cursors:
            pytest.skip("this engine's results can't be read on after a pause")
        good = 0
        for cursor in cursors:
            assert cursor is not None
            try:
                assert numbers(main.read_on(cursor)) == list(range(11, 31))
                good += 1
            except CursorExpired:
                pass
        assert 1 <= good <= 16
        main.ping()

    @pytest.mark.parametrize(
        "limits",
        [Limits(max_rows=-1), Limits(max_bytes=-1), Limits(max_tokens=-1), Limits(timeout_s=-1.0)],
        ids=["rows", "bytes", "tokens", "timeout"],
    )
    def test_a_negative_limit_is_refused(self, main: Caller, limits: Limits) -> None:
        statement = self.counting(main, 3)
        with pytest.raises(DbmcpError):
            main.query(statement, limits=limits)

    def _first(self, main: Caller, count: int, size: int) -> Result:
        page = main.query(self.counting(main, count), limits=Limits(max_rows=size))
        assert numbers(page) == list(range(1, size + 1))
        if page.cursor is None:
            pytest.skip("this engine's results can't be read on after a pause")
        return page

    def _pages(self, main: Caller, statement: Statement, limits: Limits) -> list[Result]:
        pages = main.pages(statement, limits=limits)
        if pages[-1].truncated:
            pytest.skip("this engine's results can't be read on after a pause")
        return pages


def numbers(result: Result) -> list[int]:
    """Return the first column of *result*."""
    return [row[0] for row in result]
