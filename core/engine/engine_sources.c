#include "core/engine/engine_internal.h"

#include "core/base/mem.h"
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
	source->checked_ms = TIME_NONE;
	source->must_check = true;
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
	mem_free(source->metrics);
	mem_free(source->readers);
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

struct intake *engine_intake(struct engine *engine, const char *source_name)
{
	struct engine_source *source = engine_find_source(engine, source_name);

	return source != NULL && source->is_installed ? source->intake : NULL;
}
