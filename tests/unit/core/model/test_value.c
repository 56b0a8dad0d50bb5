#include <criterion/criterion.h>

#include <assert.h>
#include <stdio.h>

#include "core/model/value.h"

static_assert(sizeof(struct value) == 16, "a column is 16 bytes a row");

static const char *text_of(struct value value)
{
	static char text[64];
	struct bytes out = BYTES_EMPTY;

	value_append_text(&value, &out);
	snprintf(text, sizeof(text), "%.*s", (int)out.length, out.length ? out.data : "");
	bytes_deinit(&out);
	return text;
}

Test(value, ints_and_floats_are_numbers)
{
	struct value integer = {.type = VALUE_INT, .as.integer = -3};
	struct value number = {.type = VALUE_FLOAT, .as.number = 2.5};
	struct value text = {.type = VALUE_STRING, .length = 1, .as.text = "1"};
	double out = 77;

	cr_expect_not(value_number(&text, &out));
	cr_expect_eq(out, 77);
	cr_expect(value_number(&integer, &out));
	cr_expect_eq(out, -3);
	cr_expect(value_number(&number, &out));
	cr_expect_eq(out, 2.5);
}

Test(value, text_is_what_alerts_show)
{
	cr_expect_str_eq(text_of((struct value){.type = VALUE_NIL}), "");
	cr_expect_str_eq(text_of((struct value){.type = VALUE_BOOL, .as.boolean = true}), "true");
	cr_expect_str_eq(text_of((struct value){.type = VALUE_INT, .as.integer = INT64_MIN}),
			 "-9223372036854775808");
	cr_expect_str_eq(text_of((struct value){.type = VALUE_FLOAT, .as.number = 600}), "600");
	cr_expect_str_eq(
		text_of((struct value){.type = VALUE_STRING, .length = 2, .as.text = "m1x"}), "m1");
}
