/* What decides the answer at `now`, in this order:
 *
 *     some partition active, without a reading yet   it stays      (events before it may come)
 *     some partition active, all of those read       least (max_event - lateness) of the active
 *     all idle, or none left                         it moves by the processing time since the idle
 *                                                    moment, or since it last moved so
 *
 * Active: less than idle_ms since the last reading, or since joining. The idle moment is when the
 * last active partition became idle; what it had said until then is taken over first, so that the
 * answer does not depend on how often it is asked.
 */
#include "core/window/watermark.h"

#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"

struct partition {
	uint32_t id;
	bool has_reading;
	int64_t max_event_ms;
	int64_t last_mono_ms; /**< of the last reading, or of joining */
};

struct watermark {
	int64_t lateness_ms;
	int64_t idle_ms;
	int64_t current_ms;    /**< the answer; only grows */
	int64_t last_mono_ms;  /**< of the last reading of any partition, present or not */
	int64_t moved_mono_ms; /**< until then, processing time has moved it already */
	/** Until then, without a reading, the active partitions say what they have said. */
	int64_t settled_until_mono_ms;
	struct partition *partitions; /**< sorted by id */
	uint32_t count;
	uint32_t capacity;
};

struct watermark *watermark_new(int64_t lateness_ms, int64_t idle_ms)
{
	struct watermark *watermark = mem_alloc(sizeof(*watermark));

	watermark_configure(watermark, lateness_ms, idle_ms);
	watermark->current_ms = WATERMARK_NONE;
	watermark->last_mono_ms = WATERMARK_NONE;
	watermark->moved_mono_ms = WATERMARK_NONE;
	return watermark;
}

void watermark_free(struct watermark *watermark)
{
	if (watermark == NULL)
		return;
	mem_free(watermark->partitions);
	mem_free(watermark);
}

void watermark_configure(struct watermark *watermark, int64_t lateness_ms, int64_t idle_ms)
{
	watermark->lateness_ms = lateness_ms;
	/* With nothing a partition would be idle at the very moment of its reading. */
	watermark->idle_ms = idle_ms > 0 ? idle_ms : 1;
	watermark->settled_until_mono_ms = WATERMARK_NONE;
}

/* Index of the partition, or where it belongs. */
static uint32_t find(const struct watermark *watermark, uint32_t id)
{
	uint32_t low = 0, high = watermark->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (watermark->partitions[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_at(const struct watermark *watermark, uint32_t index, uint32_t id)
{
	return index < watermark->count && watermark->partitions[index].id == id;
}

static int64_t idle_moment(const struct watermark *watermark, const struct partition *partition)
{
	return partition->last_mono_ms + watermark->idle_ms;
}

static void advance_to(struct watermark *watermark, int64_t to_ms)
{
	if (to_ms > watermark->current_ms)
		watermark->current_ms = to_ms;
}

/* Takes over what the partitions say that are active at `now`. False: there are none. */
static bool advance_by_active(struct watermark *watermark, int64_t now_mono_ms)
{
	int64_t least = INT64_MAX, next_idle = INT64_MAX;
	bool is_held = false, is_any = false;

	for (uint32_t i = 0; i < watermark->count; i++) {
		const struct partition *partition = &watermark->partitions[i];
		int64_t idle = idle_moment(watermark, partition);

		if (now_mono_ms >= idle)
			continue;
		is_any = true;
		is_held |= !partition->has_reading;
		if (partition->max_event_ms < least)
			least = partition->max_event_ms;
		if (idle < next_idle)
			next_idle = idle;
	}
	if (is_any && !is_held)
		advance_to(watermark, least - watermark->lateness_ms);
	watermark->settled_until_mono_ms = next_idle;
	return is_any;
}

/* When the last of all became idle. WATERMARK_NONE: there was never one. */
static int64_t all_idle_moment(const struct watermark *watermark)
{
	int64_t moment = watermark->last_mono_ms == WATERMARK_NONE
				 ? WATERMARK_NONE
				 : watermark->last_mono_ms + watermark->idle_ms;

	for (uint32_t i = 0; i < watermark->count; i++) {
		int64_t one = idle_moment(watermark, &watermark->partitions[i]);

		if (one > moment)
			moment = one;
	}
	return moment;
}

/* Takes over all that is known at `now`: from the active partitions, and when there are none from
 * the last that were, asked at the last moment they were. False: none is active. */
static bool settle(struct watermark *watermark, int64_t now_mono_ms)
{
	int64_t all_idle = all_idle_moment(watermark);

	if (advance_by_active(watermark, now_mono_ms))
		return true;
	if (all_idle != WATERMARK_NONE && now_mono_ms >= all_idle)
		advance_by_active(watermark, all_idle - 1);
	return false;
}

/* Before the set of partitions changes. O(1) when thousands join in a row. */
static void settle_when_due(struct watermark *watermark, int64_t now_mono_ms)
{
	if (now_mono_ms >= watermark->settled_until_mono_ms)
		settle(watermark, now_mono_ms);
}

int watermark_add(struct watermark *watermark, uint32_t partition, int64_t now_mono_ms)
{
	uint32_t index = find(watermark, partition);

	if (is_at(watermark, index, partition))
		return 0;
	if (watermark->count == WATERMARK_PARTITIONS_MAX)
		return ERR_FULL;
	settle_when_due(watermark, now_mono_ms);
	if (watermark->count == watermark->capacity) {
		watermark->capacity = watermark->capacity == 0 ? 8 : watermark->capacity * 2;
		watermark->partitions = mem_grow(watermark->partitions, watermark->capacity,
						 sizeof(*watermark->partitions));
	}
	memmove(&watermark->partitions[index + 1], &watermark->partitions[index],
		(watermark->count - index) * sizeof(*watermark->partitions));
	watermark->partitions[index] = (struct partition){
		.id = partition, .max_event_ms = INT64_MAX, .last_mono_ms = now_mono_ms};
	watermark->count++;
	if (now_mono_ms + watermark->idle_ms < watermark->settled_until_mono_ms)
		watermark->settled_until_mono_ms = now_mono_ms + watermark->idle_ms;
	return 0;
}

void watermark_remove(struct watermark *watermark, uint32_t partition)
{
	uint32_t index = find(watermark, partition);

	if (!is_at(watermark, index, partition))
		return;
	/* As of the last reading: what it completed then stays completed. */
	settle_when_due(watermark, watermark->last_mono_ms);
	watermark->count--;
	memmove(&watermark->partitions[index], &watermark->partitions[index + 1],
		(watermark->count - index) * sizeof(*watermark->partitions));
	watermark->settled_until_mono_ms = WATERMARK_NONE;
}

void watermark_observe(struct watermark *watermark, uint32_t partition, int64_t max_event_ms,
		       int64_t now_mono_ms)
{
	uint32_t index = find(watermark, partition);
	struct partition *found;

	if (max_event_ms == WATERMARK_NONE)
		return;
	if (now_mono_ms > watermark->last_mono_ms)
		watermark->last_mono_ms = now_mono_ms;
	if (!is_at(watermark, index, partition))
		return;
	found = &watermark->partitions[index];
	if (!found->has_reading || max_event_ms > found->max_event_ms)
		found->max_event_ms = max_event_ms;
	found->has_reading = true;
	if (now_mono_ms > found->last_mono_ms)
		found->last_mono_ms = now_mono_ms;
	watermark->settled_until_mono_ms = WATERMARK_NONE;
}

int64_t watermark_of_others(const struct watermark *watermark, uint32_t partition,
			    int64_t now_mono_ms)
{
	int64_t least = INT64_MAX;

	for (uint32_t i = 0; i < watermark->count; i++) {
		const struct partition *other = &watermark->partitions[i];

		if (other->id == partition || now_mono_ms >= idle_moment(watermark, other))
			continue;
		if (!other->has_reading)
			return WATERMARK_NONE;
		if (other->max_event_ms - watermark->lateness_ms < least)
			least = other->max_event_ms - watermark->lateness_ms;
	}
	return least;
}

int64_t watermark_get(struct watermark *watermark, int64_t now_mono_ms, int64_t wall_ms)
{
	int64_t since = all_idle_moment(watermark), to;

	if (settle(watermark, now_mono_ms) || now_mono_ms < since)
		return watermark->current_ms;
	if (watermark->current_ms == WATERMARK_NONE)
		return WATERMARK_NONE;
	if (watermark->moved_mono_ms > since)
		since = watermark->moved_mono_ms;
	if (since == WATERMARK_NONE)
		since = now_mono_ms; /* restored, and nothing came yet: it moves from here on */
	to = watermark->current_ms + (now_mono_ms - since);
	if (to > wall_ms - watermark->lateness_ms)
		to = wall_ms - watermark->lateness_ms;
	advance_to(watermark, to);
	watermark->moved_mono_ms = now_mono_ms;
	return watermark->current_ms;
}

int64_t watermark_of_readings(struct watermark *watermark, int64_t now_mono_ms)
{
	settle(watermark, now_mono_ms);
	return watermark->current_ms;
}

void watermark_restore(struct watermark *watermark, int64_t watermark_ms)
{
	advance_to(watermark, watermark_ms);
}

int64_t watermark_next_change(const struct watermark *watermark, int64_t now_mono_ms)
{
	int64_t next = INT64_MAX, all_idle = all_idle_moment(watermark);

	for (uint32_t i = 0; i < watermark->count; i++) {
		int64_t moment = idle_moment(watermark, &watermark->partitions[i]);

		if (moment > now_mono_ms && moment < next)
			next = moment;
	}
	if (all_idle > now_mono_ms && all_idle < next)
		next = all_idle;
	if (next != INT64_MAX)
		return next;
	return watermark->current_ms == WATERMARK_NONE ? -1 : now_mono_ms + WATERMARK_STEP_MS;
}
