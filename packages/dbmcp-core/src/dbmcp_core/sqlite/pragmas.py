"""Which of SQLite's pragmas only read. https://sqlite.org/pragma.html"""

from __future__ import annotations

__all__ = ["LOOKUPS", "VALUES", "reads_pragma"]

#: Read whatever their argument, which names what to look up.
LOOKUPS = frozenset(
    {
        "collation_list",
        "compile_options",
        "database_list",
        "foreign_key_check",
        "foreign_key_list",
        "function_list",
        "index_info",
        "index_list",
        "index_xinfo",
        "integrity_check",
        "module_list",
        "pragma_list",
        "quick_check",
        "stats",
        "table_info",
        "table_list",
        "table_xinfo",
    }
)
#: Read as long as no value is given; with one they would set it.
VALUES = frozenset(
    {
        "application_id",
        "auto_vacuum",
        "automatic_index",
        "busy_timeout",
        "cache_size",
        "cache_spill",
        "cell_size_check",
        "checkpoint_fullfsync",
        "data_version",
        "defer_foreign_keys",
        "encoding",
        "foreign_keys",
        "freelist_count",
        "fullfsync",
        "hard_heap_limit",
        "ignore_check_constraints",
        "journal_mode",
        "journal_size_limit",
        "legacy_alter_table",
        "locking_mode",
        "max_page_count",
        "mmap_size",
        "page_count",
        "page_size",
        "query_only",
        "read_uncommitted",
        "recursive_triggers",
        "reverse_unordered_selects",
        "schema_version",
        "secure_delete",
        "soft_heap_limit",
        "synchronous",
        "temp_store",
        "threads",
        "trusted_schema",
        "user_version",
        "wal_autocheckpoint",
    }
)


def reads_pragma(name: str, value: str | None) -> bool:
    """Return whether ``PRAGMA name`` (``= value`` or ``(value)`` where *value* isn't None) only reads."""
    plain = name.lower()
    return plain in LOOKUPS or (plain in VALUES and value is None)
