/** engine_history.h - what the windows of a rule had before: what baselines and trends refer to.
 *
 *  At each boundary a rule with references keeps a row with the value and the readings of each
 *  key's window, as it judged them; and of each whole local day a row with those of an average
 *  window, for daily averages. A reference is then one row, found by its time. With a store
 *  rows stay in memory only until they are durable; without one (replay) memory has them all.
 *
 *      "H" kind  rule  0      content
 *        'b'                  definition (8), watched since (8): of all rows of the rule
 *        'w'  boundary        core/baseline/history_row.h
 *        'd'  day             the same, of a whole day
 *        'p'  end             of the day so far: key length (4), key, cells; merged in their order
 *        'x'  day             keys that are left out: length (4), key
 *        'c'  day             categories that are left out: the same
 *        't'  dimension key   when it was last seen (8), trend_encode()
 *
 *  All of them are in the batch of the evaluation that made them.
 *  Owner: the rule's state; NULL for a rule without references. A new version of a rule takes over
 *  the history of the one before when both measure the same (`definition`).
 */
#ifndef TOCSIN_CORE_ENGINE_ENGINE_HISTORY_H
#define TOCSIN_CORE_ENGINE_ENGINE_HISTORY_H

#include "core/baseline/baseline.h"
#include "core/baseline/reference_table.h"
#include "core/engine/engine_judge.h"
#include "core/trend/trend.h"

struct trace_point;
struct zone;

enum history_kind {
	HISTORY_BEGIN = 'b',
	HISTORY_WINDOW = 'w',
	HISTORY_DAY = 'd',
	HISTORY_PART = 'p',
	HISTORY_LEFT_OUT = 'x',
	HISTORY_CATEGORIES = 'c',
	HISTORY_TREND = 't'
};

/** A row in memory. */
struct history_row {
	int64_t time;
	uint64_t commit_count; /**< of the store, when it was put */
	struct bytes content;
};

/** Of one kind, by time. */
struct history_rows {
	enum history_kind kind;
	struct history_row *rows;
	uint32_t first, count, capacity;
	int64_t dropped; /**< rows before are deleted from the store */
};

/** What is no reference, of one day. */
struct left_out {
	int64_t day;
	struct key_table keys;       /**< that fired, or whose incident was open */
	struct key_table categories; /**< with an open incident */
};

struct trend_key {
	struct trend_state state;
	int64_t seen_ms; /**< last slot with a reading or a reference; TIME_NONE: it is forgotten */
};

struct engine_history {
	const struct zone *zone;   /**< the site's */
	struct cell_layout layout; /**< the metric's */
	uint64_t definition;
	const struct reference *references; /**< of the rule, or of every trend */
	uint32_t reference_count;
	bool keeps_windows, keeps_days;
	enum leaves_out leaves_out;
	int64_t keep_days; /**< rows of more days are dropped */
	int64_t begin_ms;  /**< watched since; TIME_NONE: nothing was judged yet */
	int64_t last_ms;   /**< newest boundary with readings; TIME_NONE */
	struct history_rows windows, days;
	bool has_watched; /**< for as long as `min_history` asks */
	struct reference_table tables[BASELINE_REFERENCES_MAX];
	int64_t table_days[BASELINE_REFERENCES_MAX]; /**< that REFERENCE_DAYS were looked up for */
	struct left_out *left_out;                   /**< oldest first */
	uint32_t left_out_count;
	/* the day so far (engine_history_days.c) */
	int64_t added_ms; /**< panes before it are in; TIME_NONE */
	struct key_table day_keys;
	char *day_cells; /**< [day_keys.count], of the metric's layout */
	uint32_t day_capacity;
	/* trends (engine_trend.c) */
	struct key_table trend_keys;
	struct trend_key *trends;
	uint32_t trend_capacity, trend_count;
	/* of one boundary */
	struct key_table seen;
	struct bytes row, part;
};

/** What a candidate was compared with. */
struct history_answer {
	enum truth truth;
	struct baseline_answer baseline;
	struct trend_answer trend;
};

/* engine_history.c */
/** Rules with references get a history: their own, as stored, or a new one. */
void engine_history_open_all(struct engine *engine);
void engine_history_free(struct engine_history *history); /**< NULL allowed */
/** The first boundary from `first_ms` that must be evaluated. */
int64_t engine_history_next(const struct rule_state *state, int64_t first_ms);
/** Notes what the last evaluation fired, drops what is too old, looks the references up. */
void engine_history_prepare(const struct evaluation *evaluation);
/** The value of a key's window, for the row of the boundary. */
void engine_history_note(const struct evaluation *evaluation, struct slice key,
			 const struct aggregate *cells);
void engine_history_finish(const struct evaluation *evaluation);

/* engine_history_rows.c */
void engine_history_put(struct engine *engine, const char *rule, enum history_kind kind,
			struct slice name, struct slice content);
void engine_history_put_at(struct engine *engine, const char *rule, enum history_kind kind,
			   int64_t time, struct slice content);
void engine_history_delete(struct engine *engine, const char *rule, enum history_kind kind,
			   struct slice name);
/** Rows of the kind before `before`. */
void engine_history_delete_before(struct engine *engine, const char *rule, enum history_kind kind,
				  int64_t before);
/** All of them: the rule is gone, or measures something else. */
void engine_history_drop(struct engine *engine, const char *rule);
/** Of one kind, and of one rule (NULL: of all); `each` is given what follows its name (of all: with
 *  it). False: the store failed. */
bool engine_history_scan(struct engine *engine, const char *rule, enum history_kind kind,
			 bool (*each)(void *arg, struct slice name, struct slice content),
			 void *arg);
void engine_history_keep(struct engine *engine, const char *rule, struct history_rows *rows,
			 int64_t time, struct slice content);
/** From memory or the store; borrowed until the next call. False: there is none. */
bool engine_history_find(struct engine *engine, const char *rule, const struct history_rows *rows,
			 int64_t time, struct slice *content);
void engine_history_forget(struct engine *engine, const char *rule, struct history_rows *rows,
			   int64_t before, int64_t step);
void engine_history_rows_free(struct history_rows *rows);

/* engine_history_days.c */
/** Brings the panes up to the boundary into their days. */
void engine_history_add_days(const struct evaluation *evaluation);
bool engine_history_load_days(struct engine *engine, const struct rule_state *state);
void engine_history_free_days(struct engine_history *history);

/* engine_history_left_out.c */
/** Who fires as the last evaluation left it, and whose incident is open now, goes into its day. */
void engine_history_note_left_out(const struct evaluation *evaluation);
void engine_history_forget_left_out(struct engine *engine, const struct rule_state *state,
				    int64_t first_day);
bool engine_history_load_left_out(struct engine *engine, const struct rule_state *state);
void engine_history_free_left_out(struct engine_history *history);
const struct left_out *engine_history_find_left_out(const struct engine_history *history,
						    int64_t day);
/** `left_out` NULL: nothing is, on that day. */
bool engine_history_is_left_out(const struct engine *engine, const struct rule_state *state,
				const struct left_out *left_out, struct slice key);

/* engine_references.c */
void engine_history_look_up(struct engine *engine, const struct rule_state *state,
			    int64_t boundary_ms);

/* engine_compare.c */
/** The keys of a rule with references that a boundary may change, judged. */
void engine_collect_compared(struct evaluation *evaluation);
/** The value and what it was compared with, for who asks why. Nothing, for other rules. */
void engine_trace_compared(const struct rule_state *state, const struct candidate *candidate,
			   struct trace_point *point);
/** What its alert says about the comparison. */
void engine_tell_compared(struct engine *engine, const struct rule_state *state,
			  const struct candidate *candidate, struct alert *alert);

/* engine_trend.c */
bool engine_trend_load(struct engine *engine, const struct rule_state *state);
/** A slot of a key. */
void engine_trend_step(const struct evaluation *evaluation, struct slice key,
		       const struct aggregate *cells, struct trend_answer *out);

#endif
