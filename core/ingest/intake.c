#include "core/ingest/intake.h"

#include <string.h>

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/report.h"
#include "core/base/require.h"
#include "core/filter/filter.h"
#include "core/ingest/decode_names.h"
#include "core/window/group_table.h"

/** A new sketch, and a new bin or hash of one that doubles. */
enum { KEY_BYTES_ORDINARY = 32, SKETCH_BYTES_ORDINARY = 128 };

static void schema_copy(struct schema *into, const struct schema *from)
{
	schema_init(into);
	for (uint32_t i = 0; i < from->field_count; i++)
		schema_add(into, from->fields[i].name, from->fields[i].type);
	into->is_closed = from->is_closed;
	mem_free(into->time_field);
	into->time_field = mem_copy_text(from->time_field ? from->time_field : "time");
}

/** Everything that is derived from the wanted fields. */
static void intake_index_fields(struct intake *intake)
{
	name_tree_free(intake->names);
	intake->names =
		name_tree_new(&intake->fields, intake->is_number, intake->schema.time_field);
	intake->time_of_csv = -1;
	for (uint32_t i = 0; i < intake->column_count; i++) {
		const char *name = intake->columns[i];
		intake->column_of_csv[i] = field_set_find(&intake->fields, slice_of(name));
		if (strcmp(name, intake->schema.time_field) == 0)
			intake->time_of_csv = (int)i;
	}
}

struct intake *intake_new(const struct intake_options *options, const struct schema *schema,
			  uint64_t generation)
{
	REQUIRE(options->column_count <= INTAKE_COLUMNS_MAX);
	struct intake *intake = mem_alloc(sizeof(*intake));
	*intake = (struct intake){
		.source = mem_copy_text(options->source ? options->source : ""),
		.format = options->format,
		.delimiter = options->delimiter ? options->delimiter : ',',
		.lateness_ms = options->lateness_ms,
		.max_ahead_ms = options->max_ahead_ms,
		.line_bytes_max =
			options->line_bytes_max ? options->line_bytes_max : INTAKE_LINE_BYTES_MAX,
		.marks_late = options->marks_late,
		.generation = generation,
		.line_column = -1,
		.reference_count = 1,
	};
	schema_copy(&intake->schema, schema);
	field_set_init(&intake->fields);
	if (options->column_count > 0) {
		intake->column_count = options->column_count;
		intake->columns = mem_alloc_array(options->column_count, sizeof(char *));
		intake->column_of_csv = mem_alloc_array(options->column_count, sizeof(int));
		for (uint32_t i = 0; i < options->column_count; i++)
			intake->columns[i] = mem_copy_text(options->columns[i]);
	}
	intake_index_fields(intake);
	return intake;
}

struct intake *intake_ref(struct intake *intake)
{
	__atomic_add_fetch(&intake->reference_count, 1, __ATOMIC_RELAXED);
	return intake;
}

void intake_unref(struct intake *intake)
{
	if (!intake || __atomic_sub_fetch(&intake->reference_count, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	for (uint32_t i = 0; i < intake->metric_count; i++) {
		metric_unref(intake->metrics[i].metric);
		filter_free(intake->metrics[i].filter);
	}
	mem_free(intake->metrics);
	for (uint32_t i = 0; i < intake->column_count; i++)
		mem_free(intake->columns[i]);
	mem_free(intake->columns);
	mem_free(intake->column_of_csv);
	name_tree_free(intake->names);
	mem_free(intake->is_number);
	mem_free(intake->is_kept);
	field_set_deinit(&intake->fields);
	schema_deinit(&intake->schema);
	mem_free(intake->source);
	mem_free(intake);
}

static int unknown_field(const struct intake *intake, const char *name, struct err_note *why)
{
	const struct schema *schema = &intake->schema;
	const char **names = mem_alloc_array(schema->field_count + 1, sizeof(*names));
	struct bytes list = BYTES_EMPTY;
	for (uint32_t i = 0; i < schema->field_count; i++) {
		names[i] = schema->fields[i].name;
		bytes_append_format(&list, "%s%s", i ? ", " : "", names[i]);
	}
	const char *nearest = report_nearest(name, names);
	err_set(why, ERR_INVALID, "unknown field \"%s\"%s%s%s; the fields are %s", name,
		nearest ? ", did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "",
		list.length ? list.data : "not declared");
	bytes_deinit(&list);
	mem_free(names);
	return ERR_INVALID;
}

static int intake_check_field(const struct intake *intake, const char *name, struct err_note *why)
{
	size_t length = strlen(name);
	if (length == 0)
		return err_set(why, ERR_INVALID, "a field name is empty");
	if (length >= FIELD_NAME_BYTES_MAX)
		return err_set(why, ERR_INVALID,
			       "the field name \"%.32s...\" is longer than %d bytes", name,
			       FIELD_NAME_BYTES_MAX - 1);
	if (intake->schema.is_closed && strcmp(name, intake->schema.time_field) != 0 &&
	    !schema_find(&intake->schema, name))
		return unknown_field(intake, name, why);
	return 0;
}

static bool needs_number(const struct metric_spec *spec, uint32_t value)
{
	return !spec->needs || (spec->needs[value] & CELL_NUMBER);
}

static bool is_line(const struct metric_spec *spec, uint32_t value)
{
	return spec->needs && (spec->needs[value] & CELL_LINES);
}

static int intake_check_value(const struct intake *intake, const struct metric_spec *spec,
			      uint32_t value, struct err_note *why)
{
	if (is_line(spec, value))
		return 0;
	int rc = intake_check_field(intake, spec->values[value], why);
	const struct field *field = schema_find(&intake->schema, spec->values[value]);
	if (!rc && field && needs_number(spec, value) && !field_type_is_numeric(field->type))
		rc = err_set(why, ERR_RANGE,
			     "field \"%s\" is declared %s; a statistic needs int or float",
			     field->name, field_type_name(field->type));
	return rc;
}

static int intake_check_spec(const struct intake *intake, const struct metric_spec *spec,
			     struct err_note *why)
{
	int rc = 0;
	if (intake->metric_count == INTAKE_METRICS_MAX)
		return err_set(why, ERR_FULL, "source \"%s\" has %d metrics, the most allowed",
			       intake->source, INTAKE_METRICS_MAX);
	if (spec->by_count > DIMENSION_FIELDS_MAX)
		return err_set(why, ERR_FULL, "%u grouping fields; at most %d are allowed",
			       spec->by_count, DIMENSION_FIELDS_MAX);
	if (spec->value_count > METRIC_VALUES_MAX)
		return err_set(why, ERR_FULL, "%u value fields; at most %d are allowed",
			       spec->value_count, METRIC_VALUES_MAX);
	if (spec->read_count > METRIC_READS_MAX)
		return err_set(why, ERR_FULL,
			       "%u fields for a filter function; at most %d are allowed",
			       spec->read_count, METRIC_READS_MAX);
	if (spec->pane_ms <= 0)
		return err_set(why, ERR_RANGE, "a pane of %lld ms; it must be at least 1 ms",
			       (long long)spec->pane_ms);
	for (uint32_t i = 0; i < spec->by_count && !rc; i++)
		rc = intake_check_field(intake, spec->by[i], why);
	for (uint32_t i = 0; i < spec->read_count && !rc; i++)
		rc = intake_check_field(intake, spec->reads[i], why);
	for (uint32_t i = 0; i < spec->value_count && !rc; i++)
		rc = intake_check_value(intake, spec, i, why);
	return rc;
}

/** Adds a wanted field; its column, or ERR_FULL. *is_changed: what is derived from the fields must
 *  be made anew. */
static int intake_want(struct intake *intake, const char *name, bool is_number, bool *is_changed,
		       struct err_note *why)
{
	int column = field_set_add(&intake->fields, &intake->schema, name);
	if (column < 0)
		return err_set(why, ERR_FULL, "the rules of source \"%s\" read more than %u fields",
			       intake->source, intake->fields.count);
	*is_changed |= is_number && !intake->is_number[column];
	if (is_number)
		intake->is_number[column] = true;
	return column;
}

/** The flags grow with the fields, which the filter compiler adds to as well. */
static void intake_grow_flags(struct intake *intake, uint32_t old_count, uint32_t count)
{
	intake->is_number = mem_grow(intake->is_number, count, sizeof(bool));
	memset(intake->is_number + old_count, 0, (count - old_count) * sizeof(bool));
	intake->is_kept = mem_grow(intake->is_kept, count, sizeof(bool));
	memset(intake->is_kept + old_count, 0, (count - old_count) * sizeof(bool));
}

static void intake_keep(struct intake *intake, const struct metric_spec *spec,
			const struct intake_metric *metric)
{
	intake->keeps_batches = true;
	for (uint32_t i = 0; i < spec->by_count; i++)
		intake->is_kept[metric->by_columns[i]] = true;
	for (uint32_t i = 0; i < spec->value_count; i++)
		intake->is_kept[metric->value_columns[i]] = true;
	for (uint32_t i = 0; i < spec->read_count; i++)
		intake->is_kept[metric->read_columns[i]] = true;
}

static int intake_want_all(struct intake *intake, const struct metric_spec *spec,
			   struct intake_metric *metric, bool *is_changed, struct err_note *why)
{
	for (uint32_t i = 0; i < spec->by_count; i++) {
		int column = intake_want(intake, spec->by[i], false, is_changed, why);
		if (column < 0)
			return column;
		metric->by_columns[i] = (uint32_t)column;
	}
	for (uint32_t i = 0; i < spec->value_count; i++) {
		int column = intake_want(intake, spec->values[i], needs_number(spec, i), is_changed,
					 why);
		if (column < 0)
			return column;
		metric->value_columns[i] = (uint32_t)column;
		if (is_line(spec, i))
			intake->line_column = column;
	}
	for (uint32_t i = 0; i < spec->read_count; i++) {
		int column = intake_want(intake, spec->reads[i], false, is_changed, why);
		if (column < 0)
			return column;
		metric->read_columns[i] = (uint32_t)column;
	}
	metric->read_count = spec->read_count;
	if (spec->filter_function || spec->keeps_rows)
		intake_keep(intake, spec, metric);
	return 0;
}

static bool intake_find_metric(const struct intake *intake, const struct metric *metric,
			       uint32_t *out_index)
{
	for (uint32_t i = 0; i < intake->metric_count; i++) {
		if (memcmp(&intake->metrics[i].metric->id, &metric->id, sizeof(metric->id)) == 0) {
			*out_index = i;
			return true;
		}
	}
	return false;
}

/** A metric has one set of rows, whoever asks for it. */
static void intake_keep_rows(struct intake *intake, uint32_t index, bool keeps_rows)
{
	if (keeps_rows && intake->metrics[index].keeper < 0)
		intake->metrics[index].keeper = (int)intake->keeper_count++;
}

static void intake_take_metric(struct intake *intake, const struct intake_metric *metric,
			       bool keeps)
{
	const struct metric *added = metric->metric;
	size_t bytes =
		sizeof(struct group) + added->cells.bytes + added->by_count * KEY_BYTES_ORDINARY;

	if (added->cells.has_heap)
		bytes += 2 * added->value_count * SKETCH_BYTES_ORDINARY;
	if (added->cells.lines_max > 0)
		bytes += 2 * (CELL_LINE_OVERHEAD + CELL_LINE_BYTES_MAX);

	intake->row_bytes += bytes;
	if (keeps) {
		bytes += (added->by_count + added->value_count + metric->read_count) *
			 sizeof(struct value);
		intake->kept_row_bytes += bytes;
	}
	if (intake->metric_count == intake->metric_capacity) {
		intake->metric_capacity = intake->metric_capacity ? intake->metric_capacity * 2 : 8;
		intake->metrics = mem_grow(intake->metrics, intake->metric_capacity,
					   sizeof(*intake->metrics));
	}
	intake->metrics[intake->metric_count++] = *metric;
}

int intake_add_metric(struct intake *intake, const struct metric_spec *spec, uint32_t *out_index,
		      struct err_note *why)
{
	struct intake_metric metric = {.keeper = -1};
	uint32_t old_count = intake->fields.count;
	bool is_changed = false;
	int rc = intake_check_spec(intake, spec, why);
	if (rc)
		return rc;
	if (spec->filter && spec->filter[0])
		rc = filter_compile(&metric.filter, spec->filter, &intake->schema, &intake->fields,
				    why);
	intake_grow_flags(intake, old_count,
			  intake->fields.count + spec->by_count + spec->value_count +
				  spec->read_count + 1);
	if (!rc)
		rc = intake_want_all(intake, spec, &metric, &is_changed, why);
	if (is_changed || intake->fields.count != old_count)
		intake_index_fields(intake);
	if (rc) {
		filter_free(metric.filter);
		return rc;
	}

	struct metric_spec canonical = *spec;
	canonical.source = intake->source;
	canonical.filter = metric.filter ? filter_canonical(metric.filter) : "";
	metric.metric = metric_new(&canonical);
	if (intake_find_metric(intake, metric.metric, out_index)) {
		metric_unref(metric.metric);
		filter_free(metric.filter);
		intake_keep_rows(intake, *out_index, spec->keeps_rows);
		return 0;
	}
	*out_index = intake->metric_count;
	intake_take_metric(intake, &metric, spec->filter_function || spec->keeps_rows);
	intake_keep_rows(intake, *out_index, spec->keeps_rows);
	return 0;
}
