"""MariaDB killed, cut off, overloaded, late, or not MariaDB at all: a clear error each time, and then it goes on."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from dbmcp_core import Statement
from dbmcp_core.config import Source
from dbmcp_core.errors import ConfigError, ConnectionFailed, DatabaseError, QueryCancelled, QueryTimeout
from dbmcp_core.executor import Executor
from dbmcp_core.registry import Registry
from dbmcp_core.running import Running
from dbmcp_core.statement import Limits
from dbmcp_core.testing.base import PATIENCE_S, drain, in_threads
from dbmcp_core.testing.caller import Caller
from dbmcp_core.testing.fakes import WatchedRunning
from dbmcp_core.testing.servers import MariaDBServer
from dbmcp_mysql import MySQL

ENDLESS = "SELECT SUM(a.seq % 7 = b.seq % 11) FROM seq_1_to_1000000 a, seq_1_to_1000000 b"
STREAM = "SELECT seq, REPEAT('x', 1000) FROM seq_1_to_5000000"


def opened(settings: dict[str, Any], **more: object) -> Executor:
    engine = MySQL()
    values = {"read_only": False, **settings, **more}
    return Executor(Registry(), [Source("main", engine, engine.settings.build(values, where="test"), "test")])


@pytest.fixture
def caller(mysql_settings: dict[str, Any]) -> Iterator[Caller]:
    executor = opened(mysql_settings)
    yield Caller(executor)
    executor.close()


def soon(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)


def running_on(server: MariaDBServer, part: str) -> list[str]:
    where = f"info LIKE '%{part}%' AND id <> CONNECTION_ID()"
    return server.execute(f"SELECT id FROM information_schema.processlist WHERE {where}").split()


def test_a_server_killed_in_mid_query_is_told_and_used_again(caller: Caller, mysql_server: MariaDBServer) -> None:
    def kill() -> None:
        soon(lambda: bool(running_on(mysql_server, "seq % 11")))
        mysql_server.kill()

    def ask() -> None:
        with pytest.raises(ConnectionFailed):
            caller.query(ENDLESS)

    try:
        in_threads([ask, kill])
    finally:
        mysql_server.start()

    def answers() -> bool:
        with suppress(ConnectionFailed):  # for a moment after a failure the source isn't tried
            return caller.query("SELECT 1").rows == ((1,),)
        return False

    soon(answers)


def test_a_connection_killed_in_mid_stream_is_told(caller: Caller, mysql_server: MariaDBServer) -> None:
    page = caller.query(STREAM, limits=Limits(max_rows=10))
    assert page.cursor is not None
    for number in running_on(mysql_server, "seq_1_to_5000000"):
        mysql_server.execute(f"KILL {number}")
    with pytest.raises(DatabaseError):
        caller.read_on(page.cursor, limits=Limits(max_rows=10**7, max_bytes=10**9))
    assert caller.query("SELECT 1").rows == ((1,),)


@pytest.mark.parametrize("text", [ENDLESS, f"{STREAM} ORDER BY RAND()"], ids=["computing", "sorting"])
def test_a_cancel_reaches_the_server(caller: Caller, mysql_server: MariaDBServer, text: str) -> None:
    running = WatchedRunning()

    def ask() -> None:
        with pytest.raises(QueryCancelled):
            caller.query(text, running=running)

    def cancel() -> None:
        soon(lambda: bool(running_on(mysql_server, "seq_1_to_")))
        running.cancel()
        soon(lambda: not running_on(mysql_server, "seq_1_to_"))

    in_threads([ask, cancel])


def test_a_deadline_reaches_the_server(caller: Caller, mysql_server: MariaDBServer) -> None:
    with pytest.raises(QueryTimeout):
        caller.query(ENDLESS, limits=Limits(timeout_s=0.2))
    soon(lambda: not running_on(mysql_server, "seq % 11"))


def test_the_server_itself_ends_what_nobody_stops(mysql_settings: dict[str, Any]) -> None:
    engine = MySQL()
    settings = engine.settings.build({**mysql_settings, "timeout_s": 0.1}, where="test")
    with engine.open(settings) as database:
        with pytest.raises(QueryTimeout):
            drain(database.query(Statement(ENDLESS), Running()))
        database.ping()


def test_a_result_that_is_given_up_stops_on_the_server(caller: Caller, mysql_server: MariaDBServer) -> None:
    assert caller.query(STREAM, limits=Limits(max_rows=10)).cursor is not None
    assert running_on(mysql_server, "seq_1_to_5000000")
    caller.executor.close()
    soon(lambda: not running_on(mysql_server, "seq_1_to_5000000"))


def test_a_parked_result_gives_way_to_whoever_changes_its_table(
    caller: Caller, mysql_server: MariaDBServer, mysql_settings: dict[str, Any]
) -> None:
    caller.execute("CREATE TABLE big AS SELECT seq, REPEAT('x', 1000) AS x FROM seq_1_to_20000")
    assert caller.query("SELECT * FROM big", limits=Limits(max_rows=10)).cursor is not None
    mysql_server.execute("SET lock_wait_timeout = 15; ALTER TABLE big ADD y INT", mysql_settings["database"])


def test_a_hundred_sessions_at_once_see_each_their_own(caller: Caller) -> None:
    caller.execute("CREATE TABLE t (a INT PRIMARY KEY, b VARCHAR(40))")
    caller.execute("INSERT INTO t SELECT seq, MD5(seq) FROM seq_1_to_100")
    wanted = dict(caller.query("SELECT a, b FROM t").rows)

    def ask(number: int) -> Callable[[], None]:
        def run() -> None:
            for _ in range(3):
                rows = caller.query("SELECT ?, b, @mine FROM t WHERE a = ?", (f"mark {number}", number)).rows
                assert rows == ((f"mark {number}", wanted[number], None),)

        return run

    in_threads([ask(number) for number in range(1, 101)])


def test_a_session_keeps_nothing_for_the_next_call(caller: Caller) -> None:
    look = "SELECT @@time_zone, @@sql_mode, @@autocommit, @@tx_read_only, @@sql_select_limit, DATABASE(), @x"
    before = caller.query(look).rows
    for text in ("SELECT IS_FREE_LOCK('a')", "SELECT 1 FROM seq_1_to_3"):
        caller.query(text)
    assert caller.query(look).rows == before
    modes = before[0][1].split(",")
    assert "STRICT_TRANS_TABLES" in modes
    assert not {"ANSI_QUOTES", "NO_BACKSLASH_ESCAPES"} & set(modes)


@pytest.mark.parametrize("option", ["local_infile=1", "init_command=SET+x", "read_default_file=/etc/my.cnf", "conv=1"])
def test_an_option_of_the_driver_in_a_url_is_refused(option: str) -> None:
    engine = MySQL()
    values = engine.settings_from_url(urlsplit(f"mysql://u:p@localhost/db?{option}"))
    with pytest.raises(ConfigError, match="unknown setting"):
        engine.settings.build(values, where="URL")


# Servers that are none


def packet(number: int, data: bytes) -> bytes:
    return struct.pack("<I", len(data))[:3] + bytes([number]) + data


def received(connection: socket.socket) -> bytes | None:
    head = b""
    while len(head) < 4:
        part = connection.recv(4 - len(head))
        if not part:
            return None
        head += part
    size, data = int.from_bytes(head[:3], "little"), b""
    while len(data) < size:
        data += connection.recv(size - len(data))
    return data


OK = b"\0\0\0\x02\0\0\0"


class Rogue(threading.Thread):
    """Speaks the handshake, then answers every command beyond its *patience* with what it likes."""

    def __init__(self, answer: bytes, *, patience: int = 0, login: bytes = OK) -> None:
        super().__init__(daemon=True)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._answer, self._patience, self._login = answer, patience, login
        self.after: list[bytes] = []
        self.start()

    def run(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with closing(connection), suppress(OSError):
                    self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(3)
        flags = 0x81FFF7FF & ~(1 << 11) & ~(1 << 24)
        low, high = struct.pack("<H", flags & 0xFFFF), struct.pack("<H", flags >> 16)
        greeting = b"\x0a8.0.36\0" + struct.pack("<I", 7) + b"a" * 8 + b"\0" + low + b"\x2d\x02\0" + high
        greeting += b"\x15" + b"\0" * 10 + b"b" * 12 + b"\0mysql_native_password\0"
        connection.sendall(packet(0, greeting))
        received(connection)
        connection.sendall(packet(2, self._login))
        for _ in range(self._patience if self._login == OK else 0):
            received(connection)
            connection.sendall(packet(1, OK))
        if self._login == OK:
            received(connection)
            connection.sendall(packet(1, self._answer))
        while (data := received(connection)) is not None:
            self.after.append(data)

    def close(self) -> None:
        self._listener.close()

    @property
    def settings(self) -> dict[str, Any]:
        return {"host": "127.0.0.1", "port": self.port, "user": "u", "password": "sesame-4711", "database": "d"}


@pytest.mark.parametrize("patience", [0, 1, 2, 3])
def test_a_server_that_asks_for_a_file_gets_nothing(tmp_path: Path, patience: int) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"treasure")
    with closing(Rogue(b"\xfb" + str(secret).encode(), patience=patience)) as rogue:
        executor = opened(rogue.settings, connect_timeout_s=2, timeout_s=2)
        with pytest.raises(DatabaseError):
            Caller(executor).query("SELECT 1")
        executor.close()
        assert b"treasure" not in b"".join(rogue.after)


@pytest.mark.parametrize("way", [b"mysql_clear_password", b"dialog", b"mysql_old_password"])
def test_a_server_that_asks_for_the_bare_password_does_not_get_it(way: bytes) -> None:
    with closing(Rogue(OK, login=b"\xfe" + way + b"\0\2Password: ")) as rogue:
        executor = opened(rogue.settings, connect_timeout_s=2)
        with pytest.raises(ConnectionFailed) as caught:
            Caller(executor).ping()
        executor.close()
        assert b"sesame" not in b"".join(rogue.after)
        assert "sesame" not in str(caught.value)


@pytest.mark.parametrize("ssl", ["require", "verify-ca", "verify-full"])
def test_where_tls_is_wanted_a_server_without_it_hears_no_password(ssl: str) -> None:
    with closing(Rogue(OK)) as rogue:
        executor = opened(rogue.settings, connect_timeout_s=2, ssl=ssl)
        with pytest.raises(ConnectionFailed, match="SSL"):
            Caller(executor).ping()
        executor.close()


def test_a_server_that_says_nothing_is_given_up() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        settings = {"host": "127.0.0.1", "port": silent.getsockname()[1], "user": "u"}
        executor = opened(settings, connect_timeout_s=1)
        with pytest.raises(ConnectionFailed):
            Caller(executor).ping()
        executor.close()


@pytest.mark.parametrize(
    "answer",
    [b"\0", b"\xff", b"\x05garbage", b"\0\1\0\0\0\xff\xff\xff\xff\0\0\0", b""],
    ids=["short", "error", "text", "columns", "none"],
)
@pytest.mark.parametrize("patience", [1, 2])
def test_an_answer_that_makes_no_sense_is_an_error(answer: bytes, patience: int) -> None:
    with closing(Rogue(answer, patience=patience)) as rogue:
        executor = opened(rogue.settings, connect_timeout_s=1, timeout_s=1)
        with pytest.raises(DatabaseError):
            Caller(executor).query("SELECT 1")
        executor.close()


# TLS


def test_tls_is_used_where_the_server_has_it(mysql_server: MariaDBServer, mysql_settings: dict[str, Any]) -> None:
    if mysql_server.ca_file is None:
        pytest.skip("the server has no certificate")
    ca = str(mysql_server.ca_file)
    for ssl, is_used in (("disable", False), ("prefer", True), ("require", True), ("verify-ca", True)):
        executor = opened(mysql_settings, ssl=ssl, ssl_ca=ca)
        cipher = Caller(executor).query("SHOW STATUS LIKE 'Ssl_cipher'").rows[0][1]
        executor.close()
        assert bool(cipher) is is_used, ssl
    executor = opened(mysql_settings, ssl="verify-full")
    with pytest.raises(ConnectionFailed, match="CERTIFICATE"):
        Caller(executor).ping()
    executor.close()
