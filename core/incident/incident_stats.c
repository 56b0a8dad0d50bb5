#include "core/incident/incident_stats.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/incident/incident_internal.h"

/** Numbers that are gathered, then told as a figure. */
struct samples {
	int64_t *values;
	uint32_t count;
};

struct span {
	int64_t from_ms, to_ms;
};

struct gathering {
	struct samples acknowledge, handle, resolve, between;
	struct span *downs;
	uint32_t down_count;
};

static void add(struct samples *samples, int64_t from_ms, int64_t to_ms)
{
	if (from_ms > 0 && to_ms >= from_ms)
		samples->values[samples->count++] = to_ms - from_ms;
}

static int compare_values(const void *a, const void *b)
{
	int64_t first = *(const int64_t *)a, second = *(const int64_t *)b;
	return (first > second) - (first < second);
}

static int compare_spans(const void *a, const void *b)
{
	return compare_values(&((const struct span *)a)->from_ms,
			      &((const struct span *)b)->from_ms);
}

static int64_t rank_of(const struct samples *samples, uint32_t percent)
{
	uint64_t rank = ((uint64_t)samples->count * percent + 99) / 100;
	return samples->values[rank > 0 ? rank - 1 : 0];
}

static struct incident_figure figure_of(struct samples *samples)
{
	struct incident_figure figure = {.count = samples->count};
	double sum = 0;
	if (samples->count == 0)
		return figure;
	qsort(samples->values, samples->count, sizeof(int64_t), compare_values);
	for (uint32_t i = 0; i < samples->count; i++)
		sum += (double)samples->values[i];
	figure.mean_ms = (int64_t)(sum / samples->count + 0.5);
	figure.median_ms = rank_of(samples, 50);
	figure.p90_ms = rank_of(samples, 90);
	return figure;
}

static bool counts(const struct incident *incident, int64_t since_ms)
{
	return !incident->is_drill && incident->opened_ms >= since_ms &&
	       incident->state != INCIDENT_CANDIDATE && incident->state != INCIDENT_CANCELLED &&
	       incident->state != INCIDENT_MERGED;
}

static bool is_within(const struct incident_store *store, const char *category, const char *node)
{
	const struct incident_settings *settings = &store->settings;
	for (int depth = 0; category && depth < INCIDENT_NAMES_MAX; depth++) {
		if (strcmp(category, node) == 0)
			return true;
		category =
			settings->parent_of ? settings->parent_of(settings->arg, category) : NULL;
	}
	return false;
}

/** Time without impact from the first moment that is looked at until now, and the gaps. */
static int64_t up_time(struct gathering *gathering, int64_t since_ms, int64_t now_ms)
{
	if (gathering->down_count == 0)
		return 0;
	qsort(gathering->downs, gathering->down_count, sizeof(struct span), compare_spans);
	int64_t begin_ms = since_ms > 0 ? since_ms : gathering->downs[0].from_ms;
	int64_t up_ms = 0, end_ms = begin_ms;
	for (uint32_t i = 0; i < gathering->down_count; i++) {
		const struct span *down = &gathering->downs[i];
		if (down->from_ms > end_ms) {
			up_ms += down->from_ms - end_ms;
			if (i > 0)
				add(&gathering->between, end_ms, down->from_ms);
		}
		end_ms = down->to_ms > end_ms ? down->to_ms : end_ms;
	}
	return up_ms + (now_ms > end_ms ? now_ms - end_ms : 0);
}

static void gather(struct gathering *gathering, struct incident_figures *out,
		   const struct incident *incident, int64_t now_ms)
{
	int64_t until_ms = incident->mitigated_ms > 0 ? incident->mitigated_ms : now_ms;
	out->incident_count++;
	out->open_count += incident_is_open(incident->state);
	out->reopened_count += incident->reopen_count > 0;
	out->priority_counts[incident->priority - 1]++;
	add(&gathering->acknowledge, incident->opened_ms, incident->acked_ms);
	add(&gathering->handle, incident->detected_ms, incident->mitigated_ms);
	add(&gathering->resolve, incident->detected_ms, incident->resolved_ms);
	gathering->downs[gathering->down_count++] =
		(struct span){incident->impact_start_ms, until_ms};
}

static void open_gathering(struct gathering *gathering, uint32_t count)
{
	struct samples *all[] = {&gathering->acknowledge, &gathering->handle, &gathering->resolve,
				 &gathering->between};
	memset(gathering, 0, sizeof(*gathering));
	for (size_t i = 0; i < 4; i++)
		all[i]->values = mem_alloc_array(count + 1, sizeof(int64_t));
	gathering->downs = mem_alloc_array(count + 1, sizeof(struct span));
}

static void close_gathering(struct gathering *gathering)
{
	mem_free(gathering->acknowledge.values);
	mem_free(gathering->handle.values);
	mem_free(gathering->resolve.values);
	mem_free(gathering->between.values);
	mem_free(gathering->downs);
}

static struct incident_figures figures_of(const struct incident_store *store, const char *category,
					  int64_t since_ms, int64_t now_ms)
{
	struct incident_figures out = {.category = category};
	struct gathering gathering;
	open_gathering(&gathering, store->count);
	for (uint32_t i = 0; i < store->count; i++) {
		const struct incident *incident = store->incidents[i];
		if (counts(incident, since_ms) &&
		    (!category || is_within(store, incident->category, category)))
			gather(&gathering, &out, incident, now_ms);
	}
	int64_t up_ms = up_time(&gathering, since_ms, now_ms);
	out.acknowledge = figure_of(&gathering.acknowledge);
	out.handle = figure_of(&gathering.handle);
	out.resolve = figure_of(&gathering.resolve);
	out.between = figure_of(&gathering.between);
	out.between.count = out.incident_count;
	if (out.incident_count > 0)
		out.between.mean_ms = up_ms / (int64_t)out.incident_count;
	close_gathering(&gathering);
	return out;
}

/** Every category that an incident has, and those above. */
static struct incident_names categories_of(const struct incident_store *store, int64_t since_ms)
{
	const struct incident_settings *settings = &store->settings;
	struct incident_names names = {0};
	for (uint32_t i = 0; i < store->count; i++) {
		const char *category = store->incidents[i]->category;
		for (int depth = 0; counts(store->incidents[i], since_ms) && category &&
				    depth < INCIDENT_NAMES_MAX;
		     depth++) {
			names_put(&names, slice_of(category), UINT32_MAX);
			category = settings->parent_of
					   ? settings->parent_of(settings->arg, category)
					   : NULL;
		}
	}
	return names;
}

void incident_stats(const struct incident_store *store, int64_t since_ms, int64_t now_ms,
		    bool by_category,
		    void (*each)(void *arg, const struct incident_figures *figures), void *arg)
{
	struct incident_figures figures = figures_of(store, NULL, since_ms, now_ms);
	each(arg, &figures);
	if (!by_category)
		return;
	struct incident_names names = categories_of(store, since_ms);
	for (uint32_t i = 0; i < names.count; i++) {
		figures = figures_of(store, names.names[i], since_ms, now_ms);
		each(arg, &figures);
	}
	names_deinit(&names);
}
