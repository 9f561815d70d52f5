"""Settings of SQL Server as people make them, and what becomes of them in a connection string."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dbmcp_core import ConfigError, ConnectionFailed
from dbmcp_core.config import load, source
from dbmcp_core.registry import Registry
from dbmcp_mssql import MSSQLSettings
from dbmcp_mssql.drivers import connection_string, find_driver, packed_token

MS = "ODBC Driver 18 for SQL Server"


def build(**values: object) -> MSSQLSettings:
    return MSSQLSettings.build({"user": "sa", "password": "pw", **values}, where="test")


def options(text: str) -> dict[str, str]:
    """Read a connection string as ODBC does: in braces, only a single ``}`` ends a value."""
    found = {}
    while text:
        key, _, text = text.partition("={")
        value = ""
        while True:
            part, _, text = text.partition("}")
            value += part
            if not text.startswith("}"):
                break
            value, text = value + "}", text[1:]
        assert text.startswith(";")
        text = text[1:]
        assert key not in found
        found[key] = value
    return found


def test_environment_and_camel_case_name_the_settings() -> None:
    environment = {
        "MCP_MSSQL_SERVER": "db.example.com",
        "MCP_MSSQL_PORT": "1444",
        "MCP_MSSQL_DATABASE": "shop",
        "MCP_MSSQL_USER": "reader",
        "MCP_MSSQL_PASSWORD": "pw",
        "MCP_MSSQL_ENCRYPT": "true",
        "MCP_MSSQL_TRUST_SERVER_CERTIFICATE": "true",
    }
    (found,) = load(Registry(), environment=environment).sources
    wanted = {"server": "db.example.com", "port": 1444, "database": "shop", "user": "reader", "password": "pw"}
    camel = MSSQLSettings.build({**wanted, "encrypt": True, "trustServerCertificate": True}, where="test")
    assert found.settings == camel


@pytest.mark.parametrize("scheme", ["mssql", "sqlserver", "mssql+pyodbc"])
def test_a_url_leads_there(scheme: str) -> None:
    url = f"{scheme}://reader:p%40ss@db.example.com:1444/shop?encrypt=strict&applicationIntent=readwrite"
    settings: Any = source(Registry(), "shop", url).settings
    assert (settings.host, settings.port, settings.database, settings.user) == (
        "db.example.com",
        1444,
        "shop",
        "reader",
    )
    assert settings.password.reveal() == "p@ss"
    assert (settings.encrypt, settings.application_intent) == ("strict", "ReadWrite")


@pytest.mark.parametrize(
    ("server", "host", "port"),
    [
        ("tcp:shop.database.windows.net,1433", "shop.database.windows.net", 1433),
        ("db.example.com, 1444", "db.example.com", 1444),
        ("db.example.com:1444", "db.example.com", 1444),
        (" db ", "db", None),
        ("db\\EXPRESS", "db\\EXPRESS", None),
        ("tcp:db\\EXPRESS,1444", "db\\EXPRESS", 1444),
        (".\\SQLEXPRESS", ".\\SQLEXPRESS", None),
        ("(local)", "(local)", None),
        ("(localdb)\\MSSQLLocalDB", "(localdb)\\MSSQLLocalDB", None),
        ("10.0.0.1,1444", "10.0.0.1", 1444),
        ("::1", "::1", None),
        ("[::1]", "::1", None),
        ("[2001:db8::1]:1444", "2001:db8::1", 1444),
        ("tcp:[::1],1444", "::1", 1444),
        ("fe80::1%eth0", "fe80::1%eth0", None),
        ("grün.example", "grün.example", None),
    ],
)
def test_the_server_may_be_written_in_many_ways(server: str, host: str, port: int | None) -> None:
    settings = build(server=server)
    assert (settings.host, settings.port) == (host, port)
    where = options(connection_string(settings, MS))["SERVER"]
    assert where == (f"{host},{port}" if port else host)


@pytest.mark.parametrize(
    "values", [{"instance": "EXPRESS"}, {"instanceName": "EXPRESS"}, {"host": "db\\EXPRESS", "instance": "express"}]
)
def test_an_instance_may_have_a_setting_of_its_own(values: dict[str, object]) -> None:
    assert build(**{"host": "db", **values}).host == "db\\EXPRESS"


def test_an_instance_may_stand_in_a_url() -> None:
    for url in ("mssql://u:p@db%5CEXPRESS/shop", "mssql://u:p@db/shop?instanceName=express"):
        settings: Any = source(Registry(), "shop", url).settings
        assert settings.host.lower() == "db\\express"


@pytest.mark.parametrize(
    "url",
    [
        "sqlserver://db:1433;databaseName=shop;user=u;password=canary",
        "mssql://u:canary/x@db/shop",
        "mssql://u:canary#x@db/shop",
    ],
)
def test_a_url_that_cannot_be_read_shows_nothing_of_its_password(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        source(Registry(), "shop", url)
    assert "canary" not in str(caught.value)
    assert "%2F" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"encrypt": "maybe"}, "'encrypt' wants yes, no or strict"),
        ({"port": 70000}, "'port' wants a number from 1 to 65535"),
        ({"port": "abc"}, "'port' wants a whole number"),
        ({"host": "np:\\\\evil\\pipe\\sql"}, "'host' wants"),
        ({"host": "admin:db"}, "'host' wants"),
        ({"host": "db;UID=sa"}, "'host' wants"),
        ({"host": "db}"}, "'host' wants"),
        ({"host": ""}, "'host' wants"),
        ({"host": "db,1433", "port": 1444}, "'host' says port 1433"),
        ({"host": "db,99999"}, "'port' wants a number from 1 to 65535"),
        ({"host": "db,abc"}, "with a port behind a comma"),
        ({"host": "http://db"}, "'host' wants"),
        ({"host": "a" * 300}, "'host' wants"),
        ({"host": "db\\a", "instance": "b"}, "two instances"),
        ({"instance": "a;UID=sa"}, "'host' wants"),
        ({"user": ""}, "who logs in: none is set"),
        ({"port": True}, "'port' wants a whole number"),
        ({"port": 1433.5}, "'port' wants a whole number"),
        ({"encrypt": ["yes"]}, "'encrypt' wants a text"),
        ({"database": ["a"]}, "'database' wants a text"),
        ({"trust_server_certificate": "ja"}, "'trust_server_certificate' wants true or false"),
        ({"lockTimeout": -1}, "'lock_timeout_s' wants a number from 0"),
        ({"sever": "db"}, "did you mean 'server'?"),
        ({"pasword": "x"}, "did you mean 'password'?"),
        ({"databse": "x"}, "did you mean 'database'?"),
        ({"DSN": "x"}, "unknown setting 'DSN'"),
        ({"odbc_connect": "DRIVER=x"}, "unknown setting 'odbc_connect'"),
        ({"user": None}, "who logs in: none is set"),
        ({"access_token": "x"}, "more than one is set"),
        ({"application_intent": "write"}, "'application_intent' wants"),
        ({"trustServerCertifcate": True}, "did you mean 'trust_server_certificate'?"),
        ({"lock_timeout_s": "soon"}, "'lock_timeout_s' wants a number"),
    ],
)
def test_a_wrong_setting_is_named(values: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build(**values)
    assert said in str(caught.value)
    assert "pw" not in str(caught.value).replace("pwd", "")


@pytest.mark.parametrize(
    "hostile",
    ["x};SERVER={evil", "}}", "}", "{", ";", "a=b;PWD=c", "x}};Driver={evil.so};", "é 🐍", "'\"", "={};=", "}" * 5],
)
@pytest.mark.parametrize("name", ["user", "password", "database"])
def test_no_value_becomes_an_option(name: str, hostile: str) -> None:
    plain = options(connection_string(build(database="d"), MS))
    found = options(connection_string(build(**{"database": "d", name: hostile}), MS))
    key = {"user": "UID", "password": "PWD", "database": "DATABASE"}[name]
    assert found == plain | {key: hostile}


@pytest.mark.parametrize("name", ["user", "password", "database"])
def test_freetds_is_given_nothing_that_it_would_misread(name: str) -> None:
    trusting = {"encrypt": "no", "database": "d"}
    assert options(connection_string(build(**{**trusting, name: "a;b=c{"}), "FreeTDS"))
    for hostile in ("x}", "x};SERVER={evil"):
        with pytest.raises(ConfigError) as caught:
            connection_string(build(**{**trusting, name: hostile}), "FreeTDS")
        assert hostile not in str(caught.value)


def test_control_characters_are_refused() -> None:
    with pytest.raises(ConfigError):
        connection_string(build(password="a\x00b"), MS)


def test_reads_ask_for_a_secondary_and_writes_for_the_primary() -> None:
    assert options(connection_string(build(), MS))["ApplicationIntent"] == "ReadOnly"
    assert options(connection_string(build(read_only=False), MS))["ApplicationIntent"] == "ReadWrite"
    assert options(connection_string(build(application_intent="ReadWrite"), MS))["ApplicationIntent"] == "ReadWrite"


def test_freetds_must_be_told_that_nobody_verifies() -> None:
    with pytest.raises(ConfigError) as caught:
        connection_string(build(), "FreeTDS")
    assert "trust_server_certificate" in str(caught.value)
    assert options(connection_string(build(trust_server_certificate=True), "FreeTDS"))["Encryption"] == "require"
    with pytest.raises(ConfigError):
        connection_string(MSSQLSettings.build({"access_token": "x", "encrypt": "no"}, where="test"), "FreeTDS")


def test_a_token_goes_with_its_length_and_no_account() -> None:
    assert packed_token("ab") == b"\x04\x00\x00\x00a\x00b\x00"
    settings = MSSQLSettings.build({"accessToken": "secret-token"}, where="test")
    found = connection_string(settings, MS)
    assert "UID" not in options(found)
    assert "secret-token" not in found + repr(settings)


@pytest.mark.parametrize(
    ("installed", "packaged", "expected"),
    [
        (["FreeTDS", "ODBC Driver 17 for SQL Server", MS], "/p.so", MS),
        (["FreeTDS", "ODBC Driver 17 for SQL Server"], None, "ODBC Driver 17 for SQL Server"),
        (["FreeTDS"], "/p.so", "/p.so"),
        (["PostgreSQL", "FreeTDS"], None, "FreeTDS"),
    ],
)
def test_the_best_driver_is_taken(installed: list[str], packaged: str | None, expected: str) -> None:
    assert find_driver(build(), installed, Path(packaged) if packaged else None) == expected


def test_no_driver_names_every_remedy() -> None:
    with pytest.raises(ConnectionFailed) as caught:
        find_driver(build(), ["PostgreSQL"], None)
    for remedy in ("dbmcp-mssql[driver]", "ODBC Driver 18", "FreeTDS"):
        assert remedy in str(caught.value)


def test_a_driver_that_is_not_there_is_named(tmp_path: Path) -> None:
    file = tmp_path / "driver.so"
    file.touch()
    assert find_driver(build(driver=str(file)), [], None) == str(file)
    assert find_driver(build(driver="{freetds}"), ["FreeTDS"], None) == "FreeTDS"
    with pytest.raises(ConfigError) as caught:
        find_driver(build(driver="ODBC Driver 99"), ["FreeTDS"], None)
    assert "FreeTDS" in str(caught.value)


def test_odbc_that_cannot_be_loaded_is_told_with_a_remedy(tmp_path: Path) -> None:
    said = "libodbc.so.2: cannot open shared object file: No such file or directory"
    (tmp_path / "pyodbc.py").write_text(f"raise ImportError({said!r})", encoding="utf-8")
    code = (
        "from dbmcp_core import DbmcpError, connect\n"
        "try: connect('mssql://sa:canary@127.0.0.1/shop').ping()\n"
        "except DbmcpError as exc: print(exc.code, exc)"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.startswith("connection_failed")
    for part in (said, "apt-get install unixodbc"):
        assert part in done.stdout
    assert "canary" not in done.stdout + done.stderr


def test_only_an_operator_names_a_file_that_is_loaded_or_uses_this_programs_account() -> None:
    settings = MSSQLSettings.build(
        {"driver": "/evil.so", "trusted_connection": True, "safe_functions": "f"}, where="test"
    )
    assert settings.operators_own() == ["trusted_connection", "driver", "safe_functions"]
