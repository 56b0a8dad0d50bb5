// link: core_ingest
/* Shapes must not change a result: the same stream with them, with their code for any machine, and
 * line by line. Input: 8 bytes that say where to cut, then 4 bytes for each line: a template, and
 * what happens to it. */
#include "core/ingest/reader.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/bytes.h"
#include "core/base/require.h"
#include "core/ingest/bundle.h"
#include "core/ingest/intake.h"
#include "core/window/watermark.h"

enum { CUTS = 8, LINE_BYTES_MAX = 220, LATENESS_MS = 5000, WAYS = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const templates[] = {
	"{\"time\":\"2026-11-22T06:00:00.000Z\",\"m\":\"m0003\",\"v\":106.59,\"x\":50,\"ok\":true}"
	"\n",
	"{\"time\":\"2026-11-22T06:00:01.250Z\",\"m\":\"m1\",\"in\":{\"v\":3,\"a\":[\"x\",{"
	"\"time\":1}]},"
	"\"v\":-8,\"x\":null}\n",
	"{\"ok\":false,\"v\":1.5e3,\"m\":\"\\u4e0a \\ud83d\\ude00 "
	"\xE5\x95\x86\",\"time\":1795327200.5}\n",
	"{ \"time\" : 1795327201000 , \"m\" : \"a string that is longer than 32 bytes, by some "
	"more\" }\n",
	"{\"time\":1795327202,\"in\":[],\"v\":12345678901234567,\"m\":\"x\\n\"}\r\n",
	"{\"time\":\"2026-11-22T14:00:02+08:00\",\"m\":\"\",\"a name of more than thirty-two "
	"bytes\":0,"
	"\"v\":0.1}\n",
	"\n",
	"not JSON\n",
};

static const char *const values[] = {
	"0",
	"-0",
	"-0.0",
	"01",
	"1.",
	"1e5",
	"1E+400",
	"1e-400",
	"9223372036854775807",
	"9223372036854775808",
	"0.30000000000000004",
	"123456789012345678",
	"9007199254740993.0",
	"true",
	"fals",
	"null",
	"\"\"",
	"\"\\\"\"",
	"\"\\ud800\"",
	"\"\xff\"",
	"\"\xE4\xB8\x8A\"",
	"{}",
	"[1]",
	"{\"v\":1}",
	"1,\"v\":2",
	"1,\"m\":{}",
	"\"\\u0000\"",
	"1e22",
	"4e-22",
};

enum {
	KNOWN = 6,
	REPEATS = 52,
	TEMPLATES = sizeof(templates) / sizeof(templates[0]),
	VALUES = sizeof(values) / sizeof(values[0]),
};

/** The line's n-th value by a change of its own. */
static void put_value(struct bytes *out, const char *line, unsigned n, const char *value)
{
	const char *at = line;
	for (unsigned i = 0; i <= n % 8; i++) {
		const char *colon = strchr(at, ':');
		if (!colon)
			break;
		at = colon + 1;
	}
	bytes_append(out, line, (size_t)(at - line));
	bytes_append_text(out, value);
	if (*at == '"' && strchr(at + 1, '"'))
		at = strchr(at + 1, '"') + 1;
	else
		at += strcspn(at, ",}]\r\n");
	bytes_append_text(out, at);
}

static void put_line(struct bytes *out, const uint8_t *change)
{
	static const char alphabet[] = "\"\\,:{}[]0123456789.-+eEtfnu \n\r\x80\xE4\x01";
	const char *line = templates[change[0] % TEMPLATES];
	size_t length = strlen(line), at = change[2] % length;
	char c = alphabet[change[3] % (sizeof(alphabet) - 1)];
	switch (change[1] % 8) {
	case 0: /* another byte */
		bytes_append(out, line, at);
		bytes_append_char(out, c);
		bytes_append_text(out, line + at + 1);
		break;
	case 1: /* one more */
		bytes_append(out, line, at);
		bytes_append_char(out, c);
		bytes_append_text(out, line + at);
		break;
	case 2: /* one less */
		bytes_append(out, line, at);
		bytes_append_text(out, line + at + 1);
		break;
	case 3: /* an early end */
		bytes_append(out, line, at);
		bytes_append_text(out, change[3] % 2 ? "\n" : "\r\n");
		break;
	case 4: put_value(out, line, change[2], values[change[3] % VALUES]); break;
	case 5: /* many of one byte */
		bytes_append(out, line, at);
		for (unsigned i = 0; i < change[3]; i++)
			bytes_append_char(out, line[at]);
		bytes_append_text(out, line + at);
		break;
	default: bytes_append_text(out, line); break;
	}
}

static struct intake *new_intake(void)
{
	const struct intake_options options = {.source = "s",
					       .lateness_ms = LATENESS_MS,
					       .max_ahead_ms = 1000,
					       .line_bytes_max = LINE_BYTES_MAX};
	const char *const by[] = {"m", "ok", "in", "in.v", "x", "v"};
	const struct metric_spec spec = {.by = by,
					 .by_count = sizeof(by) / sizeof(by[0]),
					 .values = (const char *const[]){"v", "x"},
					 .value_count = 2,
					 .pane_ms = 1};
	struct schema schema;
	uint32_t index;
	schema_init(&schema);
	schema_add(&schema, "x", FIELD_INT);
	struct intake *intake = intake_new(&options, &schema, 1);
	REQUIRE(intake_add_metric(intake, &spec, &index, NULL) == 0);
	schema_deinit(&schema);
	return intake;
}

static struct bundle *read_way(struct intake *intake, enum decoder_way way, struct slice text,
			       const uint8_t *cuts)
{
	struct bundle *bundle = bundle_new(intake, 1);
	struct reader *reader = reader_new();
	size_t start = 0, end = 0;
	bool skip = false;
	reader_use(reader, way);
	for (unsigned i = 0; end < text.length || i == 0; i++) {
		end += 1 + cuts[i % CUTS] * 16u;
		if (end > text.length)
			end = text.length;
		/* An own allocation, so that reading outside of the block is found. */
		size_t readable = cuts[(i + 1) % CUTS] % 2 ? 64 : 0;
		char *copy = malloc(end - start + readable + 1);
		memset(copy, '\n', end - start + readable);
		if (end > start)
			memcpy(copy, text.data + start, end - start);
		const struct reader_block block = {
			.data = copy,
			.length = end - start,
			.readable = readable,
			.offset = start,
			.is_last = end == text.length,
			.receive_ms = 1795327201500,
			.watermark_ms = bundle->max_event_ms == WATERMARK_NONE
						? WATERMARK_NONE
						: bundle->max_event_ms - LATENESS_MS,
		};
		start += reader_read(reader, intake, &block, &skip, bundle);
		free(copy);
	}
	REQUIRE(start == text.length && !skip);
	reader_free(reader);
	return bundle;
}

static void expect_equal_groups(const struct group_table *a, const struct group_table *b)
{
	const struct group *group;
	size_t at = 0;
	REQUIRE(a->count == b->count);
	while ((group = group_table_next(a, &at)) != NULL) {
		const struct group *other =
			group_table_find(b, group->start_ms, group_key(a, group));
		REQUIRE(other != NULL);
		REQUIRE(memcmp(group->aggregates, other->aggregates, a->cells_bytes) == 0);
	}
}

static void expect_equal(const struct bundle *a, const struct bundle *b)
{
	REQUIRE(memcmp(&a->counters, &b->counters, sizeof(a->counters)) == 0);
	REQUIRE(a->max_event_ms == b->max_event_ms && a->min_event_ms == b->min_event_ms);
	expect_equal_groups(&a->deltas[0], &b->deltas[0]);
	REQUIRE(a->dead_letter_count == b->dead_letter_count);
	for (uint32_t i = 0; i < a->dead_letter_count; i++) {
		const struct dead_letter *x = &a->dead_letters[i], *y = &b->dead_letters[i];
		REQUIRE(x->offset == y->offset && x->line == y->line);
		REQUIRE(strcmp(x->text, y->text) == 0 && strcmp(x->reason, y->reason) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum decoder_way ways[WAYS] = {DECODER_LINE_BY_LINE, DECODER_FASTEST,
						    DECODER_PORTABLE};
	static struct intake *intake;
	struct bundle *bundles[WAYS];
	struct bytes text = BYTES_EMPTY;
	if (size < CUTS)
		return 0;
	if (!intake)
		intake = new_intake();
	/* Often enough for strings of steady length to be found. */
	for (unsigned i = 0; data[0] % 2 && i < REPEATS; i++)
		bytes_append_text(&text, templates[data[1] % KNOWN]);
	for (size_t at = CUTS; at + 4 <= size; at += 4)
		put_line(&text, data + at);
	for (unsigned i = 0; i < WAYS; i++)
		bundles[i] = read_way(intake, ways[i], bytes_slice(&text), data);
	expect_equal(bundles[0], bundles[1]);
	expect_equal(bundles[0], bundles[2]);
	for (unsigned i = 0; i < WAYS; i++)
		bundle_free(bundles[i]);
	bytes_deinit(&text);
	return 0;
}
