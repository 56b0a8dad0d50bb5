/** engine_internal.h - the parts of the engine, for its own files and its tests.
 *
 *      source 1--n partition        who sends, how far it is, what it counted
 *      source 1--n metric 1--1 window
 *      metric 1--n rule state       how far it is evaluated, what fires
 *
 *  Everything here is owned by the engine. Times are event time in ms unless named otherwise.
 */
#ifndef TOCSIN_CORE_ENGINE_ENGINE_INTERNAL_H
#define TOCSIN_CORE_ENGINE_ENGINE_INTERNAL_H

#include "core/base/arena.h"
#include "core/base/bytes.h"
#include "core/base/key_table.h"
#include "core/engine/engine.h"
#include "core/engine/engine_metric.h"
#include "core/judge/key_state.h"
#include "core/model/alert.h"
#include "core/window/watermark.h"

struct correction_set;
struct late_group;
struct trace;
struct script_memory;
struct window;
struct window_slide;
struct zone;

enum {
	ENGINE_DEAD_LETTERS_MAX = 20,    /**< kept for each source, the newest */
	ENGINE_KEEP_EXTRA_MS = 60000,    /**< panes are kept this much longer than needed */
	ENGINE_KEYS_REBUILD_MIN = 1024,  /**< a smaller table of watched keys is never rebuilt */
	ENGINE_PARTITION_NAME_MAX = 512, /**< bytes */
	/** An open partition's row is written again when it is older: what closes then is kept
	 *  POSITION_KEPT_MS from there, and idle files are not the first to make room. */
	POSITION_REFRESH_MS = 24 * 3600 * 1000,
};

#define TIME_NONE WATERMARK_NONE

struct engine_dead_letter {
	char *partition;
	struct dead_letter letter; /**< texts owned */
};

struct engine_source {
	char *name;
	bool is_installed; /**< the site has it; else only its counters are kept */
	struct intake *intake;
	struct watermark *watermark;
	int64_t lateness_ms;
	struct engine_metric **metrics; /**< [intake->metric_count] of the intake */
	struct rule_state **readers;    /**< rules that are asked about readings, borrowed */
	uint32_t reader_count;
	bool judges_panes;      /**< some of them are judged by windows as well */
	int64_t watermark_ms;   /**< as of the last engine_advance() or as stored */
	int64_t checked_ms;     /**< pane start up to which its rules were looked at */
	int64_t first_event_ms; /**< least event time ever seen */
	int64_t max_event_ms;
	bool must_check;  /**< its rules must be looked at before a pane has passed */
	bool is_finished; /**< engine_finish(): nothing more comes */
	bool is_changed;  /**< its row is out of date */
	bool has_new_dead_letters;
	struct bundle_counters total;
	uint64_t late_dropped, duplicates;
	uint64_t regex_limits; /* since the start, not stored */
	struct engine_dead_letter dead_letters[ENGINE_DEAD_LETTERS_MAX];
	uint32_t dead_letter_count;
};

/** A free place has no name. */
struct engine_partition {
	struct engine_source *source;
	char *name;
	bool is_open, is_positioned;
	bool is_changed; /**< its row is out of date */
	struct position committed;
	int64_t max_event_ms;
	int64_t kept_ms; /**< wall time: last commit, or when it was last known to be open */
	struct bundle_counters counters;
};

/** A key of a rule that is in some state, or must send. */
struct engine_key {
	struct key_state state;
	bool is_live;     /**< else nothing is known of the key, and this is only its place */
	bool is_stored;   /**< it has a row */
	bool is_expected; /**< of the rule's `expect` */
	uint64_t visit;   /**< evaluation that collected it */
};

struct rule_state {
	struct rule *rule;
	char *field_text; /**< 字段 of its alerts: the field, or the joined fields of a group */
	struct engine_metric *metric;
	struct window_slide *slide; /**< NULL: a stand-in, that only resolves */
	int64_t evaluated_ms;       /**< last boundary that needs no evaluation any more */
	int64_t stored_ms;          /**< `evaluated_ms` as the store tells it (engine_store.c) */
	int64_t span_ms;            /**< length of the window that is judged */
	int64_t next_ms;            /**< next boundary to evaluate, INT64_MAX when none is due */
	bool is_dirty;              /**< the window changed behind evaluated_ms: do not skip */
	bool is_settled;            /**< the last window was empty, and changed nothing */
	bool is_quarantined;
	struct key_table keys;
	struct engine_key *watched; /**< [keys.count] by key id */
	uint32_t watched_capacity, watched_count;
	int64_t wake_ms;  /**< a watched key is due at the first boundary from here */
	bool is_muted;    /**< outside the rule's valid time, at the last boundary */
	int64_t muted_ms; /**< last boundary outside the rule's valid time, or TIME_NONE */
	uint64_t overflow_count, overflow_seen; /**< keys not watched; with the window's, as told */
	struct engine_key overflow;             /**< of the alert about it */
	struct engine_history *history;         /**< of a rule with references; or NULL */
	struct correction_set *corrections;     /**< of one with `late = "correct"`; or NULL */
	struct trace *trace;
	struct script_memory *memory; /**< NULL: the rule keeps nothing for its keys */
	uint64_t visit, evaluation_count, fired_count, resolved_count, error_count;
	uint32_t errors_in_row;
	char *last_error;
};

/** A key's state from the store, until the first engine_install() finds its rule. */
struct stored_key {
	struct rule *rule; /**< stand-in with what a document needs */
	struct bytes name;
	struct engine_key key;
};

/** How far a rule was evaluated, from the store, until the first engine_install(). */
struct stored_evaluated {
	char *rule;
	int64_t evaluated_ms;
};

struct engine {
	struct engine_options options;
	struct config *config;
	uint64_t generation;
	int64_t wall_ms;  /**< as it was last passed in */
	bool is_restored; /**< the first install took over what was stored */
	struct engine_source **sources;
	uint32_t source_count;
	struct engine_partition *partitions;
	uint32_t partition_count, partition_capacity;
	struct engine_metric **metrics;
	uint32_t metric_count;
	struct key_table metric_ids; /**< id -> index in metrics */
	struct zone *zone;           /**< the site's: of calendar days */
	struct rule_state **rules;   /**< sorted by name */
	uint32_t rule_count;
	bool has_memories; /**< some of them keep something for their keys */
	struct stored_key *stored_keys;
	uint32_t stored_key_count;
	struct stored_evaluated *stored_evaluated;
	uint32_t stored_evaluated_count;
	bool has_restored;
	unsigned char restored_id[16]; /**< metric of the panes that were read last */
	struct window *restored;       /**< its window; NULL: it is of no use, and was deleted */
	struct arena scratch;          /**< of one evaluation */
	struct grouping *grouping;     /**< of readings behind filter functions; or NULL */
	struct late_group *late;       /**< memory of one bundle's */
	uint32_t late_capacity;
	struct bytes key, value, content; /**< of one row */
	struct bytes message;             /**< of one alert */
	uint32_t *changed_partitions;     /**< numbers; may say one twice, or one that is gone */
	uint32_t changed_count, changed_capacity;
};

/* engine_sources.c */
struct engine_source *engine_find_source(const struct engine *engine, const char *name);
struct engine_source *engine_add_source(struct engine *engine, const char *name);
void engine_source_free(struct engine_source *source);
void engine_keep_dead_letter(struct engine_source *source, const char *partition,
			     const struct dead_letter *letter);
void engine_add_counters(struct bundle_counters *into, const struct bundle_counters *from);

/* engine_partitions.c */
/** Takes over a stored partition. Beyond the limit the newest stay, the others are deleted. */
void engine_restore_place(struct engine *engine, struct engine_partition *row);

/* engine_merge.c */
/** The bundle's groups into the windows, late ones after the windows that were judged before they
 *  came; moves the watermark of the partition. */
void engine_merge(struct engine *engine, struct engine_partition *partition,
		  const struct bundle *bundle, int64_t now_mono_ms);

/* engine_rules.c */
/** Judges what the readings so far complete, as engine_advance() will: something late comes. */
void engine_judge_reached(struct engine *engine, struct engine_source *source, int64_t now_mono_ms);
/** The source's rules were looked at up to here. */
bool engine_has_passed_pane(const struct engine_source *source);
struct rule_state *engine_rule_state_new(struct rule *rule, uint64_t seed);
void engine_rule_state_free(struct rule_state *state);
/** First multiple of `step_ms` after `ms`; span_floor() is the last one not after it. */
int64_t engine_next_multiple(int64_t ms, int64_t step_ms);
/** Next boundary up to the source's watermark that must be evaluated, or INT64_MAX. */
int64_t engine_next_boundary(const struct rule_state *state);
/** Last boundary the source's watermark allows, or TIME_NONE. */
int64_t engine_boundary_limit(const struct rule_state *state);

#endif
