/* The meaning of every operator, computed by hand from the header's text and the Lua 5.1 manual. */
#include "filter_fixture.h"

#include <criterion/criterion.h>

#include "core/base/mem.h"

static const struct {
	const char *expression, *reading;
	bool matches;
} cases[] = {
	/* one field, one constant */
	{"a == 5", "a=5", true},
	{"a == 5", "a=5.0", true},
	{"a == 5", "a=6", false},
	{"a == 5.5", "a=5.5", true},
	{"a ~= 5", "a=6", true},
	{"a ~= 5", "a=5", false},
	{"a < 5", "a=4.999", true},
	{"a < 5", "a=5", false},
	{"a <= 5", "a=5", true},
	{"a > 5", "a=5", false},
	{"a > 5", "a=6", true},
	{"a >= 5", "a=5.0", true},
	{"5 < a", "a=6", true},
	{"5 < a", "a=5", false},
	{"5 >= a", "a=4", true},
	{"a == -3", "a=-3", true},
	{"a == 0x10", "a=16", true},
	{"a == .5", "a=0.5", true},
	{"a == 5.", "a=5", true},
	{"a == 1e3", "a=1000", true},
	{"s == 'pay'", "s='pay'", true},
	{"s == 'pay'", "s='paY'", false},
	{"s == 'pay'", "s='pays'", false},
	{"s ~= 'pay'", "s='pays'", true},
	{"s ~= 'pay'", "s='pay'", false},
	{"s < 'b'", "s='a'", true},
	{"s < 'b'", "s='b'", false},
	{"s < 'ab'", "s='a'", true},
	{"s >= 'b'", "s='ba'", true},
	{"s == ''", "s=''", true},
	{"t == true", "t=true", true},
	{"t == false", "t=false", true},
	{"t ~= false", "t=true", true},
	{"t == true", "t=false", false},
	/* a missing field, and different types: always false, except presence */
	{"a == 5", "", false},
	{"a ~= 5", "", false},
	{"a < 5", "", false},
	{"a >= 5", "", false},
	{"s ~= 'x'", "", false},
	{"a == b", "", false},
	{"a ~= b", "", false},
	{"a == nil", "", true},
	{"a == nil", "a=false", false},
	{"a ~= nil", "a=false", true},
	{"a ~= nil", "", false},
	{"nil == a", "", true},
	{"nil ~= a", "a=0", true},
	{"nil == nil", "", true},
	{"nil ~= nil", "", false},
	{"nil == 5", "", false},
	{"nil ~= 5", "", true},
	{"a == '5'", "a=5", false},
	{"a ~= '5'", "a=5", false},
	{"a ~= true", "a=5", false},
	{"s == 5", "s='5'", false},
	{"s ~= 5", "s='5'", false},
	{"t ~= 0", "t=false", false},
	{"t < 'x'", "t=false", false},
	{"a < b", "a=1;b='2'", false},
	{"t < u", "t=false;u=true", false},
	{"t ~= u", "t=false;u=true", true},
	{"a < nil", "a=1", false},
	/* two fields; whole numbers are exact beyond 2^53 */
	{"a < b", "a=1;b=1.5", true},
	{"a == b", "a='x';b='x'", true},
	{"a == b", "a=2;b=2.0", true},
	{"a == b", "a=9007199254740993;b=9007199254740992", false},
	{"a == b", "a=9007199254740993;b=9007199254740992.0", false},
	{"a > b", "a=9007199254740993;b=9007199254740992.0", true},
	{"a == 9007199254740993", "a=9007199254740992", false},
	{"a == 9007199254740993", "a=9007199254740992.0", false},
	{"a < 9007199254740993", "a=9007199254740992.0", true},
	{"a == -9007199254740992", "a=-9007199254740992.0", true},
	{"a > 9007199254740992", "a=9007199254740993", true},
	{"a > 2.5", "a=3", true},
	{"a < 9223372036854775808", "a=9223372036854775807", true},
	{"a == -9223372036854775808", "a=-9223372036854775808", true},
	{"a > -1e300", "a=-9223372036854775808", true},
	/* and, or, not; precedence of Lua */
	{"a == 1 and b == 2", "a=1;b=2", true},
	{"a == 1 and b == 2", "a=1;b=3", false},
	{"a == 1 or b == 2", "a=0;b=2", true},
	{"a == 1 or b == 2", "a=0;b=0", false},
	{"a or b and c", "a=true;b=true;c=false", true},
	{"(a or b) and c", "a=true;b=true;c=false", false},
	{"a and b or c", "a=false;b=true;c=true", true},
	{"a and (b or c)", "a=false;b=true;c=true", false},
	{"not a == b", "a=1;b=false", true},
	{"not a == b", "a=1;b=1", false},
	{"not (a == b)", "a=1;b=2", true},
	{"not (a == b)", "", true},
	{"not not a", "a=0", true},
	{"not a", "", true},
	{"not a", "a=false", true},
	{"not a", "a=0", false},
	{"not a", "a=''", false},
	{"a", "a=true", true},
	{"a", "a=false", false},
	{"a", "", false},
	{"a", "a=0", true},
	{"true", "", true},
	{"false", "", false},
	{"nil", "", false},
	{"(a and b) == true", "a=1;b='x'", true},
	{"(a or b) == false", "b=false", true},
	{"a == 1 == true", "a=1", true},
	{"(a == 1) ~= (b == 1)", "a=1;b=2", true},
	{"(a and b) == nil", "", false},
	/* arithmetic */
	{"a + b * 2 == 7", "a=1;b=3", true},
	{"(a + b) * 2 == 8", "a=1;b=3", true},
	{"a - b - 1 == 1", "a=5;b=3", true},
	{"a - (b - 1) == 3", "a=5;b=3", true},
	{"a / b == 2.5", "a=5;b=2", true},
	{"a / b / 2 == 1.25", "a=5;b=2", true},
	{"2 * a < b + 1", "a=3;b=6", true},
	{"a % 3 == 1", "a=7", true},
	{"-x % 3 == 2", "x=7", true},
	{"x % -3 == -2", "x=7", true},
	{"-x % -3 == -1", "x=7", true},
	{"-(x % 3) == -1", "x=7", true},
	{"x % 3 == 2", "x=-7", true},
	{"x % 2.5 == 0.5", "x=5.5", true},
	{"x % 3 == 0", "x=-6", true},
	{"- - x == 7", "x=7", true},
	{"-x == -7", "x=7", true},
	{"-2 % 3 == 1", "", true},
	{"a + 1 == nil", "", true},
	{"a + 1 == 1", "", false},
	{"a + 1 ~= nil", "a=1", true},
	{"a + b == nil", "a=1;b='2'", true},
	{"a + b == nil", "a=1;b=true", true},
	{"-s == nil", "s='5'", true},
	{"x / 0 == nil", "x=1", true},
	{"x / 0 > 0", "x=1", false},
	{"x % 0 == nil", "x=1", true},
	{"x / y == nil", "x=1;y=0.0", true},
	{"0 / x == nil", "x=5", false},
	{"a + b > 10 and c / b < 1", "a=9;b=2;c=1", true},
	{"a * (b + c) == a * b + a * c", "a=2;b=3;c=4", true},
	{"a + (b == 1)  == nil", "a=1;b=1", true},
	{"a + (b + (c + (a + b))) == 9", "a=1;b=2;c=3", true},
	/* strings, escapes */
	{"s == \"a\\nb\"", "s='a\nb'", true},
	{"s == 'a\\\nb'", "s='a\nb'", true},
	{"s == '\\x41\\66\\067'", "s='ABC'", true},
	{"s == \"say \\\"hi\\\"\"", "s='say \"hi\"'", true},
	{"s == '\\\\'", "s='\\'", true},
	{"s == [[a\\nb]]", "s='a\\nb'", true},
	{"s == [==[x]]y]==]", "s='x]]y'", true},
	{"s == 'tab\\t'", "s='tab\t'", true},
	/* names */
	{"customer.city == 'Oslo'", "customer.city='Oslo'", true},
	{"customer . city == 'Oslo'", "customer.city='Oslo'", true},
	{"customer.city == 'Oslo'", "customer='Oslo'", false},
	{"_a1.b_2 == 1", "_a1.b_2=1", true},
	{"\xe5\x90\x8d\xe7\xa7\xb0 == 'x'", "\xe5\x90\x8d\xe7\xa7\xb0='x'", true},
	{"android == 1 and orbit == 2 and nothing == 3", "android=1;orbit=2;nothing=3", true},
	/* methods */
	{"s:match('^pay')", "s='payment'", true},
	{"s:match('^pay')", "s='repay'", false},
	{"s:match([[\\d{3}$]])", "s='x123'", true},
	{"s:match('\\\\d{3}$')", "s='x12'", false},
	{"s:match('a|b')", "", false},
	{"s:match('5')", "s=5", false},
	{"s:match('')", "s=''", true},
	{"s:match('^.$')", "s='\xff'", true},
	{"not s:match('5')", "s=5", true},
	{"s:contains('yme')", "s='payment'", true},
	{"s:contains('ymx')", "s='payment'", false},
	{"s:contains('')", "s=''", true},
	{"s:contains('payment')", "s='paymen'", false},
	{"s:contains('5')", "s=5", false},
	{"s:starts('pay')", "s='payment'", true},
	{"s:starts('pay')", "s='pa'", false},
	{"s:starts('')", "s=''", true},
	{"s:starts('t')", "s=true", false},
	{"s:in_('a', 'b', 3)", "s='b'", true},
	{"s:in_('a', 'b', 3)", "s=3", true},
	{"s:in_('a', 'b', 3)", "s=3.0", true},
	{"s:in_('a', 'b', 3)", "s='3'", false},
	{"s:in_('a', 'b', 3)", "", false},
	{"s:in_(-1, -2.5, 7, 100, 1e3)", "s=-2.5", true},
	{"s:in_(-1, -2.5, 7, 100, 1e3)", "s=2.5", false},
	{"s:in_(true, 1)", "s=true", true},
	{"s:in_(true, 1)", "s=false", false},
	{"s:in_('')", "s=''", true},
	{"s:in_('bb', 'a', 'ab', 'b', '')", "s='ab'", true},
	{"s:in_('bb', 'a', 'ab', 'b')", "s=''", false},
	{"s:starts('a') == t", "s='abc';t=true", true},
};

Test(filter, agrees_with_the_hand_computed_cases)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect(fixture_matches(cases[i].expression, cases[i].reading) ==
				  cases[i].matches,
			  "%s over {%s} is %s", cases[i].expression, cases[i].reading,
			  cases[i].matches ? "true" : "false");
}

Test(filter, means_the_same_in_canonical_form)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *canonical = fixture_canonical(cases[i].expression);
		char *again = fixture_canonical(canonical);

		cr_expect(fixture_matches(canonical, cases[i].reading) == cases[i].matches,
			  "%s, from %s", canonical, cases[i].expression);
		cr_expect_str_eq(canonical, again);
		mem_free(canonical);
		mem_free(again);
	}
}

static const char *const readings[] = {
	"",
	"a=1;s='pay'",
	"a=2.5;b=3;t=true",
	"a=-7;b=0;s=''",
	"a='x';b='x';t=false",
	"s='payment';t=1",
	"a=9;b=4.0;s='repay'",
};

static const char *const expressions[] = {
	"a",
	"a > 1 and s:match('pay') or not t",
	"a % b == 1 or -a > 3",
	"s:in_('pay', '', 1)",
	"(a > b) == (t == true)",
	"not (a == nil) and (b or s:contains('y'))",
	"a + b * a > 2",
};

/* One reading at a time is the sparse path, a full batch the dense one; with the edges of words. */
Test(filter, gives_each_row_the_same_answer_whatever_the_batch_size)
{
	static const uint32_t sizes[] = {0, 1, 63, 64, 65, 1023, 1024};
	const uint32_t reading_count = sizeof(readings) / sizeof(readings[0]);
	struct filter_scratch *scratch = filter_scratch_new();
	uint16_t rows[BATCH_ROWS_MAX];
	struct schema schema;

	schema_init(&schema);
	for (size_t e = 0; e < sizeof(expressions) / sizeof(expressions[0]); e++) {
		struct filter *filter = NULL;
		struct field_set fields;
		struct batch batch;

		field_set_init(&fields);
		cr_assert(filter_compile(&filter, expressions[e], &schema, &fields, NULL) == 0);
		batch_init(&batch, fields.count);
		for (uint32_t row = 0; row < BATCH_ROWS_MAX; row++)
			fixture_set_row(&batch, &fields, row, readings[row % reading_count]);
		for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
			uint32_t expected = 0, count;

			batch.row_count = sizes[s];
			count = filter_run(filter, &batch, scratch, rows);
			for (uint32_t row = 0; row < sizes[s]; row++) {
				if (!fixture_matches(expressions[e], readings[row % reading_count]))
					continue;
				cr_assert(expected < count && rows[expected] == row,
					  "%s: row %u of %u", expressions[e], row, sizes[s]);
				expected++;
			}
			cr_expect(count == expected);
		}
		batch_deinit(&batch);
		field_set_deinit(&fields);
		filter_free(filter);
	}
	filter_scratch_free(scratch);
	schema_deinit(&schema);
}

Test(filter, ends_a_catastrophic_regex_at_its_limit_and_counts_it)
{
	struct filter_scratch *scratch = filter_scratch_new();
	struct filter *filter = NULL;
	struct field_set fields;
	struct schema schema;
	struct batch batch;
	uint16_t rows[BATCH_ROWS_MAX];
	char text[4096];

	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = 'b';
	schema_init(&schema);
	field_set_init(&fields);
	cr_assert(filter_compile(&filter, "s:match('(a+)+$')", &schema, &fields, NULL) == 0);
	batch_init(&batch, fields.count);
	batch.row_count = 2;
	batch.columns[0][0] =
		(struct value){.type = VALUE_STRING, .length = sizeof(text), .as.text = text};
	batch.columns[0][1] = (struct value){.type = VALUE_STRING, .length = 3, .as.text = "xaa"};
	cr_expect(filter_run(filter, &batch, scratch, rows) == 1 && rows[0] == 1);
	cr_expect(filter_scratch_limits_hit(scratch) == 1);
	batch_deinit(&batch);
	filter_free(filter);
	filter_scratch_free(scratch);
	field_set_deinit(&fields);
	schema_deinit(&schema);
}
