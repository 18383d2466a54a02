"""What may stand before a parenthesis in a read: native functions that only compute, and words that are no function.

Both servers are covered, old and new; a name is listed when the manual gives it no effect and no reach outside the
tables. Source: the manuals' function references, and `information_schema.SQL_FUNCTIONS`.
"""

from __future__ import annotations

_STRINGS = (
    "ascii bin bit_length char char_length character_length chr concat concat_operator_oracle concat_ws elt export_set field "
    "find_in_set format from_base64 hex insert instr lcase left length lengthb locate lower lpad lpad_oracle ltrim "
    "ltrim_oracle make_set mid natural_sort_key oct octet_length ord position quote regexp_instr regexp_like regexp_replace "
    "regexp_substr repeat replace replace_oracle reverse right rpad rpad_oracle rtrim rtrim_oracle sformat soundex space "
    "strcmp substr substr_oracle substring substring_index to_base64 trim trim_oracle ucase unhex upper weight_string "
    "convert charset collation coercibility"
)
_NUMBERS = (
    "abs acos asin atan atan2 bit_count ceil ceiling conv cos cot crc32 crc32c degrees exp floor ln log log10 log2 mod pi pow "
    "power radians rand round sign sin sqrt tan truncate to_number"
)
_TIMES = (
    "add_months adddate addtime convert_tz curdate current_date current_time current_timestamp curtime date date_add "
    "date_format date_sub datediff day dayname dayofmonth dayofweek dayofyear extract from_days from_unixtime get_format hour "
    "last_day localtime localtimestamp makedate maketime microsecond minute month monthname months_between now period_add "
    "period_diff quarter sec_to_time second str_to_date subdate subtime sysdate time time_format time_to_sec timediff "
    "timestamp timestampadd timestampdiff to_char to_date to_days to_seconds trunc unix_timestamp utc_date utc_time "
    "utc_timestamp week weekday weekofyear year yearweek"
)
_CHOICES = (
    "any_value coalesce decode_oracle default greatest grouping if ifnull interval isnull least match name_const nullif nvl "
    "nvl2 values"
)
_AGGREGATES = (
    "avg bit_and bit_or bit_xor count cume_dist dense_rank first_value group_concat json_arrayagg json_objectagg lag "
    "last_value lead max median min nth_value ntile percent_rank percentile_cont percentile_disc rank row_number st_collect "
    "std stddev stddev_pop stddev_samp sum var_pop var_samp variance"
)
_JSON = (
    "column_check column_create column_delete column_add column_exists column_get column_json column_list json_array "
    "json_array_append json_array_insert json_array_intersect json_compact json_contains json_contains_path json_depth "
    "json_detailed json_duality_object json_equals json_exists json_extract json_insert json_key_value json_keys json_length "
    "json_loose json_merge json_merge_patch json_merge_preserve json_normalize json_object json_object_filter_keys "
    "json_object_to_array json_overlaps json_pretty json_query json_quote json_remove json_replace json_schema_valid "
    "json_schema_validation_report json_search json_set json_storage_free json_storage_size json_table json_type json_unquote "
    "json_valid json_value extractvalue updatexml"
)
_CODES = (
    "aes_decrypt aes_encrypt asymmetric_decrypt asymmetric_verify bin_to_uuid cast compress create_digest decode des_decrypt "
    "des_encrypt encode encrypt inet6_aton inet6_ntoa inet_aton inet_ntoa is_ipv4 is_ipv4_compat is_ipv4_mapped is_ipv6 "
    "is_uuid kdf md5 old_password password random_bytes sha sha1 sha2 statement_digest statement_digest_text sys_guid "
    "uncompress uncompressed_length uuid uuid_short uuid_to_bin uuid_v4 uuid_v7 uuidv4 uuidv7 validate_password_strength "
    "vec_distance vec_distance_cosine vec_distance_euclidean vec_fromtext vec_totext from_vector to_vector string_to_vector "
    "vector_to_string vector_dim distance vector_distance"
)
_SERVER = (
    "binlog_gtid_pos connection_id current_role current_user database decode_histogram format_bytes "
    "format_pico_time found_rows gtid_subset gtid_subtract icu_version is_free_lock is_used_lock last_insert_id lastval "
    "ps_current_thread_id ps_thread_id roles_graphml row_count schema session_user system_user user version"
)
_SHAPES = (
    "area asbinary astext aswkb aswkt boundary buffer centroid contains convexhull crosses dimension disjoint endpoint envelope "
    "equals exteriorring geomcollfromtext geomcollfromwkb geometrycollection geometryfromtext geometryfromwkb geometryn "
    "geometrytype geomfromtext geomfromwkb glength interiorringn intersects isclosed isempty isring issimple "
    "linefromtext linefromwkb linestring linestringfromtext linestringfromwkb mbrcontains mbrcoveredby mbrcovers mbrdisjoint "
    "mbrequal mbrequals mbrintersects mbroverlaps mbrtouches mbrwithin mlinefromtext mlinefromwkb mpointfromtext "
    "mpointfromwkb mpolyfromtext mpolyfromwkb multilinestring multipoint multipolygon numgeometries numinteriorrings "
    "numpoints overlaps point pointfromtext pointfromwkb pointn pointonsurface polyfromtext polyfromwkb polygon "
    "polygonfromtext srid startpoint touches within x y geomcollection st_area st_asbinary st_asgeojson st_astext st_aswkb "
    "st_aswkt st_boundary st_buffer st_buffer_strategy st_centroid st_contains st_convexhull st_crosses st_difference "
    "st_dimension st_disjoint st_distance st_distance_sphere st_endpoint st_envelope st_equals st_exteriorring "
    "st_frechetdistance st_geohash st_geomcollfromtext st_geomcollfromtxt st_geomcollfromwkb st_geometrycollectionfromtext "
    "st_geometrycollectionfromwkb st_geometryfromtext st_geometryfromwkb st_geometryn st_geometrytype st_geomfromgeojson "
    "st_geomfromtext st_geomfromwkb st_hausdorffdistance st_interiorringn st_intersection st_intersects st_isclosed "
    "st_isempty st_isring st_issimple st_isvalid st_latfromgeohash st_latitude st_length st_linefromtext st_linefromwkb "
    "st_lineinterpolatepoint st_lineinterpolatepoints st_linestringfromtext st_linestringfromwkb st_longfromgeohash "
    "st_longitude st_makeenvelope st_mlinefromtext st_mlinefromwkb st_mpointfromtext st_mpointfromwkb st_mpolyfromtext "
    "st_mpolyfromwkb st_multilinestringfromtext st_multilinestringfromwkb st_multipointfromtext st_multipointfromwkb "
    "st_multipolygonfromtext st_multipolygonfromwkb st_numgeometries st_numinteriorring st_numinteriorrings st_numpoints "
    "st_overlaps st_pointatdistance st_pointfromgeohash st_pointfromtext st_pointfromwkb st_pointn st_pointonsurface "
    "st_polyfromtext st_polyfromwkb st_polygonfromtext st_polygonfromwkb st_relate st_simplify st_srid st_startpoint "
    "st_swapxy st_symdifference st_touches st_transform st_union st_validate st_within st_x st_y st_collect"
)
NATIVE = frozenset(
    " ".join((_STRINGS, _NUMBERS, _TIMES, _CHOICES, _AGGREGATES, _JSON, _CODES, _SERVER, _SHAPES)).split()
)
"""Native functions that only compute."""

WORDS = frozenset(
    "against all and any as binary bit blob bool boolean by byte case character columns cross datetime dec decimal distinct "
    "distinctrow div double dual else end escape except exists explain first fixed float for from full having ignore in index "
    "inner int integer intersect is join json key keys lateral like limit mediumint national natural nchar not numeric nvarchar "
    "of offset on or order ordinality outer over partition path precision range real recursive regexp return returning rlike "
    "row rows select separator set signed smallint some sounds straight_join table text then tinyint to union unsigned use "
    "using varbinary varchar vector when where window with xor precedes follows tinytext mediumtext longtext mediumblob "
    "longblob tinyblob bigint clob between both leading trailing is collate asc desc high_priority sql_no_cache sql_small_result "
    "sql_big_result sql_buffer_result sql_calc_found_rows next group".split()
)
"""Reserved words, and names of types, that may stand before a parenthesis."""

SYS = frozenset(
    "format_bytes format_path format_statement format_time extract_schema_from_file_name extract_table_from_file_name "
    "list_add list_drop version_major version_minor version_patch quote_identifier".split()
)
"""Functions of the schema sys that only compute."""
