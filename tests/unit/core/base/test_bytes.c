#include <criterion/criterion.h>

#include <string.h>

#include "core/base/bytes.h"
#include "core/base/mem.h"

Test(bytes, grows_and_stays_printable)
{
	struct bytes bytes = BYTES_EMPTY;

	for (int i = 0; i < 1000; i++) {
		bytes_append_char(&bytes, (char)('a' + i % 26));
		cr_assert_eq(bytes.data[bytes.length], '\0');
	}
	cr_expect_eq(bytes.length, 1000);
	cr_expect_eq(strlen(bytes.data), 1000);
	bytes_deinit(&bytes);
	cr_expect_null(bytes.data);
}

Test(bytes, clear_keeps_the_capacity)
{
	struct bytes bytes = BYTES_EMPTY;

	bytes_append_text(&bytes, "hello");
	size_t capacity = bytes.capacity;
	bytes_clear(&bytes);
	cr_expect_str_eq(bytes.data, "");
	cr_expect_eq(bytes.capacity, capacity);
	bytes_deinit(&bytes);
	bytes_clear(&bytes);
}

Test(bytes, format_fits_at_every_length)
{
	struct bytes bytes = BYTES_EMPTY;
	char text[200];

	for (int length = 0; length < 199; length++) {
		memset(text, 'y', sizeof(text));
		bytes_clear(&bytes);
		bytes_append_text(&bytes, "<");
		bytes_append_format(&bytes, "%.*s>", length, text);
		cr_assert_eq(bytes.length, (size_t)length + 2);
		cr_assert_eq(bytes.data[length + 1], '>');
	}
	bytes_deinit(&bytes);
}

Test(bytes, take_text_of_an_empty_buffer_is_an_empty_string)
{
	struct bytes bytes = BYTES_EMPTY;
	char *text = bytes_take_text(&bytes);

	cr_expect_str_eq(text, "");
	cr_expect_null(bytes.data);
	mem_free(text);
}

Test(bytes, numbers_are_big_endian)
{
	struct bytes bytes = BYTES_EMPTY;

	bytes_append_u8(&bytes, 0x01);
	bytes_append_be16(&bytes, 0x0203);
	bytes_append_be32(&bytes, 0x04050607);
	bytes_append_be64(&bytes, 0x08090A0B0C0D0E0F);
	cr_assert_eq(bytes.length, 15);
	for (size_t i = 0; i < bytes.length; i++)
		cr_expect_eq(bytes.data[i], (char)(i + 1));

	struct byte_reader reader = byte_reader_of(bytes_slice(&bytes));
	cr_expect_eq(byte_reader_u8(&reader), 0x01);
	cr_expect_eq(byte_reader_be16(&reader), 0x0203);
	cr_expect_eq(byte_reader_be32(&reader), 0x04050607);
	cr_expect_eq(byte_reader_be64(&reader), 0x08090A0B0C0D0E0F);
	cr_expect_eq(reader.left, 0);
	cr_expect_not(reader.has_failed);
	bytes_deinit(&bytes);
}

Test(bytes, reader_fails_once_and_stays_failed)
{
	struct byte_reader reader = byte_reader_of(SLICE_LITERAL("abc"));

	cr_expect_eq(byte_reader_be32(&reader), 0);
	cr_expect(reader.has_failed);
	cr_expect_eq(byte_reader_u8(&reader), 0);
	struct slice none = byte_reader_bytes(&reader, 0);
	cr_expect_eq(none.length, 0);
}

Test(bytes, reader_gives_the_last_bytes)
{
	struct byte_reader reader = byte_reader_of(SLICE_LITERAL("abc"));

	cr_expect(slice_equal(byte_reader_bytes(&reader, 3), SLICE_LITERAL("abc")));
	cr_expect_not(reader.has_failed);
	byte_reader_bytes(&reader, 1);
	cr_expect(reader.has_failed);
}

Test(bytes, slices_compare_by_bytes_then_length)
{
	cr_expect_lt(slice_compare(SLICE_LITERAL("ab"), SLICE_LITERAL("abc")), 0);
	cr_expect_gt(slice_compare(SLICE_LITERAL("b"), SLICE_LITERAL("abc")), 0);
	cr_expect_gt(slice_compare(SLICE_LITERAL("\xFF"), SLICE_LITERAL("a")), 0);
	cr_expect_eq(slice_compare(slice_of(NULL), SLICE_LITERAL("")), 0);
	cr_expect(slice_equal(slice_of(NULL), SLICE_LITERAL("")));
	cr_expect_not(slice_equal(SLICE_LITERAL("ab"), SLICE_LITERAL("ac")));
}
