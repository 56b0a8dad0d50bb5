/** bytes.h - a growable byte buffer, and a borrowed view of bytes.
 *  Owner: bytes_init() caller's memory; bytes_deinit() frees. A slice owns nothing.
 *  Invariant: when data is not NULL, data[length] == '\0', so it can be printed.
 *  Out of memory is fatal (mem.h). Callers bound what comes from outside before appending.
 */
#ifndef TOCSIN_CORE_BASE_BYTES_H
#define TOCSIN_CORE_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slice {
	const char *data;
	size_t length;
};

struct bytes {
	char *data;
	size_t length;
	size_t capacity;
};

#define BYTES_EMPTY         ((struct bytes){NULL, 0, 0})
#define SLICE_LITERAL(text) ((struct slice){(text), sizeof(text) - 1})

struct slice slice_of(const char *text); /**< of a C string; NULL gives an empty slice */
struct slice bytes_slice(const struct bytes *bytes);
bool slice_equal(struct slice a, struct slice b);
int slice_compare(struct slice a, struct slice b); /**< memcmp order, shorter first */

void bytes_init(struct bytes *bytes);
void bytes_deinit(struct bytes *bytes);
void bytes_clear(struct bytes *bytes); /**< keeps the capacity */
void bytes_reserve(struct bytes *bytes, size_t extra);
void bytes_append(struct bytes *bytes, const void *data, size_t length);
void bytes_append_slice(struct bytes *bytes, struct slice slice);
void bytes_append_text(struct bytes *bytes, const char *text);
void bytes_append_char(struct bytes *bytes, char c);
void bytes_append_format(struct bytes *bytes, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void bytes_append_u8(struct bytes *bytes, uint8_t value);
void bytes_append_be16(struct bytes *bytes, uint16_t value);
void bytes_append_be32(struct bytes *bytes, uint32_t value);
void bytes_append_be64(struct bytes *bytes, uint64_t value);

/** Takes the buffer out as an owned, NUL-terminated string ("" when empty); empties `bytes`. */
char *bytes_take_text(struct bytes *bytes);

/** Bounded big-endian reading: a cursor that fails once and stays failed. */
struct byte_reader {
	const unsigned char *data;
	size_t left;
	bool has_failed;
};
struct byte_reader byte_reader_of(struct slice slice);
uint8_t byte_reader_u8(struct byte_reader *reader);
uint16_t byte_reader_be16(struct byte_reader *reader);
uint32_t byte_reader_be32(struct byte_reader *reader);
uint64_t byte_reader_be64(struct byte_reader *reader);
struct slice byte_reader_bytes(struct byte_reader *reader, size_t length);

#endif
