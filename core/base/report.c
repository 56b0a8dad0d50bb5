#include "core/base/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/require.h"

enum { NEAREST_WORD_BYTES_MAX = 64, NEAREST_DISTANCE_MAX = 2, FINDING_TEXT_BYTES_MAX = 2048 };

void report_init(struct report *report)
{
	*report = (struct report){NULL, 0, 0, 0};
}

void report_deinit(struct report *report)
{
	for (size_t i = 0; i < report->count; i++) {
		mem_free(report->findings[i].file);
		mem_free(report->findings[i].text);
	}
	mem_free(report->findings);
	report_init(report);
}

void report_add(struct report *report, const char *file, int line, const char *format, ...)
{
	char text[FINDING_TEXT_BYTES_MAX];
	va_list args;

	if (report->count == REPORT_FINDINGS_MAX) {
		report->dropped_count++;
		return;
	}
	if (report->count == report->capacity) {
		report->capacity = report->capacity == 0 ? 8 : report->capacity * 2;
		report->findings =
			mem_grow(report->findings, report->capacity, sizeof(*report->findings));
	}
	va_start(args, format);
	int printed = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	REQUIRE(printed >= 0);
	report->findings[report->count++] = (struct finding){
		.file = mem_copy_text(file),
		.line = line,
		.text = mem_copy_text(text),
	};
}

int finding_format(const struct finding *finding, char *out, size_t out_bytes)
{
	if (finding->line > 0)
		return snprintf(out, out_bytes, "%s:%d: %s", finding->file, finding->line,
				finding->text);
	return snprintf(out, out_bytes, "%s: %s", finding->file, finding->text);
}

static int min_of(int a, int b)
{
	return a < b ? a : b;
}

/* Optimal string alignment: insert, delete, replace and swap of two neighbours cost 1 each. */
static int edit_distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	int rows[3][NEAREST_WORD_BYTES_MAX + 1];
	int *before = rows[0], *last = rows[1], *row = rows[2];

	for (size_t j = 0; j <= b_length; j++)
		last[j] = (int)j;
	memset(before, 0, sizeof(rows[0]));
	for (size_t i = 1; i <= a_length; i++) {
		row[0] = (int)i;
		for (size_t j = 1; j <= b_length; j++) {
			int replaced = last[j - 1] + (a[i - 1] != b[j - 1]);
			int distance = min_of(replaced, min_of(last[j], row[j - 1]) + 1);

			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				distance = min_of(distance, before[j - 2] + 1);
			row[j] = distance;
		}
		int *oldest = before;

		before = last;
		last = row;
		row = oldest;
	}
	return last[b_length];
}

const char *report_nearest(const char *word, const char *const *names)
{
	size_t length = strlen(word);
	/* Two edits turn any word of three letters into nearly any other: no help to anybody. */
	int best = length <= 3 ? 2 : NEAREST_DISTANCE_MAX + 1;
	const char *nearest = NULL;

	if (length > NEAREST_WORD_BYTES_MAX)
		return NULL;
	for (; *names != NULL; names++) {
		size_t name_length = strlen(*names);

		if (name_length > NEAREST_WORD_BYTES_MAX)
			continue;
		int distance = edit_distance(word, length, *names, name_length);
		if (distance < best) {
			best = distance;
			nearest = *names;
		}
	}
	return nearest;
}
