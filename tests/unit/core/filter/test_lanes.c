/* Both ways of lanes.h against the meaning of one value (meaning.h), value by value. */
#include "core/filter/lanes.h"

#include <criterion/criterion.h>

#include "core/filter/meaning.h"

static const int64_t integers[] = {0,
				   1,
				   -1,
				   100,
				   1LL << 50,
				   -(1LL << 50),
				   (1LL << 50) - 1,
				   (1LL << 52) + 1,
				   9007199254740993,
				   INT64_MAX,
				   INT64_MIN};
static const double doubles[] = {0.0, -0.0, 0.5, 100, 1e300, -1e300, 9007199254740992.0, 99.5};
static const char *const texts[] = {"",
				    "a",
				    "ab",
				    "abc",
				    "abd",
				    "abcd",
				    "abcdefg",
				    "abcdefgh",
				    "abcdefgi",
				    "abcdefghijklmnop",
				    "Xbcdefghijklmnop",
				    "abcdefghijklmnopq"};

enum { INTEGERS = 11, DOUBLES = 8, TEXTS = 12 };

static struct value nth_value(uint32_t n)
{
	const char *text = texts[n / 7 % TEXTS];

	switch (n % 7) {
	case 0: return (struct value){.type = VALUE_NIL};
	case 1: return (struct value){.type = VALUE_BOOL, .as.boolean = n / 7 % 2};
	case 2:
	case 3: return (struct value){.type = VALUE_INT, .as.integer = integers[n / 7 % INTEGERS]};
	case 4: return (struct value){.type = VALUE_FLOAT, .as.number = doubles[n / 7 % DOUBLES]};
	default:
		return (struct value){
			.type = VALUE_STRING, .length = (uint32_t)strlen(text), .as.text = text};
	}
}

static void fill(struct value values[64], uint32_t round)
{
	for (uint32_t i = 0; i < 64; i++)
		values[i] = nth_value(round * 64 + i * (round % 5 + 1));
}

static void expect_numbers(const struct lanes *lanes, const struct value *values, double number)
{
	static const enum comparison comparisons[] = {
#define ROW(NAME, text, orders) [LANES_##NAME] = COMPARISON_##NAME,
		COMPARISON_LIST(ROW)
#undef ROW
	};
	struct value constant = {.type = VALUE_FLOAT, .as.number = number};

	for (uint32_t c = 0; c < LANES_COMPARISONS; c++) {
		uint64_t bits = lanes->number[c](values, number);

		for (uint32_t i = 0; i < 64; i++)
			cr_assert_eq(bits >> i & 1,
				     meaning_compare(comparisons[c], &values[i], &constant));
	}
}

static void expect_patterns(const struct lanes *lanes, const struct value *values)
{
	struct lanes_pattern nil = lanes_pattern_of_type(VALUE_NIL);
	struct lanes_pattern truth = lanes_pattern_of_boolean(true);
	struct lanes_pattern four = lanes_pattern_of_string(4);
	uint64_t nils = lanes->equal(values, &nil), truths = lanes->equal(values, &truth);
	uint64_t fours = lanes->equal(values, &four);

	for (uint32_t i = 0; i < 64; i++) {
		cr_assert_eq(nils >> i & 1, values[i].type == VALUE_NIL);
		cr_assert_eq(truths >> i & 1, values[i].type == VALUE_BOOL && values[i].as.boolean);
		cr_assert_eq(fours >> i & 1,
			     values[i].type == VALUE_STRING && values[i].length == 4);
	}
}

static void expect_ends(const struct lanes *lanes, const struct value *values, const char *text)
{
	struct value constant = {
		.type = VALUE_STRING, .length = (uint32_t)strlen(text), .as.text = text};
	uint64_t candidates = 0, bits;

	for (uint32_t i = 0; i < 64; i++)
		candidates |= (uint64_t)(values[i].type == VALUE_STRING &&
					 values[i].length >= constant.length)
			      << i;
	bits = lanes->ends(values, candidates, text, constant.length);
	for (uint32_t i = 0; i < 64; i++)
		cr_assert_eq(bits >> i & 1,
			     (candidates >> i & 1) && meaning_starts(&values[i], &constant));
}

static void expect_all(const struct lanes *lanes)
{
	struct value values[64];

	for (uint32_t round = 0; round < 200; round++) {
		fill(values, round);
		expect_patterns(lanes, values);
		for (uint32_t i = 0; i < DOUBLES; i++)
			if (doubles[i] < 0x1p53 && doubles[i] > -0x1p53)
				expect_numbers(lanes, values, doubles[i]);
		for (uint32_t i = 1; i < TEXTS; i++)
			if (strlen(texts[i]) <= LANES_ENDS_BYTES)
				expect_ends(lanes, values, texts[i]);
	}
}

Test(lanes, portable_means_what_one_value_means)
{
	expect_all(&lanes_portable);
}

Test(lanes, best_means_what_one_value_means)
{
	expect_all(lanes_best());
}
