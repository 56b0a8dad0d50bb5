/* A set gives each filter the rows that the filter gives alone: random filters over random batches,
 * and the shapes for which the set has ways of its own. */
#include "core/filter/filter_set.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/filter/filter.h"
#include "core/model/batch.h"
#include "core/model/dimension_hash.h"
#include "filter_fixture.h"

enum { FILTERS_MAX = 1200, COLUMNS = 6 };

static uint32_t dice;

static uint32_t roll(uint32_t sides)
{
	dice = dice * 1664525u + 1013904223u;
	return (dice >> 8) % sides;
}

static const char *const names[COLUMNS] = {"a", "b", "c", "d", "e", "f.g"};
static const char *const words[] = {"",
				    "x",
				    "xy",
				    "pay",
				    "pays",
				    "payment",
				    "paymen",
				    "merchant-1",
				    "merchant-2",
				    "a text of more than sixteen",
				    "a text of more than sixteeN",
				    "5"};
static const char *const numbers[] = {"0",     "1",   "5",  "5.5", "-3", "9007199254740993",
				      "1e300", "2.5", "100"};

enum { WORDS = sizeof(words) / sizeof(words[0]), NUMBERS = sizeof(numbers) / sizeof(numbers[0]) };

static void write_condition(char *out, size_t size)
{
	static const char *const comparisons[] = {"==", "==", "==", "~=", "<", "<=", ">", ">="};
	const char *name = names[roll(COLUMNS)], *comparison = comparisons[roll(8)];

	switch (roll(14)) {
	case 0: snprintf(out, size, "%s %s %s", name, comparison, numbers[roll(NUMBERS)]); return;
	case 1:
	case 2: snprintf(out, size, "%s == '%s'", name, words[roll(WORDS)]); return;
	case 3: snprintf(out, size, "%s %s '%s'", name, comparison, words[roll(WORDS)]); return;
	case 4: snprintf(out, size, "%s == %s", name, roll(2) ? "true" : "false"); return;
	case 5:
		snprintf(out, size, "%s:in_('%s', %s, '%s')", name, words[roll(WORDS)],
			 numbers[roll(NUMBERS)], words[roll(WORDS)]);
		return;
	case 6: snprintf(out, size, "%s:starts('%s')", name, words[roll(WORDS)]); return;
	case 7: snprintf(out, size, "%s:contains('%s')", name, words[roll(WORDS)]); return;
	case 8: snprintf(out, size, "%s:match('^p.*%u?$')", name, roll(3)); return;
	case 9: snprintf(out, size, "%s + 1 %s %s", name, comparison, names[roll(COLUMNS)]); return;
	case 10: snprintf(out, size, "not (%s == %s)", name, numbers[roll(NUMBERS)]); return;
	case 11: snprintf(out, size, "%s %s= nil", name, roll(2) ? "=" : "~"); return;
	case 12: snprintf(out, size, "%s:in_(1, 5, true)", name); return;
	default:
		snprintf(out, size, "(%s == '%s' or %s > 1)", name, words[roll(WORDS)],
			 names[roll(COLUMNS)]);
		return;
	}
}

static void write_expression(char *out, size_t size)
{
	uint32_t count = 1 + roll(4);
	size_t used = 0;

	for (uint32_t i = 0; i < count; i++) {
		char condition[128];

		write_condition(condition, sizeof(condition));
		used += (size_t)snprintf(out + used, size - used, "%s%s", i == 0 ? "" : " and ",
					 condition);
	}
}

static struct value random_value(uint32_t column)
{
	/* Most columns are of one type, as in life; the last two are anything. */
	uint32_t type = column < 4 && roll(20) != 0 ? column : roll(6);
	const char *text = words[roll(WORDS)];
	static const int64_t integers[] = {0, 1, 5, -3, 100, 9007199254740993, INT64_MAX};
	static const double doubles[] = {0, -0.0, 5, 5.5, 2.5, 1e300, 9007199254740992.0};

	switch (type) {
	case 0:
	case 4:
		return (struct value){
			.type = VALUE_STRING, .length = (uint32_t)strlen(text), .as.text = text};
	case 1: return (struct value){.type = VALUE_INT, .as.integer = integers[roll(7)]};
	case 2: return (struct value){.type = VALUE_FLOAT, .as.number = doubles[roll(7)]};
	case 3: return (struct value){.type = VALUE_BOOL, .as.boolean = roll(3) == 0};
	default: return (struct value){.type = VALUE_NIL};
	}
}

/* Rows behind the last are what an earlier batch left: they must not be followed. */
static void fill(struct batch *batch, uint32_t row_count)
{
	batch->row_count = row_count;
	for (uint32_t column = 0; column < COLUMNS; column++) {
		for (uint32_t row = 0; row < row_count; row++)
			batch->columns[column][row] = random_value(column);
		for (uint32_t row = row_count; row < BATCH_ROWS_MAX; row++)
			batch->columns[column][row] =
				(struct value){.type = VALUE_STRING,
					       .length = 3 + row % 20,
					       .as.text = (const char *)(uintptr_t)16};
	}
}

struct found {
	const struct filter *const *filters;
	const struct batch *batch;
	struct filter_scratch *scratch;
	uint32_t *calls;
};

static void expect_rows(void *arg, uint32_t index, const uint16_t *rows, uint32_t row_count)
{
	struct found *found = arg;
	uint16_t expected[BATCH_ROWS_MAX];
	uint32_t count = found->batch->row_count;

	for (uint32_t row = 0; row < count; row++)
		expected[row] = (uint16_t)row;
	if (found->filters[index] != NULL)
		count = filter_run(found->filters[index], found->batch, found->scratch, expected);
	cr_assert_eq(row_count, count, "%s", filter_canonical(found->filters[index]));
	cr_assert(count > 0 && memcmp(rows, expected, count * sizeof(*rows)) == 0);
	found->calls[index]++;
}

struct case_set {
	struct schema schema;
	struct field_set fields;
	struct batch batch;
	const struct filter *filters[FILTERS_MAX];
	uint32_t count;
	struct filter_set *set;
	struct filter_set_scratch *scratch;
	struct filter_scratch *alone;
	struct column_hashes hashes;
};

static void case_add(struct case_set *test, const char *expression)
{
	struct filter *filter = NULL;
	struct err_note why = {""};

	if (expression != NULL)
		cr_assert(filter_compile(&filter, expression, &test->schema, &test->fields, &why) ==
				  0,
			  "%s: %s", expression, why.text);
	test->filters[test->count++] = filter;
}

static void case_init(struct case_set *test)
{
	*test = (struct case_set){.count = 0};
	schema_init(&test->schema);
	field_set_init(&test->fields);
	for (uint32_t i = 0; i < COLUMNS; i++)
		field_set_add(&test->fields, NULL, names[i]);
	batch_init(&test->batch, COLUMNS);
	column_hashes_init(&test->hashes, 12345);
	test->alone = filter_scratch_new();
}

static void case_build(struct case_set *test)
{
	test->set = filter_set_new(test->filters, test->count);
	test->scratch = filter_set_scratch_new(test->set, 12345);
}

static void case_run(struct case_set *test)
{
	uint32_t calls[FILTERS_MAX] = {0};
	uint16_t rows[BATCH_ROWS_MAX];
	struct found found = {test->filters, &test->batch, test->alone, calls};

	column_hashes_begin(&test->hashes, COLUMNS);
	filter_set_run(test->scratch, &test->batch, &test->hashes, expect_rows, &found);
	for (uint32_t i = 0; i < test->count; i++) {
		bool matches = test->filters[i] == NULL ? test->batch.row_count > 0
							: filter_run(test->filters[i], &test->batch,
								     test->alone, rows) > 0;

		cr_assert_eq(calls[i], matches, "filter %u", i);
	}
}

static void case_deinit(struct case_set *test)
{
	for (uint32_t i = 0; i < test->count; i++)
		filter_free((struct filter *)(uintptr_t)test->filters[i]);
	filter_set_scratch_free(test->scratch);
	filter_set_free(test->set);
	filter_scratch_free(test->alone);
	column_hashes_deinit(&test->hashes);
	batch_deinit(&test->batch);
	field_set_deinit(&test->fields);
	schema_deinit(&test->schema);
}

static void run_sizes(struct case_set *test)
{
	static const uint32_t sizes[] = {0, 1, 5, 63, 64, 65, 300, 1023, 1024};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		fill(&test->batch, sizes[i]);
		case_run(test);
	}
}

Test(filter_set, gives_what_each_filter_gives_alone)
{
	for (uint32_t round = 0; round < 40; round++) {
		struct case_set *test = mem_alloc(sizeof(*test));
		uint32_t count = round % 4 == 0 ? 1 + roll(3) : 1 + roll(60);

		dice = round;
		case_init(test);
		for (uint32_t i = 0; i < count; i++) {
			char expression[1024];

			write_expression(expression, sizeof(expression));
			case_add(test, roll(30) == 0 ? NULL : expression);
		}
		case_build(test);
		run_sizes(test);
		case_deinit(test);
		mem_free(test);
	}
}

/* One index under a shared condition, with entries of one value, of several, and of equal text. */
Test(filter_set, finds_a_thousand_equalities)
{
	struct case_set *test = mem_alloc(sizeof(*test));

	dice = 7;
	case_init(test);
	for (uint32_t i = 0; i < 1000; i++) {
		char expression[256], word[32];

		snprintf(word, sizeof(word), "%s", words[i % WORDS]);
		if (i % 3 != 0)
			snprintf(word, sizeof(word), "none-%u", i);
		snprintf(expression, sizeof(expression),
			 i % 10 == 9 ? "a:in_('%s', 'pay', 'x', 5) and d == false"
				     : "d == false and a == '%s'",
			 word);
		case_add(test, expression);
	}
	case_add(test, "b == 5");
	case_add(test, "b == 5.0 and d == false");
	case_add(test, "b == 1 and a:match('p+')");
	case_add(test, "b == 100 and (a:match('p+') or c > 2)");
	case_add(test, "b == 9007199254740993 and a:match('p+')");
	case_build(test);
	run_sizes(test);
	case_deinit(test);
	mem_free(test);
}

Test(filter_set, of_no_filter_is_legal)
{
	struct case_set *test = mem_alloc(sizeof(*test));

	case_init(test);
	case_build(test);
	run_sizes(test);
	case_deinit(test);
	mem_free(test);
}

/* What is shared is asked once: the regex runs into its limit for the one row that comes to it. */
Test(filter_set, asks_a_shared_condition_once_for_a_row)
{
	struct case_set *test = mem_alloc(sizeof(*test));
	static char text[4096];

	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = 'b';
	case_init(test);
	for (uint32_t i = 0; i < 5; i++) {
		char expression[64];

		snprintf(expression, sizeof(expression), "b >= %u and a:match('(a+)+$')", i);
		case_add(test, expression);
	}
	case_build(test);
	fill(&test->batch, 3);
	for (uint32_t row = 0; row < 3; row++) {
		test->batch.columns[1][row] =
			(struct value){.type = VALUE_INT, .as.integer = row == 1 ? 9 : -1};
		test->batch.columns[0][row] = (struct value){
			.type = VALUE_STRING, .length = sizeof(text), .as.text = text};
	}
	column_hashes_begin(&test->hashes, COLUMNS);
	filter_set_run(test->scratch, &test->batch, &test->hashes, expect_rows, NULL);
	cr_expect_eq(filter_set_scratch_limits_hit(test->scratch), 1);
	case_deinit(test);
	mem_free(test);
}
