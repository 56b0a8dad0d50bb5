/** varint.h - numbers of few bytes when they are small: LEB128, seven bits a byte, lowest first.
 *  A number has one encoding: reading refuses one that is longer than it needs to be.
 */
#ifndef TOCSIN_CORE_BASE_VARINT_H
#define TOCSIN_CORE_BASE_VARINT_H

#include "core/base/bytes.h"

enum { VARINT_BYTES_MAX = 10 };

/** Returns the place behind it. */
static inline char *varint_put(char *at, uint64_t number)
{
	for (; number >= 0x80; number >>= 7)
		*at++ = (char)(number | 0x80);
	*at++ = (char)number;
	return at;
}

static inline uint64_t varint_read(struct byte_reader *reader)
{
	uint64_t number = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint64_t byte = byte_reader_u8(reader);

		if (byte == 0 && shift > 0)
			break; /* longer than it needs to be */
		if (shift == 63 && byte > 1)
			break;
		number |= (byte & 0x7F) << shift;
		if (byte < 0x80)
			return number;
	}
	reader->has_failed = true;
	return 0;
}

#endif
