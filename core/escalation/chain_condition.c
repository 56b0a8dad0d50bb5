#include "core/escalation/chain_run.h"

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/incident/incident.h"
#include "core/model/span.h"
#include "core/model/zone.h"

#include <string.h>

/* How many alerts have come in the last so long: the incident counts them all, so it is enough to
 * keep, for each sixtieth of the span in which any came, how many there were before. */

static int64_t step_of(const struct chain_run *run)
{
	int64_t step_ms = run->within_ms / CHAIN_SAMPLES_EACH;

	return step_ms > 0 ? step_ms : 1;
}

bool chain_run_sample(struct chain_run *run, const struct incident *incident, int64_t now_ms)
{
	struct chain_sample *samples = run->samples;
	uint32_t old = 0;

	if (samples == NULL || run->is_over ||
	    (run->sample_count > 0 &&
	     now_ms < samples[run->sample_count - 1].time_ms + step_of(run)))
		return false;
	while (old < run->sample_count &&
	       samples[old].time_ms < now_ms - run->within_ms - step_of(run))
		old++;
	if (old == 0 && run->sample_count == CHAIN_SAMPLES_MAX)
		old = 1;
	run->sample_count -= old;
	memmove(samples, samples + old, run->sample_count * sizeof(*samples));
	samples[run->sample_count].time_ms = now_ms;
	samples[run->sample_count++].count = incident->alert_count - 1;
	return true;
}

static uint64_t count_alerts(const struct chain_run *run, const struct chain_condition *condition,
			     const struct incident *incident, int64_t now_ms)
{
	int64_t from_ms = now_ms - condition->within_ms - step_of(run);

	if (condition->within_ms == 0 || run->samples == NULL)
		return incident->alert_count;
	for (uint32_t i = 0; i < run->sample_count; i++)
		if (run->samples[i].time_ms > from_ms)
			return incident->alert_count - run->samples[i].count;
	return 0;
}

/* A zone that was there when the chain was frozen and is not now must not keep anybody quiet. */
static bool hours_hold(const struct chain_condition *condition, int64_t now_ms)
{
	struct zone *zone = NULL;
	struct err_note why = {{0}};
	bool holds;

	if (condition->zone == NULL)
		return true;
	if (zone_open(&zone, condition->zone, &why) != 0) {
		log_error(INCIDENT, "the hours of a chain count as holding: %s", why.text);
		return true;
	}
	holds = oncall_hours_hold(&condition->hours, zone, now_ms);
	zone_free(zone);
	return holds;
}

bool chain_run_holds(const struct chain_run *run, const struct chain_condition *condition,
		     const struct incident *incident, int64_t now_ms, char **reason)
{
	uint64_t count;
	char span[32];

	if (!hours_hold(condition, now_ms)) {
		*reason = mem_copy_text("it is not the time for it");
		return false;
	}
	if (condition->alerts == 0)
		return true;
	count = count_alerts(run, condition, incident, now_ms);
	if (count >= condition->alerts)
		return true;
	span_format(condition->within_ms, span, sizeof(span));
	*reason = mem_format("%llu of %u alerts%s%s", (unsigned long long)count, condition->alerts,
			     condition->within_ms > 0 ? " in " : "",
			     condition->within_ms > 0 ? span : "");
	return false;
}
