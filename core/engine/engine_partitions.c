/* A place of the table is one of
 *
 *     free     no name
 *     open     a source reads it
 *     closed   positioned only: its stored position waits for the file to come back. It is kept
 *              POSITION_KEPT_MS; in a full table the one that was kept longest makes room
 */
#include "core/engine/engine_internal.h"
#include "core/engine/engine_store.h"

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/require.h"

#include <string.h>

static void clear(struct engine_partition *partition)
{
	mem_free(partition->name);
	*partition = (struct engine_partition){0};
}

static void forget(struct engine *engine, struct engine_partition *partition)
{
	engine_delete_partition(engine, partition);
	clear(partition);
}

/** The one that has been closed for the longest time, or NULL. */
static struct engine_partition *find_oldest_closed(const struct engine *engine)
{
	struct engine_partition *oldest = NULL;

	REQUIRE(engine->partition_count == 0 || engine->partitions != NULL);
	for (uint32_t i = 0; i < engine->partition_count; i++) {
		struct engine_partition *partition = &engine->partitions[i];

		if (partition->name != NULL && !partition->is_open &&
		    (oldest == NULL || partition->kept_ms < oldest->kept_ms))
			oldest = partition;
	}
	return oldest;
}

/** A place behind the others, or NULL in a full table. */
static struct engine_partition *append(struct engine *engine)
{
	if (engine->partition_count == engine->options.partitions_max)
		return NULL;
	if (engine->partition_count == engine->partition_capacity) {
		engine->partition_capacity =
			engine->partition_capacity == 0 ? 16 : 2 * engine->partition_capacity;
		engine->partitions = mem_grow(engine->partitions, engine->partition_capacity,
					      sizeof(*engine->partitions));
	}
	return &engine->partitions[engine->partition_count++];
}

static struct engine_partition *make_room(struct engine *engine)
{
	struct engine_partition *oldest = find_oldest_closed(engine);

	if (oldest == NULL)
		return NULL;
	log_warn(INGEST, "%s: there are %u partitions, so the position of %s is forgotten",
		 oldest->source->name, engine->partition_count, oldest->name);
	forget(engine, oldest);
	return oldest;
}

/** The partition of that name, or a place for it: free places are used again. */
static struct engine_partition *add_partition(struct engine *engine, struct engine_source *source,
					      const char *name)
{
	struct engine_partition *found = NULL;

	for (uint32_t i = 0; i < engine->partition_count; i++) {
		struct engine_partition *partition = &engine->partitions[i];

		if (partition->name == NULL) {
			if (found == NULL)
				found = partition;
		} else if (partition->source == source && strcmp(partition->name, name) == 0) {
			return partition;
		}
	}
	if (found == NULL)
		found = append(engine);
	if (found == NULL)
		found = make_room(engine);
	if (found != NULL)
		*found = (struct engine_partition){.source = source,
						   .name = mem_copy_text(name),
						   .max_event_ms = TIME_NONE,
						   .kept_ms = engine->wall_ms};
	return found;
}

void engine_restore_place(struct engine *engine, struct engine_partition *row)
{
	struct engine_partition *place = append(engine);

	if (place == NULL) {
		place = find_oldest_closed(engine);
		if (place == NULL || place->kept_ms >= row->kept_ms) {
			forget(engine, row);
			return;
		}
		forget(engine, place);
	}
	*place = *row;
}

uint32_t engine_forget_positions(struct engine *engine, int64_t wall_ms)
{
	uint32_t count = 0;

	engine->wall_ms = wall_ms;
	for (uint32_t i = 0; i < engine->partition_count; i++) {
		struct engine_partition *partition = &engine->partitions[i];
		int64_t age_ms = wall_ms - partition->kept_ms;

		if (partition->name == NULL || !partition->is_positioned)
			continue;
		if (partition->is_open && age_ms > POSITION_REFRESH_MS) {
			partition->kept_ms = wall_ms;
			engine_change_partition(engine, partition);
		} else if (!partition->is_open && age_ms > POSITION_KEPT_MS) {
			forget(engine, partition);
			count++;
		}
	}
	return count;
}

int engine_partition_open(struct engine *engine, const char *source_name, const char *name,
			  bool is_positioned, int64_t now_mono_ms, uint32_t *out,
			  struct position *committed, struct err_note *why)
{
	struct engine_source *source = engine_find_source(engine, source_name);
	struct engine_partition *partition;
	uint32_t number;
	int code;

	if (source == NULL || !source->is_installed)
		return err_set(why, ERR_NOT_FOUND, "the site has no source \"%.100s\"",
			       source_name);
	if (strlen(name) > ENGINE_PARTITION_NAME_MAX)
		return err_set(why, ERR_RANGE,
			       "the name of a partition of source %s is longer than %d bytes",
			       source_name, ENGINE_PARTITION_NAME_MAX);
	partition = add_partition(engine, source, name);
	if (partition == NULL)
		return err_set(why, ERR_FULL, "there are %u partitions: no room for %.200s",
			       engine->partition_count, name);
	number = (uint32_t)(partition - engine->partitions);
	code = watermark_add(source->watermark, number, now_mono_ms);
	if (code != 0) {
		if (!partition->is_open && !partition->is_positioned)
			clear(partition);
		return err_set(why, code, "source %s has too many partitions for %.200s",
			       source_name, name);
	}
	partition->is_open = true;
	partition->is_positioned = is_positioned;
	*committed = partition->committed;
	*out = number;
	return 0;
}

void engine_partition_close(struct engine *engine, uint32_t number, bool is_forgotten)
{
	struct engine_partition *partition = &engine->partitions[number];

	REQUIRE(number < engine->partition_count && partition->name != NULL);
	watermark_remove(partition->source->watermark, number);
	partition->is_open = false;
	partition->kept_ms = engine->wall_ms;
	if (!partition->is_positioned)
		clear(partition);
	else if (is_forgotten)
		forget(engine, partition);
}

int64_t engine_partition_watermark(const struct engine *engine, uint32_t number)
{
	const struct engine_partition *partition = &engine->partitions[number];

	REQUIRE(number < engine->partition_count);
	if (partition->name == NULL || partition->max_event_ms == TIME_NONE)
		return WATERMARK_NONE;
	return partition->max_event_ms - partition->source->lateness_ms;
}
