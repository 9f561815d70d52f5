"""Measure in one run, interleaved: raw ``sqlite3``, an empty tool on the MCP SDK, and dbmcp. Ratios are what counts.

``python benchmarks/run.py`` runs all; ``cold``, ``stdio``, ``http``, ``million``, ``project`` run a part.
``--quick`` for a look.
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from peers import Http, Stdio, dbmcp, empty, free_port

JOIN = """SELECT o.id, c.name, p.name, o.quantity * p.price AS total
FROM purchase o JOIN customer c ON c.id = o.customer_id JOIN product p ON p.id = o.product_id
ORDER BY total DESC LIMIT 10"""
QUERIES = {"SELECT 1": "SELECT 1", "10-row join": JOIN, "10,000 rows": "SELECT * FROM event LIMIT 10000"}


def make(path: Path, *, rows: int) -> None:
    """Make the database: a small shop, 10,000 events of ten columns, and *rows* wide rows."""
    db = sqlite3.connect(path)
    db.executescript(
        """CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE product (id INTEGER PRIMARY KEY, name TEXT, price REAL);
        CREATE TABLE purchase (id INTEGER PRIMARY KEY, customer_id INTEGER, product_id INTEGER, quantity INTEGER);
        CREATE TABLE event (id INTEGER PRIMARY KEY, a TEXT, b TEXT, c TEXT, d TEXT, e INTEGER, f INTEGER, g REAL,
            h REAL, i TEXT);
        CREATE TABLE wide (id INTEGER PRIMARY KEY, body TEXT);"""
    )
    db.executemany("INSERT INTO customer VALUES (?, ?)", ((i, f"customer {i}") for i in range(500)))
    db.executemany("INSERT INTO product VALUES (?, ?, ?)", ((i, f"product {i}", i * 1.25) for i in range(100)))
    db.executemany("INSERT INTO purchase VALUES (?, ?, ?, ?)", ((i, i % 500, i % 100, i % 7 + 1) for i in range(2_000)))
    db.executemany(
        "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (i, f"name {i}", "some words here", "x" * 20, "kind", i * 3, i % 10, i * 1.5, 0.25, None)
            for i in range(10_000)
        ),
    )
    db.executemany("INSERT INTO wide (body) VALUES (?)", (("w" * 590,) for _ in range(rows)))
    db.commit()
    db.close()


def show(label: str, text: str) -> None:
    print(f"{label:<46} {text}", flush=True)


def p95(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[18] if len(times) > 1 else times[0]


def timed(call: Callable[[], object], number: int) -> list[float]:
    times = []
    for _ in range(number):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return times


def cold(path: Path, rounds: int) -> None:
    """Spawn to the answer of tools/list."""
    found: dict[str, list[float]] = {"empty SDK": [], "dbmcp": []}
    commands = {"empty SDK": empty("stdio"), "dbmcp": dbmcp(str(path), "--stdio")}
    for _ in range(rounds):
        for name, command in commands.items():
            started = time.perf_counter()
            with Stdio(command) as server:
                server.request("tools/list", {})
                found[name].append(time.perf_counter() - started)
    floor, ours = (min(times) for times in found.values())
    middle = {name: statistics.median(times) for name, times in found.items()}
    show("cold start, best of each", f"SDK {floor * 1e3:.0f} ms, dbmcp {ours * 1e3:.0f} ms: {ours / floor:.2f} x")
    show("cold start, median", f"SDK {middle['empty SDK'] * 1e3:.0f} ms, dbmcp {middle['dbmcp'] * 1e3:.0f} ms")


def stdio(path: Path, rounds: int) -> None:
    """Sequential calls over the standard streams: CPU a call, latency, and the raw driver beside them."""
    raw = sqlite3.connect(path)
    with Stdio(empty("stdio")) as floor, Stdio(dbmcp(str(path), "--stdio")) as ours:
        for label, sql in QUERIES.items():
            number = 15 if "10,000" in label else 300
            arguments = {"query": sql, "maxRows": 10_000}
            cpu: dict[str, list[float]] = {"floor": [], "ours": []}
            wall: dict[str, list[float]] = {"raw": [], "floor": [], "ours": []}
            for measured in range(-1, rounds):  # the first round warms up
                for name, server, calls, call in (  # CPU time comes in steps of 10 ms: what is small needs many calls
                    ("floor", floor, 300, lambda: floor.call("empty", {})),
                    ("ours", ours, number, lambda arguments=arguments: ours.call("execute-query", arguments)),
                ):
                    before = server.cpu_s()
                    times = timed(call, calls)
                    if measured >= 0:
                        cpu[name].append((server.cpu_s() - before) / calls)
                        wall[name] += times
                times = timed(lambda sql=sql: raw.execute(sql).fetchall(), number)
                wall["raw"] += times if measured >= 0 else []
            best = {name: min(times) for name, times in cpu.items()}
            low = {name: statistics.median(times) for name, times in wall.items()}
            bound = 1.5 * low["raw"] + low["floor"]
            show(
                f"stdio, {label}: server CPU a call",
                f"SDK {best['floor'] * 1e6:.0f} us, dbmcp {best['ours'] * 1e6:.0f} us: "
                f"{best['ours'] / best['floor']:.2f} x",
            )
            show(
                f"stdio, {label}: median of a call",
                f"raw {low['raw'] * 1e3:.2f} ms, SDK {low['floor'] * 1e3:.2f} ms, dbmcp {low['ours'] * 1e3:.2f} ms "
                f"(p95 {p95(wall['ours']) * 1e3:.2f}): {low['ours'] / bound:.2f} x of 1.5 raw + SDK",
            )
        show("stdio, peak memory", f"SDK {floor.peak_mb():.0f} MB, dbmcp {ours.peak_mb():.0f} MB")
    raw.close()


def http(path: Path, rounds: int) -> None:
    """Calls a second over HTTP, with 1, 16 and 100 clients."""
    ports = free_port(), free_port()
    with (
        Http(empty("http", str(ports[0])), ports[0]) as floor,
        Http(dbmcp(str(path), "--port", str(ports[1])), ports[1]) as ours,
    ):
        for clients, calls in ((1, 200), (16, 25), (100, 8)):
            rate: dict[str, list[float]] = {"floor": [], "ours": []}
            slow: list[float] = []
            for measured in range(-1, rounds):
                for name, server, tool, arguments in (
                    ("floor", floor, "empty", {}),
                    ("ours", ours, "execute-query", {"query": "SELECT 1"}),
                ):
                    took, times = server.load(tool, arguments, clients=clients, calls=calls)
                    if measured >= 0:
                        rate[name].append(len(times) / took)
                        slow += times if name == "ours" else []
            best = {name: max(rates) for name, rates in rate.items()}
            show(
                f"HTTP, SELECT 1, {clients} clients",
                f"SDK {best['floor']:.0f}/s, dbmcp {best['ours']:.0f}/s: {best['ours'] / best['floor']:.2f} x; "
                f"p95 {p95(slow) * 1e3:.0f} ms",
            )
        show("HTTP, peak memory", f"SDK {floor.peak_mb():.0f} MB, dbmcp {ours.peak_mb():.0f} MB")


def million(path: Path, rows: int) -> None:
    """The first answer to a SELECT over all of a large table."""
    with Stdio(dbmcp(str(path), "--stdio")) as ours:
        before = ours.peak_mb()
        started = time.perf_counter()
        result = ours.call("execute-query", {"query": "SELECT * FROM wide"})
        took = time.perf_counter() - started
        again = statistics.median(timed(lambda: ours.call("execute-query", {"query": "SELECT * FROM wide"}), 10))
        show(
            f"first answer to a SELECT over {rows:,} x 600 B",
            f"{took * 1e3:.0f} ms cold, {again * 1e3:.0f} ms warm; peak {ours.peak_mb():.0f} MB (before: {before:.0f})",
        )
        assert result["_meta"]["dbmcp"]["truncated"], "the answer should be cut"


TOOL = """dbmcp: 1
tool:
  name: tool_{number}
  description: The products of one price and more, the dearest first.
  annotations: {{readOnlyHint: true}}
  parameters:
    - {{name: price, type: number, description: The least price., minimum: 0, default: 1}}
    - {{name: name, type: string, description: A part of the name., default: null, examples: [product]}}
    - {{name: most, type: integer, description: How many., minimum: 1, maximum: 100, default: 10}}
  return:
    type: array
    items:
      type: object
      properties:
        id: {{type: integer, description: The number.}}
        name: {{type: string, description: The name.}}
        price: {{type: number, description: The price.}}
  source:
    code: |
      SELECT id, name, price FROM product
      WHERE price >= $price AND name LIKE '%' || coalesce($name, '') || '%' ORDER BY price DESC LIMIT $most
  policies:
    input:
      - {{condition: "user.role == 'nobody'", action: deny, reason: Not for nobody.}}
"""


def write_project(folder: Path, database: Path, tools: int) -> Path:
    """Make a project of so many tools, a file each."""
    (folder / "tools").mkdir(parents=True)
    (folder / "dbmcp.toml").write_text(f'[project]\n[sources]\nbench = "sqlite:///{database}"\n')
    for number in range(tools):
        (folder / "tools" / f"tool_{number}.yml").write_text(TOOL.format(number=number))
    return folder


def project(path: Path, rounds: int, calls: int) -> None:
    """A project of 200 tools beside an empty one and beside the SDK: its start, and what a call costs."""
    folders = {tools: write_project(path.parent / f"project-{tools}", path, tools) for tools in (0, 1, 200)}
    commands = {"empty SDK": empty("stdio")} | {
        f"{tools} tools": dbmcp(str(folder), "--stdio") for tools, folder in folders.items()
    }
    found: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            started = time.perf_counter()
            with Stdio(command) as server:
                server.request("tools/list", {})
                found[name].append(time.perf_counter() - started)
    best = {name: min(times) for name, times in found.items()}
    floor = best["empty SDK"]
    for name, took in best.items():
        show(f"project, cold start, {name}", f"{took * 1e3:.0f} ms: {took / floor:.2f} x of the SDK")
    show("project, cold start, 200 tools to 0", f"{best['200 tools'] / best['0 tools']:.2f} x")
    with Stdio(commands["1 tools"]) as few, Stdio(commands["200 tools"]) as many:
        arguments = {"price": 100, "name": "product", "most": 5}
        wall: dict[str, list[float]] = {"few": [], "many": []}
        for measured in range(-1, rounds):
            for name, server, tool in (("few", few, "tool_0"), ("many", many, "tool_150")):
                times = timed(lambda server=server, tool=tool: server.call(tool, arguments), calls)
                wall[name] += times if measured >= 0 else []
        low = {name: statistics.median(times) for name, times in wall.items()}
        show(
            "project, median of a call",
            f"1 tool {low['few'] * 1e3:.2f} ms, 200 tools {low['many'] * 1e3:.2f} ms: {low['many'] / low['few']:.2f} x",
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=["cold", "stdio", "http", "million", "project", []], default=[])
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    parts = options.parts or ["cold", "stdio", "http", "million", "project"]
    rounds, rows = (2, 100_000) if options.quick else (6, 1_000_000)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.db"
        make(path, rows=rows if "million" in parts else 0)
        if "cold" in parts:
            cold(path, 3 if options.quick else 10)
        if "stdio" in parts:
            stdio(path, rounds)
        if "http" in parts:
            http(path, rounds)
        if "million" in parts:
            million(path, rows)
        if "project" in parts:
            project(path, 3 if options.quick else 10, 100)


if __name__ == "__main__":
    main()
