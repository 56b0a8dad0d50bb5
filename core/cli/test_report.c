#include "core/cli/test_report.h"

#include "core/base/bytes.h"
#include "core/base/printable.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** Texts of a test may hold what came in a reading. */
static void print_safe(const char *text)
{
	struct bytes safe = BYTES_EMPTY;

	printable_append(&safe, text, false);
	fputs(safe.data != NULL ? safe.data : "", stdout);
	bytes_deinit(&safe);
}

static void append_value(const json_t *value, struct bytes *out)
{
	char *text = value != NULL ? json_dumps(value, JSON_ENCODE_ANY | JSON_SORT_KEYS) : NULL;

	bytes_append_text(out, text != NULL ? text : "nothing");
	free(text);
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "";
}

/** An effect, which has a key, or a run. */
static void append_plan_nearest(const json_t *nearest, const char *indent, struct bytes *out)
{
	if (json_object_get(nearest, "key") != NULL) {
		bytes_append_format(out, "%sthe effect: %s %s: %s\n", indent,
				    text_of(nearest, "action"), text_of(nearest, "step"),
				    text_of(nearest, "text"));
		return;
	}
	bytes_append_format(out, "%sthe run: %s %s", indent, text_of(nearest, "id"),
			    text_of(nearest, "state"));
	if (json_object_get(nearest, "waiting_for") != NULL)
		bytes_append_format(out, ", waits for %s", text_of(nearest, "waiting_for"));
	if (json_object_get(nearest, "error") != NULL)
		bytes_append_format(out, ": %s", text_of(nearest, "error"));
	bytes_append_char(out, '\n');
}

/** "value: wanted 41, found 40", a line for each difference, then the alert that was nearest. */
static void append_details(const json_t *details, const char *indent, struct bytes *out)
{
	const json_t *nearest = json_object_get(details, "nearest");
	const json_t *one;
	size_t index;

	json_array_foreach(json_object_get(details, "differences"), index, one)
	{
		bytes_append_format(out, "%s%s: wanted ", indent,
				    json_string_value(json_object_get(one, "field")));
		append_value(json_object_get(one, "wanted"), out);
		bytes_append_text(out, ", found ");
		append_value(json_object_get(one, "found"), out);
		bytes_append_char(out, '\n');
	}
	if (nearest == NULL)
		return;
	if (json_object_get(nearest, "records") != NULL ||
	    json_object_get(nearest, "key") != NULL) {
		append_plan_nearest(nearest, indent, out);
		return;
	}
	bytes_append_format(out, "%sthe alert: %s@%" JSON_INTEGER_FORMAT " %s ", indent,
			    json_string_value(json_object_get(nearest, "rule")),
			    json_integer_value(json_object_get(nearest, "version")),
			    json_string_value(json_object_get(nearest, "state")));
	append_value(json_object_get(nearest, "dimension"), out);
	bytes_append_text(out, " value ");
	append_value(json_object_get(nearest, "value"), out);
	bytes_append_format(out, ", window_end %s\n",
			    json_string_value(json_object_get(nearest, "window_end")));
}

static void print_plain(struct test_report *report, const struct test_result *result)
{
	struct bytes text = BYTES_EMPTY, safe = BYTES_EMPTY;

	if (report->last_path == NULL || strcmp(report->last_path, result->path) != 0)
		printf("%s\n", result->path);
	report->last_path = result->path;
	fputs(result->text != NULL ? "  FAIL  " : "  ok    ", stdout);
	print_safe(result->name);
	printf(" (%.1f ms)\n", result->spent_ms);
	if (result->text == NULL)
		return;
	if (result->line > 0)
		printf("        %s:%d: ", result->path, result->line);
	else
		printf("        %s: ", result->path);
	print_safe(result->text);
	putchar('\n');
	append_details(result->details, "          ", &text);
	if (text.length > 0)
		printable_append(&safe, text.data, true);
	fputs(safe.data != NULL ? safe.data : "", stdout);
	bytes_deinit(&text);
	bytes_deinit(&safe);
}

static void keep(struct test_report *report, const struct test_result *result)
{
	json_t *one = json_pack("{s:s, s:s, s:s, s:i, s:b, s:f}",
				result->kind == SCRIPT_PLAN ? "plan" : "rule", result->script,
				"file", result->path, "name", result->name, "line", result->line,
				"ok", result->text == NULL, "ms", result->spent_ms);
	json_t *differences = json_object_get(result->details, "differences");
	json_t *nearest = json_object_get(result->details, "nearest");

	/* A name that is not UTF-8. */
	if (one == NULL)
		one = json_pack("{s:s, s:i, s:b, s:f}", "name", "?", "line", result->line, "ok",
				result->text == NULL, "ms", result->spent_ms);
	if (result->text != NULL)
		json_object_set_new(one, "text", json_string(result->text));
	if (differences != NULL)
		json_object_set(one, "differences", differences);
	if (nearest != NULL)
		json_object_set(one, "nearest", nearest);
	if (report->results == NULL)
		report->results = json_array();
	json_array_append_new(report->results, one);
}

void test_report_add(struct test_report *report, const struct test_result *result)
{
	report->spent_ms += result->spent_ms;
	if (result->text == NULL)
		report->passed_count++;
	else
		report->failed_count++;
	if (report->format == TEST_PLAIN)
		print_plain(report, result);
	else
		keep(report, result);
}

/* ---- junit ---- */

/** Control characters have no form in XML at all. */
static void print_xml(const char *text)
{
	for (; text != NULL && *text != '\0'; text++)
		switch (*text) {
		case '<': fputs("&lt;", stdout); break;
		case '>': fputs("&gt;", stdout); break;
		case '&': fputs("&amp;", stdout); break;
		case '"': fputs("&quot;", stdout); break;
		default:
			putchar((unsigned char)*text < 32 && *text != '\n' && *text != '\t'
					? '?'
					: *text);
		}
}

static void print_junit_case(const json_t *one)
{
	struct bytes details = BYTES_EMPTY;

	fputs("  <testcase classname=\"", stdout);
	print_xml(text_of(one, json_object_get(one, "plan") != NULL ? "plan" : "rule"));
	fputs("\" name=\"", stdout);
	print_xml(text_of(one, "name"));
	fputs("\" file=\"", stdout);
	print_xml(text_of(one, "file"));
	printf("\" time=\"%.4f\"", json_real_value(json_object_get(one, "ms")) / 1000);
	if (json_is_true(json_object_get(one, "ok"))) {
		fputs("/>\n", stdout);
		return;
	}
	fputs(">\n    <failure message=\"", stdout);
	print_xml(text_of(one, "text"));
	fputs("\">", stdout);
	print_xml(text_of(one, "file"));
	printf(":%d\n", (int)json_integer_value(json_object_get(one, "line")));
	append_details(one, "", &details);
	print_xml(details.data);
	fputs("</failure>\n  </testcase>\n", stdout);
	bytes_deinit(&details);
}

static void print_junit(const struct test_report *report)
{
	const json_t *one;
	size_t index;

	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", stdout);
	printf("<testsuite name=\"tocsin\" tests=\"%u\" failures=\"%u\" time=\"%.4f\">\n",
	       report->passed_count + report->failed_count, report->failed_count,
	       report->spent_ms / 1000);
	json_array_foreach(report->results, index, one) print_junit_case(one);
	fputs("</testsuite>\n", stdout);
}

static void print_json(const struct test_report *report)
{
	json_t *document = json_pack("{s:i, s:i, s:f, s:O}", "passed", (int)report->passed_count,
				     "failed", (int)report->failed_count, "ms", report->spent_ms,
				     "tests", report->results);

	json_dumpf(document, stdout, JSON_SORT_KEYS | JSON_COMPACT);
	putchar('\n');
	json_decref(document);
}

void test_report_end(struct test_report *report)
{
	if (report->results == NULL)
		report->results = json_array();
	switch (report->format) {
	case TEST_PLAIN: break;
	case TEST_JSON: print_json(report); break;
	case TEST_JUNIT: print_junit(report); break;
	}
	fprintf(report->format == TEST_PLAIN ? stdout : stderr,
		"%u tests, %u passed, %u failed, %.0f ms\n",
		report->passed_count + report->failed_count, report->passed_count,
		report->failed_count, report->spent_ms);
	json_decref(report->results);
	report->results = NULL;
}
