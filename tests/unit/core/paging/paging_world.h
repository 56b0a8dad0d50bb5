/** paging_world.h - people with ways to them, incidents, a clock, and what went to the outputs. */
#ifndef TOCSIN_TESTS_UNIT_CORE_PAGING_PAGING_WORLD_H
#define TOCSIN_TESTS_UNIT_CORE_PAGING_PAGING_WORLD_H

#include "core/config/config.h"
#include "core/config/config_paging.h"
#include "core/oncall/person.h"
#include "core/paging/paging.h"

#include <jansson.h>

enum { MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS };

/** Outputs: voice, ops, mail. wang is reached by voice and ops, li by mail; both in Shanghai. */
enum { VOICE, OPS, MAIL, OUTPUTS };

struct sent {
	char *output, *id;
	json_t *row;
};

struct world {
	struct kv *kv;
	struct commit *commit;
	struct incident_store *incidents;
	struct paging *paging;
	struct config config;
	struct config_paging caps;
	struct config_caps person[OUTPUTS], output[OUTPUTS];
	struct config_output outputs[OUTPUTS];
	struct person_reach wang_reach[2], li_reach[1];
	struct oncall_person people[2];
	struct sent sent[4096];
	uint32_t sent_count;
	const char *full; /* an output that takes nothing */
	int64_t now_ms;
};

void open_world(struct world *world);
void close_world(struct world *world);
/** The process ends and begins again; the store stays. */
void restart(struct world *world);
/** "2026-11-22T06:00:00Z" */
void set_time(struct world *world, const char *text);
/** Time passes, and what is due happens. */
void pass(struct world *world, int64_t ms);
/** A new open incident of this priority. */
uint64_t open_incident(struct world *world, const char *priority);
void ack(struct world *world, uint64_t number);
int page(struct world *world, const char *person, uint64_t incident, bool is_important);
/** Row `index` went to the output with this text somewhere in it. */
void expect_sent(const struct world *world, uint32_t index, const char *output, const char *text);
/** How many facts of the kind the timeline has whose text has `text`. */
uint32_t count_facts(const struct world *world, uint64_t incident, const char *kind,
		     const char *text);

#endif
