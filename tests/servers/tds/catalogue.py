"""What each database holds of SQL Server's own: the ``sys`` views and functions that catalogue queries need."""

from __future__ import annotations

__all__ = ["setup"]

_HERE = "database_name = current_database() AND NOT internal AND schema_name <> 'sys'"
_TYPES = {
    "bit": "BOOLEAN", "tinyint": "UTINYINT", "smallint": "SMALLINT", "int": "INTEGER", "bigint": "BIGINT",
    "real": "FLOAT", "float": "DOUBLE", "decimal": "DECIMAL", "nvarchar": "VARCHAR", "varbinary": "BLOB",
    "date": "DATE", "time": "TIME", "datetime2": "TIMESTAMP", "datetimeoffset": "TIMESTAMP WITH TIME ZONE",
    "uniqueidentifier": "UUID",
}  # fmt: skip
_KEYS = """
SELECT table_oid::INTEGER AS object_id, constraint_name AS name, constraint_type = 'PRIMARY KEY' AS is_primary_key,
       true AS is_unique, 10000 + constraint_index AS index_id, constraint_column_names AS columns
FROM duckdb_constraints() WHERE database_name = current_database() AND constraint_type IN ('PRIMARY KEY', 'UNIQUE')
UNION ALL
SELECT table_oid::INTEGER, index_name, false, is_unique, index_oid::INTEGER,
       string_split(regexp_replace(trim(expressions, '[]'), '["'']', '', 'g'), ', ')
FROM duckdb_indexes() WHERE database_name = current_database()
"""
_REFERENCES = """
SELECT DISTINCT ON (table_oid, constraint_text) table_oid::INTEGER AS parent_object_id, constraint_name AS name,
       (table_oid * 1000 + constraint_index)::INTEGER AS object_id, constraint_column_names AS columns,
       referenced_column_names AS targets, (SELECT t.table_oid::INTEGER FROM duckdb_tables() t
            WHERE t.database_name = c.database_name AND t.schema_name = c.schema_name
            AND t.table_name = c.referenced_table) AS referenced_object_id
FROM duckdb_constraints() c WHERE database_name = current_database() AND constraint_type = 'FOREIGN KEY'
"""
_VIEWS = {
    "schemas": "SELECT DISTINCT schema_name AS name, oid::INTEGER AS schema_id FROM duckdb_schemas() WHERE "
    "database_name = current_database() AND schema_name NOT IN ('sys', 'main', 'information_schema', 'pg_catalog')",
    "objects": f"""
        SELECT table_oid::INTEGER AS object_id, table_name AS name, schema_oid::INTEGER AS schema_id, 'U' AS type,
               false AS is_ms_shipped, now()::TIMESTAMP AS modify_date FROM duckdb_tables() WHERE {_HERE}
        UNION ALL SELECT view_oid::INTEGER, view_name, schema_oid::INTEGER, 'V', false, now()::TIMESTAMP
        FROM duckdb_views() WHERE {_HERE}
        UNION ALL SELECT n.object_id, n.name, s.schema_id, n.type, false, now()::TIMESTAMP
        FROM sys.named n JOIN sys.schemas s ON s.name = n.schema_name""",
    "tables": "SELECT * FROM sys.objects WHERE type = 'U'",
    "views": "SELECT * FROM sys.objects WHERE type = 'V'",
    "partitions": f"SELECT table_oid::INTEGER AS object_id, 0 AS index_id, estimated_size::BIGINT AS rows "
    f"FROM duckdb_tables() WHERE {_HERE}",
    "types": "SELECT * FROM (VALUES "
    + ", ".join(f"('{name}', {number}, '{duck}')" for number, (name, duck) in enumerate(_TYPES.items()))
    + ") AS t (name, user_type_id, duck)",
    "columns": f"""
        SELECT c.table_oid::INTEGER AS object_id, c.column_index AS column_id, c.column_name AS name, t.user_type_id,
               CASE WHEN t.name IN ('nvarchar', 'varbinary') THEN -1 ELSE 8 END::SMALLINT AS max_length,
               coalesce(c.numeric_precision, 0)::UTINYINT AS precision, coalesce(c.numeric_scale, 0)::UTINYINT AS scale,
               c.is_nullable, coalesce(c.column_default LIKE 'nextval(%', false) AS is_identity,
               c.is_generated AS is_computed,
               CASE WHEN c.column_default IS NULL OR c.column_default LIKE 'nextval(%' THEN 0
                   ELSE c.table_oid * 1000 + c.column_index END::INTEGER
                   AS default_object_id
        FROM duckdb_columns() c JOIN sys.types t ON t.duck = regexp_replace(c.data_type, '[(].*', '') WHERE {_HERE}""",
    "default_constraints": f"SELECT (table_oid * 1000 + column_index)::INTEGER AS object_id, '(' || column_default || "
    f"')' AS definition FROM duckdb_columns() WHERE column_default NOT LIKE 'nextval(%' AND {_HERE}",
    "computed_columns": f"""
        SELECT table_oid::INTEGER AS object_id, column_index AS column_id, p.column_name IS NOT NULL AS is_persisted
        FROM duckdb_columns() c LEFT JOIN sys.persisted p
             ON (p.schema_name, p.table_name, p.column_name) = (c.schema_name, c.table_name, c.column_name)
        WHERE c.is_generated AND {_HERE.replace("schema_name", "c.schema_name")}""",
    "extended_properties": f"""
        SELECT 1 AS class, table_oid::INTEGER AS major_id, 0 AS minor_id, 'MS_Description' AS name, comment AS value
        FROM duckdb_tables() WHERE comment IS NOT NULL AND {_HERE}
        UNION ALL SELECT 1, table_oid::INTEGER, column_index, 'MS_Description', comment
        FROM duckdb_columns() WHERE comment IS NOT NULL AND {_HERE}""",
    "indexes": f"""
        SELECT k.object_id, k.name, k.index_id, k.is_unique OR coalesce(m.is_unique, false) AS is_unique,
               k.is_primary_key, m.filter_definition, false AS is_hypothetical, false AS is_disabled
        FROM ({_KEYS}) k LEFT JOIN sys.index_marks m ON m.name = k.name""",
    "index_columns": f"""
        SELECT k.object_id, k.index_id, u.n::INTEGER AS key_ordinal, false AS is_included_column, c.column_id
        FROM ({_KEYS}) k, LATERAL (SELECT unnest(k.columns) AS name, generate_subscripts(k.columns, 1) AS n) u
        JOIN sys.columns c ON c.object_id = k.object_id AND c.name = u.name
        UNION ALL SELECT k.object_id, k.index_id, 0, true, c.column_id
        FROM ({_KEYS}) k JOIN sys.index_marks m ON m.name = k.name, LATERAL (SELECT unnest(m.included) AS name) u
        JOIN sys.columns c ON c.object_id = k.object_id AND c.name = u.name""",
    "foreign_keys": f"""
        SELECT object_id, name, parent_object_id, referenced_object_id,
               'NO_ACTION' AS delete_referential_action_desc, 'NO_ACTION' AS update_referential_action_desc
        FROM ({_REFERENCES})""",
    "foreign_key_columns": f"""
        SELECT f.object_id AS constraint_object_id, u.n::INTEGER AS constraint_column_id,
               p.column_id AS parent_column_id, r.column_id AS referenced_column_id
        FROM ({_REFERENCES}) f, LATERAL (SELECT unnest(f.columns) AS own, unnest(f.targets) AS target,
                                                generate_subscripts(f.columns, 1) AS n) u
        JOIN sys.columns p ON p.object_id = f.parent_object_id AND p.name = u.own
        JOIN sys.columns r ON r.object_id = f.referenced_object_id AND r.name = u.target""",
}
#: What definitions.py writes down, since DuckDB has no such things: with SQL Server's names as far as it knows them.
_TABLES = {
    "named": "object_id INTEGER, schema_name VARCHAR, name VARCHAR, type VARCHAR",
    "sql_modules": "object_id INTEGER, definition VARCHAR",
    "assembly_modules": "object_id INTEGER, assembly_id INTEGER",
    "assemblies": "assembly_id INTEGER, name VARCHAR, permission_set TINYINT",
    "synonyms": "object_id INTEGER, name VARCHAR, base_object_name VARCHAR",
    "persisted": "schema_name VARCHAR, table_name VARCHAR, column_name VARCHAR",
    "index_marks": "name VARCHAR, is_unique BOOLEAN, filter_definition VARCHAR, included VARCHAR[]",
}
_MACROS = {
    "db_name(i := 0)": "current_database()", "suser_sname()": "'sa'", "user_name()": "'dbo'", "schema_name()": "'dbo'",
    "is_srvrolemember(role)": "1", "is_rolemember(role)": "1", "is_member(role)": "1",
    "has_perms_by_name(thing, kind, right_)": "1", "serverproperty(name)": "'16.0.4000'",
    "isnull(a, b)": "coalesce(a, b)", "datalength(a)": "octet_length(a)", "sysdatetime()": "now()::TIMESTAMP",
    "databasepropertyex(d, p)": "'READ_WRITE'", "count_big(a)": "count(a)",
    "db_id(name)": "hash(name) % 30000", "sessionproperty(name)": "1", "quotename(a)": "'[' || a || ']'",
}  # fmt: skip

_OBJECT_ID = """
CREATE MACRO sys.object_id(thing) AS (
    SELECT min(o.object_id) FROM sys.objects o JOIN sys.schemas s ON s.schema_id = o.schema_id
    WHERE s.name || '.' || o.name = replace(replace(thing, '[', ''), ']', '') OR (s.name = 'dbo' AND o.name = thing))
"""


def setup(name: str) -> list[str]:
    """Return what is run in a new database of this name, whose current schemas are ``dbo`` and ``sys``."""
    statements = [f"CREATE MACRO sys.{macro} AS ({body})" for macro, body in _MACROS.items()]
    statements += [f"CREATE TABLE sys.{table} ({columns})" for table, columns in _TABLES.items()]
    statements += [f"CREATE VIEW sys.{view} AS {body}" for view, body in _VIEWS.items()]
    # The views are read from other databases too.
    return [text.replace("current_database()", f"'{name}'") for text in [*statements, _OBJECT_ID]]
