#include "lua/host/library.h"

#include "tests/unit/lua/script_test.h"

Test(library, text_span_reads_what_core_reads)
{
	static const char *const cases[][2] = {
		{"'250ms'", "250"},
		{"'5s'", "5000"},
		{"'1m'", "60000"},
		{"'2h'", "7200000"},
		{"'1d'", "86400000"},
		{"1.5", "1500"},
		{"0", "0"},
		{"'7'", "null"},
		{"'5 s'", "null"},
		{"'-5s'", "null"},
		{"'5y'", "null"},
		{"-1", "null"},
		{"0/0", "null"},
		{"1/0", "null"},
		{"nil", "null"},
		{"{}", "null"},
		{"''", "null"},
		{"'1.5s'", "null"},
		{"'9999999999999s'", "null"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[100];

		snprintf(text, sizeof(text), "return (require 'tocsin.text').span(%s)",
			 cases[i][0]);
		expect_json(text, cases[i][1]);
	}
}

Test(library, text_cut_never_splits_a_character)
{
	expect_json("return (require 'tocsin.text').cut('short', 5)", "\"short\"");
	expect_json("return (require 'tocsin.text').cut('longer', 5)", "\"lo…\"");
	expect_json("return (require 'tocsin.text').cut('支付失败', 8)", "\"支…\"");
	expect_json("return (require 'tocsin.text').cut('支付失败', 9)", "\"支付…\"");
	expect_json("return (require 'tocsin.text').cut('支付失败', 12)", "\"支付失败\"");
	expect_json("return (require 'tocsin.text').cut('abc', 1)", "\"…\"");
}

Test(library, text_percent_has_an_answer_without_a_whole)
{
	expect_json("return (require 'tocsin.text').percent(1, 8)", "\"12.5 %\"");
	expect_json("return (require 'tocsin.text').percent(1, 3, 0)", "\"33 %\"");
	expect_json("return (require 'tocsin.text').percent(1, 0)", "\"n/a\"");
	expect_json("return (require 'tocsin.text').percent(nil, 5)", "\"n/a\"");
}

Test(library, hash_depends_on_every_byte_of_the_text)
{
	char a[SCRIPT_HASH_BYTES], b[SCRIPT_HASH_BYTES], again[SCRIPT_HASH_BYTES];

	script_hash("return {}", 9, a);
	script_hash("return {}", 9, again);
	script_hash("return { }", 10, b);
	cr_expect_eq(strlen(a), 32);
	cr_expect_str_eq(a, again);
	cr_expect_str_neq(a, b);
}
