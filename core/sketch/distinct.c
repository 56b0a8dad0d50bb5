/* A set of hashes with linear probing, 8 to 512 slots at most three quarters full, until there are
 * too many; then a byte for each register:
 *
 *     hash      | register, 12 bits | 52 bits: place of the first 1 is its rank, 1 to 53 |
 *
 * A slot of 0 is empty, so the hash 0 counts as 1.
 */
#include "core/sketch/distinct.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/base/mem.h"

enum {
	SLOTS_MIN = 8,
	RANK_BITS = 64 - DISTINCT_PRECISION,
	RANK_MAX = RANK_BITS + 1,
	PACKED_BITS = 6, /* RANK_MAX is below 2^6 */
	PACKED_BYTES = DISTINCT_REGISTERS * PACKED_BITS / 8,
	IS_DENSE = 0xFFFF, /* in the place of the count of stored hashes */
};

struct distinct {
	uint32_t count;      /**< hashes in the slots */
	uint32_t slot_count; /**< 0: registers */
	union {
		uint64_t slots[DISTINCT_REGISTERS / 8];
		uint8_t registers[DISTINCT_REGISTERS];
	} as;
};

static_assert(sizeof(struct distinct) == DISTINCT_BYTES_MAX, "the bound that is stated");

static size_t heap_bytes(const struct distinct *sketch)
{
	size_t head = offsetof(struct distinct, as);

	return head + (sketch->slot_count == 0 ? DISTINCT_REGISTERS
					       : sketch->slot_count * sizeof(uint64_t));
}

static struct distinct *make(uint32_t slot_count, size_t *memory)
{
	struct distinct head = {.slot_count = slot_count};
	struct distinct *sketch = mem_alloc(heap_bytes(&head));

	sketch->slot_count = slot_count;
	if (memory != NULL)
		*memory += heap_bytes(sketch);
	return sketch;
}

void distinct_free(struct distinct **sketch, size_t *memory)
{
	if (*sketch == NULL)
		return;
	if (memory != NULL)
		*memory -= heap_bytes(*sketch);
	mem_free(*sketch);
	*sketch = NULL;
}

static void add_register(struct distinct *sketch, uint64_t hash)
{
	uint64_t rest = hash << DISTINCT_PRECISION;
	uint8_t rank = (uint8_t)(rest == 0 ? RANK_MAX : __builtin_clzll(rest) + 1);
	uint8_t *at = &sketch->as.registers[hash >> RANK_BITS];

	if (rank > *at)
		*at = rank;
}

/* Where the hash is, or the empty slot where it belongs. */
static uint64_t *find_slot(struct distinct *sketch, uint64_t hash)
{
	uint32_t mask = sketch->slot_count - 1;
	uint32_t at = (uint32_t)hash & mask;

	while (sketch->as.slots[at] != 0 && sketch->as.slots[at] != hash)
		at = (at + 1) & mask;
	return &sketch->as.slots[at];
}

/* Everything into twice the slots, or into registers. */
static void grow(struct distinct **sketch, size_t *memory)
{
	struct distinct *old = *sketch;
	bool is_full = old->count == DISTINCT_EXACT_MAX;
	struct distinct *grown = make(is_full ? 0 : old->slot_count * 2, memory);

	grown->count = is_full ? 0 : old->count;
	for (uint32_t i = 0; i < old->slot_count; i++) {
		uint64_t hash = old->as.slots[i];

		if (hash == 0)
			continue;
		if (is_full)
			add_register(grown, hash);
		else
			*find_slot(grown, hash) = hash;
	}
	distinct_free(sketch, memory);
	*sketch = grown;
}

void distinct_add(struct distinct **sketch, uint64_t hash, size_t *memory)
{
	uint64_t *slot;

	hash += hash == 0;
	if (*sketch == NULL)
		*sketch = make(SLOTS_MIN, memory);
	if ((*sketch)->slot_count == 0) {
		add_register(*sketch, hash);
		return;
	}
	slot = find_slot(*sketch, hash);
	if (*slot != 0)
		return;
	if ((*sketch)->count == (*sketch)->slot_count / 4 * 3) {
		grow(sketch, memory);
		distinct_add(sketch, hash, memory);
		return;
	}
	*slot = hash;
	(*sketch)->count++;
}

/* Registers of both; `into` must have some. */
static void merge_registers(struct distinct *into, const struct distinct *from)
{
	for (uint32_t i = 0; i < DISTINCT_REGISTERS; i++) {
		uint8_t other = from->as.registers[i];

		into->as.registers[i] =
			into->as.registers[i] < other ? other : into->as.registers[i];
	}
}

static struct distinct *copy(const struct distinct *from, size_t *memory)
{
	struct distinct *sketch = make(from->slot_count, memory);

	memcpy(sketch, from, heap_bytes(from));
	return sketch;
}

void distinct_merge(struct distinct **into, const struct distinct *from, size_t *memory)
{
	if (from == NULL)
		return;
	if (*into == NULL) {
		*into = copy(from, memory);
		return;
	}
	if (from->slot_count > 0) {
		for (uint32_t i = 0; i < from->slot_count; i++)
			if (from->as.slots[i] != 0)
				distinct_add(into, from->as.slots[i], memory);
		return;
	}
	if ((*into)->slot_count > 0) {
		struct distinct *merged = copy(from, memory);

		for (uint32_t i = 0; i < (*into)->slot_count; i++)
			if ((*into)->as.slots[i] != 0)
				add_register(merged, (*into)->as.slots[i]);
		distinct_free(into, memory);
		*into = merged;
		return;
	}
	merge_registers(*into, from);
}

/* sigma and tau of Ertl 2017: power series that end when a term is lost in rounding. */
static double sigma(double x)
{
	double power = 1, sum = x, before;

	if (x >= 1)
		return INFINITY;
	do {
		x *= x;
		before = sum;
		sum += x * power;
		power += power;
	} while (sum != before);
	return sum;
}

static double tau(double x)
{
	double power = 1, sum = 1 - x, before;

	if (x <= 0 || x >= 1)
		return 0;
	do {
		x = sqrt(x);
		before = sum;
		power *= 0.5;
		sum -= (1 - x) * (1 - x) * power;
	} while (sum != before);
	return sum / 3;
}

/* Algorithm 6 there: the registers by value, from the greatest down. */
static double estimate(const uint8_t *registers)
{
	const double m = DISTINCT_REGISTERS;
	uint32_t histogram[RANK_MAX + 1] = {0};
	double sum;

	for (uint32_t i = 0; i < DISTINCT_REGISTERS; i++)
		histogram[registers[i]]++;
	sum = m * tau(1 - histogram[RANK_MAX] / m);
	for (uint32_t rank = RANK_BITS; rank >= 1; rank--)
		sum = 0.5 * (sum + histogram[rank]);
	sum += m * sigma(histogram[0] / m);
	return m * m / (2 * M_LN2) / sum;
}

double distinct_count(const struct distinct *sketch)
{
	if (sketch == NULL)
		return 0;
	if (sketch->slot_count > 0)
		return sketch->count;
	/* There are so many, whatever the registers say; and it is a count. */
	return fmin(fmax(round(estimate(sketch->as.registers)), DISTINCT_EXACT_MAX + 1), 0x1p64);
}

/* ---- stored ---- */

static int compare_hashes(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void encode_hashes(const struct distinct *sketch, struct bytes *out)
{
	uint64_t hashes[DISTINCT_EXACT_MAX];
	uint32_t count = 0;

	for (uint32_t i = 0; i < sketch->slot_count; i++)
		if (sketch->as.slots[i] != 0)
			hashes[count++] = sketch->as.slots[i];
	qsort(hashes, count, sizeof(hashes[0]), compare_hashes);
	bytes_append_be16(out, (uint16_t)count);
	for (uint32_t i = 0; i < count; i++)
		bytes_append_be64(out, hashes[i]);
}

static void encode_registers(const struct distinct *sketch, struct bytes *out)
{
	const uint8_t *at = sketch->as.registers;
	unsigned char packed[PACKED_BYTES], *to = packed;

	for (uint32_t i = 0; i < DISTINCT_REGISTERS; i += 4, at += 4, to += 3) {
		to[0] = (unsigned char)(at[0] << 2 | at[1] >> 4);
		to[1] = (unsigned char)(at[1] << 4 | at[2] >> 2);
		to[2] = (unsigned char)(at[2] << 6 | at[3]);
	}
	bytes_append_be16(out, IS_DENSE);
	bytes_append(out, packed, sizeof(packed));
}

void distinct_encode(const struct distinct *sketch, struct bytes *out)
{
	if (sketch == NULL)
		bytes_append_be16(out, 0);
	else if (sketch->slot_count > 0)
		encode_hashes(sketch, out);
	else
		encode_registers(sketch, out);
}

static int decode_registers(struct byte_reader *reader, struct distinct **out, size_t *memory)
{
	struct slice packed = byte_reader_bytes(reader, PACKED_BYTES);
	const unsigned char *from = (const unsigned char *)packed.data;
	uint8_t *at, greatest = 0;

	if (reader->has_failed)
		return ERR_CORRUPT;
	*out = make(0, memory);
	at = (*out)->as.registers;
	for (uint32_t i = 0; i < DISTINCT_REGISTERS; i += 4, at += 4, from += 3) {
		at[0] = from[0] >> 2;
		at[1] = (uint8_t)((from[0] << 4 | from[1] >> 4) & 63);
		at[2] = (uint8_t)((from[1] << 2 | from[2] >> 6) & 63);
		at[3] = from[2] & 63;
	}
	for (uint32_t i = 0; i < DISTINCT_REGISTERS; i++)
		if ((*out)->as.registers[i] > greatest)
			greatest = (*out)->as.registers[i];
	if (greatest <= RANK_MAX)
		return 0;
	distinct_free(out, memory);
	return ERR_CORRUPT;
}

int distinct_decode(struct byte_reader *reader, struct distinct **sketch, size_t *memory)
{
	uint32_t count = byte_reader_be16(reader);
	uint64_t before = 0;

	if (count == IS_DENSE)
		return decode_registers(reader, sketch, memory);
	for (uint32_t i = 0; i < count && count <= DISTINCT_EXACT_MAX; i++) {
		uint64_t hash = byte_reader_be64(reader);

		if (hash <= before)
			reader->has_failed = true;
		if (reader->has_failed)
			break;
		distinct_add(sketch, hash, memory);
		before = hash;
	}
	if (!reader->has_failed && count <= DISTINCT_EXACT_MAX)
		return 0;
	distinct_free(sketch, memory);
	return ERR_CORRUPT;
}
