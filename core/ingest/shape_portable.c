/* The walk for machines without AVX2: characters eight at a time as bytes of a number. */
#include "core/ingest/shape_internal.h"

#include <endian.h>
#include <string.h>

#include "core/ingest/decode_json.h"
#include "core/ingest/decode_time.h"
#include "core/model/batch.h"

#define WALK_CODE
#define WALK_NAME shape_walk_portable

#define EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

/** The first byte is the lowest. */
static inline uint64_t load_8(const void *at)
{
	uint64_t text;
	memcpy(&text, at, sizeof(text));
	return le64toh(text);
}

/* In each of the masks below the lowest set bit is right; those above it may be carried over. */

static inline uint64_t equal_8(uint64_t text, unsigned char byte)
{
	uint64_t rest = text ^ EACH_BYTE(byte);
	return (rest - EACH_BYTE(0x01)) & ~rest & EACH_BYTE(0x80);
}

static inline uint64_t control_8(uint64_t text)
{
	return (text - EACH_BYTE(0x20)) & ~text & EACH_BYTE(0x80);
}

static inline bool literal_begins(const struct shape_node *node, const char *text)
{
	size_t length = node->literal_bytes;
	if (length > SHAPE_LITERAL_BYTES)
		length = SHAPE_LITERAL_BYTES;
	return memcmp(node->literal, text, length) == 0;
}

static inline const char *text_find(const char *at, bool *has_high)
{
	for (;; at += 8) {
		uint64_t text = load_8(at);
		uint64_t found = equal_8(text, '"') | equal_8(text, '\\') | control_8(text);
		uint64_t high = text & EACH_BYTE(0x80);
		if (found) {
			*has_high |= (high & ((found & -found) - 1)) != 0;
			return at + (unsigned)__builtin_ctzll(found) / 8;
		}
		*has_high |= high != 0;
	}
}

static inline const char *text_begins(const char *text)
{
	bool has_high = false;
	const char *end = text_find(text, &has_high);
	return *end == '"' && !has_high ? end : NULL;
}

/** A number of up to 15 digits without exponent. */
struct digits {
	int count; /**< characters, the point too */
	int point; /**< where it is, or negative */
};

static inline const char *digits_find(const char *text, struct digits *digits)
{
	const char *at = text;
	*digits = (struct digits){.point = -1};
	for (;; at++) {
		if (*at == '.' && digits->point < 0)
			digits->point = (int)(at - text);
		else if ((unsigned)*at - '0' > 9 || at - text > 15)
			break;
	}
	digits->count = (int)(at - text);
	bool is_plain = digits->count > 0 && digits->count < 16 && *text != '.' && at[-1] != '.' &&
			!(*text == '0' && digits->count > 1 && text[1] != '.') && *at != '.' &&
			(*at | 0x20) != 'e';
	return is_plain ? at : NULL;
}

static inline uint64_t digits_sum(const char *text, const struct digits *digits)
{
	uint64_t sum = 0;
	for (int i = 0; i < digits->count; i++)
		if (i != digits->point)
			sum = sum * 10 + ((unsigned)text[i] - '0');
	return sum;
}

#include "core/ingest/shape_walk.inc"
