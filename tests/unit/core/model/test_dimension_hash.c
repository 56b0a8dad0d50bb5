#include "core/model/dimension_hash.h"

#include <criterion/criterion.h>

#include "core/base/bytes.h"
#include "core/model/batch.h"

static struct value text_value(const char *text, uint32_t length)
{
	return (struct value){.type = VALUE_STRING, .length = length, .as.text = text};
}

static uint64_t hash_of_bytes(uint64_t seed, const struct value *values, uint32_t count)
{
	struct bytes key = BYTES_EMPTY;
	uint64_t hash;

	for (uint32_t i = 0; i < count; i++)
		dimension_append(&key, &values[i]);
	hash = dimension_hash(seed, bytes_slice(&key));
	bytes_deinit(&key);
	return hash;
}

static uint64_t hash_of_values(uint64_t seed, const struct value *values, uint32_t count)
{
	uint64_t hash = 0;

	for (uint32_t i = 0; i < count; i++)
		hash = dimension_hash_add(hash, dimension_value_hash(seed, &values[i]));
	return hash;
}

/* Lengths around every way of reading a text, around the cut at 512, and a cut inside UTF-8. */
Test(dimension_hash, of_values_is_that_of_their_bytes)
{
	static const uint32_t lengths[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 511, 512, 513};
	char text[600], tail[600];

	memset(text, 'a', sizeof(text));
	memset(tail, 'a', sizeof(tail));
	memcpy(tail + 511, "\xC3\xA9", 2);
	for (uint64_t seed = 0; seed < 3; seed++) {
		for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
			struct value values[] = {text_value(text, lengths[i]),
						 text_value(tail, lengths[i])};

			cr_expect_eq(hash_of_values(seed, values, 2),
				     hash_of_bytes(seed, values, 2));
		}
		struct value others[] = {
			{.type = VALUE_NIL},
			{.type = VALUE_BOOL, .as.boolean = true},
			{.type = VALUE_BOOL, .as.boolean = false},
			{.type = VALUE_INT, .as.integer = INT64_MIN},
			{.type = VALUE_FLOAT, .as.number = 0.1},
			{.type = VALUE_FLOAT, .as.number = 1e300},
			{.type = VALUE_FLOAT, .as.number = __builtin_inf()},
		};
		cr_expect_eq(hash_of_values(seed, others, 7), hash_of_bytes(seed, others, 7));
	}
}

Test(dimension_hash, of_equal_numbers_is_equal_and_of_their_text_is_not)
{
	struct value whole = {.type = VALUE_INT, .as.integer = 30};
	struct value point = {.type = VALUE_FLOAT, .as.number = 30.0};
	struct value minus = {.type = VALUE_FLOAT, .as.number = -0.0};
	struct value zero = {.type = VALUE_INT, .as.integer = 0};
	struct value text = text_value("30", 2);

	cr_expect_eq(dimension_value_hash(5, &whole), dimension_value_hash(5, &point));
	cr_expect_eq(dimension_value_hash(5, &zero), dimension_value_hash(5, &minus));
	cr_expect_neq(dimension_value_hash(5, &whole), dimension_value_hash(5, &text));
	cr_expect_neq(dimension_value_hash(5, &whole), dimension_value_hash(6, &whole));
}

Test(dimension_hash, tells_order_and_borders_of_fields_apart)
{
	struct value a = text_value("a", 1), b = text_value("b", 1);
	struct value ab = text_value("ab", 2), none = text_value("", 0);
	struct value forth[] = {a, b}, back[] = {b, a}, left[] = {ab, none}, right[] = {none, ab};

	cr_expect_neq(hash_of_values(1, forth, 2), hash_of_values(1, back, 2));
	cr_expect_neq(hash_of_values(1, left, 2), hash_of_values(1, right, 2));
	cr_expect_eq(dimension_hash(1, (struct slice){"", 0}), 0);
}

Test(dimension_hash, takes_any_bytes)
{
	const char *bytes[] = {"x",
			       "xy",
			       "\x04\x00",
			       "\x04\xff\xff",
			       "\x09\x00\x00",
			       "no key at all, and long enough for XXH3"};

	for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++)
		for (size_t j = 0; j < i; j++)
			cr_expect_neq(dimension_hash(1, slice_of(bytes[i])),
				      dimension_hash(1, slice_of(bytes[j])));
}

Test(dimension_hash, of_a_column_is_computed_for_each_batch_anew)
{
	struct column_hashes hashes;
	struct batch batch;

	column_hashes_init(&hashes, 9);
	batch_init(&batch, 2);
	batch.row_count = 2;
	batch.columns[1][0] = text_value("m0001", 5);
	batch.columns[1][1] = (struct value){.type = VALUE_INT, .as.integer = 7};
	column_hashes_begin(&hashes, 2);
	for (uint32_t row = 0; row < 2; row++)
		cr_expect_eq(column_hashes_get(&hashes, &batch, 1)[row],
			     dimension_value_hash(9, &batch.columns[1][row]));
	batch.columns[1][0] = text_value("m0002", 5);
	column_hashes_begin(&hashes, 2);
	cr_expect_eq(column_hashes_get(&hashes, &batch, 1)[0],
		     dimension_value_hash(9, &batch.columns[1][0]));
	batch_deinit(&batch);
	column_hashes_deinit(&hashes);
}
