#include "core/escalation/chain_run.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/handling/row.h"
#include "core/incident/incident.h"

#include <string.h>

/* ---- the chain as JSON ---- */

static void append_targets(const struct chain_step *step, struct bytes *out)
{
	const char *texts[CHAIN_TARGETS_MAX];

	for (uint32_t i = 0; i < step->target_count; i++)
		texts[i] = step->targets[i].text;
	row_texts(out, "notify", texts, step->target_count);
	row_bool(out, "important", step->is_important);
}

static void append_condition(const struct chain_condition *condition, struct bytes *out)
{
	const struct oncall_hours *hours = &condition->hours;

	row_key(out, "only_if");
	row_begin(out);
	if (condition->zone != NULL) {
		row_text(out, "zone", condition->zone);
		row_int(out, "days", hours->days);
		row_int(out, "from_ms", hours->from_ms);
		row_int(out, "to_ms", hours->to_ms);
		row_key(out, "except");
		bytes_append_char(out, '[');
		for (uint32_t i = 0; i < hours->except_count; i++)
			bytes_append_format(out, "%s%lld", i > 0 ? "," : "",
					    (long long)hours->except[i]);
		bytes_append_char(out, ']');
	}
	if (condition->alerts > 0)
		row_int(out, "alerts", condition->alerts);
	if (condition->within_ms > 0)
		row_int(out, "within_ms", condition->within_ms);
	row_end(out);
}

static void append_step(const struct chain_step *step, struct bytes *out)
{
	row_begin(out);
	switch (step->kind) {
	case CHAIN_NOTIFY: append_targets(step, out); break;
	case CHAIN_WAIT: row_int(out, "wait", step->wait_ms); break;
	case CHAIN_ONLY_IF: append_condition(&step->condition, out); break;
	case CHAIN_RAISE: row_int(out, "raise", step->raise); break;
	case CHAIN_PLAN: row_text(out, "plan", step->plan); break;
	case CHAIN_STEP_KINDS: break;
	}
	row_end(out);
}

static void append_chain(const struct config_chain *chain, struct bytes *out)
{
	row_begin(out);
	row_text(out, "name", chain->name);
	row_text(out, "category", chain->category);
	row_int(out, "priorities", chain->priorities);
	row_int(out, "again", chain->again);
	row_key(out, "steps");
	bytes_append_char(out, '[');
	for (uint32_t i = 0; i < chain->step_count; i++) {
		if (i > 0)
			bytes_append_char(out, ',');
		append_step(&chain->steps[i], out);
	}
	bytes_append_text(out, "]}");
}

static const char *keep_text(struct arena *arena, const json_t *json, const char *name)
{
	const char *text = row_get_text(json, name);

	return text != NULL ? arena_copy_text(arena, text) : NULL;
}

static bool read_targets(struct arena *arena, const json_t *list, struct chain_step *step)
{
	size_t index;
	json_t *item;

	step->targets = arena_zalloc(arena, (json_array_size(list) + 1) * sizeof(*step->targets));
	json_array_foreach(list, index, item)
	{
		const char *text = json_string_value(item);

		if (text == NULL || !chain_target_parse(arena_copy_text(arena, text),
							&step->targets[step->target_count++]))
			return false;
	}
	return step->target_count > 0 && step->target_count <= CHAIN_TARGETS_MAX;
}

static void read_condition(struct arena *arena, const json_t *json, struct chain_condition *out)
{
	const json_t *except = json_object_get(json, "except");
	size_t index;
	json_t *item;

	out->zone = keep_text(arena, json, "zone");
	out->hours.days = (unsigned)row_get_int(json, "days");
	out->hours.from_ms = row_get_int(json, "from_ms");
	out->hours.to_ms = row_get_int(json, "to_ms");
	out->hours.except = arena_zalloc(arena, (json_array_size(except) + 1) * sizeof(int64_t));
	json_array_foreach(except, index, item) out->hours.except[out->hours.except_count++] =
		json_integer_value(item);
	out->alerts = (uint32_t)row_get_int(json, "alerts");
	out->within_ms = row_get_int(json, "within_ms");
}

static bool read_step(struct arena *arena, const json_t *json, struct chain_step *step)
{
	unsigned kind = 0;

	while (kind < CHAIN_STEP_KINDS &&
	       json_object_get(json, chain_step_kind_name((enum chain_step_kind)kind)) == NULL)
		kind++;
	step->kind = (enum chain_step_kind)kind;
	switch (step->kind) {
	case CHAIN_NOTIFY:
		step->is_important = json_is_true(json_object_get(json, "important"));
		return read_targets(arena, json_object_get(json, "notify"), step);
	case CHAIN_WAIT: step->wait_ms = row_get_int(json, "wait"); return step->wait_ms > 0;
	case CHAIN_ONLY_IF:
		read_condition(arena, json_object_get(json, "only_if"), &step->condition);
		return true;
	case CHAIN_RAISE: step->raise = (uint32_t)row_get_int(json, "raise"); return true;
	case CHAIN_PLAN: step->plan = keep_text(arena, json, "plan"); return step->plan != NULL;
	case CHAIN_STEP_KINDS: break;
	}
	return false;
}

static struct config_chain *read_chain(struct arena *arena, const json_t *json)
{
	struct config_chain *chain = arena_zalloc(arena, sizeof(*chain));
	const json_t *steps = json_object_get(json, "steps");
	size_t index;
	json_t *item;

	chain->name = keep_text(arena, json, "name");
	chain->category = keep_text(arena, json, "category");
	chain->priorities = (unsigned)row_get_int(json, "priorities");
	chain->again = (uint32_t)row_get_int(json, "again");
	if (chain->name == NULL || chain->again > CHAIN_AGAIN_MAX || json_array_size(steps) == 0 ||
	    json_array_size(steps) > CHAIN_STEPS_MAX)
		return NULL;
	chain->steps = arena_zalloc(arena, json_array_size(steps) * sizeof(*chain->steps));
	json_array_foreach(steps, index, item)
	{
		if (!read_step(arena, item, &chain->steps[chain->step_count++]))
			return NULL;
	}
	return chain;
}

/* ---- runs ---- */

void chain_run_append_json(const struct chain_run *run, struct bytes *out)
{
	row_begin(out);
	row_int(out, "incident", (int64_t)run->incident);
	row_key(out, "chain");
	append_chain(run->chain, out);
	row_text(out, "cause", run->cause);
	row_int(out, "started_ms", run->started_ms);
	row_int(out, "pass", run->pass);
	row_int(out, "step", run->step);
	row_int(out, "due_ms", run->due_ms);
	row_int(out, "wait_ms", run->wait_ms);
	row_bool(out, "skips", run->skips);
	row_bool(out, "is_over", run->is_over);
	if (run->samples != NULL) {
		row_key(out, "samples");
		bytes_append_char(out, '[');
		for (uint32_t i = 0; i < run->sample_count; i++)
			bytes_append_format(out, "%s[%lld,%llu]", i > 0 ? "," : "",
					    (long long)run->samples[i].time_ms,
					    (unsigned long long)run->samples[i].count);
		bytes_append_char(out, ']');
	}
	row_end(out);
}

static void find_within(struct chain_run *run)
{
	const struct config_chain *chain = run->chain;

	for (uint32_t i = 0; i < chain->step_count; i++)
		if (chain->steps[i].condition.within_ms > run->within_ms)
			run->within_ms = chain->steps[i].condition.within_ms;
	if (run->within_ms > 0)
		run->samples = arena_zalloc(&run->arena, CHAIN_SAMPLES_MAX * sizeof(*run->samples));
}

static void read_samples(struct chain_run *run, const json_t *list)
{
	size_t index;
	json_t *item;

	json_array_foreach(list, index, item)
	{
		if (run->samples == NULL || run->sample_count == CHAIN_SAMPLES_MAX)
			return;
		struct chain_sample *sample = &run->samples[run->sample_count++];
		sample->time_ms = json_integer_value(json_array_get(item, 0));
		sample->count = (uint64_t)json_integer_value(json_array_get(item, 1));
	}
}

int chain_run_from_json(struct chain_run **out, struct slice text, struct err_note *why)
{
	json_t *json = json_loadb(text.data, text.length, 0, NULL);
	struct chain_run *run = mem_alloc(sizeof(*run));

	arena_init(&run->arena);
	run->chain = read_chain(&run->arena, json_object_get(json, "chain"));
	run->incident = (uint64_t)row_get_int(json, "incident");
	run->cause = keep_text(&run->arena, json, "cause");
	run->started_ms = row_get_int(json, "started_ms");
	run->pass = (uint32_t)row_get_int(json, "pass");
	run->step = (uint32_t)row_get_int(json, "step");
	run->due_ms = row_get_int(json, "due_ms");
	run->wait_ms = row_get_int(json, "wait_ms");
	run->skips = json_is_true(json_object_get(json, "skips"));
	run->is_over = json_is_true(json_object_get(json, "is_over"));
	if (run->chain != NULL) {
		find_within(run);
		read_samples(run, json_object_get(json, "samples"));
	}
	json_decref(json);
	if (run->chain == NULL || run->cause == NULL || run->incident == 0 ||
	    run->step > run->chain->step_count || run->pass > run->chain->again) {
		chain_run_free(run);
		return err_set(why, ERR_CORRUPT, "a stored chain has missing or wrong fields");
	}
	*out = run;
	return 0;
}

/* The copy is what a restart would read, so that both are frozen by the same code. */
struct chain_run *chain_run_new(const struct config_chain *chain, const struct incident *incident,
				const char *cause, int64_t now_ms)
{
	struct chain_run *run = mem_alloc(sizeof(*run));
	struct bytes text = BYTES_EMPTY;
	json_t *json;

	arena_init(&run->arena);
	append_chain(chain, &text);
	json = json_loadb(text.data, text.length, 0, NULL);
	run->chain = read_chain(&run->arena, json);
	json_decref(json);
	bytes_deinit(&text);
	run->incident = incident->number;
	run->cause = arena_copy_text(&run->arena, cause);
	run->started_ms = now_ms;
	run->due_ms = now_ms;
	find_within(run);
	if (run->samples != NULL) {
		/* The alert that opened it counts; of what came before nothing is known. */
		bool is_first = strcmp(cause, "opened") == 0 || strcmp(cause, "reopened") == 0;
		run->samples[0].time_ms = now_ms;
		run->samples[0].count = incident->alert_count - (is_first ? 1 : 0);
		run->sample_count = 1;
	}
	return run;
}

void chain_run_free(struct chain_run *run)
{
	if (run == NULL)
		return;
	arena_deinit(&run->arena);
	mem_free(run);
}
