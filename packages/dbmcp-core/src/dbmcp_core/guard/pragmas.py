"""The PRAGMAs that only read."""

from __future__ import annotations

from collections.abc import Sequence

from dbmcp_core.guard.lexer import Lexeme, Part
from dbmcp_core.guard.vocabulary import words

__all__ = ["is_reading_pragma", "reads"]

#: SQLite: an argument says what to look up.
_LOOKUPS = words(
    """
    table_info table_xinfo table_list index_list index_info index_xinfo foreign_key_list foreign_key_check
    integrity_check quick_check
    """
)
#: SQLite: read without a value; a value would set them.
_VALUES = words(
    """
    database_list collation_list function_list module_list pragma_list compile_options encoding page_size page_count
    max_page_count freelist_count user_version application_id schema_version journal_mode journal_size_limit
    data_version auto_vacuum synchronous foreign_keys busy_timeout cache_size cache_spill mmap_size locking_mode
    temp_store secure_delete query_only recursive_triggers defer_foreign_keys ignore_check_constraints threads
    wal_autocheckpoint automatic_index read_uncommitted reverse_unordered_selects trusted_schema cell_size_check
    checkpoint_fullfsync fullfsync legacy_alter_table analysis_limit hard_heap_limit soft_heap_limit writable_schema
    stats case_sensitive_like
    """
) - {"case_sensitive_like"}
_DUCKDB = words(
    """
    table_info show_tables show_tables_expanded show_databases database_list database_size version platform
    storage_info functions collations user_agent metadata_info show
    """
)


def is_reading_pragma(name: str, *, has_arguments: bool) -> bool:
    """Tell whether SQLite's table-valued function ``pragma_<name>`` only reads."""
    return name in _LOOKUPS or (name in _VALUES and not has_arguments)


def reads(lexemes: Sequence[Lexeme], dialect: str) -> bool:
    """Tell whether ``PRAGMA …`` only reads. *lexemes* begin after the word."""
    rest = list(lexemes)
    if dialect == "sqlite" and len(rest) > 2 and rest[1].is_op("."):
        rest = rest[2:]
    if not rest or rest[0].part not in (Part.WORD, Part.QUOTED, Part.STRING):
        return False
    name, argument = rest[0].text.lower(), rest[1:]
    if not argument:
        return name in (_DUCKDB if dialect == "duckdb" else _LOOKUPS | _VALUES)
    return name in (_DUCKDB if dialect == "duckdb" else _LOOKUPS) and _is_lookup(argument, dialect)


def _is_lookup(argument: Sequence[Lexeme], dialect: str) -> bool:
    """Tell whether this is ``(value)``, or ``= value``, with a single value."""
    if argument[0].is_op("=") and dialect == "sqlite":
        value = argument[1:]
    elif argument[0].is_op("(") and argument[-1].is_op(")"):
        value = argument[1:-1]
    else:
        return False
    return len(value) == 1 and value[0].part in (Part.WORD, Part.QUOTED, Part.STRING, Part.NUMBER)
