#include "core/cli/query_sort.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/arena.h"
#include "core/cli/query_table.h"
#include "core/model/dimension.h"
#include "core/model/value.h"

enum { KEYS = 700, STARTS = 3 };

static struct value string_of(const char *text, uint32_t length)
{
	return (struct value){.type = VALUE_STRING, .length = length, .as.text = text};
}

static struct value random_value(uint32_t *seed)
{
	static const char letters[] = "ab\0\1\xff"
				      "aaaaaaaaaabaaaaaaaaaab\0aaaaaaab\0a";
	static const double floats[] = {0.5, -0.5, 1e300, -1e300, 9007199254740993.0, 0x1p63, 1e-9};
	static const int64_t ints[] = {0, -1, INT64_MAX, INT64_MIN, 9007199254740993, 7, 10};
	uint32_t random = *seed = *seed * 1664525 + 1013904223;
	uint32_t choice = random >> 8 & 0xFF;
	switch (random >> 28) {
	case 0: return (struct value){.type = VALUE_NIL};
	case 1: return (struct value){.type = VALUE_BOOL, .as.boolean = choice & 1};
	case 2: return (struct value){.type = VALUE_FLOAT, .as.number = floats[choice % 7]};
	case 3:
	case 4: return (struct value){.type = VALUE_INT, .as.integer = ints[choice % 7]};
	case 5: return (struct value){.type = VALUE_INT, .as.integer = (int64_t)choice - 100};
	default: return string_of(letters + choice % 8, (choice >> 3) % (sizeof(letters) - 8));
	}
}

static struct slice keep(struct arena *arena, struct bytes *key)
{
	struct slice kept = {arena_copy(arena, key->data ? key->data : "", key->length),
			     key->length};
	bytes_clear(key);
	return kept;
}

static int sign(int number)
{
	return (number > 0) - (number < 0);
}

Test(query_sort, bytes_of_keys_are_in_the_order_of_keys)
{
	static struct slice keys[KEYS], orders[KEYS];
	struct arena arena;
	struct bytes text = BYTES_EMPTY;
	uint32_t seed = 1;
	arena_init(&arena);
	for (int i = 0; i < KEYS; i++) {
		for (int field = 0; field < 2; field++) {
			struct value value = random_value(&seed);
			dimension_append(&text, &value);
		}
		keys[i] = keep(&arena, &text);
		query_sort_key(keys[i], &text);
		orders[i] = keep(&arena, &text);
	}
	for (int i = 0; i < KEYS; i++)
		for (int j = 0; j < KEYS; j++)
			cr_assert_eq(sign(slice_compare(orders[i], orders[j])),
				     sign(dimension_compare(keys[i], keys[j])), "%d and %d", i, j);
	bytes_deinit(&text);
	arena_deinit(&arena);
}

/** Rows with different keys in each window, in no order. */
static uint32_t make_rows(struct query_row *rows, uint32_t count, const char *form,
			  struct arena *arena)
{
	struct bytes text = BYTES_EMPTY;
	for (uint32_t i = 0; i < count; i++) {
		char name[64];
		uint32_t number = (uint32_t)((uint64_t)i * 7919 % count);
		int length = snprintf(name, sizeof(name), form, number);
		struct value value = string_of(name, (uint32_t)length);
		dimension_append(&text, &value);
		rows[i] = (struct query_row){.start_ms = (int64_t)(i % STARTS) * 60000 - 60000,
					     .key = keep(arena, &text)};
	}
	bytes_deinit(&text);
	return count;
}

static void expect_order(const struct query_row *rows, const uint32_t *order, uint32_t count)
{
	for (uint32_t i = 1; i < count; i++) {
		const struct query_row *a = &rows[order[i - 1]], *b = &rows[order[i]];
		cr_assert(a->start_ms < b->start_ms || (a->start_ms == b->start_ms &&
							dimension_compare(a->key, b->key) < 0),
			  "%u of %u", i, count);
	}
}

Test(query_sort, rows_are_sorted_by_start_then_key)
{
	static struct query_row rows[20000];
	static const char *const forms[] = {"%u", "%08u", "a long common beginning %u",
					    "%u and a long end that is the same everywhere"};
	static const uint32_t counts[] = {0, 1, 2, 39, 40, 41, 100, 20000};
	struct query_sorter *sorter = query_sorter_new();
	for (size_t form = 0; form < sizeof(forms) / sizeof(forms[0]); form++) {
		for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
			struct arena arena;
			arena_init(&arena);
			uint32_t count = make_rows(rows, counts[i], forms[form], &arena);
			expect_order(rows, query_sort(sorter, rows, count), count);
			for (uint32_t row = 0; row < count; row++)
				rows[row].start_ms = 5;
			expect_order(rows, query_sort(sorter, rows, count), count);
			arena_deinit(&arena);
		}
	}
	query_sorter_free(sorter);
}
