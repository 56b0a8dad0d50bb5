/* Groups of random readings and metrics against a slow and plain way of grouping, bit for bit. */
#include "core/ingest/grouping.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/filter/filter.h"
#include "core/ingest/bundle.h"
#include "core/ingest/intake.h"
#include "core/model/batch.h"
#include "core/window/group_table.h"

enum { COLUMNS = 10, GROUPS_MAX = 40000 };

static uint32_t dice;

static uint32_t roll(uint32_t sides)
{
	dice = dice * 1664525u + 1013904223u;
	return (dice >> 8) % sides;
}

static const char *const names[COLUMNS] = {"a", "b", "c", "d", "e", "f", "g", "h", "x", "y"};

/* ---- the plain way ---- */

struct plain_group {
	int64_t start_ms;
	struct bytes key;
	struct aggregate aggregates[METRIC_VALUES_MAX];
	/** By rows in their order, for metrics that keep more than numbers. */
	struct cell_total cells;
};

struct plain {
	struct plain_group *groups;
	uint32_t count;
};

static struct plain_group *plain_find(struct plain *plain, int64_t start_ms, struct slice key)
{
	for (uint32_t i = 0; i < plain->count; i++)
		if (plain->groups[i].start_ms == start_ms &&
		    slice_equal(bytes_slice(&plain->groups[i].key), key))
			return &plain->groups[i];
	plain->groups = mem_grow(plain->groups, plain->count + 1u, sizeof(*plain->groups));
	struct plain_group *group = &plain->groups[plain->count++];
	memset(group, 0, sizeof(*group));
	group->start_ms = start_ms;
	bytes_append_slice(&group->key, key);
	return group;
}

static void plain_add(struct plain *plain, const struct intake_metric *metric,
		      const struct batch *batch, uint16_t row)
{
	struct bytes key = BYTES_EMPTY;
	int64_t time_ms = batch->time_ms[row], pane_ms = metric->metric->pane_ms;
	for (uint32_t i = 0; i < metric->metric->by_count; i++)
		dimension_append(&key, &batch->columns[metric->by_columns[i]][row]);
	struct plain_group *group =
		plain_find(plain, time_ms - time_ms % pane_ms, bytes_slice(&key));
	if (metric->metric->value_count == 0)
		aggregate_add(&group->aggregates[0]);
	for (uint32_t i = 0; i < metric->metric->value_count; i++) {
		double number;
		if (value_number(&batch->columns[metric->value_columns[i]][row], &number))
			aggregate_add_number(&group->aggregates[i], number);
		else
			aggregate_add(&group->aggregates[i]);
		if (metric->metric->cells.has_extras)
			cells_add(&metric->metric->cells, group->cells.aggregates, i,
				  &batch->columns[metric->value_columns[i]][row], time_ms, NULL);
	}
	bytes_deinit(&key);
}

static void plain_batch(struct plain *plain, const struct intake_metric *metric,
			const struct batch *batch, struct filter_scratch *scratch)
{
	uint16_t rows[BATCH_ROWS_MAX];
	uint32_t count = batch->row_count;
	for (uint32_t row = 0; row < count; row++)
		rows[row] = (uint16_t)row;
	if (metric->filter)
		count = filter_run(metric->filter, batch, scratch, rows);
	for (uint32_t i = 0; i < count; i++)
		plain_add(plain, metric, batch, rows[i]);
}

static void expect_extras(const struct cell_layout *layout, const struct plain_group *want,
			  const struct group *group)
{
	struct bytes a = BYTES_EMPTY, b = BYTES_EMPTY;
	for (uint32_t i = 0; i < layout->width; i++) {
		cells_encode_extras(layout, want->cells.aggregates, i, &a);
		cells_encode_extras(layout, group->aggregates, i, &b);
		cr_assert_eq(group->aggregates[i].count, want->aggregates[i].count);
	}
	cr_assert(slice_equal(bytes_slice(&a), bytes_slice(&b)));
	bytes_deinit(&a);
	bytes_deinit(&b);
}

static void expect_equal(const struct plain *plain, const struct group_table *table)
{
	cr_assert_eq(table->count, plain->count);
	for (uint32_t i = 0; i < plain->count; i++) {
		const struct plain_group *want = &plain->groups[i];
		struct slice key = bytes_slice(&want->key);
		const struct group *group = group_table_find(table, want->start_ms, key);
		cr_assert_not_null(group);
		cr_assert_eq(group->key_hash, group_key_hash(table->seed, key));
		if (table->layout->has_extras)
			expect_extras(table->layout, want, group);
		else
			cr_assert(memcmp(group->aggregates, want->aggregates, table->cells_bytes) ==
				  0);
	}
}

static void plain_deinit(struct plain *plain, const struct cell_layout *layout)
{
	for (uint32_t i = 0; i < plain->count; i++) {
		bytes_deinit(&plain->groups[i].key);
		cells_release(layout, plain->groups[i].cells.aggregates, NULL);
	}
	mem_free(plain->groups);
}

/* ---- readings ---- */

static char long_text[700];

/* Texts of every class of length, some beyond the cut and equal only up to it. */
static struct value random_text(void)
{
	static const uint16_t lengths[] = {0,  1,  2,  3,  4,  5,   7,   8,   9,
					   15, 16, 17, 40, 65, 511, 512, 513, 600};
	uint32_t length = lengths[roll(roll(4) == 0 ? 18 : 12)];
	return (struct value){
		.type = VALUE_STRING, .length = length, .as.text = long_text + roll(3)};
}

static struct value random_value(uint32_t column)
{
	static const double doubles[] = {30.0, -0.0, 0.1, 1e300, -2.5, 9007199254740993.0};
	static const int64_t integers[] = {30, 0, -1, INT64_MIN, 9007199254740993, 7};
	uint32_t type = column < 5 && roll(50) != 0 ? 4 : roll(5);
	switch (type) {
	case 0: return (struct value){.type = VALUE_NIL};
	case 1: return (struct value){.type = VALUE_BOOL, .as.boolean = roll(2)};
	case 2: return (struct value){.type = VALUE_INT, .as.integer = integers[roll(6)]};
	case 3: return (struct value){.type = VALUE_FLOAT, .as.number = doubles[roll(6)]};
	default: return random_text();
	}
}

static void fill(struct batch *batch, uint32_t row_count, int64_t time_ms, uint32_t spread_ms)
{
	batch->row_count = row_count;
	for (uint32_t row = 0; row < row_count; row++) {
		batch->time_ms[row] = time_ms + (spread_ms ? roll(spread_ms) : 0);
		for (uint32_t column = 0; column < 8; column++)
			batch->columns[column][row] = random_value(column);
		batch->columns[8][row] =
			(struct value){.type = VALUE_FLOAT, .as.number = roll(1000) / 7.0};
		batch->columns[9][row] =
			roll(10) == 0 ? random_value(9)
				      : (struct value){.type = VALUE_INT, .as.integer = roll(100)};
	}
}

/* ---- intakes ---- */

static void add_metric(struct intake *intake, const char *filter, const char *by,
		       const char *values, int64_t pane_ms)
{
	struct metric_spec spec = {.source = "s", .filter = filter, .pane_ms = pane_ms};
	const char *by_names[8], *value_names[8];
	struct err_note why = {""};
	uint32_t index;
	for (; by[spec.by_count] != '\0'; spec.by_count++)
		by_names[spec.by_count] = names[by[spec.by_count] - '0'];
	for (; values[spec.value_count] != '\0'; spec.value_count++)
		value_names[spec.value_count] = names[values[spec.value_count] - '0'];
	spec.by = by_names;
	spec.values = value_names;
	cr_assert(intake_add_metric(intake, &spec, &index, &why) == 0, "%s", why.text);
}

static void add_with_needs(struct intake *intake, const char *by, const uint8_t needs[2])
{
	static const char *const value_names[] = {"x", "y"};
	struct err_note why = {0};
	uint32_t index;
	struct metric_spec spec = {
		.by = &by,
		.by_count = by != NULL,
		.values = value_names,
		.value_count = 2,
		.needs = needs,
		.pane_ms = 5000,
	};
	cr_assert(intake_add_metric(intake, &spec, &index, &why) == 0, "%s", why.text);
}

static struct intake *new_intake(void)
{
	struct intake_options options = {.source = "s"};
	struct schema schema;
	schema_init(&schema);
	struct intake *intake = intake_new(&options, &schema, 1);
	schema_deinit(&schema);
	/* Columns in the order of names. */
	add_metric(intake, "a == 1 and b == 1 and c == 1 and d == 1", "", "", 5000);
	add_metric(intake, "e == 1 and f == 1 and g == 1 and h == 1", "", "", 5000);
	add_metric(intake, "x > 100 and y > 50", "", "", 5000);
	return intake;
}

static void add_metrics(struct intake *intake)
{
	add_metric(intake, "", "", "", 5000);
	add_metric(intake, "", "", "89", 60000);
	add_metric(intake, "", "0", "8", 5000);
	add_metric(intake, "", "0", "89", 60000);
	add_metric(intake, "y > 50", "0", "89", 60000);
	add_metric(intake, "y == 5", "0", "", 60000);
	add_metric(intake, "y == 6", "01", "9", 60000);
	add_metric(intake, "x >= 10 and x < 30", "10", "88", 7000);
	add_metric(intake, "a:starts('a')", "5", "9", 60000);
	add_metric(intake, "", "67", "", 60000);
	add_metric(intake, "y < 20", "01234567", "8", 5000);
	add_metric(intake, "y == 7 and x > 100", "76543210", "8", 5000);
	add_with_needs(intake, NULL, (const uint8_t[]){CELL_DISTINCT, CELL_NUMBER | CELL_LAST});
	add_with_needs(intake, "a",
		       (const uint8_t[]){CELL_NUMBER | CELL_SQUARES | CELL_FIRST,
					 CELL_NUMBER | CELL_SKETCH | CELL_DISTINCT});
}

static void check(struct intake *intake, struct grouping *grouping, uint32_t seed)
{
	static const uint32_t sizes[] = {1024, 1, 300, 0, 33, 31};
	struct bundle *bundle = bundle_new(intake, seed);
	struct plain *plains = mem_alloc_array(intake->metric_count, sizeof(*plains));
	struct filter_scratch *scratch = filter_scratch_new();
	struct batch batch;
	batch_init(&batch, intake->fields.count);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		fill(&batch, sizes[i], 1700000000000 + (int64_t)i * 4000,
		     i % 2 ? 0 : (uint32_t)(i + 1) * 4000);
		grouping_add(grouping, intake, &batch, bundle);
		for (uint32_t j = 0; j < intake->metric_count; j++)
			plain_batch(&plains[j], &intake->metrics[j], &batch, scratch);
	}
	for (uint32_t j = 0; j < intake->metric_count; j++) {
		expect_equal(&plains[j], &bundle->deltas[j]);
		plain_deinit(&plains[j], &intake->metrics[j].metric->cells);
	}
	mem_free(plains);
	filter_scratch_free(scratch);
	batch_deinit(&batch);
	bundle_free(bundle);
}

Test(grouping, equals_the_plain_way)
{
	struct grouping *grouping = grouping_new();
	struct intake *few = new_intake(), *many = new_intake();
	memset(long_text, 'a', sizeof(long_text));
	memcpy(long_text + 511, "\xC3\xA9", 2); /* a character that the cut at 512 would halve */
	add_metrics(many);
	for (uint32_t round = 0; round < 4; round++) {
		dice = round;
		check(many, grouping, round / 2);
		check(few, grouping, 1);
	}
	grouping_free(grouping);
	intake_unref(few);
	intake_unref(many);
}

/* 1 MiB of the shortest lines, {"time":1700000000} and a line end, each in a pane of its own. */
Test(grouping, a_block_of_random_times_stays_within_eight_times_its_bytes)
{
	enum { BLOCK_BYTES = 1 << 20, LINE_BYTES = 20 };
	struct grouping *grouping = grouping_new();
	struct intake *intake = new_intake();
	add_metric(intake, "", "", "", 5000);
	struct bundle *bundle = bundle_new(intake, 3);
	struct batch batch;
	batch_init(&batch, intake->fields.count);
	for (uint32_t line = 0; line < BLOCK_BYTES / LINE_BYTES;) {
		for (batch.row_count = 0; batch.row_count < BATCH_ROWS_MAX; line++)
			batch.time_ms[batch.row_count++] =
				1000000000000 + (int64_t)line * 7919 % 1000003 * 5000;
		grouping_add(grouping, intake, &batch, bundle);
	}
	const struct group_table *table = &bundle->deltas[bundle->delta_count - 1];
	size_t bytes = group_table_memory_bytes(table);
	printf("%u panes of one key: %zu bytes\n", table->count, bytes);
	cr_expect_geq(table->count, BLOCK_BYTES / LINE_BYTES);
	cr_expect_leq(bytes, 8 * BLOCK_BYTES);
	batch_deinit(&batch);
	bundle_free(bundle);
	intake_unref(intake);
	grouping_free(grouping);
}
