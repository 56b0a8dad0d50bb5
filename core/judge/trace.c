#include "core/judge/trace.h"

#include "core/base/mem.h"
#include "core/base/require.h"
#include "core/rule/rule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

struct trace_key {
	char *key; /**< [key_bytes] */
	size_t key_bytes;
	uint64_t hash;
	struct trace_run *runs; /**< a ring of `capacity`; grows until TRACE_RUNS_MAX */
	uint32_t capacity, count, first;
};

struct trace {
	struct trace_key keys[TRACE_KEYS_MAX];
	uint32_t key_count;
	size_t bytes;
};

static const struct {
	const char *word, *text;
} reasons[] = {
#define TRACE_REASON_ROW(name, reason_word, reason_text)                                           \
	[TRACE_##name] = {reason_word, reason_text},
	TRACE_REASON_LIST(TRACE_REASON_ROW)
#undef TRACE_REASON_ROW
};

const char *trace_reason_word(enum trace_reason reason)
{
	REQUIRE((size_t)reason < sizeof(reasons) / sizeof(reasons[0]));
	return reasons[reason].word;
}

const char *trace_reason_text(enum trace_reason reason)
{
	REQUIRE((size_t)reason < sizeof(reasons) / sizeof(reasons[0]));
	return reasons[reason].text;
}

/* ---- what a step says ---- */

/** The level that waits for its time, the worst first; or -1. */
static int waiting_level(const struct key_state *state, const struct rule *rule)
{
	for (int i = (int)rule->level_count - 1; i >= 0; i--)
		if (state->levels[i].since_ms != KEY_TIME_NONE)
			return i;
	return -1;
}

static bool is_unjudged(const struct rule *rule, const struct judgement *judgement)
{
	for (uint32_t i = 0; i < rule->level_count; i++)
		if (judgement->holds[i] != TRUTH_UNKNOWN || judgement->is_over[i] != TRUTH_UNKNOWN)
			return false;
	return true;
}

static enum trace_reason reason_of(const struct rule *rule, const struct key_step *step,
				   const struct key_state *after, const struct key_tell *tell,
				   uint64_t reading_count)
{
	if (tell != NULL && tell->kind == KEY_KIND_FIRING)
		return TRACE_FIRED;
	if (tell != NULL)
		return tell->kind == KEY_KIND_OK ? TRACE_RESOLVED : TRACE_NODATA;
	if (step->judgement->is_muted)
		return TRACE_VALID_TIME;
	if (after->is_held)
		return TRACE_NON_DISTURB;
	switch (key_state_stage(after, rule)) {
	case KEY_STAGE_FLAPPING: return TRACE_FLAPPING;
	case KEY_STAGE_NODATA: return TRACE_NODATA;
	case KEY_STAGE_PENDING:
	case KEY_STAGE_CLEARING:
	case KEY_STAGE_FIRING:
	case KEY_STAGE_OK: break;
	}
	if (is_unjudged(rule, step->judgement))
		return reading_count > 0 && reading_count < rule->min_samples ? TRACE_MIN_SAMPLES
									      : TRACE_NO_VALUE;
	switch (key_state_stage(after, rule)) {
	case KEY_STAGE_PENDING: return TRACE_PENDING;
	case KEY_STAGE_CLEARING: return TRACE_CLEARING;
	case KEY_STAGE_FIRING: return TRACE_FIRING;
	case KEY_STAGE_FLAPPING:
	case KEY_STAGE_NODATA:
	case KEY_STAGE_OK: break;
	}
	return TRACE_NOT_MET;
}

static void add_values(const struct rule *rule, const struct judge_values *values,
		       struct trace_point *out)
{
	const struct rule_condition *holds = &rule->levels[out->level].holds;

	out->reading_count = values->reading_count;
	out->has_own_number = values->own_number != NULL;
	out->own_number = out->has_own_number ? *values->own_number : 0;
	for (uint32_t i = 0; i < holds->count && i < TRACE_VALUES_MAX; i++)
		if (values->value(values->arg, &holds->expressions[i], &out->values[i]))
			out->has_values |= 1U << i;
}

void trace_point_of(const struct rule *rule, const struct key_step *step,
		    const struct judge_values *values, const struct key_state *after,
		    const struct key_tell *tell, struct trace_point *out)
{
	int waiting = waiting_level(after, rule), on = key_state_level(after, rule);

	*out = (struct trace_point){
		.boundary_ms = step->boundary_ms,
		.stage = key_state_stage(after, rule),
		.level = tell != NULL && tell->kind != KEY_KIND_NODATA ? tell->level
			 : on >= 0                                     ? (uint32_t)on
			 : waiting >= 0                                ? (uint32_t)waiting
								       : 0,
	};
	if (values != NULL && rule->level_count > 0)
		add_values(rule, values, out);
	out->reason = reason_of(rule, step, after, tell, out->reading_count);
	if (tell != NULL && tell->reason != NULL)
		snprintf(out->note, sizeof(out->note), "%s", tell->reason);
	if (waiting >= 0 && (out->reason == TRACE_PENDING || out->reason == TRACE_CLEARING)) {
		const struct key_level *level = &after->levels[out->level];
		const struct rule_level *spans = &rule->levels[out->level];

		if (level->since_ms != KEY_TIME_NONE)
			out->waited_ms = step->boundary_ms - level->since_ms;
		out->needed_ms = level->is_on ? spans->clear_hold_ms : spans->hold_ms;
	}
}

/* ---- the rings ---- */

static struct trace_key *find_key(const struct trace *trace, struct slice key, uint64_t hash)
{
	for (uint32_t i = 0; i < trace->key_count; i++) {
		const struct trace_key *at = &trace->keys[i];

		if (at->hash == hash && slice_equal((struct slice){at->key, at->key_bytes}, key))
			return (struct trace_key *)at;
	}
	return NULL;
}

static struct trace_run *run_at(const struct trace_key *key, uint32_t index)
{
	return &key->runs[(key->first + index) % key->capacity];
}

static struct trace_run *newest(const struct trace_key *key)
{
	return key->count > 0 ? run_at(key, key->count - 1) : NULL;
}

static struct trace_key *take_place(struct trace *trace)
{
	struct trace_key *oldest = &trace->keys[0];

	if (trace->key_count < TRACE_KEYS_MAX)
		return &trace->keys[trace->key_count++];
	for (uint32_t i = 1; i < TRACE_KEYS_MAX; i++)
		if (newest(&trace->keys[i])->last.boundary_ms < newest(oldest)->last.boundary_ms)
			oldest = &trace->keys[i];
	trace->bytes -= oldest->key_bytes + oldest->capacity * sizeof(*oldest->runs);
	mem_free(oldest->key);
	mem_free(oldest->runs);
	return oldest;
}

/** What goes on as it was takes no other key's place: thousands of keys that fire would leave
 *  nothing of those that move. */
static bool may_displace(enum trace_reason reason)
{
	return reason != TRACE_FIRING && reason != TRACE_NOT_MET;
}

/** NULL: there is no place for it. */
static struct trace_key *put_key(struct trace *trace, struct slice key, enum trace_reason reason)
{
	uint64_t hash = XXH3_64bits(key.data, key.length);
	struct trace_key *place = find_key(trace, key, hash);

	if (place != NULL)
		return place;
	if (trace->key_count == TRACE_KEYS_MAX && !may_displace(reason))
		return NULL;
	place = take_place(trace);
	*place = (struct trace_key){
		.key = mem_copy_bytes(key.data, key.length), .key_bytes = key.length, .hash = hash};
	trace->bytes += key.length;
	return place;
}

static void grow(struct trace *trace, struct trace_key *key)
{
	uint32_t capacity = key->capacity == 0                    ? 2
			    : key->capacity * 2 <= TRACE_RUNS_MAX ? key->capacity * 2
								  : TRACE_RUNS_MAX;

	/* A ring that never was full begins at its first place. */
	key->runs = mem_grow(key->runs, capacity, sizeof(*key->runs));
	trace->bytes += (capacity - key->capacity) * sizeof(*key->runs);
	key->capacity = capacity;
}

static bool goes_on(const struct trace_run *run, const struct trace_point *point)
{
	return run != NULL && run->last.reason == point->reason &&
	       run->last.stage == point->stage && run->last.level == point->level &&
	       point->reason != TRACE_FIRED && point->reason != TRACE_RESOLVED;
}

void trace_add(struct trace **trace, struct slice key, const struct trace_point *point)
{
	struct trace_key *place;
	struct trace_run *run;

	if (key.length > TRACE_KEY_BYTES_MAX)
		key.length = TRACE_KEY_BYTES_MAX;
	if (*trace == NULL) {
		*trace = mem_alloc(sizeof(**trace));
		(*trace)->bytes = sizeof(**trace);
	}
	place = put_key(*trace, key, point->reason);
	if (place == NULL)
		return;
	run = newest(place);
	if (goes_on(run, point)) {
		run->count++;
		run->last = *point;
		return;
	}
	if (place->count == place->capacity && place->capacity < TRACE_RUNS_MAX)
		grow(*trace, place);
	if (place->count == place->capacity)
		place->first = (place->first + 1) % place->capacity;
	else
		place->count++;
	*newest(place) =
		(struct trace_run){.first_ms = point->boundary_ms, .count = 1, .last = *point};
}

void trace_free(struct trace *trace)
{
	for (uint32_t i = 0; trace != NULL && i < trace->key_count; i++) {
		mem_free(trace->keys[i].key);
		mem_free(trace->keys[i].runs);
	}
	mem_free(trace);
}

/* ---- answers ---- */

void trace_each_run(const struct trace *trace, struct slice key,
		    void (*each)(void *arg, const struct trace_run *run), void *arg)
{
	const struct trace_key *place;

	if (key.length > TRACE_KEY_BYTES_MAX)
		key.length = TRACE_KEY_BYTES_MAX;
	place = trace != NULL ? find_key(trace, key, XXH3_64bits(key.data, key.length)) : NULL;
	for (uint32_t i = 0; place != NULL && i < place->count; i++)
		each(arg, run_at(place, i));
}

static int compare_keys(const void *a, const void *b)
{
	const struct trace_key *left = *(const struct trace_key *const *)a;
	const struct trace_key *right = *(const struct trace_key *const *)b;
	int64_t left_ms = newest(left)->last.boundary_ms,
		right_ms = newest(right)->last.boundary_ms;

	if (left_ms != right_ms)
		return left_ms < right_ms ? 1 : -1;
	return slice_compare((struct slice){left->key, left->key_bytes},
			     (struct slice){right->key, right->key_bytes});
}

void trace_each_key(const struct trace *trace, void (*each)(void *arg, struct slice key), void *arg)
{
	const struct trace_key *order[TRACE_KEYS_MAX];
	uint32_t count = trace != NULL ? trace->key_count : 0;

	for (uint32_t i = 0; i < count; i++)
		order[i] = &trace->keys[i];
	if (count > 1)
		qsort(order, count, sizeof(order[0]), compare_keys);
	for (uint32_t i = 0; i < count; i++)
		each(arg, (struct slice){order[i]->key, order[i]->key_bytes});
}

size_t trace_bytes(const struct trace *trace)
{
	return trace != NULL ? trace->bytes : 0;
}
