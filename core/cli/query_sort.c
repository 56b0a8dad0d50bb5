#include "core/cli/query_sort.h"

#include <endian.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/number.h"
#include "core/cli/query_table.h"
#include "core/model/value.h"

enum {
	FEW_ROWS = 40,   /**< sorted by comparing */
	CHUNK_BYTES = 8, /**< of a key, at a time */
};

#define SIGN_BIT (1ull << 63)

struct entry {
	uint64_t chunk; /**< the bytes of the key that are looked at, as a number */
	uint32_t row;
};

struct query_sorter {
	struct bytes keys;
	uint32_t *ends; /**< [row] of its key in `keys` */
	struct entry *entries;
	struct entry *others; /**< the other half of each pass */
	uint32_t *order;
	uint32_t capacity;
	uint32_t counts[CHUNK_BYTES][256];
};

struct query_sorter *query_sorter_new(void)
{
	return mem_alloc(sizeof(struct query_sorter));
}

static void sorter_clear(struct query_sorter *sorter)
{
	mem_free(sorter->ends);
	mem_free(sorter->entries);
	mem_free(sorter->others);
	mem_free(sorter->order);
	sorter->capacity = 0;
}

void query_sorter_free(struct query_sorter *sorter)
{
	if (!sorter)
		return;
	sorter_clear(sorter);
	bytes_deinit(&sorter->keys);
	mem_free(sorter);
}

static void sorter_reserve(struct query_sorter *sorter, uint32_t count)
{
	if (count <= sorter->capacity)
		return;
	sorter_clear(sorter);
	sorter->ends = mem_alloc_array(count, sizeof(*sorter->ends));
	sorter->entries = mem_alloc_array(count, sizeof(*sorter->entries));
	sorter->others = mem_alloc_array(count, sizeof(*sorter->others));
	sorter->order = mem_alloc_array(count, sizeof(*sorter->order));
	sorter->capacity = count;
}

/* ---- keys whose bytes have the order ---- */

/** Strings end with 00 00; a NUL in one is 00 01. */
static void append_string(struct bytes *out, struct slice text)
{
	const char *nul;
	while (text.length > 0 && (nul = memchr(text.data, '\0', text.length)) != NULL) {
		size_t length = (size_t)(nul - text.data) + 1;
		bytes_append(out, text.data, length);
		bytes_append_char(out, '\1');
		text = (struct slice){text.data + length, text.length - length};
	}
	bytes_append_slice(out, text);
	bytes_append(out, "\0", 2);
}

/** The nearest double, and what an integer is beyond it. */
static void append_number(struct bytes *out, unsigned type, struct slice text)
{
	double number = 0;
	uint64_t bits, rest = 0;
	int64_t integer;
	if (type == VALUE_INT && number_parse_int(text, &integer) == 0) {
		number = (double)integer;
		rest = (uint64_t)((__int128)integer - (__int128)number);
	} else {
		number_parse(text, &number);
	}
	memcpy(&bits, &number, sizeof(bits));
	bytes_append_be64(out, bits & SIGN_BIT ? ~bits : bits | SIGN_BIT);
	bytes_append_be64(out, rest ^ SIGN_BIT);
}

void query_sort_key(struct slice key, struct bytes *out)
{
	struct byte_reader reader = byte_reader_of(key);
	while (reader.left > 0) {
		unsigned type = byte_reader_u8(&reader);
		struct slice text = byte_reader_bytes(&reader, byte_reader_be16(&reader));
		bool is_number = type == VALUE_INT || type == VALUE_FLOAT;
		bytes_append_u8(out, (uint8_t)(is_number ? (unsigned)VALUE_INT : type));
		if (is_number)
			append_number(out, type, text);
		else if (type == VALUE_BOOL)
			bytes_append_u8(out, text.length == sizeof("true") - 1);
		else if (type == VALUE_STRING)
			append_string(out, text);
	}
}

/* ---- sorting ---- */

static struct slice key_of(const struct query_sorter *sorter, uint32_t row)
{
	uint32_t start = row ? sorter->ends[row - 1] : 0;
	return (struct slice){sorter->keys.data + start, sorter->ends[row] - start};
}

static uint64_t chunk_of(struct slice key, size_t at)
{
	uint64_t chunk = 0;
	if (at < key.length)
		memcpy(&chunk, key.data + at,
		       key.length - at < CHUNK_BYTES ? key.length - at : CHUNK_BYTES);
	return be64toh(chunk);
}

static struct slice key_rest(struct slice key, size_t at)
{
	at = at < key.length ? at : key.length;
	return (struct slice){key.data + at, key.length - at};
}

static bool entry_is_before(const struct query_sorter *sorter, const struct entry *a,
			    const struct entry *b, size_t at)
{
	if (a->chunk != b->chunk)
		return a->chunk < b->chunk;
	return slice_compare(key_rest(key_of(sorter, a->row), at + CHUNK_BYTES),
			     key_rest(key_of(sorter, b->row), at + CHUNK_BYTES)) < 0;
}

static void sort_few(const struct query_sorter *sorter, struct entry *entries, uint32_t count,
		     size_t at)
{
	for (uint32_t i = 1; i < count; i++) {
		struct entry moved = entries[i];
		uint32_t place = i;
		for (; place > 0 && entry_is_before(sorter, &moved, &entries[place - 1], at);
		     place--)
			entries[place] = entries[place - 1];
		entries[place] = moved;
	}
}

/** One pass by one byte of the chunks, from `from` to `to`. */
static void scatter(struct query_sorter *sorter, const struct entry *from, struct entry *to,
		    uint32_t count, unsigned byte)
{
	uint32_t *counts = sorter->counts[byte], place = 0;
	for (unsigned i = 0; i < 256; i++) {
		uint32_t bucket_count = counts[i];
		counts[i] = place;
		place += bucket_count;
	}
	for (uint32_t i = 0; i < count; i++)
		to[counts[from[i].chunk >> (8 * byte) & 255]++] = from[i];
}

/** Sorts entries by their chunks; passes by bytes that all have in common are left out. */
static void sort_chunks(struct query_sorter *sorter, struct entry *entries, uint32_t count)
{
	struct entry *from = entries, *to = sorter->others;
	memset(sorter->counts, 0, sizeof(sorter->counts));
	for (uint32_t i = 0; i < count; i++)
		for (unsigned byte = 0; byte < CHUNK_BYTES; byte++)
			sorter->counts[byte][entries[i].chunk >> (8 * byte) & 255]++;
	for (unsigned byte = 0; byte < CHUNK_BYTES; byte++) {
		if (sorter->counts[byte][from->chunk >> (8 * byte) & 255] == count)
			continue;
		scatter(sorter, from, to, count, byte);
		struct entry *swapped = from;
		from = to;
		to = swapped;
	}
	if (from != entries)
		memcpy(entries, from, count * sizeof(*entries));
}

static void sort_from(struct query_sorter *sorter, struct entry *entries, uint32_t count, size_t at)
{
	for (uint32_t i = 0; i < count; i++)
		entries[i].chunk = chunk_of(key_of(sorter, entries[i].row), at);
	if (count <= FEW_ROWS) {
		sort_few(sorter, entries, count, at);
		return;
	}
	sort_chunks(sorter, entries, count);
	for (uint32_t start = 0, end; start < count; start = end) {
		for (end = start + 1; end < count && entries[end].chunk == entries[start].chunk;)
			end++;
		/* No key is the beginning of another: all of these go on, or they are the same. */
		if (end - start > 1 && key_of(sorter, entries[start].row).length > at + CHUNK_BYTES)
			sort_from(sorter, entries + start, end - start, at + CHUNK_BYTES);
	}
}

const uint32_t *query_sort(struct query_sorter *sorter, const struct query_row *rows,
			   uint32_t count)
{
	bool has_starts = false;
	sorter_reserve(sorter, count);
	bytes_clear(&sorter->keys);
	for (uint32_t i = 1; i < count && !has_starts; i++)
		has_starts = rows[i].start_ms != rows[0].start_ms;
	for (uint32_t i = 0; i < count; i++) {
		if (has_starts)
			bytes_append_be64(&sorter->keys, (uint64_t)rows[i].start_ms ^ SIGN_BIT);
		query_sort_key(rows[i].key, &sorter->keys);
		sorter->ends[i] = (uint32_t)sorter->keys.length;
		sorter->entries[i].row = i;
	}
	sort_from(sorter, sorter->entries, count, 0);
	for (uint32_t i = 0; i < count; i++)
		sorter->order[i] = sorter->entries[i].row;
	return sorter->order;
}
