"""How a project differs from a snapshot of it: tables and columns, definitions, whether they are right and tested."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import ValidationError

from dbmcp_core.tools.model import Parameter, Prompt, Resource, Tool

__all__ = ["DefinitionChange", "Report", "TableChange", "compare"]

How = Literal["added", "removed", "modified"]
_ORDER: tuple[How, ...] = ("added", "removed", "modified")
_KINDS: Mapping[str, type[Tool | Resource | Prompt]] = {"tool": Tool, "resource": Resource, "prompt": Prompt}


@dataclass(frozen=True, slots=True)
class TableChange:
    """A table that came, went or has other columns; columns have a name and a type, modified ones two."""

    name: str
    how: How
    columns_added: list[dict[str, str]] = field(default_factory=list)
    columns_removed: list[dict[str, str]] = field(default_factory=list)
    columns_modified: list[dict[str, str]] = field(default_factory=list)

    def __str__(self) -> str:
        parts = [f"{one['name']} was removed" for one in self.columns_removed]
        parts += [f"{one['name']} {one['type']} was added" for one in self.columns_added]
        parts += [f"{one['name']} was {one['old_type']}, is {one['new_type']}" for one in self.columns_modified]
        return f"table {self.name}" + (f": {', '.join(parts)}" if self.how == "modified" else "")

    def as_dict(self) -> dict[str, Any]:
        """Return it as MXCP tells it: what there is none of is left out."""
        columns = {name: getattr(self, name) for name in ("columns_added", "columns_removed", "columns_modified")}
        return {"name": self.name, "change_type": self.how} | {key: value for key, value in columns.items() if value}


@dataclass(frozen=True, slots=True)
class DefinitionChange:
    """A definition, or a file that isn't one, that came, went or changed: which of its keys, and its two statuses."""

    path: str
    endpoint: str
    how: How
    keys: list[str] = field(default_factory=list)
    validation: tuple[str | None, str | None] | None = None
    tests: tuple[str | None, str | None] | None = None

    def __str__(self) -> str:
        parts = [", ".join(self.keys)] if self.keys else []
        parts += [
            f"{what}: was {old or 'none'}, is {new or 'none'}"
            for what, (old, new) in (("validation", self.validation or ("", "")), ("tests", self.tests or ("", "")))
            if old != new
        ]
        told = f" ({'; '.join(parts)})" if parts else ""
        return f"{self.endpoint.replace('/', ' ', 1)} in {self.path}{told}"

    def as_dict(self) -> dict[str, Any]:
        """Return it as MXCP tells it."""
        found: dict[str, Any] = {"path": self.path, "endpoint": self.endpoint, "change_type": self.how}
        if self.how != "modified":
            return {**found, "details": {f"{self.how}_resource": True}}
        pairs = {"validation_changes": self.validation, "test_changes": self.tests}
        details: dict[str, Any] = {
            name: {"old_status": pair[0], "new_status": pair[1]} for name, pair in pairs.items() if pair
        }
        if self.keys:
            details["definition_changes"] = self.keys
        return {
            **found,
            "validation_changed": self.validation is not None,
            "test_results_changed": self.tests is not None,
            "definition_changed": bool(self.keys),
            "details": details,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """All that has changed."""

    tables: list[TableChange]
    definitions: list[DefinitionChange]

    def __bool__(self) -> bool:
        return bool(self.tables or self.definitions)

    def __iter__(self) -> Iterator[TableChange | DefinitionChange]:
        yield from self.tables
        yield from self.definitions

    def as_dict(self) -> dict[str, Any]:
        """Return it as MXCP tells it."""
        summary = {
            f"{name}_{how}": sum(one.how == how for one in among)
            for name, among in (("tables", self.tables), ("resources", self.definitions))
            for how in _ORDER
        }
        return {
            "has_drift": bool(self),
            "summary": summary,
            "table_changes": [one.as_dict() for one in self.tables],
            "resource_changes": [one.as_dict() for one in self.definitions],
        }


def compare(before: Mapping[str, Any], now: Mapping[str, Any]) -> Report:
    """Return how *now* differs from *before*, two snapshots."""
    tables = [*_tables(before["tables"], now["tables"])]
    definitions = [*_definitions(before["resources"], now["resources"])]
    return Report(sorted(tables, key=_rank), sorted(definitions, key=_rank))


def _rank(one: TableChange | DefinitionChange) -> int:
    return _ORDER.index(one.how)


def _tables(before: list[dict[str, Any]], now: list[dict[str, Any]]) -> Iterator[TableChange]:
    old, new = ({one["name"]: _columns(one) for one in tables} for tables in (before, now))
    for name in sorted({*old, *new}):
        how: How = "added" if name not in old else "removed" if name not in new else "modified"
        one, two = old.get(name, {}), new.get(name, {})
        if how != "modified" or one != two:
            yield TableChange(
                name,
                how,
                [{"name": key, "type": two[key]} for key in two if key not in one],
                [{"name": key, "type": one[key]} for key in one if key not in two],
                [
                    {"name": key, "old_type": one[key], "new_type": two[key]}
                    for key in one
                    if key in two and one[key] != two[key]
                ],
            )


def _columns(table: Mapping[str, Any]) -> dict[str, str]:
    return {column["name"]: str(column.get("type")) for column in table["columns"]}


class _Definition:
    """One definition of a snapshot, or a file that is none."""

    def __init__(self, one: Mapping[str, Any]) -> None:
        validation, tests = _object(one.get("validation_results")), _object(one.get("test_results"))
        whole = _object(one.get("definition"))
        self.path = str(validation.get("path"))
        self.validation = validation.get("status")
        self.kind = next((kind for kind in _KINDS if isinstance(whole.get(kind), dict)), "")
        self.value: dict[str, Any] = dict(whole[self.kind]) if self.kind else {}
        if "return_" in self.value:  # as MXCP writes it
            self.value["return"] = self.value.pop("return_")
        # What can't be loaded isn't tested; that it has no results then says nothing more.
        self.tests = tests.get("status") if self.value else None
        key = self.value.get("uri") or self.value.get("name")
        self.endpoint = f"{self.kind}/{key}" if self.kind else self.path

    @property
    def is_dump(self) -> bool:
        """Whether it was written with all defaults, as MXCP does, which loses defaults that are null."""
        parameters = self.value.get("parameters") or []
        return "enabled" in self.value and all("sensitive" in _object(one) for one in parameters)

    def normal(self, *, with_nulls: bool) -> dict[str, Any]:
        """Return its keys without those that say what goes without saying."""
        try:
            found = _KINDS[self.kind].model_validate(self.value) if self.kind else None
        except ValidationError:  # of a version that knew other keys
            return {key: value for key, value in self.value.items() if value is not None}
        if found is None:
            return {}
        dumped = found.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        if not isinstance(found, Prompt):  # which may be said in two places, or not at all
            dumped["language"] = found.code_language
            dumped["source"].pop("language", None)
        if with_nulls:
            dumped["null defaults"] = [one.name for one in found.parameters if _is_null(one)]
        return dumped


def _is_null(parameter: Parameter) -> bool:
    return parameter.has_default and parameter.default is None


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _definitions(before: list[dict[str, Any]], now: list[dict[str, Any]]) -> Iterator[DefinitionChange]:
    old, new = ([_Definition(one) for one in resources] for resources in (before, now))
    # A file with one definition is the same one under another name; in a file with several it is known by its own.
    counts = [Counter(one.path for one in side) for side in (old, new)]
    several = {path for count in counts for path, number in count.items() if number > 1}

    def keyed(side: list[_Definition]) -> dict[tuple[str, str], _Definition]:
        return {(one.path, one.endpoint if one.path in several else ""): one for one in side}

    olds, news = keyed(old), keyed(new)
    for key in sorted({*olds, *news}):
        if key not in news:
            yield DefinitionChange(key[0], olds[key].endpoint, "removed")
        elif key not in olds:
            yield DefinitionChange(key[0], news[key].endpoint, "added")
        elif (change := _change(olds[key], news[key])) is not None:
            yield change


def _change(old: _Definition, new: _Definition) -> DefinitionChange | None:
    with_nulls = not (old.is_dump or new.is_dump)
    one, two = old.normal(with_nulls=with_nulls), new.normal(with_nulls=with_nulls)
    keys = sorted(key for key in {*one, *two} if one.get(key) != two.get(key))
    if old.kind != new.kind:
        keys = [*keys, "kind"]
    validation = (old.validation, new.validation) if old.validation != new.validation else None
    tests = (old.tests, new.tests) if old.tests != new.tests else None
    if not keys and validation is None and tests is None:
        return None
    keys = ["parameters" if key == "null defaults" else key for key in keys]
    return DefinitionChange(new.path, new.endpoint, "modified", sorted(set(keys)), validation, tests)
