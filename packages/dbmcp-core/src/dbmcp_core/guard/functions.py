"""Functions that a read may not call, by dialect: groups of names, each with the reason and what a call amounts to.

A name ending in ``*`` stands for all that begin so, one beginning with ``*`` for all that end so; ``name(x)`` counts
with arguments only, ``name(x,x,x)`` with three and more. Names are lower case and without a schema:
``pg_catalog.pg_sleep`` is ``pg_sleep``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from dbmcp_core.guard.spark import SPARK_FUNCTIONS
from dbmcp_core.sqlite.pragmas import reads_pragma
from dbmcp_core.statement import Kind

__all__ = ["MANY", "UNSAFE", "Group", "is_known", "is_unsafe"]


@dataclass(frozen=True, slots=True)
class Group:
    """Functions that are unsafe for one reason. ``why`` goes on from "f() is not allowed in a read: it …"."""

    why: str
    names: tuple[str, ...]
    kind: Kind = Kind.ADMIN


def _group(why: str, names: str, kind: Kind = Kind.ADMIN) -> Group:
    return Group(why, tuple(names.split()), kind)


_SEQUENCES = _group("changes a sequence", "nextval setval", Kind.WRITE)

UNSAFE: dict[str, tuple[Group, ...]] = {
    "postgres": (
        _group("holds the session", "pg_sleep pg_sleep_for pg_sleep_until"),
        _group("takes or frees locks", "pg_advisory_* pg_try_advisory_* bt_index_check bt_index_parent_check"),
        _SEQUENCES,
        _group(
            "works on large objects, beside all rights on tables",
            """lo_close lo_creat lo_create lo_from_bytea lo_get lo_lseek lo_lseek64 lo_manage lo_open lo_put lo_tell
            lo_tell64 lo_truncate lo_truncate64 lo_unlink loread lowrite""",
            Kind.WRITE,
        ),
        _group(
            "reaches files of the server",
            """lo_export lo_import pg_read_* pg_ls_* pg_stat_file pg_file_* pg_logdir_ls pg_logfile_* xslt_process
            pg_hba_file_rules pg_ident_file_mappings pg_show_all_file_settings""",
        ),
        _group(
            "opens a connection of its own, which is not read-only",
            """dblink dblink_* postgres_fdw_* http http_get http_post http_put http_patch http_delete http_head
            http_set_curlopt http_reset_curlopt query_export_to_s3 table_import_from_s3""",
        ),
        _group(
            "runs SQL from a string, or reads what the statement doesn't name",
            """query_to_xml query_to_xmlschema query_to_xml_and_xmlschema cursor_to_xml cursor_to_xmlschema
            table_to_xml table_to_xmlschema table_to_xml_and_xmlschema schema_to_xml schema_to_xmlschema
            schema_to_xml_and_xmlschema database_to_xml database_to_xmlschema database_to_xml_and_xmlschema
            ts_stat ts_rewrite crosstab crosstab2 crosstab3 crosstab4 crosstabn crosstab_hash connectby xpath_table
            get_raw_page pg_get_wal_record* currtid currtid2""",
        ),
        _group(
            "changes settings or state of the session", "set_config setseed pg_export_snapshot pg_stat_clear_snapshot"
        ),
        _group("stops or signals other sessions", "pg_terminate_backend pg_cancel_backend pg_notify pg_log_*"),
        _group(
            "controls the server",
            """pg_reload_conf pg_rotate_logfile pg_rotate_logfile_* pg_switch_wal pg_switch_xlog pg_create_* pg_drop_*
            pg_copy_* pg_replication_* pg_logical_* pg_promote pg_wal_replay_pause pg_wal_replay_resume
            pg_xlog_replay_* pg_backup_* pg_start_backup pg_stop_backup pg_sync_replication_slots
            pg_import_system_collations pg_nextoid pg_stop_making_pinned_objects pg_extension_config_dump
            binary_upgrade_* injection_points_* pg_write_*""",
        ),
        _group(
            "changes statistics, caches or the inside of tables",
            """pg_stat_reset* pg_stat_statements_reset pg_stat_force_next_flush gin_clean_pending_list
            brin_summarize_* brin_desummarize_* pg_prewarm autoprewarm_* pg_truncate_visibility_map heap_force_*
            pg_buffercache_evict* pg_set_relation_stats pg_clear_relation_stats pg_set_attribute_stats
            pg_clear_attribute_stats pg_restore_relation_stats pg_restore_attribute_stats""",
        ),
    ),
    "mysql": (
        _group(
            "holds the session",
            """sleep benchmark master_pos_wait source_pos_wait master_gtid_wait wait_for_executed_gtid_set
            wait_until_sql_thread_after_gtids wsrep_sync_wait_upto_gtid""",
        ),
        _group(
            "takes or frees locks",
            """get_lock release_lock release_all_locks service_get_read_locks service_get_write_locks
            service_release_locks version_tokens_*""",
        ),
        _SEQUENCES,
        _group("changes what the session remembers", "last_insert_id(x)"),
        _group("reaches files of the server", "load_file"),
        _group(
            "runs programs or reaches out",
            """sys_exec sys_eval sys_get sys_set sys_bineval lib_mysqludf_* do_system udf_* http_* spider_*
            mroonga_command""",
        ),
        _group(
            "controls the server or its secrets",
            """keyring_* group_replication_* asynchronous_connection_failover_* audit_log_* audit_api_*
            mysql_firewall_* firewall_* set_firewall_mode load_rewrite_rules flush_rewrite_rules""",
        ),
    ),
    "sqlite": (
        _group("loads code", "load_extension fts3_tokenizer"),
        _group(
            "reaches files",
            """readfile writefile edit fsdir lsdir zipfile zipfile_cds blobfromfile blobtofile importshp exportshp
            importdbf exportdbf exportkml exportgeojson xb_loadxml xb_storexml""",
        ),
        _group("reads the file beside all tables", "sqlite_dbpage sqlite_dbdata sqlite_dbptr"),
        _group("runs SQL from a string", "eval sha3_query"),
        _group("reaches out", "http_*"),
        _group("changes a full-text index", "optimize", Kind.WRITE),
        _group("writes to the log of errors", "sqlite_log"),
    ),
    "duckdb": (
        _group(
            "reads files",
            """read_* parquet_* sniff_csv glob st_read st_read_meta st_drivers iceberg_* delta_* load_aws_credentials
            python_map_function""",
        ),
        _group("reads what the statement doesn't name", "*_scan *_scan_dumb *_scan_pushdown"),
        _group(
            "runs SQL from a string",
            """query query_table json_execute_serialized_sql from_substrait from_substrait_json *_query *_execute
            *_attach""",
        ),
        _group("tells secrets or the environment", "getenv which_secret duckdb_secrets"),
        _group("reaches out", "http_* start_ui start_ui_server stop_ui_server"),
        _SEQUENCES,
        _group("holds the session", "sleep_ms"),
        _group(
            "changes settings, logs or the session",
            """enable_* disable_* setseed write_log truncate_duckdb_logs verify_parallelism add_parquet_key
            *_external_resource *_external_resource_type""",
        ),
        _group("writes", "checkpoint force_checkpoint import_database copy_database write_* dbgen dsdgen"),
    ),
    "tsql": (
        _group("reaches another server or a file", "openrowset openquery opendatasource"),
        _group("needs a document that a procedure loads", "openxml"),
        _group("is a procedure", "xp_* sp_*"),
        _group(
            "reads files of the server",
            """fn_xe_* fn_trace_gettable fn_trace_getinfo fn_trace_geteventinfo fn_trace_getfilterinfo
            fn_get_audit_file fn_get_audit_file_v2 fn_dblog fn_dblog_xtp fn_dump_dblog fn_dump_dblog_xtp fn_full_dblog
            dm_os_enumerate_filesystem dm_os_file_exists dm_os_enumerate_fixed_drives""",
        ),
        _group("waits for events of the server", "fn_msxe_*"),
        _group("reaches out to a model", "ai_* predict"),
        _group("tells secrets", "loginproperty pwdcompare"),
    ),
    "databricks": (
        _group("runs Java", "reflect java_method try_reflect"),
        _group("reads files", "read_files cloud_files read_state_store read_statestore"),
        _group("reads a stream", "read_kafka read_kinesis read_pubsub read_pulsar"),
        _group("reaches out", "http_request remote_query ai_* vector_search"),
        _group("tells secrets", "secret try_secret list_secrets"),
        _group("names what it reads or calls in a string", "identifier"),
        _group(
            "may read a file or reach out for a schema",
            """from_avro(x,x,x) to_avro(x,x,x) schema_of_avro(x,x) from_protobuf to_protobuf from_xml(x,x,x)
            schema_of_xml(x,x)""",
        ),
    ),
}

_PRAGMA = _group("may change settings or the file", "pragma_*")

#: More arguments than matter: where their number isn't known.
MANY = 1_000

#: Dialects without a lock in the engine behind this one: there, only what is known to be harmless may be called.
_KNOWN_SAFE = {"databricks": SPARK_FUNCTIONS}


@dataclass(frozen=True, slots=True)
class _Index:
    exact: dict[str, tuple[int, Group]]
    prefixes: dict[str, Group]
    suffixes: dict[str, Group]


@cache
def _index(dialect: str) -> _Index:
    every = {name: group for group in UNSAFE[dialect] for name in group.names}
    return _Index(
        {name.partition("(")[0]: (1 + name.count(","), group) for name, group in every.items() if "(" in name}
        | {name: (0, group) for name, group in every.items() if not set("(*") & set(name)},
        {name[:-1]: group for name, group in every.items() if name.endswith("*")},
        {name[1:]: group for name, group in every.items() if name.startswith("*")},
    )


def is_unsafe(name: str, dialect: str, *, arguments: int = MANY) -> Group | None:
    """Return the group that *name* (lower case, no schema) belongs to, or ``None`` where a read may call it."""
    if dialect == "sqlite" and name.startswith("pragma_"):
        is_read = reads_pragma(name.removeprefix("pragma_"), "…" if arguments else None)
        return None if is_read else _PRAGMA
    index = _index(dialect)
    at_least, exact = index.exact.get(name, (0, None))
    if exact is not None and arguments >= at_least:
        return exact
    for prefix, group in index.prefixes.items():
        if name.startswith(prefix):
            return group
    for suffix, group in index.suffixes.items():
        if name.endswith(suffix):
            return group
    return None


def is_known(name: str, dialect: str) -> bool:
    """Tell whether a read may call *name* without anyone asking the database what it does."""
    return dialect not in _KNOWN_SAFE or name in _KNOWN_SAFE[dialect]
