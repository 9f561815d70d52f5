"""What only a process shows: imports, signals, pipes, terminals, and the demo."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys

import pytest

HEAVY = ("mcp", "sqlglot", "sqlite3", "sqlalchemy", "rich", "asyncio")
SHOW = f"""
import sys
from dbmcp_server.cli import main
try:
    main(sys.argv[1:])
finally:
    print(*[name for name in {HEAVY} if name in sys.modules], file=sys.stderr)
"""
#: Presses Ctrl-C as soon as the statement can be stopped, and once.
INTERRUPT = """
import os, signal, sys
from contextlib import contextmanager
from dbmcp_core import Running
from dbmcp_server.cli import main
cord, pressed = Running.cord, []
@contextmanager
def pressing(self, stop):
    with cord(self, stop):
        if not pressed:
            pressed.append(os.kill(os.getpid(), signal.SIGINT))
        yield
Running.cord = pressing
main(sys.argv[1:])
"""
RUNAWAY = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


@pytest.mark.parametrize("args", [["--version"], ["--help"], ["serve", "--help"]])
def test_nothing_heavy_is_imported_for_help_and_version(args):
    done = subprocess.run([sys.executable, "-c", SHOW, *args], capture_output=True, text=True, check=True)
    assert done.stdout
    assert done.stderr.split() == []


def test_a_query_imports_no_server(shop):
    done = subprocess.run([sys.executable, "-c", SHOW, "tables", str(shop)], capture_output=True, text=True, check=True)
    assert not {"mcp", "rich", "asyncio"} & set(done.stderr.split())


def test_ctrl_c_stops_the_statement_in_the_database(shop, tmp_path):
    (tmp_path / "dbmcp.toml").write_text('[records]\nfile = "calls.jsonl"\n', encoding="utf-8")
    command = [sys.executable, "-c", INTERRUPT, "query", str(shop), RUNAWAY, "--timeout", "60"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stdout) == (130, "")
    assert "Traceback" not in done.stderr
    (line,) = (tmp_path / "calls.jsonl").read_text(encoding="utf-8").splitlines()
    record = json.loads(line)
    assert (record["decision"], record["code"], record["door"]) == ("stopped", "query_cancelled", "cli")


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for one process")
def test_ctrl_c_between_two_pages(spawn, shop):
    sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
    process = spawn("query", shop, sql, "--all", "--timeout", "60")
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert errors == b""


def test_a_reader_that_has_enough(spawn, shop):
    sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n LIMIT 200000"
    process = spawn("query", shop, sql, "--all")
    assert process.stdout.readline().startswith(b"i")
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(timeout=20) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_a_terminal_gets_a_table_and_no_control_characters(spawn, shop):
    import pty

    connection = sqlite3.connect(shop)
    connection.execute("INSERT INTO product VALUES (4, 'ha\x1b[31mck', 9, 'a' || char(13) || char(8238))")
    connection.commit()
    connection.close()
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "TERM": "xterm"}
    process = spawn("query", shop, "SELECT * FROM product", stdout=theirs, env=environment)
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 4096):
            shown += part
    except OSError:  # Linux says so when the other end is closed
        pass
    os.close(ours)
    process.stderr.close()
    assert process.wait(timeout=20) == 0
    text = shown.decode()
    assert "NULL" in text
    assert "id:INTEGER" not in text
    assert "\x1b[31m" not in text
    assert "\u202e" not in text


def test_the_demo(spawn, tmp_path):
    process = spawn("demo", "--keep", "kept.db")
    told, errors = process.communicate(timeout=30)
    assert process.returncode == 0, told + errors
    for step in (b"search-schema", b"not_a_read", b"query_timeout"):
        assert step in told
    connection = sqlite3.connect(tmp_path / "kept.db")
    assert connection.execute("SELECT count(*) FROM orders").fetchone() == (200,)
    connection.close()


def test_the_demo_keeps_its_hands_off_what_is_there(run, shop):
    assert run("demo", "--keep", shop).exit_code == 2
