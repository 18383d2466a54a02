"""Which functions compute from their arguments alone; all others may read anything."""

from __future__ import annotations

from sqlglot import exp

PURE = frozenset(
    """
    abs acos age array_agg array_length array_position array_remove array_to_json array_to_string array_upper
    asin atan atan2 avg bit_length bool_and bool_or btrim cardinality cbrt ceil changes char_length chr
    clock_timestamp coalesce concat concat_ws corr cos cot count cume_dist current_database current_schema
    current_setting current_user date date_bin date_part date_trunc datetime degrees dense_rank div encode every
    exp extract factorial first_value floor format format_type gcd gen_random_uuid generate_series
    generate_subscripts glob greatest group_concat hex host ifnull iif inet_server_addr initcap instr isfinite
    json json_agg json_array json_array_elements json_array_elements_text json_array_length json_build_array
    json_build_object json_each json_each_text json_extract json_extract_path json_extract_path_text
    json_group_array json_group_object json_object json_object_agg json_object_keys json_populate_record
    json_set json_to_record json_to_recordset json_tree json_type json_typeof json_valid jsonb_agg
    jsonb_array_elements jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object
    jsonb_each jsonb_each_text jsonb_extract_path jsonb_extract_path_text jsonb_object_agg jsonb_object_keys
    jsonb_path_exists jsonb_path_query jsonb_pretty jsonb_set jsonb_strip_nulls jsonb_to_record
    jsonb_to_recordset jsonb_typeof julianday lag last_insert_rowid last_value lcm lead left length likelihood
    likely ln log log10 lower lpad ltrim make_date make_interval make_timestamp max md5 min mod mode now
    nth_value ntile nullif num_nonnulls num_nulls numnode octet_length overlay percent_rank percentile_cont
    percentile_disc pg_column_size pg_database_size pg_get_constraintdef pg_get_expr pg_get_indexdef
    pg_get_viewdef pg_indexes_size pg_relation_size pg_size_pretty pg_table_size pg_total_relation_size
    pg_typeof phraseto_tsquery pi plainto_tsquery position power pragma_foreign_key_list pragma_index_info
    pragma_index_list pragma_table_info pragma_table_xinfo printf quote quote_ident quote_literal quote_nullable
    radians random rank regexp_count regexp_like regexp_match regexp_matches regexp_replace
    regexp_split_to_array regexp_split_to_table regexp_substr repeat replace reverse right round row_number
    row_to_json rpad rtrim scale set_masklen setweight sign sin split_part sqlite_version sqrt starts_with
    stddev stddev_pop stddev_samp strftime string_agg string_to_array strip strpos substr substring sum tan time
    timeofday timestamp timezone to_char to_date to_hex to_json to_jsonb to_number to_regclass to_timestamp
    to_tsquery to_tsvector total total_changes translate trim trunc ts_headline ts_rank ts_rank_cd typeof
    unicode unixepoch unlikely unnest upper var_pop var_samp variance version websearch_to_tsquery width_bucket
    zeroblob
    """.split()
)


def is_pure_builtin(node: exp.Func) -> bool:
    """Whether a function is known to compute from its arguments alone.

    Functions that the parser has a class for are built in on every engine; a bare name must be on the list, since a
    user's function may read any table.
    """
    if isinstance(node, exp.Anonymous | exp.AnonymousAggFunc):
        schema = node.parent.this.name.casefold() if isinstance(node.parent, exp.Dot) else ""
        return node.name.casefold() in PURE and schema in ("", "pg_catalog")
    return True
