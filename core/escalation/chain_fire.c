/* One turn of a chain: its steps up to the next wait. The row says that a step was taken before the
 * step does anything, and both are in one batch: a crash repeats all of a step or nothing of it. */
#include "core/escalation/escalation_internal.h"

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/escalation/override_store.h"
#include "core/incident/incident.h"
#include "core/incident/incident_command.h"
#include "core/loop/loop.h"
#include "core/model/span.h"

#include <inttypes.h>
#include <string.h>

/** What is the same for all that one step does. */
struct firing {
	struct chain_run *run;
	const struct incident *incident;
	int64_t now_ms;
	uint32_t number; /* of the step, from 1 */
	char *cause;     /* "chain payments, step 2" */
};

static struct escalation_usage *usage_of(const struct firing *firing)
{
	return &firing->run->escalation->usage;
}

/** `text` is taken. */
static void note(const struct firing *firing, const char *kind, char *text)
{
	char *line = mem_format("%s: %s", firing->cause, text);

	log_info(INCIDENT, "%" PRIu64 " %s", firing->run->incident, line);
	chain_run_note(firing->run, kind, line);
	mem_free(line);
	mem_free(text);
}

/* ---- who is told ---- */

/** The first word of it tells what has happened; after that nobody has answered. */
static const char *event_of(const struct chain_run *run)
{
	bool is_first = run->pass == 0;

	for (uint32_t i = 0; is_first && i + 1 < run->step; i++)
		is_first = run->chain->steps[i].kind != CHAIN_NOTIFY;
	if (is_first && (strcmp(run->cause, "opened") == 0 || strcmp(run->cause, "reopened") == 0))
		return run->cause;
	return "escalated";
}

static char *text_of(const struct firing *firing)
{
	int64_t waited_ms = span_floor(firing->now_ms - firing->run->started_ms, 1000);
	const char *message = firing->incident->message;
	char span[32];

	if (waited_ms <= 0)
		return mem_format("%s%s(%s)", message != NULL ? message : "",
				  message != NULL ? " " : "", firing->cause);
	span_format(waited_ms, span, sizeof(span));
	return mem_format("%s%snobody has acknowledged it for %s (%s)",
			  message != NULL ? message : "", message != NULL ? "; " : "", span,
			  firing->cause);
}

static void page(const struct firing *firing, const struct chain_step *step, const char *person,
		 const char *output, const char *shown)
{
	struct escalation *escalation = firing->run->escalation;
	struct err_note why = {{0}};
	char *text = text_of(firing);
	char *id =
		mem_format(CHAIN_PAGE_ID "%" PRIu64 "/%s/%" PRId64 "/%u/%u/%s",
			   firing->run->incident, firing->run->chain->name, firing->run->started_ms,
			   firing->run->pass, firing->number, person != NULL ? person : output);
	struct chain_page page = {
		.incident = firing->incident,
		.person = person,
		.output = output,
		.event = event_of(firing->run),
		.text = text,
		.cause = firing->cause,
		.id = id,
		.is_important = step->is_important,
	};
	int code = escalation->options.page(escalation->options.arg, &page, &why);

	if (code == 0) {
		usage_of(firing)->paged++;
		note(firing, "chain_step", mem_format("tells %s", shown));
	} else {
		usage_of(firing)->failed++;
		note(firing, "chain_failed",
		     mem_format("cannot reach %s: %s", shown,
				why.text[0] != '\0' ? why.text : err_sentence(code)));
	}
	mem_free(text);
	mem_free(id);
}

static void page_schedule(const struct firing *firing, const struct chain_step *step,
			  const char *name)
{
	const struct escalation *escalation = firing->run->escalation;
	const struct oncall_schedule *schedule = config_find_schedule(escalation->config, name);
	const struct oncall_person *person =
		schedule == NULL ? NULL
				 : override_store_who(escalation->options.overrides,
						      escalation->config, schedule, firing->now_ms);
	char *shown;

	if (person == NULL) {
		usage_of(firing)->nobody++;
		note(firing, "chain_failed",
		     mem_format("nobody is on call in %s%s", name,
				schedule == NULL ? ", which the site does not have any more" : ""));
		return;
	}
	shown = mem_format("%s, on call in %s", person->id, name);
	page(firing, step, person->id, NULL, shown);
	mem_free(shown);
}

static void notify(const struct firing *firing, const struct chain_step *step)
{
	for (uint32_t i = 0; i < step->target_count; i++) {
		const struct chain_target *target = &step->targets[i];

		switch (target->kind) {
		case CHAIN_TARGET_SCHEDULE: page_schedule(firing, step, target->name); break;
		case CHAIN_TARGET_PERSON:
			page(firing, step, target->name, NULL, target->name);
			break;
		case CHAIN_TARGET_OUTPUT:
			page(firing, step, NULL, target->name, target->text);
			break;
		}
	}
}

/* ---- the other steps ---- */

static void look(const struct firing *firing, const struct chain_step *step)
{
	struct chain_run *run = firing->run;
	char *reason = NULL;

	run->skips =
		!chain_run_holds(run, &step->condition, firing->incident, firing->now_ms, &reason);
	if (run->skips) {
		usage_of(firing)->skipped++;
		note(firing, "chain_skipped", reason);
	}
}

static void raise_priority(const struct firing *firing, uint32_t steps)
{
	struct incident_command command = {
		.number = firing->run->incident,
		.actor = firing->cause,
		.reason = "nobody has acknowledged it",
		.is_engine = true,
		.now_ms = firing->now_ms,
	};
	struct err_note why = {{0}};

	if (incident_raise(firing->run->escalation->options.incidents, &command, steps, &why) != 0)
		note(firing, "chain_failed", mem_format("cannot raise the priority: %s", why.text));
}

static void start_plan(const struct firing *firing, const char *plan)
{
	const struct escalation *escalation = firing->run->escalation;
	struct err_note why = {{0}};
	int code = escalation->options.start_plan(escalation->options.arg, plan,
						  firing->run->incident, firing->cause, &why);

	if (code == 0) {
		usage_of(firing)->plans++;
		note(firing, "chain_step", mem_format("starts plan %s", plan));
	} else {
		usage_of(firing)->failed++;
		note(firing, "chain_failed",
		     mem_format("cannot start plan %s: %s", plan,
				why.text[0] != '\0' ? why.text : err_sentence(code)));
	}
}

static void take(struct chain_run *run, const struct incident *incident,
		 const struct chain_step *step, int64_t now_ms)
{
	struct firing firing = {run, incident, now_ms, run->step, NULL};

	firing.cause = mem_format("chain %s, step %u", run->chain->name, run->step);
	switch (step->kind) {
	case CHAIN_NOTIFY: notify(&firing, step); break;
	case CHAIN_ONLY_IF: look(&firing, step); break;
	case CHAIN_RAISE: raise_priority(&firing, step->raise); break;
	case CHAIN_PLAN: start_plan(&firing, step->plan); break;
	case CHAIN_WAIT:
	case CHAIN_STEP_KINDS: break;
	}
	mem_free(firing.cause);
}

/* ---- a turn ---- */

static void end(struct chain_run *run)
{
	char *text = mem_format("chain %s has ended, and nobody has acknowledged it: nobody else "
				"will be told",
				run->chain->name);

	run->is_over = true;
	run->escalation->usage.exhausted++;
	log_warn(INCIDENT, "%" PRIu64 ": %s", run->incident, text);
	chain_run_note(run, "chain_ended", text);
	chain_run_save(run);
	mem_free(text);
}

static void wait_for(struct chain_run *run, int64_t wait_ms, int64_t now_ms)
{
	run->wait_ms = wait_ms;
	run->due_ms = now_ms + wait_ms;
	chain_run_save(run);
	timer_set(run->timer, wait_ms);
}

/** False: there is nothing more. */
static bool next_step(struct chain_run *run, const struct chain_step **out)
{
	const struct config_chain *chain = run->chain;

	if (run->step == chain->step_count) {
		if (run->pass == chain->again)
			return false;
		run->pass++;
		run->step = 0;
		run->skips = false;
	}
	*out = &chain->steps[run->step++];
	return true;
}

static void go_on(struct chain_run *run, const struct incident *incident, int64_t now_ms)
{
	struct escalation *escalation = run->escalation;
	const struct chain_step *step;

	run->due_ms = now_ms;
	while (!escalation->is_firing_stopped) {
		if (!next_step(run, &step)) {
			end(run);
			return;
		}
		if (step->kind == CHAIN_WAIT) {
			run->skips = false;
			wait_for(run, step->wait_ms, now_ms);
			return;
		}
		if (run->skips && step->kind != CHAIN_ONLY_IF)
			continue;
		/* Some steps kick the commit themselves. */
		chain_run_save(run);
		take(run, incident, step, now_ms);
	}
}

static void tell_late(struct chain_run *run, int64_t now_ms)
{
	int64_t late_ms = now_ms - run->due_ms;
	char span[32], *text;

	if (!run->is_recovered || run->is_snoozed || late_ms < ESCALATION_LATE_MS)
		return;
	run->escalation->usage.late++;
	span_format(span_floor(late_ms, 1000), span, sizeof(span));
	text = mem_format("chain %s goes on %s late", run->chain->name, span);
	log_warn(INCIDENT, "%" PRIu64 ": %s", run->incident, text);
	chain_run_note(run, "chain_late", text);
	mem_free(text);
}

void chain_fire(struct chain_run *run, const struct incident *incident)
{
	struct escalation *escalation = run->escalation;
	int64_t now_ms = loop_wall_ms(escalation->options.loop);

	if (incident->snoozed_until_ms > now_ms) {
		/* The end of the snooze wakes it; the timer is for a clock that is set. */
		run->is_snoozed = true;
		timer_set(run->timer, incident->snoozed_until_ms - now_ms);
		return;
	}
	tell_late(run, now_ms);
	run->is_snoozed = false;
	run->is_recovered = false;
	escalation->firing = run;
	escalation->is_firing_stopped = false;
	go_on(run, incident, now_ms);
	escalation->firing = NULL;
	if (!escalation->is_firing_stopped)
		return;
	timer_free(run->timer);
	chain_run_free(run);
}
