#include "core/handling/match_alert.h"

#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/report.h"
#include "core/filter/regex.h"
#include "core/handling/json_tree.h"
#include "core/model/alert.h"

#include <criterion/criterion.h>

#include <string.h>

static struct alert alert_of(struct bytes *key)
{
	static const char *const by[] = {"merchantId", "code", "city"};
	struct value merchant = {.type = VALUE_STRING, .length = 2, .as.text = "m1"};
	struct value code = {.type = VALUE_INT, .as.integer = 42};
	struct value city = {.type = VALUE_NIL};

	dimension_append(key, &merchant);
	dimension_append(key, &code);
	dimension_append(key, &city);
	return (struct alert){.rule = "pay_slow",
			      .state = ALERT_NODATA,
			      .severity = "warning",
			      .labels_json = "{\"team\":\"payments\",\"level\":\"\"}",
			      .key = bytes_slice(key),
			      .by = by,
			      .by_count = 3};
}

static bool holds(const char *match_json)
{
	struct arena arena;
	struct report report;
	struct match match;
	struct match_subject subject;
	struct bytes key = BYTES_EMPTY;
	const struct tree *tree = NULL;
	struct alert alert = alert_of(&key);
	struct regex_matcher *matcher = regex_matcher_new();

	arena_init(&arena);
	report_init(&report);
	cr_assert_eq(json_tree_new(match_json, &arena, &tree, NULL), 0);
	cr_assert(match_read(&match, &arena, tree, "f", "match", &report), "%s",
		  report.count > 0 ? report.findings[0].text : "");
	match_subject_init(&subject, &alert, NULL, matcher);
	bool is_held = match_holds(&match, &subject);
	match_subject_deinit(&subject);
	match_deinit(&match);
	report_deinit(&report);
	arena_deinit(&arena);
	regex_matcher_free(matcher);
	bytes_deinit(&key);
	return is_held;
}

Test(match_alert, exact_lists_and_regexes_of_every_property)
{
	static const char *const good[] = {
		"{}",
		"{\"rule\":\"pay_slow\"}",
		"{\"rule\":[\"x\",\"pay_slow\"]}",
		"{\"rule\":{\"regex\":\"^pay_\"}}",
		"{\"state\":\"nodata\"}",
		"{\"severity\":{\"regex\":\"warn|crit\"}}",
		"{\"labels\":{\"team\":\"payments\"}}",
		"{\"labels\":{\"level\":\"\"}}",
		"{\"dimension\":{\"merchantId\":{\"regex\":\"1$\"},\"code\":\"42\"}}",
		("{\"rule\":\"pay_slow\",\"severity\":\"warning\","
		 "\"dimension\":{\"code\":[\"42\"]}}"),
	};
	static const char *const bad[] = {
		"{\"rule\":\"pay\"}",
		"{\"rule\":{\"regex\":\"^slow\"}}",
		"{\"state\":\"firing\"}",
		"{\"category\":\"offline\"}",
		"{\"category\":{\"regex\":\"\"}}",
		"{\"labels\":{\"owner\":{\"regex\":\"\"}}}",
		"{\"dimension\":{\"city\":{\"regex\":\"\"}}}",
		"{\"dimension\":{\"rule\":\"pay_slow\"}}",
		"{\"rule\":\"pay_slow\",\"severity\":\"critical\"}",
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		cr_expect(holds(good[i]), "%s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_not(holds(bad[i]), "%s", bad[i]);
}

/** A match of so many label matchers, and of one list of so many values. */
static bool is_read(int matcher_count, int value_count)
{
	struct arena arena;
	struct report report;
	struct match match = {0};
	struct bytes text = BYTES_EMPTY;
	const struct tree *tree = NULL;

	bytes_append_text(&text, "{\"labels\":{");
	for (int i = 0; i < matcher_count; i++) {
		bytes_append_format(&text, "%s\"l%d\":[", i > 0 ? "," : "", i);
		for (int j = 0; j < value_count; j++)
			bytes_append_text(&text, j > 0 ? ",\"v\"" : "\"v\"");
		bytes_append_char(&text, ']');
	}
	bytes_append_text(&text, "}}");
	arena_init(&arena);
	report_init(&report);
	cr_assert_eq(json_tree_new(text.data, &arena, &tree, NULL), 0);
	bool is_good = match_read(&match, &arena, tree, "f", "match", &report);
	match_deinit(&match);
	report_deinit(&report);
	arena_deinit(&arena);
	bytes_deinit(&text);
	return is_good;
}

Test(match_alert, limits_of_matchers_and_values)
{
	cr_expect(is_read(MATCHERS_MAX, 1));
	cr_expect_not(is_read(MATCHERS_MAX + 1, 1));
	cr_expect(is_read(1, MATCH_VALUES_MAX));
	cr_expect_not(is_read(1, MATCH_VALUES_MAX + 1));
}

Test(match_alert, names_of_fields)
{
	static const struct {
		const char *text;
		enum match_what what;
		const char *name;
	} rows[] = {
		{"rule", MATCH_RULE, NULL},
		{"severity", MATCH_SEVERITY, NULL},
		{"state", MATCH_STATE, NULL},
		{"category", MATCH_CATEGORY, NULL},
		{"labels.team", MATCH_LABEL, "team"},
		{"dimension.rule", MATCH_DIMENSION, "rule"},
		{"merchantId", MATCH_DIMENSION, "merchantId"},
	};
	struct arena arena;

	arena_init(&arena);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct match_field field = match_field_of(&arena, rows[i].text);

		cr_expect_eq(field.what, rows[i].what, "%s", rows[i].text);
		cr_expect_str_eq(field.text, rows[i].text);
		cr_expect(rows[i].name == NULL ? field.name == NULL
					       : strcmp(field.name, rows[i].name) == 0);
	}
	arena_deinit(&arena);
}

Test(match_alert, json_that_is_too_deep_is_refused)
{
	struct arena arena;
	struct err_note why = {{0}};
	const struct tree *tree = NULL;
	char text[2 * 20 + 1];

	memset(text, '[', 20);
	memset(text + 20, ']', 20);
	text[40] = '\0';
	arena_init(&arena);
	cr_expect_eq(json_tree_new(text, &arena, &tree, &why), ERR_INVALID);
	cr_expect_str_eq(why.text, "the table is too deep or too large");
	arena_deinit(&arena);
}
