/** escalation_world.h - chains over a store of incidents in memory and a virtual clock. */
#ifndef TOCSIN_TESTS_UNIT_CORE_ESCALATION_ESCALATION_WORLD_H
#define TOCSIN_TESTS_UNIT_CORE_ESCALATION_ESCALATION_WORLD_H

#include "core/base/bytes.h"
#include "core/escalation/escalation_internal.h"
#include "core/escalation/override_store.h"
#include "core/incident/incident.h"
#include "core/incident/incident_command.h"

enum { SECOND_MS = 1000, MINUTE_MS = 60 * SECOND_MS };

/** 2026-03-02T08:00:00Z, a Monday. */
#define WORLD_START_MS INT64_C(1772438400000)

struct world {
	struct kv *kv;
	struct loop *loop;
	struct commit *commit;
	struct incident_store *incidents;
	struct override_store *overrides;
	struct escalation *escalation;
	struct config *config;
	struct bytes pages; /* "0 ann opened; 300 bob escalated!; " */
	struct bytes key;
	const char *unreachable; /* person who cannot be paged */
	bool has_plan_at_once;   /* a plan that starts sets the incident to HANDLING at once */
};

/** `site` is the inside of the JSON object: chains and the like; people ann, bob, eve, the outputs
 *  ops and team, the categories online and online/pay, and the schedule pay (ann) are there. */
void open_world(struct world *world, const char *site);
void close_world(struct world *world);
void configure(struct world *world, const char *site);
/** What was not kicked is lost; the clock goes on by `down_ms` meanwhile. */
void crash(struct world *world, int64_t down_ms);
/** The same, with the clock put to another time (added to it). */
void crash_and_step(struct world *world, int64_t down_ms, int64_t step_ms);
/** An alert of a rule fires. */
uint64_t fire(struct world *world, const char *rule, const char *category, const char *severity);
void calm(struct world *world, const char *rule, const char *category);
void act(struct world *world, enum incident_move move, uint64_t number);
void advance(struct world *world, int64_t by_ms);
/** Pages since the last call. */
void expect_pages(struct world *world, const char *wanted);
/** Records of this kind on the timeline. */
int count_facts(struct world *world, uint64_t number, const char *kind);
struct escalation_usage usage_of(const struct world *world);

#endif
