/** match.h - which alerts are meant: a table of matchers, all of which must hold.
 *
 *      { rule = "pay_failures", severity = { "warning", "critical" }, state = "firing",
 *        category = "offline", labels = { team = { regex = "^pay" } },
 *        dimension = { merchantId = "m0001" } }
 *
 *  A value is a text, a list of texts (any of them), or { regex = "…" } (PCRE2, core/filter/regex).
 *  Owner: match_read() fills the caller's struct; texts live in its arena, match_deinit() frees the
 *  regexes. core/handling/match_alert.h holds it against an alert.
 *  Limits: MATCHERS_MAX in one table, MATCH_VALUES_MAX in one list, MATCH_REGEX_BYTES_MAX.
 */
#ifndef TOCSIN_CORE_CONFIG_MATCH_H
#define TOCSIN_CORE_CONFIG_MATCH_H

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct config;
struct regex;
struct report;
struct tree;

enum { MATCHERS_MAX = 16, MATCH_VALUES_MAX = 1000, MATCH_REGEX_BYTES_MAX = 1024 };

enum match_what {
	MATCH_RULE,
	MATCH_SEVERITY,
	MATCH_STATE,
	MATCH_CATEGORY, /**< or one above it */
	MATCH_LABEL,
	MATCH_DIMENSION,
};

/** One property of an alert, as `by` and `equal` name it too. */
struct match_field {
	enum match_what what;
	const char *name; /**< of the label or the dimension's field; else NULL */
	const char *text; /**< as it was written */
};

struct matcher {
	struct match_field field;
	const char **values;
	uint32_t value_count;
	struct regex *regex; /**< NULL: values */
	int line;            /**< where it was written */
};

struct match {
	struct matcher *matchers; /**< none: every alert */
	uint32_t count;
};

/** Faults go to `report` and give false; then there is nothing to free. `what` names the table in
 *  messages ("route 2"). NULL `tree`: every alert. */
bool match_read(struct match *out, struct arena *arena, const struct tree *tree, const char *file,
		const char *what, struct report *report);
/** Values (no regexes) of severity, state and category that no alert can have are faults. Not for
 *  what is stored: the site's categories may be others by then. False: faults in `report`. */
bool match_check_values(const struct match *match, const struct config *config, const char *file,
			const char *what, struct report *report);
void match_deinit(struct match *match);

/** "rule", "severity", "state", "category", "labels.<name>"; "dimension.<field>" or any other name
 *  is a field of the dimension. Copied into the arena. */
struct match_field match_field_of(struct arena *arena, const char *text);

#endif
