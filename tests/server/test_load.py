"""Two hundred tools and twenty clients at once: every answer is the right one, and nothing is left behind."""

from __future__ import annotations

import random
import signal
import subprocess
from typing import Any

import anyio
import psutil
import pytest
from mcp import Client

pytestmark = pytest.mark.anyio

TOOLS, CLIENTS, CALLS = 200, 20, 20
ID = "parameters: [{name: id, type: integer}]"


def write(folder: Any) -> None:
    """Write tools of each kind: most in SQL, some in Python, plain and async."""
    for number in range(TOOLS):
        name = f"tool_{number}"
        if number % 20 == 18:
            code = f"db.execute('SELECT {number} AS n, $id AS id', {{'id': id}})"
            folder.python(name, f"from dbmcp_core.runtime import db\ndef {name}(id):\n    return {code}\n", ID)
        elif number % 20 == 19:
            folder.python(name, f"async def {name}(id):\n    return [{{'n': {number}, 'id': id}}]\n", ID)
        else:
            folder.tool(name, f"SELECT {number} AS n, $id AS id", ID)


async def test_many_clients_leave_nothing_behind(folder, era, until):
    write(folder)
    with subprocess.Popen(
        [*folder.command, "--port", "0"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        line = process.stderr.readline().decode()
        assert "listens on" in line, line
        url, server, wrong = line.split()[-1], psutil.Process(process.pid), []

        async def client(seed: int) -> None:
            chosen = random.Random(seed)
            async with Client(url, mode=era) as one:
                assert len((await one.list_tools()).tools) == TOOLS + 1
                for _ in range(CALLS):
                    number, given = chosen.randrange(TOOLS), chosen.randrange(1_000)
                    result = await one.call_tool(f"tool_{number}", {"id": given})
                    if result.structured_content != {"result": [{"n": number, "id": given}]}:
                        wrong.append(result)

        async def wave() -> None:
            async with anyio.create_task_group() as tasks:
                for seed in range(CLIENTS):
                    tasks.start_soon(client, seed)

        await wave()  # makes what is kept: threads, connections, the code of each tool
        await until(lambda: len(server.net_connections()) == 1)
        before = server.num_fds(), server.num_threads()
        await wave()
        assert wrong == []
        await until(lambda: len(server.net_connections()) == 1)
        after = server.num_fds(), server.num_threads()
        assert all(now <= then + 2 for now, then in zip(after, before, strict=True)), (before, after)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert len(folder.records) == 2 * CLIENTS * CALLS
