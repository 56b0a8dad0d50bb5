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

static void reserve(struct ddsketch **sketch, uint32_t count, size_t *memory)
{
	uint32_t old = *sketch == NULL ? 0 : (*sketch)->capacity, capacity = old + old / 2;
	bool is_new = *sketch == NULL;

	if (!is_new && count <= old)
		return;
	if (capacity < BINS_MIN)
		capacity = BINS_MIN;
	if (capacity > 2 * DDSKETCH_BINS_MAX + 1)
		capacity = 2 * DDSKETCH_BINS_MAX + 1;
	if (capacity < count)
		capacity = count;
	*sketch = mem_grow(*sketch, heap_bytes(capacity), 1);
	if (is_new)
		(*sketch)->count = 0;
	(*sketch)->capacity = capacity;
	if (memory != NULL)
		*memory += heap_bytes(capacity) - (is_new ? 0 : heap_bytes(old));
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

/* ---- the bound ---- */

/* The keys that a sketch may have: from these two outwards, and KEY_ZERO. */
struct reach {
	uint32_t negative; /* the greatest key of a negative number */
	uint32_t positive; /* the least of a positive one */
};

/* Of a sketch whose keys are from `least` to `greatest`. */
static struct reach reach_of(uint32_t least, uint32_t greatest)
{
	struct reach reach = {KEY_ZERO - 1, KEY_ZERO + 1};

	if (least < KEY_ZERO - DDSKETCH_BINS_MAX)
		reach.negative = least + DDSKETCH_BINS_MAX - 1;
	if (greatest > KEY_ZERO + DDSKETCH_BINS_MAX)
		reach.positive = greatest - DDSKETCH_BINS_MAX + 1;
	return reach;
}

static uint32_t least_key(const struct ddsketch *sketch)
{
	return bin_key(sketch->bins[0]);
}

static uint32_t greatest_key(const struct ddsketch *sketch)
{
	return bin_key(sketch->bins[sketch->count - 1]);
}

static uint32_t within(const struct reach *reach, uint32_t key)
{
	if (key < KEY_ZERO)
		return key < reach->negative ? key : reach->negative;
	if (key > KEY_ZERO)
		return key > reach->positive ? key : reach->positive;
	return key;
}

/* Bins out of reach are added to the nearest within. Keys stay in their order, so those that become
 * one are neighbours. */
static void collapse(struct ddsketch *sketch, const struct reach *reach)
{
	uint32_t kept = 0;

	if (reach->negative == KEY_ZERO - 1 && reach->positive == KEY_ZERO + 1)
		return;
	for (uint32_t i = 0; i < sketch->count; i++) {
		uint64_t bin = sketch->bins[i];
		uint32_t key = within(reach, bin_key(bin));

		if (kept > 0 && bin_key(sketch->bins[kept - 1]) == key)
			bin_add(&sketch->bins[kept - 1], bin_count(bin));
		else
			sketch->bins[kept++] = bin_of(key, bin_count(bin));
	}
	sketch->count = kept;
}

/* ---- adding ---- */

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

/* A bin for a key that is not there. */
static void insert(struct ddsketch **sketch, uint32_t key, size_t *memory)
{
	uint32_t count = *sketch == NULL ? 0 : (*sketch)->count, at;

	reserve(sketch, count + 1, memory);
	at = find_bin(*sketch, key);
	memmove(&(*sketch)->bins[at + 1], &(*sketch)->bins[at], (count - at) * sizeof(uint64_t));
	(*sketch)->bins[at] = bin_of(key, 1);
	(*sketch)->count++;
}

static bool add_to_bin(struct ddsketch *sketch, uint32_t key)
{
	uint32_t at = find_bin(sketch, key);

	if (at == sketch->count || bin_key(sketch->bins[at]) != key)
		return false;
	bin_add(&sketch->bins[at], 1);
	return true;
}

static uint32_t least_of(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t greatest_of(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

void ddsketch_add(struct ddsketch **sketch, double number, size_t *memory)
{
	uint32_t key = key_of(number);

	if (*sketch != NULL) {
		if (add_to_bin(*sketch, key))
			return;
		struct reach reach = reach_of(least_of(least_key(*sketch), key),
					      greatest_of(greatest_key(*sketch), key));

		collapse(*sketch, &reach);
		key = within(&reach, key);
		if (add_to_bin(*sketch, key))
			return;
	}
	insert(sketch, key, memory);
}

/* Keys of `from`, once they are within reach, that `into` has not. */
static uint32_t count_new(const struct ddsketch *into, const struct ddsketch *from,
			  const struct reach *reach)
{
	uint32_t at = 0, count = 0, before = UINT32_MAX;

	for (uint32_t i = 0; i < from->count; i++) {
		uint32_t key = within(reach, bin_key(from->bins[i]));

		while (at < into->count && bin_key(into->bins[at]) < key)
			at++;
		count += key != before && (at == into->count || bin_key(into->bins[at]) != key);
		before = key;
	}
	return count;
}

/* `into` has room for `count` bins, as many as there will be. From the end, so that nothing is
 * overwritten before it was read. */
static void merge_bins(struct ddsketch *into, const struct ddsketch *from,
		       const struct reach *reach, uint32_t count)
{
	uint32_t left = into->count, other = from->count, to = count;
	uint64_t *bins = into->bins;

	into->count = count;
	while (other > 0) {
		uint64_t bin = from->bins[other - 1];
		uint32_t key = within(reach, bin_key(bin));

		if (to < count && bin_key(bins[to]) == key) {
			bin_add(&bins[to], bin_count(bin));
			other--;
		} else if (left > 0 && bin_key(bins[left - 1]) >= key) {
			bins[--to] = bins[--left];
		} else {
			bins[--to] = bin_of(key, bin_count(bin));
			other--;
		}
	}
}

void ddsketch_merge(struct ddsketch **into, const struct ddsketch *from, size_t *memory)
{
	struct reach reach;
	uint32_t count;

	if (from == NULL)
		return;
	if (*into == NULL) {
		reserve(into, from->count, memory);
		memcpy((*into)->bins, from->bins, from->count * sizeof(uint64_t));
		(*into)->count = from->count;
		return;
	}
	reach = reach_of(least_of(least_key(*into), least_key(from)),
			 greatest_of(greatest_key(*into), greatest_key(from)));
	collapse(*into, &reach);
	count = (*into)->count + count_new(*into, from, &reach);
	reserve(into, count, memory);
	merge_bins(*into, from, &reach, count);
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
	struct reach reach = reach_of(least_key(sketch), greatest_key(sketch));
	collapse(sketch, &reach);
	return sketch->count == count; /* else some were out of reach */
}

int ddsketch_decode(struct byte_reader *reader, struct ddsketch **sketch, size_t *memory)
{
	uint64_t count = varint_read(reader);

	/* Two bytes of each bin at least: no more is taken than what came is worth. */
	if (reader->has_failed || count > 2 * DDSKETCH_BINS_MAX + 1 || count > reader->left / 2)
		return ERR_CORRUPT;
	if (count == 0)
		return 0;
	reserve(sketch, (uint32_t)count, memory);
	if (decode_bins(reader, count, *sketch))
		return 0;
	ddsketch_free(sketch, memory);
	return ERR_CORRUPT;
}
