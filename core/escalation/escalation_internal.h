/** escalation_internal.h - what the files of core/escalation share; also for its tests. */
#ifndef TOCSIN_CORE_ESCALATION_ESCALATION_INTERNAL_H
#define TOCSIN_CORE_ESCALATION_ESCALATION_INTERNAL_H

#include "core/escalation/chain_run.h"
#include "core/escalation/escalation.h"

/** How the id of a page begins; the incident's number follows. */
#define CHAIN_PAGE_ID "chain/"

struct escalation {
	struct escalation_options options;
	struct config *config;   /**< or NULL */
	struct chain_run **runs; /**< by rising incident, then in the order of starting */
	uint32_t run_count, run_capacity;
	struct chain_run *firing; /**< its steps are being taken */
	bool is_firing_stopped;   /**< … and it was stopped meanwhile */
	struct timer *sweep_timer;
	int64_t swept_ms; /**< monotonic: when the last sweep became durable; -1: none did */
	struct escalation_usage usage;
};

/* escalation.c */
void chain_run_save(struct chain_run *run);
/** A line on the incident's timeline; `chain` is the actor. */
void chain_run_note(struct chain_run *run, const char *kind, const char *text);
/** The row goes, and the run. */
void chain_run_stop(struct chain_run *run, const char *reason);
/** Chains of the site that are to run for it, nearest category first, that have no run. Returns how
 *  many were started; `cause` is the event. */
uint32_t escalation_start(struct escalation *escalation, const struct incident *incident,
			  const char *cause);
/** Runs of the incident: the first and how many. */
uint32_t escalation_find(const struct escalation *escalation, uint64_t incident, uint32_t *count);
bool escalation_covers(const struct escalation *escalation, const struct incident *incident);

/* chain_fire.c */
void chain_fire(struct chain_run *run, const struct incident *incident);

/* sweep.c */
void sweep_open(struct escalation *escalation);

#endif
