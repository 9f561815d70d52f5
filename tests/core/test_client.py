"""Python's door, blocking and for await."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from dbmcp_core import ConfigError, ConnectionFailed, Limits, PolicyDenied, QueryTimeout, aio, connect

RUNAWAY = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


def test_the_tour(shop: Path) -> None:
    with connect(f"sqlite:///{shop}") as client:
        assert list(client.query("SELECT name FROM product WHERE price < :most", {"most": 5})) == [("pen",)]
        assert [str(name) for name in client.get_tables()] == ["cheap", "customer", "product", "purchase"]
        assert client.get_table_schema("purchase").foreign_keys[1].target.name == "product"
        assert client.get_schema().database_name == "shop"
        assert "product" in client.explain("SELECT * FROM product")
        with pytest.raises(PolicyDenied):
            client.execute("DELETE FROM product")


def test_writing_has_to_be_asked_for(shop: Path) -> None:
    with connect(f"sqlite:///{shop}", read_only=False) as client:
        outcome = client.execute("INSERT INTO customer (name) VALUES (?)", ["Linus"])
        assert (outcome.affected_rows, outcome.generated_keys) == (1, (3,))


def test_pages_go_to_the_end(big: Path) -> None:
    with connect(f"sqlite:///{big}") as client:
        assert sum(len(page) for page in client.pages("SELECT * FROM number")) == 2_500


def test_connect_tells_at_once_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(ConnectionFailed, match="does not exist"):
        connect(f"sqlite:///{tmp_path}/none.db")
    with pytest.raises(ConfigError, match="did you mean 'read_only'"):
        connect(f"sqlite:///{tmp_path}/none.db", readonyl=True)


def test_await_has_the_same_verbs(shop: Path, big: Path) -> None:
    async def tour() -> None:
        async with await aio.connect(f"sqlite:///{shop}", read_only=False) as client:
            assert (await client.query("SELECT count(*) FROM product")).rows == ((3,),)
            assert (await client.execute("DELETE FROM purchase")).affected_rows == 3
            assert len(await client.get_tables()) == 4
            assert (await client.get_table_schema("product")).primary_key == ("id",)
            assert len((await client.get_schema()).tables) == 4
            assert "product" in await client.explain("SELECT * FROM product")
            await client.ping()
            with pytest.raises(QueryTimeout):
                await client.query(RUNAWAY, limits=Limits(timeout_s=0.1))
        async with await aio.connect(f"sqlite:///{big}") as client:
            assert sum([len(page) async for page in client.pages("SELECT * FROM number")]) == 2_500

    asyncio.run(tour())


def test_a_cancelled_task_stops_its_statement(shop: Path) -> None:
    async def cancelled() -> None:
        async with await aio.connect(f"sqlite:///{shop}", max_concurrent=1) as client:
            task = asyncio.create_task(client.query(RUNAWAY))
            await asyncio.sleep(0.1)  # let it begin
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            # There is one turn alone, so this waits until the runaway is gone from the database.
            assert (await client.query("SELECT 1", limits=Limits(timeout_s=5))).rows == ((1,),)

    asyncio.run(cancelled())


def test_a_caller_is_answered_though_the_database_does_not_let_go(shop: Path) -> None:
    # One call of a function is one step of SQLite's, and an interrupt is seen between two.
    deaf = "SELECT length(trim(printf('%.*c', 60000, 'a'), printf('%.*c', 60000, 'b') || 'a'))"

    async def ask() -> None:
        async with await aio.connect(f"sqlite:///{shop}") as client:
            started = asyncio.get_running_loop().time()
            with pytest.raises(QueryTimeout):
                await client.query(deaf, limits=Limits(timeout_s=0.1))
            assert asyncio.get_running_loop().time() - started < 4
            assert (await client.query("SELECT 1")).rows == ((1,),)

    asyncio.run(ask())
