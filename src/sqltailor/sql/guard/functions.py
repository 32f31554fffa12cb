"""The allow-list of functions, by dialect: pure ones, whose result depends on their arguments alone.

Left out on purpose: whatever reads or writes files, the network, settings, catalogs, sequences or locks, sleeps, runs
text as SQL, takes a table by its name, or only tells about the server (`version`, `current_user`).
Sources: SQLite 3.40 `pragma_function_list`, PostgreSQL 15 `pg_proc` with its manual up to 18, DuckDB 2.0
`duckdb_functions()`, MySQL 8.4 manual.
"""

from __future__ import annotations

from functools import lru_cache


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


STANDARD = _words("""
abs acos acosh any_value array array_agg ascii asin asinh atan atan2 atanh avg bit_and bit_length bit_or bit_xor
bool_and bool_or cast cbrt ceil ceiling char char_length character_length coalesce concat concat_ws convert corr cos
cosh cot count covar_pop covar_samp cume_dist current_date current_time current_timestamp date datetime degrees
dense_rank every exp extract first_value floor format greatest group_concat grouping grouping_id hex if ifnull iif
initcap instr interval json json_array json_arrayagg json_exists json_object json_objectagg json_query json_value lag
last_value lead least left length listagg ln localtime localtimestamp log log10 log2 lower lpad ltrim max md5 median
min mod mode nth_value ntile nullif nvl nvl2 octet_length overlay percent_rank percentile_cont percentile_disc pi
position pow power quote radians rand random rank regexp_count regexp_instr regexp_like regexp_replace regexp_substr
regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy repeat replace reverse
right round row row_number rpad rtrim sign sin sinh soundex sqrt stddev stddev_pop stddev_samp string_agg strpos
substr substring sum tan tanh time timestamp translate trim trunc try_cast typeof unicode upper var_pop var_samp
variance
""")

SQLITE = _words("""
bm25 glob group_concat highlight json_array_insert json_array_length json_each json_error_position json_extract
json_group_array json_group_object json_insert json_patch json_pretty json_quote json_remove json_replace json_set
json_tree json_type json_valid jsonb jsonb_array jsonb_array_insert jsonb_each jsonb_extract jsonb_group_array
jsonb_group_object jsonb_insert jsonb_object jsonb_patch jsonb_remove jsonb_replace jsonb_set jsonb_tree julianday like
likelihood likely match percentile printf regexp snippet strftime timediff total unhex unistr unistr_quote unixepoch
unlikely
""")

POSTGRES = _words("""
abbrev acosd age all array_append array_cat array_dims array_fill array_length array_lower array_ndims array_position
array_positions array_prepend array_remove array_replace array_reverse array_sample array_shuffle array_sort
array_to_json array_to_string array_upper asind atan2d atand box broadcast btrim cardinality casefold center chr circle
clock_timestamp convert_from convert_to cosd cotd crc32 crc32c date_add date_bin date_part date_subtract date_trunc
daterange daterange datemultirange decode diagonal diameter div encode enum_first enum_last enum_range erf erfc
factorial family gamma gcd gen_random_uuid generate_series generate_subscripts get_bit get_byte height host hostmask
inet_merge inet_same_family int4multirange int4range int8multirange int8range is_normalized isclosed isempty isfinite
isopen json_agg json_agg_strict json_array_elements json_array_elements_text json_array_length json_build_array
json_build_object json_each json_each_text json_extract_path json_extract_path_text json_object_agg
json_object_agg_strict json_object_agg_unique json_object_keys json_scalar json_serialize json_strip_nulls json_table
json_to_record json_to_recordset json_typeof jsonb_agg jsonb_agg_strict jsonb_array_elements
jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object jsonb_concat jsonb_contains
jsonb_delete jsonb_delete_path jsonb_each jsonb_each_text jsonb_exists jsonb_exists_all jsonb_exists_any
jsonb_extract_path jsonb_extract_path_text jsonb_insert jsonb_object jsonb_object_agg jsonb_object_keys
jsonb_path_exists jsonb_path_exists_tz jsonb_path_match jsonb_path_match_tz jsonb_path_query jsonb_path_query_array
jsonb_path_query_array_tz jsonb_path_query_first jsonb_path_query_first_tz jsonb_path_query_tz jsonb_pretty jsonb_set
jsonb_set_lax jsonb_strip_nulls jsonb_to_record jsonb_to_recordset jsonb_typeof justify_days justify_hours
justify_interval lcm lgamma line lower_inc lower_inf lseg make_date make_interval make_time make_timestamp
make_timestamptz masklen  min_scale multirange netmask network normalize now npoints num_nonnulls num_nulls
nummultirange numnode numrange path parse_ident pclose pg_size_bytes pg_size_pretty pg_typeof phraseto_tsquery
plainto_tsquery point polygon popen querytree quote_ident quote_literal quote_nullable radius random_normal range_agg
range_intersect_agg range_merge regexp_match regexp_matches regexp_split_to_array regexp_split_to_table row_to_json
scale set_bit set_byte set_masklen setweight sha224 sha256 sha384 sha512 similarity sind slope some split_part
starts_with statement_timestamp strict_word_similarity string_to_array string_to_table strip tand timeofday timezone
to_ascii to_bin to_char to_date to_hex to_json to_jsonb to_number to_oct to_timestamp to_tsquery to_tsvector
transaction_timestamp trim_array trim_scale ts_delete ts_filter ts_headline ts_rank ts_rank_cd tsmultirange
tsquery_phrase tsrange tstzmultirange tstzrange tsvector_to_array unaccent unistr unnest upper_inc upper_inf uuidv4
uuidv7 uuid_extract_timestamp uuid_extract_version websearch_to_tsquery width width_bucket word_similarity xmlagg
xmlconcat xmlforest xmlserialize
daitch_mokotoff difference dmetaphone dmetaphone_alt levenshtein levenshtein_less_equal metaphone
first last histogram interpolate locf time_bucket time_bucket_gapfill approx_percentile percentile_agg
st_area st_asgeojson st_astext st_azimuth st_buffer st_centroid st_closestpoint st_collect st_contains st_convexhull
st_coveredby st_covers st_crosses st_difference st_disjoint st_distance st_distancesphere st_dwithin st_envelope
st_equals st_expand st_extent st_geogfromtext st_geohash st_geometryn st_geometrytype st_geomfromgeojson
st_geomfromtext st_intersection st_intersects st_isempty st_isvalid st_length st_linemerge st_makeenvelope st_makeline
st_makepoint st_makepolygon st_makevalid st_maxdistance st_numgeometries st_numpoints st_overlaps st_perimeter st_point
st_pointonsurface st_setsrid st_simplify st_snaptogrid st_srid st_touches st_transform st_union st_within st_x st_xmax
st_xmin st_y st_ymax st_ymin st_z
""")

MYSQL = _words("""
adddate addtime against bin bit_count cast char_length charset coercibility collation compress conv
convert_tz crc32 curdate curtime date_add date_format date_sub datediff day dayname dayofmonth dayofweek dayofyear elt
export_set field find_in_set format_bytes from_base64 from_days from_unixtime get_format hour
inet6_aton inet6_ntoa inet_aton inet_ntoa insert is_ipv4 is_ipv4_compat is_ipv4_mapped is_ipv6 is_uuid isnull
json_append json_array_append json_array_insert json_contains json_contains_path json_depth json_extract json_insert
json_keys json_length json_merge json_merge_patch json_merge_preserve json_overlaps json_pretty json_quote json_remove
json_replace json_schema_valid json_search json_set json_storage_size json_table json_type json_unquote json_valid
last_day lcase locate make_set makedate maketime match microsecond mid minute month monthname now oct ord period_add
period_diff quarter regexp sec_to_time second sha sha1 sha2 space std str_to_date strcmp subdate substring_index subtime
sysdate time_format time_to_sec timediff timestampadd timestampdiff to_base64 to_days to_seconds truncate ucase
uncompress uncompressed_length unhex unix_timestamp utc_date utc_time utc_timestamp uuid uuid_to_bin bin_to_uuid
validate_password_strength week weekday weekofyear weight_string year yearweek
st_area st_asgeojson st_astext st_buffer st_centroid st_contains st_distance st_distance_sphere st_dimension
st_envelope st_equals st_geomfromtext st_intersection st_intersects st_isvalid st_latitude st_length st_longitude
st_overlaps st_pointfromtext st_srid st_touches st_union st_within st_x st_y point
""")

DUCKDB = _words("""
add age aggregate ago all approx_count_distinct approx_quantile approx_top_k arbitrary arg_max arg_max_null arg_min
arg_min_null argmax argmin array_aggr array_aggregate array_append array_apply array_cat array_concat array_contains
array_cosine_distance array_cosine_similarity array_cross_product array_distance array_distinct array_dot_product
array_extract array_filter array_grade_up array_has array_has_all array_has_any array_indexof array_inner_product
array_intersect array_length array_pop_back array_pop_front array_position array_prepend array_push_back
array_push_front array_reduce array_resize array_reverse array_reverse_sort array_select array_slice array_sort
array_to_json array_to_string array_transform array_unique array_value array_where array_zip bar base64 bin bit_count
bit_position bitstring bitstring_agg cardinality century chr contains count_if count_star countif
damerau_levenshtein date_add date_diff date_part date_sub date_trunc datediff datepart datesub datetrunc day dayname
dayofmonth dayofweek dayofyear days_in_month decade decode divide editdist3 element_at encode ends_with entropy
enum_code enum_first enum_last enum_range epoch epoch_ms epoch_ns epoch_us equi_width_bins era even factorial favg fdiv
filter first flatten fmod format_bytes formatreadabledecimalsize formatreadablesize from_base64 from_binary from_hex
from_json from_json_strict fsum gamma gcd gen_random_uuid generate_series generate_subscripts geomean geometric_mean
get_bit get_current_time get_current_timestamp grade_up greatest_common_divisor hamming hash histogram histogram_exact
hour isfinite isinf isnan isodow isoyear jaccard jaro_similarity jaro_winkler_similarity json_array_length
json_contains json_extract json_extract_path json_extract_path_text json_extract_string json_group_array
json_group_object json_group_structure json_keys json_merge_patch json_pretty json_quote json_structure json_transform
json_transform_strict json_type json_valid julian kahan_sum kurtosis kurtosis_pop last last_day lcase lcm
least_common_multiple left_grapheme len length_grapheme levenshtein lgamma list list_aggr list_aggregate
list_any_value list_append list_apply list_approx_count_distinct list_avg list_bit_and list_bit_or list_bit_xor
list_bool_and list_bool_or list_cat list_concat list_contains list_cosine_distance list_cosine_similarity list_count
list_distance list_distinct list_dot_product list_element list_entropy list_extract list_filter list_first
list_grade_up list_has list_has_all list_has_any list_histogram list_indexof list_inner_product list_intersect
list_kurtosis list_last list_mad list_max list_median list_min list_mode list_pack list_position list_prepend
list_product list_reduce list_resize list_reverse list_reverse_sort list_select list_sem list_skewness list_slice
list_sort list_stddev_pop list_stddev_samp list_string_agg list_sum list_transform list_unique list_value list_var_pop
list_var_samp list_where list_zip lttb mad make_date make_time make_timestamp make_timestamp_ms make_timestamptz map
map_concat map_contains map_contains_entry map_contains_value map_entries map_extract map_extract_value
map_from_entries map_keys map_values max_by md5_number mean microsecond millennium millisecond min_by minute mismatches
month monthname multiply nanosecond nextafter nfc_normalize now ord parse_dirname parse_filename parse_path prefix
printf product quantile quantile_cont quantile_disc quarter range reduce regexp_escape regexp_extract regexp_extract_all
regexp_full_match regexp_matches regexp_split_to_array regexp_split_to_table reservoir_quantile right_grapheme
round_even row_to_json second sem sha1 sha256 signbit skewness some split split_part st_area st_asgeojson st_astext
st_contains st_distance st_dwithin st_geomfromtext st_intersects st_length st_point st_within st_x st_y starts_with
str_split str_split_regex strftime string_split string_split_regex string_to_array strip_accents strlen strptime
struct_concat struct_contains struct_extract struct_extract_at struct_insert struct_keys struct_pack struct_position
struct_update struct_values substring_grapheme subtract suffix sumkahan time_bucket timezone timezone_hour
timezone_minute to_base to_base64 to_binary to_centuries to_days to_decades to_hex to_hours to_json to_microseconds
to_millennia to_milliseconds to_minutes to_months to_quarters to_seconds to_timestamp to_weeks to_years today
transaction_timestamp try_strptime ucase unbin unhex union_extract union_tag union_value unnest unpivot_list url_decode
url_encode uuid uuidv4 uuidv7 wavg week weekday weekofyear weighted_avg xor year yearweek
""")

REDSHIFT = _words("""
add_months approximate charindex checksum convert_timezone dateadd datediff date_cmp date_part_year decode getdate
interval_cmp is_valid_json is_valid_json_array isnull json_array_length json_extract_array_element_text
json_extract_path_text json_parse json_serialize last_day len months_between next_day ratio_to_report sha1 sha2 strtol
sysdate textlen
""")

# Snowflake, BigQuery, Databricks, Spark, Hive, Trino, Athena, SQL Server, Oracle: what the four above lack.
WAREHOUSE = _words("""
add_months approx_count_distinct approx_distinct approx_percentile approx_quantiles approx_top_count argmax argmin
array_compact array_construct array_except array_flatten array_join array_max array_min array_size array_sum
array_to_string array_union arrays_overlap arrays_zip at_timezone charindex choose collect_list collect_set contains
convert_timezone count_big count_if current_datetime date_format date_from_parts date_from_unix_date date_parse dateadd
datefromparts datename datepart datetime_add datetime_diff datetime_sub datetime_trunc datetimefromparts datetrunc
day_of_month day_of_week day_of_year dayname dayofweekiso decode div div0 div0null divide element_at eomonth equal_null
explode explode_outer expm1 find flatten format_date format_datetime format_number format_timestamp from_iso8601_date
from_iso8601_timestamp from_unixtime generate_array generate_date_array generate_timestamp_array get get_json_object
get_path getdate getutcdate hll_count ieee_divide iff inline inline_outer is_inf is_nan isdate isjson isnull isnumeric
json_array_get json_extract_array json_extract_scalar json_extract_string_array json_format json_parse json_query_array
json_size json_tuple json_value_array last_day last_day_of_month lax_bool lax_float64 lax_int64 lax_string len log1p
logical_and logical_or map_agg map_from_arrays max_by min_by monthname months_between multimap_agg named_struct nchar
newid next_day nullifzero numbers object_agg object_construct object_construct_keep_null object_keys offset ordinal
parse_date parse_datetime parse_json parse_time parse_timestamp parse_url patindex percentile percentile_approx
posexplode posexplode_outer previous_day qualify quarter quotename ratio_to_report regexp_contains regexp_extract
regexp_extract_all regexp_substr_all replicate safe_add safe_cast safe_convert_bytes_to_string safe_divide
safe_multiply safe_negate safe_offset safe_ordinal safe_subtract sequence shiftleft shiftright size sort_array space
split split_to_table sqr square stdev stdevp str str_to_map string string_split strtok strtok_split_to_table struct
stuff substring_index sum_if switchoffset sysdate sysdatetime systimestamp sysutcdatetime time_add time_diff
time_from_parts time_slice time_sub time_trunc timeadd timediff timestamp_add timestamp_diff timestamp_from_parts
timestamp_micros timestamp_millis timestamp_ntz_from_parts timestamp_seconds timestamp_sub timestamp_trunc timestampadd
timestampdiff to_array to_boolean to_char to_date to_decimal to_double to_iso8601 to_json to_json_string to_number
to_numeric to_object to_timestamp to_timestamp_ltz to_timestamp_ntz to_timestamp_tz to_unix_timestamp to_unixtime
to_utc_timestamp to_varchar to_variant transform translate trunc try_convert try_parse try_parse_json try_to_date
try_to_decimal try_to_double try_to_number try_to_timestamp typeof unix_date unix_micros unix_millis unix_seconds
unix_timestamp unpivot var varp varpop varsamp week weekiso weekofyear width_bucket year yearofweek yearofweekiso
zeroifnull
""")

CLICKHOUSE = _words("""
adddays addhours addminutes addmonths addquarters addseconds addweeks addyears any anylast argmax argmin arrayconcat
arraycount arraydistinct arrayelement arrayexists arrayfilter arrayjoin arraymap arraysort arraystringconcat arraysum
assumenotnull avgif concatwithseparator countif datediff datetrunc empty endswith formatdatetime grouparray
groupuniqarray has hasall hasany intdiv intdivorzero isnotnull isnull jsonextractbool jsonextractfloat jsonextractint
jsonextractraw jsonextractstring jsonhas jsonlength laginframe leadinframe lengthutf8 lowerutf8 maxif medianexact minif
multiif multiplydecimal notempty now64 positioncaseinsensitive quantile quantileexact quantileif quantiles replaceall
replaceone replaceregexpall replaceregexpone runningdifference splitbychar splitbystring startswith subtractdays
subtracthours subtractmonths subtractweeks subtractyears sumif todate todatetime todatetime64 today todayofmonth
todayofweek todayofyear todecimal64 tofloat32 tofloat64 tohour toint16 toint32 toint64 toint8 toisoweek toisoyear
tominute tomonday tomonth tonullable toquarter torelativemonthnum tosecond tostartofday tostartofhour tostartofinterval
tostartofmonth tostartofquarter tostartofweek tostartofyear tostring totypename touint16 touint32 touint64 touint8
tounixtimestamp toweek toyear toyyyymm toyyyymmdd tuple tupleelement uniq uniqcombined uniqexact uniqif upperutf8
yesterday
""")

TABLE_FUNCTIONS = _words("""
explode explode_outer flatten generate_array generate_date_array generate_series generate_subscripts inline
inline_outer json_array_elements json_array_elements_text json_each json_each_text json_object_keys json_table
json_to_record json_to_recordset json_tree json_tuple jsonb_array_elements jsonb_array_elements_text jsonb_each
jsonb_each_text jsonb_object_keys jsonb_path_query jsonb_to_record jsonb_to_recordset jsonb_tree numbers openjson
posexplode posexplode_outer range regexp_matches regexp_split_to_table sequence split_to_table stack string_split
string_to_table strtok_split_to_table unnest
""")
"""What may stand in FROM with arguments. Their text arguments are values, never paths or statements."""

TYPES = _words("""
bigint binary bit blob bool boolean bpchar bytea bytes char character date datetime datetime2 datetimeoffset dec decimal
double enum fixedstring float float4 float8 float64 int int2 int4 int8 int64 integer interval json jsonb list long map
mediumint money national nchar nclob nullable number numeric nvarchar object precision real signed smallint string
struct text time timestamp timestamptz timetz timestamp_ntz timestamp_ltz timestamp_tz tinyint unsigned uuid varbinary
varbit varchar varchar2 variant varying year zone
""")
"""Type names, some of which are also called as functions; `varchar(10)` looks like a call."""

SYNTAX = _words("""
all analyze and any apply array as asc between bernoulli both by case columns cross cube desc distinct else end escape
except exclude exists fetch filter for from full group groups grouping having ilike in inner intersect is join lateral
leading like limit lateral materialized natural nested nolock not of offset on only or order ordinality over overlaps
partition path pivot placing preceding qualify range regexp rename respect returning rlike rollup row rows sample
select sets similar some system table tablesample then to top trailing union unpivot using values when where window with
within xor exclude tie ties recursive percent
""")
"""Keywords that may stand before `(` without being called."""

_BY_DIALECT = {
    "sqlite": SQLITE,
    "postgres": POSTGRES,
    "mysql": MYSQL,
    "duckdb": DUCKDB,
    "redshift": POSTGRES | REDSHIFT,
}


@lru_cache
def allowed_functions(dialect: str) -> frozenset[str]:
    """Return the functions that a statement in a dialect may call, in lower case; types are called like functions."""
    own = _BY_DIALECT.get(dialect, SQLITE | POSTGRES | MYSQL | DUCKDB | REDSHIFT | WAREHOUSE | CLICKHOUSE)
    return STANDARD | own | TABLE_FUNCTIONS | TYPES
