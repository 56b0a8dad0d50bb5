#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

#include "core/base/err.h"
#include "core/model/dimension.h"

static struct value text(const char *string)
{
	return (struct value){
		.type = VALUE_STRING, .length = (uint32_t)strlen(string), .as.text = string};
}

static struct value integer(int64_t number)
{
	return (struct value){.type = VALUE_INT, .as.integer = number};
}

static struct value number(double value)
{
	return (struct value){.type = VALUE_FLOAT, .as.number = value};
}

static const struct value nil = {.type = VALUE_NIL};

static void expect_key(struct value value, struct slice expected)
{
	struct bytes key = BYTES_EMPTY;

	dimension_append(&key, &value);
	cr_expect(slice_equal(bytes_slice(&key), expected));
	bytes_deinit(&key);
}

Test(dimension, layout_is_type_length_text)
{
	expect_key(text("m1"), SLICE_LITERAL("\x04\x00\x02m1"));
	expect_key(text(""), SLICE_LITERAL("\x04\x00\x00"));
	expect_key(nil, SLICE_LITERAL("\x00\x00\x00"));
	expect_key(integer(-30), SLICE_LITERAL("\x02\x00\x03-30"));
	expect_key(number(0.5), SLICE_LITERAL("\x03\x00\x03"
					      "0.5"));
	expect_key((struct value){.type = VALUE_BOOL}, SLICE_LITERAL("\x01\x00\x05"
								     "false"));
}

Test(dimension, equal_numbers_are_one_key)
{
	expect_key(number(30.0), SLICE_LITERAL("\x02\x00\x02"
					       "30"));
	expect_key(number(-0.0), SLICE_LITERAL("\x02\x00\x01"
					       "0"));
	expect_key(number(9007199254740992.0), SLICE_LITERAL("\x02\x00\x10"
							     "9007199254740992"));
	expect_key(number(-9223372036854775808.0),
		   SLICE_LITERAL("\x02\x00\x14-9223372036854775808"));
	expect_key(integer(INT64_MIN), SLICE_LITERAL("\x02\x00\x14-9223372036854775808"));
	expect_key(number(9223372036854775808.0), SLICE_LITERAL("\x03\x00\x15"
								"9.223372036854776e+18"));
	expect_key(number(NAN), SLICE_LITERAL("\x00\x00\x00"));
}

Test(dimension, decode_gives_the_values_back)
{
	struct value in[] = {text("m1"), integer(INT64_MAX), number(0.1), nil, text("")};
	struct value out[DIMENSION_FIELDS_MAX];
	struct bytes key = BYTES_EMPTY;

	for (size_t i = 0; i < 5; i++)
		dimension_append(&key, &in[i]);
	cr_assert_eq(dimension_decode(bytes_slice(&key), out, DIMENSION_FIELDS_MAX), 5);
	cr_expect_eq(out[0].length, 2);
	cr_expect_eq(memcmp(out[0].as.text, "m1", 2), 0);
	cr_expect_eq(out[1].as.integer, INT64_MAX);
	cr_expect_eq(out[2].as.number, 0.1);
	cr_expect_eq(out[3].type, VALUE_NIL);
	cr_expect_eq(out[4].type, VALUE_STRING);
	cr_expect_eq(dimension_decode(bytes_slice(&key), out, 4), ERR_CORRUPT);
	cr_expect_eq(dimension_decode(SLICE_LITERAL(""), out, 0), 0);
	bytes_deinit(&key);
}

Test(dimension, damaged_keys_are_refused)
{
	static const struct slice keys[] = {
		SLICE_LITERAL("\x04"),
		SLICE_LITERAL("\x04\x00\x02m"),
		SLICE_LITERAL("\x09\x00\x00"),
		SLICE_LITERAL("\x02\x00\x01x"),
		SLICE_LITERAL("\x03\x00\x03nan"),
		SLICE_LITERAL("\x01\x00\x04TRUE"),
		SLICE_LITERAL("\x00\x00\x01x"),
	};
	struct value out[DIMENSION_FIELDS_MAX];

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		cr_expect_eq(dimension_decode(keys[i], out, DIMENSION_FIELDS_MAX), ERR_CORRUPT);
}

Test(dimension, long_values_are_cut_between_characters)
{
	char long_text[DIMENSION_VALUE_BYTES_MAX + 2];
	struct value out[1], value;
	struct bytes key = BYTES_EMPTY;

	memset(long_text, 'x', sizeof(long_text));
	for (uint32_t length = DIMENSION_VALUE_BYTES_MAX - 1;
	     length <= DIMENSION_VALUE_BYTES_MAX + 1; length++) {
		value = (struct value){
			.type = VALUE_STRING, .length = length, .as.text = long_text};
		bytes_clear(&key);
		dimension_append(&key, &value);
		cr_assert_eq(dimension_decode(bytes_slice(&key), out, 1), 1);
		cr_expect_eq(out[0].length, length > 512 ? 512 : length);
	}
	memcpy(long_text + DIMENSION_VALUE_BYTES_MAX - 1, "\xC3\xA9", 2); /* é across the limit */
	bytes_clear(&key);
	dimension_append(&key, &value);
	cr_assert_eq(dimension_decode(bytes_slice(&key), out, 1), 1);
	cr_expect_eq(out[0].length, DIMENSION_VALUE_BYTES_MAX - 1);
	bytes_deinit(&key);
}

Test(dimension, text_is_joined_by_commas)
{
	struct value in[] = {text("m1"), nil, integer(7)};
	struct bytes key = BYTES_EMPTY, out = BYTES_EMPTY;

	for (size_t i = 0; i < 3; i++)
		dimension_append(&key, &in[i]);
	dimension_append_text(bytes_slice(&key), &out);
	cr_expect_str_eq(out.data, "m1,,7");
	bytes_deinit(&key);
	bytes_deinit(&out);
}

Test(dimension, order_is_by_field_and_numbers_by_size)
{
	/* Each key is smaller than the next one. */
	struct value keys[][2] = {
		{nil, text("z")},          {(struct value){.type = VALUE_BOOL}, nil},
		{integer(-20), nil},       {integer(-3), nil},
		{integer(9), nil},         {number(9.5), nil},
		{integer(10), nil},        {integer(INT64_MAX - 1), nil},
		{integer(INT64_MAX), nil}, {number(1e300), nil},
		{text("10"), nil},         {text("9"), integer(2)},
		{text("9"), integer(10)},  {text("a"), nil},
	};
	enum { COUNT = sizeof(keys) / sizeof(keys[0]) };
	struct bytes encoded[COUNT];

	for (size_t i = 0; i < COUNT; i++) {
		bytes_init(&encoded[i]);
		dimension_append(&encoded[i], &keys[i][0]);
		dimension_append(&encoded[i], &keys[i][1]);
	}
	for (size_t i = 0; i < COUNT; i++) {
		for (size_t j = 0; j < COUNT; j++) {
			int order = dimension_compare(bytes_slice(&encoded[i]),
						      bytes_slice(&encoded[j]));
			cr_expect_eq((order > 0) - (order < 0), (i > j) - (i < j), "%zu %zu", i, j);
		}
	}
	cr_expect_lt(dimension_compare(SLICE_LITERAL(""), bytes_slice(&encoded[0])), 0);
	for (size_t i = 0; i < COUNT; i++)
		bytes_deinit(&encoded[i]);
}
