/** script_memory.h - what a rule keeps for its keys: states, timers, and who is forgotten when.
 *
 *  A key is there from the call that leaves something until nothing is left, or until it is idle:
 *  no reading for `idle_ms` of event time, no timer, nothing told that still fires. Idle keys count
 *  as absent from the moment on at which the watermark tells, whenever they are really removed; so
 *  neither the cuts of bundles nor a restart decide who has room.
 *  Owner: script_memory_new() result owned. Times are event time. Threads: owner thread only.
 */
#ifndef TOCSIN_CORE_ENGINE_SCRIPT_MEMORY_H
#define TOCSIN_CORE_ENGINE_SCRIPT_MEMORY_H

#include "core/base/key_table.h"
#include "core/rule/rule_runner.h"

#define SCRIPT_TIME_NONE INT64_MIN
/** An idle key goes up to a sixteenth of `idle_ms` later: not each reading changes its row. */
enum { SCRIPT_IDLE_STEPS = 16, SCRIPT_REBUILD_MIN = 1024 };

struct script_key {
	char *state;
	struct rule_timer *timers;
	uint32_t state_bytes, timer_count;
	int64_t last_ms;   /**< of its last reading, rounded up */
	int64_t told_ms;   /**< end of its last alert, or SCRIPT_TIME_NONE */
	int64_t queued_ms; /**< its place in `dues`, INT64_MAX: none */
	bool is_live, is_dirty, is_stored;
	bool is_firing; /**< as it was told: such a key is never idle */
};

/** A key may have a timer at `at_ms`. */
struct script_due {
	int64_t at_ms;
	uint32_t id;
};

struct script_memory {
	struct key_table table;
	struct script_key *keys; /**< [table.count] */
	uint32_t key_capacity, live_count, keys_max;
	int64_t idle_ms;
	int64_t sweep_ms;        /**< nobody gets idle before the watermark is there */
	struct script_due *dues; /**< heap, the first on top */
	uint32_t due_count, due_capacity;
	uint32_t *dirty; /**< ids */
	uint32_t dirty_count, dirty_capacity;
	uint64_t refused_count; /**< calls whose key found no room */
};

struct script_memory *script_memory_new(uint64_t seed, uint32_t keys_max, int64_t idle_ms);
void script_memory_free(struct script_memory *memory); /**< NULL allowed */

/** The key, or NULL. Borrowed until the next call that may add or remove one. */
struct script_key *script_memory_find(const struct script_memory *memory, struct slice name,
				      int64_t watermark_ms);
/** Made when it is not there; NULL: there is no room, which is counted. */
struct script_key *script_memory_put(struct script_memory *memory, struct slice name,
				     int64_t watermark_ms);
struct slice script_memory_key(const struct script_memory *memory, const struct script_key *key);

/** What a call finds. */
void script_memory_load(const struct script_key *key, struct rule_memory *out); /**< NULL: new */
/** What a call left at `time_ms`, a reading or (`is_reading` false) something else. False: no room,
 *  and nothing of the call counts. */
bool script_memory_keep(struct script_memory *memory, const struct rule_call *call, bool is_reading,
			int64_t watermark_ms);
void script_memory_tell(struct script_memory *memory, struct script_key *key, int64_t told_ms,
			bool is_firing);
/** Nothing fires any more. */
void script_memory_quiet(struct script_memory *memory);

/** Event time of the first timer, or a little before it; INT64_MAX. */
int64_t script_memory_next(const struct script_memory *memory);
/** Takes out the first timer up to `upto_ms`, with the key (borrowed as by find) it belongs to: by
 *  time, then key, then name. */
bool script_memory_take_due(struct script_memory *memory, int64_t upto_ms, struct rule_timer *out,
			    struct script_key **key);

/** Removes who is idle. Pointers to keys are gone. */
void script_memory_sweep(struct script_memory *memory, int64_t watermark_ms);

/** Each key that changed since, then none has. */
void script_memory_save(struct script_memory *memory,
			void (*put)(void *arg, struct slice name, const struct script_key *key),
			void (*drop)(void *arg, struct slice name), void *arg);
/** A stored key; texts are copied. */
void script_memory_restore(struct script_memory *memory, struct slice name,
			   const struct script_key *stored);

#endif
