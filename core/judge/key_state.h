/** key_state.h - what a key of a rule is in, and what has to be told about it.
 *
 *  Two layers. The first is what is so: each level is off, pending, on or clearing; and the key has
 *  readings, or is silent. The second is what was told: one alert for each key, which is `firing`
 *  with a severity, `nodata`, or resolved. Flap damping and non_disturb stand between them, so
 *  whatever they keep back can neither get lost nor be resolved without having been told.
 *
 *  A step takes the key's judgement at a boundary and says which alert follows, none or one.
 *  Between two boundaries with the same judgement nothing happens before `next_ms`, so those in
 *  between may be left out. The table of transitions stands at the top of key_state.c.
 *  Owner: caller's memory; key_state_deinit(). Time: `*_ms` are event time, boundaries only grow.
 */
#ifndef TOCSIN_CORE_JUDGE_KEY_STATE_H
#define TOCSIN_CORE_JUDGE_KEY_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/judge/condition.h"

struct bytes;
struct byte_reader;
struct rule;

#define KEY_TIME_NONE INT64_MIN

#define KEY_STAGE_LIST(X)                                                                          \
	X(OK, "ok")                                                                                \
	X(PENDING, "pending")                                                                      \
	X(FIRING, "firing")                                                                        \
	X(CLEARING, "clearing")                                                                    \
	X(NODATA, "nodata")                                                                        \
	X(FLAPPING, "flapping")
enum key_stage {
#define KEY_STAGE_ENUM(name, text) KEY_STAGE_##name,
	KEY_STAGE_LIST(KEY_STAGE_ENUM)
#undef KEY_STAGE_ENUM
};

/** What is so, and what was told. */
enum key_kind { KEY_KIND_OK, KEY_KIND_FIRING, KEY_KIND_NODATA };

struct key_level {
	int64_t since_ms; /**< off: holds since; on: over since; KEY_TIME_NONE: neither */
	bool is_on;
};

struct key_state {
	struct key_level levels[RULE_LEVELS_MAX];
	int64_t quiet_ms;   /**< without readings since; KEY_TIME_NONE: it has some */
	int64_t next_ms;    /**< a step is due at the first boundary from here; INT64_MAX: none */
	int64_t told_ms;    /**< boundary of the last alert */
	uint64_t kept_back; /**< alerts that were never sent, since the last one */
	bool is_silent;     /**< a finding: no_data = "alert" */
	bool is_flapping;
	bool is_held;                    /**< an alert waits for non_disturb */
	bool has_flap_to_tell;           /**< it is the one about flapping */
	uint8_t worst_kind, worst_level; /**< of the last time when it was not ok */
	uint8_t told_kind, told_level;   /**< enum key_kind */
	uint8_t change_count, sent_count;
	struct key_times *times; /**< NULL before flap or non_disturb need one */
};

/** Oldest first. */
struct key_times {
	int64_t changes[RULE_FLAP_CHANGES_MAX]; /**< of what is so */
	int64_t sent[RULE_NON_DISTURB_MAX];     /**< firing alerts */
};

#define KEY_STATE_NEW                                                                              \
	((struct key_state){.levels = {{.since_ms = KEY_TIME_NONE},                                \
				       {.since_ms = KEY_TIME_NONE},                                \
				       {.since_ms = KEY_TIME_NONE}},                               \
			    .quiet_ms = KEY_TIME_NONE,                                             \
			    .next_ms = INT64_MAX,                                                  \
			    .told_ms = KEY_TIME_NONE})
void key_state_deinit(struct key_state *state);

/** An alert to be sent. */
struct key_tell {
	enum key_kind kind; /**< KEY_KIND_OK: resolved */
	uint32_t level;     /**< of rule->levels: it fires with, or had fired with */
	const char *reason; /**< "flapping" …; NULL: its condition */
	uint64_t kept_back; /**< alerts that were not sent since the last one */
};

struct key_step {
	int64_t boundary_ms;
	int64_t window_start_ms; /**< of the window that ends there */
	int64_t watched_ms; /**< judged without a gap since here: silence before does not count */
	bool is_expected;   /**< of the rule's `expect`: never forgotten */
	const struct judgement *judgement;
};

/** True: `tell` is to be sent. */
bool key_state_step(struct key_state *state, const struct rule *rule, const struct key_step *step,
		    struct key_tell *tell);

/** The rule ends: what was told resolves with `reason`. True: `tell` is to be sent. */
bool key_state_end(struct key_state *state, const char *reason, struct key_tell *tell);

/** Is there anything that a new state would not know? Else it may be dropped. */
bool key_state_is_needed(const struct key_state *state, const struct rule *rule,
			 int64_t boundary_ms);
/** The key's worst level that is on, or -1. */
int key_state_level(const struct key_state *state, const struct rule *rule);
enum key_stage key_state_stage(const struct key_state *state, const struct rule *rule);
const char *key_stage_name(enum key_stage stage);

void key_state_encode(const struct key_state *state, struct bytes *out);
/** Into a new one; reader->has_failed when it is damaged. */
void key_state_decode(struct byte_reader *reader, struct key_state *out);

#endif
