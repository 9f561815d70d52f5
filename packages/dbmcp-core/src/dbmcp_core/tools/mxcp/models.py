"""The keys of ``mxcp-site.yml`` and of MXCP's user configuration, all of them; what is unknown is an error."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, field_validator

__all__ = ["ExtensionEntry", "Paths", "Profile", "SecretEntry", "Site", "Transport", "User", "UserProfile"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, protected_namespaces=())


class _Versioned(_Model):
    mxcp: Any = 1

    @field_validator("mxcp")
    @classmethod
    def _is_known(cls, value: Any) -> Any:
        if str(value) not in ("1", "1.0"):
            raise ValueError(f"wants 1: version {value!r} of the format isn't known")
        return value


class PluginEntry(_Model):
    """One plugin of the site."""

    name: str
    module: str
    config: str | None = None


class ExtensionEntry(_Model):
    """One extension of DuckDB that isn't in its core repository."""

    name: str
    repo: Literal["core", "community", "core_nightly"] | None = None


class Described(_Model):
    """A tool whose description may be another one."""

    description: str | None = None


class SqlTools(_Model):
    """The three tools that run SQL."""

    enabled: StrictBool = False
    execute_sql_query: Described = Described()
    list_tables: Described = Described()
    get_table_schema: Described = Described()


class Paths(_Model):
    """Where what kind of file is."""

    tools: str = "tools"
    resources: str = "resources"
    prompts: str = "prompts"
    evals: str = "evals"
    python: str = "python"
    plugins: str = "plugins"
    sql: str = "sql"
    drift: str = "drift"
    audit: str = "audit"
    data: str = "data"


class DuckDB(_Model):
    """The database of a profile."""

    path: str | None = None
    readonly: StrictBool = False


class Drift(_Model):
    """The snapshot of a profile."""

    path: str | None = None


class Audit(_Model):
    """The records of a profile."""

    enabled: StrictBool = False
    path: str | None = None
    max_file_size: int | None = None


class Profile(_Model):
    """What a profile of the site has of its own."""

    duckdb: DuckDB | None = None
    drift: Drift | None = None
    audit: Audit | None = None


class Site(_Versioned):
    """``mxcp-site.yml``."""

    project: str = Field(min_length=1)
    profile: str = Field(min_length=1)
    secrets: list[str] | None = None
    plugin: list[PluginEntry] | None = None
    extensions: list[str | ExtensionEntry] | None = None
    dbt: dict[str, Any] | None = None
    sql_tools: SqlTools | None = None
    paths: Paths | None = None
    profiles: dict[str, Profile | None] | None = None


class SecretEntry(_Model):
    """One secret of the user's."""

    name: str
    type: str
    parameters: dict[str, Any] = {}


class PluginConfigs(_Model):
    """The configurations of plugins, by their own names."""

    config: dict[str, dict[str, Any]] | None = None


class UserProfile(_Model):
    """What the user has for one profile of one project."""

    secrets: list[SecretEntry] | None = None
    plugin: PluginConfigs | None = None
    auth: dict[str, Any] | None = None
    telemetry: dict[str, Any] | None = None


class UserProject(_Model):
    """What the user has for one project."""

    profiles: dict[str, UserProfile | None] | None = None


class Http(_Model):
    """Where the server listens."""

    port: int | None = None
    host: str | None = None
    scheme: str | None = None
    base_url: str | None = None
    trust_proxy: StrictBool | None = None
    stateless: StrictBool | None = None


class Transport(_Model):
    """How the server is reached."""

    provider: Literal["streamable-http", "sse", "stdio"] | None = None
    http: Http | None = None


class User(_Versioned):
    """MXCP's user configuration: secrets, plugins' settings, the transport."""

    projects: dict[str, UserProject | None] | None = None
    vault: dict[str, Any] | None = None
    onepassword: dict[str, Any] | None = None
    transport: Transport | None = None
    models: dict[str, Any] | None = None
    logging: dict[str, Any] | None = None
