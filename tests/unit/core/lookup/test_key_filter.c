#include "core/lookup/key_filter.h"

#include <criterion/criterion.h>

#include "core/model/dimension.h"

static bool passes(const struct key_filter *filter, struct value first, struct value second)
{
	struct bytes key = BYTES_EMPTY;
	bool result;

	dimension_append(&key, &first);
	dimension_append(&key, &second);
	result = key_filter_passes(filter, bytes_slice(&key));
	bytes_deinit(&key);
	return result;
}

static struct value text(const char *text)
{
	struct slice slice = slice_of(text);

	return (struct value){
		.type = VALUE_STRING, .length = (uint32_t)slice.length, .as.text = slice.data};
}

static struct value number(double number)
{
	return (struct value){.type = VALUE_FLOAT, .as.number = number};
}

Test(key_filter, without_lists_everything_passes)
{
	struct key_filter *filter = key_filter_new();

	cr_expect(passes(filter, text("m1"), number(1)));
	key_filter_free(filter);
}

Test(key_filter, only_and_exclude_of_several_fields)
{
	struct key_filter *filter = key_filter_new();

	key_filter_add(filter, false, 0, slice_of("m1"));
	key_filter_add(filter, false, 0, slice_of("m2"));
	key_filter_add(filter, true, 1, slice_of("30"));
	cr_expect(passes(filter, text("m1"), number(31)));
	cr_expect(passes(filter, text("m2"), text("31")));
	cr_expect_not(passes(filter, text("m3"), number(31)));
	cr_expect_not(passes(filter, text("m1"), number(30)));
	cr_expect_not(passes(filter, text("m1"), text("30")));
	key_filter_free(filter);
}

Test(key_filter, an_empty_list_lets_nothing_pass)
{
	struct key_filter *filter = key_filter_new();

	key_filter_begin(filter, false, 0);
	cr_expect_not(passes(filter, text("m1"), number(1)));
	key_filter_free(filter);
	filter = key_filter_new();
	key_filter_begin(filter, true, 0);
	cr_expect(passes(filter, text("m1"), number(1)));
	key_filter_free(filter);
}

Test(key_filter, a_damaged_key_is_not_watched)
{
	struct key_filter *filter = key_filter_new();

	cr_expect_not(key_filter_passes(filter, slice_of("\x04\x01")));
	key_filter_free(filter);
}
