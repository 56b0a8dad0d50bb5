/** rule.h - one version of a rule: its declared part, checked and ready to evaluate.
 *
 *  All types reduce to one shape: a metric, a statistic, a condition. `count` has no dimension,
 *  `field` has a value field, `continuous` is grouped by its field, `group` by its `by` fields,
 *  `script` lets a function decide (rule_runner.h).
 *  Owner: rule_new() result is shared by count (rule_ref/rule_unref, owner thread).
 */
#ifndef TOCSIN_CORE_RULE_RULE_H
#define TOCSIN_CORE_RULE_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/model/aggregate.h"
#include "core/model/dimension.h"
#include "core/window/metric.h"

struct config;
struct err_note;
struct report;
struct rule_runner;
struct tree;

#define RULE_TYPE_LIST(X)                                                                          \
	X(COUNT, "count")                                                                          \
	X(FIELD, "field")                                                                          \
	X(CONTINUOUS, "continuous")                                                                \
	X(GROUP, "group")                                                                          \
	X(SCRIPT, "script")
enum rule_type {
#define RULE_TYPE_ENUM(name, text) RULE_##name,
	RULE_TYPE_LIST(RULE_TYPE_ENUM)
#undef RULE_TYPE_ENUM
};

#define COMPARE_LIST(X) X(GT, ">") X(GE, ">=") X(LT, "<") X(LE, "<=") X(EQ, "==") X(NE, "!=")
enum compare {
#define COMPARE_ENUM(name, text) COMPARE_##name,
	COMPARE_LIST(COMPARE_ENUM)
#undef COMPARE_ENUM
};

struct threshold {
	enum compare compare;
	double number;
	const char *text; /**< ">=400": without spaces, as the document shows it */
};

enum {
	RULE_NAME_BYTES_MAX = 64,
	RULE_VERSION_MAX = 999999,
	RULE_LABELS_MAX = 32,
	RULE_READS_MAX = METRIC_READS_MAX
};

struct rule {
	struct arena arena;
	unsigned reference_count;
	const char *name; /**< folder; letters, digits, `_ - .` and UTF-8 letters */
	uint32_t version; /**< file name */
	enum rule_type type;
	const char *file;
	char hash[33]; /**< XXH3-128 of the file's text, hex */
	const char *description;
	const char *title; /**< shown as name in alerts; the folder name when absent */
	const char *source;
	const char *filter;                /**< as written, or "" */
	const char *reads[RULE_READS_MAX]; /**< fields that the filter function sees */
	uint32_t read_count;
	bool has_filter_function; /**< then `filter` is "" */
	const char *by[DIMENSION_FIELDS_MAX];
	uint32_t by_count;
	const char *field; /**< value field, or the watched one (continuous); NULL */
	enum statistic statistic;
	int64_t window_ms, pane_ms, every_ms;
	struct threshold threshold;
	const char *output;
	const char *severity;    /**< info | warning | critical; default warning */
	const char *labels_json; /**< object text, "{}" */
	const char *incident_keys[DIMENSION_FIELDS_MAX]; /**< `incident = { key = {…} }` */
	uint32_t incident_key_count;
	bool has_incident_key;
	bool opens_incident;        /**< `incident = false` turns it off; default true */
	struct rule_runner *runner; /**< owned; rules with functions */
};

/** Reads and checks what a rule file returned (a MAP with the hidden entry "type"). Filter, fields
 *  and types are checked against the source's schema, output and source names against `config`
 *  (NULL, because the site is faulty: the names are not checked, and the rule is of no use).
 *  Faults go to `report` with file:line; NULL when there was any. `runner` is taken (also on
 *  failure); NULL when it has no function. */
struct rule *rule_new(const struct tree *tree, const char *name, uint32_t version, const char *file,
		      const char *hash, struct rule_runner *runner, const struct config *config,
		      struct report *report);
struct rule *rule_ref(struct rule *rule);
void rule_unref(struct rule *rule);

bool threshold_holds(const struct threshold *threshold, double value);
int threshold_parse(struct arena *arena, const char *text, struct threshold *out,
		    struct err_note *why);
const char *rule_type_name(enum rule_type type);
int rule_type_parse(const char *text);

#endif
