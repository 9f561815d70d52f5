"""The throw-away servers of the testing kit: what tests may count on, and what is left behind."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dbmcp_core.testing.server_process import wait_until
from dbmcp_core.testing.servers import DatabaseServer, MariaDBServer, PostgresServer, ServerError, require

SLEEP = {"postgres": "SELECT pg_sleep(600)", "mysql": "SELECT SLEEP(600)"}
TABLES = {
    "postgres": "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'",
    "mysql": "SELECT count(*) FROM information_schema.tables WHERE table_schema = DATABASE()",
}
BUSY = {
    "postgres": "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'",
    "mysql": "SELECT count(*) FROM information_schema.processlist WHERE state = 'User sleep'",
}


@pytest.fixture(params=["postgres", "mysql"])
def server(request: pytest.FixtureRequest) -> Iterator[DatabaseServer]:
    server = request.getfixturevalue(f"{request.param}_server")
    yield server
    server.start()


@pytest.fixture
def name(server: DatabaseServer) -> Iterator[str]:
    name = server.create_database()["database"]
    yield name
    server.drop_database(name)


def url_variable(server: DatabaseServer, monkeypatch: pytest.MonkeyPatch) -> DatabaseServer:
    """Return the same server as found by its URL."""
    monkeypatch.setenv(server.variable, server.url)
    return type(server).from_environment()


def sleeper(server: DatabaseServer, database: str) -> subprocess.Popen[bytes]:
    """Return a client that is busy on the server."""
    command, environment = server.client_command(server.settings | {"database": database})
    client = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)
    assert client.stdin is not None
    client.stdin.write(SLEEP[server.engine].encode() + b";\n")
    client.stdin.close()
    wait_until(lambda: server.execute(BUSY[server.engine]) == "1", "the client is not busy")
    return client


def run_pytest(folder: Path, test: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run *test* under the repository's own conftest.py in a process of its own."""
    conftest = Path(__file__).parents[1] / "conftest.py"
    (folder / "conftest.py").write_text(conftest.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "test_it.py").write_text(test, encoding="utf-8")
    kept = {k: v for k, v in os.environ.items() if not k.startswith("DBMCP_")}
    command = [sys.executable, "-m", "pytest", "-rs", "-p", "no:cacheprovider", str(folder)]
    return subprocess.run(command, cwd=folder, env=kept | environment, capture_output=True, text=True)


def test_each_database_is_fresh_empty_and_its_own(server: DatabaseServer) -> None:
    first, second = server.create_database(), server.create_database()
    server.execute("CREATE TABLE t (id INTEGER)", first["database"])
    assert server.execute(TABLES[server.engine], first["database"]) == "1"
    assert server.execute(TABLES[server.engine], second["database"]) == "0"
    for settings in (first, second):
        server.drop_database(settings["database"])
        with pytest.raises(ServerError, match=settings["database"]):
            server.execute("SELECT 1", settings["database"])


def test_a_killed_server_starts_again_with_what_was_committed(server: DatabaseServer, name: str) -> None:
    server.execute("CREATE TABLE t (id INTEGER); INSERT INTO t VALUES (7)", name)
    before = server.settings
    server.kill()
    assert not server.is_running
    with pytest.raises(ServerError):
        server.execute("SELECT 1")
    server.start()
    assert server.settings == before
    assert server.execute("SELECT id FROM t", name) == "7"


def test_a_restarted_server_keeps_its_data(server: DatabaseServer, name: str) -> None:
    server.execute("CREATE TABLE t (id INTEGER); INSERT INTO t VALUES (7)", name)
    server.restart()
    assert server.execute("SELECT id FROM t", name) == "7"


@pytest.mark.parametrize("found_by_url", [False, True])
def test_dropped_connections_end_a_busy_client(
    server: DatabaseServer, name: str, found_by_url: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = url_variable(server, monkeypatch) if found_by_url else server
    own = used.create_database()["database"]
    client = sleeper(server, own)
    used.drop_connections()
    assert client.wait(timeout=60) != 0
    used.drop_database(own)


def test_a_database_in_use_is_dropped_all_the_same(server: DatabaseServer) -> None:
    name = server.create_database()["database"]
    client = sleeper(server, name)
    server.drop_database(name)
    assert client.wait(timeout=60) != 0


def test_a_packed_script_is_loaded_as_a_stream(server: DatabaseServer, name: str, tmp_path: Path) -> None:
    packed = tmp_path / "script.sql.gz"
    rows = "".join(f"INSERT INTO t VALUES ('å {number}');\n" for number in range(50))
    with gzip.open(packed, "wt", encoding="utf-8") as target:
        target.write(f"CREATE TABLE t (name VARCHAR(20));\n{rows}")
    with gzip.open(packed) as script:
        server.execute(script, name)
    assert server.execute("SELECT count(*), min(name) FROM t", name) == "50\tå 0"


def test_a_script_stops_at_its_first_error(server: DatabaseServer, name: str) -> None:
    script = "CREATE TABLE t (id INTEGER);\nINSERT INTO missing VALUES (1);\n" + "INSERT INTO t VALUES (1);\n" * 10_000
    with pytest.raises(ServerError, match="missing"):
        server.execute(script, name)
    assert server.execute("SELECT count(*) FROM t", name) == "0"


def test_a_wrong_password_is_refused(server: DatabaseServer) -> None:
    other = type(server)(server.url.replace(server.settings["password"], "wrong"))
    with pytest.raises(ServerError, match=r"(?i)password|denied") as caught:
        other.execute("SELECT 1")
    assert server.settings["password"] not in str(caught.value)


def test_a_server_found_by_its_url_gives_databases_and_is_not_stopped(
    server: DatabaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with url_variable(server, monkeypatch) as found:
        assert not found.is_private
        assert found.settings == server.settings
        assert found.version == server.version
        name = found.create_database()["database"]
        assert found.url_for(name) == server.url_for(name)
        with pytest.raises(pytest.skip.Exception, match="not ours to stop"):
            found.kill()
    assert server.execute("SELECT 1") == "1"
    with pytest.raises(ServerError, match=name):
        server.execute("SELECT 1", name)


def test_nothing_of_a_closed_server_is_left() -> None:
    server = PostgresServer()
    server.require()
    with server:
        server.start()
        folder = Path(str(server.ca_file)).parent
        assert folder.is_dir()
    assert not server.is_running
    assert not folder.exists()


def test_nothing_of_a_server_is_left_when_the_tests_are_killed(tmp_path: Path) -> None:
    MariaDBServer().require()
    script = (
        "import os, signal\nfrom dbmcp_core.testing.servers import MariaDBServer\nserver = MariaDBServer()\n"
        "server.start()\nprint(server._process._server.pid, server._process.folder, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    pid, folder = killed.stdout.split()
    wait_until(lambda: not Path(folder).exists(), "the folder is still there")
    state = Path(f"/proc/{pid}/stat")
    wait_until(lambda: not state.exists() or ") Z" in state.read_text(), "the server is still there")


@pytest.mark.parametrize("required", ["", "sqlite, mysql"])
def test_a_missing_engine_is_skipped_by_name(required: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBMCP_REQUIRE", required)
    with pytest.raises(pytest.skip.Exception, match="oracle can't be tested: no server"):
        require("oracle", "no server")


@pytest.mark.parametrize("required", ["all", "oracle", "sqlite, oracle"])
def test_a_missing_engine_fails_where_it_is_required(required: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBMCP_REQUIRE", required)
    with pytest.raises(pytest.fail.Exception, match="oracle can't be tested: no server"):
        require("oracle", "no server")


def test_an_engine_that_is_there_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBMCP_REQUIRE", "all")
    require("oracle", None)


@pytest.mark.parametrize(("required", "outcome"), [("", "1 skipped"), ("mysql", "1 error")])
def test_a_test_run_without_a_server_says_so(tmp_path: Path, required: str, outcome: str) -> None:
    hidden = (
        "import pytest\nfrom dbmcp_core.testing.servers import MariaDBServer\n"
        "MariaDBServer.missing_program = lambda self: 'the MariaDB server is not installed'\n"
        "def test_it(mysql_settings): pass\n"
    )
    done = run_pytest(tmp_path, hidden, DBMCP_REQUIRE=required)
    assert outcome in done.stdout
    reason = "mysql can't be tested: the MariaDB server is not installed, and DBMCP_TEST_MYSQL_URL is not set"
    assert reason in done.stdout


def test_the_header_names_the_host_of_a_url_and_never_its_password(tmp_path: Path) -> None:
    PostgresServer("postgres://db.example").require()
    url = "postgres://ann:s3cret@db.example:5433/app?sslpassword=0ther"
    done = run_pytest(tmp_path, "def test_it(): pass\n", DBMCP_TEST_POSTGRES_URL=url)
    assert "postgres: db.example:5433 (DBMCP_TEST_POSTGRES_URL)" in done.stdout
    assert "s3cret" not in done.stdout + done.stderr
    assert "0ther" not in done.stdout + done.stderr


def test_a_url_that_cannot_be_read_keeps_its_password_to_itself(tmp_path: Path) -> None:
    url = "postgres://ann:12s3cret/34@db.example"
    done = run_pytest(tmp_path, "def test_it(postgres_settings): pass\n", DBMCP_TEST_POSTGRES_URL=url)
    assert "postgres: DBMCP_TEST_POSTGRES_URL holds no readable URL" in done.stdout
    assert "1 error" in done.stdout
    assert "s3cret" not in done.stdout + done.stderr


def test_settings_of_a_url_are_unescaped_and_filled_up() -> None:
    server = MariaDBServer("mysql://ann%40work:p%2Fw@[::1]?charset=latin1")
    expected: dict[str, Any] = {"host": "::1", "port": 3306, "user": "ann@work", "password": "p/w", "database": "mysql"}
    assert server.settings == expected | {"charset": "latin1"}
    assert server.url_for("a b") == "mysql://ann%40work:p%2Fw@[::1]:3306/a%20b?charset=latin1"
