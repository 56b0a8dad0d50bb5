#include "core/engine/engine_internal.h"
#include "core/engine/engine_store.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/require.h"
#include "core/ingest/intake.h"

#include <string.h>

struct engine_source *engine_find_source(const struct engine *engine, const char *name)
{
	for (uint32_t i = 0; i < engine->source_count; i++)
		if (strcmp(engine->sources[i]->name, name) == 0)
			return engine->sources[i];
	return NULL;
}

struct engine_source *engine_add_source(struct engine *engine, const char *name)
{
	struct engine_source *source = engine_find_source(engine, name);

	if (source != NULL)
		return source;
	source = mem_alloc(sizeof(*source));
	source->name = mem_copy_text(name);
	source->watermark = watermark_new(0, 0);
	source->watermark_ms = TIME_NONE;
	source->stored_ms = TIME_NONE;
	source->first_event_ms = TIME_NONE;
	source->max_event_ms = TIME_NONE;
	engine->sources =
		mem_grow(engine->sources, engine->source_count + 1, sizeof(*engine->sources));
	engine->sources[engine->source_count++] = source;
	return source;
}

static void dead_letter_clear(struct engine_dead_letter *kept)
{
	mem_free(kept->partition);
	mem_free(kept->letter.text);
	mem_free(kept->letter.reason);
}

void engine_source_free(struct engine_source *source)
{
	for (uint32_t i = 0; i < source->dead_letter_count; i++)
		dead_letter_clear(&source->dead_letters[i]);
	intake_unref(source->intake);
	watermark_free(source->watermark);
	mem_free(source->name);
	mem_free(source);
}

void engine_keep_dead_letter(struct engine_source *source, const char *partition,
			     const struct dead_letter *letter)
{
	struct engine_dead_letter *kept;

	if (source->dead_letter_count == ENGINE_DEAD_LETTERS_MAX) {
		dead_letter_clear(&source->dead_letters[0]);
		memmove(&source->dead_letters[0], &source->dead_letters[1],
			(ENGINE_DEAD_LETTERS_MAX - 1) * sizeof(source->dead_letters[0]));
		source->dead_letter_count--;
	}
	kept = &source->dead_letters[source->dead_letter_count++];
	kept->partition = mem_copy_text(partition);
	kept->letter = *letter;
	kept->letter.text = mem_copy_text(letter->text);
	kept->letter.reason = mem_copy_text(letter->reason);
}

void engine_add_counters(struct bundle_counters *into, const struct bundle_counters *from)
{
	into->bytes += from->bytes;
	into->lines += from->lines;
	into->readings += from->readings;
	into->malformed += from->malformed;
	into->late += from->late;
	into->clamped += from->clamped;
	into->mistyped += from->mistyped;
	into->blank += from->blank;
}

/** The partition of that name, or a place for it: free places are used again. */
struct engine_partition *engine_add_partition(struct engine *engine, struct engine_source *source,
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
	if (found == NULL) {
		if (engine->partition_count == WATERMARK_PARTITIONS_MAX)
			return NULL;
		if (engine->partition_count == engine->partition_capacity) {
			engine->partition_capacity = engine->partition_capacity == 0
							     ? 16
							     : 2 * engine->partition_capacity;
			engine->partitions =
				mem_grow(engine->partitions, engine->partition_capacity,
					 sizeof(*engine->partitions));
		}
		found = &engine->partitions[engine->partition_count++];
	}
	*found = (struct engine_partition){
		.source = source, .name = mem_copy_text(name), .max_event_ms = TIME_NONE};
	return found;
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
	partition = engine_add_partition(engine, source, name);
	if (partition == NULL)
		return err_set(why, ERR_FULL, "there are %d partitions: no room for %.200s",
			       WATERMARK_PARTITIONS_MAX, name);
	number = (uint32_t)(partition - engine->partitions);
	code = watermark_add(source->watermark, number, now_mono_ms);
	if (code != 0) {
		if (!partition->is_open && !partition->is_positioned) {
			mem_free(partition->name);
			*partition = (struct engine_partition){0};
		}
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
	if (partition->is_positioned && !is_forgotten)
		return;
	if (partition->is_positioned)
		engine_delete_partition(engine, partition);
	mem_free(partition->name);
	*partition = (struct engine_partition){0};
}

int64_t engine_partition_watermark(const struct engine *engine, uint32_t number)
{
	const struct engine_partition *partition = &engine->partitions[number];

	REQUIRE(number < engine->partition_count);
	if (partition->name == NULL || partition->max_event_ms == TIME_NONE)
		return WATERMARK_NONE;
	return partition->max_event_ms - partition->source->lateness_ms;
}

struct intake *engine_intake(struct engine *engine, const char *name)
{
	struct engine_source *source = engine_find_source(engine, name);

	return source != NULL && source->is_installed ? source->intake : NULL;
}
