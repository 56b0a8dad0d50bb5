#include "core/ingest/decode_csv.h"

#include <criterion/criterion.h>
#include <string.h>

#include "decode_fixture.h"
#include "tests/support/csv_rows.h"

static const char *const columns[] = {"time", "a", "b", "c", NULL};

/** Both vector ways must give what the way of single lines gives; returns the rows, and how many of
 *  them needed no second look. */
static struct bytes rows_of(const struct intake *intake, struct slice text, size_t *fast_count)
{
	struct bytes rows[3] = {BYTES_EMPTY, BYTES_EMPTY, BYTES_EMPTY};
	for (int way = CSV_BY_LINES; way <= CSV_BY_PORTABLE_BLOCK; way++)
		*fast_count = csv_rows(intake, text, (enum csv_way)way, &rows[way]);
	cr_expect_str_eq(rows[CSV_BY_BLOCK].data, rows[CSV_BY_LINES].data);
	cr_expect_str_eq(rows[CSV_BY_PORTABLE_BLOCK].data, rows[CSV_BY_LINES].data);
	bytes_deinit(&rows[CSV_BY_LINES]);
	bytes_deinit(&rows[CSV_BY_PORTABLE_BLOCK]);
	return rows[CSV_BY_BLOCK];
}

static size_t count_of(const struct bytes *rows, const char *word)
{
	size_t count = 0;
	for (const char *at = rows->data; (at = strstr(at, word)) != NULL; at++)
		count++;
	return count;
}

static void expect_counts(struct decode_fixture *f, const char *text, size_t good, size_t bad,
			  size_t fast)
{
	size_t fast_count;
	struct bytes rows = rows_of(f->intake, slice_of(text), &fast_count);
	cr_expect_eq(count_of(&rows, "ROW"), good, "%.60s: %s", text, rows.data);
	cr_expect_eq(count_of(&rows, "BAD"), bad, "%.60s: %s", text, rows.data);
	cr_expect_eq(fast_count, fast, "%.60s: %zu fast", text, fast_count);
	bytes_deinit(&rows);
}

Test(decode_csv_block, cells_are_what_the_text_says)
{
	struct decode_fixture f;
	size_t fast_count;
	decode_fixture_init(&f, (const char *const[]){"a", "b", "c", NULL}, columns);
	struct bytes rows = rows_of(f.intake,
				    slice_of("2026-11-22T06:00:00.250Z,m1,106.59,true\r\n"
					     "2026-11-22T06:00:59.999Z,007,-5,\r\n"),
				    &fast_count);
	cr_expect_eq(fast_count, 2);
	cr_expect_str_eq(rows.data, "ROW 1795327200250|4:m1|3:405aa5c28f5c28f6|1:true\n"
				    "ROW 1795327259999|4:007|2:-5|0:\n"
				    "mistyped 0\n");
	bytes_deinit(&rows);
	decode_fixture_deinit(&f);
}

Test(decode_csv_block, lines_end_anywhere_around_the_edges_of_words_and_windows)
{
	struct decode_fixture f;
	static char text[3 * CSV_LINE_BYTES_MAX];
	const size_t edges[] = {16, 32, 64, 128, CSV_LINE_BYTES_MAX - 1, CSV_LINE_BYTES_MAX};
	decode_fixture_init(&f, (const char *const[]){"a", "c", NULL}, columns);
	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
		for (size_t length = edges[i] - 7; length <= edges[i] + 2; length++) {
			struct bytes rows;
			size_t fast_count;
			/* two lines of `length` bytes with their ends, and a third */
			memset(text, 'x', sizeof(text));
			for (size_t line = 0; line < 2; line++) {
				memcpy(text + line * length, "5,", 2);
				memcpy(text + (line + 1) * length - 6, ",,1.5\n", 6);
			}
			memcpy(text + 2 * length, "5,y,,\n", 7);
			rows = rows_of(f.intake, slice_of(text), &fast_count);
			cr_expect_eq(count_of(&rows, "ROW 5000|4:"), 3, "%zu", length);
			cr_expect_eq(fast_count, length <= CSV_LINE_BYTES_MAX ? 3u : 1u,
				     "%zu bytes: %zu", length, fast_count);
			bytes_deinit(&rows);
		}
	}
	decode_fixture_deinit(&f);
}

Test(decode_csv_block, a_bad_line_never_disturbs_its_neighbours)
{
	struct decode_fixture f;
	static const char *const bad[] = {
		"5,1,2\n",        "5,1,2,3,4\n", "x,1,2,3\n",        ",1,2,3\n",
		"5,\xc3(,2,3\n",  "5,\"1,2,3\n", "5,\"1\"x,2,3\n",   "5\n",
		",,,,,,,,,,,,\n", "5,1,2,3,\n",  "2026-13-01,1,,\n", "\"\n",
	};
	char text[256];
	decode_fixture_init(&f, (const char *const[]){"a", "b", NULL}, columns);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "5,1,2,3\n%s6,1,2,3\n%s%s7,1,2,3\n", bad[i], bad[i],
			 bad[i]);
		expect_counts(&f, text, 3, 3, 3);
	}
	decode_fixture_deinit(&f);
}

Test(decode_csv_block, quoted_lines_and_lines_beyond_ascii_are_rows_too)
{
	struct decode_fixture f;
	decode_fixture_init(&f, (const char *const[]){"a", "b", NULL}, columns);
	expect_counts(&f,
		      "5,\"x, \"\"y\"\"\",2,3\n5,1,2,3\n\"5\",\"1\",\"2\",\"3\"\r\n5,a\"b,2,3\n"
		      "5,\xe6\xad\xa6\xe6\xb1\x89,2,3\n",
		      5, 0, 5);
	/* without its end the last line is for the other way */
	expect_counts(&f, "5,1,2,3\n5,1,\"2\",3", 2, 0, 1);
	expect_counts(&f, "5,1,2,3\n5,1,2,3", 2, 0, 1);
	decode_fixture_deinit(&f);
}

Test(decode_csv_block, every_declared_type_is_as_by_lines)
{
	struct decode_fixture f;
	static const char *const types[] = {"any", "string", "int", "float", "bool", "time"};
	static const char *const cells[] = {
		"",
		"1",
		"-1",
		"0",
		"-0",
		"00",
		"0.5",
		"-0.5",
		"-0.0",
		"1.",
		".5",
		"1.25",
		"1.2.3",
		"12345678",
		"-1234567",
		"-12345678",
		"123456789",
		"1234567.8",
		"1234.5678",
		"-123.4567",
		"1e3",
		"true",
		"false",
		"tru",
		"t",
		"-",
		".",
		"007",
		"2026-11-22T06:00:00.000Z",
		"9223372036854775808",
		"1.0",
		"100000.0",
		"a\"b",
		"/",
	};
	struct bytes text = BYTES_EMPTY;
	for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++)
		bytes_append_format(&text, "5,%s,%s,%s\r\n", cells[i], cells[i], cells[i]);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		char a[16], c[16];
		size_t fast_count;
		snprintf(a, sizeof(a), "a:%s", types[i]);
		snprintf(c, sizeof(c), "c:%s", types[i]);
		decode_fixture_init(&f, (const char *const[]){a, c, "missing", NULL}, columns);
		struct bytes rows = rows_of(f.intake, bytes_slice(&text), &fast_count);
		cr_expect_eq(fast_count, sizeof(cells) / sizeof(cells[0]));
		bytes_deinit(&rows);
		decode_fixture_deinit(&f);
	}
	bytes_deinit(&text);
}

Test(decode_csv_block, batches_fill_up_and_go_on)
{
	struct decode_fixture f;
	struct bytes text = BYTES_EMPTY;
	size_t fast_count;
	decode_fixture_init(&f, (const char *const[]){"a", NULL}, columns);
	for (int i = 0; i < 3 * BATCH_ROWS_MAX; i++)
		bytes_append_format(&text, "%d,%d,,\n", i, i);
	struct bytes rows = rows_of(f.intake, bytes_slice(&text), &fast_count);
	cr_expect_eq(fast_count, 3 * BATCH_ROWS_MAX);
	cr_expect_neq(strstr(rows.data, "ROW 2047000|2:2047\nROW 2048000|2:2048\n"), NULL);
	bytes_deinit(&rows);
	bytes_deinit(&text);
	decode_fixture_deinit(&f);
}

Test(decode_csv_block, lines_beyond_the_limit_are_left_to_the_caller)
{
	static const char *const names[] = {"time", "a"};
	const struct intake_options options = {.source = "s",
					       .format = FORMAT_CSV,
					       .columns = names,
					       .column_count = 2,
					       .line_bytes_max = 8};
	struct schema schema;
	size_t fast_count;
	schema_init(&schema);
	struct intake *intake = intake_new(&options, &schema, 1);
	struct bytes rows =
		rows_of(intake, slice_of("5,345678\n5,3456789\n5,345678\r\n"), &fast_count);
	cr_expect_str_eq(rows.data, "ROW 5000\nBAD too long\nROW 5000\nmistyped 0\n");
	cr_expect_eq(fast_count, 1);
	bytes_deinit(&rows);
	intake_unref(intake);
	schema_deinit(&schema);
}

Test(decode_csv_block, quotes_in_every_place_are_as_by_lines)
{
	struct decode_fixture f;
	static const char *const fields[] = {"5",          "\"5\"",    "\"\"",    "",
					     "\"a,b\"",    "a\"b\"\"", "\"a\r\"", "\"a\"b",
					     "\"c\"\"d\"", "\"open",   "\"",      "\"x\"\r"};
	static const char *const ends[] = {"\n", "\r\n", "\r\r\n"};
	const size_t count = sizeof(fields) / sizeof(fields[0]);
	struct bytes text = BYTES_EMPTY;
	size_t fast_count;
	decode_fixture_init(&f, (const char *const[]){"a", "b", "c", NULL}, columns);
	for (size_t i = 0; i < count * count * count * count; i++) {
		size_t b = i / count % count, c = i / count / count % count;
		bytes_append_format(&text, "%s,%s,%s,%s%s", i % 5 ? "\"7\"" : fields[i % count],
				    fields[b], fields[c], fields[i / count / count / count],
				    ends[i % 3]);
	}
	struct bytes rows = rows_of(f.intake, bytes_slice(&text), &fast_count);
	cr_expect_gt(fast_count, 1000);
	bytes_deinit(&rows);
	bytes_deinit(&text);
	decode_fixture_deinit(&f);
}
