"""What a database holds, as frozen values: the names of the information schema, for every engine."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ColumnInfo", "ForeignKey", "IndexInfo", "SchemaInfo", "TableName", "TableSchema"]


@dataclass(frozen=True, slots=True, order=True)
class TableName:
    """The name of a table, view or collection, as the database spells it (unquoted)."""

    name: str
    schema: str | None = None
    catalog: str | None = None

    def __str__(self) -> str:
        return ".".join(part for part in (self.catalog, self.schema, self.name) if part is not None)


@dataclass(frozen=True, slots=True)
class ColumnInfo:
    """One column. ``type`` is the database's own text for it, empty where it has none."""

    name: str
    type: str
    nullable: bool = True
    is_primary_key: bool = False
    default_value: str | None = None
    comment: str | None = None
    #: ``None`` for a plain column, ``"virtual"`` or ``"stored"`` for a computed, ``"identity"`` for a counted one.
    generated: str | None = None


@dataclass(frozen=True, slots=True)
class IndexInfo:
    """One index. A column of an expression index is ``None``; ``where`` is a partial index's condition."""

    name: str
    columns: tuple[str | None, ...]
    unique: bool = False
    where: str | None = None


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A reference from ``columns`` to ``target_columns`` of ``target``, in the same order.

    ``target_columns`` is empty where the database declares only the table and the target's primary key is unknown.
    """

    columns: tuple[str, ...]
    target: TableName
    target_columns: tuple[str, ...] = ()
    name: str | None = None
    on_delete: str | None = None
    on_update: str | None = None


@dataclass(frozen=True, slots=True)
class TableSchema:
    """One table in full. ``kind`` is ``table``, ``view``, ``virtual table``, ``materialized view``, ``collection``, …

    ``estimated_rows`` comes from the database's statistics, never from counting; ``None`` where it keeps none.
    """

    name: TableName
    kind: str
    columns: tuple[ColumnInfo, ...]
    primary_key: tuple[str, ...] = ()
    indexes: tuple[IndexInfo, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    comment: str | None = None
    estimated_rows: int | None = None


@dataclass(frozen=True, slots=True)
class SchemaInfo:
    """Every table of one database, each in full, in a deterministic order."""

    database_name: str
    tables: tuple[TableSchema, ...]
