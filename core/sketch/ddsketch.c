/* Keys from those of the greatest negative magnitude over 0 to the greatest number:
 *
 *      0 ...         negative         | KEY_ZERO |         positive          ... 2^18 - 1
 *
 * A double's 64 bits, turned round when it is negative, sort as numbers do; the key is the upper 18
 * of them. Counts below them make a bin one word, and a sorted array of words the sketch.
 */
#include "core/sketch/ddsketch.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/varint.h"

enum {
	COUNT_BITS = 46,
	MANTISSA_BITS = 6, /* of a key: 64 bins for each power of two */
	KEY_ZERO = 1 << 17,
	/* The least normal number, and the greatest finite one. */
	KEY_LEAST = KEY_ZERO + (1 << MANTISSA_BITS),
	KEY_GREATEST = KEY_ZERO + (2047 << MANTISSA_BITS) - 1,
	BINS_MIN = 4,
	CAPACITY_MAX = 2 * DDSKETCH_BINS_MAX + 1,
};

#define COUNT_MAX ((UINT64_C(1) << COUNT_BITS) - 1)

struct ddsketch {
	uint32_t count; /**< bins */
	uint32_t capacity;
	uint64_t bins[];
};

static_assert(sizeof(struct ddsketch) == 8, "the bound that is stated");

static uint32_t key_of(double number)
{
	uint64_t bits;
	uint32_t key;

	memcpy(&bits, &number, sizeof(bits));
	key = (uint32_t)(bits >> COUNT_BITS) & (KEY_ZERO - 1);
	if (key < KEY_LEAST - KEY_ZERO)
		return KEY_ZERO;
	if (key > KEY_GREATEST - KEY_ZERO)
		key = KEY_GREATEST - KEY_ZERO;
	return bits >> 63 ? KEY_ZERO - 1 - key : KEY_ZERO + key;
}

/* From its bounds l and u: 2 l u / (l + u), which is as far from the one as from the other,
 * relatively. */
static double number_of(uint32_t key)
{
	uint32_t magnitude = key < KEY_ZERO ? KEY_ZERO - 1 - key : key - KEY_ZERO;
	uint64_t bits = (uint64_t)magnitude << COUNT_BITS;
	double step = magnitude & ((1 << MANTISSA_BITS) - 1), low;

	if (key == KEY_ZERO)
		return 0;
	memcpy(&low, &bits, sizeof(low));
	low *= 2 * (65 + step) / (129 + 2 * step);
	return key < KEY_ZERO ? -low : low;
}

static uint32_t bin_key(uint64_t bin)
{
	return (uint32_t)(bin >> COUNT_BITS);
}

static uint64_t bin_count(uint64_t bin)
{
	return bin & COUNT_MAX;
}

static uint64_t bin_of(uint32_t key, uint64_t count)
{
	return (uint64_t)key << COUNT_BITS | count;
}

static void bin_add(uint64_t *bin, uint64_t count)
{
	uint64_t room = COUNT_MAX - bin_count(*bin);

	*bin += count < room ? count : room;
}

/* ---- memory ---- */

static size_t heap_bytes(uint32_t capacity)
{
	return sizeof(struct ddsketch) + capacity * sizeof(uint64_t);
}

static void resize(struct ddsketch **sketch, uint32_t capacity, size_t *memory)
{
	bool is_new = *sketch == NULL;
	size_t old_bytes = is_new ? 0 : heap_bytes((*sketch)->capacity);

	*sketch = mem_grow(*sketch, heap_bytes(capacity), 1);
	if (is_new)
		(*sketch)->count = 0;
	(*sketch)->capacity = capacity;
	if (memory != NULL)
		*memory += heap_bytes(capacity) - old_bytes;
}

static void reserve(struct ddsketch **sketch, uint32_t count, size_t *memory)
{
	uint32_t old = *sketch == NULL ? 0 : (*sketch)->capacity, capacity = old + old / 2;

	if (count <= old)
		return;
	if (capacity < BINS_MIN)
		capacity = BINS_MIN;
	if (capacity > CAPACITY_MAX)
		capacity = CAPACITY_MAX;
	if (capacity < count)
		capacity = count;
	resize(sketch, capacity, memory);
}

void ddsketch_free(struct ddsketch **sketch, size_t *memory)
{
	if (*sketch == NULL)
		return;
	if (memory != NULL)
		*memory -= heap_bytes((*sketch)->capacity);
	mem_free(*sketch);
	*sketch = NULL;
}

/* Index of the first bin from `key` on; without a branch, for numbers come in no order. */
static uint32_t find_bin(const struct ddsketch *sketch, uint32_t key)
{
	uint64_t wanted = bin_of(key, 0);
	uint32_t first = 0, length = sketch->count;

	while (length > 1) {
		uint32_t half = length / 2;

		first += sketch->bins[first + half - 1] < wanted ? half : 0;
		length -= half;
	}
	return first + (length == 1 && sketch->bins[first] < wanted);
}

/* ---- the bound: of each sign the bins of the greatest magnitudes stay, and the least of them
 * takes what is below it. These are the greatest keys of all that were ever added, so it does not
 * matter when the others were folded. ---- */

static void fold_positive(struct ddsketch *sketch, uint32_t first, uint32_t excess)
{
	uint32_t last = first + excess;

	for (uint32_t i = first; i < last; i++)
		bin_add(&sketch->bins[last], bin_count(sketch->bins[i]));
	memmove(&sketch->bins[first], &sketch->bins[last],
		(sketch->count - last) * sizeof(uint64_t));
	sketch->count -= excess;
}

static void fold_negative(struct ddsketch *sketch, uint32_t excess)
{
	uint32_t end = DDSKETCH_BINS_MAX + excess;

	for (uint32_t i = DDSKETCH_BINS_MAX; i < end; i++)
		bin_add(&sketch->bins[DDSKETCH_BINS_MAX - 1], bin_count(sketch->bins[i]));
	memmove(&sketch->bins[DDSKETCH_BINS_MAX], &sketch->bins[end],
		(sketch->count - end) * sizeof(uint64_t));
	sketch->count -= excess;
}

static void keep_bound(struct ddsketch **at, size_t *memory)
{
	struct ddsketch *sketch = *at;
	uint32_t first, negatives;

	if (sketch->count <= DDSKETCH_BINS_MAX)
		return;
	first = find_bin(sketch, KEY_ZERO + 1);
	if (sketch->count - first > DDSKETCH_BINS_MAX)
		fold_positive(sketch, first, sketch->count - first - DDSKETCH_BINS_MAX);
	negatives = find_bin(sketch, KEY_ZERO);
	if (negatives > DDSKETCH_BINS_MAX)
		fold_negative(sketch, negatives - DDSKETCH_BINS_MAX);
	if (sketch->capacity > CAPACITY_MAX)
		resize(at, CAPACITY_MAX, memory);
}

/* ---- adding ---- */

void ddsketch_add(struct ddsketch **sketch, double number, size_t *memory)
{
	uint32_t key = key_of(number), at = 0, count = 0;

	if (*sketch != NULL) {
		count = (*sketch)->count;
		at = find_bin(*sketch, key);
		if (at < count && bin_key((*sketch)->bins[at]) == key) {
			bin_add(&(*sketch)->bins[at], 1);
			return;
		}
	}
	reserve(sketch, count + 1, memory);
	memmove(&(*sketch)->bins[at + 1], &(*sketch)->bins[at], (count - at) * sizeof(uint64_t));
	(*sketch)->bins[at] = bin_of(key, 1);
	(*sketch)->count++;
	keep_bound(sketch, memory);
}

static uint32_t count_new(const struct ddsketch *into, const struct ddsketch *from)
{
	uint32_t at = 0, count = 0;

	for (uint32_t i = 0; i < from->count; i++) {
		uint32_t key = bin_key(from->bins[i]);

		while (at < into->count && bin_key(into->bins[at]) < key)
			at++;
		count += at == into->count || bin_key(into->bins[at]) != key;
	}
	return count;
}

/* `into` has room for `count` bins, as many as there will be. From the end, so that nothing is
 * overwritten before it was read. */
static void merge_bins(struct ddsketch *into, const struct ddsketch *from, uint32_t count)
{
	uint32_t left = into->count, other = from->count, to = count;
	uint64_t *bins = into->bins;

	into->count = count;
	while (other > 0) {
		uint64_t bin = from->bins[other - 1];

		if (left > 0 && bin_key(bins[left - 1]) > bin_key(bin)) {
			bins[--to] = bins[--left];
			continue;
		}
		other--;
		if (left > 0 && bin_key(bins[left - 1]) == bin_key(bin)) {
			bins[--to] = bins[--left];
			bin_add(&bins[to], bin_count(bin));
		} else {
			bins[--to] = bin;
		}
	}
}

void ddsketch_merge(struct ddsketch **into, const struct ddsketch *from, size_t *memory)
{
	uint32_t count;

	if (from == NULL || from->count == 0)
		return;
	if (*into == NULL) {
		reserve(into, from->count, memory);
		memcpy((*into)->bins, from->bins, from->count * sizeof(uint64_t));
		(*into)->count = from->count;
		return;
	}
	count = (*into)->count + count_new(*into, from);
	reserve(into, count, memory);
	merge_bins(*into, from, count);
	keep_bound(into, memory);
}

/* ---- answers ---- */

uint64_t ddsketch_total(const struct ddsketch *sketch)
{
	uint64_t total = 0;

	for (uint32_t i = 0; sketch != NULL && i < sketch->count; i++)
		total += bin_count(sketch->bins[i]);
	return total;
}

double ddsketch_at_rank(const struct ddsketch *sketch, uint64_t rank)
{
	uint32_t at = 0;

	for (uint64_t seen = bin_count(sketch->bins[0]); seen < rank && at + 1 < sketch->count;
	     seen += bin_count(sketch->bins[at]))
		at++;
	return number_of(bin_key(sketch->bins[at]));
}

/* ---- stored: count of bins, then of each the distance of its key from the one before, and its
 * count; all LEB128 ---- */

void ddsketch_encode(const struct ddsketch *sketch, struct bytes *out)
{
	uint32_t count = sketch == NULL ? 0 : sketch->count, before = 0;
	char *at;

	bytes_reserve(out, VARINT_BYTES_MAX + count * 2 * VARINT_BYTES_MAX);
	at = varint_put(out->data + out->length, count);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t key = bin_key(sketch->bins[i]);

		at = varint_put(at, key - before);
		at = varint_put(at, bin_count(sketch->bins[i]));
		before = key;
	}
	out->length = (size_t)(at - out->data);
	out->data[out->length] = '\0';
}

static bool is_key(uint64_t key)
{
	return key == KEY_ZERO || (key >= KEY_LEAST && key <= KEY_GREATEST) ||
	       (key <= KEY_ZERO - 1 - (KEY_LEAST - KEY_ZERO) &&
		key >= KEY_ZERO - 1 - (KEY_GREATEST - KEY_ZERO));
}

static bool decode_bins(struct byte_reader *reader, uint64_t count, struct ddsketch *sketch)
{
	uint64_t key = 0;

	for (uint64_t i = 0; i < count; i++) {
		uint64_t distance = varint_read(reader), readings = varint_read(reader);

		if (reader->has_failed || distance == 0 || distance > KEY_GREATEST ||
		    readings == 0 || readings > COUNT_MAX || !is_key(key + distance))
			return false;
		key += distance;
		sketch->bins[sketch->count++] = bin_of((uint32_t)key, readings);
	}
	return find_bin(sketch, KEY_ZERO) <= DDSKETCH_BINS_MAX &&
	       sketch->count - find_bin(sketch, KEY_ZERO + 1) <= DDSKETCH_BINS_MAX;
}

int ddsketch_decode(struct byte_reader *reader, struct ddsketch **sketch, size_t *memory)
{
	uint64_t count = varint_read(reader);

	/* Two bytes of each bin at least: no more is taken than what came is worth. */
	if (reader->has_failed || count > CAPACITY_MAX || count > reader->left / 2)
		return ERR_CORRUPT;
	if (count == 0)
		return 0;
	reserve(sketch, (uint32_t)count, memory);
	if (decode_bins(reader, count, *sketch))
		return 0;
	ddsketch_free(sketch, memory);
	return ERR_CORRUPT;
}
