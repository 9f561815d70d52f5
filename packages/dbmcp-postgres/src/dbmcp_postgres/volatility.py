"""What the catalogue is asked about code that a read could run, and which volatile functions are harmless."""

from __future__ import annotations

from dbmcp_core.guard.vocabulary import words

__all__ = ["HARMLESS", "VOLATILE", "WHOLES"]

#: Volatile functions that change nothing, by the extension they come with. What isn't here is refused, so new ones are.
HARMLESS = {
    "pg_catalog": words(
        """array_sample array_shuffle clock_timestamp current_query currval gen_random_uuid lastval
        pg_available_wal_summaries pg_blocking_pids pg_collation_actual_version pg_control_checkpoint
        pg_control_init pg_control_recovery pg_control_system pg_current_wal_flush_lsn pg_current_wal_insert_lsn
        pg_current_wal_lsn pg_database_collation_actual_version pg_database_size pg_get_aios
        pg_get_backend_memory_contexts pg_get_loaded_modules pg_get_multixact_members pg_get_sequence_data
        pg_get_shmem_allocations pg_get_wait_events pg_get_wal_replay_pause_state pg_get_wal_resource_managers
        pg_get_wal_summarizer_state pg_indexes_size pg_is_in_backup pg_is_in_recovery pg_is_wal_replay_paused
        pg_jit_available pg_last_committed_xact pg_last_wal_receive_lsn pg_last_wal_replay_lsn
        pg_last_xact_replay_timestamp pg_lock_status pg_notification_queue_usage pg_partition_ancestors
        pg_partition_tree pg_prepared_xact pg_relation_size pg_safe_snapshot_blocking_pids pg_sequence_last_value
        pg_show_replication_origin_status pg_stat_get_backend_io pg_stat_get_backend_wal pg_stat_get_io
        pg_stat_get_recovery_prefetch pg_stat_get_xact_blocks_fetched pg_stat_get_xact_blocks_hit
        pg_stat_get_xact_function_calls pg_stat_get_xact_function_self_time pg_stat_get_xact_function_total_time
        pg_stat_get_xact_numscans pg_stat_get_xact_tuples_deleted pg_stat_get_xact_tuples_fetched
        pg_stat_get_xact_tuples_hot_updated pg_stat_get_xact_tuples_inserted pg_stat_get_xact_tuples_newpage_updated
        pg_stat_get_xact_tuples_returned pg_stat_get_xact_tuples_updated pg_stat_have_stats pg_table_size
        pg_tablespace_size pg_total_relation_size pg_xact_commit_timestamp pg_xact_commit_timestamp_origin
        pg_xact_status random random_normal timeofday txid_status uuidv4 uuidv7"""
    ),
    "intagg": words("int_agg_final_array int_agg_state"),
    "pg_buffercache": words("pg_buffercache_pages pg_buffercache_summary pg_buffercache_usage_counts"),
    "pg_freespacemap": words("pg_freespace"),
    "pg_stat_statements": words("pg_stat_statements pg_stat_statements_info"),
    "pg_visibility": words(
        "pg_check_frozen pg_check_visible pg_visibility pg_visibility_map pg_visibility_map_summary"
    ),
    "pgcrypto": words(
        """gen_random_bytes gen_random_uuid gen_salt pgp_pub_encrypt pgp_pub_encrypt_bytea pgp_sym_encrypt
        pgp_sym_encrypt_bytea"""
    ),
    "pgrowlocks": words("pgrowlocks"),
    "pgstattuple": words("pg_relpages pgstatginindex pgstathashindex pgstatindex pgstattuple pgstattuple_approx"),
    "postgis": words("st_clusterkmeans st_generatepoints"),
    "sslinfo": words(
        """ssl_cipher ssl_client_cert_present ssl_client_dn ssl_client_dn_field ssl_client_serial ssl_extension_info
        ssl_is_used ssl_issuer_dn ssl_issuer_field ssl_version"""
    ),
    "tablefunc": words("normal_rand"),
    "timescaledb": words("approximate_row_count hypertable_size interpolate locf time_bucket_gapfill"),
    "uuid-ossp": words("uuid_generate_v1 uuid_generate_v1mc uuid_generate_v4"),
}

#: Volatile functions that run for names of a text ($1), and all that run for operators, casts and domains. The first
#: object with a number of its own is 16384. Left out are the methods of TABLESAMPLE, which only look callable, and
#: what only servers' code can call. Which functions an expression calls is read from its tree, for dependencies on
#: built-in ones are not recorded.
VOLATILE = r"""
WITH path AS (SELECT pg_catalog.current_schemas(true) AS schemas),
f AS (
    SELECT p.oid, p.proname, n.nspname, p.provolatile, p.prokind, p.proargtypes, p.proargdefaults, p.pronargs,
           CASE WHEN p.prokind = 'a' THEN 0
                ELSE p.pronargs - p.pronargdefaults - (p.provariadic <> 0)::int END AS least,
           n.nspname <> ALL (schemas)
               AND pg_catalog.bool_or(n.nspname = ANY (schemas)) OVER (PARTITION BY p.proname) AS hidden
    FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace CROSS JOIN path
    WHERE p.proname = ANY ($1::pg_catalog.text[]::pg_catalog.name[])
      AND p.prorettype <> 'pg_catalog.tsm_handler'::pg_catalog.regtype
), runs (what, oid, name, namespace, hidden, flag, types, function) AS (
    SELECT 'function', f.oid, NULL::pg_catalog.name, NULL::pg_catalog.oid, f.hidden,
           false, NULL::pg_catalog.oid[], f.oid
    FROM f WHERE f.provolatile = 'v'
    UNION ALL
    SELECT 'function', f.oid, NULL, NULL, f.hidden, false, NULL, part.oid
    FROM f JOIN pg_catalog.pg_aggregate a ON a.aggfnoid = f.oid CROSS JOIN pg_catalog.unnest(ARRAY[
        a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn, a.aggdeserialfn, a.aggmtransfn, a.aggminvtransfn,
        a.aggmfinalfn]::pg_catalog.oid[]) AS part (oid)
    WHERE f.oid >= 16384
    UNION ALL
    SELECT 'function', f.oid, NULL, NULL, f.hidden, false, NULL, m.ids[1]::pg_catalog.oid
    FROM f
    CROSS JOIN pg_catalog.regexp_matches(f.proargdefaults::pg_catalog.text, ':(?:op)?funcid (\d+)', 'g') AS m (ids)
    WHERE f.oid >= 16384
    UNION ALL
    SELECT 'operator', o.oid, o.oprname, o.oprnamespace, n.nspname <> ALL (schemas) AND EXISTS (
        SELECT FROM pg_catalog.pg_operator b JOIN pg_catalog.pg_namespace bn ON bn.oid = b.oprnamespace
        WHERE b.oprname = o.oprname AND bn.nspname = ANY (schemas)
    ), EXISTS (
        -- text of no type yet becomes the built-in type of the other side, or text
        SELECT FROM pg_catalog.pg_operator b WHERE b.oprname = o.oprname AND b.oid < 16384 AND (
            LEAST(o.oprleft, o.oprright) >= 16384
            OR b.oprleft = LEAST(o.oprleft, o.oprright) AND b.oprright = b.oprleft)
    ), ARRAY[o.oprleft, o.oprright], o.oprcode
    FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace CROSS JOIN path
    WHERE o.oid >= 16384 AND (SELECT p.provolatile FROM pg_catalog.pg_proc p WHERE p.oid = o.oprcode) = 'v'
    UNION ALL
    SELECT 'cast', c.oid, t.typname, t.typnamespace, false,
           c.castcontext <> 'i', ARRAY[c.castsource, c.casttarget], c.castfunc
    FROM pg_catalog.pg_cast c JOIN pg_catalog.pg_type t ON t.oid = c.casttarget
    WHERE c.oid >= 16384 AND (SELECT p.provolatile FROM pg_catalog.pg_proc p WHERE p.oid = c.castfunc) = 'v'
    UNION ALL
    SELECT 'support', a.oid, t.typname, t.typnamespace, false,
           false, ARRAY[a.amproclefttype, a.amprocrighttype], a.amproc
    FROM pg_catalog.pg_amproc a JOIN pg_catalog.pg_type t ON t.oid = a.amproclefttype
    WHERE a.oid >= 16384 AND (SELECT p.provolatile FROM pg_catalog.pg_proc p WHERE p.oid = a.amproc) = 'v'
    UNION ALL
    SELECT 'domain', c.oid, t.typname, t.typnamespace, false, false, ARRAY[t.oid], m.ids[1]::pg_catalog.oid
    FROM pg_catalog.pg_constraint c JOIN pg_catalog.pg_type t ON t.oid = c.contypid
    CROSS JOIN pg_catalog.regexp_matches(c.conbin::pg_catalog.text, ':(?:op)?funcid (\d+)', 'g') AS m (ids)
    WHERE c.contypid > 0
)
SELECT DISTINCT r.what, coalesce(f.nspname::pg_catalog.text, r.namespace::pg_catalog.regnamespace::pg_catalog.text),
       coalesce(f.proname, r.name)::pg_catalog.text,
       r.hidden, r.flag, coalesce(f.least, 0),
       CASE WHEN f.pronargs = 0 OR f.least > 1 OR t.typtype = 'c' AND EXISTS (
                SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = t.typrelid AND a.attname = f.proname
                AND a.attnum > 0) THEN ''
            WHEN t.typtype IN ('c', 'd', 'p') OR EXISTS (
                SELECT FROM pg_catalog.pg_cast c JOIN pg_catalog.pg_type s ON s.oid = c.castsource
                WHERE c.casttarget = t.oid AND c.castcontext = 'i' AND s.typtype = 'c') THEN 'row'
            ELSE 'value' END,
       coalesce(r.types, '{}'), vn.nspname::pg_catalog.text, v.proname::pg_catalog.text,
       CASE WHEN v.oid < 16384 THEN 'pg_catalog' ELSE (
           SELECT e.extname::pg_catalog.text
           FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
           WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = v.oid AND d.deptype = 'e') END
FROM runs r
-- the zero keeps the planner to looking up each by its number
CROSS JOIN LATERAL (
    SELECT p.oid, p.proname, p.pronamespace, p.proargtypes
    FROM pg_catalog.pg_proc p WHERE p.oid = r.function AND p.provolatile = 'v' OFFSET 0
) v JOIN pg_catalog.pg_namespace vn ON vn.oid = v.pronamespace
LEFT JOIN f ON r.what = 'function' AND f.oid = r.oid
LEFT JOIN pg_catalog.pg_type t ON t.oid = f.proargtypes[0]
WHERE r.what = 'function' OR 'pg_catalog.internal'::pg_catalog.regtype <> ALL (v.proargtypes)
"""

#: Types that hold one of $1, with what brings values of them into a statement: their own names (a table is a type,
#: too), functions among the names $2, and operators but for those whose operands must be of the type already. Deep are
#: tables with columns of arrays, rows or ranges of such a type: beside one, text becomes another, with all its parts.
#: Mixed are functions that take text for what another argument of theirs is, a domain among others.
WHOLES = """
WITH RECURSIVE edge (part, whole) AS (
    SELECT typelem, oid FROM pg_catalog.pg_type WHERE typelem >= 16384
    UNION ALL SELECT typbasetype, oid FROM pg_catalog.pg_type WHERE typbasetype >= 16384
    UNION ALL SELECT a.atttypid, c.reltype
              FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
              WHERE a.atttypid >= 16384 AND a.attnum > 0 AND c.reltype <> 0
    -- multiranges are new in 14
    UNION ALL SELECT r.rngsubtype, u.oid FROM pg_catalog.pg_range r CROSS JOIN pg_catalog.unnest(ARRAY[
              r.rngtypid, (pg_catalog.to_jsonb(r) ->> 'rngmultitypid')::pg_catalog.oid]) AS u (oid)
              WHERE r.rngsubtype >= 16384
), whole (root, oid, deep) AS (
    SELECT u.oid, u.oid, false FROM pg_catalog.unnest($1::pg_catalog.oid[]) AS u (oid) WHERE u.oid >= 16384
    UNION SELECT w.root, e.whole, w.deep OR t.typtype <> 'd'
          FROM whole w JOIN edge e ON e.part = w.oid JOIN pg_catalog.pg_type t ON t.oid = w.oid
)
SELECT w.root, 'type', t.typname::pg_catalog.text FROM whole w JOIN pg_catalog.pg_type t ON t.oid = w.oid
UNION
SELECT w.root, 'deep', t.typname::pg_catalog.text FROM whole w JOIN pg_catalog.pg_type t ON t.oid = w.oid
WHERE w.deep AND t.typtype = 'c'
UNION
SELECT 0, 'mixed', p.proname::pg_catalog.text FROM pg_catalog.pg_proc p
WHERE p.proname = ANY ($2::pg_catalog.text[]::pg_catalog.name[]) AND 2 <= (
    SELECT pg_catalog.count(*) FROM pg_catalog.unnest(p.proargtypes) AS u (oid)
    JOIN pg_catalog.pg_type t ON t.oid = u.oid WHERE t.typtype = 'p')
UNION
SELECT w.root, 'function', p.proname::pg_catalog.text FROM whole w JOIN pg_catalog.pg_proc p
ON p.proname = ANY ($2::pg_catalog.text[]::pg_catalog.name[])
   AND (w.oid = ANY (p.proargtypes) OR w.oid = p.prorettype OR w.oid = ANY (p.proallargtypes))
UNION
SELECT w.root, 'operator', o.oprname::pg_catalog.text FROM whole w JOIN pg_catalog.pg_operator o
ON w.oid IN (o.oprleft, o.oprright, o.oprresult) AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_operator b WHERE b.oprname = o.oprname AND b.oid < 16384 AND (
        LEAST(o.oprleft, o.oprright) >= 16384
        OR b.oprleft = LEAST(o.oprleft, o.oprright) AND b.oprright = b.oprleft)
)
"""
