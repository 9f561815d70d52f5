"""The road of a call, without a door: what is decided, run, checked, masked and recorded, in that order."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbmcp_core import CallRecord, Executor, Registry, Running, hookimpl
from dbmcp_core.config import source
from dbmcp_core.errors import (
    ArgumentsInvalid,
    DbmcpError,
    NotFound,
    PolicyDenied,
    QueryFailed,
    QueryStopped,
    QueryTimeout,
    ResourceExhausted,
    ResultInvalid,
    ToolFailed,
)
from dbmcp_core.tools.files.loading import load
from dbmcp_core.tools.model import TypeSpec
from dbmcp_core.tools.project import ProjectConfig, ProjectOptions
from dbmcp_core.tools.review.expectations import run
from dbmcp_core.tools.sensitive import masked
from dbmcp_core.tools.toolbox import Toolbox, ToolCall
from dbmcp_core.tools.user import User

Make = Callable[..., Toolbox]


class Records(list[CallRecord]):
    @hookimpl
    def dbmcp_record(self, record: CallRecord) -> None:
        self.append(record)


@pytest.fixture
def records() -> Records:
    return Records()


@pytest.fixture
def make(tmp_path: Path, shop: Path, records: Records, write: Callable[[str, str], Path]) -> Iterator[Make]:
    """Make a toolbox of tools, in YAML below ``tools:``, on the shop, which may be written to."""
    made: list[Toolbox] = []

    def make(tools: str, **options: Any) -> Toolbox:
        write("tools/all.yml", f"dbmcp: 1\ntools:\n{tools}")
        registry = Registry()
        registry.register(records, "records")
        sources = [source(registry, "shop", {"url": f"sqlite:///{shop}", "read_only": False})]
        config = ProjectConfig.from_options(ProjectOptions(**options), tmp_path / "dbmcp.toml", sources)
        made.append(Toolbox(load(config).require(), Executor(registry, sources), registry))
        return made[-1]

    yield make
    for one in made:
        one.close()
        one.executor.close()


def call(toolbox: Toolbox, tool: str, user: User | None = None, /, **arguments: Any) -> Any:
    return toolbox.call(ToolCall("tool", tool, arguments, user or User())).value


WRITE = """
  - name: rename
    parameters: [{name: id, type: integer}, {name: name, type: string}]
    source: {code: 'UPDATE product SET name = $name WHERE id = $id RETURNING id, name'}
    return: {type: object, properties: {id: {type: integer}, name: {type: string}}}
    policies:
      input: [{condition: "user.role != 'editor'", action: deny, reason: Only editors.}]
      output: [{condition: "true", action: mask_fields, fields: [name]}]
"""


def test_nothing_runs_before_types_and_policies_agree(make: Make, records: Records, shop: Path) -> None:
    toolbox = make(WRITE)
    with pytest.raises(ArgumentsInvalid, match="id"):
        call(toolbox, "rename", User(role="editor"), id="one", name="x")
    with pytest.raises(PolicyDenied, match="Only editors"):
        call(toolbox, "rename", User(role="intern"), id=1, name="x")
    with pytest.raises(NotFound, match="rename"):
        call(toolbox, "renam")
    assert [(one.decision, one.code) for one in records] == [
        ("failed", "invalid_arguments"),
        ("refused", "policy_denied"),
        ("failed", "not_found"),
    ]
    assert all(one.parent is None for one in records)  # no statement was run
    found = call(toolbox, "rename", User(role="editor", user_id="u7"), id=1, name="nib")
    assert found["name"] != "nib"
    statement, whole = records[-2:]
    assert (statement.parent, statement.rows) == (whole.id, 1)
    assert whole.user == {"role": "editor", "user_id": "u7"}
    assert [one["outcome"] for one in whole.decisions] == ["passed", "masked"]
    with sqlite3.connect(shop) as db:
        assert db.execute("SELECT name FROM product WHERE id = 1").fetchone() == ("nib",)
    db.close()


SHAPES = """
  - {name: rows, source: {code: SELECT id FROM product ORDER BY id}}
  - {name: one, source: {code: SELECT 7 AS n}, return: {type: integer}}
  - {name: many, source: {code: SELECT id FROM product}, return: {type: integer}}
  - {name: wrong, source: {code: SELECT name FROM product LIMIT 1}, return: {type: integer}}
  - {name: broken, source: {code: SELECT nothing FROM product}}
  - {name: two, source: {code: 'SELECT 1; DELETE FROM product'}}
"""


def test_results_have_the_form_that_is_promised(make: Make) -> None:
    toolbox = make(SHAPES)
    assert call(toolbox, "rows") == [{"id": 1}, {"id": 2}, {"id": 3}]
    assert call(toolbox, "one") == 7
    for name, error in {"many": ResultInvalid, "wrong": ResultInvalid, "broken": QueryFailed}.items():
        with pytest.raises(error):
            call(toolbox, name)
    with pytest.raises(Exception, match="one") as caught:
        call(toolbox, "two")
    assert caught.value.code == "multiple_statements"  # type: ignore[attr-defined]
    assert len(call(toolbox, "rows")) == 3


def test_a_call_is_stopped_from_another_thread(make: Make, records: Records) -> None:
    endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"
    toolbox = make(f"  - {{name: slow, source: {{code: '{endless}'}}}}\n")
    running = Running()
    timer = threading.Timer(0.2, running.cancel)
    timer.start()
    with pytest.raises(QueryStopped):
        toolbox.call(ToolCall("tool", "slow"), running)
    timer.join()
    assert [one.decision for one in records] == ["stopped", "stopped"]


def test_python_without_its_function_fails_alone(make: Make, write: Callable[[str, str], Path]) -> None:
    write("python/p.py", "def other(): pass\n")
    toolbox = make(
        "  - {name: p, language: python, source: {file: ../python/p.py}}\n"
        "  - {name: q, source: {code: SELECT 1 AS n}}\n"
    )
    with pytest.raises(ToolFailed, match="no function 'p'"):
        call(toolbox, "p")
    assert call(toolbox, "q") == [{"n": 1}]


def test_tests_that_expect_errors_fail_where_none_comes(make: Make) -> None:
    toolbox = make(
        WRITE
        + """
    tests:
      - {name: denied, arguments: &both [{key: id, value: 1}, {key: name, value: x}], denied: Only editors}
      - {name: denied for another reason, arguments: *both, denied: Sundays}
      - {name: not denied but wrong, arguments: [], denied: true}
      - {name: an error, arguments: [], error: {code: invalid_arguments, contains: id}}
      - {name: another error, arguments: [], error: {code: query_failed}}
      - {name: an editor, user_context: {role: editor}, arguments: *both, denied: true}
      - {name: no error, user_context: {role: editor}, arguments: *both, error: true}
      - {name: unexpected, arguments: [], result: []}
"""
    )
    assert [one.status for one in run(toolbox)] == [
        *("passed", "failed", "failed", "passed", "failed", "failed", "failed", "error")
    ]
    assert {one.status for one in run(toolbox, user=User(role="editor"))} == {"passed", "failed", "error"}


def test_code_that_takes_too_long_is_told_as_code(make: Make, write: Callable[[str, str], Path]) -> None:
    write("python/slow.py", "import asyncio\n\nasync def slow():\n    await asyncio.sleep(60)\n")
    toolbox = make("- {name: slow, language: python, source: {file: ../python/slow.py}}\n", timeout_s=0.1)
    with pytest.raises(QueryTimeout, match=r"The tool's code was stopped after 0\.1 s") as raised:
        call(toolbox, "slow")
    assert "timeout_s" in (raised.value.hint or "")
    assert "WHERE" not in (raised.value.hint or "")


def test_code_can_not_return_more_than_is_allowed(make: Make, write: Callable[[str, str], Path]) -> None:
    write("python/many.py", "def many(n):\n    return [{'text': 'x' * 100} for _ in range(n)]\n")
    parameters = "parameters: [{name: n, type: integer}]"
    toolbox = make(
        f"- {{name: many, {parameters}, language: python, source: {{file: ../python/many.py}}}}\n", max_bytes=10_000
    )
    assert len(call(toolbox, "many", n=80)) == 80
    with pytest.raises(ResourceExhausted, match="10,000 are the most"):
        call(toolbox, "many", n=120)


@pytest.mark.parametrize("how", ["", "async "])
def test_code_that_raises_ctrl_c_itself_ends_its_call_alone(
    make: Make, write: Callable[[str, str], Path], how: str
) -> None:
    write("python/stop.py", f"{how}def stop():\n    raise KeyboardInterrupt\n")
    toolbox = make("- {name: stop, language: python, source: {file: ../python/stop.py}}\n")
    with ThreadPoolExecutor(1) as pool, pytest.raises(ToolFailed, match="KeyboardInterrupt"):
        pool.submit(call, toolbox, "stop").result()


def test_a_module_that_is_loaded_changes_nothing(make: Make, write: Callable[[str, str], Path]) -> None:
    write(
        "python/eager.py",
        "from dbmcp_core.runtime import config, db\n\nname = config.get_setting('name', 'x')\n"
        'db.execute("DELETE FROM product")\n\ndef eager():\n    return 1\n',
    )
    toolbox = make(
        "- {name: eager, language: python, source: {file: ../python/eager.py}}\n"
        "- {name: count, source: {code: 'SELECT count(*) AS n FROM product'}}\n"
    )
    with pytest.raises(ToolFailed, match=r"db\.execute\(\) was used while its module was loaded"):
        call(toolbox, "eager")
    assert call(toolbox, "count") == [{"n": 3}]


NUMBERS = "WITH RECURSIVE n (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < {}) SELECT id FROM n"


@pytest.mark.parametrize(
    ("limits", "rows", "pages"),
    [
        ("minItems: 1500", 2_500, [1_000, 1_000, 500]),
        ("minItems: 2500, maxItems: 2500", 2_500, [1_000, 1_000, 500]),
        ("minItems: 2501", 2_500, [1_000, 1_000, "at least 2501 items, and has 2500"]),
        ("maxItems: 2400", 2_500, [1_000, 1_000, "at most 2400 items, and has more"]),
        ("maxItems: 1000", 2_500, ["at most 1000 items, and has more"]),
        ("minItems: 2", 1, ["at least 2 items"]),
    ],
)
def test_how_many_items_a_list_has_is_asked_of_its_pages_together(
    make: Make, limits: str, rows: int, pages: list[Any]
) -> None:
    code = NUMBERS.format(rows)
    toolbox = make(
        f"- {{name: all, return: {{type: array, items: {{type: integer}}, {limits}}}, source: {{code: '{code}'}}}}"
    )
    cursor: str | None = None
    for expected in pages:
        with pytest.raises(ResultInvalid, match=expected) if isinstance(expected, str) else nullcontext():
            answer = (
                toolbox.call(ToolCall("tool", "all", {}, User()))
                if cursor is None
                else toolbox.read_on(cursor, running=Running())
            )
            assert len(answer.value) == expected
            cursor = answer.cursor
    assert isinstance(pages[-1], str) or cursor is None


def test_null_is_a_result_to_expect(make: Make) -> None:
    toolbox = make(
        """
  - name: one
    source: {code: SELECT 1 AS n}
    tests: [{name: nothing, arguments: [], result: null}]
  - name: none
    source: {code: SELECT 1 AS n WHERE 1 = 0}
    tests: [{name: nothing, arguments: [], result: null}]
"""
    )
    assert [one.status for one in run(toolbox)] == ["passed", "failed"]


CANARY = "c4nary"
JSON = st.recursive(st.just(CANARY), lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("abc"), inner))


@given(JSON)
def test_what_is_sensitive_is_masked_at_every_depth(value: Any) -> None:
    leaf = {"type": "string", "sensitive": True}
    spec: dict[str, Any] = leaf
    for _ in range(8):
        spec = {"type": "object", "items": spec, "additionalProperties": spec, "properties": {"a": spec}}
    whole = TypeSpec.model_validate({"type": "object", "sensitive": True})
    assert CANARY not in str(masked(value, whole))
    if isinstance(value, (list, dict)) and not any(isinstance(part, (list, dict)) for part in _parts(value)):
        one = TypeSpec.model_validate({"type": "object", "items": leaf, "additionalProperties": leaf})
        assert CANARY not in str(masked(value, one))


def _parts(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value


@pytest.mark.parametrize("value", ["secret-4711", {"pin": "secret-4711"}, ["x", "secret-4711"]])
def test_a_sensitive_value_in_an_error_reaches_no_record_and_no_log(
    make: Make,
    records: Records,
    write: Callable[[str, str], Path],
    value: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    write("python/quote.py", "def quote(value):\n    raise ValueError(f'no such card: {value}')\n")
    write(
        "python/ask.py",
        "from dbmcp_core.runtime import db\n\n"
        "def ask(value):\n    return db.execute('SELECT * FROM missing_' || $v, {'v': str(value)})\n",
    )
    kind = {str: "string", dict: "object", list: "array"}[type(value)]
    parameters = f"parameters: [{{name: value, type: {kind}, sensitive: true}}]"
    toolbox = make(
        f"- {{name: quote, {parameters}, language: python, source: {{file: ../python/quote.py}}}}\n"
        f"- {{name: ask, {parameters}, language: python, source: {{file: ../python/ask.py}}}}\n"
        f"- {{name: sql, {parameters}, source: {{code: 'SELECT * FROM product WHERE json(:value) = 1'}}}}\n"
    )
    for name in ("quote", "ask", "sql"):
        with pytest.raises(DbmcpError) as raised:
            call(toolbox, name, value=value, undeclared="secret-4711")
        assert "secret-4711" not in str(raised.value)
        with pytest.raises(DbmcpError) if name != "sql" or kind == "string" else nullcontext():
            call(toolbox, name, value=value)
    assert "secret-4711" not in repr(list(records))
    assert "secret-4711" not in caplog.text
    assert "no such card" in caplog.text


HIDDEN = 'tön "zqx"\n\\'


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("string", HIDDEN),
        ("array", [HIDDEN]),
        ("array", json.dumps([HIDDEN])),
        ("object", {"key": HIDDEN}),
        ("object", {HIDDEN: "key"}),
        ("object", json.dumps({"key": [{"inner": HIDDEN}]}, ensure_ascii=False)),
    ],
)
@pytest.mark.parametrize(
    "quoted", ["value", "repr(value)", "json.dumps(value)", "json.dumps(value, ensure_ascii=False)"]
)
def test_a_sensitive_value_is_found_however_it_came_and_is_quoted(
    make: Make,
    records: Records,
    write: Callable[[str, str], Path],
    kind: str,
    value: Any,
    quoted: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    write("python/quote.py", f"import json\n\ndef quote(value):\n    raise ValueError(f'no such card: {{{quoted}}}')\n")
    toolbox = make(
        f"- {{name: quote, parameters: [{{name: value, type: {kind}, sensitive: true}}], "
        "language: python, source: {file: ../python/quote.py}}\n"
    )
    with pytest.raises(ToolFailed, match="no such card") as raised:
        call(toolbox, "quote", value=value)
    for text in (str(raised.value), repr(list(records)), caplog.text):
        assert "zqx" not in text


@pytest.mark.parametrize(
    "expression", ["value | upper", "'card ' ~ value", "value | replace('-', \"'\")", "value ~ '%'"]
)
def test_what_a_template_makes_of_a_sensitive_value_is_hidden_too(
    make: Make, records: Records, expression: str, caplog: pytest.LogCaptureFixture
) -> None:
    toolbox = make(
        """
- name: sql
  language: jinja
  parameters: [{name: value, type: string, sensitive: true, default: secret-4711}, {name: seen, type: string}]
  source:
    code: |-
      SELECT json_extract('{}', {{ EXPRESSION }}) + json_extract('{}', {{ seen | lower }})
""".replace("EXPRESSION", expression)
    )
    for arguments in ({}, {"value": "secret-4712"}):
        with pytest.raises(DbmcpError, match="JSON path") as raised:
            call(toolbox, "sql", seen="plain", **arguments)
        for text in (str(raised.value), repr(raised.value.details), repr(list(records)), caplog.text):
            assert "secret" not in text.lower()


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("SELECT 1 AS a {% if x %} WHERE {{ typo }} = 1 {% endif %}", "'typo' is no parameter"),
        ("SELECT 1 AS a {% if x %}; DELETE FROM product {% endif %}", "a tool runs one statement"),
        ("{% if x %}DELETE FROM product{% else %}SELECT 1 AS a{% endif %}", "it may only read"),
        ("SELECT 1 AS a", "'x' is not used"),
    ],
)
def test_a_template_that_is_wrong_on_any_branch_does_not_run_on_another(make: Make, code: str, says: str) -> None:
    toolbox = make(
        f"""
- name: sql
  language: jinja
  annotations: {{readOnlyHint: true}}
  parameters: [{{name: x, type: boolean, default: false}}]
  source: {{code: "{code}"}}
"""
    )
    for x in (False, True):
        with pytest.raises(ToolFailed, match=says):
            call(toolbox, "sql", x=x)


def test_a_result_s_sensitive_fields_are_masked_whatever_their_case() -> None:
    spec = TypeSpec.model_validate(
        {"type": "array", "items": {"type": "object", "properties": {"ssn": {"type": "string", "sensitive": True}}}}
    )
    assert masked([{"SSN": "1", "id": 2}, {"\u017fsn": "1"}], spec) == [{"SSN": "***", "id": 2}, {"\u017fsn": "***"}]


@pytest.mark.parametrize(
    ("code", "returns", "action", "seen"),
    [
        ("SELECT name FROM product WHERE id = 1", "{type: string}", "mask_fields", "****"),
        ("SELECT name FROM product WHERE id = 1", "{type: string}", "filter_fields", None),
        ("SELECT price AS Name FROM product WHERE id = 1", "{type: number}", "mask_fields", None),
        ("SELECT name FROM product", "{type: array, items: {type: string}}", "mask_fields", ["****"] * 3),
        ("SELECT name FROM product", "{type: array, items: {type: string}}", "filter_fields", [None] * 3),
        ("SELECT id AS n FROM product WHERE id = 1", "{type: integer}", "filter_fields", 1),
    ],
)
def test_a_value_alone_is_the_field_that_its_column_is(
    make: Make, records: Records, code: str, returns: str, action: str, seen: Any
) -> None:
    rule = f"{{condition: 'true', action: {action}, fields: [NAME]}}"
    toolbox = make(f"- {{name: t, source: {{code: {code}}}, return: {returns}, policies: {{output: [{rule}]}}}}\n")
    assert call(toolbox, "t") == seen
    assert "pen" not in repr([record.result for record in records])
