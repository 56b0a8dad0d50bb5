#include "core/escalation/escalation_internal.h"

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/handling/row.h"
#include "core/incident/incident.h"
#include "core/incident/incident_command.h"
#include "core/loop/loop.h"
#include "storage/commit.h"
#include "storage/kv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool escalation_wants(const struct incident *incident)
{
	return incident_is_unanswered(incident) && !incident->is_drill;
}

/* ---- rows ---- */

static void make_key(const struct chain_run *run, struct bytes *key)
{
	key_begin(key, KEYSPACE_CHAIN_RUN);
	key_add_u64(key, run->incident);
	key_add_text(key, run->chain->name);
}

void chain_run_save(struct chain_run *run)
{
	struct bytes key = BYTES_EMPTY, content = BYTES_EMPTY;

	make_key(run, &key);
	chain_run_append_json(run, &content);
	row_put(run->escalation->options.commit, &key, &content);
	bytes_deinit(&key);
	bytes_deinit(&content);
}

void chain_run_note(struct chain_run *run, const char *kind, const char *text)
{
	struct escalation *escalation = run->escalation;
	char *actor = mem_format("chain:%s", run->chain->name);

	incident_note(escalation->options.incidents, run->incident, kind, actor, text,
		      loop_wall_ms(escalation->options.loop));
	mem_free(actor);
}

/* ---- the list ---- */

/** Where the runs of the incident begin, or would. */
static uint32_t lower_bound(const struct escalation *escalation, uint64_t incident)
{
	uint32_t low = 0, high = escalation->run_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (escalation->runs[middle]->incident < incident)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint32_t escalation_find(const struct escalation *escalation, uint64_t incident, uint32_t *count)
{
	uint32_t first = lower_bound(escalation, incident), end = first;

	while (end < escalation->run_count && escalation->runs[end]->incident == incident)
		end++;
	*count = end - first;
	return first;
}

static void on_due(void *arg)
{
	struct chain_run *run = arg;
	struct escalation *escalation = run->escalation;
	const struct incident *incident =
		incident_find(escalation->options.incidents, run->incident);

	if (incident == NULL || !escalation_wants(incident))
		chain_run_stop(run, "nobody is wanted any more");
	else
		chain_fire(run, incident);
	commit_kick(escalation->options.commit);
}

static void insert(struct escalation *escalation, struct chain_run *run)
{
	uint32_t at = lower_bound(escalation, run->incident + 1);

	if (escalation->run_count == escalation->run_capacity) {
		escalation->run_capacity =
			escalation->run_capacity == 0 ? 16 : 2 * escalation->run_capacity;
		escalation->runs = mem_grow(escalation->runs, escalation->run_capacity,
					    sizeof(*escalation->runs));
	}
	memmove(escalation->runs + at + 1, escalation->runs + at,
		(escalation->run_count - at) * sizeof(*escalation->runs));
	escalation->runs[at] = run;
	escalation->run_count++;
	run->escalation = escalation;
	run->timer = timer_new(escalation->options.loop, on_due, run);
}

static void run_free(struct chain_run *run)
{
	timer_free(run->timer);
	chain_run_free(run);
}

void chain_run_stop(struct chain_run *run, const char *reason)
{
	struct escalation *escalation = run->escalation;
	struct bytes key = BYTES_EMPTY;
	uint32_t at = lower_bound(escalation, run->incident);

	if (!run->is_over) {
		escalation->usage.stopped++;
		chain_run_note(run, "chain_stopped", reason);
	}
	make_key(run, &key);
	row_delete(escalation->options.commit, &key);
	bytes_deinit(&key);
	while (escalation->runs[at] != run)
		at++;
	escalation->run_count--;
	memmove(escalation->runs + at, escalation->runs + at + 1,
		(escalation->run_count - at) * sizeof(*escalation->runs));
	if (run != escalation->firing) {
		run_free(run);
		return;
	}
	/* chain_fire() still looks at it. */
	timer_cancel(run->timer);
	escalation->is_firing_stopped = true;
}

/* ---- which chains ---- */

enum { NOT_COVERED = -1, ANY_CATEGORY = 1000000 };

/** How many categories up the chain's is; or NOT_COVERED. */
static int distance(const struct config *config, const struct config_chain *chain,
		    const struct incident *incident)
{
	const char *category = incident->category;

	if ((chain->priorities >> (incident->priority - 1) & 1) == 0)
		return NOT_COVERED;
	if (chain->category == NULL)
		return ANY_CATEGORY;
	for (int steps = 0; category != NULL; steps++) {
		if (strcmp(category, chain->category) == 0)
			return steps;
		category = config_category_parent(config, category);
	}
	return NOT_COVERED;
}

static int nearest(const struct config *config, const struct incident *incident)
{
	int best = NOT_COVERED;

	for (uint32_t i = 0; config != NULL && i < config->chain_count; i++) {
		int steps = distance(config, &config->chains[i], incident);

		if (steps != NOT_COVERED && (best == NOT_COVERED || steps < best))
			best = steps;
	}
	return best;
}

bool escalation_covers(const struct escalation *escalation, const struct incident *incident)
{
	return nearest(escalation->config, incident) != NOT_COVERED;
}

static bool has_run(const struct escalation *escalation, uint64_t incident, const char *chain)
{
	uint32_t count, first = escalation_find(escalation, incident, &count);

	for (uint32_t i = first; i < first + count; i++)
		if (strcmp(escalation->runs[i]->chain->name, chain) == 0)
			return true;
	return false;
}

/** It is taken up in a turn of its own: an incident that is merged into another one at once, or
 *  acknowledged, pages nobody. */
static void start_one(struct escalation *escalation, const struct config_chain *chain,
		      const struct incident *incident, const char *cause)
{
	struct chain_run *run;
	char *text;

	if (escalation->run_count >= ESCALATION_RUNS_MAX) {
		if (escalation->usage.refused++ == 0)
			log_error(INCIDENT, "%d chains run: no more are started",
				  ESCALATION_RUNS_MAX);
		return;
	}
	run = chain_run_new(chain, incident, cause, loop_wall_ms(escalation->options.loop));
	insert(escalation, run);
	escalation->usage.started++;
	text = mem_format("chain %s starts: %s", chain->name, cause);
	chain_run_note(run, "chain_started", text);
	mem_free(text);
	chain_run_save(run);
	timer_set(run->timer, 0);
}

uint32_t escalation_start(struct escalation *escalation, const struct incident *incident,
			  const char *cause)
{
	const struct config *config = escalation->config;
	int best = nearest(config, incident);
	uint32_t count = 0;

	for (uint32_t i = 0; best != NOT_COVERED && i < config->chain_count; i++) {
		const struct config_chain *chain = &config->chains[i];

		if (distance(config, chain, incident) != best ||
		    has_run(escalation, incident->number, chain->name))
			continue;
		start_one(escalation, chain, incident, cause);
		count++;
	}
	return count;
}

/* ---- events ---- */

static bool is_one_of(const char *event, const char *const *events)
{
	while (*events != NULL && strcmp(*events, event) != 0)
		events++;
	return *events != NULL;
}

static void stop_all(struct escalation *escalation, uint64_t incident, const char *reason)
{
	uint32_t count, first = escalation_find(escalation, incident, &count);

	for (uint32_t i = first + count; i-- > first;)
		chain_run_stop(escalation->runs[i], reason);
}

static void wake_all(struct escalation *escalation, uint64_t incident)
{
	uint32_t count, first = escalation_find(escalation, incident, &count);

	for (uint32_t i = first; i < first + count; i++)
		if (escalation->runs[i]->is_snoozed)
			timer_set(escalation->runs[i]->timer, 0);
}

static void sample_all(struct escalation *escalation, const struct incident *incident)
{
	int64_t now_ms = loop_wall_ms(escalation->options.loop);
	uint32_t count, first = escalation_find(escalation, incident->number, &count);

	for (uint32_t i = first; i < first + count; i++)
		if (chain_run_sample(escalation->runs[i], incident, now_ms))
			chain_run_save(escalation->runs[i]);
}

void escalation_on_incident(struct escalation *escalation, const struct incident *incident,
			    const char *event)
{
	/* It waits for somebody from now on, whatever has been tried before. */
	static const char *const anew[] = {"opened", "reopened", "unacked", "ack_timeout", NULL};
	/* Another chain may cover it now. */
	static const char *const more[] = {"raised", "lowered", "edited", NULL};

	if (!escalation_wants(incident)) {
		stop_all(escalation, incident->number, event);
		return;
	}
	if (is_one_of(event, anew)) {
		stop_all(escalation, incident->number, event);
		escalation_start(escalation, incident, event);
	} else if (is_one_of(event, more)) {
		escalation_start(escalation, incident, event);
	} else if (strcmp(event, "joined") == 0) {
		sample_all(escalation, incident);
	} else if (strcmp(event, "unsnoozed") == 0) {
		wake_all(escalation, incident->number);
	}
}

/* ---- what is sent ---- */

/** The incident of a row that a chain put; 0: of somebody else. */
static uint64_t incident_of(const char *id)
{
	size_t length = strlen(CHAIN_PAGE_ID);

	return strncmp(id, CHAIN_PAGE_ID, length) == 0 ? strtoull(id + length, NULL, 10) : 0;
}

bool escalation_may_send(const struct escalation *escalation, const char *id, char *reason,
			 size_t reason_bytes)
{
	uint64_t number = incident_of(id);
	const struct incident *incident = incident_find(escalation->options.incidents, number);

	if (number == 0 || (incident != NULL && escalation_wants(incident)))
		return true;
	snprintf(reason, reason_bytes, "incident %" PRIu64 " is %s: nobody is wanted any more",
		 number, incident != NULL ? incident_state_name(incident->state) : "gone");
	return false;
}

void escalation_on_sent(struct escalation *escalation, const char *id, bool is_delivered)
{
	uint64_t number = incident_of(id);

	if (number != 0 && is_delivered)
		incident_notified(escalation->options.incidents, number,
				  loop_wall_ms(escalation->options.loop));
}

/* ---- life ---- */

struct loading {
	struct escalation *escalation;
	int code;
	struct err_note *why;
};

static bool load_one(void *arg, struct slice key, struct slice value)
{
	struct loading *loading = arg;
	struct chain_run *run = NULL;
	struct slice content;

	(void)key;
	loading->code = keyspace_unseal(value, &content, loading->why);
	if (loading->code == 0)
		loading->code = chain_run_from_json(&run, content, loading->why);
	if (loading->code != 0)
		return false;
	run->is_recovered = true;
	insert(loading->escalation, run);
	return true;
}

int escalation_new(struct escalation **out, const struct escalation_options *options,
		   struct err_note *why)
{
	struct escalation *escalation = mem_alloc(sizeof(*escalation));
	struct loading loading = {escalation, 0, why};
	char prefix[] = {KEYSPACE_CHAIN_RUN};
	int code;

	escalation->options = *options;
	escalation->swept_ms = -1;
	code = kv_scan(options->kv, (struct slice){prefix, 1}, false, load_one, &loading, why);
	code = code != 0 ? code : loading.code;
	if (code != 0) {
		escalation_free(escalation);
		return code;
	}
	*out = escalation;
	return 0;
}

void escalation_free(struct escalation *escalation)
{
	if (escalation == NULL)
		return;
	for (uint32_t i = 0; i < escalation->run_count; i++)
		run_free(escalation->runs[i]);
	timer_free(escalation->sweep_timer);
	config_unref(escalation->config);
	mem_free(escalation->runs);
	mem_free(escalation);
}

void escalation_configure(struct escalation *escalation, struct config *config)
{
	config_ref(config);
	config_unref(escalation->config);
	escalation->config = config;
}

/** Never later than its wait is long: the clock may have been put back while nobody looked. */
static int64_t rest_of(const struct chain_run *run, int64_t now_ms)
{
	int64_t rest_ms = run->due_ms - now_ms;

	if (rest_ms > run->wait_ms)
		rest_ms = run->wait_ms;
	return rest_ms > 0 ? rest_ms : 0;
}

void escalation_resume(struct escalation *escalation)
{
	int64_t now_ms = loop_wall_ms(escalation->options.loop);

	for (uint32_t i = escalation->run_count; i-- > 0;) {
		struct chain_run *run = escalation->runs[i];
		const struct incident *incident =
			incident_find(escalation->options.incidents, run->incident);

		if (incident == NULL || !escalation_wants(incident))
			chain_run_stop(run, "nobody is wanted any more");
		else if (!run->is_over)
			timer_set(run->timer, rest_of(run, now_ms));
	}
	sweep_open(escalation);
}

bool escalation_is_healthy(const struct escalation *escalation)
{
	int64_t now_ms = loop_mono_ms(escalation->options.loop);

	return escalation->swept_ms >= 0 &&
	       now_ms - escalation->swept_ms <= 2 * ESCALATION_SWEEP_MS + ESCALATION_SWEEP_MS / 2;
}

void escalation_each(const struct escalation *escalation,
		     void (*each)(void *arg, const struct chain_status *status), void *arg)
{
	for (uint32_t i = 0; i < escalation->run_count; i++) {
		const struct chain_run *run = escalation->runs[i];
		struct chain_status status = {
			.incident = run->incident,
			.chain = run->chain->name,
			.started_ms = run->started_ms,
			.pass = run->pass + 1,
			.step = run->step < run->chain->step_count ? run->step + 1
								   : run->chain->step_count,
			.step_count = run->chain->step_count,
			.due_ms = run->is_over ? 0 : run->due_ms,
		};
		each(arg, &status);
	}
}

void escalation_usage(const struct escalation *escalation, struct escalation_usage *out)
{
	*out = escalation->usage;
	out->running = 0;
	out->over = 0;
	for (uint32_t i = 0; i < escalation->run_count; i++)
		if (escalation->runs[i]->is_over)
			out->over++;
		else
			out->running++;
}
