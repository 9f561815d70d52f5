"""Python tools: files loaded once, functions found and called, errors told, stops that reach them."""

from __future__ import annotations

import asyncio
import dataclasses
import io
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dbmcp_core.aio import in_thread
from dbmcp_core.errors import QueryCancelled, QueryFailed, QueryTimeout, ToolFailed
from dbmcp_core.running import Running
from dbmcp_core.tools.context import CallContext
from dbmcp_core.tools.model import Resource, Tool
from dbmcp_core.tools.python.functions import Project, PythonCode, find_function, function_problems
from dbmcp_core.tools.python.modules import Modules
from dbmcp_core.tools.user import User

Write = Callable[[str, str], Path]


def tool(name: str = "f", *parameters: str, file: str | None = "x.py", code: str | None = None) -> Tool:
    given = [{"name": one, "type": "string"} for one in parameters]
    source = {"file": file} if code is None else {"code": code}
    return Tool.model_validate({"name": name, "language": "python", "source": source, "parameters": given})


def resource() -> Resource:
    return Resource.model_validate({"uri": "data://x", "language": "python", "source": {"file": "x.py"}})


def run(project: Project, context: CallContext, path: Path, name: str = "f", **arguments: Any) -> Any:
    return PythonCode(tool(name, *arguments), project, path).call(arguments, context)


# Loading


def test_a_function_is_called_by_name(project: Project, context: CallContext, write: Write) -> None:
    path = write("python/x.py", "def f(a, b='y'):\n    return [a, b]\n")
    assert run(project, context, path, a="x") == ["x", "y"]


def test_a_file_is_executed_once_for_all_its_tools_and_siblings(
    project: Project, context: CallContext, write: Write
) -> None:
    shared = write("python/shared.py", "runs = []\nruns.append(1)\ndef f():\n    return len(runs)\n")
    other = write(
        "python/other.py", "import shared\nfrom sub.deep import word\ndef g():\n    return len(shared.runs), word\n"
    )
    write("python/sub/deep.py", "import shared\nshared.runs.append(2)\nword = 'deep'\n")
    assert run(project, context, other, "g") == (2, "deep")
    assert run(project, context, shared) == 2


def test_files_of_one_name_dont_collide(project: Project, context: CallContext, write: Write) -> None:
    paths = [
        write(f"{folder}/same.py", f"def f():\n    return {folder!r}\n")
        for folder in ("python", "python/a", "python/b", "tools", "other-folder")
    ]
    assert [run(project, context, path) for path in paths] == [
        "python",
        "python/a",
        "python/b",
        "tools",
        "other-folder",
    ]


def test_two_projects_dont_collide(tmp_path: Path, context: CallContext, write: Write) -> None:
    for name in ("one", "two"):
        write(f"{name}/python/tools.py", "import helper\ndef f():\n    return helper.word\n")
        write(f"{name}/python/helper.py", f"word = {name!r}\n")
    found = []
    for name in ("one", "two"):
        project = Project(Modules(tmp_path / name))
        found.append(run(project, context, tmp_path / name / "python/tools.py"))
        project.stop()
    assert found == ["one", "two"]


def test_a_file_named_as_the_standard_library_is_loaded_and_hides_nothing(
    project: Project, context: CallContext, write: Write
) -> None:
    import json

    path = write("python/json.py", "def f():\n    return 'ours'\n")
    taken = write("python/pytest.py", "def f():\n    return 'ours, too'\n")
    late = write("python/wave.py", "def f():\n    return 'not the library'\n")
    assert [run(project, context, one) for one in (path, taken, late)] == ["ours", "ours, too", "not the library"]
    assert sys.modules["json"] is json
    assert sys.modules["pytest"] is pytest
    import wave

    assert hasattr(wave, "Wave_read")


def test_a_folder_doesnt_hide_an_installed_package(project: Project, context: CallContext, write: Write) -> None:
    write("yaml/data.txt", "")
    sys.modules.pop("yaml", None)
    path = write("python/x.py", "import yaml\ndef f():\n    return yaml.safe_load('a: 1')\n")
    assert run(project, context, path) == {"a": 1}


def test_an_edited_file_gives_new_code_even_within_a_second(tmp_path: Path, context: CallContext, write: Write) -> None:
    def answer(number: int) -> int:
        write("python/helper.py", f"n = {number}\n")
        path = write("python/x.py", "import helper\ndef f():\n    return helper.n\n")
        os.utime(tmp_path / "python/helper.py", (1, 1))  # the size and the time are the same
        project = Project(Modules(tmp_path))
        try:
            return int(run(project, context, path))
        finally:
            project.stop()

    assert [answer(1), answer(2), answer(3)] == [1, 2, 3]
    assert not list(tmp_path.rglob("*.pyc"))


def test_nothing_of_a_closed_project_stays(tmp_path: Path, context: CallContext, write: Write) -> None:
    before = (list(sys.path), list(sys.meta_path), set(sys.modules))
    project = Project(Modules(tmp_path))
    run(
        project,
        context,
        write("python/pkg/x.py", "import pkg.y\ndef f():\n    pass\n" if write("python/pkg/y.py", "") else ""),
    )
    project.stop()
    assert (list(sys.path), list(sys.meta_path), set(sys.modules)) == before


def test_what_python_itself_loaded_stays_though_the_project_is_around_it(context: CallContext, tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text("import email.mime.text\ndef f():\n    return 1\n")
    before = {name for name, module in sys.modules.items() if not name.startswith("email")}
    project = Project(Modules(Path("/")))
    assert run(project, context, path) == 1
    project.stop()
    assert before <= set(sys.modules)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "x = 1\nraise ValueError('the s3cr3t-value is wrong')\n",
            r"'python/x.py' can't be loaded: ValueError: the \*\*\* is wrong \(x.py, line 2\)",
        ),
        ("def f(:\n", r"SyntaxError: .* \(x.py, line 1\)"),
        ("import missing_entirely\n", r"ModuleNotFoundError: No module named 'missing_entirely' \(x.py, line 1\)"),
        ("import sys\nsys.exit(3)\n", r"SystemExit: 3 \(x.py, line 2\)"),
    ],
)
def test_a_file_that_cant_be_loaded_says_where(
    project: Project, context: CallContext, write: Write, text: str, expected: str
) -> None:
    path = write("python/x.py", text)
    good = write("python/good.py", "def f():\n    return 'good'\n")
    for _ in range(2):
        with pytest.raises(ToolFailed, match=expected):
            run(project, context, path)
    assert run(project, context, good) == "good"
    assert [str(one) for one in project.problems if "x.py" in str(one)]


def test_a_missing_file_is_named(project: Project, tmp_path: Path) -> None:
    code = PythonCode(tool(), project, tmp_path / "python/none.py")
    assert code.problems() == [(("source", "file"), "there is no file 'x.py'")]
    with pytest.raises(ToolFailed, match=r"There is no file '.*/python/none\.py'"):
        code.function()


def test_code_in_the_definition_itself(project: Project, context: CallContext) -> None:
    definition = tool("f", "a", code="def f(a):\n    return a * 2\n")
    assert PythonCode(definition, project, None, "tools/x.yml").call({"a": "x"}, context) == "xx"


# Finding and checking


def test_which_function_is_meant(project: Project, write: Write) -> None:
    def found(text: str, definition: Tool | Resource) -> str:
        path = write(f"python/m{abs(hash(text))}.py", text)
        return str(find_function(definition, project.modules.load(path)).__name__)

    assert found("def my_tool(): pass\n", tool("my-tool")) == "my_tool"
    assert found("def first(): pass\ndef main(): pass\n", resource()) == "main"
    assert (
        found("from os.path import join\ndef _no(): pass\ndef first(): pass\ndef second(): pass\n", resource())
        == "first"
    )
    with pytest.raises(ToolFailed, match=r"no function 'f' \(its functions: g\)"):
        found("def g(): pass\n", tool())
    with pytest.raises(ToolFailed, match=r"'f' in .* is a int"):
        found("f = 3\n", tool())


def test_parameters_must_fit() -> None:
    def some(a: str, b: str, *, c: str, d: str = "") -> None: ...
    def any_(a: str, **more: str) -> None: ...
    def places(a: str, /) -> None: ...

    assert function_problems(tool("f", "a", "b", "c"), some) == []
    assert function_problems(tool("f", "a", "x", "c"), some) == [
        (("parameters", 1, "name"), "the function some() takes no 'x'"),
        (("source",), "the function some() wants 'b', which is no parameter"),
    ]
    assert function_problems(tool("f", "a", "z"), any_) == []
    assert "by place only" in str(function_problems(tool("f", "a"), places))
    assert function_problems(tool("f"), dict) == []


def test_check_collects(project: Project, write: Write) -> None:
    path = write("python/x.py", "def f(a): pass\n")
    assert PythonCode(tool("f", "a"), project, path).check() == []
    assert len(PythonCode(tool("f", "b"), project, path).check()) == 2
    assert "no function 'g'" in str(PythonCode(tool("g"), project, path).check())


# Calling

ENDLESS = "async def f():\n    while True:\n        yield 1\n"


def test_what_a_function_returns_comes_as_it_is(project: Project, context: CallContext, write: Write) -> None:
    path = write(
        "python/x.py",
        "import dataclasses, datetime\n@dataclasses.dataclass\nclass A:\n    b: int\n"
        "def f():\n    return A(1), datetime.date(2024, 1, 1), None\n",
    )
    found = run(project, context, path)
    assert found[0].b == 1
    assert found[2] is None


@pytest.mark.parametrize(
    "code",
    [
        "def f():\n    yield from (1, 2)\n",
        "async def f():\n    for n in (1, 2):\n        yield n\n",
        "def f():\n    return map(int, '12')\n",
        "async def f():\n    return iter([1, 2])\n",
    ],
)
def test_what_a_generator_yields_is_a_list(project: Project, context: CallContext, write: Write, code: str) -> None:
    assert run(project, context, write("python/x.py", code)) == [1, 2]


def test_a_generator_runs_inside_of_its_call(project: Project, context: CallContext, write: Write) -> None:
    code = "from dbmcp_core.runtime import db\ndef f():\n    yield db.execute('SELECT 1')\n    raise KeyError('x')\n"
    with pytest.raises(ToolFailed, match="f\\(\\) failed: KeyError"):
        run(project, context, write("python/x.py", code))


@pytest.mark.parametrize("code", ["import itertools\ndef f():\n    return itertools.count()\n", ENDLESS])
def test_a_generator_that_doesn_t_end_is_ended(project: Project, context: CallContext, write: Write, code: str) -> None:
    with pytest.raises(ToolFailed, match="more than 200,000"):
        run(project, context, write("python/x.py", code))


def test_an_error_that_can_t_be_told_is_told_by_its_type(project: Project, context: CallContext, write: Write) -> None:
    code = "class E(Exception):\n    def __str__(self):\n        raise ValueError\ndef f():\n    raise E\n"
    with pytest.raises(ToolFailed, match=r"^f\(\) failed: E \(x.py, line 5\)\.$"):
        run(project, context, write("python/x.py", code))


def test_an_error_is_told_without_secret_and_traceback(
    project: Project, context: CallContext, write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    path = write("python/x.py", "def f():\n    raise KeyError('s3cr3t-value')\n")
    with caplog.at_level(logging.WARNING, "dbmcp"), pytest.raises(ToolFailed) as caught:
        run(project, context, path)
    assert str(caught.value) == "f() failed: KeyError: '***' (x.py, line 2)."
    assert caught.value.__cause__ is None
    assert "Traceback" in caplog.text
    assert "s3cr3t-value" not in caplog.text


def test_errors_of_dbmcp_stay_what_they_are(project: Project, context: CallContext, write: Write) -> None:
    path = write(
        "python/x.py", "from dbmcp_core import QueryFailed\ndef f():\n    raise QueryFailed('no such table')\n"
    )
    with pytest.raises(QueryFailed, match="no such table"):
        run(project, context, path)


@pytest.mark.parametrize("head", ["def f():", "async def f():"])
@pytest.mark.parametrize("body", ["import sys; sys.exit(1)", "raise RecursionError", "raise GeneratorExit"])
def test_a_tool_cant_end_the_server(project: Project, context: CallContext, write: Write, head: str, body: str) -> None:
    path = write("python/x.py", f"{head}\n    {body}\nasync def g():\n    return 'alive'\n")
    with pytest.raises(ToolFailed):
        run(project, context, path)
    assert run(project, context, path, "g") == "alive"


def test_async_functions_share_a_loop_and_have_their_call(project: Project, context: CallContext, write: Write) -> None:
    path = write(
        "python/x.py",
        "import asyncio\nfrom dbmcp_core.runtime import db, user\n"
        "async def f():\n    await asyncio.sleep(0)\n"
        "    return asyncio.get_running_loop(), user.role, db.execute('SELECT 1')\n",
    )
    one = run(project, dataclasses.replace(context, user=User(role="admin")), path)
    two = run(project, dataclasses.replace(context, user=User(role="clerk")), path)
    assert one[0] is two[0]
    assert [one[1], two[1]] == ["admin", "clerk"]
    assert two[2] == [{"n": 2}]


def test_many_calls_at_once_never_mix_up_their_callers(project: Project, context: CallContext, write: Write) -> None:
    path = write(
        "python/x.py",
        "import asyncio\nfrom dbmcp_core.runtime import user\n"
        "async def f():\n    before = user.username\n    await asyncio.sleep(0)\n    return before, user.username\n"
        "def g():\n    return user.username, user.username\n",
    )
    wrong: list[Any] = []

    def work(name: str) -> None:
        mine = dataclasses.replace(context, user=User(username=name), running=Running())
        found = [run(project, mine, path, kind) for kind in ("f", "g") * 20]
        wrong.extend(one for one in found if one != (name, name))

    threads = [threading.Thread(target=work, args=[f"u{number}"]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_an_async_tool_is_cancelled_and_may_clean_up(project: Project, context: CallContext, write: Write) -> None:
    path = write(
        "python/x.py",
        "import asyncio, threading\ncleaned = threading.Event()\nbegun = threading.Event()\n"
        "async def f():\n    try:\n        begun.set()\n        await asyncio.sleep(600)\n"
        "    finally:\n        await asyncio.sleep(0)\n        cleaned.set()\n",
    )
    module = project.modules.load(path)

    def stop() -> None:
        module.begun.wait()
        context.running.cancel()

    threading.Thread(target=stop).start()
    with pytest.raises(QueryCancelled), context.running.within(None):
        run(project, context, path)
    assert module.cleaned.wait(10)


def test_an_async_tool_that_ignores_its_cancellation_is_left(
    project: Project, context: CallContext, write: Write
) -> None:
    path = write(
        "python/x.py",
        "import asyncio, threading\nend = threading.Event()\n"
        "async def f():\n    while not end.is_set():\n        try:\n            await asyncio.sleep(0.01)\n"
        "        except asyncio.CancelledError:\n            pass\n",
    )
    module = project.modules.load(path)
    with pytest.raises(QueryTimeout), context.running.within(0.05):
        run(project, context, path)
    module.end.set()


def test_an_async_tool_that_blocks_the_loop_doesnt_hold_up_others(
    project: Project, context: CallContext, write: Write
) -> None:
    path = write(
        "python/x.py",
        "import threading\nbegun = threading.Event()\nend = threading.Event()\n"
        "async def f():\n    begun.set()\n    end.wait()\n    return 'late'\n"
        "async def g():\n    return 'served'\n",
    )
    module = project.modules.load(path)
    found: list[Any] = []
    blocked = threading.Thread(target=lambda: found.append(run(project, context, path)))
    blocked.start()
    module.begun.wait()
    assert run(project, dataclasses.replace(context, running=Running()), path, "g") == "served"
    module.end.set()
    blocked.join()
    assert found == ["late"]


def test_a_plain_function_that_is_stopped_is_answered_and_gets_no_further_statement(
    project: Project, context: CallContext, write: Write
) -> None:
    path = write(
        "python/x.py",
        "import threading\nfrom dbmcp_core.runtime import db\n"
        "after = []\ngo, ended = threading.Event(), threading.Event()\n"
        "def f():\n    go.wait()\n    try:\n        db.execute('DELETE FROM t')\n    except Exception as exc:\n"
        "        after.append(type(exc).__name__)\n        raise\n    finally:\n        ended.set()\n",
    )
    module = project.modules.load(path)

    def within() -> Any:
        with context.running.within(0.05):
            return run(project, context, path)

    with pytest.raises(QueryTimeout):
        asyncio.run(in_thread(context.running, within))  # answered while the function still waits
    module.go.set()
    assert module.ended.wait(10)
    assert module.after == ["QueryTimeout"]
    assert context.host.asked == []  # type: ignore[attr-defined]


def test_print_goes_to_stderr_and_nobody_elses_does(
    project: Project, context: CallContext, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, err = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    path = write(
        "python/x.py",
        "print('loading')\nimport threading\nbegun, end = threading.Event(), threading.Event()\n"
        "def f():\n    print('in f')\n    begun.set()\n    end.wait()\nasync def g():\n    print('in g')\n",
    )
    module = project.modules.load(path)
    thread = threading.Thread(target=lambda: run(project, context, path))
    thread.start()
    module.begun.wait()
    print("somebody else")
    run(project, dataclasses.replace(context, running=Running()), path, "g")
    module.end.set()
    thread.join()
    assert out.getvalue() == "somebody else\n"
    assert err.getvalue() == "loading\nin f\nin g\n"
    assert sys.stdout is out


# Before the first call and after the last


def test_hooks_run_around_the_calls_with_nobody_as_their_caller(
    project: Project, context: CallContext, write: Write
) -> None:
    write(
        "python/hooks.py",
        "from dbmcp_core.runtime import config, db, on_init, on_shutdown, user\nseen = []\n"
        "@on_init\ndef start():\n    seen.append((config.get_secret('key')['value'], user.role))\n"
        "    db.execute('CREATE TABLE t (a INT)')\n"
        "@on_init\nasync def start_more():\n    seen.append('async')\n"
        "@on_shutdown\ndef stop():\n    db.execute('DROP TABLE t')\n",
    )
    path = write("python/x.py", "import hooks\ndef f():\n    return list(hooks.seen)\n")
    admin = dataclasses.replace(context, user=User(role="admin"))
    assert run(project, admin, path) == [("s3cr3t-value", "anonymous"), "async"]
    assert run(project, admin, path) == [("s3cr3t-value", "anonymous"), "async"]
    project.stop()
    project.stop()
    asked = context.host.asked  # type: ignore[attr-defined]
    assert [text for _, text, _, _ in asked] == ["CREATE TABLE t (a INT)", "DROP TABLE t"]


def test_a_hook_that_fails_is_told_and_the_tools_work(project: Project, context: CallContext, write: Write) -> None:
    path = write(
        "python/x.py",
        "from dbmcp_core.runtime import on_init\n@on_init\ndef start():\n    raise OSError('s3cr3t-value')\n"
        "def f():\n    return 1\n",
    )
    assert run(project, context, path) == 1
    assert [str(one) for one in project.problems] == ["start() failed: OSError: *** (x.py, line 4)."]


def test_a_hook_of_a_file_elsewhere_runs_before_its_first_call(
    project: Project, context: CallContext, write: Write
) -> None:
    path = write(
        "tools/x.py",
        "from dbmcp_core.runtime import on_init\nready = []\n@on_init\ndef start():\n    ready.append(1)\n"
        "def f():\n    return ready\n",
    )
    project.start(context)
    assert run(project, context, path) == [1]


def test_the_runtime_is_light_to_import() -> None:
    names = "('pydantic', 'jinja2', 'sqlglot', 'asyncio')"
    heavy = f"import sys, dbmcp_core.runtime; print(*[name for name in {names} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
