"""A project: a folder of definitions and its configuration, loaded whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from dbmcp_core.config import Source
from dbmcp_core.errors import ConfigError
from dbmcp_core.settings import Options, nearest, setting
from dbmcp_core.tools.files import documents
from dbmcp_core.tools.files.definitions import Loaded
from dbmcp_core.tools.files.models import POLICIES
from dbmcp_core.tools.model import ProjectPolicy, Prompt
from dbmcp_core.tools.problems import Problem, ProjectInvalid

__all__ = ["FOLDERS", "Plugin", "Project", "ProjectConfig", "ProjectOptions", "path_of", "text_of"]

#: Where definitions of each kind are looked for, if nothing else is said.
FOLDERS: Mapping[str, str] = {"tool": "tools", "resource": "resources", "prompt": "prompts"}


class ProjectOptions(Options):
    """The ``[project]`` table of ``dbmcp.toml``."""

    name: str = setting("project", doc="The project's name.")
    connection: str | None = setting(
        None, doc="The source that definitions run on which name none; left out, the only one there is."
    )
    tools: str = setting("tools", doc="The folder of the tools, and of shared types and policies.")
    resources: str = setting("resources", doc="The folder of the resources.")
    prompts: str = setting("prompts", doc="The folder of the prompts.")
    python: str = setting("python", doc="The folder that Python code imports from.")
    decimals: str = setting("exact", doc="How decimals leave: 'exact', or 'float', which rounds.")
    timeout_s: float = setting(60.0, doc="Seconds until a call of Python code is stopped.")
    max_bytes: int = setting(5_000_000, doc="Size of what a call of Python code may return, in bytes.")
    ad_hoc: bool = setting(
        False,
        doc="Offer execute-query and its like beside the project's tools, whose policies don't hold there.",
    )
    audit: str | None = setting(None, doc="The file that calls are recorded in, chained by hashes.")
    audit_results: bool = setting(False, doc="Record what calls return, too; what is sensitive is masked.")
    drift: str = setting("drift/snapshot.json", doc="The file of the snapshot that 'drift check' compares with.")

    def __post_init__(self) -> None:
        if self.decimals not in ("exact", "float"):
            raise ValueError(f"'decimals' wants 'exact' or 'float', not {self.decimals!r}")


@dataclass(frozen=True, slots=True)
class Plugin:
    """A Python plugin of a project: its name, its module and its configuration."""

    name: str
    module: str
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ProjectConfig:
    """What a project is configured to be, whichever file said so.

    ``kinds`` has the folders of each kind of definition.
    """

    folder: Path
    name: str
    origin: Path
    kinds: Mapping[str, Path]
    sources: Sequence[Source] = ()
    connection: str | None = None
    python: Path | None = None
    plugins_path: Path | None = None
    plugins: Sequence[Plugin] = ()
    secrets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    site_config: Mapping[str, Any] = field(default_factory=dict)
    user_config: Mapping[str, Any] = field(default_factory=dict)
    decimals: Literal["exact", "float"] = "exact"
    max_bytes: int = 5_000_000
    timeout_s: float = 60.0
    ad_hoc: bool = False
    sql_tools: Mapping[str, str | None] = field(default_factory=dict)
    audit: Path | None = None
    audit_results: bool = False
    drift: Path | None = None
    #: Whether it is a project of MXCP: only files that end with ``.yml`` count, a definition in a folder of another
    #: kind doesn't, and its code may import ``mxcp``.
    uses_mxcp: bool = False

    @property
    def endings(self) -> tuple[str, ...]:
        """How the files of definitions end."""
        return (".yml",) if self.uses_mxcp else (".yml", ".yaml")

    @classmethod
    def from_options(cls, options: ProjectOptions, origin: Path, sources: Sequence[Source]) -> ProjectConfig:
        """Return the configuration that the ``[project]`` table of the file *origin* makes."""
        folder = origin.absolute().parent
        if options.connection is not None and options.connection not in (names := [one.name for one in sources]):
            raise ConfigError(
                f"{origin}: 'connection' under [project] names {options.connection!r}, and there is no such source"
                f"{nearest(options.connection, names)}."
            )
        connection = options.connection or (sources[0].name if len(sources) == 1 else None)
        return cls(
            folder=folder,
            name=options.name,
            origin=origin,
            kinds={kind: folder / getattr(options, f"{kind}s") for kind in FOLDERS},
            sources=sources,
            connection=connection,
            python=folder / options.python,
            max_bytes=options.max_bytes,
            decimals="float" if options.decimals == "float" else "exact",
            timeout_s=options.timeout_s,
            ad_hoc=options.ad_hoc,
            audit=folder / options.audit if options.audit else None,
            audit_results=options.audit_results,
            drift=folder / options.drift,
        )


@dataclass(frozen=True, slots=True)
class Project:
    """What was loaded. ``problems`` holds warnings too; ``require`` raises where there is an error among them.

    ``disabled`` are the definitions that say ``enabled: false``: nobody can call or see them.
    """

    config: ProjectConfig
    definitions: tuple[Loaded, ...]
    policies: tuple[ProjectPolicy, ...]
    problems: tuple[Problem, ...]
    disabled: tuple[Loaded, ...] = ()

    @property
    def errors(self) -> list[Problem]:
        """The problems that keep something from working."""
        return [problem for problem in self.problems if problem.severity == "error"]

    def require(self) -> Project:
        """Return the project itself.

        Raises:
            ProjectInvalid: with every error, if there is one.
        """
        if self.errors:
            raise ProjectInvalid(self.errors)
        return self

    def without_errors(self) -> Project:
        """Return the project without the definitions that have an error.

        Raises:
            ProjectInvalid: if what is wrong are rules for many definitions: without them too much would be allowed.
        """
        rules = [problem for problem in self.errors if problem.subject == POLICIES]
        if rules:
            raise ProjectInvalid(rules)
        wrong = {problem.subject for problem in self.errors}
        return replace(self, definitions=tuple(one for one in self.definitions if one.subject not in wrong))

    def find(self, kind: str, key: str) -> Loaded | None:
        """Return the definition of this *kind* and name, or URI."""
        return next(
            (one for one in self.definitions if one.definition.kind == kind and one.definition.key == key), None
        )

    def of(self, kind: str) -> list[Loaded]:
        """Return the definitions of one *kind*, by name."""
        return [one for one in self.definitions if one.definition.kind == kind]

    def code_path(self, one: Loaded) -> Path | None:
        """Return the file that a definition's code stands in, if that is one of its own."""
        if isinstance(one.definition, Prompt) or one.definition.source.file is None:
            return None
        return path_of(one.definition.source.file, one, self.config)

    def code(self, one: Loaded) -> tuple[str, Path]:
        """Return the text of a definition's code, and the file that it stands in.

        Raises:
            ValueError: if it is in a file that can't be read.
        """
        return text_of(one, self.config)


def text_of(one: Loaded, config: ProjectConfig) -> tuple[str, Path]:
    """Return the text of a definition's code, and the file that it stands in.

    Raises:
        ValueError: if it is in a file that can't be read.
    """
    assert not isinstance(one.definition, Prompt)  # noqa: S101 - for the type checker
    source = one.definition.source
    if source.code is not None:
        return source.code, one.document.path
    path = path_of(str(source.file), one, config)
    if not path.exists():
        raise ValueError(f"there is no file {path}")
    try:
        return documents.text_of(path), path
    except ValueError as exc:
        raise ValueError(f"{path} {exc}") from None


def path_of(file: str, one: Loaded, config: ProjectConfig) -> Path:
    """Return the file that a definition names: beside its own, or from the project's folder where it begins with /."""
    if file.startswith("/"):
        inside = config.folder / file.lstrip("/")
        return inside if inside.exists() or not Path(file).exists() else Path(file)
    return Path(os.path.realpath(one.document.path.parent / file))  # unlike resolve(), it doesn't raise on a loop
