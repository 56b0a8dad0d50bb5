#include "core/cli/check_format.h"

#include "core/base/bytes.h"
#include "core/base/printable.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

/* A very long line is shown around the part that is marked. */
enum { SHOWN_BYTES_MAX = 120, SHOWN_BEFORE = 60 };

/** Columns of a terminal that a character takes: from Hangul on most are two wide. */
static int width_of(unsigned char first)
{
	if ((first & 0xC0) == 0x80)
		return 0;
	return first >= 0xE2 ? 2 : 1;
}

static void append_spaces(const char *text, size_t bytes, struct bytes *out)
{
	for (size_t i = 0; i < bytes; i++)
		for (int k = width_of((unsigned char)text[i]); k > 0; k--)
			bytes_append_char(out, ' ');
}

static size_t to_character(const struct check_place *place, size_t at)
{
	while (at > 0 && at < place->line_bytes && ((unsigned char)place->line[at] & 0xC0) == 0x80)
		at--;
	return at;
}

/** A tab is one space in both rows, so the caret stands where it should. */
static void append_shown(const char *text, size_t bytes, struct bytes *out)
{
	struct bytes line = BYTES_EMPTY;

	bytes_append(&line, text, bytes);
	for (size_t i = 0; i < line.length; i++)
		if (line.data[i] == '\t')
			line.data[i] = ' ';
	bytes_append_char(&line, '\0');
	printable_append(out, line.data, false);
	bytes_deinit(&line);
}

/*
 *      8 |   treshold = ">= 20",
 *        |   ^~~~~~~~
 */
static void append_caret(const struct check_finding *finding, struct bytes *out)
{
	const struct check_place *place = &finding->place;
	size_t from = 0, end = place->line_bytes;

	if (place->line == NULL || place->length == 0 || finding->kind == CHECK_KIND_IMPACT)
		return;
	if (place->start > SHOWN_BYTES_MAX - SHOWN_BEFORE / 2)
		from = to_character(place, place->start - SHOWN_BEFORE);
	if (end - from > SHOWN_BYTES_MAX)
		end = to_character(place, from + SHOWN_BYTES_MAX);
	bytes_append_format(out, "%5d | ", finding->line);
	append_shown(place->line + from, end - from, out);
	bytes_append_text(out, "\n      | ");
	append_spaces(place->line + from, place->start - from, out);
	bytes_append_char(out, '^');
	for (int i = place->column + 1; i < place->end_column && i < place->column + SHOWN_BEFORE;
	     i++)
		bytes_append_char(out, '~');
	bytes_append_char(out, '\n');
}

void check_print_plain(const struct check_result *result)
{
	struct bytes out = BYTES_EMPTY;

	for (uint32_t i = 0; i < result->finding_count; i++) {
		const struct check_finding *finding = &result->findings[i];

		bytes_clear(&out);
		printable_append(&out, finding->file, false);
		if (finding->line > 0)
			bytes_append_format(&out, ":%d", finding->line);
		bytes_append_text(&out, ": ");
		if (finding->kind != CHECK_KIND_FAULT)
			bytes_append_format(&out, "%s: ", check_kind_level(finding->kind));
		printable_append(&out, finding->text, false);
		bytes_append_char(&out, '\n');
		append_caret(finding, &out);
		fwrite(out.data, 1, out.length, stdout);
	}
	bytes_deinit(&out);
}

/** A path that is not UTF-8 is shown as the terminal would have it. */
static json_t *text_json(const char *text)
{
	json_t *json = json_string(text);
	struct bytes clean = BYTES_EMPTY;

	if (json != NULL)
		return json;
	printable_append(&clean, text, false);
	json = json_string(clean.data);
	bytes_deinit(&clean);
	return json;
}

void check_print_json(const struct check_result *result)
{
	for (uint32_t i = 0; i < result->finding_count; i++) {
		const struct check_finding *finding = &result->findings[i];
		json_t *json = json_pack(
			"{s:s, s:s, s:o, s:i, s:i, s:i, s:o}", "level",
			check_kind_level(finding->kind), "kind", check_kind_id(finding->kind),
			"file", text_json(finding->file), "line", finding->line, "column",
			finding->place.column, "end_column", finding->place.end_column, "text",
			text_json(finding->text));

		json_dumpf(json, stdout, JSON_SORT_KEYS | JSON_COMPACT);
		json_decref(json);
		putchar('\n');
	}
}
