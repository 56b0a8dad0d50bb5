#include "core/engine/engine.h"

#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/engine/engine_internal.h"
#include "core/engine/engine_store.h"
#include "core/ingest/grouping.h"
#include "core/model/zone.h"
#include "storage/commit.h"

int engine_new(struct engine **out, const struct engine_options *options, struct err_note *why)
{
	struct engine *engine = mem_alloc(sizeof(*engine));
	int code;

	engine->options = *options;
	if (options->partitions_max == 0)
		engine->options.partitions_max = WATERMARK_PARTITIONS_MAX;
	key_table_init(&engine->metric_ids, options->seed);
	arena_init(&engine->scratch);
	if (options->commit != NULL)
		commit_before(options->commit, engine_gather, engine);
	code = options->commit != NULL ? engine_restore(engine, why) : 0;
	if (code != 0) {
		engine_free(engine);
		return code;
	}
	*out = engine;
	return 0;
}

void engine_free(struct engine *engine)
{
	if (engine == NULL)
		return;
	if (engine->options.commit != NULL)
		commit_before(engine->options.commit, NULL, NULL);
	engine_free_stored(engine);
	for (uint32_t i = 0; i < engine->rule_count; i++)
		engine_rule_state_free(engine->rules[i]);
	for (uint32_t i = 0; i < engine->metric_count; i++)
		engine_metric_free(engine->metrics[i]);
	for (uint32_t i = 0; i < engine->source_count; i++)
		engine_source_free(engine->sources[i]);
	for (uint32_t i = 0; i < engine->partition_count; i++)
		mem_free(engine->partitions[i].name);
	mem_free(engine->rules);
	mem_free(engine->metrics);
	mem_free(engine->sources);
	mem_free(engine->partitions);
	mem_free(engine->changed_partitions);
	grouping_free(engine->grouping);
	mem_free(engine->late);
	key_table_deinit(&engine->metric_ids);
	zone_free(engine->zone);
	arena_deinit(&engine->scratch);
	bytes_deinit(&engine->key);
	bytes_deinit(&engine->value);
	bytes_deinit(&engine->content);
	bytes_deinit(&engine->message);
	config_unref(engine->config);
	mem_free(engine);
}
