/* A journal is replayed for nothing but the question whether it can be: by its own script (verify),
 * or by that of another version (migrate).
 *
 * The run is rebuilt in an engine of its own, on a store in memory that has a copy of the journal.
 * Where the journal ends, a branch stands still (call_open): nothing is opened, sent or told. The
 * end is left out of the copy, because the script has to come to it by itself. */
#include "core/plan/plan_rehearse.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/plan/plan_run.h"
#include "core/plan/run_store.h"
#include "storage/commit.h"
#include "storage/kv.h"

#include <string.h>

struct rehearsal {
	struct kv *kv;
	struct commit *commit;
	struct plan_engine *engine;
	struct plan_run *run;
	struct run_script *script;
};

static void free_rehearsal(struct rehearsal *rehearsal)
{
	if (rehearsal->script)
		rehearsal->script->factory = NULL; /* it was lent */
	commit_free(rehearsal->commit);
	plan_engine_free(rehearsal->engine);
	kv_free(rehearsal->kv);
}

static int make_engine(struct rehearsal *rehearsal, const struct plan_engine *engine,
		       struct err_note *why)
{
	rehearsal->kv = kv_memory_new();
	int code = commit_new(&rehearsal->commit, rehearsal->kv, &(struct commit_options){0}, why);
	if (code != 0)
		return code;
	struct plan_engine_options options = {.kv = rehearsal->kv,
					      .commit = rehearsal->commit,
					      .loop = engine->options.loop,
					      .actions = engine->options.actions};
	code = plan_engine_new(&rehearsal->engine, &options, why);
	if (code == 0) {
		rehearsal->engine->is_rehearsal = true;
		rehearsal->engine->records_max = engine->records_max;
	}
	return code;
}

/* The same run as it was when it began. */
static void make_run(struct rehearsal *rehearsal, const struct plan_run *from,
		     struct plan_factory *factory)
{
	struct plan_run *run = mem_alloc(sizeof(*run));
	run->engine = rehearsal->engine;
	run->id = mem_copy_text(from->id);
	run->plan = mem_copy_text(from->plan);
	run->version = from->version;
	run->incident = from->incident;
	run->starter = mem_copy_text(from->starter);
	run->concurrency = mem_copy_text(from->concurrency);
	run->concurrency_limit = from->concurrency_limit;
	run->params_json = mem_copy_text(from->params_json);
	run->timeout_ms = INT64_MAX / 4;
	run->created_ms = from->created_ms;
	run->started_ms = from->started_ms;
	run->state = RUN_RUNNING;
	run->script = script_take_hash(rehearsal->engine, from->script->hash);
	run->script->factory = factory;
	rehearsal->script = run->script;
	rehearsal->run = run;
	run_add(rehearsal->engine, run);
}

/* How many records the script has to come to: not the end, nor what an operator ended it with. */
static uint32_t count_before_end(const struct journal *journal)
{
	uint32_t count = journal->count;
	if (count > 0 && journal->records[count - 1].type == RECORD_RUN_ENDED)
		count--;
	if (count > 0 && count < journal->count) {
		const struct journal_record *last = &journal->records[count - 1];
		if (last->type == RECORD_OPERATOR && !last->step && last->text &&
		    strncmp(last->text, "cancel", 6) == 0)
			count--;
	}
	return count;
}

static bool is_same(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

/* The script came to its end: it must be the one that is recorded. */
static int compare_end(struct rehearsal *rehearsal, const struct journal *journal,
		       struct err_note *why)
{
	const struct journal_record *wanted = &journal->records[journal->count - 1];
	struct arena arena;
	struct journal made;
	arena_init(&arena);
	int code = commit_flush(rehearsal->commit, why);
	if (code == 0)
		code = journal_read(rehearsal->kv, rehearsal->run->id, &arena, &made, why);
	const struct journal_record *end = code == 0 ? &made.records[made.count - 1] : NULL;
	/* Without an end the process was killed before it was written. */
	if (end && wanted->type == RECORD_RUN_ENDED &&
	    (!is_same(end->text, wanted->text) || !is_same(end->error, wanted->error) ||
	     !is_same(end->result_json, wanted->result_json)))
		code = err_set(why, ERR_CONFLICT,
			       "the replay differs in the end: the journal has %s %.100s%.300s, "
			       "the script now ends with %s %.100s%.300s",
			       wanted->text, wanted->error ? wanted->error : "",
			       wanted->result_json ? wanted->result_json : "", end->text,
			       end->error ? end->error : "",
			       end->result_json ? end->result_json : "");
	arena_deinit(&arena);
	return code;
}

static int judge(struct rehearsal *rehearsal, const struct journal *journal, bool is_whole,
		 struct err_note *why)
{
	const struct plan_run *run = rehearsal->run;
	const struct journal_record *last = &journal->records[journal->count - 1];
	if (run->state == RUN_BLOCKED)
		return err_set(why, ERR_CONFLICT, "%s", run->error);
	if (!is_whole)
		return 0;
	if (run_is_ended(run))
		return compare_end(rehearsal, journal, why);
	if (last->type == RECORD_RUN_ENDED && is_same(last->text, run_state_name(RUN_DONE)))
		return err_set(why, ERR_CONFLICT,
			       "the replay differs: the journal says that the script ended at "
			       "record %u, now it goes on",
			       last->sequence);
	return 0;
}

static int play(struct rehearsal *rehearsal, const struct journal *journal, uint32_t count,
		struct err_note *why)
{
	uint32_t wanted = count_before_end(journal);
	bool is_whole = count == 0 || count >= wanted;
	for (uint32_t i = 0; i < (is_whole ? wanted : count); i++)
		journal_put(commit_batch(rehearsal->commit), rehearsal->run->id,
			    &journal->records[i]);
	int code = commit_flush(rehearsal->commit, why);
	if (code != 0)
		return code;
	run_resume(rehearsal->run);
	return judge(rehearsal, journal, is_whole, why);
}

int run_rehearse(struct plan_run *run, struct plan_factory *factory, uint32_t count,
		 struct err_note *why)
{
	struct rehearsal rehearsal = {0};
	struct arena arena;
	struct journal journal;
	arena_init(&arena);
	int code = journal_read(run->engine->options.kv, run->id, &arena, &journal, why);
	if (code == 0 && journal.count > 0)
		code = make_engine(&rehearsal, run->engine, why);
	if (code == 0 && journal.count > 0) {
		make_run(&rehearsal, run, factory);
		code = play(&rehearsal, &journal, count, why);
	}
	free_rehearsal(&rehearsal);
	arena_deinit(&arena);
	return code;
}

int plan_engine_verify(struct plan_engine *engine, const char *run_id, struct err_note *why)
{
	struct plan_run *run = engine_find(engine, run_id);
	struct plan_factory *factory;
	if (!run)
		return err_set(why, ERR_NOT_FOUND, "there is no plan run \"%.100s\"", run_id);
	int code = commit_flush(engine->options.commit, why);
	if (code == 0)
		code = script_factory(engine, run, &factory, why);
	return code == 0 ? run_rehearse(run, factory, 0, why) : code;
}
