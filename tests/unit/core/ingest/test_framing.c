#include "core/ingest/framing.h"

#include <criterion/criterion.h>
#include <string.h>

static struct framing framing_of(const char *text, bool is_last, uint32_t line_bytes_max)
{
	return (struct framing){.data = text,
				.length = strlen(text),
				.is_last = is_last,
				.line_bytes_max = line_bytes_max};
}

static void expect_line(struct framing *framing, enum frame frame, const char *text)
{
	struct slice line;
	cr_expect_eq(framing_next(framing, &line), frame, "before %s", text);
	cr_expect(slice_equal(line, slice_of(text)), "found %.*s", (int)line.length, line.data);
}

static void expect_end(struct framing *framing, size_t used)
{
	struct slice line;
	cr_expect_eq(framing_next(framing, &line), FRAME_END);
	cr_expect_eq(framing->used, used, "used %zu", framing->used);
}

Test(framing, tells_complete_lines_and_keeps_the_rest)
{
	struct framing framing = framing_of("one\ntwo\r\n\nthr", false, 10);
	expect_line(&framing, FRAME_LINE, "one");
	expect_line(&framing, FRAME_LINE, "two");
	expect_line(&framing, FRAME_LINE, "");
	expect_end(&framing, 10);
}

Test(framing, last_block_needs_no_line_end)
{
	struct framing framing = framing_of("one\ntwo\r", true, 10);
	expect_line(&framing, FRAME_LINE, "one");
	expect_line(&framing, FRAME_LINE, "two");
	expect_end(&framing, 8);
}

Test(framing, carriage_return_inside_a_line_stays)
{
	struct framing framing = framing_of("a\rb\r\r\n", false, 10);
	expect_line(&framing, FRAME_LINE, "a\rb\r");
	expect_end(&framing, 6);
}

Test(framing, line_limit_counts_without_the_line_end)
{
	struct framing framing = framing_of("123\n1234\r\n12345\r\n1\n", false, 4);
	expect_line(&framing, FRAME_LINE, "123");
	expect_line(&framing, FRAME_LINE, "1234");
	expect_line(&framing, FRAME_TOO_LONG, "12345");
	expect_line(&framing, FRAME_LINE, "1");
	expect_end(&framing, 19);
}

Test(framing, over_long_line_is_told_once_and_skipped_over_blocks)
{
	struct framing framing = framing_of("12345", false, 4);
	expect_line(&framing, FRAME_TOO_LONG, "12345");
	expect_end(&framing, 5);
	cr_expect(framing.skip);

	struct framing second = framing_of("6789", false, 4);
	second.skip = framing.skip;
	expect_end(&second, 4);
	cr_expect(second.skip);

	struct framing third = framing_of("0\nnext\n", false, 4);
	third.skip = second.skip;
	expect_line(&third, FRAME_LINE, "next");
	expect_end(&third, 7);
	cr_expect_not(third.skip);
}

Test(framing, waits_when_the_byte_over_the_limit_may_be_half_a_line_end)
{
	struct framing framing = framing_of("1234\r", false, 4);
	expect_end(&framing, 0);
	framing = framing_of("1234\r\n", false, 4);
	expect_line(&framing, FRAME_LINE, "1234");
	framing = framing_of("1234\r5", false, 4);
	expect_line(&framing, FRAME_TOO_LONG, "1234\r5");
}

Test(framing, skip_ends_with_the_last_block)
{
	struct framing framing = framing_of("rest", true, 4);
	framing.skip = true;
	expect_end(&framing, 4);
	cr_expect_not(framing.skip);
}
