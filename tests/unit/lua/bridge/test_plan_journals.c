/* Journals that former builds have recorded, with their scripts (tests/fixtures/journals/2): this
 * build replays each of them, whole and cut after each record, without any effect. */
#include "core/plan/plan_rehearse.h"
#include "core/plan/plan_run.h"
#include "core/plan/run_store.h"

#include "core/base/mem.h"
#include "core/loop/loop.h"
#include "core/plan/journal.h"
#include "lua/bridge/plan_runner_lua.h"
#include "lua/host/call.h"
#include "storage/commit.h"
#include "storage/keyspace.h"
#include "storage/kv.h"
#include "tests/unit/lua/script_test.h"

#include <criterion/criterion.h>
#include <glob.h>
#include <jansson.h>

struct kept {
	json_t *json;
	struct kv *kv;
	struct commit *commit;
	struct loop *loop;
	struct plan_engine *engine;
	struct plan_run *run;
	struct plan_factory *factory;
};

static const char *text_of(const struct kept *kept, const char *name)
{
	const char *text = json_string_value(json_object_get(kept->json, name));
	cr_assert_not_null(text, "%s", name);
	return text;
}

/* The rows as that build wrote them. */
static void put_journal(struct kept *kept)
{
	size_t index;
	const json_t *record;
	json_array_foreach(json_object_get(kept->json, "journal"), index, record)
	{
		struct bytes key = BYTES_EMPTY, value = BYTES_EMPTY;
		char *text = json_dumps(record, JSON_COMPACT | JSON_SORT_KEYS);
		key_begin(&key, KEYSPACE_JOURNAL);
		key_add_text(&key, text_of(kept, "id"));
		key_add_u32(&key, (uint32_t)index + 1);
		keyspace_seal(&value, slice_of(text));
		kv_batch_put(commit_batch(kept->commit), bytes_slice(&key), bytes_slice(&value));
		bytes_deinit(&key);
		bytes_deinit(&value);
		free(text);
	}
	cr_assert_eq(commit_flush(kept->commit, NULL), 0);
}

static void put_run(struct kept *kept)
{
	struct plan_run *run = mem_alloc(sizeof(*run));
	run->engine = kept->engine;
	run->id = mem_copy_text(text_of(kept, "id"));
	run->plan = mem_copy_text(text_of(kept, "plan"));
	run->version = 1;
	run->concurrency = mem_copy_text("global");
	run->params_json = mem_copy_text("{}");
	run->started_ms = 1;
	run->record_count = (uint32_t)json_array_size(json_object_get(kept->json, "journal"));
	run->script = script_take_hash(kept->engine, "0123456789abcdef0123456789abcdef");
	run_add(kept->engine, run);
	kept->run = run;
}

static void open_kept(struct kept *kept, const char *path)
{
	struct script_limits limits = {SCRIPT_MEMORY_BYTES, 5000000, 5000};
	*kept = (struct kept){.json = json_load_file(path, 0, NULL)};
	cr_assert_not_null(kept->json, "%s", path);
	kept->kv = kv_memory_new();
	kept->loop = loop_virtual_new(1795327200000);
	cr_assert_eq(commit_new(&kept->commit, kept->kv, &(struct commit_options){0}, NULL), 0);
	struct plan_engine_options options = {
		.kv = kept->kv, .commit = kept->commit, .loop = kept->loop};
	cr_assert_eq(plan_engine_new(&kept->engine, &options, NULL), 0);
	const char *source = text_of(kept, "source");
	char *name =
		mem_format("plans/%s/%lld.lua", text_of(kept, "plan"),
			   (long long)json_integer_value(json_object_get(kept->json, "version")));
	kept->factory = plan_factory_lua_new(name, source, strlen(source), &limits);
	mem_free(name);
	put_journal(kept);
	put_run(kept);
}

static void close_kept(struct kept *kept)
{
	commit_free(kept->commit);
	plan_engine_free(kept->engine);
	kept->factory->ops->free(kept->factory);
	kv_free(kept->kv);
	loop_free(kept->loop);
	json_decref(kept->json);
}

static void *replay_all(void *arg)
{
	int *count = arg;
	glob_t found;
	cr_assert_eq(glob("tests/fixtures/journals/2/*.json", 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct kept kept;
		open_kept(&kept, found.gl_pathv[i]);
		for (uint32_t cut = kept.run->record_count; cut > 0; cut--) {
			struct err_note why = {{0}};
			cr_expect_eq(run_rehearse(kept.run, kept.factory, cut, &why), 0,
				     "%s, %u records: %s", found.gl_pathv[i], cut, why.text);
			(*count)++;
		}
		close_kept(&kept);
	}
	globfree(&found);
	return NULL;
}

Test(plan_journals, those_of_former_builds_are_replayed)
{
	int count = 0;
	on_big_stack(replay_all, &count);
	cr_expect_gt(count, 400, "only %d replays", count);
}

/* One letter of the script is another one, in each kind of call. */
static void *spoil_all(void *arg)
{
	int *told_count = arg;
	glob_t found;
	cr_assert_eq(glob("tests/fixtures/journals/2/tree_*.json", 0, NULL, &found), 0);
	struct kept kept;
	open_kept(&kept, found.gl_pathv[0]);
	struct script_limits limits = {SCRIPT_MEMORY_BYTES, 5000000, 5000};
	static const char *const parts[] = {"POST\"", "/once",  "\"sure", "nobody answers",
					    "0.02)",  "\"move", "\"fact"};
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		char *source = mem_copy_text(text_of(&kept, "source"));
		char *at = strstr(source, parts[i]);
		if (at) {
			struct err_note why = {{0}};
			at[1] = at[1] == '.' ? '1' : 'X';
			struct plan_factory *factory = plan_factory_lua_new(
				"plans/tree/1.lua", source, strlen(source), &limits);
			cr_expect_neq(run_rehearse(kept.run, factory, 0, &why), 0, "%s", parts[i]);
			cr_expect(strstr(why.text, "the replay differs"), "%s", why.text);
			factory->ops->free(factory);
			(*told_count)++;
		}
		mem_free(source);
	}
	close_kept(&kept);
	globfree(&found);
	return NULL;
}

Test(plan_journals, another_script_is_told)
{
	int told_count = 0;
	on_big_stack(spoil_all, &told_count);
	cr_expect_eq(told_count, 7);
}
