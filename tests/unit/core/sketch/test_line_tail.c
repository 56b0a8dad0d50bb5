/* The expectation is a plain list of all lines, sorted by time and place: its end. */
#include "core/sketch/line_tail.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"

enum { LINES = 60 };

struct plain_line {
	int64_t time_ms;
	int place;
	char text[24];
};

static uint64_t next(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

static uint64_t seed_of_run(void)
{
	const char *text = getenv("TOCSIN_SEED");
	uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : 20260105;

	fprintf(stderr, "TOCSIN_SEED=%llu\n", (unsigned long long)seed);
	return seed;
}

static int compare(const void *a, const void *b)
{
	const struct plain_line *x = a, *y = b;

	if (x->time_ms != y->time_ms)
		return x->time_ms < y->time_ms ? -1 : 1;
	return x->place - y->place;
}

static void add(struct line_tail **tail, uint32_t max, int64_t time_ms, const char *text)
{
	line_tail_add(tail, max, time_ms, slice_of(text), NULL);
}

static bool has(const struct line_tail *tail, uint32_t index, int64_t time_ms, const char *text)
{
	const struct tail_line *line = line_tail_at(tail, index);

	return line->time_ms == time_ms &&
	       slice_equal((struct slice){line->text, line->length}, slice_of(text));
}

static void fill(struct plain_line *lines, uint64_t *state)
{
	for (int i = 0; i < LINES; i++) {
		/* Few times, so that many lines have the same. */
		lines[i] = (struct plain_line){.time_ms = (int64_t)(next(state) % 12), .place = i};
		snprintf(lines[i].text, sizeof(lines[i].text), "line %d", i);
	}
}

/* Lines [first, end) in some tree of parts, each in its order. */
static struct line_tail *build(const struct plain_line *lines, int first, int end, uint32_t max,
			       uint64_t *state, size_t *memory)
{
	struct line_tail *tail = NULL, *right;
	int cut;

	if (end - first < 3 || next(state) % 4 == 0) {
		for (int i = first; i < end; i++)
			line_tail_add(&tail, max, lines[i].time_ms, slice_of(lines[i].text),
				      memory);
		return tail;
	}
	cut = first + (int)(next(state) % (uint64_t)(end - first));
	tail = build(lines, first, cut, max, state, memory);
	right = build(lines, cut, end, max, state, memory);
	line_tail_merge(&tail, right, max, memory);
	line_tail_free(&right, memory);
	return tail;
}

Test(line_tail, is_the_end_of_one_list_however_it_is_cut_and_merged)
{
	uint64_t state = seed_of_run();

	for (int round = 0; round < 300; round++) {
		struct plain_line lines[LINES], sorted[LINES];
		uint32_t max = 1 + (uint32_t)(next(&state) % LINE_TAIL_MAX);
		struct line_tail *tail;
		size_t memory = 0;

		fill(lines, &state);
		memcpy(sorted, lines, sizeof(lines));
		qsort(sorted, LINES, sizeof(sorted[0]), compare);
		tail = build(lines, 0, LINES, max, &state, &memory);
		cr_assert_eq(line_tail_count(tail), max);
		cr_assert_leq(memory, LINE_TAIL_HEAP_MAX(max));
		for (uint32_t i = 0; i < max; i++) {
			const struct plain_line *line = &sorted[LINES - max + i];

			cr_assert(has(tail, i, line->time_ms, line->text), "round %d: %u is not %s",
				  round, i, line->text);
		}
		line_tail_free(&tail, &memory);
		cr_assert_eq(memory, 0);
	}
}

Test(line_tail, one_less_than_the_limit_the_limit_and_one_more)
{
	struct line_tail *tail = NULL;

	add(&tail, 3, 10, "a");
	add(&tail, 3, 20, "b");
	cr_expect_eq(line_tail_count(tail), 2);
	add(&tail, 3, 15, "between");
	cr_expect_eq(line_tail_count(tail), 3);
	cr_expect(has(tail, 0, 10, "a") && has(tail, 1, 15, "between") && has(tail, 2, 20, "b"));
	add(&tail, 3, 20, "c");
	cr_expect_eq(line_tail_count(tail), 3);
	cr_expect(has(tail, 0, 15, "between") && has(tail, 1, 20, "b") && has(tail, 2, 20, "c"));
	add(&tail, 3, 14, "too old");
	cr_expect(has(tail, 0, 15, "between"));
	/* As old as the oldest, and later there: it takes its place. */
	add(&tail, 3, 15, "as old");
	cr_expect(has(tail, 0, 15, "as old"));
	line_tail_free(&tail, NULL);
	cr_expect_null(tail);
}

Test(line_tail, nothing_is_nothing)
{
	struct bytes bytes = BYTES_EMPTY;
	struct line_tail *tail = NULL;
	struct byte_reader reader;

	cr_expect_eq(line_tail_count(NULL), 0);
	line_tail_merge(&tail, NULL, 3, NULL);
	cr_expect_null(tail);
	line_tail_encode(NULL, &bytes);
	reader = byte_reader_of(bytes_slice(&bytes));
	cr_expect_eq(line_tail_decode(&reader, 3, &tail, NULL), 0);
	cr_expect_null(tail);
	cr_expect_eq(reader.left, 0);
	line_tail_free(&tail, NULL);
	bytes_deinit(&bytes);
}

/* `length` bytes of 'x' and then `end`. */
static const struct tail_line *add_long(struct line_tail **tail, size_t length, const char *end)
{
	struct bytes text = BYTES_EMPTY;

	for (size_t i = 0; i < length; i++)
		bytes_append_char(&text, 'x');
	bytes_append_text(&text, end);
	line_tail_add(tail, 1, 5, bytes_slice(&text), NULL);
	bytes_deinit(&text);
	return line_tail_at(*tail, 0);
}

static void expect_cut(size_t length, const char *end, size_t kept, bool is_cut)
{
	struct line_tail *tail = NULL;
	const struct tail_line *line = add_long(&tail, length, end);

	cr_expect_eq(line->length, kept, "%zu + %s: %u", length, end, line->length);
	cr_expect_eq(line->is_cut, is_cut, "%zu + %s", length, end);
	line_tail_free(&tail, NULL);
}

Test(line_tail, long_lines_are_cut_between_characters)
{
	expect_cut(511, "", 511, false);
	expect_cut(512, "", 512, false);
	expect_cut(513, "", 512, true);
	expect_cut(60000, "", 512, true);
	/* The last character ends at the limit, one byte and two bytes behind it. */
	expect_cut(509, "\xE2\x82\xAC", 512, false);
	expect_cut(509, "\xE2\x82\xAC!", 512, true);
	expect_cut(510, "\xE2\x82\xAC", 510, true);
	expect_cut(511, "\xE2\x82\xAC", 511, true);
	expect_cut(509, "\xF0\x9F\x98\x80", 509, true);
	expect_cut(508, "\xF0\x9F\x98\x80", 512, false);
	/* No characters at all. */
	expect_cut(500, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80", 512, true);
	expect_cut(511, "\xFF\xFF", 512, true);
}

static struct line_tail *some_tail(size_t *memory)
{
	struct line_tail *tail = NULL;

	line_tail_add(&tail, 3, -5, SLICE_LITERAL(""), memory);
	line_tail_add(&tail, 3, 7, SLICE_LITERAL("a\0b\xFF"), memory);
	return tail;
}

Test(line_tail, is_stored_and_read_back)
{
	size_t memory = 0, read_memory = 0;
	struct line_tail *tail = some_tail(&memory), *back = NULL;
	struct bytes bytes = BYTES_EMPTY, again = BYTES_EMPTY;
	struct byte_reader reader;

	line_tail_encode(tail, &bytes);
	bytes_append_text(&bytes, "what follows");
	reader = byte_reader_of(bytes_slice(&bytes));
	cr_assert_eq(line_tail_decode(&reader, 3, &back, &read_memory), 0);
	cr_expect_eq(reader.left, strlen("what follows"));
	cr_expect_eq(read_memory, memory);
	cr_expect_eq(line_tail_count(back), 2);
	cr_expect(has(back, 0, -5, ""));
	line_tail_encode(back, &again);
	cr_expect_eq(again.length, bytes.length - reader.left);
	cr_expect_arr_eq(again.data, bytes.data, again.length);
	line_tail_free(&tail, &memory);
	line_tail_free(&back, &read_memory);
	cr_expect(memory == 0 && read_memory == 0);
	bytes_deinit(&bytes);
	bytes_deinit(&again);
}

static void expect_corrupt(const struct bytes *bytes, uint32_t max, const char *what)
{
	struct byte_reader reader = byte_reader_of(bytes_slice(bytes));
	struct line_tail *tail = NULL;
	size_t memory = 0;

	cr_expect_eq(line_tail_decode(&reader, max, &tail, &memory), ERR_CORRUPT, "%s", what);
	cr_expect_null(tail);
	cr_expect_eq(memory, 0);
}

Test(line_tail, damage_is_refused)
{
	struct line_tail *tail = some_tail(NULL);
	struct bytes bytes = BYTES_EMPTY;

	line_tail_encode(tail, &bytes);
	expect_corrupt(&bytes, 1, "more lines than are kept");
	for (size_t length = 0; length < bytes.length; length++) {
		struct bytes part = {bytes.data, length, bytes.capacity};

		expect_corrupt(&part, 3, "cut off");
	}
	bytes.data[1] = 0x7F;
	expect_corrupt(&bytes, 3, "times that go back");
	bytes_clear(&bytes);
	bytes_append_u8(&bytes, 1);
	bytes_append_be64(&bytes, 0);
	bytes_append_be16(&bytes, LINE_TAIL_BYTES_MAX + 1);
	for (int i = 0; i <= LINE_TAIL_BYTES_MAX; i++)
		bytes_append_char(&bytes, 'x');
	expect_corrupt(&bytes, 3, "a line that is too long");
	line_tail_free(&tail, NULL);
	bytes_deinit(&bytes);
}
