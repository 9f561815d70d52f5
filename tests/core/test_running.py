"""The cord: pulled by deadline or cancel, never missed, never after the end."""

from __future__ import annotations

import threading

import pytest

from dbmcp_core import QueryCancelled, QueryTimeout, Running


class Statement:
    """Stands for a driver's call: blocks until it is stopped, then raises the driver's own error."""

    def __init__(self, deaf_for: int = 0) -> None:
        self.pulls = 0
        self.deaf_for = deaf_for
        self.ended = threading.Event()

    def stop(self) -> None:
        self.pulls += 1
        if self.pulls > self.deaf_for:
            self.ended.set()

    def run(self) -> None:
        assert self.ended.wait(10), "nobody stopped the statement"
        raise RuntimeError("interrupted")


def test_the_deadline_pulls_the_cord() -> None:
    statement, running = Statement(), Running()
    with pytest.raises(QueryTimeout) as caught, running.within(0.05), running.cord(statement.stop):
        statement.run()
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_cancel_pulls_the_cord() -> None:
    statement, running = Statement(), Running()
    threading.Timer(0.05, running.cancel).start()
    with pytest.raises(QueryCancelled), running.within(10), running.cord(statement.stop):
        statement.run()


def test_a_pull_that_comes_too_early_is_repeated() -> None:
    statement, running = Statement(deaf_for=3), Running()
    with pytest.raises(QueryTimeout), running.within(0.02), running.cord(statement.stop):
        statement.run()
    assert statement.pulls > 3


def test_a_stop_before_the_start_stops_at_the_start() -> None:
    running = Running()
    running.cancel()
    with pytest.raises(QueryCancelled), running.within(10):
        pytest.fail("the block must not begin")


def test_the_first_stop_counts() -> None:
    running = Running()
    running.cancel("first")
    running.cancel("second")
    with pytest.raises(QueryCancelled, match="first"):
        running.raise_if_stopped()


def test_after_the_end_nothing_is_pulled() -> None:
    statement, running = Statement(), Running()
    with running.within(0.05), running.cord(statement.stop):
        pass
    running.cancel()
    assert not statement.ended.wait(0.2)


def test_an_error_of_the_statement_itself_stays_what_it_is() -> None:
    with pytest.raises(RuntimeError, match="syntax"), Running().within(10):
        raise RuntimeError("syntax")


def test_a_deadline_counts_from_each_page_anew() -> None:
    running = Running()
    for _ in range(3):
        with running.within(5):
            running.raise_if_stopped()


def test_no_deadline_is_no_deadline() -> None:
    with Running().within(None):
        pass


def test_many_statements_at_once_are_each_stopped() -> None:
    ended = []

    def run() -> None:
        statement, running = Statement(), Running()
        try:
            with running.within(0.05), running.cord(statement.stop):
                statement.run()
        except QueryTimeout:
            ended.append(True)

    threads = [threading.Thread(target=run) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(ended) == 50
