"""Records as JSON lines."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from dbmcp_core import Call, DbmcpError, Executor, JsonLines, Registry, Statement
from dbmcp_core.config import source


def test_every_call_is_a_line_of_json(shop: Path, tmp_path: Path) -> None:
    registry, log = Registry(), JsonLines(tmp_path / "calls.jsonl")
    registry.register(log, "records")
    executor = Executor(registry, [source(registry, "shop", f"sqlite:///{shop}")])
    executor.run(Call("shop", Statement("SELECT name FROM product WHERE id = ?", [1])))
    with pytest.raises(DbmcpError):
        executor.run(Call("shop", Statement('DELETE FROM product\n{"decision":"done"}')))
    executor.close()
    log.close()
    lines = [json.loads(line) for line in log.path.read_text().splitlines()]
    assert [line["decision"] for line in lines] == ["done", "refused"]
    assert lines[0]["parameters"] == 1
    assert lines[0]["tables"] == ["product"]
    assert "forged" not in lines[1]


@pytest.mark.skipif(os.name == "nt", reason="POSIX file modes")
def test_the_file_is_for_its_owner_alone(tmp_path: Path, shop: Path) -> None:
    registry, log = Registry(), JsonLines(tmp_path / "calls.jsonl")
    registry.register(log, "records")
    executor = Executor(registry, [source(registry, "shop", f"sqlite:///{shop}")])
    executor.ping("shop")
    executor.close()
    log.close()
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600
