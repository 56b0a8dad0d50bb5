/** engine_metric.h - the windows of one metric: panes, and hours and days where rules have calendar
 *  windows.
 */
#ifndef TOCSIN_CORE_ENGINE_ENGINE_METRIC_H
#define TOCSIN_CORE_ENGINE_ENGINE_METRIC_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"

struct aggregate;
struct engine;
struct engine_source;
struct group_table;
struct metric;
struct rule;
struct rule_state;
struct window;
struct window_levels;

struct engine_metric {
	struct metric *metric;
	struct window *window;
	struct engine_source *source;
	int64_t keep_ms; /**< longest window + `every` of its rules + lateness + extra */
	int64_t cut_ms;  /**< panes that start before are refused */
	struct window_levels *levels; /**< of calendar windows (engine_levels.c); or NULL */
	uint32_t keys_max;            /**< of its rules, the most */
	uint32_t days_max;            /**< of its rules' calendar windows */
	bool has_early;               /**< some rule fires before its boundary */
	bool corrects_late;           /**< some rule judges past windows again */
	int64_t day_cut_ms;           /**< what begins before is refused by the levels too */
	int64_t expired_day;          /**< days before are gone from window and store */
	int64_t expired_ms;           /**< panes that start before are gone from window and store */
	struct rule_state **rules;    /**< [rule_count], borrowed */
	uint32_t rule_count;
};

/* engine_metrics.c */
struct engine_metric *engine_find_metric(const struct engine *engine, const struct metric *metric);
void engine_metric_free(struct engine_metric *metric);
/** Closes and forgets the panes of a source's metrics that its watermark has left behind. */
void engine_expire(struct engine *engine, const struct engine_source *source);

/* engine_levels.c: hours and days of metrics whose rules have calendar windows */
/** After a generation's rules were attached to their metrics: levels as they need them, and the
 *  window of each rule. */
void engine_install_levels(struct engine *engine);
/** Before the rules or metrics of a generation go. */
void engine_drop_slides(struct engine *engine);
/** Everything that is stored of a metric. */
void engine_delete_metric(struct engine *engine, const struct engine_metric *metric);
/** The window whose panes are stored under an id; or NULL. */
struct window *engine_find_window(const struct engine *engine, struct slice id);
struct engine_metric *engine_find_leveled(const struct engine *engine, struct slice id);
/** Where the window of a rule that ends at `to_ms` begins. */
int64_t engine_window_start(const struct engine *engine, const struct rule *rule, int64_t to_ms);
/** Rolls up and forgets what the watermark has left behind. True: something was rolled up. */
bool engine_roll_levels(struct engine *engine, struct engine_metric *metric);
/** A delta that begins at `start_ms`, as far as levels and totals are concerned. True: a level has
 *  it, so it is not lost when the metric's own window has let its pane go. */
bool engine_merge_level(struct engine_metric *metric, int64_t start_ms, struct slice key,
			const struct aggregate *delta);
/** The same for all groups of a table without a mark; gives the least start and the readings that
 *  were late for the window and are in a level. */
void engine_merge_levels(struct engine_metric *metric, const struct group_table *table,
			 int64_t *first_ms, uint64_t *saved_count);

#endif
