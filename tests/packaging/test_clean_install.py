"""The built wheels, each in an environment of its own: nothing that is only in this checkout holds them up."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.packaging


class Environment:
    """A fresh virtual environment with some wheels in it."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, with_pip=True)
        self.bin = folder / ("Scripts" if sys.platform == "win32" else "bin")

    def install(self, *wheels: str | Path, extra: tuple[str, ...] = ()) -> Environment:
        run(self.bin / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *extra, *wheels)
        return self

    def python(self, code: str, *arguments: str | Path) -> str:
        # -I: neither this checkout nor PYTHONPATH is in the way
        return run(self.bin / "python", "-I", "-c", code, *arguments)


def run(*command: str | Path) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout.strip()


def make_plugin(folder: Path, name: str, code: str) -> Path:
    """Write a plugin of one module and return its folder, ready for pip."""
    folder = folder / name
    folder.mkdir(parents=True)
    module = name.replace("-", "_")
    (folder / f"{module}.py").write_text(code, encoding="utf-8")
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        f'[project]\nname = "{name}"\nversion = "1.2.3"\n[project.entry-points.dbmcp]\n{module} = "{module}"\n'
        f'[tool.hatch.build.targets.wheel]\ninclude = ["{module}.py"]\n'
    )
    return folder


BROKEN = "raise RuntimeError('this plugin is broken')"
CLASHING = """
from dbmcp_core import Engine, hookimpl

class Other(Engine):
    name = "other"
    aliases = ("sqlite",)
    def open(self, settings):
        raise NotImplementedError

@hookimpl
def dbmcp_engines():
    return [Other]
"""
MISSPELT = """
from dbmcp_core import hookimpl

@hookimpl
def dbmcp_engine():
    return []
"""


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Build a project's wheel with this environment's hatchling, once."""
    folder = tmp_path_factory.mktemp("wheels")
    built: dict[Path, Path] = {}

    def build(project: Path) -> Path:
        if project not in built:
            before = set(folder.glob("*.whl"))
            run(
                sys.executable,
                "-m",
                "pip",
                "wheel",
                "--quiet",
                "--no-deps",
                "--no-build-isolation",
                "-w",
                folder,
                project,
            )
            (built[project],) = set(folder.glob("*.whl")) - before
        return built[project]

    return build


@pytest.fixture(scope="session")
def alone(tmp_path_factory: pytest.TempPathFactory, wheels: Callable[[Path], Path]) -> Environment:
    """The core, and nothing else."""
    environment = Environment(tmp_path_factory.mktemp("alone"))
    return environment.install(wheels(ROOT / "packages" / "dbmcp-core"))


@pytest.fixture(scope="session")
def plugged(tmp_path_factory: pytest.TempPathFactory, wheels: Callable[[Path], Path]) -> Environment:
    """The core with a good plugin and three bad ones."""
    environment = Environment(tmp_path_factory.mktemp("plugged"))
    bad = tmp_path_factory.mktemp("bad")
    return environment.install(
        wheels(ROOT / "packages" / "dbmcp-core"),
        wheels(ROOT / "tests" / "example_plugin"),
        wheels(make_plugin(bad, "dbmcp-broken", BROKEN)),
        wheels(make_plugin(bad, "dbmcp-clashing", CLASHING)),
        wheels(make_plugin(bad, "dbmcp-misspelt", MISSPELT)),
    )


def test_core_alone_runs_a_query(alone: Environment) -> None:
    code = "from dbmcp_core import connect; print(connect('sqlite://').query('SELECT 40 + ?', [2]).rows)"
    assert alone.python(code) == "((42,),)"


def test_core_alone_refuses_a_write(alone: Environment) -> None:
    code = (
        "from dbmcp_core import DbmcpError, connect\n"
        "try: connect('sqlite://').query('DROP TABLE a')\n"
        "except DbmcpError as exc: print(exc.code)"
    )
    assert alone.python(code) == "not_a_read"


def test_core_asks_for_three_dependencies_and_gets_nothing_heavy(alone: Environment) -> None:
    code = (
        "import importlib.metadata as m, json;"
        "print(json.dumps([r for r in m.requires('dbmcp-core') if 'extra' not in r]))"
    )
    assert {re.split(r"[^a-z-]", name)[0] for name in json.loads(alone.python(code))} == {
        "pluggy",
        "importlib-metadata",
        "sqlglot",
    }
    listed = json.loads(run(alone.bin / "python", "-m", "pip", "list", "--format=json"))
    names = {entry["name"].lower().replace("_", "-") for entry in listed}
    assert names & {"sqlalchemy", "pydantic", "pytest", "hypothesis", "mcp", "jinja2", "typer", "rich"} == set()


def test_core_brings_its_types_and_its_kit(alone: Environment) -> None:
    code = (
        "import dbmcp_core, pathlib; folder = pathlib.Path(dbmcp_core.__file__).parent;"
        "print([(folder / name).is_file() for name in ('py.typed', 'testing/contract.py')], folder.parent.name)"
    )
    assert alone.python(code) == "[True, True] site-packages"


def test_an_engine_that_is_not_there_is_told(alone: Environment) -> None:
    code = (
        "from dbmcp_core import DbmcpError, connect\n"
        "try: connect('csvdir:/tmp')\n"
        "except DbmcpError as exc: print(exc.code, exc)"
    )
    said = alone.python(code)
    assert said.startswith("config_invalid")
    assert "No engine is called 'csvdir'" in said
    assert "dbmcp-csvdir" not in said


def test_import_loads_nothing_heavy_and_no_plugin(plugged: Environment) -> None:
    heavy = ["sqlalchemy", "sqlglot", "pydantic", "pytest", "mcp", "jinja2", "importlib_metadata"]
    code = (
        "import sys, dbmcp_core\n"
        "plugins = [name for name in sys.modules if name.startswith('dbmcp_') and not name.startswith('dbmcp_core')]\n"
        f"print(plugins + [name for name in sys.modules if name in {heavy}])"
    )
    assert plugged.python(code) == "[]"


LOADED = "[name for name in sys.modules if name.startswith('dbmcp_') and not name.startswith('dbmcp_core')]"


def test_a_plugin_is_found_through_its_entry_point(plugged: Environment, tmp_path: Path) -> None:
    (tmp_path / "price.csv").write_text("name:text,price:float\npen,1.5\n")
    code = (
        "import sys; from dbmcp_core import connect; print(connect('csvdir:' + sys.argv[1]).query('read price').rows)"
    )
    assert plugged.python(code, tmp_path) == "(('pen', 1.5),)"


@pytest.mark.parametrize(("engine", "loaded"), [("csvdir", "['dbmcp_csvdir']"), ("sqlite", "[]")])
def test_an_engine_loads_no_other_plugin(plugged: Environment, engine: str, loaded: str) -> None:
    code = f"import sys; from dbmcp_core import Registry; Registry().engine({engine!r}); print({LOADED})"
    assert plugged.python(code) == loaded


def test_connect_loads_all_for_their_policies_hold_everywhere(plugged: Environment) -> None:
    code = f"import sys; from dbmcp_core import connect; connect('sqlite://'); print({LOADED})"
    assert "dbmcp_csvdir" in plugged.python(code)


def test_bad_plugins_are_reported_and_disturb_nobody(plugged: Environment, tmp_path: Path) -> None:
    (tmp_path / "price.csv").write_text("name:text,price:float\npen,1.5\n")
    code = (
        "import json, sys; from dbmcp_core import Registry, connect\n"
        "registry = Registry(); plugins = registry.load_all()\n"
        "print(json.dumps({p.name: [p.distribution, p.version, list(p.engines), p.error] for p in plugins}))\n"
        "assert connect('csvdir:' + sys.argv[1], registry=registry).query('read price').rows == (('pen', 1.5),)\n"
        "assert connect('sqlite://', registry=registry).query('SELECT 1').rows == ((1,),)"
    )
    found = json.loads(plugged.python(code, tmp_path))
    assert found["csvdir"] == ["dbmcp-csvdir", "0.1.0", ["csvdir"], None]
    assert found["sqlite"][0] == "dbmcp-core"
    assert found["dbmcp_broken"][:3] == ["dbmcp-broken", "1.2.3", []]
    assert "this plugin is broken" in found["dbmcp_broken"][3]
    clash = found["dbmcp_clashing"][3]
    assert "'sqlite'" in clash
    assert "dbmcp-core" in clash
    assert "dbmcp-clashing" in clash
    assert "dbmcp_engine" in found["dbmcp_misspelt"][3]


def test_the_contract_kit_runs_from_the_wheel(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, wheels: Callable[[Path], Path]
) -> None:
    """What an author of an engine does: install ``dbmcp-core[testing]``, inherit, run."""
    core = wheels(ROOT / "packages" / "dbmcp-core")
    environment = Environment(tmp_path_factory.mktemp("kit"))
    environment.install(f"dbmcp-core[testing] @ {core.as_uri()}", wheels(ROOT / "tests" / "example_plugin"))
    test = (ROOT / "tests" / "example_plugin" / "test_csvdir.py").read_text(encoding="utf-8")
    (tmp_path / "test_csvdir.py").write_text(test, encoding="utf-8")
    said = run(environment.bin / "python", "-I", "-m", "pytest", "-q", "-p", "no:cacheprovider", tmp_path)
    assert "passed" in said


def test_the_server_alone_tells_its_version(
    tmp_path_factory: pytest.TempPathFactory, wheels: Callable[[Path], Path]
) -> None:
    server = ROOT / "packages" / "dbmcp-server"
    if not (server / "src" / "dbmcp_server" / "cli" / "__init__.py").is_file():
        pytest.skip("dbmcp_server.cli is not written yet")
    environment = Environment(tmp_path_factory.mktemp("server"))
    environment.install(wheels(ROOT / "packages" / "dbmcp-core"), wheels(server))
    assert "0.1.0" in run(environment.bin / "dbmcp", "--version")


def test_sql_server_alone_says_what_it_wants(
    tmp_path: Path, wheels: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With pyodbc and without any driver, as after a plain ``pip install dbmcp-mssql``."""
    packages = [wheels(ROOT / "packages" / name) for name in ("dbmcp-core", "dbmcp-mssql")]
    environment = Environment(tmp_path / "mssql")
    environment.install(f"{packages[0]}[sql]", packages[1])
    monkeypatch.setenv("ODBCSYSINI", str(tmp_path))
    monkeypatch.setenv("ODBCINSTINI", "none.ini")
    code = (
        "from dbmcp_core import DbmcpError, connect\n"
        "try: connect('mssql://sa:canary@127.0.0.1:1/shop').ping()\n"
        "except DbmcpError as exc: print(exc.code, exc)"
    )
    told = environment.python(code)
    assert told.startswith("connection_failed")
    assert "dbmcp-mssql[driver]" in told or "unixodbc" in told  # the latter where the system has no ODBC at all
    assert "canary" not in told
