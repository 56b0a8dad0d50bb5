/* Random sequences of what people, alerts, plans and time do to an incident, against a model that
 * knows only the drawing (find_drawn) and the sentences of docs/incidents.md. Three people hold the
 * revision that each has seen last, so that many commands are stale. 5,000 sequences, or 100,000
 * with TOCSIN_LONG; TOCSIN_SEED repeats a run. */
#include "core/incident/incident.h"

#include <criterion/criterion.h>

#include <jansson.h>

#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "incident_world.h"
#include "storage/commit.h"

enum { PEOPLE = 3, STEPS_MAX = 24, WORLD_SEQUENCES = 250 };

struct model {
	char state[16];
	uint64_t number, target, revision, runs;
	bool fires[2], is_acked;
	int64_t began_ms, acked_ms, ended_ms, snoozed_ms;
};

struct play {
	struct world world;
	struct model model;
	uint64_t random;
	uint64_t seen[PEOPLE];
	uint64_t sequence;
	uint64_t refused, done;
};

static uint32_t draw(struct play *play, uint32_t below)
{
	play->random ^= play->random << 13;
	play->random ^= play->random >> 7;
	play->random ^= play->random << 17;
	return (uint32_t)(play->random >> 33) % below;
}

/* ---- the model ---- */

static bool is_open(const struct model *model)
{
	static const char open[] = "CANDIDATE OPEN ACKED HANDLING MITIGATED";
	return strstr(open, model->state) != NULL;
}

static void become(struct play *play, const char *state)
{
	struct model *model = &play->model;
	if (strcmp(model->state, state) == 0)
		return;
	bool was_ended = strcmp(model->state, "MITIGATED") == 0 || !is_open(model);
	if (strcmp(state, "OPEN") == 0 && (was_ended || strcmp(model->state, "ACKED") == 0))
		model->is_acked = false;
	snprintf(model->state, sizeof(model->state), "%s", state);
	if (is_open(model))
		return;
	model->fires[0] = model->fires[1] = false;
	model->snoozed_ms = 0;
	model->ended_ms = play->world.now_ms;
}

static void settle(struct play *play)
{
	struct model *model = &play->model;
	if (model->fires[0] || model->fires[1] || model->runs > 0)
		return;
	for (int i = 0; i < 2; i++) {
		const char *next = find_drawn(model->state, "calm");
		if (!next)
			return;
		become(play, next);
		model->revision++;
	}
}

static bool is_name(const char *name, const char *list)
{
	const char *found = strstr(list, name);
	return found && found[strlen(name)] == ' ';
}

/** What the command must answer, and what it does when that is 0. */
static int model_command(struct play *play, const char *name, uint64_t revision, bool has_reason)
{
	struct model *model = &play->model;
	const char *next = find_drawn(model->state, name);
	bool is_ack = strcmp(name, "ack") == 0;
	if (revision != 0 && revision != model->revision)
		return ERR_CONFLICT;
	if (!next || (is_ack && model->is_acked))
		return ERR_CONFLICT;
	if (!has_reason && is_name(name, "cancel reject reopen "))
		return ERR_INVALID;
	become(play, next);
	model->revision++;
	if ((is_ack || strcmp(name, "handle") == 0) && !model->is_acked) {
		model->is_acked = true;
		model->acked_ms = play->world.now_ms;
	}
	if (strcmp(name, "approve") == 0)
		settle(play);
	return 0;
}

/* ---- steps ---- */

static void command(struct play *play)
{
	static const char *const names[] = {"approve", "reject",  "ack",      "unack",
					    "handle",  "resolve", "mitigate", "close",
					    "cancel",  "reopen",  "ack",      "handle"};
	const char *name = names[draw(play, 12)];
	uint32_t person = draw(play, PEOPLE);
	bool has_reason = draw(play, 4) != 0;
	struct incident_command one = {.number = play->model.number,
				       .actor = "ann",
				       .reason = has_reason ? "so" : NULL,
				       .now_ms = play->world.now_ms};
	enum incident_move move = INCIDENT_MOVES;
	struct err_note why = {{0}};
	if (draw(play, 3) > 0)
		play->seen[person] = play->model.revision;
	if (draw(play, 8) > 0)
		one.revision = play->seen[person];
	cr_assert_eq(incident_move_parse(name, &move, &why), 0);
	int wanted = model_command(play, name, one.revision, has_reason);
	int code = incident_do(play->world.store, move, &one, &why);
	cr_assert_eq(code, wanted, "%s gave %d, not %d: %s", name, code, wanted, why.text);
	play->refused += code != 0;
	play->done += code == 0;
	const char *state = strstr(
		why.text, incident_state_name(incident_find(play->world.store, one.number)->state));
	cr_assert(code != ERR_CONFLICT || state, "the current state is said: %s", why.text);
}

static void edit(struct play *play)
{
	static const char *const fields[][2] = {
		{"priority", "P2"}, {"title", "Other"}, {"commander", "bob"}, {"category", "c2"}};
	struct model *model = &play->model;
	struct incident_command one = {.number = model->number,
				       .revision = play->seen[draw(play, PEOPLE)],
				       .actor = "bob",
				       .now_ms = play->world.now_ms};
	bool is_stale = one.revision != 0 && one.revision != model->revision;
	uint32_t which = draw(play, 6);
	int code;
	if (which == 5 && is_open(model)) {
		int64_t until_ms = play->world.now_ms + 1 + draw(play, 20 * MINUTE_MS);
		code = incident_snooze(play->world.store, &one, until_ms, NULL);
		model->snoozed_ms = is_stale ? model->snoozed_ms : until_ms;
	} else if (which >= 4) {
		code = incident_comment(play->world.store, &one, "seen", NULL);
	} else {
		code = incident_set(play->world.store, &one, fields[which][0], fields[which][1],
				    NULL);
	}
	cr_assert_eq(code, is_stale ? ERR_CONFLICT : 0);
	model->revision += !is_stale;
}

static const struct incident *send(struct play *play, uint32_t which, enum alert_state state)
{
	char merchant[32], key[32];
	snprintf(merchant, sizeof(merchant), "m%llu-%u", (unsigned long long)play->sequence, which);
	snprintf(key, sizeof(key), "k%llu", (unsigned long long)play->sequence);
	struct alert alert = make_alert(&play->world, "slow", merchant, state);
	return incident_on_alert(play->world.store, &alert, key, play->world.now_ms);
}

static void begin(struct play *play, const struct incident *incident)
{
	struct model *model = &play->model;
	uint64_t target = model->target;
	*model = (struct model){.number = incident->number, .target = target, .revision = 1};
	model->began_ms = play->world.now_ms;
	snprintf(model->state, sizeof(model->state), "%s",
		 play->world.store->settings.approves_all ? "CANDIDATE" : "OPEN");
	memset(play->seen, 0, sizeof(play->seen));
}

static void check_rebuilt(struct play *play);

static void fire_one(struct play *play)
{
	struct model *model = &play->model;
	uint32_t which = draw(play, 2);
	bool is_recent = play->world.now_ms - model->ended_ms <= 10 * MINUTE_MS;
	const struct incident *incident = send(play, which, ALERT_FIRING);
	if (strcmp(model->state, "CANCELLED") == 0 && is_recent) {
		cr_assert_null(incident);
		return;
	}
	cr_assert_not_null(incident);
	const char *next = find_drawn(model->state, "fire");
	if (!next || (!is_open(model) && !is_recent)) {
		bool is_again = strcmp(model->state, "CANCELLED") != 0;
		cr_assert_neq(incident->number, model->number);
		cr_assert_eq(incident->recurrence_of, is_again ? model->number : 0);
		check_rebuilt(play);
		begin(play, incident);
	} else {
		become(play, next);
		model->revision++;
	}
	model->fires[which] = true;
}

static void calm_one(struct play *play)
{
	uint32_t which = draw(play, 2);
	bool fires = play->model.fires[which];
	const struct incident *incident = send(play, which, ALERT_RESOLVED);
	cr_assert_eq(incident != NULL, fires);
	if (!fires)
		return;
	play->model.fires[which] = false;
	play->model.revision++;
	settle(play);
}

static void plan(struct play *play)
{
	struct model *model = &play->model;
	model->revision++;
	if (model->runs > 0 && draw(play, 3) > 0) {
		model->runs--;
		incident_run_ended(play->world.store, model->number, "help", "r", "done",
				   play->world.now_ms);
		settle(play);
		return;
	}
	model->runs++;
	become(play, find_drawn(model->state, "work"));
	incident_run_started(play->world.store, model->number, "help", "r", play->world.now_ms);
}

static void pass_time(struct play *play)
{
	struct model *model = &play->model;
	play->world.now_ms += 1 + draw(play, draw(play, 4) == 0 ? 90 * MINUTE_MS : MINUTE_MS);
	int64_t now_ms = play->world.now_ms;
	int64_t acked_ms = model->acked_ms + 15 * MINUTE_MS;
	if (acked_ms < model->snoozed_ms)
		acked_ms = model->snoozed_ms;
	if (model->snoozed_ms > 0 && model->snoozed_ms <= now_ms) {
		model->snoozed_ms = 0;
		model->revision++;
	}
	const char *move = NULL;
	if (now_ms >= model->began_ms + 60 * MINUTE_MS)
		move = find_drawn(model->state, "expire");
	if (!move && now_ms >= acked_ms)
		move = find_drawn(model->state, "ack_timeout");
	if (!move && now_ms >= model->ended_ms + 45 * MINUTE_MS && model->runs == 0)
		move = find_drawn(model->state, "close");
	incident_tick(play->world.store, now_ms);
	if (!move)
		return;
	int64_t ended_ms = model->ended_ms;
	become(play, move);
	model->ended_ms = strcmp(move, "CLOSED") == 0 ? ended_ms : model->ended_ms;
	model->revision++;
}

static void merge(struct play *play)
{
	struct model *model = &play->model;
	struct incident_command one = {.number = model->number,
				       .target = model->target,
				       .actor = "eve",
				       .now_ms = play->world.now_ms};
	const char *next = find_drawn(model->state, "merge");
	int code = incident_do(play->world.store, INCIDENT_MOVE_MERGE, &one, NULL);
	cr_assert_eq(code, next ? 0 : ERR_CONFLICT);
	if (!next)
		return;
	uint32_t firing = 1u + model->fires[0] + model->fires[1];
	const struct incident *target = incident_find(play->world.store, model->target);
	cr_assert_eq(target->firing_count, firing);
	cr_assert_eq(target->active_runs, model->runs);
	become(play, next);
	model->revision++;
	model->runs = 0;
}

/* ---- what holds after each step, and after a sequence ---- */

static void check(struct play *play, int step)
{
	const struct model *model = &play->model;
	const struct incident *incident = incident_find(play->world.store, model->number);
	cr_assert_not_null(incident);
	cr_assert_str_eq(incident_state_name(incident->state), model->state,
			 "sequence %llu step %d: incident %llu", (unsigned long long)play->sequence,
			 step, (unsigned long long)model->number);
	cr_assert_eq(incident->revision, model->revision,
		     "sequence %llu step %d: %s, %llu and %llu", (unsigned long long)play->sequence,
		     step, model->state, (unsigned long long)incident->revision,
		     (unsigned long long)model->revision);
	cr_assert_eq(incident->firing_count, (uint32_t)(model->fires[0] + model->fires[1]));
	cr_assert_eq(incident->active_runs, model->runs);
}

struct walk {
	uint64_t revision;
	char state[16];
};

/** Every revision is there once, in order; every change of state is a drawn one. */
static void check_record(void *arg, struct slice text)
{
	struct walk *walk = arg;
	json_t *record = json_loadb(text.data, text.length, 0, NULL);
	uint64_t revision = (uint64_t)json_integer_value(json_object_get(record, "revision"));
	const char *state = json_string_value(json_object_get(record, "state"));
	bool is_note = strcmp(json_string_value(json_object_get(record, "kind")), "ignored") == 0;
	cr_assert_eq(revision, walk->revision + !is_note);
	bool is_drawn = walk->state[0] == '\0' || strcmp(walk->state, state) == 0;
	for (int move = 0; move < INCIDENT_MOVES && !is_drawn; move++) {
		const char *next =
			find_drawn(walk->state, incident_move_row((enum incident_move)move)->name);
		is_drawn = next && strcmp(next, state) == 0;
	}
	cr_assert(is_drawn, "%s to %s is not drawn", walk->state, state);
	walk->revision = revision;
	snprintf(walk->state, sizeof(walk->state), "%s", state);
	json_decref(record);
}

static void check_rebuilt(struct play *play)
{
	struct bytes rebuilt = BYTES_EMPTY, stored = BYTES_EMPTY;
	struct err_note why = {{0}};
	struct walk walk = {0};
	uint64_t number = play->model.number;
	cr_assert_eq(incident_each_timeline(play->world.store, number, check_record, &walk, &why),
		     0, "%s", why.text);
	cr_assert_eq(walk.revision, play->model.revision);
	cr_assert_eq(incident_rebuild(play->world.store, number, &rebuilt, &stored, &why), 0, "%s",
		     why.text);
	cr_assert_str_eq(rebuilt.data, stored.data);
	bytes_deinit(&rebuilt);
	bytes_deinit(&stored);
}

static void play_sequence(struct play *play)
{
	uint32_t steps = 1 + draw(play, STEPS_MAX);
	char target[32];
	play->world.store->settings.approves_all = false;
	snprintf(target, sizeof(target), "t%llu", (unsigned long long)play->sequence);
	play->model.target = fire(&play->world, target)->number;
	play->world.store->settings.approves_all = draw(play, 3) == 0;
	begin(play, send(play, 0, ALERT_FIRING));
	play->model.fires[0] = true;
	for (uint32_t step = 0; step < steps; step++) {
		uint32_t what = draw(play, 20);
		if (what < 9)
			command(play);
		else if (what < 11)
			edit(play);
		else if (what < 13)
			fire_one(play);
		else if (what < 15)
			calm_one(play);
		else if (what < 17)
			plan(play);
		else if (what < 19)
			pass_time(play);
		else
			merge(play);
		check(play, (int)step);
		if (strcmp(play->model.state, "MERGED") == 0)
			break;
	}
	check_rebuilt(play);
	play->model.number = play->model.target;
	incident_resolve(play->world.store, play->model.target, 0, "eve", "", play->world.now_ms,
			 NULL);
}

static void open_play(struct play *play)
{
	open_world(&play->world);
	play->world.store->settings.ack_timeout_ms = 15 * MINUTE_MS;
	play->world.store->settings.close_after_ms = 45 * MINUTE_MS;
}

Test(incident_random, no_sequence_leaves_the_drawing, .timeout = 3600)
{
	struct play play = {0};
	const char *seed = getenv("TOCSIN_SEED"), *is_long = getenv("TOCSIN_LONG");
	uint64_t count = is_long && is_long[0] ? 100000 : 5000;
	play.random = seed ? strtoull(seed, NULL, 10) | 1 : 20261122;
	fprintf(stderr, "TOCSIN_SEED=%llu, %llu sequences\n", (unsigned long long)play.random,
		(unsigned long long)count);
	play.random *= UINT64_C(0x9e3779b97f4a7c15);
	for (; play.sequence < count; play.sequence++) {
		if (play.sequence % WORLD_SEQUENCES == 0)
			open_play(&play);
		play_sequence(&play);
		if (play.sequence % WORLD_SEQUENCES == WORLD_SEQUENCES - 1) {
			restart(&play.world);
			close_world(&play.world);
		}
	}
	cr_expect_gt(play.done, count, "enough commands were carried out");
	cr_expect_gt(play.refused, count, "enough were refused");
}
