#include "storage/keyspace.h"

#include "core/base/err.h"

#include <xxhash.h>

#include <string.h>

enum { VALUE_VERSION = 3, SEAL_BYTES = 1 + 8 };

void key_begin(struct bytes *key, enum keyspace space)
{
	bytes_clear(key);
	bytes_append_u8(key, (uint8_t)space);
}

void key_add_text(struct bytes *key, const char *text)
{
	bytes_append(key, text, strlen(text) + 1);
}

void key_add_bytes(struct bytes *key, struct slice part)
{
	bytes_append_slice(key, part);
}

void key_add_u32(struct bytes *key, uint32_t part)
{
	bytes_append_be32(key, part);
}

void key_add_u64(struct bytes *key, uint64_t part)
{
	bytes_append_be64(key, part);
}

void key_add_time(struct bytes *key, int64_t ms)
{
	/* A negative number would sort behind every other one. */
	bytes_append_be64(key, ms < 0 ? 0 : (uint64_t)ms);
}

void key_add_signed(struct bytes *key, int64_t part)
{
	bytes_append_be64(key, (uint64_t)part ^ 1ull << 63);
}

int64_t key_read_signed(struct byte_reader *reader)
{
	return (int64_t)(byte_reader_be64(reader) ^ 1ull << 63);
}

struct byte_reader key_read(struct slice key)
{
	struct byte_reader reader = byte_reader_of(key);

	(void)byte_reader_u8(&reader);
	return reader;
}

struct slice key_read_text(struct byte_reader *reader)
{
	const unsigned char *end = NULL;
	struct slice text;

	if (!reader->has_failed && reader->left > 0)
		end = memchr(reader->data, 0, reader->left);
	if (!end) {
		reader->has_failed = true;
		return (struct slice){"", 0};
	}
	text = byte_reader_bytes(reader, (size_t)(end - reader->data));
	(void)byte_reader_u8(reader);
	return text;
}

void keyspace_seal(struct bytes *out, struct slice content)
{
	bytes_clear(out);
	bytes_reserve(out, SEAL_BYTES + content.length);
	bytes_append_u8(out, VALUE_VERSION);
	bytes_append_be64(out, XXH3_64bits(content.data, content.length));
	bytes_append_slice(out, content);
}

int keyspace_unseal(struct slice value, struct slice *content, struct err_note *why)
{
	struct byte_reader reader = byte_reader_of(value);
	uint8_t version = byte_reader_u8(&reader);
	uint64_t expected = byte_reader_be64(&reader);
	struct slice rest;

	if (reader.has_failed)
		return err_set(why, ERR_CORRUPT,
			       "The stored value of %zu bytes is shorter than its seal.",
			       value.length);
	if (version != VALUE_VERSION)
		return err_set(why, ERR_CORRUPT,
			       "The stored value has version %u, this program reads version %d: "
			       "the store was written by another release. Run that one, or move "
			       "the store and its .mark away to begin with an empty one.",
			       (unsigned)version, VALUE_VERSION);
	rest = byte_reader_bytes(&reader, reader.left);
	if (XXH3_64bits(rest.data, rest.length) != expected)
		return err_set(why, ERR_CORRUPT,
			       "The stored value of %zu bytes does not match its checksum.",
			       value.length);
	*content = rest;
	return 0;
}
