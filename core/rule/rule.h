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
#include "core/model/dimension.h"
#include "core/rule/rule_condition.h"
#include "core/window/metric.h"

struct config;
struct err_note;
struct key_filter;
struct key_thresholds;
struct report;
struct rule_baseline;
struct rule_message;
struct rule_runner;
struct rule_trend;
struct tree;
struct valid_time;

#define RULE_TYPE_LIST(X)                                                                          \
	X(COUNT, "count")                                                                          \
	X(FIELD, "field")                                                                          \
	X(CONTINUOUS, "continuous")                                                                \
	X(GROUP, "group")                                                                          \
	X(SCRIPT, "script")                                                                        \
	X(BASELINE, "baseline")
enum rule_type {
#define RULE_TYPE_ENUM(name, text) RULE_##name,
	RULE_TYPE_LIST(RULE_TYPE_ENUM)
#undef RULE_TYPE_ENUM
};

enum {
	RULE_NAME_BYTES_MAX = 64,
	RULE_VERSION_MAX = 999999,
	RULE_LABELS_MAX = 32,
	RULE_LABEL_NAME_BYTES_MAX = 64,
	RULE_LABEL_BYTES_MAX = 1000,
	RULE_TITLE_BYTES_MAX = 200,
	RULE_DESCRIPTION_BYTES_MAX = 4000,
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
	const char *field;      /**< value field, or the watched one (continuous); NULL */
	struct measure measure; /**< what is computed */
	const char *statistic;  /**< its name: "max", "p99.9" */
	const char *values[METRIC_VALUES_MAX];  /**< value fields of all its expressions */
	uint8_t value_needs[METRIC_VALUES_MAX]; /**< enum cell_need of each */
	uint32_t value_count;
	int64_t window_ms, pane_ms, every_ms;
	uint32_t window_days; /**< calendar days of the site's zone ("1d"); 0: it slides ("24h") */
	/** The comparison of a rule that has one; else only its text, as the document shows it. */
	struct threshold threshold;
	const char *output;
	const char *severity;    /**< info | warning | critical; default warning */
	const char *labels_json; /**< object text, "{}" */
	const char *incident_keys[DIMENSION_FIELDS_MAX]; /**< `incident = { key = {…} }` */
	uint32_t incident_key_count;
	bool has_incident_key;
	bool needs_approval;        /**< `incident = { approve = true }` */
	int64_t effective_ms;       /**< from when a new version runs; 0: at once */
	bool opens_incident;        /**< `incident = false` turns it off; default true */
	struct rule_runner *runner; /**< owned; rules with functions */

	/* what is judged, and when somebody is told (rule_read_judge.c) */
	struct rule_level levels[RULE_LEVELS_MAX]; /**< mildest first; a script has all */
	uint32_t level_count;
	bool is_plain; /**< one comparison, told at once: nothing below, but what defaults say */
	enum rule_no_data no_data;
	int64_t no_data_after_ms;   /**< silence before it is a finding; at least the window */
	const struct slice *expect; /**< keys that must send (dimension.h), sorted */
	uint32_t expect_count;
	uint64_t min_samples; /**< fewer readings: no judgement. 0: none are needed */
	struct rule_flap flap;
	struct rule_non_disturb non_disturb;
	uint32_t keys_max;            /**< 0: the site's */
	int64_t key_idle_ms;          /**< a key without readings that long is forgotten */
	struct rule_message *message; /**< template (rule_message.h); or NULL */
	uint32_t sample_count;        /**< log lines in an alert; 0: none */
	bool is_early;                /**< fires at the commit that crosses the threshold */
	bool corrects_late;           /**< a late reading judges its windows again */

	/* which keys, and when (rule_read_lookup.c); owned, NULL: no such option */
	struct valid_time *valid_time;
	struct key_filter *key_filter;         /**< `dimensions` and `exclude` */
	struct key_thresholds *key_thresholds; /**< numbers in place of the rule's */

	/* smart rules (rule_read_baseline.c); in the arena, or NULL */
	struct rule_baseline *baseline;
	struct rule_trend *trend;

	/* rules with functions (rule_read_script.c) */
	uint32_t streak;     /**< continuous: readings in a row; 0: a count of the window */
	bool has_on_reading; /**< the runner is asked about each matching reading */
	bool has_on_window;
	bool has_on_timer;
};

/** Reads and checks what a rule file returned (a MAP with the hidden entry "type"). Filter, fields
 *  and types are checked against the source's schema, output and source names against `config`
 *  (NULL, because the site is faulty: the names are not checked, and the rule is of no use).
 *  Faults go to `report` with file:line; NULL when there was any. `runner` is taken (also on
 *  failure); NULL when it has no function. */
struct rule *rule_new(const struct tree *tree, const char *name, uint32_t version, const char *file,
		      const char *hash, struct rule_runner *runner, const struct config *config,
		      struct report *report);
/** What a rule with baselines or a trend compares its value with; NULL: there is no such. */
const char *rule_reference_name(const struct rule *rule, uint32_t index);
struct rule *rule_ref(struct rule *rule);
void rule_unref(struct rule *rule);

const char *rule_type_name(enum rule_type type);
int rule_type_parse(const char *text);
/** Windows that ended so long before the last boundary may be judged again, and their panes are
 *  kept: 64 of them, an hour at most; 0 without `late = "correct"`. */
int64_t rule_late_reach_ms(const struct rule *rule);

#endif
