/** config_handling.h - `routes` and `inhibit` of the site: where alerts go, and which keep quiet.
 *
 *      routes = {
 *        { name = "pager", match = { severity = "critical" }, outputs = { "ops" },
 *          continue = true },
 *        { match = { labels = { team = "payments" } },
 *          group = { by = { "rule" }, wait = "30s", interval = "5m" }, repeat_every = "4h" },
 *      },
 *      inhibit = {
 *        { source = { rule = "gateway_down" }, target = { severity = "warning" },
 *          equal = { "merchantId" }, settle = "5s" },
 *      },
 *
 *  Part of struct config; texts live in its arena. What they mean: core/handling/handling.h.
 *  Limits: CONFIG_ROUTES_MAX, CONFIG_INHIBITS_MAX, CONFIG_HANDLING_FIELDS_MAX in `by` and `equal`.
 */
#ifndef TOCSIN_CORE_CONFIG_CONFIG_HANDLING_H
#define TOCSIN_CORE_CONFIG_CONFIG_HANDLING_H

#include <stdbool.h>
#include <stdint.h>

#include "core/config/match.h"

enum { CONFIG_ROUTES_MAX = 256, CONFIG_INHIBITS_MAX = 64, CONFIG_HANDLING_FIELDS_MAX = 16 };

struct config_route {
	const char *name; /**< default "route <number>" */
	struct match match;
	const char **outputs; /**< none: the rule's own */
	uint32_t output_count;
	bool is_continued; /**< routes after it are asked too */
	bool has_group;
	struct match_field *by;
	uint32_t by_count;
	int64_t wait_ms;     /**< from a group's first alert to its document */
	int64_t interval_ms; /**< at least, between two documents of a group */
	int64_t repeat_ms;   /**< an alert that is still open is told again; 0: never */
};

struct config_inhibit {
	const char *name; /**< default "inhibit <number>" */
	struct match source, target;
	struct match_field *equal;
	uint32_t equal_count;
	int64_t settle_ms;
};

#endif
