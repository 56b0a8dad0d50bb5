/** config_incidents.h - `incidents` of the site: how alerts become incidents and what time does.
 *
 *      incidents = {
 *        group_by = { "category" }, reopen_window = "10m", resolve = "all", close_after = "7d",
 *        siblings = { count = 3, within = "10m" }, approve = { "guess" }, approve_within = "1h",
 *        ack_timeout = "30m", cool_down = "30m", merchants = { 50, 10, 3 },
 *        priority = { { 1, 1, 2, 3 }, { 1, 2, 3, 4 }, { 2, 3, 4, 5 }, { 3, 4, 5, 5 } },
 *        tell = { "team" }, tell_limit = { 5, "10m" },
 *      }
 *
 *  Part of struct config; texts live in its arena. What they mean:
 *  core/incident/incident_settings.h.
 */
#ifndef TOCSIN_CORE_CONFIG_CONFIG_INCIDENTS_H
#define TOCSIN_CORE_CONFIG_CONFIG_INCIDENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/channel/rate.h"

enum { CONFIG_INCIDENT_LEVELS = 4, CONFIG_INCIDENT_FIELDS_MAX = 8 };
enum { CONFIG_TELL_MAX = 8, CONFIG_TELL_LIMIT_MAX = 20 };
/** The order of the choices of `resolve`. */
enum config_resolve {
	CONFIG_RESOLVE_ALL,
	CONFIG_RESOLVE_FIRST,
	CONFIG_RESOLVE_LAST,
	CONFIG_RESOLVE_NEVER
};

struct config_incidents {
	int64_t reopen_window_ms, ack_timeout_ms, approve_within_ms, close_after_ms, cool_down_ms;
	uint32_t sibling_count; /**< 0: siblings stay apart */
	int64_t sibling_window_ms;
	enum config_resolve resolve;
	uint8_t priorities[CONFIG_INCIDENT_LEVELS][CONFIG_INCIDENT_LEVELS];
	uint32_t merchants_for[CONFIG_INCIDENT_LEVELS - 1];
	bool approves_all;
	const char **approves; /**< names of rules */
	uint32_t approve_count;
	const char **group_by; /**< of rules that do not say it themselves; none: rule, dimension */
	uint32_t group_by_count;
	const char **tell; /**< outputs that are told of incidents (core/news) */
	uint32_t tell_count;
	struct rate tell_limit; /**< of one incident, to one output of people */
};

#endif
