#include "core/ingest/byte_masks.h"
#include "core/ingest/decode_csv_internal.h"

enum { CHUNK_ENDS = CSV_CHUNK_ENDS };

_Static_assert((int)CSV_LINE_BYTES_MAX == 64 * (int)BYTE_MASK_BYTES, "a bit of `foreign` a chunk");

void csv_window_init(struct csv_window *window)
{
	window->is_portable = !avx2_is_here();
}

static inline ALWAYS_INLINE uint64_t window_add_end(uint16_t *end, uint64_t mask, size_t base,
						    byte_mask_first_of *first_of)
{
	*end = (uint16_t)(base + first_of(mask));
	return mask & (mask - 1);
}

/** Eight at a time without looking whether there are so many: few chunks have more. */
static inline ALWAYS_INLINE uint32_t window_add_ends(uint16_t *ends, uint64_t mask, size_t base,
						     byte_mask_first_of *first_of)
{
	uint32_t count = (uint32_t)__builtin_popcountll(mask);
	for (uint32_t i = 0; i < count; i += CHUNK_ENDS, ends += CHUNK_ENDS) {
		mask = window_add_end(ends + 0, mask, base, first_of);
		mask = window_add_end(ends + 1, mask, base, first_of);
		mask = window_add_end(ends + 2, mask, base, first_of);
		mask = window_add_end(ends + 3, mask, base, first_of);
		mask = window_add_end(ends + 4, mask, base, first_of);
		mask = window_add_end(ends + 5, mask, base, first_of);
		mask = window_add_end(ends + 6, mask, base, first_of);
		mask = window_add_end(ends + 7, mask, base, first_of);
	}
	return count;
}

static inline ALWAYS_INLINE void window_scan_by(struct csv_window *window, byte_masks_of *masks_of,
						byte_mask_first_of *first_of)
{
	const struct byte_choice choice = {window->delimiter, {'\n', '"'}};
	const char *data = window->data;
	const size_t bytes = window->bytes;
	char tail[BYTE_MASK_BYTES] = {0};
	uint16_t *ends = window->ends + 1;
	uint16_t *specials = window->specials;
	uint32_t count = 0;
	uint64_t foreign = 0, chunk = 1;
	for (size_t base = 0; base < bytes; base += BYTE_MASK_BYTES, chunk <<= 1) {
		const char *text = data + base;
		if (bytes - base < BYTE_MASK_BYTES) {
			memcpy(tail, text, bytes - base);
			text = tail;
		}
		struct byte_masks masks = masks_of(text, choice);
		for (uint64_t rest = masks.special; rest; rest &= rest - 1) {
			uint64_t before = (rest & -rest) - 1;
			uint32_t ends_before = (uint32_t)__builtin_popcountll(masks.any & before);
			*specials++ = (uint16_t)(count + ends_before);
		}
		count += window_add_ends(ends + count, masks.any, base, first_of);
		foreign |= masks.has_high ? chunk : 0;
	}
	window->special_count = (uint32_t)(specials - window->specials);
	window->foreign = foreign;
}

#if defined(__x86_64__)
AVX2_FUNCTION static void window_scan_avx2(struct csv_window *window)
{
	window_scan_by(window, byte_masks_avx2, byte_mask_first_avx2);
}
#endif

static void window_scan_portable(struct csv_window *window)
{
	window_scan_by(window, byte_masks_portable, byte_mask_first_portable);
}

void csv_window_start(struct csv_window *window, const char *data, size_t left)
{
	window->data = data;
	window->bytes = left < CSV_LINE_BYTES_MAX ? left : CSV_LINE_BYTES_MAX;
	window->at.end = window->at.special = 0;
	window->ends[0] = UINT16_MAX;
#if defined(__x86_64__)
	if (!window->is_portable) {
		window_scan_avx2(window);
		return;
	}
#endif
	window_scan_portable(window);
}

bool csv_window_seek(struct csv_window *window, const char *at)
{
	size_t place = (size_t)(at - window->data);
	bool is_used_up = window->at.special == window->special_count && place > 0;
	if (is_used_up || place >= window->bytes)
		return false;
	while (window->at.special < window->special_count &&
	       csv_end_place(window, window->specials[window->at.special]) < place) {
		window->at.end = window->specials[window->at.special] + 1u;
		window->at.special++;
	}
	return true;
}

void csv_window_skip(struct csv_window *window, uint32_t line_count)
{
	for (; line_count > 0; window->at.special++) {
		uint32_t end = window->specials[window->at.special];
		if (window->data[csv_end_place(window, end)] != '\n')
			continue;
		window->at.end = end + 1;
		line_count--;
	}
}
