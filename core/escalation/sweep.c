/* Is there anybody who waits, and for whom nothing will happen? Chains do not need it: it is there
 * for what nobody has thought of. */
#include "core/escalation/escalation_internal.h"

#include "core/base/log.h"
#include "core/handling/row.h"
#include "core/incident/incident.h"
#include "core/incident/incident_command.h"
#include "core/loop/loop.h"
#include "storage/commit.h"

#include <inttypes.h>

struct sweep {
	struct escalation *escalation;
	int64_t now_ms;
	uint64_t *lost; /* incidents; owned by on_sweep() */
	uint32_t lost_count;
	uint32_t uncovered;
};

enum { SWEEP_LOST_MAX = 1000 /* in one sweep; the others are found by the next */ };

/** Something will happen, or the end was told. */
static bool is_looked_after(const struct escalation *escalation, uint64_t incident)
{
	uint32_t count, first = escalation_find(escalation, incident, &count);

	for (uint32_t i = first; i < first + count; i++)
		if (escalation->runs[i]->is_over || timer_is_set(escalation->runs[i]->timer))
			return true;
	return false;
}

static void look_at(void *arg, const struct incident *incident)
{
	struct sweep *sweep = arg;

	if (!escalation_wants(incident) || is_looked_after(sweep->escalation, incident->number))
		return;
	if (!escalation_covers(sweep->escalation, incident))
		sweep->uncovered++;
	else if (incident->snoozed_until_ms <= sweep->now_ms && sweep->lost_count < SWEEP_LOST_MAX)
		sweep->lost[sweep->lost_count++] = incident->number;
}

static void rescue(struct escalation *escalation, uint64_t number, int64_t now_ms)
{
	const struct incident *incident = incident_find(escalation->options.incidents, number);
	uint32_t count, first = escalation_find(escalation, number, &count);

	if (incident == NULL)
		return;
	/* A run without a timer would be a fault of ours; it goes on where it stands. */
	for (uint32_t i = first; i < first + count; i++)
		timer_set(escalation->runs[i]->timer, 0);
	if (count == 0)
		escalation_start(escalation, incident, "sweep");
	escalation->usage.rescued++;
	log_warn(INCIDENT,
		 "%" PRIu64 " waits for somebody and nothing was going to happen: its "
		 "chain starts",
		 number);
	incident_note(escalation->options.incidents, number, "chain_rescued", "sweep",
		      "nobody has acknowledged it and nothing was going to happen", now_ms);
}

static void on_durable(void *arg)
{
	struct escalation *escalation = arg;

	escalation->swept_ms = loop_mono_ms(escalation->options.loop);
}

/** A row, so that a store that takes nothing is no healthy one. */
static void put_mark(struct escalation *escalation, int64_t now_ms)
{
	struct bytes key = BYTES_EMPTY, content = BYTES_EMPTY;

	key_begin(&key, KEYSPACE_META);
	key_add_text(&key, "sweep");
	bytes_append_format(&content, "%" PRId64, now_ms);
	row_put(escalation->options.commit, &key, &content);
	bytes_deinit(&key);
	bytes_deinit(&content);
}

static void on_sweep(void *arg)
{
	struct escalation *escalation = arg;
	uint64_t lost[SWEEP_LOST_MAX];
	struct sweep sweep = {escalation, loop_wall_ms(escalation->options.loop), lost, 0, 0};

	incident_each(escalation->options.incidents, true, look_at, &sweep);
	for (uint32_t i = 0; i < sweep.lost_count; i++)
		rescue(escalation, lost[i], sweep.now_ms);
	escalation->usage.uncovered = sweep.uncovered;
	escalation->usage.sweeps++;
	put_mark(escalation, sweep.now_ms);
	commit_after(escalation->options.commit, on_durable, escalation);
	commit_kick(escalation->options.commit);
	timer_set(escalation->sweep_timer, ESCALATION_SWEEP_MS);
}

void sweep_open(struct escalation *escalation)
{
	escalation->sweep_timer = timer_new(escalation->options.loop, on_sweep, escalation);
	/* The first at once: what came while the program was down, or before there were chains. */
	timer_set(escalation->sweep_timer, 0);
}
