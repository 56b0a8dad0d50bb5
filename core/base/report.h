/** report.h - a list of findings about files: `file:line: text`, errors first to last as found.
 *  Owner: report_init() caller's memory, report_deinit() frees the findings. Texts are copied.
 *  Limits: REPORT_FINDINGS_MAX kept, more are counted.
 */
#ifndef TOCSIN_CORE_BASE_REPORT_H
#define TOCSIN_CORE_BASE_REPORT_H

#include <stddef.h>

enum { REPORT_FINDINGS_MAX = 1000 };

struct finding {
	char *file; /**< path as the user wrote it */
	int line;   /**< from 1; 0 = the file as a whole */
	char *text;
};

struct report {
	struct finding *findings;
	size_t count;
	size_t capacity;
	size_t dropped_count;
};

void report_init(struct report *report);
void report_deinit(struct report *report);

void report_add(struct report *report, const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/** Writes one finding as "file:line: text" (without line when it is 0), no line end. */
int finding_format(const struct finding *finding, char *out, size_t out_bytes);

/** Nearest of `names` (NULL-terminated) to `word` by edit distance <= 2 (<= 1 up to three letters),
 *  or NULL: "did you mean". */
const char *report_nearest(const char *word, const char *const *names);

#endif
