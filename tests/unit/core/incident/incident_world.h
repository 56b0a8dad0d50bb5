/** incident_world.h - a store of incidents in memory, and alerts for it. */
#ifndef TOCSIN_TESTS_UNIT_CORE_INCIDENT_INCIDENT_WORLD_H
#define TOCSIN_TESTS_UNIT_CORE_INCIDENT_INCIDENT_WORLD_H

#include "core/incident/incident_internal.h"
#include "core/model/alert.h"

enum { MINUTE_MS = 60 * 1000 };

struct world {
	struct kv *kv;
	struct commit *commit;
	struct incident_store *store;
	struct bytes events; /* "opened 1; joined 1; " */
	struct bytes key;
	int64_t now_ms;
	uint64_t run_on_opened;            /* a plan that starts inside on_event */
	struct incident_settings settings; /* used by the next start */
};

void open_world(struct world *world);
void restart(struct world *world);
void stop(struct world *world);
void start(struct world *world);
void close_world(struct world *world);
struct alert make_alert(struct world *world, const char *rule, const char *merchant,
			enum alert_state state);
const struct incident *give(struct world *world, const char *rule, const char *merchant,
			    enum alert_state state);
const struct incident *fire(struct world *world, const char *merchant);
const struct incident *calm(struct world *world, const char *merchant);
/** The state after the move as plans.md draws it, by hand (test_incident_move.c); NULL: none. */
const char *find_drawn(const char *state, const char *move);
void expect_events(struct world *world, const char *wanted);

#endif
