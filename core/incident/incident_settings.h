/** incident_settings.h - what a site may decide about incidents. docs/incidents.md explains it.
 *  Plain values, borrowed texts: whoever configures keeps them until the next configuration.
 *
 *  Priority: P1..P5 from a table of impact (1-4, 1 is the widest) and urgency (1-4, 1 is now).
 *    impact of what fires: from the number of merchants hit: `merchants_for[0]` or more are 1,
 *      `[1]` or more 2, `[2]` or more 3, fewer 4; alerts without a merchant concern everybody:
 *      critical 2, warning 3, others 4. The wider of both.
 *    urgency of what fires: critical 1, warning 2, others 3. 4 is given by people only.
 *  Both rise by themselves when the alerts ask for more than before and than there is; they fall by
 *  a person, or when the alerts that fire have asked for less during all of `cool_down_ms`.
 */
#ifndef TOCSIN_CORE_INCIDENT_INCIDENT_SETTINGS_H
#define TOCSIN_CORE_INCIDENT_INCIDENT_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

enum { INCIDENT_LEVELS = 4, INCIDENT_PRIORITIES = 5 };

/** When no alert of an incident fires any more, in the policy's sense, it is MITIGATED and then
 *  RESOLVED, never while a plan run is active. */
enum incident_resolve {
	INCIDENT_RESOLVE_ALL,   /**< every alert that joined has resolved */
	INCIDENT_RESOLVE_FIRST, /**< one of them has */
	INCIDENT_RESOLVE_LAST,  /**< the one that joined last has */
	INCIDENT_RESOLVE_NEVER, /**< all have: MITIGATED; RESOLVED only by a person */
};

struct incident_settings {
	int64_t reopen_window_ms;  /**< default 10 min */
	int64_t ack_timeout_ms;    /**< ACKED -> OPEN; 0 (default): never */
	int64_t approve_within_ms; /**< a candidate is cancelled after it; default 1 h */
	int64_t close_after_ms;    /**< RESOLVED -> CLOSED; default 7 d; 0: only by a person */
	int64_t cool_down_ms;      /**< default 30 min; 0: priority never falls by itself */
	uint32_t sibling_count;    /**< 0 (default): siblings stay apart */
	int64_t sibling_window_ms;
	enum incident_resolve resolve;
	uint8_t priorities[INCIDENT_LEVELS][INCIDENT_LEVELS]; /**< [impact - 1][urgency - 1] */
	uint32_t merchants_for[INCIDENT_LEVELS - 1];          /**< default 50, 10, 3 */
	const char *member_field;    /**< of dimensions: its values are merchants; NULL none */
	bool approves_all;           /**< every incident begins as CANDIDATE */
	const char *const *approves; /**< those of these rules do */
	uint32_t approve_count;
	/** The category above, or NULL. May be NULL. */
	const char *(*parent_of)(const void *arg, const char *category);
	const void *arg;
};

void incident_settings_default(struct incident_settings *out);

#endif
