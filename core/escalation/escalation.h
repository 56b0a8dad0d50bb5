/** escalation.h - who is called, and when, while nobody acknowledges an incident.
 *
 *  A chain covers an incident when its priority and its category (or one above it) are right; of
 *  those that do, the ones of the nearest category run. A run
 *    starts    when the incident is opened, opened again, given back (unacked, ack time-out) or
 *              raised into the chain's priority. The chain is FROZEN in the run's row, in the batch
 *              of the incident's event; people are looked up when a step fires
 *    goes on   step by step; a wait is a due time in the row and a timer of the loop, so that a
 *              clock that is set neither doubles nor loses a step. What is due while the process
 *              was down fires once, late; a snooze delays
 *    ends      when somebody acknowledges or handles it, or it is over (the row goes), or after the
 *              last step (the row stays, so that it does not begin again)
 *  Every minute a sweep looks for incidents that wait for somebody, and that a chain covers, but
 *  for which nothing will happen any more: their chain starts (again), which is counted and told.
 *  Owner: escalation_new() result owned; what is in the options is borrowed, and outlives it.
 *  Threads: loop thread. Time: the loop's. All rows go to commit_batch(); kicked where a timer
 *  began it.
 */
#ifndef TOCSIN_CORE_ESCALATION_ESCALATION_H
#define TOCSIN_CORE_ESCALATION_ESCALATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct commit;
struct config;
struct err_note;
struct escalation;
struct incident;
struct incident_store;
struct kv;
struct loop;
struct override_store;

enum {
	ESCALATION_SWEEP_MS = 60 * 1000,
	ESCALATION_LATE_MS = 5000, /**< so much behind its time a step says so */
	ESCALATION_RUNS_MAX = 20000
};

/** One person or output is to be told. Texts borrowed. */
struct chain_page {
	const struct incident *incident;
	const char *person; /**< or NULL */
	const char *output; /**< or NULL */
	const char *event;  /**< core/channel/message.h */
	const char *text;
	const char *cause; /**< "chain payments, step 2" */
	const char *id;    /**< the same for the same page, also after a crash */
	bool is_important;
};

struct escalation_options {
	struct kv *kv;
	struct commit *commit;
	struct loop *loop;
	struct incident_store *incidents;
	struct override_store *overrides;
	/** Into commit_batch(). An error is told on the timeline; the chain goes on. */
	int (*page)(void *arg, const struct chain_page *page, struct err_note *why);
	int (*start_plan)(void *arg, const char *plan, uint64_t incident, const char *cause,
			  struct err_note *why);
	void *arg;
};

/** Reads the rows. Nothing happens before escalation_resume(). ERR_IO, ERR_CORRUPT. */
int escalation_new(struct escalation **out, const struct escalation_options *options,
		   struct err_note *why);
void escalation_free(struct escalation *escalation); /**< NULL allowed */
/** Which chains new runs are made of; a reference is kept. Runs go on as they are. */
void escalation_configure(struct escalation *escalation, struct config *config);
/** Once incidents and configuration are there. */
void escalation_resume(struct escalation *escalation);

/** Every event of incident.h. */
void escalation_on_incident(struct escalation *escalation, const struct incident *incident,
			    const char *event);

/** The gate of the outbox: does the incident of a row that a chain put still wait for somebody?
 *  True for rows of others. False: `reason` says why. */
bool escalation_may_send(const struct escalation *escalation, const char *id, char *reason,
			 size_t reason_bytes);
/** What became of a row that passed the gate; those of others are ignored. */
void escalation_on_sent(struct escalation *escalation, const char *id, bool is_delivered);

/** Has a sweep become durable lately? What the heartbeat asks. */
bool escalation_is_healthy(const struct escalation *escalation);
/** Does it wait for somebody: open, not acknowledged, not a drill? */
bool escalation_wants(const struct incident *incident);

struct chain_status {
	uint64_t incident;
	const char *chain;
	int64_t started_ms;
	uint32_t pass, step; /**< both from 1: what comes next */
	uint32_t step_count;
	int64_t due_ms; /**< wall; 0: it is over */
};
/** Runs by rising incident. */
void escalation_each(const struct escalation *escalation,
		     void (*each)(void *arg, const struct chain_status *status), void *arg);

/** Name and help; since the start. */
#define ESCALATION_COUNTER_LIST(X)                                                                 \
	X(started, "Chains started.")                                                              \
	X(stopped, "Chains stopped because somebody acknowledged or it was over.")                 \
	X(exhausted, "Chains that ended without anybody acknowledging.")                           \
	X(paged, "People and outputs that were told.")                                             \
	X(failed, "People, outputs and plans that could not be reached.")                          \
	X(nobody, "Schedules that had nobody on call.")                                            \
	X(skipped, "Conditions that did not hold.")                                                \
	X(plans, "Plans started.")                                                                 \
	X(late, "Steps that fired late.")                                                          \
	X(sweeps, "Sweeps.")                                                                       \
	X(rescued, "Chains that a sweep started.")                                                 \
	X(refused, "Chains beyond their limit.")
struct escalation_usage {
#define ESCALATION_MEMBER(name, text) uint64_t name;
	ESCALATION_COUNTER_LIST(ESCALATION_MEMBER)
#undef ESCALATION_MEMBER
	uint32_t running, over; /**< now */
	uint32_t uncovered; /**< incidents that wait and that no chain covers: at the last sweep */
};
void escalation_usage(const struct escalation *escalation, struct escalation_usage *out);

#endif
