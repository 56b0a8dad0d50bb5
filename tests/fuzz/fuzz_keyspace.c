// link: storage
/* Keys and values as they may lie on a damaged disk: nothing is read past its end, what unseals
 * seals the same again, and a key that reads well builds the same again. */
#include "storage/keyspace.h"

#include "core/base/require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_value(struct slice input)
{
	struct slice content;
	struct bytes sealed;

	bytes_init(&sealed);
	if (keyspace_unseal(input, &content, NULL) == 0) {
		keyspace_seal(&sealed, content);
		REQUIRE(slice_equal(bytes_slice(&sealed), input));
	}
	keyspace_seal(&sealed, input);
	REQUIRE(keyspace_unseal(bytes_slice(&sealed), &content, NULL) == 0);
	REQUIRE(slice_equal(content, input));
	bytes_deinit(&sealed);
}

static void check_key(struct slice input)
{
	struct byte_reader reader = key_read(input);
	struct slice target = key_read_text(&reader);
	uint64_t sequence = byte_reader_be64(&reader);
	struct bytes key;

	if (reader.has_failed || input.data[0] != KEYSPACE_OUTBOX)
		return;
	bytes_init(&key);
	key_begin(&key, KEYSPACE_OUTBOX);
	key_add_text(&key, target.data);
	key_add_u64(&key, sequence);
	REQUIRE(key.length + reader.left == input.length);
	REQUIRE(slice_equal(bytes_slice(&key), (struct slice){input.data, key.length}));
	bytes_deinit(&key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice input = {(const char *)data, size};

	check_value(input);
	check_key(input);
	return 0;
}
