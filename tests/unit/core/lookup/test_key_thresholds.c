#include "core/lookup/key_thresholds.h"

#include <criterion/criterion.h>

#include <string.h>

#include "core/base/err.h"
#include "core/lookup/lookup.h"
#include "core/lookup/lookup_internal.h"
#include "core/model/dimension.h"

static struct lookup *make(const char *const *cells, uint32_t columns, uint32_t rows)
{
	struct lookup *lookup = lookup_new();

	for (uint32_t i = 0; i < columns; i++)
		cr_assert_eq(lookup_add_column(lookup, slice_of(cells[i]), NULL), 0);
	for (uint32_t row = 1; row <= rows; row++) {
		for (uint32_t i = 0; i < columns; i++)
			lookup_add_cell(lookup, slice_of(cells[row * columns + i]), NULL);
		lookup_end_row(lookup, NULL);
	}
	return lookup;
}

static double find(const struct key_thresholds *thresholds, const char *first, const char *second)
{
	const char *texts[] = {first, second};
	struct bytes key = BYTES_EMPTY;
	double number = -1;

	for (int i = 0; i < 2; i++) {
		struct value value = {.type = VALUE_STRING,
				      .length = (uint32_t)strlen(texts[i]),
				      .as.text = texts[i]};
		dimension_append(&key, &value);
	}
	if (!key_thresholds_find(thresholds, bytes_slice(&key), &number))
		number = -1;
	bytes_deinit(&key);
	return number;
}

static const char *const by[] = {"merchantId", "city"};

Test(key_thresholds, of_two_rows_that_name_as_many_other_fields_the_later_wins)
{
	static const char *const cells[] = {"merchantId", "city", "limit", "m1", "", "10",
					    "",           "c1",   "20",    "m2", "", "30"};
	struct lookup *lookup = make(cells, 3, 3);
	struct key_thresholds *thresholds = NULL;
	struct err_note why = {0};

	cr_assert_eq(key_thresholds_new(&thresholds, lookup, by, 2, 2, &why), 0, "%s", why.text);
	cr_expect_eq(find(thresholds, "m1", "c1"), 20);
	cr_expect_eq(find(thresholds, "m2", "c1"), 30);
	cr_expect_eq(find(thresholds, "m1", "c2"), 10);
	key_thresholds_free(thresholds);
	lookup_unref(lookup);
}

Test(key_thresholds, the_row_that_names_most_fields_wins_then_the_later)
{
	static const char *const cells[] = {
		"city",     "limit", "merchantId", "",         "10", "m1", "Hangzhou", "20", "m1",
		"Hangzhou", "30",    "",           "Shanghai", "40", "m2", "Shanghai", "50", "m2"};
	struct lookup *lookup = make(cells, 3, 5);
	struct key_thresholds *thresholds = NULL;
	struct err_note why = {0};

	cr_assert_eq(key_thresholds_new(&thresholds, lookup, by, 2, 1, &why), 0, "%s", why.text);
	cr_expect_eq(find(thresholds, "m1", "Beijing"), 10);
	cr_expect_eq(find(thresholds, "m1", "Hangzhou"), 20);
	cr_expect_eq(find(thresholds, "m9", "Hangzhou"), 30);
	cr_expect_eq(find(thresholds, "m2", "Shanghai"), 50);
	cr_expect_eq(find(thresholds, "m2", "Beijing"), -1);
	key_thresholds_free(thresholds);
	lookup_unref(lookup);
}

Test(key_thresholds, a_row_that_names_nothing_is_for_all_others)
{
	static const char *const cells[] = {"merchantId", "limit", "", "7", "m1", "8.5"};
	struct lookup *lookup = make(cells, 2, 2);
	struct key_thresholds *thresholds = NULL;

	cr_assert_eq(key_thresholds_new(&thresholds, lookup, by, 2, 1, NULL), 0);
	cr_expect_eq(find(thresholds, "m1", "x"), 8.5);
	cr_expect_eq(find(thresholds, "m2", "x"), 7);
	key_thresholds_free(thresholds);
	lookup_unref(lookup);
}

Test(key_thresholds, faults)
{
	static const char *const words[] = {"merchantId", "limit", "m1", "8", "m2", "many"};
	static const char *const names[] = {"merchant", "limit", "m1", "8"};
	struct key_thresholds *thresholds = NULL;
	struct err_note why = {0};
	struct lookup *lookup = make(words, 2, 2);

	cr_expect_eq(key_thresholds_new(&thresholds, lookup, by, 2, 1, &why), ERR_INVALID);
	cr_expect_str_eq(why.text, "row 3: \"many\" is not a number");
	lookup_unref(lookup);
	lookup = make(names, 2, 1);
	cr_expect_eq(key_thresholds_new(&thresholds, lookup, by, 2, 1, &why), ERR_INVALID);
	cr_expect_not_null(strstr(why.text, "none of its columns"), "%s", why.text);
	lookup_unref(lookup);
	cr_expect_null(thresholds);
}
