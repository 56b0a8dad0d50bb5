/* What is refused and in which words, the limits, and the canonical form. */
#include "filter_fixture.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"

static const struct {
	const char *expression;
	const char *column;  /* the beginning of the sentence */
	const char *mention; /* a part of it */
} refused[] = {
	{"", "column 1:", "the end of the expression"},
	{"   ", "column 4:", "a field, a number"},
	{"a ==", "column 5:", "the end of the expression"},
	{"a = 5", "column 3:", "`==`"},
	{"a != 5", "column 3:", "`~=`"},
	{"a && b", "column 3:", "`and`"},
	{"a || b", "column 3:", "`or`"},
	{"!a", "column 1:", "`not`"},
	{"a <> b", "column 3:", "`~=`"},
	{"a -- b", "column 3:", "comments"},
	{"a .. b", "column 3:", "joined"},
	{"a ^ 2", "column 3:", "allowed are"},
	{"a[1]", "column 2:", "a.b"},
	{"a b", "column 3:", "`b`"},
	{"(a", "column 3:", "`)`"},
	{"a)", "column 2:", "`)`"},
	{"a.5", "column 2:", "`.5`"},
	{"a. == 1", "column 4:", "nested field"},
	{"a.and == 1", "column 3:", "nested field"},
	{"12abc == a", "column 1:", "`12abc`"},
	{"1..2 == a", "column 1:", "is not a number"},
	{"0x == a", "column 1:", "is not a number"},
	{"1e == a", "column 1:", "is not a number"},
	{"a == 'x", "column 6:", "no closing '"},
	{"a == 'x\ny'", "column 6:", "no closing '"},
	{"a == '\\d'", "column 7:", "[[so]]"},
	{"a == '\\300'", "column 7:", "escape"},
	{"a == '\\x4g'", "column 7:", "escape"},
	{"a == [==[x]]", "column 6:", "]==]"},
	{"f(a)", "column 2:", "functions cannot be called"},
	{"s.match('x')", "column 8:", "field:match"},
	{"s:mach('x')", "column 3:", "did you mean `match`?"},
	{"s:len()", "column 3:", "match, contains, starts and in_"},
	{"s:match(5)", "column 9:", "a string"},
	{"s:match('a', 'b')", "column 12:", "`)`"},
	{"s:match 'a'", "column 9:", "`(`"},
	{"s:match('(')", "column 3:", "regex is wrong at its byte"},
	{"s:in_()", "column 7:", "a string, a number"},
	{"s:in_(nil)", "column 7:", "== nil"},
	{"s:in_(-'x')", "column 8:", "a number after"},
	{"s:in_('a' 'b')", "column 11:", "`,` or `)`"},
	{"(s):match('x')", "column 4:", "needs a field's name"},
	{"1 < a < 5", "column 7:", "1 < a and a < 5"},
	{"a "
	 "b\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82"
	 "\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82",
	 "column 3:", "...`"},
	{"a "
	 "\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82"
	 "\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82\x82",
	 "column 3:", "...`"},
	{"a == \x01", "column 6:", "found `?`"},
};

Test(filter, refuses_what_is_not_an_expression_and_says_where)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct err_note why = {""};

		cr_expect(fixture_compile_open(refused[i].expression, &why) == ERR_INVALID, "%s",
			  refused[i].expression);
		cr_expect(strstr(why.text, refused[i].column) == why.text &&
				  strstr(why.text, refused[i].mention) != NULL,
			  "%s gives: %s", refused[i].expression, why.text);
	}
}

static const struct {
	const char *expression;
	const char *mention; /* NULL: it compiles */
} typed[] = {
	{"merchantId == 'm1' and amount > 5 and success == false", NULL},
	{"cost_time == 2.5", NULL},
	{"amount == nil or merchantId ~= nil", NULL},
	{"extra == 5 or extra == 'x' or extra:match('x') or extra + 1 > 0", NULL},
	{"time > 0", NULL},
	{"merchantId:in_('a', 'b') and amount:in_(1, 2)", NULL},
	{"(amount > 5) == success", NULL},
	{"merchantid == 'm1'", "did you mean \"merchantId\"?"},
	{"amuont > 5", "did you mean \"amount\"?"},
	{"color == 'red'", "merchantId, amount, cost_time, success, extra"},
	{"merchantId == 5", "column 12: this comparison is never true"},
	{"5 < merchantId", "the field \"merchantId\" is declared as string"},
	{"amount == '5'", "the constant is a string"},
	{"amount == true", "declared as float"},
	{"success == 'false'", "declared as bool"},
	{"success < true", "compare numbers or strings"},
	{"amount < nil", "the constant is nil"},
	{"merchantId == amount", "declared as float"},
	{"merchantId + 1 > 0", "arithmetic needs numbers"},
	{"-success == 1", "arithmetic needs numbers"},
	{"(amount + 1) == 'x'", "the expression at column 9 is a number"},
	{"amount:match('5')", "match() works on strings"},
	{"success:contains('t')", "contains() works on strings"},
	{"cost_time:starts('1')", "starts() works on strings"},
	{"amount:in_(1, 'x')", "in_() lists a string"},
	{"merchantId:in_('x', 2)", "in_() lists a number"},
	{"success and merchantid:match('x')", "column 13: the source has no field"},
};

Test(filter, checks_names_and_types_against_a_closed_schema)
{
	for (size_t i = 0; i < sizeof(typed) / sizeof(typed[0]); i++) {
		struct err_note why = {""};
		int err = fixture_compile_closed(typed[i].expression, &why);

		cr_expect(err == (typed[i].mention == NULL ? 0 : ERR_INVALID), "%s: %s",
			  typed[i].expression, why.text);
		cr_expect(typed[i].mention == NULL || strstr(why.text, typed[i].mention) != NULL,
			  "%s gives: %s", typed[i].expression, why.text);
	}
}

Test(filter, takes_any_name_and_type_with_an_open_schema)
{
	cr_expect(fixture_compile_open("color == 5 and merchantId == 5", NULL) == 0);
}

static const struct {
	const char *expression, *canonical;
} forms[] = {
	{" a==1  and\n(b==2) ", "a == 1 and b == 2"},
	{"a and (b and c)", "a and b and c"},
	{"(a or b) or c", "a or b or c"},
	{"(a or b) and c", "(a or b) and c"},
	{"not (a == b)", "not (a == b)"},
	{"not a == b", "not a == b"},
	{"not (not a)", "not not a"},
	{"5 < a", "a > 5"},
	{"'x' == s", "s == \"x\""},
	{"nil ~= a", "a ~= nil"},
	{"nil <= nil", "nil <= nil"},
	{"nil == 5", "5 == nil"},
	{"a == 1e3", "a == 1000"},
	{"a == 1.50", "a == 1.5"},
	{"a == 0xff", "a == 255"},
	{"a == -0.0", "a == 0"},
	{"a - (b - c)", "a - (b - c)"},
	{"(a - b) - c", "a - b - c"},
	{"a - -5", "a - -5"},
	{"- -a", "- -a"},
	{"-(a + b)", "-(a + b)"},
	{"-5 + a", "-5 + a"},
	{"a * (b / c)", "a * (b / c)"},
	{"a == (b == c)", "a == (b == c)"},
	{"s:match([[\\d]])", "s:match(\"\\\\d\")"},
	{"s == 'a\"\\n\\t\\0001'", "s == \"a\\\"\\n\\009\\0001\""},
	{"s:in_(3, 'b', 'a', 3.0, true, 1)", "s:in_(1, 3, \"a\", \"b\", true)"},
	{"customer . city:starts('x')", "customer.city:starts(\"x\")"},
};

Test(filter, writes_equal_filters_in_one_form)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		char *canonical = fixture_canonical(forms[i].expression);

		cr_expect_str_eq(canonical, forms[i].canonical);
		mem_free(canonical);
	}
}

/* `head`, then `middle` `count` times, then `tail`. */
static int compile_repeated(const char *head, const char *middle, size_t count, const char *tail,
			    struct err_note *why)
{
	struct bytes text = BYTES_EMPTY;
	int err;

	bytes_append_text(&text, head);
	for (size_t i = 0; i < count; i++)
		bytes_append_text(&text, middle);
	bytes_append_text(&text, tail);
	err = fixture_compile_open(text.data, why);
	bytes_deinit(&text);
	return err;
}

static void expect_limit(int err, int code, const struct err_note *why, const char *mention)
{
	cr_expect(err == code, "%s", why->text);
	cr_expect(strstr(why->text, mention) != NULL, "%s", why->text);
}

Test(filter, limits_the_length_of_the_text)
{
	struct err_note why = {""};

	cr_expect(compile_repeated("s == '", "x", 8191 - 7, "'", &why) == 0);
	cr_expect(compile_repeated("s == '", "x", 8192 - 7, "'", &why) == 0);
	expect_limit(compile_repeated("s == '", "x", 8193 - 7, "'", &why), ERR_RANGE, &why,
		     "8193 bytes");
	expect_limit(compile_repeated("s == '", "\\1", 4000, "'", &why), ERR_RANGE, &why,
		     "canonical form");
}

Test(filter, limits_depth)
{
	struct err_note why = {""};

	cr_expect(compile_repeated("", "not ", 63, "a", &why) == 0);
	cr_expect(compile_repeated("", "not ", 64, "a", &why) == 0);
	expect_limit(compile_repeated("", "not ", 65, "a", &why), ERR_RANGE, &why, "64 levels");
	expect_limit(compile_repeated("", "(", 4000, "a", &why), ERR_RANGE, &why, "64 levels");
	expect_limit(compile_repeated("", "- ", 4000, "a", &why), ERR_RANGE, &why, "64 levels");
}

Test(filter, limits_the_number_of_parts)
{
	struct err_note why = {""};

	/* `a`, one `or`, and an `a` for each more. */
	cr_expect(compile_repeated("a", " or a", 509, "", &why) == 0);
	cr_expect(compile_repeated("a", " or a", 510, "", &why) == 0);
	expect_limit(compile_repeated("a", " or a", 511, "", &why), ERR_RANGE, &why, "512 parts");
	cr_expect(compile_repeated("a", " + a", 255, " > 0", &why) == ERR_RANGE);
	cr_expect(compile_repeated("a", " + a", 254, " > 0", &why) == 0, "%s", why.text);
	/* A list of values is one part. */
	cr_expect(compile_repeated("a:in_(0", ", 1", 2000, ")", &why) == 0);
}

Test(filter, limits_regex_and_names)
{
	struct err_note why = {""};

	cr_expect(compile_repeated("s:match('", "x", 4095, "')", &why) == 0);
	cr_expect(compile_repeated("s:match('", "x", 4096, "')", &why) == 0);
	expect_limit(compile_repeated("s:match('", "x", 4097, "')", &why), ERR_RANGE, &why,
		     "4097 bytes");
	cr_expect(compile_repeated("", "x", 126, "", &why) == 0);
	cr_expect(compile_repeated("", "x", 127, "", &why) == 0);
	expect_limit(compile_repeated("", "x", 128, "", &why), ERR_RANGE, &why, "127 bytes");
	cr_expect(compile_repeated("x", ".x", 63, "", &why) == 0);
	expect_limit(compile_repeated("x", ".x", 64, "", &why), ERR_RANGE, &why, "127 bytes");
	expect_limit(compile_repeated("a == 1", "0", 400, "", &why), ERR_RANGE, &why,
		     "not a number");
}

Test(filter, says_when_a_source_has_no_room_for_a_field)
{
	struct err_note why = {""};
	struct filter *filter = NULL;
	struct field_set fields;
	struct schema schema;

	schema_init(&schema);
	field_set_init(&fields);
	for (int i = 0; i < SCHEMA_FIELDS_MAX - 1; i++) {
		char name[16];

		snprintf(name, sizeof(name), "f%d", i);
		cr_assert(field_set_add(&fields, &schema, name) == i);
	}
	cr_expect(filter_compile(&filter, "last > 0", &schema, &fields, &why) == 0);
	filter_free(filter);
	expect_limit(filter_compile(&filter, "f0 > 0 or more > 0", &schema, &fields, &why),
		     ERR_FULL, &why, "\"more\"");
	field_set_deinit(&fields);
	schema_deinit(&schema);
}

Test(filter, adds_each_field_once_with_its_declared_type)
{
	struct filter *filter = NULL;
	struct field_set fields;
	struct schema schema;

	schema_init(&schema);
	schema_add(&schema, "amount", FIELD_FLOAT);
	field_set_init(&fields);
	cr_assert(filter_compile(&filter, "amount > 1 and x == amount", &schema, &fields, NULL) ==
		  0);
	cr_expect(fields.count == 2);
	cr_expect(fields.fields[field_set_find(&fields, slice_of("amount"))].type == FIELD_FLOAT);
	cr_expect(fields.fields[field_set_find(&fields, slice_of("x"))].type == FIELD_ANY);
	filter_free(filter);
	field_set_deinit(&fields);
	schema_deinit(&schema);
}
