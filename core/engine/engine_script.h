/** engine_script.h - rules that are asked about single readings: scripts, timers, runs of values.
 *
 *  Their readings come in the order of the lines of a partition, and between two of them everything
 *  that the watermark has passed by the first is done: timers, then the windows of rules that have
 *  both. So it does not matter where bundles are cut.
 */
#ifndef TOCSIN_CORE_ENGINE_ENGINE_SCRIPT_H
#define TOCSIN_CORE_ENGINE_ENGINE_SCRIPT_H

#include "core/engine/engine_internal.h"
#include "core/engine/script_memory.h"
#include "core/rule/rule.h"

struct batch;
struct intake;
struct value;

/** The way through the readings of one bundle. */
struct reading_walk {
	struct engine *engine;
	struct engine_partition *partition;
	const struct bundle *bundle;
	int64_t now_mono_ms;
	int64_t event_ms;  /**< greatest of the partition before the row at hand */
	int64_t others_ms; /**< how far other partitions let the watermark go */
	int64_t floor_ms;  /**< pane that the partition's watermark has reached */
	uint32_t batch, row;
	bool must_judge;   /**< at `floor_ms`, before the row at hand */
	bool judges_panes; /**< some rule is judged by windows as well */
};

/** What is told at some time. */
struct script_told {
	struct slice key; /**< of the alert */
	int level;        /**< of rule->levels, that it fires with; -1: it does not */
	uint64_t count;   /**< readings that it is about */
	int64_t time_ms;
	const struct rule_verdict *verdict; /**< or NULL */
};

/* engine_script_read.c */
/** Before the bundle moves anything. */
void engine_walk_begin(struct reading_walk *walk, struct engine *engine,
		       struct engine_partition *partition, const struct bundle *bundle,
		       int64_t now_mono_ms);
/** Up to the row at which the partition's watermark reaches `mark_ms`; INT64_MAX: all. */
void engine_walk_to(struct reading_walk *walk, int64_t mark_ms);
/** Which rules of the source are asked about readings; after an install. */
void engine_index_readers(struct engine *engine, struct engine_source *source);

/* engine_script.c */
/** The column of a field, by name: a bundle from before a reload may have other fields than the
 *  rule reads now. What was not asked for then is missing. */
const struct value *engine_column_of(const struct intake *intake, const struct batch *batch,
				     const char *name);

/* engine_script_time.c */
/** Timers up to `upto_ms`, each of them asked. */
void engine_run_timers(struct engine *engine, struct rule_state *state, int64_t upto_ms);
/** Of all rules: those that the watermark of their source has passed; who is idle is forgotten. */
void engine_pass_time(struct engine *engine);
/** Event time at which engine_pass_time() has something to do for the source, or INT64_MAX. */
int64_t engine_next_timer(const struct engine_source *source);

/* engine_script_full.c */
/** After a call: a rule that found no room has too many keys. `time_ms`: of the call. */
void engine_note_refused(struct engine *engine, struct rule_state *state, int64_t time_ms,
			 int64_t watermark_ms);
/** engine_full_until() has come: there is room again, or it goes on. */
void engine_end_full(struct engine *engine, struct rule_state *state, int64_t reached_ms);

/* engine_script_tell.c */
/** on_window of a key: what it keeps, and what it left. */
void engine_load_call(const struct rule_state *state, int64_t boundary_ms, struct rule_call *call);
void engine_keep_call(struct rule_state *state, const struct rule_call *call);
/** What fires was decided elsewhere. */
void engine_note_firing(struct rule_state *state, struct slice name, int64_t boundary_ms);
/** Of rule->levels; -1: it does not fire. */
int engine_verdict_level(const struct rule *rule, const struct rule_verdict *verdict);
/** What a call has answered: an alert, or none. False: there is no room for the key. */
bool engine_answer(struct engine *engine, struct rule_state *state, const struct rule_call *call,
		   enum rule_answer answer, const struct rule_verdict *verdict,
		   int64_t watermark_ms);

/** A step of a key whose memory is that of `memory_key`: it fires, or no more. False: no room. */
bool engine_tell_at(struct engine *engine, struct rule_state *state, struct slice memory_key,
		    const struct script_told *told, int64_t watermark_ms);

/* engine_script_streak.c */
/** The next reading of a dimension: a run of equal values goes on, or another begins. */
void engine_streak_read(struct engine *engine, struct rule_state *state, struct slice dimension,
			struct slice value, int64_t time_ms, int64_t watermark_ms);
/** No reading for the rule's window: the run is over. */
void engine_streak_end(struct engine *engine, struct rule_state *state,
		       const struct script_key *key, int64_t time_ms, int64_t watermark_ms);

/** What is kept of a dimension, as text. */
void engine_streak_print(struct slice state, struct bytes *out, size_t bytes_max);

/* engine_script_store.c */
void engine_gather_memory(struct engine *engine);
void engine_delete_memory(struct engine *engine, const char *rule);
int engine_restore_memory(struct engine *engine, struct err_note *why);

/** Has the rule functions that are not asked about windows? */
static inline bool engine_is_reader(const struct rule *rule)
{
	return rule->has_on_reading || rule->streak > 0;
}

/** Are boundaries of it evaluated? */
static inline bool engine_has_windows(const struct rule *rule)
{
	return rule->type == RULE_SCRIPT ? rule->has_on_window || !rule->has_on_reading
					 : rule->streak == 0;
}

/** The rule, which has no windows, has too many keys until then; INT64_MAX: it has not. */
static inline int64_t engine_full_until(const struct rule_state *state)
{
	return state->overflow.is_live && !engine_has_windows(state->rule)
		       ? state->overflow.state.next_ms
		       : INT64_MAX;
}

/** Event time at which the rule, which has a memory, wants to be told; or a little before. */
static inline int64_t engine_next_due(const struct rule_state *state)
{
	int64_t timer_ms = script_memory_next(state->memory), full_ms = engine_full_until(state);

	return timer_ms < full_ms ? timer_ms : full_ms;
}

#endif
