"""Which of SQLite's pragmas only read: the one list, for the guard and for the authorizer.

https://sqlite.org/pragma.html
"""

from __future__ import annotations

__all__ = ["LOOKUPS", "VALUES", "reads_pragma"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Read whatever their argument, which says what to look up.
LOOKUPS = _words(
    """
    table_info table_xinfo table_list index_list index_info index_xinfo foreign_key_list foreign_key_check
    integrity_check quick_check
    """
)
#: Read as long as no value is given; with one they would set it.
VALUES = _words(
    """
    database_list collation_list function_list module_list pragma_list compile_options encoding page_size page_count
    max_page_count freelist_count user_version application_id schema_version journal_mode journal_size_limit
    data_version auto_vacuum synchronous foreign_keys busy_timeout cache_size cache_spill mmap_size locking_mode
    temp_store secure_delete query_only recursive_triggers defer_foreign_keys ignore_check_constraints threads
    wal_autocheckpoint automatic_index read_uncommitted reverse_unordered_selects trusted_schema cell_size_check
    checkpoint_fullfsync fullfsync legacy_alter_table analysis_limit hard_heap_limit soft_heap_limit writable_schema
    stats
    """
)


def reads_pragma(name: str, value: str | None) -> bool:
    """Return whether ``PRAGMA name`` (``= value`` or ``(value)`` where *value* isn't None) only reads."""
    plain = name.lower()
    return plain in LOOKUPS or (plain in VALUES and value is None)
