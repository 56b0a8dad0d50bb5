#include "core/base/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/require.h"

enum { BYTES_CAPACITY_MIN = 64 };

struct slice slice_of(const char *text)
{
	return (struct slice){text, text == NULL ? 0 : strlen(text)};
}

struct slice bytes_slice(const struct bytes *bytes)
{
	return (struct slice){bytes->data, bytes->length};
}

bool slice_equal(struct slice a, struct slice b)
{
	return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

int slice_compare(struct slice a, struct slice b)
{
	size_t shared = a.length < b.length ? a.length : b.length;
	int order = shared == 0 ? 0 : memcmp(a.data, b.data, shared);

	if (order != 0)
		return order;
	return (a.length > b.length) - (a.length < b.length);
}

void bytes_init(struct bytes *bytes)
{
	*bytes = BYTES_EMPTY;
}

void bytes_deinit(struct bytes *bytes)
{
	mem_free(bytes->data);
	*bytes = BYTES_EMPTY;
}

void bytes_clear(struct bytes *bytes)
{
	bytes->length = 0;
	if (bytes->data != NULL)
		bytes->data[0] = '\0';
}

void bytes_reserve(struct bytes *bytes, size_t extra)
{
	REQUIRE(extra < SIZE_MAX / 4 && bytes->length < SIZE_MAX / 4);
	size_t needed = bytes->length + extra + 1;

	if (needed <= bytes->capacity)
		return;
	size_t capacity = bytes->capacity * 2;
	if (capacity < BYTES_CAPACITY_MIN)
		capacity = BYTES_CAPACITY_MIN;
	if (capacity < needed)
		capacity = needed;
	bytes->data = mem_grow(bytes->data, capacity, 1);
	bytes->capacity = capacity;
	bytes->data[bytes->length] = '\0';
}

void bytes_append(struct bytes *bytes, const void *data, size_t length)
{
	bytes_reserve(bytes, length);
	if (length > 0)
		memcpy(bytes->data + bytes->length, data, length);
	bytes->length += length;
	bytes->data[bytes->length] = '\0';
}

void bytes_append_slice(struct bytes *bytes, struct slice slice)
{
	bytes_append(bytes, slice.data, slice.length);
}

void bytes_append_text(struct bytes *bytes, const char *text)
{
	bytes_append(bytes, text, strlen(text));
}

void bytes_append_char(struct bytes *bytes, char c)
{
	bytes_append(bytes, &c, 1);
}

void bytes_append_format(struct bytes *bytes, const char *format, ...)
{
	va_list args;

	bytes_reserve(bytes, BYTES_CAPACITY_MIN - 1);
	size_t room = bytes->capacity - bytes->length;
	va_start(args, format);
	int length = vsnprintf(bytes->data + bytes->length, room, format, args);
	va_end(args);
	REQUIRE(length >= 0);
	if ((size_t)length >= room) {
		bytes_reserve(bytes, (size_t)length);
		va_start(args, format);
		vsnprintf(bytes->data + bytes->length, (size_t)length + 1, format, args);
		va_end(args);
	}
	bytes->length += (size_t)length;
}

void bytes_append_u8(struct bytes *bytes, uint8_t value)
{
	bytes_append(bytes, &value, 1);
}

void bytes_append_be16(struct bytes *bytes, uint16_t value)
{
	value = __builtin_bswap16(value);
	bytes_append(bytes, &value, sizeof(value));
}

void bytes_append_be32(struct bytes *bytes, uint32_t value)
{
	value = __builtin_bswap32(value);
	bytes_append(bytes, &value, sizeof(value));
}

void bytes_append_be64(struct bytes *bytes, uint64_t value)
{
	value = __builtin_bswap64(value);
	bytes_append(bytes, &value, sizeof(value));
}

char *bytes_take_text(struct bytes *bytes)
{
	bytes_reserve(bytes, 0);
	char *text = bytes->data;

	*bytes = BYTES_EMPTY;
	return text;
}

struct byte_reader byte_reader_of(struct slice slice)
{
	return (struct byte_reader){(const unsigned char *)slice.data, slice.length, false};
}

/* The next `length` bytes, or NULL: then the reader is at its end for good. */
static const unsigned char *reader_step(struct byte_reader *reader, size_t length)
{
	const unsigned char *data = reader->data;

	if (reader->has_failed || reader->left < length) {
		reader->has_failed = true;
		reader->left = 0;
		return NULL;
	}
	if (length > 0)
		reader->data += length;
	reader->left -= length;
	return data;
}

static uint64_t reader_number(struct byte_reader *reader, size_t length)
{
	const unsigned char *data = reader_step(reader, length);
	uint64_t value = 0;

	if (data == NULL)
		return 0;
	for (size_t i = 0; i < length; i++)
		value = value << 8 | data[i];
	return value;
}

uint8_t byte_reader_u8(struct byte_reader *reader)
{
	return (uint8_t)reader_number(reader, 1);
}

uint16_t byte_reader_be16(struct byte_reader *reader)
{
	return (uint16_t)reader_number(reader, 2);
}

uint32_t byte_reader_be32(struct byte_reader *reader)
{
	return (uint32_t)reader_number(reader, 4);
}

uint64_t byte_reader_be64(struct byte_reader *reader)
{
	return reader_number(reader, 8);
}

struct slice byte_reader_bytes(struct byte_reader *reader, size_t length)
{
	const unsigned char *data = reader_step(reader, length);

	return (struct slice){(const char *)data, data == NULL ? 0 : length};
}
