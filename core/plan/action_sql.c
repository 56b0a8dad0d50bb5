/* sql.query: one SELECT on a database that the site names, on a thread of its own. */
#include "core/plan/action_internal.h"

#include "core/base/env.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/config/config_actions.h"
#include "core/loop/workers.h"
#include "core/plan/plan_json.h"
#include "core/plan/sql_sqlite.h"

#include <stdio.h>
#include <string.h>

enum { THREADS = 4, QUERIES_MAX = 64, ROWS_DEFAULT = 100, SQL_BYTES_MAX = 16 * 1024 };

struct work {
	struct plan_action_run *run; /* not read when it was cancelled: it is gone then */
	struct worker_job *job;
	struct sql_query query;
	char *path;
	json_t *args; /* the thread's own copy */
};

static int check_values(const json_t *values, struct err_note *why)
{
	if (!values)
		return 0;
	if (!json_is_array(values) && !(json_is_object(values) && json_object_size(values) == 0))
		return err_set(why, ERR_INVALID,
			       "sql.query: args must be a list of the values for each ?");
	if (json_array_size(values) > SQL_ARGS_MAX)
		return err_set(why, ERR_INVALID, "sql.query: args has more than %d values",
			       SQL_ARGS_MAX);
	for (size_t i = 0; i < json_array_size(values); i++) {
		const json_t *value = json_array_get(values, i);
		if (!json_is_string(value) && !json_is_number(value) && !json_is_boolean(value))
			return err_set(why, ERR_INVALID,
				       "sql.query: value %zu of args is no text, number or boolean",
				       i + 1);
	}
	return 0;
}

static int validate(const struct plan_actions *actions, const json_t *args,
		    enum effect *default_effect, struct err_note *why)
{
	static const char *const names[] = {"database", "sql", "args", "rows", NULL};
	const json_t *rows = json_object_get(args, "rows");
	const char *database, *sql;
	int code = plan_json_check_names(args, "sql.query", names, why);
	if (code == 0)
		code = action_text(args, "sql.query", "database", &database, why);
	if (code == 0)
		code = action_text(args, "sql.query", "sql", &sql, why);
	if (code == 0 && strlen(sql) > SQL_BYTES_MAX)
		code = err_set(why, ERR_INVALID, "sql.query: sql is longer than %d bytes",
			       SQL_BYTES_MAX);
	if (code == 0 && !config_find_database(actions->config, database))
		code = err_set(why, ERR_NOT_FOUND,
			       "sql.query: the site has no database \"%.64s\" (databases in "
			       "tocsin.lua)",
			       database);
	if (code == 0)
		code = check_values(json_object_get(args, "args"), why);
	if (code == 0 && rows &&
	    !(json_is_integer(rows) && json_integer_value(rows) >= 1 &&
	      json_integer_value(rows) <= SQL_ROWS_MAX))
		code = err_set(why, ERR_INVALID,
			       "sql.query: rows must be a whole number from 1 to %d", SQL_ROWS_MAX);
	*default_effect = EFFECT_READ;
	return code;
}

static void free_work(struct work *work)
{
	json_decref(work->query.result);
	json_decref(work->args);
	mem_free(work->path);
	mem_free(work);
}

static void run_query(void *arg)
{
	struct work *work = arg;
	sql_query_run(&work->query);
}

static void stop_query(void *arg)
{
	struct work *work = arg;
	sql_query_stop(&work->query);
}

static void on_query(void *arg, bool is_cancelled)
{
	struct work *work = arg;
	const struct sql_query *query = &work->query;
	struct plan_action_result result = {.is_ok = query->end == SQL_DONE,
					    .can_retry = query->end == SQL_BUSY,
					    .is_unknown = query->end == SQL_LATE,
					    .error = query->why.text};
	char note[32];
	if (is_cancelled) {
		free_work(work);
		return;
	}
	char *text = query->result ? plan_json_text(query->result) : NULL;
	if (text) {
		size_t count = json_array_size(json_object_get(query->result, "rows"));
		snprintf(note, sizeof(note), "%zu row%s", count, count == 1 ? "" : "s");
		result.result_json = text;
		result.note = note;
	}
	work->run->work = NULL;
	plan_action_finish(work->run, &result);
	mem_free(text);
	free_work(work);
}

static int start(struct plan_action_run *run, const json_t *args, struct err_note *why)
{
	static const struct worker_task tasks = {
		.run = run_query, .stop = stop_query, .done = on_query};
	struct plan_actions *actions = run->actions;
	const json_t *rows = json_object_get(args, "rows");
	const char *name = json_string_value(json_object_get(args, "database"));
	struct work *work = mem_alloc(sizeof(*work));
	struct worker_task task = tasks;
	if (!actions->workers)
		actions->workers = workers_new(actions->options.loop, THREADS, QUERIES_MAX);
	work->run = run;
	work->args = json_deep_copy(args);
	work->path = mem_copy_text(config_find_database(actions->config, name)->path);
	work->query.path = work->path;
	work->query.sql = json_string_value(json_object_get(work->args, "sql"));
	work->query.args = json_object_get(work->args, "args");
	work->query.rows_max = rows ? (uint32_t)json_integer_value(rows) : ROWS_DEFAULT;
	work->query.end_ms = env_mono_ms(env_live()) + run->timeout_ms;
	atomic_init(&work->query.is_stopped, false);
	task.arg = work;
	int code = workers_start(&work->job, actions->workers, &task, why);
	if (code != 0)
		free_work(work);
	else
		run->work = work;
	return code;
}

static void cancel(struct plan_action_run *run)
{
	struct work *work = run->work;
	if (work)
		worker_job_cancel(work->job);
}

/* Without the values: they may be of customers. */
static void describe(const json_t *args, struct bytes *out)
{
	const char *database = json_string_value(json_object_get(args, "database"));
	const char *sql = json_string_value(json_object_get(args, "sql"));
	json_t *line = plan_json_clean(slice_of(sql), 200);
	bytes_append_format(out, "sql %s: ", database ? database : "?");
	for (const char *c = json_string_value(line); *c; c++)
		bytes_append_char(out, (unsigned char)*c < ' ' ? ' ' : *c);
	json_decref(line);
}

static int simulate(const struct plan_actions *actions, const json_t *args, json_t **result,
		    struct err_note *why)
{
	(void)actions, (void)args, (void)why;
	*result = json_pack("{s:[], s:[], s:i, s:b}", "columns", "rows", "row_count", 0, "cut", 0);
	return 0;
}

const struct plan_action_type action_sql = {.name = "sql.query",
					    .validate = validate,
					    .start = start,
					    .cancel = cancel,
					    .describe = describe,
					    .simulate = simulate};
