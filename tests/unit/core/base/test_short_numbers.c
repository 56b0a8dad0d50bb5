#include "core/base/short_numbers.h"

#include <criterion/criterion.h>

static void expect(const char *json, const char *wanted)
{
	struct bytes out = BYTES_EMPTY;
	short_numbers_append(&out, slice_of(json));
	char *text = bytes_take_text(&out);
	cr_expect_str_eq(text, wanted);
	free(text);
}

Test(short_numbers, writes_the_shortest_text_of_the_same_number)
{
	expect("1795332337.0880001", "1795332337.088");
	expect("{\"a\":0.10000000000000001,\"b\":[-0.5,1e-7]}", "{\"a\":0.1,\"b\":[-0.5,1e-07]}");
	expect("0.30000000000000004", "0.30000000000000004");
}

Test(short_numbers, keeps_integers_integers_and_reals_reals)
{
	expect("[1795332337088,-7,0]", "[1795332337088,-7,0]");
	expect("[2.0,1e3,-0.0]", "[2.0,1000.0,0.0]");
	expect("123456789012345678901234567890", "123456789012345678901234567890");
}

Test(short_numbers, leaves_strings_and_words_alone)
{
	expect("{\"0.10000000000000001\":\"\\\"1.50\\\\\",\"n\":null,\"t\":true}",
	       "{\"0.10000000000000001\":\"\\\"1.50\\\\\",\"n\":null,\"t\":true}");
	expect("", "");
	expect("\"\"", "\"\"");
}
