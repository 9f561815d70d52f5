"""``dbmcp`` itself: its help, its version, and what it makes of a failure."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from dbmcp_server import cli


def test_version(run):
    assert version("dbmcp-server") in run("--version").stdout


def test_help_names_every_command_and_exit_code(run):
    text = run("--help").stdout
    commands = ("serve", "query", "tables", "describe", "search", "sources", "doctor", "plugins", "config", "demo")
    for command in commands:
        assert f"\n  {command} " in text
        assert run(command, "--help").exit_code == 0
    for code in (0, 1, 2, 3, 4, 130):
        assert f"\n    {code} " in text


def test_a_misspelt_command_finds_the_nearest(run):
    done = run("qury")
    assert done.exit_code == 2
    assert "query" in done.stderr


def test_a_fault_of_ours_is_not_hidden(run, shop, monkeypatch):
    monkeypatch.setattr("dbmcp_core.Executor.tables", lambda *_, **__: 1 / 0)
    assert isinstance(run("tables", shop).exception, ZeroDivisionError)


def test_ctrl_c_anywhere_ends_with_130(run, shop, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("dbmcp_core.config.load", interrupt)
    monkeypatch.setattr("dbmcp_server.cli.setup.load", interrupt)
    assert run("tables", shop).exit_code == 130
    monkeypatch.setattr(cli, "app", interrupt)
    with pytest.raises(SystemExit) as ended:
        cli.main(["tables"])
    assert ended.value.code == 130


def test_verbose(run, shop):
    import logging

    before = logging.getLogger().level
    try:
        assert run("-v", "tables", shop).exit_code == 0
        assert logging.getLogger().level == logging.INFO
    finally:
        logging.getLogger().setLevel(before)
