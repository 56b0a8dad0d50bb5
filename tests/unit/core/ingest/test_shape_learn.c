#include "core/ingest/shape_internal.h"

#include <criterion/criterion.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/ingest/decode_time.h"
#include "shape_ways.h"

/** How many lines out of 64 equal ones shapes decode. */
static unsigned learned_of_64(struct decode_fixture *f, const char *line)
{
	struct bytes all = BYTES_EMPTY;
	for (int i = 0; i < 64; i++)
		bytes_append_text(&all, line);
	for (int i = 0; i < FILLER; i++)
		bytes_append_text(&all, "\n");
	struct outcome slow = read_text(f, DECODER_LINE_BY_LINE, bytes_slice(&all));
	struct outcome fast = read_text(f, DECODER_FASTEST, bytes_slice(&all));
	cr_expect(slice_equal(bytes_slice(&slow.rows), bytes_slice(&fast.rows)), "%s", line);
	unsigned count = fast.shape_rows;
	outcome_deinit(&slow);
	outcome_deinit(&fast);
	bytes_deinit(&all);
	return count;
}

Test(shape_learn, doubtful_lines_are_not_learned)
{
	WITH_FIELDS(f, "v", "in.w", "deep");
	cr_expect_eq(learned_of_64(&f, "{\"time\":1,\"v\":1}\n"), 63);
	cr_expect_eq(learned_of_64(&f, "{\"time\":1,\"v\":1,\"v\":2}\n"), 0);
	cr_expect_eq(learned_of_64(&f, "{\"time\":1,\"time\":2}\n"), 0);
	cr_expect_eq(learned_of_64(&f, "{\"time\":1,\"in\":{\"w\":1},\"in\":{}}\n"), 0);
	cr_expect_eq(learned_of_64(&f, "{\"time\":1,\"in\":{\"w\":1,\"w\":2}}\n"), 0);
	cr_expect_eq(learned_of_64(&f, "{\"time\":1,\"\\u0076\":2}\n"), 0);
	cr_expect_eq(learned_of_64(&f, "{\"v\":1}\n"), 0);
	cr_expect_eq(learned_of_64(&f, "{\"time\":1,\"x\":1,\"x\":2}\n"), 63, "nobody reads x");
	cr_expect_eq(learned_of_64(&f, "{\"time\":1,\"list\":[{\"v\":1},{\"v\":2}]}\n"), 63);
	decode_fixture_deinit(&f);
}

static char *list_line(unsigned count, const char *value)
{
	struct bytes text = BYTES_EMPTY;
	bytes_append_text(&text, "{\"time\":1,\"v\":[0");
	for (unsigned i = 2; i < count; i++)
		bytes_append_format(&text, ",%s", value);
	bytes_append_text(&text, "]}\n");
	return bytes_take_text(&text);
}

Test(shape_learn, large_lines_are_not_learned)
{
	WITH_FIELDS(f, "v");
	for (unsigned count = SHAPE_VALUES_MAX - 1; count <= SHAPE_VALUES_MAX + 1; count++) {
		char *line = list_line(count, "1");
		cr_expect_eq(learned_of_64(&f, line), count <= SHAPE_VALUES_MAX ? 63 : 0, "%u",
			     count);
		mem_free(line);
	}
	for (int extra = -1; extra <= 1; extra++) {
		char line[SHAPE_LINE_BYTES_MAX + 16];
		int length = SHAPE_LINE_BYTES_MAX + extra - (int)strlen("{\"time\":1,\"s\":\"\"}");
		snprintf(line, sizeof(line), "{\"time\":1,\"s\":\"%0*d\"}\n", length, 0);
		cr_expect_eq(learned_of_64(&f, line), extra <= 0 ? 63 : 0, "%d", extra);
	}
	decode_fixture_deinit(&f);
}

Test(shape_learn, depth_is_that_of_the_parser)
{
	WITH_FIELDS(f, "v");
	struct bytes line = BYTES_EMPTY;
	for (int depth = DECODE_DEPTH_MAX - 1; depth <= DECODE_DEPTH_MAX + 1; depth++) {
		bytes_clear(&line);
		bytes_append_text(&line, "{\"time\":1,\"v\":");
		for (int i = 1; i < depth; i++)
			bytes_append_text(&line, "[");
		for (int i = 1; i < depth; i++)
			bytes_append_text(&line, "]");
		bytes_append_text(&line, "}\n");
		cr_expect_eq(learned_of_64(&f, line.data), depth <= DECODE_DEPTH_MAX ? 63 : 0);
	}
	bytes_deinit(&line);
	decode_fixture_deinit(&f);
}

Test(shape_learn, long_lines_are_refused_as_ever)
{
	WITH_FIELDS(f, "v");
	f.intake->line_bytes_max = 40;
	for (int length = 37; length <= 43; length++) {
		char line[64];
		snprintf(line, sizeof(line), "{\"time\":1,\"s\":\"%0*d\"}\n",
			 length - (int)strlen("{\"time\":1,\"s\":\"\"}"), 0);
		rows_by_shape(&f, "{\"time\":1,\"s\":\"\"}\n", slice_of(line));
		snprintf(line + length, 3, "\r\n");
		rows_by_shape(&f, "{\"time\":1,\"s\":\"\"}\n", slice_of(line));
	}
	decode_fixture_deinit(&f);
}

/* Whatever comes, a shape that is much used stays known, and learning is rationed. */
Test(shape_learn, much_used_shapes_outlive_a_flood_of_others)
{
	WITH_FIELDS(f, "v");
	struct bytes all = BYTES_EMPTY;
	const unsigned flood = 4000;
	for (unsigned i = 0; i < flood; i++) {
		bytes_append_format(&all, "{\"time\":%u,\"v\":%u}\n", i, i);
		bytes_append_format(&all, "{\"time\":%u,\"name %u\":%u,\"v\":2}\n", i, i, i);
	}
	for (int i = 0; i < FILLER; i++)
		bytes_append_text(&all, "\n");
	struct outcome slow = read_text(&f, DECODER_LINE_BY_LINE, bytes_slice(&all));
	struct outcome fast = read_text(&f, DECODER_FASTEST, bytes_slice(&all));
	cr_expect(slice_equal(bytes_slice(&slow.rows), bytes_slice(&fast.rows)));
	cr_expect_geq(fast.shape_rows, flood - 64);
	cr_expect_leq(fast.shape_rows, flood);
	outcome_deinit(&slow);
	outcome_deinit(&fast);
	bytes_deinit(&all);
	decode_fixture_deinit(&f);
}

Test(shape_learn, sets_are_told_apart_by_the_wanted_fields)
{
	WITH_FIELDS(f, "v");
	WITH_FIELDS(g, "w", "v");
	struct bytes text = BYTES_EMPTY;
	for (int i = 0; i < 40; i++)
		bytes_append_text(&text, "{\"time\":1,\"v\":5,\"w\":6}\n");
	uint64_t mistyped = 0;
	for (int turn = 0; turn < 4; turn++) {
		struct decode_fixture *at = turn % 2 ? &g : &f;
		decoder_block_start(f.decoder, at->intake, bytes_slice(&text), 0);
		batch_clear(&at->batch);
		size_t used = decoder_block_decode(f.decoder, 0, &at->batch, &mistyped);
		cr_expect_eq(used > 0, turn >= 2);
		for (uint32_t row = 0; row < at->batch.row_count; row++)
			expect_int(at, "v", 5);
		decoder_block_learn(f.decoder, SLICE_LITERAL("{\"time\":1,\"v\":5,\"w\":6}"));
	}
	bytes_deinit(&text);
	decode_fixture_deinit(&f);
	decode_fixture_deinit(&g);
}

/** Decodes the line so many times; it must be of a known shape. */
static void decode_times(struct decode_fixture *f, struct shape_set *set, const char *line,
			 unsigned count)
{
	struct time_memory time = {0};
	char block[256] = {0};
	size_t length = strlen(line);
	memcpy(block, line, length);
	block[length] = '\n';
	while (count-- > 0) {
		struct shape_run run = {.at = block,
					.stop = block + length,
					.line_bytes_max = sizeof(block),
					.batch = &f->batch,
					.time = &time};
		batch_clear(&f->batch);
		shape_set_decode(set, &run);
		cr_assert_eq(f->batch.row_count, 1);
	}
}

Test(shape_learn, steady_lengths_are_found_and_given_up)
{
	const char steady[] = "{\"time\":1,\"v\":\"abc\"}", other[] = "{\"time\":1,\"v\":\"abcd\"}";
	WITH_FIELDS(f, "v");
	struct shape_set *set = shape_set_new(f.intake->fields.count);
	shape_set_learn(set, f.intake->names, slice_of(steady));
	decode_times(&f, set, steady, SHAPE_STUDY_AFTER + SHAPE_STUDY_LINES - 2);
	cr_expect_eq(set->mold_count, 0);
	decode_times(&f, set, steady, 2);
	cr_expect_eq(set->mold_count, 1);
	decode_times(&f, set, other, MOLD_MISSES_MAX - 1);
	cr_expect_eq(set->mold_count, 1);
	decode_times(&f, set, other, 2);
	cr_expect_eq(set->mold_count, 0, "it fits no more");
	decode_times(&f, set, other, 2 * SHAPE_STUDY_AFTER + SHAPE_STUDY_LINES);
	cr_expect_eq(set->mold_count, 1, "but another one does");
	shape_set_free(set);
	decode_fixture_deinit(&f);
}

Test(shape_learn, a_shape_that_ends_does_not_hold_up_the_others)
{
	const char first[] = "{\"time\":1,\"v\":\"abc\"}", second[] = "{\"v\":\"abc\",\"time\":1}";
	WITH_FIELDS(f, "v");
	struct shape_set *set = shape_set_new(f.intake->fields.count);
	shape_set_learn(set, f.intake->names, slice_of(first));
	shape_set_learn(set, f.intake->names, slice_of(second));
	decode_times(&f, set, first, SHAPE_STUDY_AFTER + 1);
	decode_times(&f, set, second, (SHAPE_STUDY_LINES + 2) * SHAPE_STUDY_AFTER);
	cr_expect_eq(set->mold_count, 1);
	shape_set_free(set);
	decode_fixture_deinit(&f);
}
