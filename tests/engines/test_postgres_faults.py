"""PostgreSQL under faults: killed, absent, silent, crowded; every call ends with a code, and the next one works."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dbmcp_core import (
    Client,
    ConnectionFailed,
    DbmcpError,
    Limits,
    QueryCancelled,
    QueryTimeout,
    Running,
    connect,
)
from dbmcp_core.sql.parked import Parked
from dbmcp_core.testing import WatchedRunning, in_threads
from dbmcp_core.testing.server_process import free_port
from dbmcp_core.testing.servers import PostgresServer

PATIENCE_S = 20.0
RUNAWAY = "SELECT count(*) FROM generate_series(1, 10000000000) /* runaway */"
LONG = "SELECT n, repeat('x', 1000) FROM generate_series(1, 1000000) n"


def until(condition: Callable[[], bool]) -> None:
    """Wait for what happens in a moment."""
    waiting, end = threading.Event(), time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "it doesn't happen"
        waiting.wait(0.02)


def answers(client: Client) -> bool:
    try:
        return client.query("SELECT 1").rows == ((1,),)
    except ConnectionFailed:
        return False


@pytest.fixture(scope="module")
def database(postgres_server: PostgresServer) -> Iterator[dict[str, Any]]:
    settings = postgres_server.create_database()
    yield settings
    postgres_server.start()
    postgres_server.drop_database(settings["database"])


@pytest.fixture
def client(postgres_server: PostgresServer, database: dict[str, Any]) -> Iterator[Client]:
    with connect(postgres_server.url_for(database["database"]), max_concurrent=16) as found:
        yield found
    postgres_server.start()


@pytest.fixture
def sessions(database: dict[str, Any]) -> Iterator[Callable[[], list[str]]]:
    """Return what lists the states of our sessions, seen from beside."""
    where = {key: database[key] for key in ("host", "port", "user", "password")}
    with psycopg.connect(**where, dbname=database["database"], autocommit=True) as beside:

        def states() -> list[str]:
            rows = beside.execute(
                "SELECT coalesce(state, 'starting') FROM pg_stat_activity"
                " WHERE datname = current_database() AND application_name = 'dbmcp'"
            )
            return sorted(state for (state,) in rows)

        yield states


def fails(call: Callable[[], object], errors: list[DbmcpError]) -> None:
    with pytest.raises(DbmcpError) as caught:
        call()
    errors.append(caught.value)


def test_a_server_that_is_killed_amid_a_statement(postgres_server: PostgresServer, client: Client) -> None:
    running, errors = WatchedRunning(), []

    def kill() -> None:
        assert running.corded.wait(PATIENCE_S)
        postgres_server.kill()

    in_threads([lambda: fails(lambda: client.query(RUNAWAY, running=running), errors), kill])
    assert [error.code for error in errors] == ["connection_failed"]
    with pytest.raises(ConnectionFailed):
        client.query("SELECT 1")
    postgres_server.start()
    until(lambda: answers(client))


def test_a_server_that_is_killed_amid_a_stream(postgres_server: PostgresServer, client: Client) -> None:
    page = client.query(LONG, limits=Limits(max_rows=500))
    postgres_server.kill()
    with pytest.raises(DbmcpError) as caught:
        client.read_on(str(page.cursor))
    assert caught.value.code in ("connection_failed", "cursor_expired")
    postgres_server.start()
    until(lambda: answers(client))


def test_connections_that_are_dropped_amid_a_stream(postgres_server: PostgresServer, client: Client) -> None:
    pages = [client.query(LONG, limits=Limits(max_rows=500)) for _ in range(3)]
    postgres_server.drop_connections()
    for page in pages:
        with pytest.raises(DbmcpError) as caught:
            client.read_on(str(page.cursor))
        assert caught.value.code in ("connection_failed", "cursor_expired")
    until(lambda: answers(client))


def test_idle_connections_that_are_dropped_are_not_noticed(postgres_server: PostgresServer, client: Client) -> None:
    in_threads([lambda: client.query("SELECT count(*) FROM generate_series(1, 100000)")] * 4)
    postgres_server.drop_connections()
    in_threads([lambda: client.query("SELECT 1")] * 4)


def test_a_server_that_comes_up_later(postgres_server: PostgresServer, database: dict[str, Any]) -> None:
    url = postgres_server.url_for(database["database"])
    postgres_server.stop()
    try:
        with Client(url) as client:
            with pytest.raises(ConnectionFailed):
                client.ping()
            postgres_server.start()
            until(lambda: answers(client))
    finally:
        postgres_server.start()


def test_a_cancelled_statement_is_gone_from_the_server(client: Client, sessions: Callable[[], list[str]]) -> None:
    running = Running()

    def cancel() -> None:
        until(lambda: "active" in sessions())
        running.cancel()

    errors: list[DbmcpError] = []
    in_threads([lambda: fails(lambda: client.query(RUNAWAY, running=running), errors), cancel])
    assert isinstance(errors[0], QueryCancelled)
    until(lambda: not {"active", "idle in transaction"} & set(sessions()))


def test_a_statement_over_its_deadline_is_gone_from_the_server(
    client: Client, sessions: Callable[[], list[str]]
) -> None:
    with pytest.raises(QueryTimeout):
        client.query(RUNAWAY, limits=Limits(timeout_s=0.2))
    until(lambda: not {"active", "idle in transaction"} & set(sessions()))


def test_who_looks_after_parked_results_survives_any_error() -> None:
    """A connection may close between two looks at it, and its driver then raises what it likes."""

    class Session:
        driver = object()
        gave_way = False

        def give_way(self) -> None:
            self.gave_way = True

    def blocking(drivers: object) -> list[object]:
        raise psycopg.OperationalError("the connection is closed")

    parked = Parked(blocking)
    for session in (Session(), Session()):  # the second one proves that somebody still looks
        parked.add(session)  # type: ignore[arg-type]
        until(lambda session=session: session.gave_way)


def test_closing_frees_the_sessions_of_parked_results(client: Client, sessions: Callable[[], list[str]]) -> None:
    for _ in range(12):
        client.query(LONG, limits=Limits(max_rows=5))
    until(lambda: sessions().count("idle in transaction") == 8)  # as many as are parked at the most
    client.close()
    until(lambda: sessions() == [])


def test_a_crowd_gets_its_own_rows_over_few_connections(client: Client, sessions: Callable[[], list[str]]) -> None:
    most: list[int] = []
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.01):
            most.append(len(sessions()))

    def ask(marker: int) -> None:
        for turn in range(3):
            text = "SELECT ?::int AS marker, n FROM generate_series(1, 300) n"
            rows = client.query(text, [marker * 10 + turn], limits=Limits(max_rows=1_000)).rows
            assert rows == tuple((marker * 10 + turn, n) for n in range(1, 301))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        in_threads([lambda marker=marker: ask(marker) for marker in range(100)])
    finally:
        done.set()
        watcher.join()
    assert max(most) <= 17  # one more looks after what is parked
    until(lambda: set(sessions()) == {"idle"})
    until(lambda: len(sessions()) <= 5)  # the server takes a moment to see that a connection was closed
    assert len(sessions()) <= 5


def test_a_listener_that_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgres://a:b@127.0.0.1:{silent.getsockname()[1]}/c?connect_timeout=2"
        errors: list[DbmcpError] = []
        in_threads([lambda: fails(lambda: connect(url), errors)])
    assert [error.code for error in errors] == ["connection_failed"]


@pytest.fixture
def pooler(database: dict[str, Any], tmp_path: Path) -> Iterator[dict[str, Any]]:
    """PgBouncer in front of the database, one server connection for each transaction."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        pytest.skip("pgbouncer is not installed")
    port = free_port()
    target = "host={host} port={port} user={user} password={password} dbname={database}".format(**database)
    folder = tmp_path / "pooler"
    folder.mkdir()
    (folder / "users").write_text(f'"{database["user"]}" "{database["password"]}"\n')
    (folder / "ini").write_text(
        f"[databases]\n{database['database']} = {target}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n"
        f"unix_socket_dir =\nauth_type = plain\nauth_file = {folder}/users\npool_mode = transaction\n"
        "default_pool_size = 2\nignore_startup_parameters = extra_float_digits,options\n"
    )
    # It refuses to run as root, and must then be able to read its files.
    command = [program, str(folder / "ini")]
    if os.geteuid() == 0:
        for path in (*tmp_path.parents[:3], tmp_path, folder, *folder.iterdir()):
            if str(path).startswith("/tmp/"):
                path.chmod(path.stat().st_mode | 0o055)
        command = [program, "-u", "nobody", str(folder / "ini")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def listens() -> bool:
        assert process.poll() is None, "pgbouncer doesn't start"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False

    try:
        until(listens)
        yield {**database, "port": port}
    finally:
        process.kill()
        process.wait()


def test_a_pooler_of_transactions_does(pooler: dict[str, Any]) -> None:
    url = "postgres://{user}:{password}@127.0.0.1:{port}/{database}".format(**pooler)
    with connect(url, transaction_pooling=True, ssl="disable", read_only=False) as client:
        client.execute("CREATE TABLE pooled (a int)")
        client.execute("INSERT INTO pooled SELECT generate_series(1, 3000)")
        rows = [row for page in client.pages("SELECT a FROM pooled ORDER BY a") for row in page]
        assert rows == [(n,) for n in range(1, 3_001)]
        assert client.query("SHOW transaction_read_only").rows == (("on",),)

        def ask(marker: int) -> None:
            for _ in range(5):
                assert client.query("SELECT ?::int, a FROM pooled LIMIT 1", [marker]).rows[0][0] == marker

        in_threads([lambda marker=marker: ask(marker) for marker in range(12)])
        with pytest.raises(QueryTimeout):
            client.query(RUNAWAY, limits=Limits(timeout_s=0.2))
        assert client.query("SELECT count(*) FROM pooled").rows == ((3_000,),)
        client.execute("DROP TABLE pooled")
