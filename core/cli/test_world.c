#include "core/cli/test_world.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/number.h"
#include "core/base/report.h"
#include "core/cli/test_line.h"
#include "core/cli/script_version.h"
#include "core/cli/test_clock.h"
#include "core/config/config.h"
#include "core/engine/engine.h"
#include "core/ingest/intake.h"
#include "core/ingest/reader.h"
#include "core/model/alert.h"
#include "core/model/timestamp.h"
#include "core/rule/rule.h"
#include "lua/host/generation.h"
#include "storage/commit.h"
#include "storage/kv.h"

#include <string.h>

enum {
	STEP_MS = 1000, /* an idle source moves all the time: nothing is due more often */
	READABLE_BYTES = 64,
	BLOCK_BYTES_MAX = 1024 * 1024,
};

/** What a test sends to one source comes as one file. */
struct world_source {
	char *name;
	uint32_t partition;
	struct position position;
	struct bytes lines; /**< not read yet */
	bool has_tables;    /**< some of them are readings of the test, which have to be good */
	bool skip;
};

struct world_alert {
	json_t *document;
	bool is_taken;
};

struct test_world {
	char *site_dir;
	struct script_set active;
	struct generation *generation;
	struct kv *kv;
	struct commit *commit;
	struct engine *engine;
	struct reader *reader;
	struct bundle_shelf *shelf;
	struct world_source *sources;
	uint32_t source_count;
	struct world_alert *alerts;
	uint32_t alert_count;
	uint64_t dropped_count;
	char *quarantined; /**< not said yet */
	uint64_t seed;
	int64_t now_ms; /**< since the beginning; the monotonic clock starts at 1 s */
};

static int64_t wall_ms(const struct test_world *world)
{
	return TEST_BEGIN_MS + world->now_ms;
}

static int64_t mono_ms(const struct test_world *world)
{
	return 1000 + world->now_ms;
}

/* ---- what the engine says ---- */

static void on_alert(void *arg, const struct rule *rule, const struct alert *alert)
{
	struct test_world *world = arg;
	struct bytes text = BYTES_EMPTY;
	json_t *document;

	(void)rule;
	if (world->alert_count == TEST_ALERTS_MAX) {
		world->dropped_count++;
		return;
	}
	alert_append_document(alert, false, NULL, &text);
	document = json_loadb(text.data, text.length, 0, NULL);
	bytes_deinit(&text);
	world->alerts = mem_grow(world->alerts, world->alert_count + 1, sizeof(*world->alerts));
	world->alerts[world->alert_count++] = (struct world_alert){.document = document};
}

static void on_quarantine(void *arg, const struct rule *rule, const char *reason)
{
	struct test_world *world = arg;

	mem_free(world->quarantined);
	world->quarantined =
		mem_format("rule %s@%u is quarantined: %s", rule->name, rule->version, reason);
}

/** What went wrong in the engine ends the case at its next call. */
static int check_health(struct test_world *world, struct err_note *why)
{
	if (world->dropped_count > 0)
		return err_set(why, ERR_FULL, "a case may raise at most %d alerts",
			       TEST_ALERTS_MAX);
	if (world->quarantined == NULL)
		return 0;
	err_set(why, ERR_SCRIPT, "%s", world->quarantined);
	mem_free(world->quarantined);
	world->quarantined = NULL;
	return ERR_SCRIPT;
}

/* ---- the engine's life ---- */

static void advance(struct test_world *world)
{
	engine_advance(world->engine, mono_ms(world), wall_ms(world));
	commit_kick(world->commit);
}

static int install(struct test_world *world, const struct generation *generation,
		   struct err_note *why)
{
	int code = engine_install(world->engine, generation->config, generation->rules,
				  generation->rule_count, mono_ms(world), wall_ms(world), why);

	commit_kick(world->commit);
	return code;
}

static int open_source(struct test_world *world, struct world_source *source, struct err_note *why)
{
	return engine_partition_open(world->engine, source->name, "test", true, mono_ms(world),
				     &source->partition, &source->position, why);
}

static int start(struct test_world *world, struct err_note *why)
{
	struct commit_options commit_options = {0};
	struct engine_options options = {
		.kv = world->kv,
		.seed = ++world->seed,
		.on_alert = on_alert,
		.on_quarantine = on_quarantine,
		.arg = world,
	};
	int code = script_set_load(&world->generation, &world->active, world->site_dir, why);

	if (code == 0)
		code = commit_new(&world->commit, world->kv, &commit_options, why);
	options.commit = world->commit;
	if (code == 0)
		code = engine_new(&world->engine, &options, why);
	if (code == 0)
		code = install(world, world->generation, why);
	world->shelf = bundle_shelf_new(options.seed);
	for (uint32_t i = 0; code == 0 && i < world->source_count; i++)
		code = open_source(world, &world->sources[i], why);
	return code;
}

static void stop(struct test_world *world)
{
	engine_free(world->engine);
	bundle_shelf_leave(world->shelf);
	commit_free(world->commit);
	generation_free(world->generation);
	world->engine = NULL;
	world->shelf = NULL;
	world->commit = NULL;
	world->generation = NULL;
}

static int do_restart(struct test_world *world, struct err_note *why)
{
	int code = commit_flush(world->commit, why);

	if (code != 0)
		return code;
	stop(world);
	code = start(world, why);
	if (code == 0)
		advance(world);
	return code;
}

/** With other rules; the old ones go on when that cannot be. */
static int reload(struct test_world *world, const struct script_set *active, struct err_note *why)
{
	struct generation *generation;
	int code = script_set_load(&generation, active, world->site_dir, why);

	if (code != 0)
		return code;
	code = install(world, generation, why);
	if (code != 0) {
		generation_free(generation);
		return code;
	}
	generation_free(world->generation);
	world->generation = generation;
	world->active = *active;
	advance(world);
	return 0;
}

static int do_activate(struct test_world *world, const char *text, struct err_note *why)
{
	struct script_set active = world->active;
	int code = script_set_put(&active, world->site_dir, text, why);

	return code == 0 ? reload(world, &active, why) : code;
}

static int do_remove(struct test_world *world, const char *name, struct err_note *why)
{
	struct script_set active = world->active;
	int code = script_set_remove(&active, name, why);

	return code == 0 ? reload(world, &active, why) : code;
}

/* ---- readings ---- */

static int find_source(struct test_world *world, const char *name, struct world_source **out,
		       struct err_note *why)
{
	struct world_source *source;
	int code;

	for (uint32_t i = 0; i < world->source_count; i++)
		if (strcmp(world->sources[i].name, name) == 0) {
			*out = &world->sources[i];
			return 0;
		}
	if (config_find_source(world->generation->config, name) == NULL)
		return err_set(why, ERR_NOT_FOUND, "the site has no source \"%s\"", name);
	world->sources = mem_grow(world->sources, world->source_count + 1, sizeof(*world->sources));
	source = &world->sources[world->source_count];
	*source = (struct world_source){.name = mem_copy_text(name)};
	code = open_source(world, source, why);
	if (code != 0) {
		mem_free(source->name);
		return code;
	}
	world->source_count++;
	*out = source;
	return 0;
}

static int check_reading(const struct world_source *source, const struct bundle *bundle,
			 struct err_note *why)
{
	if (!source->has_tables)
		return 0;
	if (bundle->dead_letter_count > 0)
		return err_set(why, ERR_INVALID, "a reading is malformed: %s",
			       bundle->dead_letters[0].reason);
	if (bundle->counters.mistyped > 0)
		return err_set(why, ERR_INVALID,
			       "a field of a reading is not of its declared type (give a line as "
			       "text to test what is faulty)");
	return 0;
}

static int apply(struct test_world *world, struct world_source *source, struct bundle *bundle,
		 size_t length, struct err_note *why)
{
	int code = check_reading(source, bundle, why);

	bundle->partition = source->partition;
	bundle->is_positioned = true;
	bundle->from = source->position;
	source->position.offset += length;
	bundle->to = source->position;
	if (engine_apply(world->engine, bundle, mono_ms(world)) != 0 && code == 0)
		code = err_set(why, ERR_CONFLICT, "the engine refused a bundle");
	return code;
}

static int do_flush(struct test_world *world, const char *name, struct err_note *why)
{
	struct intake *intake = engine_intake(world->engine, name);
	struct world_source *source;
	size_t done = 0;
	int code = find_source(world, name, &source, why);

	if (code != 0)
		return code;
	bytes_reserve(&source->lines, READABLE_BYTES);
	while (code == 0 && intake != NULL && done < source->lines.length) {
		struct bundle *bundle = bundle_shelf_take(world->shelf, intake);
		struct reader_block block = {
			.data = source->lines.data + done,
			.length = source->lines.length - done,
			.readable = READABLE_BYTES,
			.offset = source->position.offset,
			.receive_ms = wall_ms(world),
			.watermark_ms =
				engine_partition_watermark(world->engine, source->partition),
		};
		size_t length = reader_read(world->reader, intake, &block, &source->skip, bundle);

		code = apply(world, source, bundle, length, why);
		done += length;
		advance(world);
	}
	bytes_clear(&source->lines);
	source->has_tables = false;
	return code;
}

/** "source\nline" */
static int do_line(struct test_world *world, const char *text, struct err_note *why)
{
	const char *line = strchr(text, '\n');
	char *name = mem_copy_bytes(text, line != NULL ? (size_t)(line - text) : strlen(text));
	struct world_source *source;
	int code = find_source(world, name, &source, why);

	mem_free(name);
	if (code != 0)
		return code;
	bytes_append_text(&source->lines, line != NULL ? line + 1 : "");
	bytes_append_char(&source->lines, '\n');
	return 0;
}

static int do_reading(struct test_world *world, const char *name, struct slice json,
		      struct err_note *why)
{
	json_t *reading = json_loadb(json.data, json.length, 0, NULL);
	struct world_source *source;
	int code = find_source(world, name, &source, why);

	if (code == 0 && !json_is_object(reading))
		code = err_set(why, ERR_INVALID, "a reading is a table of fields");
	if (code == 0) {
		source->has_tables = true;
		code = test_line_append(config_find_source(world->generation->config, name),
					reading, wall_ms(world), &source->lines, why);
	}
	json_decref(reading);
	if (code == 0 && source->lines.length > BLOCK_BYTES_MAX)
		code = do_flush(world, name, why);
	return code;
}

/* ---- time ---- */

static int advance_to(struct test_world *world, int64_t target_ms)
{
	while (world->now_ms < target_ms) {
		int64_t next_ms = engine_next_ms(world->engine, mono_ms(world));

		/* The timer of the daemon. */
		next_ms = next_ms < 0 ? target_ms : world->now_ms + next_ms - mono_ms(world);
		if (next_ms < world->now_ms + STEP_MS)
			next_ms = world->now_ms + STEP_MS;
		world->now_ms = next_ms < target_ms ? next_ms : target_ms;
		advance(world);
	}
	return 0;
}

static int do_advance(struct test_world *world, const char *text, struct err_note *why)
{
	int64_t ms = 0;
	int code = test_clock_span(text, &ms, why);

	return code == 0 ? advance_to(world, world->now_ms + ms) : code;
}

static int do_at(struct test_world *world, const char *text, struct err_note *why)
{
	int64_t ms;
	int code = test_clock_until(text, wall_ms(world), &ms, why);

	if (code != 0)
		return code;
	/* Before the first reading nothing can be due. */
	if (world->source_count == 0)
		world->now_ms += ms;
	return advance_to(world, world->now_ms + (world->source_count == 0 ? 0 : ms));
}

/* ---- alerts ---- */

static json_t *list_alerts(const struct test_world *world)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < world->alert_count; i++)
		if (!world->alerts[i].is_taken)
			json_array_append_new(list, json_pack("{s:i, s:O}", "number", (int)i,
							      "value", world->alerts[i].document));
	return list;
}

static int do_take(struct test_world *world, const char *text)
{
	int64_t number = -1;

	if (number_parse_int(slice_of(text), &number) == 0 && number >= 0 &&
	    number < world->alert_count)
		world->alerts[number].is_taken = true;
	return 0;
}

static int dispatch(struct test_world *world, const char *verb, const char *text, struct slice json,
		    struct err_note *why)
{
	if (strcmp(verb, "reading") == 0)
		return do_reading(world, text, json, why);
	if (strcmp(verb, "line") == 0)
		return do_line(world, text, why);
	if (strcmp(verb, "flush") == 0)
		return do_flush(world, text, why);
	if (strcmp(verb, "advance") == 0)
		return do_advance(world, text, why);
	if (strcmp(verb, "at") == 0)
		return do_at(world, text, why);
	if (strcmp(verb, "restart") == 0)
		return do_restart(world, why);
	if (strcmp(verb, "activate") == 0)
		return do_activate(world, text, why);
	if (strcmp(verb, "remove") == 0)
		return do_remove(world, text, why);
	if (strcmp(verb, "take") == 0)
		return do_take(world, text);
	return err_set(why, ERR_NOT_FOUND, "a test cannot ask for \"%s\"", verb);
}

int test_world_call(struct test_world *world, const char *verb, const char *text, struct slice json,
		    json_t **out, struct err_note *why)
{
	int code = 0;

	if (strcmp(verb, "alerts") == 0)
		*out = list_alerts(world);
	else
		code = dispatch(world, verb, text, json, why);
	return code == 0 ? check_health(world, why) : code;
}

int test_world_new(struct test_world **out, const char *site_dir, const char *rule,
		   struct err_note *why)
{
	struct test_world *world = mem_alloc(sizeof(*world));
	int code;

	world->site_dir = mem_copy_text(site_dir);
	world->kv = kv_memory_new();
	world->reader = reader_new();
	code = script_set_put(&world->active, site_dir, rule, why);
	if (code == 0)
		code = start(world, why);
	if (code != 0) {
		test_world_free(world);
		return code;
	}
	*out = world;
	return 0;
}

void test_world_free(struct test_world *world)
{
	if (world == NULL)
		return;
	stop(world);
	reader_free(world->reader);
	kv_free(world->kv);
	for (uint32_t i = 0; i < world->source_count; i++) {
		mem_free(world->sources[i].name);
		bytes_deinit(&world->sources[i].lines);
	}
	mem_free(world->sources);
	for (uint32_t i = 0; i < world->alert_count; i++)
		json_decref(world->alerts[i].document);
	mem_free(world->alerts);
	mem_free(world->quarantined);
	mem_free(world->site_dir);
	mem_free(world);
}
