/** engine.h - stage 2, the owner: bundles in, windows, rules, alerts out; one WriteBatch for all.
 *
 *      engine_apply(bundle) -> windows + positions + counters into commit_batch()
 *      engine_advance(now)  -> watermarks pass boundaries -> rules are evaluated -> on_alert
 *
 *  The same object runs live and in replay, which stores nothing. Rows of what changes all the time
 *  (panes, positions, counters) are made when the batch is about to be written (commit_before()).
 *  Owner: engine_new() result owned; kv, commit borrowed: free the engine before the commit, and
 *  after its last flush. Threads: owner thread only. Time is passed in.
 */
#ifndef TOCSIN_CORE_ENGINE_ENGINE_H
#define TOCSIN_CORE_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/ingest/bundle.h"
#include "core/judge/key_state.h"

struct alert;
struct commit;
struct config;
struct engine;
struct err_note;
struct kv;
struct metric;
struct rule;
struct rule_timer;
struct script_marker;
struct trace;

/** The position of a partition that is not open is kept this long after its last commit. */
#define POSITION_KEPT_MS (7LL * 24 * 3600 * 1000)

struct engine_options {
	struct kv *kv;
	struct commit *commit; /**< NULL, with kv: nothing is stored, bundles are durable at once */
	/** Of hash tables. With bundles of the same seed no key is hashed a second time. */
	uint64_t seed;
	uint32_t partitions_max;      /**< default WATERMARK_PARTITIONS_MAX */
	struct script_marker *marker; /**< set while a script runs; NULL in replay */
	/** A firing or resolved alert was decided. What the callee puts into commit_batch() is
	 *  atomic with it: it must not kick the commit, nor call the engine. */
	void (*on_alert)(void *arg, const struct rule *rule, const struct alert *alert);
	/** A script rule used up its budget, memory or errors: it is stopped from here on, until a
	 *  later engine_install() has it again. Must not call the engine. */
	void (*on_quarantine)(void *arg, const struct rule *rule, const char *reason);
	/** The reason with which the alerts of a version resolve that is not in the new generation;
	 *  NULL: always "rule_removed". */
	const char *(*why_gone)(void *arg, const char *rule, uint32_t version);
	/** Is an incident open that an alert of this rule and key joined; is one of the category?
	 *  Asked at boundaries of rules with `exclude_incidents`. NULL: there are no incidents. */
	bool (*has_incident)(void *arg, const struct rule *rule, struct slice key);
	bool (*has_category_incident)(void *arg, const char *category);
	void *arg;
};

/** Reads positions, alert states and counters from the store; the first install reads the panes. */
int engine_new(struct engine **out, const struct engine_options *options, struct err_note *why);
void engine_free(struct engine *engine);

/** Installs a generation whole: sources with their settings, active rules, and builds the intakes
 *  for stage 1. Rules with the same name, version and hash keep their state; another version keeps
 *  the panes of metrics it did not change; alerts of a removed, disabled or changed rule resolve
 *  with a reason ("rule_changed", or why_gone). `config` and rules are referenced. On failure
 *  nothing changes (but ERR_CORRUPT from the first install: the store is damaged, do not go on). */
int engine_install(struct engine *engine, struct config *config, struct rule *const *rules,
		   uint32_t rule_count, int64_t now_mono_ms, int64_t wall_ms, struct err_note *why);

/** Intake of a source for new jobs (borrowed; take a reference), or NULL: an unknown source. */
struct intake *engine_intake(struct engine *engine, const char *source_name);

/** A partition starts or goes on: gives its number and the committed position (zero when new).
 *  It holds the watermark back until it is idle. In a full table the oldest closed one makes
 *  room. ERR_NOT_FOUND, ERR_RANGE, ERR_FULL: all are open. */
int engine_partition_open(struct engine *engine, const char *source, const char *name,
			  bool is_positioned, int64_t now_mono_ms, uint32_t *out,
			  struct position *committed, struct err_note *why);
/** It will send nothing more: its number may be given to another one. `is_forgotten`: its stored
 *  position is deleted as well (the file is gone). */
void engine_partition_close(struct engine *engine, uint32_t number, bool is_forgotten);
/** Deletes the positions that are older than POSITION_KEPT_MS, and says how many; totals of sources
 *  stay. Call it once an hour, and not before the sources have opened what is there. */
uint32_t engine_forget_positions(struct engine *engine, int64_t wall_ms);
/** Watermark of the partition for the next job. */
int64_t engine_partition_watermark(const struct engine *engine, uint32_t number);

/** Takes the bundle; its on_durable is called after the commit, which the caller kicks. A duplicate
 *  (all of it before the committed position) is dropped and counted. ERR_CONFLICT for a gap or an
 *  overlap: the source must start again at `committed`, on_durable is not called. ERR_NOT_FOUND:
 *  the partition was closed. */
int engine_apply(struct engine *engine, struct bundle *bundle, int64_t now_mono_ms);

/** Evaluates every boundary the watermarks have passed, expires panes. Call after applies and on
 *  its timer. */
void engine_advance(struct engine *engine, int64_t now_mono_ms, int64_t wall_ms);
/** When engine_advance must be called though nothing arrives (monotonic ms), or -1. */
int64_t engine_next_ms(const struct engine *engine, int64_t now_mono_ms);
/** End of a finite input (replay): every source is complete to the end of its last pane; the
 *  windows that end there are the last ones evaluated, for nothing is known of later. */
void engine_finish(struct engine *engine);

/* ---- answers for status, CLI and metrics ---- */
struct engine_source_status {
	const char *name;
	struct bundle_counters total; /**< committed effect, since the state was created */
	uint64_t late_dropped;        /**< readings whose pane was gone */
	uint64_t duplicates;          /**< bundles refused as already applied */
	uint64_t regex_limits;        /**< since the start: matches ended by their limit */
	int64_t watermark_ms;         /**< WATERMARK_NONE before the first reading */
	uint32_t partition_count;
};
void engine_each_source(const struct engine *engine,
			void (*each)(void *arg, const struct engine_source_status *status),
			void *arg);
void engine_each_partition(const struct engine *engine,
			   void (*each)(void *arg, const char *source, const char *name,
					const struct position *position,
					const struct bundle_counters *counters),
			   void *arg);
void engine_each_dead_letter(const struct engine *engine, const char *source,
			     void (*each)(void *arg, const char *source, const char *partition,
					  const struct dead_letter *letter),
			     void *arg);
struct engine_rule_status {
	const struct rule *rule;
	int64_t evaluated_ms; /**< last boundary */
	uint32_t firing_count, pending_count, nodata_count;
	uint32_t key_count;
	uint64_t evaluation_count, fired_count, resolved_count, error_count, overflow_count;
	uint64_t correction_count, correction_lost_count; /**< of `late = "correct"` */
	uint64_t memory_bytes;
	bool is_quarantined;
	const char *last_error; /**< or NULL */
};
void engine_each_rule(const struct engine *engine,
		      void (*each)(void *arg, const struct engine_rule_status *status), void *arg);
struct engine_key_status {
	struct slice key;              /**< dimension.h */
	const struct aggregate *total; /**< of the window; the first of its cells */
	const struct rule *rule;
	const struct metric *metric; /**< whose cells they are; NULL: the window has none */
	int64_t span_ms;             /**< length of the window */
	bool has_value;              /**< the rule's statistic has one in it */
	double value;
	enum key_stage stage;
	const char *severity; /**< of the level that is on; NULL: none is */
	uint64_t kept_back;   /**< alerts that non_disturb did not let out since the last one */
};
/** Each key of a rule's window that ends at the last boundary ("what does it see now"), and each in
 *  some state though the window has none of its readings. */
void engine_each_key(const struct engine *engine, const char *rule,
		     void (*each)(void *arg, const struct engine_key_status *status), void *arg);
/** The same of one key, also when the window has none of its readings: `total` is empty then.
 *  `key` is made by dimension.h, field by field of the rule's `by`. False: no such rule, or it was
 *  not evaluated yet. */
bool engine_ask_key(const struct engine *engine, const char *rule, struct slice key,
		    void (*each)(void *arg, const struct engine_key_status *status), void *arg);
/** What a rule that is asked about readings keeps for a key. */
struct engine_kept_status {
	struct slice key;
	struct slice text; /**< of the state, bounded; "" when there is none */
	const struct rule_timer *timers;
	uint32_t timer_count;
	bool is_firing;
};
enum { ENGINE_KEPT_TEXT_BYTES_MAX = 500 };
/** Up to `count_max` of them; returns how many there are. */
uint32_t engine_each_kept(const struct engine *engine, const char *rule, uint32_t count_max,
			  void (*each)(void *arg, const struct engine_kept_status *status),
			  void *arg);
/** Why its keys fired or did not, of late; NULL: none came near a transition, or no such rule. */
const struct trace *engine_trace(const struct engine *engine, const char *rule);

#endif
