"""Who may import whom, read from the sources; and what ``import dbmcp_core`` loads."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGES = Path(__file__).resolve().parents[2] / "packages"
CORE = PACKAGES / "dbmcp-core" / "src" / "dbmcp_core"
SERVER = PACKAGES / "dbmcp-server" / "src" / "dbmcp_server"

#: The engine plugins of this repository.
PLUGINS = {
    path.parent.name: path.parent
    for path in sorted(PACKAGES.glob("*/src/*/__init__.py"))
    if path.parent.name not in ("dbmcp_core", "dbmcp_server")
}
DRIVERS = ["psycopg", "pymysql", "duckdb", "pyodbc", "mssql_python_odbc", "databricks", "pyarrow", "urllib3"]
DRIVERS += ["pymongo", "bson", "sqlalchemy", "chromadb", "numpy", "httpx"]
#: What core may import when it is imported, beyond the standard library.
AT_IMPORT = {"dbmcp_core", "pluggy"}
#: What it may import later, when it needs it.
LATE = AT_IMPORT | {"importlib_metadata", "sqlglot"}
#: What the packages of core that stand behind an extra may import.
EXTRAS = {
    "testing": {"pytest", "hypothesis"},
    "sql": {"sqlalchemy"},
    "tools": {"pydantic", "jinja2", "yaml", "cel_expr_python"},
}
#: Packages of core that other modules of core don't know, but for those named.
#: Facts of SQLite that the guard shares with its engine: a list of names, and no more.
PRAGMAS = "dbmcp_core.sqlite.pragmas."
PRIVATE = {
    "dbmcp_core.sqlite": {"registry.py"},
    "dbmcp_core.testing": set(),
    "dbmcp_core.guard": {
        *("executor.py", "binding.py", "tools/sql/checking.py", "tools/sql/references.py", "tools/sql/returns.py")
    },
}
#: What an engine stands on: no more than any plugin does.
ENGINE_KNOWS = {"database", "errors", "hookspecs", "running", "schema", "settings", "statement", "values", "sqlite"}


def imports(path: Path, *, late: bool = True) -> Iterator[str]:
    """Yield the modules that *path* imports, those for types alone left out; *late* takes those in functions too."""
    nodes: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            nodes += node.orelse
            continue
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not late:
            continue
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield from (f"{node.module}.{name.name}" for name in node.names)
        nodes += ast.iter_child_nodes(node)


def top(module: str) -> str:
    return module.partition(".")[0]


def modules(package: Path) -> list[Path]:
    return sorted(package.rglob("*.py"))


@pytest.mark.parametrize("path", modules(CORE), ids=lambda path: str(path.relative_to(CORE)))
def test_core_stands_on_little(path: Path) -> None:
    extra = EXTRAS.get(path.relative_to(CORE).parts[0], set())
    allowed = LATE | extra
    foreign = {top(module) for module in imports(path)} - sys.stdlib_module_names - allowed
    assert foreign == set()


@pytest.mark.parametrize("path", modules(CORE), ids=lambda path: str(path.relative_to(CORE)))
def test_only_who_must_knows_a_private_package(path: Path) -> None:
    relative = path.relative_to(CORE)
    for package, friends in PRIVATE.items():
        if package.removeprefix("dbmcp_core.") == relative.parts[0] or str(relative) in friends:
            continue
        known = [module for module in imports(path) if module == package or module.startswith(f"{package}.")]
        known = [module for module in known if not module.startswith(PRAGMAS)]
        assert known == [], f"{relative} imports {package}"


@pytest.mark.parametrize("path", modules(CORE / "sqlite"), ids=lambda path: path.name)
def test_sqlite_knows_no_more_than_a_plugin(path: Path) -> None:
    ours = {module.split(".")[1] for module in imports(path) if top(module) == "dbmcp_core"}
    assert ours <= ENGINE_KNOWS


@pytest.mark.parametrize("path", modules(SERVER), ids=lambda path: str(path.relative_to(SERVER)))
def test_the_server_knows_no_engine(path: Path) -> None:
    engines = {path.name.replace("-", "_") for path in PACKAGES.iterdir()} - {"dbmcp_core", "dbmcp_server"}
    found = [
        module
        for module in imports(path)
        if top(module) in engines or module.startswith(("dbmcp_core.sqlite", "dbmcp_core.testing"))
    ]
    assert found == []


def test_no_file_of_core_imports_a_heavy_one_at_import() -> None:
    for path in modules(CORE):
        if path.relative_to(CORE).parts[0] in {"guard", *EXTRAS}:  # these are looked at as they run, below
            continue
        foreign = {top(module) for module in imports(path, late=False)} - sys.stdlib_module_names - AT_IMPORT
        assert foreign == set(), path


HEAVY = [
    "sqlalchemy",
    "sqlglot",
    "pydantic",
    "pytest",
    "hypothesis",
    "mcp",
    "jinja2",
    "typer",
    "importlib_metadata",
    "dbmcp_server",
]


def test_import_loads_nothing_heavy() -> None:
    code = f"import sys, dbmcp_core; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("package", sorted(PLUGINS))
def test_a_plugin_loads_no_driver_before_it_is_used(package: str) -> None:
    """What one source needs, the others don't pay for: neither drivers nor SQLAlchemy."""
    code = (
        f"import sys, {package}; {package}.dbmcp_engines()[0]().settings;"
        f"print([name for name in {HEAVY + DRIVERS} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("package", sorted(PLUGINS))
def test_a_plugin_stands_on_core_and_its_driver(package: str) -> None:
    for path in modules(PLUGINS[package]):
        foreign = {top(module) for module in imports(path)} - sys.stdlib_module_names - {"dbmcp_core", package}
        assert foreign <= set(DRIVERS), path
        known = {module for module in imports(path) if module.startswith("dbmcp_core.")}
        assert not [module for module in known if module.startswith(("dbmcp_core.sqlite", "dbmcp_core.executor"))], path


def test_import_does_nothing() -> None:
    """No thread, no plugin, no log handler, no file."""
    code = (
        "import logging, threading, sys; before = set(sys.argv); import dbmcp_core, dbmcp_core.aio, dbmcp_core.encode;"
        "print(threading.active_count(), logging.getLogger().handlers, logging.getLogger('dbmcp').handlers)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1 [] []"


@pytest.mark.parametrize("package", ["dbmcp_core", "dbmcp_core.testing"])
def test_every_public_name_is_there(package: str) -> None:
    module = __import__(package, fromlist=["__all__"])
    assert set(module.__all__) <= set(dir(module))
    assert [name for name in module.__all__ if not hasattr(module, name)] == []
    assert len(set(module.__all__)) == len(module.__all__)
