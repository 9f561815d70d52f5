"""Databricks over the wire without Spark: settings as people write them, wrong hosts and tokens, broken connections."""

from __future__ import annotations

import datetime as dt
import importlib.util
import sys
import threading
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dbmcp_core import ConfigError, Statement
from dbmcp_core.config import load
from dbmcp_core.errors import ConnectionFailed, DatabaseError, QueryCancelled, QueryFailed, QueryTimeout
from dbmcp_core.registry import Registry
from dbmcp_core.running import Running
from dbmcp_core.testing.servers import require

# An SSL socket of a session that never opened is left to the garbage collector by the connector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def _start() -> Any:
    name = "dbmcp_test_databricks_start"
    if name not in sys.modules:
        path = Path(__file__).parents[1] / "servers" / "databricks" / "start.py"
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@pytest.fixture(scope="module")
def server() -> Any:
    start = _start()
    require("databricks", start.why_missing(spark=False))
    return start.running()


def opened(given: Mapping[str, object]) -> Any:
    from dbmcp_databricks import Databricks

    engine = Databricks()
    return engine.open(engine.settings.build({k: v for k, v in given.items() if v is not None}, where="tests"))


@pytest.fixture
def canned(server: Any) -> Iterator[Any]:
    with opened(server.settings("canned")) as database:
        yield database


def rows(database: Any, text: str, running: Running | None = None) -> list[tuple[Any, ...]]:
    stream = database.query(Statement(text), running or Running())
    try:
        return [row for batch in stream for row in batch]
    finally:
        stream.close()


# Settings


WHERE = {"host": "dbc-1.cloud.databricks.com", "http_path": "/sql/1.0/warehouses/abc", "token": "dapi1"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"host": "dbc-1.cloud.databricks.com/sql/1.0/warehouses/abc"}, "server_hostname"),
        ({"host": "dbc-1.cloud.databricks.com:443"}, "server_hostname"),
        ({"host": ""}, "server_hostname"),
        ({"http_path": "abc"}, "http_path"),
        ({"http_path": ""}, "connection details"),
        ({"http_path": "https://dbc-1.cloud.databricks.com/sql/1.0/warehouses/abc"}, "http_path"),
        ({"http_path": None}, "http_path"),
        ({"host": None}, "server_hostname"),
        ({"token": None}, "access_token"),
        ({"token": ""}, "access_token"),
        ({"token": "dapi 1"}, "copied"),
        ({"token": "“dapi1”"}, "copied"),
        ({"client_id": "x"}, "client_secret"),
        ({"client_id": "x", "client_secret": "y"}, "not both"),
        ({"options": "port=1"}, "_name=value"),
        ({"options": "_tls_client_cert_key_password=x"}, "without secrets"),
        ({"warehouse": "abc"}, "unknown setting"),
        ({"http-path": "/x/y"}, "twice"),
    ],
)
def test_a_wrong_setting_is_named(given: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        opened({**WHERE, **given})
    assert told in str(caught.value)
    assert "dapi1" not in str(caught.value)


@pytest.mark.parametrize(
    "host",
    [
        "dbc-1.cloud.databricks.com",
        "https://dbc-1.cloud.databricks.com/",
        "https://dbc-1.cloud.databricks.com/?o=1234567#",
        " DBC-1.cloud.databricks.com",
    ],
)
def test_a_host_is_taken_as_people_copy_it(host: str) -> None:
    assert opened({**WHERE, "host": host}).settings.server_hostname.lower() == "dbc-1.cloud.databricks.com"


@pytest.mark.parametrize(
    "url",
    [
        "databricks://token:dapi%2F1@h.example/main/sales?http_path=/sql/1.0/warehouses/abc",
        "databricks://token:dapi%2F1@h.example:443?http_path=/sql/1.0/warehouses/abc&catalog=main&schema=sales",
    ],
)
def test_a_url_spells_the_settings(url: str) -> None:
    (source,) = _from_url(url)
    settings = source.settings
    assert (settings.server_hostname, settings.port, settings.catalog, settings.schema) == (
        "h.example",
        443,
        "main",
        "sales",
    )
    assert settings.access_token.reveal() == "dapi/1"
    assert "dapi" not in repr(source)


def _from_url(url: str) -> Any:
    return load(Registry(), environment={"DBMCP_URL": url}).sources


def test_a_url_without_the_word_token_says_so() -> None:
    with pytest.raises(ConfigError, match="token:TOKEN"):
        _from_url("databricks://me:secret@h.example/main?http_path=/a/b")


def test_the_environment_makes_a_source() -> None:
    names = {
        "SERVER_HOSTNAME": "h.example",
        "HTTP_PATH": "/sql/1.0/warehouses/abc",
        "TOKEN": "dapi1",
        "CATALOG": "main",
    }
    (source,) = load(Registry(), environment={f"MCP_DATABRICKS_{name}": value for name, value in names.items()}).sources
    assert (source.name, source.settings.catalog) == ("databricks", "main")


THEIRS = {
    "DATABRICKS_HOST": "https://dbc-1.cloud.databricks.com/",
    "DATABRICKS_HTTP_PATH": "/sql/1.0/warehouses/abc",
    "DATABRICKS_TOKEN": "dapi1",
}


def _from_environment(**more: str) -> Any:
    (source,) = load(Registry(), environment={**THEIRS, **more}).sources
    return source.settings


def test_databricks_own_variables_make_a_source() -> None:
    settings = _from_environment(DATABRICKS_CATALOG="main", DATABRICKS_SCHEMA="sales")
    assert (settings.server_hostname, settings.http_path) == ("dbc-1.cloud.databricks.com", "/sql/1.0/warehouses/abc")
    assert (settings.token(), settings.catalog, settings.schema) == ("dapi1", "main", "sales")
    assert load(Registry(), environment={"DATABRICKS_HOST": "h.example", "DATABRICKS_TOKEN": "dapi1"}).sources == ()


def test_databricks_own_variables_without_a_way_to_log_in_say_so() -> None:
    with pytest.raises(ConfigError, match="'access_token', or 'client_id' with 'client_secret', is missing"):
        _from_environment(DATABRICKS_TOKEN="")


@pytest.mark.parametrize(
    ("more", "token", "client"),
    [
        ({"MCP_DATABRICKS_TOKEN": "mine"}, "mine", None),
        ({"MCP_DATABRICKS_TOKEN": "mine", "DATABRICKS_CLIENT_ID": "c", "DATABRICKS_CLIENT_SECRET": "s"}, "mine", None),
        ({"MCP_DATABRICKS_CLIENT_ID": "c", "MCP_DATABRICKS_CLIENT_SECRET": "s"}, "", "c"),
        ({"MCP_DATABRICKS_CLIENT_ID": "c", "DATABRICKS_CLIENT_SECRET": "s"}, "", "c"),
        ({"MCP_DATABRICKS_TOKEN": "mine", "DATABRICKS_AUTH_TYPE": "oauth-m2m"}, "mine", None),
        ({"DATABRICKS_TOKEN": "", "DATABRICKS_CLIENT_ID": "c", "DATABRICKS_CLIENT_SECRET": "s"}, "", "c"),
        ({"DATABRICKS_AUTH_TYPE": "pat", "DATABRICKS_CLIENT_ID": "c"}, "dapi1", "c"),
        ({"DATABRICKS_AUTH_TYPE": "oauth-m2m", "DATABRICKS_CLIENT_ID": "c", "DATABRICKS_CLIENT_SECRET": "s"}, "", "c"),
    ],
)
def test_our_own_way_to_log_in_comes_before_databricks_own(
    more: dict[str, str], token: str, client: str | None
) -> None:
    settings = _from_environment(**more)
    assert (settings.token(), settings.client_id) == (token, client)


def test_two_ways_to_log_in_are_one_too_many() -> None:
    with pytest.raises(ConfigError, match="not both"):
        _from_environment(DATABRICKS_CLIENT_ID="c", DATABRICKS_CLIENT_SECRET="s")


@pytest.mark.parametrize("kind", ["databricks-oauth", "external-browser", "azure-cli", "databricks-cli", "u2m"])
def test_a_way_to_log_in_that_needs_a_browser_is_told(kind: str) -> None:
    with pytest.raises(ConfigError, match="a server has no browser"):
        _from_environment(DATABRICKS_AUTH_TYPE=kind)


def test_private_options_are_the_operators_and_reach_the_connector(server: Any) -> None:
    given = server.settings("canned", ssl_ca=None, options=f"_tls_trusted_ca_file={server.ca_file}, _pool_maxsize=1")
    database = opened(given)
    assert {"options", "port"} <= set(database.settings.operators_own())
    assert database.settings.private_options()["_pool_maxsize"] == 1


# Reaching it


def test_a_wrong_token_says_what_to_check(server: Any) -> None:
    with pytest.raises(ConnectionFailed, match=r"HTTP 403.*Check the token") as caught:
        opened(server.settings("canned", access_token="dapi-wrong-one")).connect()
    assert "dapi-wrong-one" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/sql/1.0/warehouses/none", "http_path"),
        ("/fault/401", "token"),
        ("/fault/404", "http_path"),
        ("/fault/503", "starting"),
        ("/fault/429", "starting"),
        ("/fault/drop", "network"),
    ],
)
def test_what_the_service_answers_has_a_remedy(server: Any, path: str, told: str) -> None:
    with pytest.raises(ConnectionFailed) as caught:
        opened(server.settings(path, connect_timeout_s=1)).connect()
    assert told in (caught.value.hint or "")
    assert server.token not in str(caught.value)


def test_a_warehouse_that_starts_is_waited_for(server: Any) -> None:
    with opened(server.settings("waking", connect_timeout_s=60)) as database:
        assert rows(database, "SELECT 1") == [(1,)]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"server_hostname": "nowhere.invalid"}, "no host 'nowhere.invalid'"),
        ({"port": 1}, "can't be reached"),
        ({"ssl_ca": None}, "doesn't prove who it is"),
        ({"ssl_ca": "/no/such/file"}, "isn't there"),
    ],
)
def test_a_host_that_is_not_there_is_told_at_once(server: Any, given: dict[str, object], told: str) -> None:
    with pytest.raises(ConnectionFailed, match=told):
        opened({**server.settings("canned"), **given}).connect()


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_a_host_need_not_prove_who_it_is_where_the_operator_says_so(server: Any) -> None:
    with opened({**server.settings("canned"), "ssl_ca": None, "ssl_verify": False}) as database:
        assert rows(database, "SELECT 1") == [(1,)]


def test_a_service_principal_gets_its_token(server: Any) -> None:
    given = server.settings("canned", access_token=None, client_id="test-client", client_secret=server.token)
    with opened(given) as database:
        assert rows(database, "SELECT 1") == [(1,)]
    with pytest.raises(ConnectionFailed, match=r"^Databricks gave no OAuth token \(HTTP 401\)") as caught:
        opened({**given, "client_secret": "not-the-secret"}).connect()
    assert "client_secret" in (caught.value.hint or "")
    assert "not-the-secret" not in str(caught.value)


def test_the_connectors_own_log_stays_quiet(server: Any, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ConnectionFailed):
        opened(server.settings("canned", access_token="dapi-wrong-one")).connect()
    # Its logger for whole requests hands nothing on, but to pytest.
    assert {record.name for record in caplog.records if record.name.startswith("databricks")} <= {
        "databricks.sql.unsafe"
    }


def test_every_layer_is_asked_for_whatever_the_service_answers(canned: Any) -> None:
    assert {lock.name for lock in canned.locks()} == {"one statement", "time limit", "account"}


def test_nothing_but_statements_leaves_for_the_host(server: Any) -> None:
    with opened(server.settings("canned")) as database:
        rows(database, "SELECT 1")
    asked = {line for line in server.control("seen") if "fault" not in line and "none" not in line}
    assert {line.split()[1].rpartition("/")[0] for line in asked} <= {"/sql/1.0/warehouses", "/control", "/oidc/v1"}


# Statements


def test_an_error_in_the_middle_of_rows_is_told(canned: Any) -> None:
    with pytest.raises(QueryFailed, match="The rest is lost") as caught:
        rows(canned, "SELECT 'canned:breaks'")
    assert caught.value.details["sqlstate"] == "58030"


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("42501", "query_failed"),
        ("40001", "database_busy"),
        ("53200", "resource_exhausted"),
        ("08006", "connection_failed"),
    ],
)
def test_a_state_has_its_error(canned: Any, state: str, code: str) -> None:
    with pytest.raises(DatabaseError) as caught:
        rows(canned, f"SELECT 'canned:{state}'")
    assert caught.value.code == code
    assert caught.value.details["sqlstate"] == state


def test_a_statement_is_stopped_at_its_deadline_and_by_its_caller(canned: Any) -> None:
    running = Running()
    with pytest.raises(QueryTimeout), running.within(0.2):
        rows(canned, "SELECT 'canned:slow'", running)
    running = Running()
    threading.Timer(0.1, running.cancel).start()
    with pytest.raises(QueryCancelled), running.within(20):
        rows(canned, "SELECT 'canned:slow'", running)
    assert rows(canned, "SELECT 1") == [(1,)]


def test_a_cancel_before_the_statement_is_accepted_is_not_lost(server: Any, canned: Any) -> None:
    running = Running()
    ended: list[BaseException] = []

    def run() -> None:
        try:
            rows(canned, "SELECT 'canned:late'", running)
        except QueryCancelled as error:
            ended.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    server.control("arrived")  # the connector knows no number yet to cancel by
    running.cancel()
    server.control("accept")
    thread.join(60)
    assert len(ended) == 1
    assert rows(canned, "SELECT 1") == [(1,)]


def test_a_cancel_ends_a_wait_for_rows_by_a_session_of_its_own(canned: Any) -> None:
    running = Running()
    threading.Timer(0.2, running.cancel).start()
    with pytest.raises(QueryCancelled), running.within(20):
        rows(canned, "SELECT 'canned:stuck'", running)
    assert rows(canned, "SELECT 1") == [(1,)]


def test_a_cancel_between_pages_ends_the_stream(canned: Any) -> None:
    running = Running()
    stream = canned.query(Statement("SELECT 'canned:endless'"), running)
    assert next(iter(stream))
    running.cancel()
    with pytest.raises(QueryCancelled):
        for _ in stream:
            pass
    stream.close()


def test_an_endless_result_is_read_only_as_far_as_it_is_asked(canned: Any) -> None:
    stream = canned.query(Statement("SELECT 'canned:endless'"), Running())
    seen = 0
    for batch in stream:
        seen += len(batch)
        if seen > 5_000:
            break
    stream.close()
    assert rows(canned, "SELECT 1") == [(1,)]


def test_a_session_that_the_service_forgot_is_replaced(server: Any, canned: Any) -> None:
    rows(canned, "SELECT 1")
    server.control("forget")
    with pytest.raises(ConnectionFailed, match="ended the session"):
        rows(canned, "SELECT 1")
    assert rows(canned, "SELECT 1") == [(1,)]


def test_a_text_that_is_no_text_spoils_nothing(canned: Any) -> None:
    for statement in (Statement("SELECT '\ud800'"), Statement("SELECT ?", ("\ud800",)), Statement("SELECT ?", (b"x",))):
        with pytest.raises(QueryFailed):
            canned.query(statement, Running())
    assert rows(canned, "SELECT 1") == [(1,)]


def test_parameters_have_exact_types() -> None:
    pytest.importorskip("databricks.sql")
    from dbmcp_databricks.parameters import parameters

    noon = dt.datetime(2024, 1, 2, 12, tzinfo=dt.UTC)
    values = [
        (1, "INT", "1"),
        (2**40, "BIGINT", str(2**40)),
        (10**30, "DECIMAL(31,0)", "1" + "0" * 30),
        (Decimal("-0.50"), "DECIMAL(2,2)", "-0.50"),
        (Decimal("1E+3"), "DECIMAL(4,0)", "1000"),
        (Decimal("1E-7"), "DECIMAL(7,7)", "0.0000001"),
        (float("-inf"), "DOUBLE", "-Infinity"),
        (True, "BOOLEAN", "true"),
        (noon, "TIMESTAMP", "2024-01-02 12:00:00+00:00"),
        (noon.replace(tzinfo=None), "TIMESTAMP_NTZ", "2024-01-02 12:00:00"),
        (noon.date(), "DATE", "2024-01-02"),
        ("it's", "STRING", "it's"),
    ]
    for value, kind, text in values:
        (made,) = parameters([value])
        sent = made.as_tspark_param(named=False)
        assert (sent.type, sent.value.stringValue, sent.ordinal) == (kind, text, True)
    for value in (Decimal("NaN"), Decimal("1E40"), object(), dt.timedelta(1)):
        with pytest.raises(ValueError, match=r"can't be|a DECIMAL"):
            parameters([value])
