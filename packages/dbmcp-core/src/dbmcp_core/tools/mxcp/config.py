"""From MXCP's two files and its environment variables to a ``ProjectConfig``.

A ``dbmcp.toml`` beside them says what they have no key for: limits, and further sources.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from dbmcp_core.config import FILE, Config
from dbmcp_core.config import load as load_ours
from dbmcp_core.config import source as make_source
from dbmcp_core.errors import ConfigError
from dbmcp_core.registry import Registry
from dbmcp_core.settings import to_bool
from dbmcp_core.tools.files import documents
from dbmcp_core.tools.files.documents import Document
from dbmcp_core.tools.files.models import validated
from dbmcp_core.tools.mxcp.models import ExtensionEntry, Paths, Profile, Site, Transport, User, UserProfile
from dbmcp_core.tools.problems import ProjectInvalid
from dbmcp_core.tools.project import FOLDERS, Plugin, ProjectConfig, ProjectOptions

__all__ = ["SITE", "Loaded", "load"]

#: The file that makes a folder a project of MXCP.
SITE = "mxcp-site.yml"
_USER = Path("~/.mxcp/config.yml")
_REFERENCE = re.compile(r"\$\{(?P<variable>[A-Za-z_][A-Za-z0-9_]*)\}")
_ELSEWHERE = re.compile(r"(?P<scheme>vault|op|file)://(?P<rest>.+)", re.DOTALL)
#: The source that is the project's own database.
_OWN = "duckdb"
#: Rows and seconds of a statement; MXCP itself knows no limits.
_LIMITS: Mapping[str, object] = {"max_rows": 10_000, "timeout_s": 600.0}
#: Bytes of what Python returns, and its seconds; as above.
_MOST_BYTES, _LONGEST_S = 50_000_000, 600.0
#: What ``[project]`` of ``dbmcp.toml`` may say here; the rest stands in MXCP's files.
_OPTIONS = ("timeout_s", "max_bytes", "decimals", "audit_results")
_TOOLS = ("execute_sql_query", "list_tables", "get_table_schema")

_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A project's configuration, its profile, how it wants to be served, and what isn't taken over.

    ``ours`` is what a ``dbmcp.toml`` beside MXCP's file says, with all sources. ``signs_in`` says whether MXCP would
    have callers sign in.
    """

    config: ProjectConfig
    profile: str
    transport: Transport
    ours: Config
    signs_in: bool = False
    notes: tuple[str, ...] = ()


def load(
    site_file: Path,
    registry: Registry,
    environment: Mapping[str, str],
    *,
    profile: str | None = None,
    read_only: bool | None = None,
    sql_tools: bool | None = None,
) -> Loaded:
    """Put together what *site_file* and the user's configuration say.

    Args:
        site_file: ``mxcp-site.yml``.
        registry: Where DuckDB and secrets come from.
        environment: ``MXCP_…`` and whatever is referred to.
        profile: The profile to use, over ``MXCP_PROFILE`` and the file's.
        read_only: Whether the database can't be written, over ``MXCP_READONLY`` and the file's.
        sql_tools: Whether the three tools that run SQL are offered, over the file's.

    Raises:
        ProjectInvalid: with everything that is wrong in the two files.
        ConfigError: for a reference that leads nowhere.
    """
    site_document, site = _read(site_file, Site)
    name = profile or environment.get("MXCP_PROFILE") or site.profile
    chosen = (site.profiles or {}).get(name) or Profile()
    user_document, user = _user(environment)
    mine = _user_profile(user, site.project, name)
    resolve = _Resolver(registry, environment, user_document)
    folder = site_file.absolute().parent
    paths = site.paths or Paths()
    places = _places(chosen, name, paths)
    secrets, notes = _secrets(mine, resolve, site.secrets or ())
    configs = (mine.plugin.config if mine.plugin is not None else None) or {}
    plugins = [
        Plugin(one.name, one.module, resolve(configs.get(one.config or "", {}), f"the plugin {one.name!r}"))
        for one in site.plugin or ()
    ]
    ours = _ours(
        registry,
        _source(
            site,
            environment.get("MXCP_DUCKDB_PATH") or places["duckdb"],
            folder,
            paths,
            {key: secret for key, secret in secrets.items() if key in (site.secrets or ())},
            plugins,
            _read_only(read_only, environment, chosen),
        ),
        folder / FILE,
        environment,
    )
    config = ProjectConfig(
        folder=folder,
        name=site.project,
        origin=site_file,
        kinds={kind: folder / getattr(paths, f"{kind}s") for kind in FOLDERS},
        connection=_OWN,
        python=folder / paths.python,
        plugins_path=folder / paths.plugins,
        plugins=plugins,
        # Python's code may have each of the user's for this project, DuckDB those that the site lists.
        secrets={key: secret["parameters"] for key, secret in secrets.items()},
        site_config=_filled(site_document.value, name, folder, places),
        user_config=user_document.value if user_document is not None and isinstance(user_document.value, dict) else {},
        decimals="float",
        max_bytes=_MOST_BYTES,
        sql_tools=_sql_tools(site, sql_tools),
        audit=folder / places["audit"] if _is_audited(chosen, environment) else None,
        audit_results=True,
        drift=folder / places["drift"],
        uses_mxcp=True,
        sources=ours.sources,
        timeout_s=_LONGEST_S,
    )
    config = replace(config, **_options(ours.project or {}, folder / FILE))
    signs_in = mine.auth is not None and mine.auth.get("provider", "none") != "none"
    notes += _not_taken(site, user, mine, signs_in=signs_in)
    return Loaded(config, name, user.transport or Transport(), ours, signs_in, tuple(notes))


def _read(path: Path, model: type[_Model]) -> tuple[Document, _Model]:
    document, problems = documents.read(path)
    value = validated(model, {} if document.value is None else document.value, document, (), problems)
    if problems or value is None:
        raise ProjectInvalid(problems)
    return document, value


def _user(environment: Mapping[str, str]) -> tuple[Document | None, User]:
    """Return the user's configuration; where there is none, an empty one."""
    given = environment.get("MXCP_CONFIG")
    path = Path(given or _USER).expanduser()
    if not path.is_file():
        if given:
            raise ConfigError(f"MXCP_CONFIG leads to {path}, where no file is.")
        return None, User()
    return _read(path, User)


def _user_profile(user: User, project: str, profile: str) -> UserProfile:
    found = (user.projects or {}).get(project)
    return ((found.profiles if found is not None else None) or {}).get(profile) or UserProfile()


def _read_only(given: bool | None, environment: Mapping[str, str], profile: Profile) -> bool:
    if given is None:
        given = _switch(environment, "MXCP_READONLY")
    return given if given is not None else profile.duckdb is not None and profile.duckdb.readonly


def _switch(environment: Mapping[str, str], name: str) -> bool | None:
    text = environment.get(name, "").strip().lower()
    try:
        return to_bool(text) if text else None
    except ValueError as exc:
        raise ConfigError(f"{name} {exc}.") from None


def _sql_tools(site: Site, wanted: bool | None) -> dict[str, str | None]:
    given = site.sql_tools
    if wanted is None:
        wanted = given is not None and given.enabled
    return {name: getattr(given, name).description if given else None for name in _TOOLS} if wanted else {}


def _is_audited(profile: Profile, environment: Mapping[str, str]) -> bool:
    given = _switch(environment, "MXCP_AUDIT_ENABLED")
    return given if given is not None else profile.audit is not None and profile.audit.enabled


def _places(profile: Profile, name: str, paths: Paths) -> dict[str, str]:
    """Return where the profile called *name* has its database, its drift snapshot and its records."""
    defaults = {
        "duckdb": f"{paths.data}/db-{name}.duckdb",
        "drift": f"{paths.drift}/drift-{name}.json",
        "audit": f"{paths.audit}/logs-{name}.jsonl",
    }
    return {part: getattr(getattr(profile, part), "path", None) or default for part, default in defaults.items()}


def _source(
    site: Site,
    database: str,
    folder: Path,
    paths: Paths,
    secrets: Mapping[str, Mapping[str, Any]],
    plugins: list[Plugin],
    read_only: bool,
) -> dict[str, object]:
    path = folder / Path(database).expanduser()
    if database == ":memory:":
        raise ConfigError("The database of a project wants to be a file; ':memory:' isn't one.")
    return {
        "engine": "duckdb",
        "filename": str(path),
        "create_if_not_exists": True,
        "read_only": read_only,
        "working_directory": str(folder),
        "external_access": True,
        "extensions": [_extension(one) for one in site.extensions or ()],
        "install_extensions": True,
        "secrets": list(secrets.values()) or None,
        "caller_functions": True,
        "plugins": [{"name": one.name, "module": one.module, "config": one.config} for one in plugins] or None,
        "plugin_path": [str(folder / paths.plugins), str(folder / paths.python), str(folder)],
    }


def _ours(registry: Registry, own: Mapping[str, object], file: Path, environment: Mapping[str, str]) -> Config:
    """Return what a ``dbmcp.toml`` beside MXCP's file says, with the project's *own* source before those it names."""
    ours = load_ours(registry, file=file, environment=environment) if file.is_file() else Config()
    project = dict(ours.project or {})
    given = project.pop(_OWN, {})
    if not isinstance(given, dict):
        raise ConfigError(f"{file}: {_OWN!r} under [project] wants a table: [project.{_OWN}].")
    for key in given:
        if key in own or key in ("url", "type"):
            raise ConfigError(f"{file}: [project.{_OWN}] has no say in {key!r}; see {SITE}.")
    others = [one for one in ours.sources if one.origin == file.name]
    if any(one.name == _OWN for one in others):
        raise ConfigError(f"{file}: {_OWN!r} is the project's own database; its settings belong into [project.{_OWN}].")
    first = make_source(registry, _OWN, {**_LIMITS, **given, **own}, origin=SITE)
    return replace(ours, sources=(first, *others), project=project)


def _options(given: Mapping[str, Any], file: Path) -> dict[str, Any]:
    for key in given:
        if key not in _OPTIONS:
            known = ", ".join((*_OPTIONS, _OWN))
            raise ConfigError(f"{file}: beside {SITE}, [project] has {known}, and no {key!r}.")
    options = ProjectOptions.build(given, where=f"{file} [project]")
    return {key: getattr(options, key) for key in given}


def _extension(one: str | ExtensionEntry) -> str:
    if isinstance(one, str):
        return one
    return one.name if one.repo in (None, "core") else f"{one.name}@{one.repo}"


def _secrets(
    mine: UserProfile, resolve: _Resolver, listed: Sequence[str]
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Return the user's secrets, and what to say of those that the site lists and the user doesn't have.

    One that the site doesn't list and that refers to nothing is left out.
    """
    found: dict[str, dict[str, Any]] = {}
    notes: list[str] = []
    for one in mine.secrets or ():
        try:
            parameters = resolve(one.parameters, f"the secret {one.name!r}")
        except ConfigError as exc:
            if one.name in listed:
                raise
            notes.append(f"Code that asks for the secret {one.name!r} won't get it: {exc}")
            continue
        found[one.name] = {"name": one.name, "type": one.type, "parameters": parameters}
    known = {one.name for one in mine.secrets or ()}
    missing = [name for name in dict.fromkeys(listed) if name not in known]
    notes += [f"The user's configuration has no secret {name!r}: what needs it will fail." for name in missing]
    return found, notes


def _filled(site: Mapping[str, Any], name: str, folder: Path, places: Mapping[str, str]) -> dict[str, Any]:
    """Return the site's configuration with the paths of the active profile that go without saying."""
    profiles = dict(site.get("profiles") or {})
    given = dict(profiles.get(name) or {})
    for part, place in places.items():
        told = dict(given.get(part) or {})
        if told.get("path") is None:
            given[part] = {**told, "path": str(folder / place)}
    return {**site, "profiles": {**profiles, name: given}}


class _Resolver:
    """Replaces ``${NAME}``, ``file://PATH`` and ``vault://…`` in values of the user's configuration."""

    def __init__(self, registry: Registry, environment: Mapping[str, str], document: Document | None) -> None:
        self._registry = registry
        self._environment = environment
        self._folder = document.path.parent if document is not None else Path()

    def __call__(self, value: Any, where: str) -> Any:
        if isinstance(value, str):
            return self._text(value, where)
        if isinstance(value, Mapping):
            return {key: self(part, where) for key, part in value.items()}
        return [self(part, where) for part in value] if isinstance(value, list) else value

    def _text(self, value: str, where: str) -> str:
        value = _REFERENCE.sub(lambda match: self._variable(match["variable"], where), value)
        match = _ELSEWHERE.fullmatch(value)
        if match is None:
            return value
        if match["scheme"] == "file":
            return _file(self._folder / Path(match["rest"]).expanduser(), where)
        found: str | None = self._registry.hook.dbmcp_secrets(scheme=match["scheme"], reference=match["rest"])
        if found is None:
            raise ConfigError(
                f"{where} refers to {match['scheme']}://, which no plugin can read.",
                hint="Put the value into the environment, or install a plugin that knows the scheme.",
            )
        return found

    def _variable(self, name: str, where: str) -> str:
        value = self._environment.get(name)
        if value is None:
            raise ConfigError(f"{where} refers to the environment variable {name}, which isn't set.")
        return value


def _file(path: Path, where: str) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "it is not UTF-8"
        raise ConfigError(f"{where} refers to the file {path}, which can't be read: {reason}.") from exc


def _not_taken(site: Site, user: User, mine: UserProfile, *, signs_in: bool) -> list[str]:
    """Return what is said in the files and isn't done here."""
    found = []
    if signs_in:
        found.append("'auth' is not taken over yet: nobody has to sign in, and every caller is anonymous.")
    if mine.telemetry:
        found.append("'telemetry' is not taken over.")
    if user.models:
        found.append("'models' is not used: evals are not taken over.")
    if site.dbt and site.dbt.get("enabled", True):
        found.append("'dbt' is not taken over: run dbt itself.")
    return found
