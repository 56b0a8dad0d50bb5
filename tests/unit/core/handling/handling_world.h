/** handling_world.h - alerts through a real handling on a store in memory, with virtual time.
 *
 *  What leaves is written down as text: "ops:3f1a… " would say nothing, so ids are replaced by what
 *  the alert was: "alerts:slow|m1 firing warning; " or "alerts:group(2) …; ".
 */
#ifndef TOCSIN_TESTS_UNIT_CORE_HANDLING_HANDLING_WORLD_H
#define TOCSIN_TESTS_UNIT_CORE_HANDLING_HANDLING_WORLD_H

#include "core/handling/handling.h"
#include "core/handling/handling_internal.h"
#include "core/handling/silence.h"

struct world {
	struct kv *kv;
	struct commit *commit;
	struct config *config;
	struct zone *zone;
	struct handling *handling;
	int64_t now_ms;
	struct bytes sent;          /**< since the last expect_sent() */
	struct bytes heard;         /**< by incidents: "pass …", "mute …: why" */
	struct bytes last;          /**< the last document */
	const char *refused_output; /**< the outbox refuses this one; NULL: none */
	bool corrects;              /**< alerts are corrections */
	uint32_t sequence;          /**< makes window ends, and so ids, differ */
	uint64_t start_count;
	char last_id[ALERT_ID_BYTES];
	struct bytes key;
};

enum { SECOND = 1000, MINUTE = 60 * SECOND };
#define HOUR (60LL * MINUTE)
#define DAY  (24 * HOUR)

/** `site` is the inside of the site's table, as JSON: "routes": …, "inhibit": …. Outputs are alerts
 *  (the rules'), ops, pager, and zh with Chinese keys. */
void world_open(struct world *world, const char *site);
void world_close(struct world *world);
/** What is durable stays: a new handling on the same store. */
void world_restart(struct world *world);
void world_configure(struct world *world, const char *site);
void world_pass(struct world *world, int64_t ms); /**< time, then a turn */
void world_turn(struct world *world);

/** The rule is "slow", of label team = payments; "slow critical" has another severity; "rule/m1"
 *  style: alerts of dimension merchantId. */
void world_alert(struct world *world, const char *rule, const char *merchant, const char *severity,
		 enum alert_state state);
void world_fire(struct world *world, const char *rule, const char *merchant);
void world_resolve(struct world *world, const char *rule, const char *merchant);

/** What was sent since the last call. */
void world_expect(struct world *world, const char *sent);
void world_expect_heard(struct world *world, const char *heard);
/** Kinds of the events of the last alert: "silenced, released, sent". */
void world_expect_events(struct world *world, const char *id, const char *kinds);

/** Part of what the record of an alert tells. */
void world_expect_text(struct world *world, const char *id, const char *part);

uint64_t world_silence(struct world *world, const char *match_json, int64_t for_ms);
struct handling_usage world_usage(struct world *world);

#endif
