/*  States of an open alert (`wait`); tests/unit/core/handling/test_handling.c walks them.
 *
 *              fires, or another level    resolves        time, recheck
 *  (none)      SILENCED | INHIBITED |     -               -
 *              SETTLING | NONE: sent
 *  SETTLING    the same                   decided, then   settle is over: SILENCED | INHIBITED |
 *                                         told            NONE: sent
 *  SILENCED    the same                   who was told    its silence ended: SILENCED (another) |
 *                                         before          INHIBITED | NONE: sent
 *  INHIBITED   the same                   who was told    no source is left: SETTLING | SILENCED |
 *                                         before          NONE: sent
 *  NONE        the same                   who was told    -
 */
#include "core/handling/handling_internal.h"

#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/filter/regex.h"
#include "core/handling/group.h"
#include "core/model/span.h"

#include <inttypes.h>
#include <string.h>

enum { CLOCK_STEP_MS = 60 * 1000 };

static void note_duplicate(struct handling *handling, const struct alert *alert, int64_t now_ms)
{
	handling->usage.duplicate++;
	fate_add(handling, alert->id, "duplicate", NULL, now_ms, "it came again: ignored");
}

/* ---- alerts ---- */

static void decide_new(struct handling *handling, struct open_alert *open,
		       const struct alert *alert, int64_t now_ms)
{
	bool was_settling = open->wait == WAIT_SETTLING;
	int64_t until_ms = open->wait_until_ms;

	wait_leave(handling, open);
	deliver_render(handling, alert, open->documents);
	decide(handling, open, true, now_ms);
	/* Another level does not begin the wait anew: levels in turn would never be sent. */
	if (was_settling && open->wait == WAIT_SETTLING && until_ms < open->wait_until_ms) {
		open->wait_until_ms = until_ms;
		if (until_ms < handling->next_ms)
			handling->next_ms = until_ms;
		open_save(handling, open);
	}
}

/** Sent by the routes of now; nothing is remembered. */
static void pass(struct handling *handling, const struct alert *alert, const char *output,
		 const char *incident_key, int64_t now_ms)
{
	struct open_alert *open = open_new(alert, output, incident_key, now_ms);

	deliver_render(handling, alert, open->documents);
	deliver(handling, open, now_ms);
	open_free(open);
}

/** Beyond the limit of open alerts. */
static void pass_untracked(struct handling *handling, const struct alert *alert, const char *output,
			   const char *incident_key, int64_t now_ms)
{
	handling->usage.untracked++;
	pass(handling, alert, output, incident_key, now_ms);
}

static void on_open_state(struct handling *handling, struct open_alert *open,
			  const struct alert *alert, const char *output, const char *incident_key,
			  int64_t now_ms)
{
	if (open == NULL && handling->open.count >= handling->open_max) {
		pass_untracked(handling, alert, output, incident_key, now_ms);
		return;
	}
	if (open == NULL) {
		open = open_new(alert, output, incident_key, now_ms);
		open->order = ++handling->order_last;
		open_insert(handling, open);
	} else {
		inhibit_remove_sources(handling, open);
		open_update(open, alert, output, incident_key);
	}
	inhibit_add_sources(handling, open);
	/* Its victims stay until it is decided: they show who keeps whom quiet. */
	decide_new(handling, open, alert, now_ms);
	inhibit_release_victims(handling, open);
}

static void mark_ending_silences(struct handling *handling, const struct open_alert *open,
				 int64_t now_ms)
{
	struct match_subject subject;

	match_subject_init(&subject, &open->alert, handling->config, handling->matcher);
	if (silences_mark_ending(handling->silences, &subject, now_ms))
		handling->must_recheck = true;
	match_subject_deinit(&subject);
}

static void on_resolved(struct handling *handling, struct open_alert *open,
			const struct alert *alert, int64_t now_ms)
{
	if (open->wait == WAIT_SETTLING) {
		wait_leave(handling, open);
		decide(handling, open, false, now_ms);
	}
	deliver_resolved(handling, open, alert, now_ms);
	wait_leave(handling, open);
	inhibit_remove_sources(handling, open);
	inhibit_release_victims(handling, open);
	mark_ending_silences(handling, open, now_ms);
	if (handling->options.on_pass != NULL)
		handling->options.on_pass(handling->options.arg, alert, open->incident_key, now_ms);
	open_remove(handling, open);
}

/** A fact about the past: what is open stays as it is. What is silenced now is not told later. */
static void on_correction(struct handling *handling, const struct alert *alert, const char *output,
			  int64_t now_ms)
{
	const struct silence *silence;
	struct match_subject subject;

	match_subject_init(&subject, alert, handling->config, handling->matcher);
	silence = silences_match(handling->silences, &subject, now_ms);
	match_subject_deinit(&subject);
	if (silence != NULL) {
		handling->usage.silenced++;
		silences_count_muted(handling->silences, silence->number);
		fate_add(handling, alert->id, "silenced", NULL, now_ms,
			 "silenced by %" PRIu64 " (%s: %s): a correction is not sent later",
			 silence->number, silence->author, silence->reason);
		return;
	}
	pass(handling, alert, output, NULL, now_ms);
}

void handling_on_alert(struct handling *handling, const struct alert *alert, const char *output,
		       const char *incident_key, int64_t now_ms)
{
	struct bytes key = BYTES_EMPTY;
	struct open_alert *open;

	handling->usage.received++;
	if (fate_is_known(handling, alert->id)) {
		note_duplicate(handling, alert, now_ms);
		return;
	}
	fate_begin(handling, alert);
	if (alert->correction != NULL) {
		on_correction(handling, alert, output, now_ms);
		fate_end(handling, alert, now_ms);
		return;
	}
	open_key(&key, alert->rule, alert->key);
	open = open_find(handling, bytes_slice(&key));
	if (alert->state != ALERT_RESOLVED)
		on_open_state(handling, open, alert, output, incident_key, now_ms);
	else if (open != NULL)
		on_resolved(handling, open, alert, now_ms);
	else
		pass_untracked(handling, alert, output, incident_key, now_ms);
	fate_end(handling, alert, now_ms);
	bytes_deinit(&key);
}

/* ---- time ---- */

static bool matches_any(struct handling *handling, const struct silence *silence)
{
	const struct open_alert *open;
	uint32_t at = 0;
	bool is_found = false;

	while (!is_found && (open = pointer_map_next(&handling->open, &at)) != NULL) {
		struct match_subject subject;

		match_subject_init(&subject, &open->alert, handling->config, handling->matcher);
		is_found = match_holds(&silence->match, &subject);
		match_subject_deinit(&subject);
	}
	return is_found;
}

/** At the end of the turn: of a thousand alerts that resolve together only the last one counts. */
static void end_silences(struct handling *handling, int64_t now_ms)
{
	const struct silence *silence;

	while ((silence = silences_take_ending(handling->silences)) != NULL)
		if (!matches_any(handling, silence))
			silences_expire(handling->silences, silence->number, "engine",
					"the last alert that it matched has resolved", now_ms,
					NULL);
}

static void find_next(struct handling *handling)
{
	int64_t next_ms = groups_next_ms(handling);

	for (const struct open_alert *open = handling->waiting; open != NULL;
	     open = open->wait_next)
		if (open->wait != WAIT_INHIBITED && open->wait_until_ms < next_ms)
			next_ms = open->wait_until_ms;
	if (handling->has_repeats && handling->repeat_next_ms < next_ms)
		next_ms = handling->repeat_next_ms;
	handling->next_ms = next_ms;
}

void handling_advance(struct handling *handling, int64_t now_ms)
{
	bool is_all_due = now_ms < handling->latest_ms - CLOCK_STEP_MS;

	handling->latest_ms = now_ms;
	if (!is_all_due && !handling->must_recheck && now_ms < handling->next_ms)
		return;
	end_silences(handling, now_ms);
	decide_waiting(handling, is_all_due, now_ms);
	repeats_send_due(handling, is_all_due, now_ms);
	groups_send_due(handling, is_all_due, now_ms);
	find_next(handling);
}

int64_t handling_next_ms(const struct handling *handling)
{
	return handling->must_recheck ? INT64_MIN : handling->next_ms;
}

void handling_recheck(struct handling *handling)
{
	handling->must_recheck = true;
	if (handling->options.on_wake != NULL)
		handling->options.on_wake(handling->options.arg);
}

/* ---- life ---- */

int handling_new(struct handling **out, const struct handling_options *options,
		 struct err_note *why)
{
	struct handling *handling = mem_alloc(sizeof(*handling));
	int code;

	handling->options = *options;
	handling->open_max = HANDLING_OPEN_MAX;
	handling->groups_max = HANDLING_GROUPS_MAX;
	handling->event_count = (uint32_t)options->seed;
	handling->matcher = regex_matcher_new();
	pointer_map_init(&handling->open, options->seed);
	pointer_map_init(&handling->groups, options->seed);
	key_table_init(&handling->resolving, options->seed);
	for (int i = 0; i < 2; i++)
		key_table_init(&handling->seen[i], options->seed);
	code = silences_new(&handling->silences, options->kv, options->commit, why);
	if (code == 0)
		code = open_load(handling, why);
	if (code == 0)
		code = groups_load(handling, why);
	if (code != 0) {
		handling_free(handling);
		return code;
	}
	handling->must_recheck = true;
	*out = handling;
	return 0;
}

void handling_free(struct handling *handling)
{
	struct open_alert *open;
	uint32_t at = 0;

	if (handling == NULL)
		return;
	inhibits_free(handling);
	while ((open = pointer_map_next(&handling->open, &at)) != NULL)
		open_free(open);
	pointer_map_deinit(&handling->open);
	groups_free(handling);
	silences_free(handling->silences);
	key_table_deinit(&handling->resolving);
	for (int i = 0; i < 2; i++)
		key_table_deinit(&handling->seen[i]);
	bytes_deinit(&handling->fate.events);
	regex_matcher_free(handling->matcher);
	config_unref(handling->config);
	mem_free(handling);
}

void handling_configure(struct handling *handling, struct config *config, const struct zone *zone)
{
	config_ref(config);
	inhibits_free(handling);
	config_unref(handling->config);
	handling->config = config;
	handling->zone = zone;
	handling->has_language[LANGUAGE_EN] = config->output_count == 0;
	handling->has_language[LANGUAGE_ZH] = false;
	for (uint32_t i = 0; i < config->output_count; i++)
		handling->has_language[config->outputs[i].has_zh_keys ? LANGUAGE_ZH : LANGUAGE_EN] =
			true;
	inhibits_configure(handling);
	repeats_configure(handling);
	handling_recheck(handling);
}

struct silences *handling_silences(struct handling *handling)
{
	return handling->silences;
}

const char *handling_zone_name(const struct handling *handling)
{
	return handling->config->timezone;
}

const struct config *handling_config(const struct handling *handling)
{
	return handling->config;
}

void handling_each_open(struct handling *handling, const struct match *match,
			void (*each)(void *arg, struct slice json), void *arg)
{
	const struct open_alert *open;
	uint32_t at = 0;

	while ((open = pointer_map_next(&handling->open, &at)) != NULL) {
		struct bytes json = BYTES_EMPTY;
		struct match_subject subject;
		bool is_meant;

		match_subject_init(&subject, &open->alert, handling->config, handling->matcher);
		is_meant = match == NULL || match_holds(match, &subject);
		match_subject_deinit(&subject);
		if (!is_meant)
			continue;
		open_append_json(open, &json);
		each(arg, bytes_slice(&json));
		bytes_deinit(&json);
	}
}

void handling_usage(const struct handling *handling, int64_t now_ms, struct handling_usage *out)
{
	struct silences_usage silences;

	silences_usage(handling->silences, now_ms, &silences);
	*out = handling->usage;
	out->open_count = handling->open.count;
	out->silenced_count = handling->wait_counts[WAIT_SILENCED];
	out->inhibited_count = handling->wait_counts[WAIT_INHIBITED];
	out->settling_count = handling->wait_counts[WAIT_SETTLING];
	out->group_count = handling->groups.count;
	out->held_count = handling->held_count;
	out->silence_count = silences.active_count;
	out->silences_refused = silences.refused_count;
}
