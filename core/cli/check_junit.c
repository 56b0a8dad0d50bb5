/* JUnit XML as continuous-integration servers read it: a test case for each file of the site; all
 * faults of a file are one failure, for several are not read everywhere. */
#include "core/cli/check_format.h"

#include "core/base/bytes.h"
#include "core/base/utf8.h"
#include "lua/host/generation.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/** U+FFFE and U+FFFF are characters of UTF-8, but not of XML 1.0. */
static bool is_no_character(const char *text, size_t length)
{
	return length == 3 &&
	       (memcmp(text, "\xEF\xBF\xBE", 3) == 0 || memcmp(text, "\xEF\xBF\xBF", 3) == 0);
}

/** XML 1.0 has no control characters but these three, and no halves of characters. */
static void append_escaped(const char *text, struct bytes *out)
{
	size_t left = strlen(text);

	while (left > 0) {
		unsigned char c = (unsigned char)*text;
		size_t length = utf8_length(text, left);

		if (c == '&')
			bytes_append_text(out, "&amp;");
		else if (c == '<')
			bytes_append_text(out, "&lt;");
		else if (c == '>')
			bytes_append_text(out, "&gt;");
		else if (c == '"')
			bytes_append_text(out, "&quot;");
		else if (c == '\n')
			bytes_append_text(out, "&#10;");
		else if (is_no_character(text, length))
			bytes_append_text(out, UTF8_REPLACEMENT);
		else if (length == 0 || (c < ' ' && c != '\t') || c == 0x7F)
			bytes_append_format(out, "\\x%02X", c);
		else
			bytes_append(out, text, length);
		length = length == 0 ? 1 : length;
		text += length;
		left -= length;
	}
}

static void append_finding(const struct check_finding *finding, struct bytes *out)
{
	append_escaped(finding->file, out);
	if (finding->line > 0)
		bytes_append_format(out, ":%d", finding->line);
	if (finding->place.column > 0)
		bytes_append_format(out, ":%d", finding->place.column);
	bytes_append_text(out, ": ");
	append_escaped(finding->text, out);
	bytes_append_char(out, '\n');
}

/** Everything of one kind about a file; the number of findings. */
static uint32_t append_all(const struct check_result *result, const char *file, bool wants_faults,
			   struct bytes *out)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < result->finding_count; i++) {
		const struct check_finding *finding = &result->findings[i];

		if ((finding->kind == CHECK_KIND_FAULT) != wants_faults ||
		    strcmp(finding->file, file) != 0)
			continue;
		append_finding(finding, out);
		count++;
	}
	return count;
}

static const char *first_fault(const struct check_result *result, const char *file)
{
	for (uint32_t i = 0; i < result->finding_count; i++)
		if (result->findings[i].kind == CHECK_KIND_FAULT &&
		    strcmp(result->findings[i].file, file) == 0)
			return result->findings[i].text;
	return "";
}

static void print_case(const struct check_result *result, const char *file, struct bytes *out)
{
	struct bytes faults = BYTES_EMPTY, notes = BYTES_EMPTY;
	uint32_t fault_count = append_all(result, file, true, &faults);
	uint32_t note_count = append_all(result, file, false, &notes);

	bytes_append_text(out, "    <testcase classname=\"tocsin.check\" name=\"");
	append_escaped(file, out);
	bytes_append_text(out, "\" time=\"0\">\n");
	if (fault_count > 0) {
		bytes_append_text(out, "      <failure type=\"fault\" message=\"");
		append_escaped(first_fault(result, file), out);
		bytes_append_text(out, "\">");
		bytes_append_slice(out, bytes_slice(&faults));
		bytes_append_text(out, "</failure>\n");
	}
	if (note_count > 0) {
		bytes_append_text(out, "      <system-out>");
		bytes_append_slice(out, bytes_slice(&notes));
		bytes_append_text(out, "</system-out>\n");
	}
	bytes_append_text(out, "    </testcase>\n");
	bytes_deinit(&faults);
	bytes_deinit(&notes);
}

static bool is_file_of(const struct generation *generation, const char *path)
{
	for (uint32_t i = 0; i < generation->file_count; i++)
		if (strcmp(generation->files[i].path, path) == 0)
			return true;
	return false;
}

/** Is it the first finding about something that is no file of the site (a wrong name)? */
static bool is_new_stranger(const struct check_result *result, uint32_t index)
{
	const char *file = result->findings[index].file;

	for (uint32_t i = 0; i < index; i++)
		if (strcmp(result->findings[i].file, file) == 0)
			return false;
	return !is_file_of(result->generation, file);
}

struct totals {
	uint32_t cases, failures;
};

static void print_all(const struct check_result *result, struct totals *totals, struct bytes *out)
{
	const struct generation *generation = result->generation;

	for (uint32_t i = 0; i < generation->file_count; i++) {
		const char *file = generation->files[i].path;

		totals->cases++;
		totals->failures += first_fault(result, file)[0] != '\0';
		print_case(result, file, out);
	}
	for (uint32_t i = 0; i < result->finding_count; i++) {
		if (!is_new_stranger(result, i))
			continue;
		totals->cases++;
		totals->failures++;
		print_case(result, result->findings[i].file, out);
	}
}

void check_print_junit(const struct check_result *result)
{
	struct bytes out = BYTES_EMPTY;
	struct totals totals = {0, 0};

	print_all(result, &totals, &out);
	printf("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	       "<testsuites name=\"tocsin check\" tests=\"%u\" failures=\"%u\" errors=\"0\" "
	       "time=\"0\">\n"
	       "  <testsuite name=\"tocsin check\" tests=\"%u\" failures=\"%u\" errors=\"0\" "
	       "skipped=\"0\" time=\"0\">\n",
	       totals.cases, totals.failures, totals.cases, totals.failures);
	fwrite(out.data, 1, out.length, stdout);
	fputs("  </testsuite>\n</testsuites>\n", stdout);
	bytes_deinit(&out);
}
