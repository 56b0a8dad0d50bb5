/* A level (holds, is over: what the judgement says of it; unknown moves nothing):
 *
 *      off --holds--> pending --for hold_ms--> on --is over--> clearing --for clear_hold_ms--> off
 *              pending --does not hold--> off      clearing --is not over--> on
 *      A level that holds while a worse one is on is on at once: a severity falls step by step, and
 *      not by way of "resolved".
 *
 *  A key is `nodata` when it is silent, else `firing` when a level is on, else `ok`. Told is:
 *
 *      what is so        told before      alert
 *      firing, level l   other            firing, l               unless non_disturb holds it back
 *      nodata            other            nodata
 *      ok                not ok           resolved
 *      changed often     any              firing "flapping"       once, then none while it flaps
 *      quiet again       flapping         what is so, "settled"
 *
 *  A firing alert that is held back is sent when non_disturb lets it and it is still so; else it
 *  counts as kept back, and nobody is told that it resolved. */
#include "core/judge/key_state.h"

#include "core/base/bytes.h"
#include "core/base/mem.h"
#include "core/base/require.h"
#include "core/rule/rule.h"

#include <string.h>

enum { ENCODING = 1 };

void key_state_deinit(struct key_state *state)
{
	mem_free(state->times);
	*state = KEY_STATE_NEW;
}

const char *key_stage_name(enum key_stage stage)
{
	static const char *const names[] = {
#define KEY_STAGE_NAME(name, text) [KEY_STAGE_##name] = (text),
		KEY_STAGE_LIST(KEY_STAGE_NAME)
#undef KEY_STAGE_NAME
	};

	REQUIRE((size_t)stage < sizeof(names) / sizeof(names[0]));
	return names[stage];
}

/* ---- what is so ---- */

int key_state_level(const struct key_state *state, const struct rule *rule)
{
	for (int i = (int)rule->level_count - 1; i >= 0; i--)
		if (state->levels[i].is_on)
			return i;
	return -1;
}

static enum key_kind kind_of(const struct key_state *state, const struct rule *rule)
{
	if (state->is_silent)
		return KEY_KIND_NODATA;
	return key_state_level(state, rule) >= 0 ? KEY_KIND_FIRING : KEY_KIND_OK;
}

static bool is_pending(const struct key_state *state)
{
	for (uint32_t i = 0; i < RULE_LEVELS_MAX; i++)
		if (!state->levels[i].is_on && state->levels[i].since_ms != KEY_TIME_NONE)
			return true;
	return false;
}

enum key_stage key_state_stage(const struct key_state *state, const struct rule *rule)
{
	int level = key_state_level(state, rule);

	if (state->is_flapping)
		return KEY_STAGE_FLAPPING;
	if (state->is_silent)
		return KEY_STAGE_NODATA;
	if (level >= 0)
		return state->levels[level].since_ms != KEY_TIME_NONE ? KEY_STAGE_CLEARING
								      : KEY_STAGE_FIRING;
	return is_pending(state) ? KEY_STAGE_PENDING : KEY_STAGE_OK;
}

static void due_at(struct key_state *state, int64_t ms)
{
	if (ms < state->next_ms)
		state->next_ms = ms;
}

/** Since `*since_ms`, or now: has it been so for `span_ms`? */
static bool has_lasted(struct key_state *state, int64_t *since_ms, int64_t span_ms,
		       int64_t boundary_ms)
{
	if (*since_ms == KEY_TIME_NONE)
		*since_ms = boundary_ms;
	if (boundary_ms - *since_ms < span_ms) {
		due_at(state, *since_ms + span_ms);
		return false;
	}
	*since_ms = KEY_TIME_NONE;
	return true;
}

static void step_level(struct key_state *state, struct key_level *level,
		       const struct rule_level *spans, enum truth holds, enum truth is_over,
		       bool has_worse, int64_t boundary_ms)
{
	if (level->is_on) {
		if (holds == TRUTH_YES || is_over == TRUTH_NO)
			level->since_ms = KEY_TIME_NONE;
		else if (is_over == TRUTH_YES &&
			 has_lasted(state, &level->since_ms, spans->clear_hold_ms, boundary_ms))
			level->is_on = false;
	} else if (holds == TRUTH_YES) {
		level->is_on = has_lasted(state, &level->since_ms, has_worse ? 0 : spans->hold_ms,
					  boundary_ms);
	} else if (holds == TRUTH_NO) {
		level->since_ms = KEY_TIME_NONE;
	}
}

static void step_levels(struct key_state *state, const struct rule *rule,
			const struct key_step *step)
{
	bool has_worse = false;

	for (uint32_t i = rule->level_count; i-- > 0;) {
		step_level(state, &state->levels[i], &rule->levels[i],
			   (enum truth)step->judgement->holds[i],
			   (enum truth)step->judgement->is_over[i], has_worse, step->boundary_ms);
		has_worse |= state->levels[i].is_on;
	}
}

static void step_silence(struct key_state *state, const struct rule *rule,
			 const struct key_step *step)
{
	int64_t since_ms = state->quiet_ms > step->watched_ms ? state->quiet_ms : step->watched_ms;

	if (step->judgement->has_readings)
		state->is_silent = false;
	else if (rule->no_data != RULE_NO_DATA_ALERT || state->is_silent)
		return;
	else if (step->boundary_ms - since_ms >= rule->no_data_after_ms)
		state->is_silent = true;
	else
		due_at(state, since_ms + rule->no_data_after_ms);
}

/** Outside the valid time nothing is so. */
static void mute(struct key_state *state)
{
	for (uint32_t i = 0; i < RULE_LEVELS_MAX; i++)
		state->levels[i] = (struct key_level){.since_ms = KEY_TIME_NONE};
	state->is_silent = false;
	state->is_flapping = false;
	state->has_flap_to_tell = false;
	state->change_count = 0;
}

/* ---- flapping ---- */

static struct key_times *times_of(struct key_state *state)
{
	if (state->times == NULL)
		state->times = mem_alloc(sizeof(*state->times));
	return state->times;
}

/** The newest `max` of them stay. */
static void add_time(int64_t *times, uint8_t *count, uint32_t max, int64_t ms)
{
	if (*count >= max) {
		memmove(times, times + (*count - max + 1), (max - 1) * sizeof(*times));
		*count = (uint8_t)(max - 1);
	}
	times[(*count)++] = ms;
}

static void note_change(struct key_state *state, const struct rule *rule, int64_t boundary_ms)
{
	int64_t *changes = times_of(state)->changes;

	add_time(changes, &state->change_count, rule->flap.changes, boundary_ms);
	if (state->is_flapping || state->change_count < rule->flap.changes ||
	    boundary_ms - changes[0] > rule->flap.within_ms)
		return;
	state->is_flapping = true;
	state->has_flap_to_tell = true;
}

/** True: it has settled now. */
static bool step_flapping(struct key_state *state, const struct rule *rule, bool has_changed,
			  int64_t boundary_ms)
{
	int64_t last_ms;

	if (rule->flap.changes == 0)
		return false;
	if (has_changed)
		note_change(state, rule, boundary_ms);
	if (!state->is_flapping)
		return false;
	last_ms = state->times->changes[state->change_count - 1];
	if (boundary_ms - last_ms < rule->flap.within_ms) {
		due_at(state, last_ms + rule->flap.within_ms);
		return false;
	}
	state->is_flapping = false;
	state->has_flap_to_tell = false;
	state->change_count = 0;
	return true;
}

/* ---- what is told ---- */

/** May a firing alert be sent now? */
static bool is_let(struct key_state *state, const struct rule *rule, int64_t boundary_ms)
{
	int64_t free_ms;

	if (rule->non_disturb.max == 0 || state->sent_count < rule->non_disturb.max)
		return true;
	free_ms = state->times->sent[state->sent_count - rule->non_disturb.max] +
		  rule->non_disturb.within_ms;
	if (boundary_ms >= free_ms)
		return true;
	due_at(state, free_ms);
	return false;
}

static void drop_held(struct key_state *state)
{
	state->kept_back += state->is_held;
	state->is_held = false;
}

static bool send(struct key_state *state, const struct rule *rule, int64_t boundary_ms,
		 struct key_tell *tell)
{
	if (tell->kind == KEY_KIND_FIRING && !is_let(state, rule, boundary_ms)) {
		state->is_held = true;
		return false;
	}
	if (tell->kind == KEY_KIND_FIRING) {
		state->is_held = false;
		if (rule->non_disturb.max > 0)
			add_time(times_of(state)->sent, &state->sent_count, rule->non_disturb.max,
				 boundary_ms);
	} else {
		drop_held(state);
		tell->level = state->told_level;
	}
	tell->kept_back = state->kept_back;
	state->kept_back = 0;
	state->told_kind = (uint8_t)tell->kind;
	state->told_level = tell->kind != KEY_KIND_OK ? (uint8_t)tell->level : 0;
	state->told_ms = boundary_ms;
	state->has_flap_to_tell = false;
	return true;
}

static bool tell_flapping(struct key_state *state, const struct rule *rule, int64_t boundary_ms,
			  struct key_tell *tell)
{
	if (!state->has_flap_to_tell)
		return false;
	*tell = (struct key_tell){
		.kind = (enum key_kind)state->worst_kind,
		.level = state->worst_level,
		.reason = "flapping",
	};
	return send(state, rule, boundary_ms, tell);
}

static bool tell_state(struct key_state *state, const struct rule *rule, const char *reason,
		       bool is_repeated, int64_t boundary_ms, struct key_tell *tell)
{
	int level = key_state_level(state, rule);

	*tell = (struct key_tell){
		.kind = kind_of(state, rule),
		.level = level >= 0 ? (uint32_t)level : 0,
		.reason = reason,
	};
	if (tell->kind == (enum key_kind)state->told_kind &&
	    (tell->kind != KEY_KIND_FIRING || tell->level == state->told_level) &&
	    (!is_repeated || tell->kind == KEY_KIND_OK)) {
		drop_held(state);
		return false;
	}
	return send(state, rule, boundary_ms, tell);
}

bool key_state_end(struct key_state *state, const char *reason, struct key_tell *tell)
{
	bool was_told = state->told_kind != KEY_KIND_OK;

	drop_held(state);
	*tell = (struct key_tell){.kind = KEY_KIND_OK,
				  .level = state->told_level,
				  .reason = reason,
				  .kept_back = state->kept_back};
	mute(state);
	state->kept_back = 0;
	state->sent_count = 0;
	state->told_kind = KEY_KIND_OK;
	state->told_level = 0;
	state->next_ms = INT64_MAX;
	return was_told;
}

/* ---- a step ---- */

static bool is_forgettable(const struct key_state *state, const struct rule *rule)
{
	return rule->by_count > 0 && state->quiet_ms != KEY_TIME_NONE;
}

static bool is_forgotten(struct key_state *state, const struct rule *rule,
			 const struct key_step *step)
{
	if (step->is_expected || !is_forgettable(state, rule))
		return false;
	if (step->boundary_ms - state->quiet_ms >= rule->key_idle_ms)
		return true;
	due_at(state, state->quiet_ms + rule->key_idle_ms);
	return false;
}

static void note_readings(struct key_state *state, const struct key_step *step)
{
	if (step->judgement->has_readings)
		state->quiet_ms = KEY_TIME_NONE;
	else if (state->quiet_ms == KEY_TIME_NONE)
		/* Nothing in the window: it began to be quiet where the window begins. */
		state->quiet_ms = step->window_start_ms;
}

static void note_worst(struct key_state *state, const struct rule *rule)
{
	enum key_kind kind = kind_of(state, rule);
	int level = key_state_level(state, rule);

	if (kind == KEY_KIND_OK)
		return;
	state->worst_kind = (uint8_t)kind;
	state->worst_level = level >= 0 ? (uint8_t)level : 0;
}

bool key_state_step(struct key_state *state, const struct rule *rule, const struct key_step *step,
		    struct key_tell *tell)
{
	enum key_kind before = kind_of(state, rule);
	bool was_silent = state->is_silent, is_settled;
	const char *reason;

	state->next_ms = INT64_MAX;
	note_readings(state, step);
	if (is_forgotten(state, rule, step))
		return key_state_end(state, "key_idle", tell);
	if (step->judgement->is_muted) {
		mute(state);
		/* When the valid time begins, so does the silence of a key that sends nothing. */
		due_at(state, step->boundary_ms);
		return tell_state(state, rule, "outside_valid_time", false, step->boundary_ms,
				  tell);
	}
	step_levels(state, rule, step);
	step_silence(state, rule, step);
	note_worst(state, rule);
	is_settled = step_flapping(state, rule, kind_of(state, rule) != before, step->boundary_ms);
	if (state->is_flapping)
		return tell_flapping(state, rule, step->boundary_ms, tell);
	reason = is_settled ? "settled" : was_silent && !state->is_silent ? "data_returned" : NULL;
	return tell_state(state, rule, reason, is_settled, step->boundary_ms, tell);
}

bool key_state_is_needed(const struct key_state *state, const struct rule *rule,
			 int64_t boundary_ms)
{
	bool is_idle =
		is_forgettable(state, rule) && boundary_ms - state->quiet_ms >= rule->key_idle_ms;

	if (rule->no_data == RULE_NO_DATA_ALERT && !is_idle)
		return true;
	if (state->told_kind != KEY_KIND_OK || key_state_level(state, rule) >= 0 ||
	    is_pending(state) || state->is_silent || state->is_flapping || state->is_held ||
	    state->kept_back > 0)
		return true;
	if (state->change_count > 0 &&
	    boundary_ms - state->times->changes[state->change_count - 1] <= rule->flap.within_ms)
		return true;
	return state->sent_count > 0 && boundary_ms - state->times->sent[state->sent_count - 1] <
						rule->non_disturb.within_ms;
}

/* ---- stored ---- */

enum {
	FLAG_SILENT = 1,
	FLAG_FLAPPING = 2,
	FLAG_HELD = 4,
	FLAG_FLAP_TO_TELL = 8,
};

void key_state_encode(const struct key_state *state, struct bytes *out)
{
	bytes_append_u8(out, ENCODING);
	bytes_append_u8(out,
			(uint8_t)(state->is_silent * FLAG_SILENT |
				  state->is_flapping * FLAG_FLAPPING | state->is_held * FLAG_HELD |
				  state->has_flap_to_tell * FLAG_FLAP_TO_TELL));
	for (uint32_t i = 0; i < RULE_LEVELS_MAX; i++) {
		bytes_append_u8(out, state->levels[i].is_on);
		bytes_append_be64(out, (uint64_t)state->levels[i].since_ms);
	}
	bytes_append_be64(out, (uint64_t)state->quiet_ms);
	bytes_append_be64(out, (uint64_t)state->next_ms);
	bytes_append_be64(out, (uint64_t)state->told_ms);
	bytes_append_be64(out, state->kept_back);
	bytes_append_u8(out, state->worst_kind);
	bytes_append_u8(out, state->worst_level);
	bytes_append_u8(out, state->told_kind);
	bytes_append_u8(out, state->told_level);
	bytes_append_u8(out, state->change_count);
	for (uint8_t i = 0; i < state->change_count; i++)
		bytes_append_be64(out, (uint64_t)state->times->changes[i]);
	bytes_append_u8(out, state->sent_count);
	for (uint8_t i = 0; i < state->sent_count; i++)
		bytes_append_be64(out, (uint64_t)state->times->sent[i]);
}

static uint8_t read_up_to(struct byte_reader *reader, uint32_t max)
{
	uint8_t number = byte_reader_u8(reader);

	if (number <= max)
		return number;
	reader->has_failed = true;
	return 0;
}

static uint8_t read_times(struct byte_reader *reader, int64_t *times, uint32_t max)
{
	uint8_t count = read_up_to(reader, max);

	for (uint8_t i = 0; i < count; i++)
		times[i] = (int64_t)byte_reader_be64(reader);
	return count;
}

void key_state_decode(struct byte_reader *reader, struct key_state *out)
{
	struct key_times times = {{0}, {0}};
	uint8_t flags;

	*out = KEY_STATE_NEW;
	if (byte_reader_u8(reader) != ENCODING)
		reader->has_failed = true;
	flags = byte_reader_u8(reader);
	out->is_silent = (flags & FLAG_SILENT) != 0;
	out->is_flapping = (flags & FLAG_FLAPPING) != 0;
	out->is_held = (flags & FLAG_HELD) != 0;
	out->has_flap_to_tell = (flags & FLAG_FLAP_TO_TELL) != 0;
	for (uint32_t i = 0; i < RULE_LEVELS_MAX; i++) {
		out->levels[i].is_on = read_up_to(reader, 1) != 0;
		out->levels[i].since_ms = (int64_t)byte_reader_be64(reader);
	}
	out->quiet_ms = (int64_t)byte_reader_be64(reader);
	out->next_ms = (int64_t)byte_reader_be64(reader);
	out->told_ms = (int64_t)byte_reader_be64(reader);
	out->kept_back = byte_reader_be64(reader);
	out->worst_kind = read_up_to(reader, KEY_KIND_NODATA);
	out->worst_level = read_up_to(reader, RULE_LEVELS_MAX - 1);
	out->told_kind = read_up_to(reader, KEY_KIND_NODATA);
	out->told_level = read_up_to(reader, RULE_LEVELS_MAX - 1);
	out->change_count = read_times(reader, times.changes, RULE_FLAP_CHANGES_MAX);
	out->sent_count = read_times(reader, times.sent, RULE_NON_DISTURB_MAX);
	/* A flapping key has a last change. */
	reader->has_failed |= out->is_flapping && out->change_count == 0;
	if (!reader->has_failed && (out->change_count > 0 || out->sent_count > 0))
		*times_of(out) = times;
	if (reader->has_failed)
		out->change_count = out->sent_count = 0;
}
