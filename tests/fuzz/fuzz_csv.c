// link: core_ingest
/* Any line is either refused or gives the columns that a plain splitter, written here, finds; and
 * many lines decoded as a block, by the code of either kind of machine, give the same rows. */
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/require.h"
#include "core/ingest/decode.h"
#include "core/ingest/intake.h"
#include "tests/support/csv_rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { COLUMNS = 3, LINE_BYTES = 4096 };

struct subject {
	struct intake *intake;
	struct decoder *decoder;
	struct batch batch;
};

static void subject_init(struct subject *subject)
{
	static const char *const columns[COLUMNS] = {"time", "a", "b"};
	const struct intake_options options = {
		.source = "s", .format = FORMAT_CSV, .columns = columns, .column_count = COLUMNS};
	const struct metric_spec spec = {.by = columns + 1, .by_count = 2, .pane_ms = 5000};
	struct schema schema;
	uint32_t index;
	schema_init(&schema);
	schema_add(&schema, "a", FIELD_STRING);
	subject->intake = intake_new(&options, &schema, 1);
	REQUIRE(intake_add_metric(subject->intake, &spec, &index, NULL) == 0);
	schema_deinit(&schema);
	subject->decoder = decoder_new();
	batch_init(&subject->batch, 2);
}

/** One character at a time, by the grammar of RFC 4180; the number of fields, or -1. */
static int split(struct slice line, struct bytes fields[COLUMNS])
{
	int count = 0;
	size_t at = 0;
	for (;; at++) {
		struct bytes *field = &fields[count < COLUMNS ? count : COLUMNS - 1];
		bytes_clear(field);
		count++;
		bool is_quoted = at < line.length && line.data[at] == '"';
		for (at += is_quoted; at < line.length; at++) {
			char c = line.data[at];
			if (!is_quoted && c == ',')
				break;
			if (is_quoted && c == '"') {
				if (at + 1 == line.length || line.data[at + 1] != '"')
					break;
				at++;
			}
			bytes_append_char(field, c);
		}
		if (is_quoted && at == line.length)
			return -1;
		at += is_quoted;
		if (at == line.length)
			return count;
		if (line.data[at] != ',')
			return -1;
	}
}

static void judge(struct subject *subject, struct slice line)
{
	struct bytes fields[COLUMNS] = {BYTES_EMPTY, BYTES_EMPTY, BYTES_EMPTY};
	struct err_note why = {0};
	uint64_t mistyped = 0;
	batch_clear(&subject->batch);
	int rc = decoder_decode(subject->decoder, subject->intake, line, 0, &subject->batch,
				&mistyped, &why);
	int count = split(line, fields);
	int column = field_set_find(&subject->intake->fields, slice_of("a"));
	const struct value *a = &subject->batch.columns[column][0];
	if (rc == 0) {
		REQUIRE(count == COLUMNS && subject->batch.row_count == 1);
		REQUIRE(a->type == (fields[1].length ? VALUE_STRING : VALUE_NIL));
		REQUIRE(a->type == VALUE_NIL || slice_equal((struct slice){a->as.text, a->length},
							    bytes_slice(&fields[1])));
	} else {
		REQUIRE(why.text[0] != '\0');
		REQUIRE(count != COLUMNS || strstr(why.text, "the time field") ||
			strstr(why.text, "not UTF-8"));
	}
	for (int i = 0; i < COLUMNS; i++)
		bytes_deinit(&fields[i]);
}

/** The input's first two bytes choose the delimiter, the limit and the types. */
static struct intake *new_block_intake(const uint8_t *choice)
{
	static const char *const columns[COLUMNS] = {"a", "time", "b"};
	const struct intake_options options = {.source = "s",
					       .format = FORMAT_CSV,
					       .delimiter = ",;\tx"[choice[0] & 3],
					       .columns = columns,
					       .column_count = COLUMNS,
					       .line_bytes_max = choice[0] & 4 ? 40 : 0};
	const char *wanted[] = {"a", choice[0] & 8 ? "b" : "time", "missing"};
	const struct metric_spec spec = {.by = wanted, .by_count = 3, .pane_ms = 5000};
	struct schema schema;
	uint32_t index;
	schema_init(&schema);
	schema_add(&schema, "a", (enum field_type)(choice[1] % 6));
	schema_add(&schema, "b", (enum field_type)(choice[1] / 6 % 6));
	struct intake *intake = intake_new(&options, &schema, 1);
	REQUIRE(intake_add_metric(intake, &spec, &index, NULL) == 0);
	schema_deinit(&schema);
	return intake;
}

/** The text several times over, so that it lies in every way to the edges of words. */
static void judge_block(const uint8_t *choice, struct slice text)
{
	struct intake *intake = new_block_intake(choice);
	struct bytes many = BYTES_EMPTY, rows[3] = {BYTES_EMPTY, BYTES_EMPTY, BYTES_EMPTY};
	for (unsigned i = 0; i <= choice[0] >> 4; i++)
		bytes_append_slice(&many, text);
	for (int way = CSV_BY_LINES; way <= CSV_BY_PORTABLE_BLOCK; way++)
		csv_rows(intake, bytes_slice(&many), (enum csv_way)way, &rows[way]);
	REQUIRE(slice_equal(bytes_slice(&rows[CSV_BY_LINES]), bytes_slice(&rows[CSV_BY_BLOCK])));
	REQUIRE(slice_equal(bytes_slice(&rows[CSV_BY_LINES]),
			    bytes_slice(&rows[CSV_BY_PORTABLE_BLOCK])));
	for (int way = CSV_BY_LINES; way <= CSV_BY_PORTABLE_BLOCK; way++)
		bytes_deinit(&rows[way]);
	bytes_deinit(&many);
	intake_unref(intake);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct subject subject;
	if (size > LINE_BYTES)
		return 0;
	if (!subject.intake)
		subject_init(&subject);
	char *line = malloc(size ? size : 1);
	memcpy(line, data, size);
	judge(&subject, (struct slice){line, size});
	if (size >= 2)
		judge_block(data, (struct slice){line + 2, size - 2});
	free(line);
	return 0;
}
