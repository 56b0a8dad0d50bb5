// link: core_ingest PkgConfig::JANSSON
/* jansson as referee: the same lines are accepted, with the same values of the wanted fields.
 *
 * Known differences, all on purpose (core/ingest/decode.h has ours):
 *   depth            ours ends at DECODE_DEPTH_MAX, jansson's at 2048: deep lines are passed over
 *   big integers     jansson refuses what does not fit 64 bits, ours reads a float
 *   names with NUL   jansson refuses "\u0000" in a name, ours reads it: such lines are passed over
 *   bare NUL bytes   jansson overlooks one after a number ("[8\0]"); ours always refuses
 *   tiny numbers     1e-400 is 0 in both; jansson may refuse it as a range error: passed over
 */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/require.h"
#include "core/ingest/decode.h"
#include "core/ingest/decode_fault.h"
#include "core/ingest/decode_time.h"
#include "core/ingest/intake.h"
#include "core/ingest/shape.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const wanted[] = {"v", "a.b", "a.c.d", "a"};
enum { WANTED = sizeof(wanted) / sizeof(wanted[0]) };

struct subject {
	struct intake *intake;
	struct decoder *decoder;
	struct batch batch;
};

static void subject_init(struct subject *subject)
{
	const struct intake_options options = {.source = "s"};
	const struct metric_spec spec = {.by = wanted, .by_count = WANTED, .pane_ms = 5000};
	struct schema schema;
	uint32_t index;
	schema_init(&schema);
	subject->intake = intake_new(&options, &schema, 1);
	REQUIRE(intake_add_metric(subject->intake, &spec, &index, NULL) == 0);
	schema_deinit(&schema);
	subject->decoder = decoder_new();
	batch_init(&subject->batch, WANTED);
}

static const json_t *find(const json_t *object, const char *name)
{
	char key[8];
	size_t length = strcspn(name, ".");
	memcpy(key, name, length);
	key[length] = '\0';
	const json_t *value = json_object_get(object, key);
	return name[length] ? find(value, name + length + 1) : value;
}

static void expect_equal(const json_t *json, const struct value *value)
{
	double number;
	switch (json ? json_typeof(json) : JSON_NULL) {
	case JSON_STRING:
		REQUIRE(value->type == VALUE_STRING && value->length == json_string_length(json));
		REQUIRE(memcmp(value->as.text, json_string_value(json), value->length) == 0);
		break;
	case JSON_INTEGER:
		REQUIRE(value->type == VALUE_INT && value->as.integer == json_integer_value(json));
		break;
	case JSON_REAL:
		REQUIRE(value->type == VALUE_FLOAT && value_number(value, &number));
		REQUIRE(number == json_real_value(json));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		REQUIRE(value->type == VALUE_BOOL && value->as.boolean == json_is_true(json));
		break;
	case JSON_NULL:
	case JSON_ARRAY:
	case JSON_OBJECT: REQUIRE(value->type == VALUE_NIL); break;
	}
}

static void expect_row(const struct subject *subject, const json_t *json)
{
	for (size_t i = 0; i < WANTED; i++) {
		int column = field_set_find(&subject->intake->fields, slice_of(wanted[i]));
		expect_equal(find(json, wanted[i]), &subject->batch.columns[column][0]);
	}
}

/** A shape learned from the line, if it can be, reads the same from it. */
static void judge_shape(struct subject *subject, struct slice line, const json_t *json,
			bool is_portable)
{
	struct time_memory time = {0};
	char *block = malloc(line.length + SHAPE_READABLE);
	memcpy(block, line.data, line.length);
	memset(block + line.length, '\n', SHAPE_READABLE);
	struct shape_run run = {
		.at = block,
		.stop = block + line.length,
		.line_bytes_max = line.length + 1,
		.batch = &subject->batch,
		.time = &time,
	};
	struct shape_set *set = shape_set_new(WANTED);
	if (is_portable)
		shape_set_use_portable(set);
	batch_clear(&subject->batch);
	shape_set_learn(set, subject->intake->names, line);
	shape_set_decode(set, &run);
	REQUIRE(subject->batch.row_count <= shape_set_count(set));
	if (subject->batch.row_count == 1) {
		REQUIRE(run.at == run.stop + 1);
		expect_row(subject, json);
	}
	shape_set_free(set);
	free(block);
}

/** What the referee cannot judge. */
static bool is_passed_over(struct slice line, const json_error_t *error)
{
	int depth = 0, deepest = 0;
	for (size_t i = 0; i < line.length; i++) {
		char c = line.data[i];
		depth += (c == '{' || c == '[') - (c == '}' || c == ']');
		deepest = depth > deepest ? depth : deepest;
	}
	enum json_error_code code = json_error_code(error);
	return deepest >= DECODE_DEPTH_MAX || code == json_error_numeric_overflow ||
	       code == json_error_null_byte_in_key || strstr(error->text, "NUL byte in object key");
}

static void judge(struct subject *subject, struct slice line)
{
	json_error_t error = {0};
	uint64_t mistyped = 0;
	struct err_note why = {0};
	json_t *json = json_loadb(line.data, line.length, JSON_ALLOW_NUL | JSON_DECODE_ANY, &error);
	batch_clear(&subject->batch);
	int rc = decoder_decode(subject->decoder, subject->intake, line, 0, &subject->batch,
				&mistyped, &why);
	if (memchr(line.data, '\0', line.length)) {
		REQUIRE(rc != 0 && decode_fault_explain(line, &why));
		json_decref(json);
		return;
	}
	if (is_passed_over(line, &error)) {
		json_decref(json);
		return;
	}
	/* The second, plain reading must agree with both. */
	bool has_fault = decode_fault_explain(line, &why);
	REQUIRE(has_fault == (json == NULL));
	if (rc == 0) {
		REQUIRE(json_is_object(json));
		expect_row(subject, json);
		if (!memchr(line.data, '\n', line.length)) {
			judge_shape(subject, line, json, false);
			judge_shape(subject, line, json, true);
		}
	} else if (json_is_object(json)) {
		REQUIRE(strstr(why.text, "the time field"));
	}
	json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct subject subject;
	if (!subject.intake)
		subject_init(&subject);
	/* An own allocation of the very size, so that reading behind the line is found. */
	char *line = malloc(size ? size : 1);
	memcpy(line, data, size);
	judge(&subject, (struct slice){line, size});
	free(line);
	return 0;
}
