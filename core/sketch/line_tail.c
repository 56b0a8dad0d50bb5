#include "core/sketch/line_tail.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/require.h"

#define IS_CUT (1u << 15)

enum { CHARACTER_BYTES_MAX = 4 };

struct line_tail {
	uint32_t count;
	uint32_t capacity;
	struct tail_line *lines[]; /**< [capacity], oldest first */
};

_Static_assert((unsigned)LINE_TAIL_BYTES_MAX < IS_CUT, "length and mark share two bytes");

static void count_memory(size_t *memory, size_t taken, size_t given)
{
	if (memory != NULL)
		*memory += taken - given;
}

static size_t tail_bytes(uint32_t capacity)
{
	return sizeof(struct line_tail) + capacity * sizeof(struct tail_line *);
}

static size_t line_bytes(const struct tail_line *line)
{
	return sizeof(*line) + line->length;
}

static struct line_tail *make_tail(uint32_t max, size_t *memory)
{
	struct line_tail *tail = mem_alloc(tail_bytes(max));

	REQUIRE(max > 0 && max <= LINE_TAIL_MAX);
	tail->capacity = max;
	count_memory(memory, tail_bytes(max), 0);
	return tail;
}

static struct tail_line *make_line(int64_t time_ms, struct slice text, bool is_cut, size_t *memory)
{
	struct tail_line *line = mem_grow(NULL, sizeof(*line) + text.length, 1);

	*line = (struct tail_line){.time_ms = time_ms,
				   .reference_count = 1,
				   .length = (uint16_t)text.length,
				   .is_cut = is_cut};
	if (text.length > 0)
		memcpy(line->text, text.data, text.length);
	count_memory(memory, line_bytes(line), 0);
	return line;
}

static void free_line(struct tail_line *line, size_t *memory)
{
	count_memory(memory, 0, line_bytes(line));
	/* Whoever frees must be the last who reads. */
	if (__atomic_sub_fetch(&line->reference_count, 1, __ATOMIC_ACQ_REL) == 0)
		mem_free(line);
}

static struct tail_line *share_line(struct tail_line *line, size_t *memory)
{
	__atomic_add_fetch(&line->reference_count, 1, __ATOMIC_RELAXED);
	count_memory(memory, line_bytes(line), 0);
	return line;
}

/* A character that begins within the limit and ends beyond it goes as a whole. Bytes that are no
 * characters are cut at the limit. */
static size_t cut_length(struct slice line)
{
	size_t length = LINE_TAIL_BYTES_MAX;

	while (length > LINE_TAIL_BYTES_MAX - CHARACTER_BYTES_MAX &&
	       ((unsigned char)line.data[length] & 0xC0) == 0x80)
		length--;
	return length > LINE_TAIL_BYTES_MAX - CHARACTER_BYTES_MAX ? length : LINE_TAIL_BYTES_MAX;
}

void line_tail_add(struct line_tail **place, uint32_t max, int64_t time_ms, struct slice line,
		   size_t *memory)
{
	bool is_cut = line.length > LINE_TAIL_BYTES_MAX;
	struct line_tail *tail = *place;
	uint32_t at;

	if (tail == NULL)
		tail = *place = make_tail(max, memory);
	REQUIRE(tail->capacity == max);
	for (at = tail->count; at > 0 && tail->lines[at - 1]->time_ms > time_ms;)
		at--;
	if (tail->count < max) {
		memmove(&tail->lines[at + 1], &tail->lines[at],
			(tail->count++ - at) * sizeof(tail->lines[0]));
	} else {
		if (at == 0)
			return;
		free_line(tail->lines[0], memory);
		memmove(&tail->lines[0], &tail->lines[1], --at * sizeof(tail->lines[0]));
	}
	if (is_cut)
		line.length = cut_length(line);
	tail->lines[at] = make_line(time_ms, line, is_cut, memory);
}

void line_tail_merge(struct line_tail **place, const struct line_tail *from, uint32_t max,
		     size_t *memory)
{
	struct tail_line *merged[LINE_TAIL_MAX];
	struct line_tail *into = *place;
	uint32_t mine, other = line_tail_count(from), count = 0;

	if (other == 0)
		return;
	if (into == NULL)
		into = *place = make_tail(max, memory);
	REQUIRE(into->capacity == max);
	/* From the newest on; of one time, what comes with `from` was added later. */
	for (mine = into->count; count < max && mine + other > 0; count++) {
		struct tail_line *line = other > 0 ? from->lines[other - 1] : NULL;

		if (line == NULL || (mine > 0 && into->lines[mine - 1]->time_ms > line->time_ms)) {
			merged[count] = into->lines[--mine];
			continue;
		}
		other--;
		merged[count] = share_line(line, memory);
	}
	while (mine > 0)
		free_line(into->lines[--mine], memory);
	into->count = count;
	for (uint32_t i = 0; i < count; i++)
		into->lines[i] = merged[count - 1 - i];
}

uint32_t line_tail_count(const struct line_tail *tail)
{
	return tail != NULL ? tail->count : 0;
}

const struct tail_line *line_tail_at(const struct line_tail *tail, uint32_t index)
{
	REQUIRE(index < line_tail_count(tail));
	return tail->lines[index];
}

void line_tail_free(struct line_tail **place, size_t *memory)
{
	struct line_tail *tail = *place;

	if (tail == NULL)
		return;
	for (uint32_t i = 0; i < tail->count; i++)
		free_line(tail->lines[i], memory);
	count_memory(memory, 0, tail_bytes(tail->capacity));
	mem_free(tail);
	*place = NULL;
}

/* count (1), then for each: time (8), length and mark (2), bytes */
void line_tail_encode(const struct line_tail *tail, struct bytes *out)
{
	bytes_append_u8(out, (uint8_t)line_tail_count(tail));
	for (uint32_t i = 0; i < line_tail_count(tail); i++) {
		const struct tail_line *line = tail->lines[i];

		bytes_append_be64(out, (uint64_t)line->time_ms);
		bytes_append_be16(out, (uint16_t)(line->length | (line->is_cut ? IS_CUT : 0)));
		bytes_append(out, line->text, line->length);
	}
}

static bool decode_line(struct byte_reader *reader, struct line_tail *tail, size_t *memory)
{
	int64_t time_ms = (int64_t)byte_reader_be64(reader);
	uint16_t word = byte_reader_be16(reader);
	uint16_t length = (uint16_t)(word & ~IS_CUT);
	struct slice text;

	if (length > LINE_TAIL_BYTES_MAX ||
	    (tail->count > 0 && tail->lines[tail->count - 1]->time_ms > time_ms))
		return false;
	text = byte_reader_bytes(reader, length);
	if (reader->has_failed)
		return false;
	tail->lines[tail->count++] = make_line(time_ms, text, (word & IS_CUT) != 0, memory);
	return true;
}

int line_tail_decode(struct byte_reader *reader, uint32_t max, struct line_tail **place,
		     size_t *memory)
{
	uint32_t count = byte_reader_u8(reader);

	if (reader->has_failed || count > max)
		return ERR_CORRUPT;
	if (count > 0)
		*place = make_tail(max, memory);
	for (uint32_t i = 0; i < count; i++)
		if (!decode_line(reader, *place, memory)) {
			line_tail_free(place, memory);
			return ERR_CORRUPT;
		}
	return 0;
}
