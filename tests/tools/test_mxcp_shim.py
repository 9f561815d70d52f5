"""Projects written for MXCP import its names, where the real package is absent and a project asks for them."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from dbmcp_core import runtime
from dbmcp_core.settings import Secret
from dbmcp_core.tools.context import CallContext, entered
from dbmcp_core.tools.mxcp import shim as mxcp_shim
from dbmcp_core.tools.user import User

pytestmark = pytest.mark.filterwarnings("ignore::ImportWarning")


@pytest.fixture
def shim() -> Iterator[None]:
    before = list(sys.meta_path)
    assert mxcp_shim.install()
    yield
    sys.meta_path[:] = before
    for name in [name for name in sys.modules if name.partition(".")[0] == "mxcp"]:
        del sys.modules[name]


def python(code: str, *paths: Path) -> str:
    head = f"import sys; sys.path[:0] = {[str(path) for path in paths]!r}\n"
    done = subprocess.run([sys.executable, "-c", head + textwrap.dedent(code)], capture_output=True, text=True)
    return done.stdout.strip() + done.stderr.strip()[-300:]


def test_the_names_lead_here(shim: None) -> None:
    from mxcp.plugins import MXCPBasePlugin, udf
    from mxcp.runtime import config, db, mcp, on_init, on_shutdown, plugins, reload_duckdb
    from mxcp.sdk.auth.context import get_user_context
    from mxcp.sdk.executor import get_execution_context

    assert (config, db, mcp, plugins) == (runtime.config, runtime.db, runtime.mcp, runtime.plugins)
    assert (on_init, on_shutdown, reload_duckdb) == (runtime.on_init, runtime.on_shutdown, runtime.reload_duckdb)
    assert issubclass(MXCPBasePlugin, runtime.Plugin)
    assert udf is runtime.udf
    assert get_user_context() is None
    assert get_execution_context() is None


def test_what_isnt_here_says_so(shim: None) -> None:
    with pytest.raises(ModuleNotFoundError, match=r"dbmcp has no 'mxcp\.server': it stands for .* mxcp\.runtime"):
        import mxcp.server  # noqa: F401
    with pytest.raises(ImportError):
        from mxcp.runtime import nothing  # noqa: F401


def test_who_calls(shim: None, context: CallContext) -> None:
    token = Secret("t0ken")
    ada = User("admin", user_id="7", username="ada", email="a@b.c", provider="github", name="Ada", external_token=token)
    call = dataclasses.replace(context, user=ada, headers={"authorization": "x"}, door="http")
    plugin = mxcp_shim.MXCPBasePlugin({"a": "1"})
    with entered(call):
        found = mxcp_shim.get_user_context()
        assert found is not None
        assert (found.username, found.email, found.external_token, found.raw_profile) == ("ada", "a@b.c", "t0ken", None)
        assert "t0ken" not in repr(found) + str(found)
        assert plugin.is_authenticated()
        assert (plugin.get_username(), plugin.get_user_email()) == ("ada", "a@b.c")
        assert (plugin.get_user_token(), plugin.get_user_provider()) == ("t0ken", "github")
        execution = mxcp_shim.get_execution_context()
        assert execution is not None
        assert execution.get("request_headers") == {"authorization": "x"}
        assert execution.get("transport") == "http"
        assert execution.get("none", 3) == 3
        assert execution.username == "ada"
        assert execution.get("site_config")["project"] == "shop"
    with entered(context):
        assert mxcp_shim.get_user_context() is None
        assert not plugin.is_authenticated()
        assert plugin.get_username() is None
        nobody = mxcp_shim.get_execution_context()
        assert nobody is not None
        assert nobody.get("request_headers") is None


def test_nothing_changes_until_a_project_asks_for_it() -> None:
    code = """
        import dbmcp_core.runtime, dbmcp_core.tools.mxcp.shim as shim
        try:
            import mxcp
        except ModuleNotFoundError as exc:
            print(exc)
        print(shim.install(), shim.install())
        import mxcp.runtime
        print(mxcp.runtime.db is dbmcp_core.runtime.db)
    """
    assert python(code).split("\n") == ["No module named 'mxcp'", "True True", "True"]


def test_the_real_package_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mxcp").mkdir()
    (tmp_path / "mxcp/__init__.py").write_text("")
    (tmp_path / "mxcp/runtime.py").write_text("real = True\n")
    code = """
        import dbmcp_core.tools.mxcp.shim as shim
        print(shim.install())
        import mxcp.runtime
        print(mxcp.runtime.real)
    """
    assert python(code, tmp_path).split("\n") == ["False", "True"]
