#include "storage/keyspace.h"

#include "core/base/err.h"

#include <criterion/criterion.h>

#include <string.h>

static void expect_bytes(const struct bytes *bytes, const char *expected, size_t length)
{
	cr_expect_eq(bytes->length, length);
	cr_expect(bytes->length == length && memcmp(bytes->data, expected, length) == 0);
}

Test(keyspace, builds_the_documented_layouts)
{
	struct bytes key;

	bytes_init(&key);
	bytes_append_text(&key, "left over");
	key_begin(&key, KEYSPACE_JOURNAL);
	key_add_text(&key, "run-1");
	key_add_u32(&key, 258);
	expect_bytes(&key, "jrun-1\0\0\0\1\2", 11);
	key_begin(&key, KEYSPACE_ALERT_LOG);
	key_add_time(&key, 0x0102030405060708);
	key_add_bytes(&key, SLICE_LITERAL("id"));
	expect_bytes(&key, "l\1\2\3\4\5\6\7\10id", 11);
	bytes_deinit(&key);
}

Test(keyspace, gives_every_space_a_letter_of_its_own)
{
	bool is_used[256] = {false};

#define EXPECT_NEW(name, letter)                                                                   \
	cr_expect_not(is_used[letter]);                                                            \
	is_used[letter] = true;
	KEYSPACE_LIST(EXPECT_NEW)
#undef EXPECT_NEW
}

Test(keyspace, sorts_numbers_and_times_by_size)
{
	const int64_t times[] = {-5, 0, 1, 255, 256, 1542866400000, INT64_MAX};
	struct bytes before;
	struct bytes key;

	bytes_init(&before);
	bytes_init(&key);
	for (size_t index = 0; index < sizeof(times) / sizeof(times[0]); index++) {
		key_begin(&key, KEYSPACE_PANE);
		key_add_time(&key, times[index]);
		cr_expect_leq(slice_compare(bytes_slice(&before), bytes_slice(&key)), 0);
		bytes_clear(&before);
		bytes_append_slice(&before, bytes_slice(&key));
	}
	key_begin(&before, KEYSPACE_PANE);
	key_add_time(&before, -5);
	expect_bytes(&before, "P\0\0\0\0\0\0\0\0", 9);
	bytes_deinit(&before);
	bytes_deinit(&key);
}

Test(keyspace, sorts_signed_numbers_by_size_and_reads_them_back)
{
	const int64_t numbers[] = {INT64_MIN, -5001, -5000, -1, 0, 1, 255, 256, INT64_MAX};
	struct bytes before, key;

	bytes_init(&before);
	bytes_init(&key);
	for (size_t index = 0; index < sizeof(numbers) / sizeof(numbers[0]); index++) {
		struct byte_reader reader;

		key_begin(&key, KEYSPACE_PANE);
		key_add_signed(&key, numbers[index]);
		cr_expect_lt(slice_compare(bytes_slice(&before), bytes_slice(&key)), 0);
		reader = key_read(bytes_slice(&key));
		cr_expect_eq(key_read_signed(&reader), numbers[index]);
		bytes_clear(&before);
		bytes_append_slice(&before, bytes_slice(&key));
	}
	bytes_deinit(&before);
	bytes_deinit(&key);
}

Test(keyspace, reads_a_key_back)
{
	struct bytes key;
	struct byte_reader reader;

	bytes_init(&key);
	key_begin(&key, KEYSPACE_POSITION);
	key_add_text(&key, "payments");
	key_add_text(&key, "");
	key_add_u64(&key, 77);
	reader = key_read(bytes_slice(&key));
	cr_expect(slice_equal(key_read_text(&reader), SLICE_LITERAL("payments")));
	cr_expect(slice_equal(key_read_text(&reader), SLICE_LITERAL("")));
	cr_expect_eq(byte_reader_be64(&reader), 77);
	cr_expect_not(reader.has_failed);
	cr_expect(slice_equal(key_read_text(&reader), SLICE_LITERAL("")));
	cr_expect(reader.has_failed, "text without its 0 byte");
	reader = key_read((struct slice){"", 0});
	cr_expect(reader.has_failed, "a key without prefix");
	bytes_deinit(&key);
}

Test(keyspace, unseals_what_was_sealed)
{
	struct bytes sealed;
	struct slice content;

	bytes_init(&sealed);
	keyspace_seal(&sealed, (struct slice){"a\0b", 3});
	cr_assert_eq(keyspace_unseal(bytes_slice(&sealed), &content, NULL), 0);
	cr_expect(slice_equal(content, (struct slice){"a\0b", 3}));
	keyspace_seal(&sealed, (struct slice){NULL, 0});
	cr_expect_eq(sealed.length, 9);
	cr_assert_eq(keyspace_unseal(bytes_slice(&sealed), &content, NULL), 0);
	cr_expect_eq(content.length, 0);
	bytes_deinit(&sealed);
}

Test(keyspace, seal_has_the_documented_bytes)
{
	struct bytes sealed;

	bytes_init(&sealed);
	keyspace_seal(&sealed, SLICE_LITERAL(""));
	/* XXH3_64bits of nothing with seed 0, from the xxHash specification's test vectors. */
	expect_bytes(&sealed, "\3\x2d\x06\x80\x05\x38\xd3\x94\xc2", 9);
	bytes_deinit(&sealed);
}

Test(keyspace, refuses_every_single_flipped_bit)
{
	struct bytes sealed;

	bytes_init(&sealed);
	keyspace_seal(&sealed, SLICE_LITERAL("{\"count\":12}"));
	for (size_t bit = 0; bit < sealed.length * 8; bit++) {
		struct slice content;

		sealed.data[bit / 8] = (char)(sealed.data[bit / 8] ^ (1 << bit % 8));
		cr_expect_eq(keyspace_unseal(bytes_slice(&sealed), &content, NULL), ERR_CORRUPT);
		sealed.data[bit / 8] = (char)(sealed.data[bit / 8] ^ (1 << bit % 8));
	}
	bytes_deinit(&sealed);
}

Test(keyspace, refuses_another_version_and_a_cut_value)
{
	struct err_note why = {""};
	struct bytes sealed;
	struct slice content;

	bytes_init(&sealed);
	keyspace_seal(&sealed, SLICE_LITERAL("text"));
	for (size_t length = 0; length < sealed.length; length++)
		cr_expect_eq(keyspace_unseal((struct slice){sealed.data, length}, &content, NULL),
			     ERR_CORRUPT);
	sealed.data[0] = 1;
	cr_expect_eq(keyspace_unseal(bytes_slice(&sealed), &content, &why), ERR_CORRUPT);
	cr_expect_not_null(strstr(why.text, "has version 1, this program reads version 3: "));
	bytes_deinit(&sealed);
}
