/* Every subset of the options that shape a key's state, hence every pair of them, on random
 * streams: what is so is compared with a reading of the whole history, what is told with the
 * promises of key_state.h; a restart at every step and leaving out what may be left out change
 * nothing. */
#include "core/judge/key_state.h"

#include <criterion/criterion.h>

#include <string.h>

#include "core/base/bytes.h"
#include "core/rule/rule.h"

enum {
	HOLD = 1,
	CLEAR_HOLD = 2,
	CLEAR = 4,
	FLAP = 8,
	SILENCE = 16,
	MIN_SAMPLES = 32,
	LIMIT = 64,
	VALID_TIME = 128,
	LEVELS = 256,
	OPTION_SETS = 512,
	STREAMS = 6,
	STEPS = 80,
	EVERY = 5,
	WINDOW = 20,
	LIMIT_MAX = 2,
	LIMIT_WITHIN = 60,
	FLAP_CHANGES = 3,
	FLAP_WITHIN = 40,
};

struct stream {
	struct rule rule;
	struct judgement at[STEPS];
	bool on[STEPS][2];
	bool silent[STEPS];
};

static uint64_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return *seed >> 33;
}

static struct rule rule_of(int set)
{
	struct rule rule = {
		.level_count = set & LEVELS ? 2 : 1,
		.window_ms = WINDOW,
		.by_count = 1,
		.no_data = set & SILENCE ? RULE_NO_DATA_ALERT : RULE_NO_DATA_KEEP,
		.no_data_after_ms = WINDOW + 10,
		.key_idle_ms = 1000000,
	};

	for (int i = 0; i < 2; i++) {
		rule.levels[i].hold_ms = set & HOLD ? 10 + 5 * i : 0;
		rule.levels[i].clear_hold_ms = set & CLEAR_HOLD ? 15 - 5 * i : 0;
	}
	if (set & FLAP)
		rule.flap = (struct rule_flap){FLAP_CHANGES, FLAP_WITHIN};
	if (set & LIMIT)
		rule.non_disturb = (struct rule_non_disturb){LIMIT_MAX, LIMIT_WITHIN};
	return rule;
}

static struct judgement random_judgement(int set, uint64_t *seed)
{
	struct judgement one = {.has_readings = true};
	uint64_t dice = next_random(seed) % 16;

	if (set & VALID_TIME && dice == 0)
		one.is_muted = true;
	if (dice == 1 || dice == 2 || (set & MIN_SAMPLES && dice == 3)) {
		one.has_readings = dice == 3;
		memset(one.holds, TRUTH_UNKNOWN, sizeof(one.holds));
		memset(one.is_over, TRUTH_UNKNOWN, sizeof(one.is_over));
		return one;
	}
	for (int i = 0; i < 2; i++) {
		bool holds = next_random(seed) % 2 != 0 && (i == 0 || one.holds[0] == TRUTH_YES);
		bool is_over = !holds && !(set & CLEAR && next_random(seed) % 2 != 0);

		one.holds[i] = holds ? TRUTH_YES : TRUTH_NO;
		one.is_over[i] = is_over ? TRUTH_YES : TRUTH_NO;
	}
	return one;
}

/* ---- what is so, read from the history ---- */

/** Time since the first boundary, after the last one that says otherwise, at which it was so. */
static bool lasted(const struct stream *stream, int t, int level, bool of_holding, int64_t span)
{
	int first = t;

	for (int k = t; k >= 0; k--) {
		const struct judgement *at = &stream->at[k];
		bool says_so = of_holding ? at->holds[level] == TRUTH_YES
					  : at->is_over[level] == TRUTH_YES;
		bool says_no = of_holding ? at->holds[level] == TRUTH_NO
					  : at->holds[level] == TRUTH_YES ||
						    at->is_over[level] == TRUTH_NO;
		bool was_on = k > 0 && stream->on[k - 1][level];

		if (at->is_muted || says_no)
			break;
		if (says_so)
			first = k;
		/* It became what it is at this boundary: what was before does not count. */
		if (k < t && was_on == of_holding)
			break;
		if (k < t && stream->on[k][level] == of_holding)
			break;
	}
	return (t - first) * (int64_t)EVERY >= span;
}

static bool is_on(const struct stream *stream, int t, int level, bool has_worse)
{
	const struct judgement *at = &stream->at[t];
	bool was_on = t > 0 && stream->on[t - 1][level];
	const struct rule_level *spans = &stream->rule.levels[level];

	if (at->is_muted)
		return false;
	if (was_on)
		return at->holds[level] == TRUTH_YES || at->is_over[level] != TRUTH_YES ||
		       !lasted(stream, t, level, false, spans->clear_hold_ms);
	return at->holds[level] == TRUTH_YES &&
	       (has_worse || lasted(stream, t, level, true, spans->hold_ms));
}

static bool is_silent(const struct stream *stream, int t)
{
	int muted = t, quiet = t;

	while (muted >= 0 && !stream->at[muted].is_muted)
		muted--;
	while (quiet >= 0 && !stream->at[quiet].has_readings)
		quiet--;
	if (stream->rule.no_data != RULE_NO_DATA_ALERT || quiet == t || muted == t)
		return false;
	/* It has been silent since then, or is by now: time goes on from where it was muted. */
	for (int k = quiet + 1 > muted + 1 ? quiet + 1 : muted + 1; k <= t; k++) {
		int64_t since = (quiet + 1) * EVERY - WINDOW;
		int64_t watched = muted >= 0 ? muted * EVERY : -1000000;

		if (k * EVERY - (since > watched ? since : watched) >=
		    stream->rule.no_data_after_ms)
			return true;
	}
	return false;
}

static void make_stream(struct stream *stream, int set, uint64_t seed)
{
	stream->rule = rule_of(set);
	for (int t = 0; t < STEPS; t++) {
		/* As in life, mostly what was before. */
		if (t > 0 && next_random(&seed) % 3 != 0)
			stream->at[t] = stream->at[t - 1];
		else
			stream->at[t] = random_judgement(set, &seed);
	}
	for (int t = 0; t < STEPS; t++) {
		bool has_worse = set & LEVELS && is_on(stream, t, 1, false);

		stream->on[t][1] = has_worse;
		stream->on[t][0] = is_on(stream, t, 0, has_worse);
		stream->silent[t] = is_silent(stream, t);
	}
}

/* ---- runs ---- */

struct run {
	struct key_state state;
	struct key_tell tells[STEPS];
	bool has_told[STEPS];
	int64_t muted_ms;
};

static void step(struct run *run, const struct stream *stream, int t)
{
	struct key_step at = {.boundary_ms = t * EVERY,
			      .window_start_ms = t * EVERY - WINDOW,
			      .judgement = &stream->at[t]};

	if (stream->at[t].is_muted)
		run->muted_ms = at.boundary_ms;
	at.watched_ms = run->muted_ms;
	run->has_told[t] = key_state_step(&run->state, &stream->rule, &at, &run->tells[t]);
}

static void restart(struct run *run)
{
	struct bytes text = BYTES_EMPTY;
	struct byte_reader reader;

	key_state_encode(&run->state, &text);
	key_state_deinit(&run->state);
	reader = byte_reader_of(bytes_slice(&text));
	key_state_decode(&reader, &run->state);
	cr_assert(!reader.has_failed && reader.left == 0);
	bytes_deinit(&text);
}

static bool is_same(const struct run *a, const struct run *b, int t)
{
	const struct key_tell *x = &a->tells[t], *y = &b->tells[t];

	return a->has_told[t] == b->has_told[t] &&
	       (!a->has_told[t] ||
		(x->kind == y->kind && x->level == y->level && x->kept_back == y->kept_back &&
		 (x->reason == NULL) == (y->reason == NULL) &&
		 (x->reason == NULL || strcmp(x->reason, y->reason) == 0)));
}

static void check_what_is_so(const struct run *run, const struct stream *stream, int t, int set)
{
	int level = stream->on[t][1] ? 1 : stream->on[t][0] ? 0 : -1;

	cr_assert_eq(key_state_level(&run->state, &stream->rule), level, "options %d, step %d", set,
		     t);
	cr_assert_eq(run->state.is_silent, stream->silent[t], "options %d, step %d: silent", set,
		     t);
}

/** What was told last, and what every alert may be. */
static void check_what_is_told(const struct run *run, const struct stream *stream, int t, int set)
{
	enum key_kind told = KEY_KIND_OK, before = KEY_KIND_OK;
	int level = stream->on[t][1] ? 1 : stream->on[t][0] ? 0 : -1;
	enum key_kind is_so = stream->silent[t] ? KEY_KIND_NODATA
			      : level >= 0      ? KEY_KIND_FIRING
						: KEY_KIND_OK;
	uint32_t told_level = 0, sent = 0;

	for (int k = 0; k <= t; k++)
		if (run->has_told[k]) {
			before = told;
			told = run->tells[k].kind;
			told_level = run->tells[k].level;
			sent += told == KEY_KIND_FIRING && (t - k) * EVERY < LIMIT_WITHIN;
		}
	if (run->has_told[t])
		cr_assert(told != KEY_KIND_OK || before != KEY_KIND_OK,
			  "options %d, step %d: resolved what was not told", set, t);
	if (set & LIMIT)
		cr_assert_leq(sent, LIMIT_MAX, "options %d, step %d", set, t);
	if (run->state.is_flapping)
		return;
	if (run->state.is_held) {
		cr_assert(is_so == KEY_KIND_FIRING && sent == LIMIT_MAX, "options %d, step %d", set,
			  t);
		return;
	}
	cr_assert(told == is_so && (told != KEY_KIND_FIRING || told_level == (uint32_t)level),
		  "options %d, step %d: told %d level %u, is %d level %d", set, t, (int)told,
		  told_level, (int)is_so, level);
}

/** As the engine does: only boundaries where the judgement changes, or a step is due. */
static void check_skipping(const struct run *whole, const struct stream *stream, int set)
{
	struct run run = {.state = KEY_STATE_NEW, .muted_ms = KEY_TIME_NONE};

	for (int t = 0; t < STEPS; t++) {
		bool is_news = t == 0 || memcmp(&stream->at[t], &stream->at[t - 1],
						sizeof(stream->at[t])) != 0;

		/* Every muted boundary counts: silence begins behind the last one. */
		if (is_news || stream->at[t].is_muted || run.state.next_ms <= t * EVERY)
			step(&run, stream, t);
		cr_assert(is_same(whole, &run, t), "options %d: skipped up to step %d", set, t);
	}
	key_state_deinit(&run.state);
}

static void check_set(int set)
{
	static struct stream stream;

	for (uint64_t seed = 1; seed <= STREAMS; seed++) {
		struct run run = {.state = KEY_STATE_NEW, .muted_ms = KEY_TIME_NONE};
		struct run again = {.state = KEY_STATE_NEW, .muted_ms = KEY_TIME_NONE};

		make_stream(&stream, set, seed * 1000003 + (uint64_t)set);
		for (int t = 0; t < STEPS; t++) {
			step(&run, &stream, t);
			restart(&again);
			step(&again, &stream, t);
			cr_assert(is_same(&run, &again, t), "options %d: restart before step %d",
				  set, t);
			check_what_is_so(&run, &stream, t, set);
			check_what_is_told(&run, &stream, t, set);
		}
		check_skipping(&run, &stream, set);
		key_state_deinit(&run.state);
		key_state_deinit(&again.state);
	}
}

Test(key_pairs, every_set_of_options)
{
	for (int set = 0; set < OPTION_SETS; set++)
		check_set(set);
}
