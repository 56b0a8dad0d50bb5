/* Expected deviations were computed in Python with fractions and 50 digits. */
#include "core/model/cells.h"

#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/model/value.h"

enum {
	ALL = CELL_NUMBER | CELL_SQUARES | CELL_FIRST | CELL_LAST | CELL_DISTINCT | CELL_SKETCH,
	READINGS = 3000,
};

static struct value number_of(double number)
{
	return (struct value){.type = VALUE_FLOAT, .as.number = number};
}

static struct value text_of(const char *text)
{
	return (struct value){
		.type = VALUE_STRING, .length = (uint32_t)strlen(text), .as.text = text};
}

static struct cell_layout layout_of(uint8_t first, uint8_t second)
{
	struct cell_layout layout;

	cell_layout_init(&layout, 2, (const uint8_t[]){first, second});
	return layout;
}

static struct measure measure_of(const char *text)
{
	struct measure measure = {0};

	cr_assert_eq(measure_parse(text, &measure), 0, "%s", text);
	return measure;
}

static double value_of(const struct cell_layout *layout, const struct aggregate *cells,
		       const char *text)
{
	struct measure measure = measure_of(text);
	double value = NAN;

	cr_assert(measure_value(layout, cells, &measure, 10000, &value), "%s", text);
	return value;
}

static double deviation_of(const double *numbers, size_t count)
{
	struct cell_layout layout = layout_of(CELL_NUMBER | CELL_SQUARES, CELL_NUMBER);
	struct cell_total total = {0};

	for (size_t i = 0; i < count; i++) {
		struct value value = number_of(numbers[i]);

		cells_add(&layout, total.aggregates, 0, &value, 0, NULL);
	}
	return value_of(&layout, total.aggregates, "stddev");
}

static uint64_t next(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 11;
}

static bool is_near(double found, double expected)
{
	return fabs(found - expected) <= 1e-12 * fabs(expected);
}

Test(cells, deviation_keeps_its_digits)
{
	static double numbers[1000];
	uint64_t state = 1;

	cr_expect_eq(deviation_of((double[]){2, 4, 4, 4, 5, 5, 7, 9}, 8), 2);
	cr_expect_eq(deviation_of((double[]){1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16}, 4),
		     4.743416490252569);
	cr_expect(
		is_near(deviation_of((double[]){0.1, 0.2, 0.3, 0.4, 1e15}, 5), 399999999999999.9));
	cr_expect_eq(deviation_of((double[]){0.1, 0.1, 0.1}, 3), 0);
	/* The mean is 10^8 times the deviation: eight digits of each square are left. */
	for (int i = 0; i < 1000; i++)
		numbers[i] = 3e7 + (double)(next(&state) % 1000) / 1000;
	cr_expect_lt(fabs(deviation_of(numbers, 1000) / 0.28672840584933207 - 1), 1e-9);
}

Test(cells, deviation_of_what_cannot_be_squared_is_none)
{
	struct cell_layout layout = layout_of(ALL, CELL_NUMBER);
	struct cell_total total = {0};
	struct measure measure = measure_of("stddev");
	struct value value = number_of(1e200);
	double out = 5;

	cells_add(&layout, total.aggregates, 0, &value, 0, NULL);
	cr_expect_not(measure_value(&layout, total.aggregates, &measure, 1000, &out));
	cr_expect_eq(value_of(&layout, total.aggregates, "max"), 1e200);
	cr_expect_eq(out, 5);
	cells_clear(&layout, total.aggregates, NULL);
}

Test(cells, percentiles_are_of_the_nearest_rank)
{
	struct cell_layout layout = layout_of(ALL, CELL_NUMBER);
	struct cell_total total = {0};

	for (int i = 20; i >= 1; i--) {
		struct value value = {.type = VALUE_INT, .as.integer = i};

		cells_add(&layout, total.aggregates, 0, &value, 0, NULL);
	}
	/* ceil(p * 20): 1, 10, 18, 19, 20, 20. */
	cr_expect_float_eq(value_of(&layout, total.aggregates, "p0.1"), 1, 0.0078);
	cr_expect_float_eq(value_of(&layout, total.aggregates, "p50"), 10, 0.078);
	cr_expect_float_eq(value_of(&layout, total.aggregates, "p90"), 18, 0.14);
	cr_expect_float_eq(value_of(&layout, total.aggregates, "p95"), 19, 0.148);
	cr_expect_float_eq(value_of(&layout, total.aggregates, "p95.1"), 20, 0.156);
	cr_expect_float_eq(value_of(&layout, total.aggregates, "p99"), 20, 0.156);
	cr_expect_leq(value_of(&layout, total.aggregates, "p99.9"), 20, "never above the maximum");
	cells_clear(&layout, total.aggregates, NULL);
}

Test(cells, first_and_last_are_by_event_time)
{
	static const struct {
		int64_t time_ms;
		double number;
	} readings[] = {{50, 1}, {40, 2}, {90, 3}, {40, 4}, {90, 5}, {60, 6}};
	struct cell_layout layout = layout_of(ALL, CELL_NUMBER);
	struct cell_total total = {0};
	struct value nothing = {.type = VALUE_NIL};

	for (size_t i = 0; i < 6; i++) {
		struct value value = number_of(readings[i].number);

		cells_add(&layout, total.aggregates, 0, &value, readings[i].time_ms, NULL);
	}
	cells_add(&layout, total.aggregates, 0, &nothing, 10, NULL);
	cr_expect_eq(value_of(&layout, total.aggregates, "first"), 2, "the first that was read");
	cr_expect_eq(value_of(&layout, total.aggregates, "last"), 5, "the last that was read");
	cells_clear(&layout, total.aggregates, NULL);
}

Test(cells, distinct_takes_values_of_any_type)
{
	struct cell_layout layout = layout_of(CELL_DISTINCT, CELL_NUMBER);
	struct cell_total total = {0};
	const struct value values[] = {
		text_of("a"),
		text_of("b"),
		text_of("a"),
		text_of(""),
		text_of("30"),
		number_of(30),
		{.type = VALUE_INT, .as.integer = 30}, /* as the one before */
		number_of(0.0),
		number_of(-0.0), /* as the one before */
		number_of(30.5),
		number_of(1e300),
		{.type = VALUE_BOOL, .as.boolean = true},
		{.type = VALUE_BOOL, .as.boolean = false},
		{.type = VALUE_INT, .as.integer = 1},
		{.type = VALUE_NIL},
	};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		cells_add(&layout, total.aggregates, 0, &values[i], 0, NULL);
	cr_expect_eq(value_of(&layout, total.aggregates, "distinct"), 11);
	cr_expect_eq(value_of(&layout, total.aggregates, "count"), 15);
	cr_expect_eq(total.aggregates[0].samples, 0, "it does not compute with them");
	cells_clear(&layout, total.aggregates, NULL);
}

/* Names and numbers as logs have them, not hashes: is what they are hashed with good enough? */
Test(cells, distinct_values_as_logs_have_them_are_within_the_bound)
{
	static const char *const forms[] = {"m%d", "user-%08d@example.org", "10.0.%d", "%d"};
	struct cell_layout layout = layout_of(CELL_DISTINCT, CELL_NUMBER);
	char text[64];

	for (int form = 0; form < 5; form++) {
		struct cell_total total = {0};
		double error;

		for (int i = 0; i < 30000; i++) {
			struct value value = {.type = VALUE_INT, .as.integer = i};

			if (form < 4) {
				snprintf(text, sizeof(text), forms[form], i);
				value = text_of(text);
			}
			cells_add(&layout, total.aggregates, 0, &value, 0, NULL);
		}
		error = value_of(&layout, total.aggregates, "distinct") / 30000 - 1;
		cr_expect_lt(fabs(error), 3 * 0.01625, "form %d: %g", form, error);
		cells_clear(&layout, total.aggregates, NULL);
	}
}

Test(cells, rate_is_per_second_of_the_window)
{
	struct cell_layout layout;
	struct aggregate cells = {.count = 25};
	struct measure rate = measure_of("rate");
	double value;

	cell_layout_init(&layout, 0, NULL);
	cr_assert(measure_value(&layout, &cells, &rate, 10000, &value));
	cr_expect_eq(value, 2.5);
	cr_assert(measure_value(&layout, &cells, &rate, 86400000, &value));
	cr_expect_eq(value, 25.0 / 86400);
}

Test(cells, without_a_value_only_counts_have_a_number)
{
	static const char *const none[] = {"sum",    "avg",   "min",  "max",
					   "stddev", "first", "last", "p99"};
	struct cell_layout layout = layout_of(ALL, CELL_NUMBER);
	struct cell_total total = {0};
	struct value nothing = {.type = VALUE_NIL};

	cells_add(&layout, total.aggregates, 0, &nothing, 7, NULL);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		struct measure measure = measure_of(none[i]);
		double value;

		cr_expect_not(measure_value(&layout, total.aggregates, &measure, 1000, &value),
			      "%s", none[i]);
	}
	cr_expect_eq(value_of(&layout, total.aggregates, "count"), 1);
	cr_expect_eq(value_of(&layout, total.aggregates, "rate"), 0.1);
	cr_expect_eq(value_of(&layout, total.aggregates, "distinct"), 0);
}

static void add_random(const struct cell_layout *layout, struct aggregate *cells, uint64_t *state,
		       size_t *memory)
{
	uint64_t choice = next(state) % 10;
	struct value value = number_of((double)(next(state) % 1000000) / 977 - 200);
	int64_t time_ms = (int64_t)(next(state) << 12 | (*state & 4095)); /* no two alike */

	if (choice == 0)
		value = (struct value){.type = VALUE_NIL};
	if (choice == 1)
		value = text_of("ten");
	cells_add(layout, cells, 0, &value, time_ms, memory);
	value = number_of((double)(choice % 3));
	cells_add(layout, cells, 1, &value, time_ms, memory);
}

static const char *const measures[] = {"count", "sum",      "avg",  "min", "max", "stddev",
				       "rate",  "distinct", "last", "p50", "p99", "first"};

static void expect_same(const struct cell_layout *layout, const struct aggregate *a,
			const struct aggregate *b)
{
	for (uint8_t index = 0; index < 2; index++)
		for (size_t i = 0; i < sizeof(measures) / sizeof(measures[0]); i++) {
			struct measure measure = measure_of(measures[i]);
			double x = -1, y = -1;

			measure.value = index;
			measure_value(layout, a, &measure, 1000, &x);
			measure_value(layout, b, &measure, 1000, &y);
			cr_expect(is_near(x, y), "%s: %.17g, %.17g", measures[i], x, y);
		}
}

Test(cells, merging_is_associative_and_commutative)
{
	struct cell_layout layout = layout_of(ALL, ALL);
	size_t memory = 0;

	for (uint64_t seed = 1; seed < 20; seed++) {
		struct cell_total whole = {0}, parts[5] = {0}, left = {0}, right = {0};
		uint64_t state = seed;

		for (int i = 0; i < READINGS; i++) {
			uint64_t before = state;

			add_random(&layout, whole.aggregates, &state, &memory);
			add_random(&layout, parts[(uint64_t)i % seed % 5].aggregates, &before,
				   &memory);
		}
		for (int i = 0; i < 5; i++)
			cells_merge(&layout, left.aggregates, parts[i].aggregates, &memory);
		for (int i = 4; i > 0; i--)
			cells_merge(&layout, parts[i - 1].aggregates, parts[i].aggregates, &memory);
		cells_merge(&layout, right.aggregates, parts[0].aggregates, &memory);
		expect_same(&layout, whole.aggregates, left.aggregates);
		expect_same(&layout, whole.aggregates, right.aggregates);
		for (int i = 0; i < 5; i++)
			cells_clear(&layout, parts[i].aggregates, &memory);
		cells_clear(&layout, whole.aggregates, &memory);
		cells_clear(&layout, left.aggregates, &memory);
		cells_clear(&layout, right.aggregates, &memory);
		cr_assert_eq(memory, 0);
	}
}

Test(cells, readings_of_one_time_keep_their_order_in_a_merge)
{
	struct cell_layout layout = layout_of(CELL_NUMBER | CELL_FIRST | CELL_LAST, CELL_NUMBER);
	struct cell_total earlier = {0}, later = {0}, total = {0};
	struct value one = number_of(1), two = number_of(2);

	cells_add(&layout, earlier.aggregates, 0, &one, 5, NULL);
	cells_add(&layout, later.aggregates, 0, &two, 5, NULL);
	cells_merge(&layout, total.aggregates, earlier.aggregates, NULL);
	cells_merge(&layout, total.aggregates, later.aggregates, NULL);
	cr_expect_eq(value_of(&layout, total.aggregates, "first"), 1);
	cr_expect_eq(value_of(&layout, total.aggregates, "last"), 2);
}

Test(cells, extras_come_back_as_they_were_stored)
{
	struct cell_layout layout = layout_of(ALL, CELL_DISTINCT);

	for (int count = 0; count < 2000; count = count * 3 + 1) {
		struct cell_total total = {0}, again = {0};
		struct bytes bytes = BYTES_EMPTY;
		struct byte_reader reader;
		uint64_t state = 4;
		size_t memory = 0;

		for (int i = 0; i < count; i++)
			add_random(&layout, total.aggregates, &state, NULL);
		for (uint32_t i = 0; i < 2; i++) {
			cells_encode_extras(&layout, total.aggregates, i, &bytes);
			again.aggregates[i] = total.aggregates[i];
		}
		reader = byte_reader_of(bytes_slice(&bytes));
		for (uint32_t i = 0; i < 2; i++)
			cr_assert_eq(
				cells_decode_extras(&layout, &reader, i, again.aggregates, &memory),
				0);
		cr_expect_eq(reader.left, 0);
		for (size_t i = 0; i < sizeof(measures) / sizeof(measures[0]); i++) {
			struct measure measure = measure_of(measures[i]);
			double x = -1, y = -1;

			measure_value(&layout, total.aggregates, &measure, 1000, &x);
			measure_value(&layout, again.aggregates, &measure, 1000, &y);
			cr_expect_eq(x, y, "%s", measures[i]);
		}
		cells_clear(&layout, again.aggregates, &memory);
		cells_clear(&layout, total.aggregates, NULL);
		cr_expect_eq(memory, 0);
		bytes_deinit(&bytes);
	}
}

Test(cells, stored_extras_that_are_cut_anywhere_are_refused)
{
	struct cell_layout layout = layout_of(ALL, CELL_NUMBER);
	struct cell_total total = {0};
	struct bytes bytes = BYTES_EMPTY;
	uint64_t state = 4;
	size_t memory = 0;

	for (int i = 0; i < 30; i++)
		add_random(&layout, total.aggregates, &state, NULL);
	cells_encode_extras(&layout, total.aggregates, 0, &bytes);
	for (size_t length = 0; length < bytes.length; length++) {
		struct byte_reader reader = byte_reader_of((struct slice){bytes.data, length});
		struct cell_total cut = {.aggregates = {total.aggregates[0]}};

		cr_expect_eq(cells_decode_extras(&layout, &reader, 0, cut.aggregates, &memory),
			     ERR_CORRUPT, "%zu", length);
		cells_clear(&layout, cut.aggregates, &memory);
		cr_assert_eq(memory, 0);
	}
	cells_clear(&layout, total.aggregates, NULL);
	bytes_deinit(&bytes);
}

static void add_line(const struct cell_layout *layout, struct cell_total *cells, int64_t time_ms,
		     const char *text, size_t *memory)
{
	struct value number = number_of(1), line = text_of(text);

	cells_add(layout, cells->aggregates, 0, &number, time_ms, memory);
	cells_add(layout, cells->aggregates, 1, &line, time_ms, memory);
}

static void expect_line(const struct cell_layout *layout, const struct cell_total *cells,
			uint32_t index, const char *text)
{
	struct cell_line line = cells_line(layout, cells->aggregates, index);

	cr_expect(slice_equal(line.text, slice_of(text)), "%s", text);
	cr_expect_not(line.is_cut);
}

Test(cells, keep_the_newest_lines_beside_numbers)
{
	struct cell_layout layout = layout_of(CELL_NUMBER, CELL_LINES);
	struct cell_total old = {0}, new = {0}, again = {0};
	struct bytes bytes = BYTES_EMPTY;
	struct byte_reader reader;
	size_t memory = 0;

	cr_assert(layout.has_heap && layout.bytes == 104);
	layout.lines_max = 2;
	cr_expect_eq(cells_line_count(&layout, old.aggregates), 0);
	add_line(&layout, &old, 5, "five", &memory);
	add_line(&layout, &old, 3, "three", &memory);
	add_line(&layout, &new, 4, "four", &memory);
	add_line(&layout, &new, 5, "five again", &memory);
	cells_merge(&layout, new.aggregates, old.aggregates, &memory);
	cells_clear(&layout, old.aggregates, &memory);
	cr_expect(new.aggregates[0].count == 4 && new.aggregates[1].count == 4);
	cr_expect_eq(aggregate_sum(&new.aggregates[0]), 4);
	expect_line(&layout, &new, 0, "five again");
	expect_line(&layout, &new, 1, "five");
	cells_encode_extras(&layout, new.aggregates, 1, &bytes);
	reader = byte_reader_of(bytes_slice(&bytes));
	cr_assert_eq(cells_decode_extras(&layout, &reader, 1, again.aggregates, &memory), 0);
	cr_expect_eq(reader.left, 0);
	expect_line(&layout, &again, 1, "five");
	cells_clear(&layout, new.aggregates, &memory);
	cells_clear(&layout, again.aggregates, &memory);
	cr_expect_eq(memory, 0);
	bytes_deinit(&bytes);
}

Test(cells, without_extras_are_their_aggregates)
{
	struct cell_layout layout;

	cell_layout_init(&layout, 0, NULL);
	cr_expect(layout.width == 1 && layout.bytes == 48 && !layout.has_extras);
	cell_layout_init(&layout, 3, NULL);
	cr_expect(layout.width == 3 && layout.bytes == 144 && !layout.has_extras);
	cell_layout_init(&layout, 2, (const uint8_t[]){CELL_NUMBER, CELL_SKETCH | CELL_NUMBER});
	cr_expect(layout.bytes == 104 && layout.has_heap);
	cell_layout_init(&layout, 1, (const uint8_t[]){CELL_NUMBER | CELL_SQUARES});
	cr_expect(layout.bytes == 64 && layout.has_extras && !layout.has_heap);
}
