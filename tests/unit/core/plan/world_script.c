/* The scripts of the tests: a list of calls for each branch. */
#include "world.h"

#include "core/base/err.h"
#include "core/base/mem.h"

#include <criterion/criterion.h>
#include <jansson.h>

#include <stdio.h>
#include <string.h>

#define SOURCE "-- the script of the test"
#define NEXT   "-- its next version"

enum { LIST_BRANCHES_MAX = 64 };

struct list_branch {
	bool is_used;
	const struct plan_call *next;
	const char *args; /* of the branches it waits for */
};

struct list_runner {
	struct plan_runner base;
	struct world *world;
	bool is_child; /* its answers are not those of the test */
	char params[64];
	struct list_branch branches[LIST_BRANCHES_MAX];
};

static enum plan_progress list_resume(struct plan_runner *base, uint32_t number,
				      const struct plan_answer *answer, struct plan_call *call,
				      char **result, int *code, struct err_note *why)
{
	struct list_runner *runner = (struct list_runner *)base;
	struct list_branch *branch = &runner->branches[number];
	struct world *world = runner->world;
	cr_assert(branch->is_used);
	world->resume_count++;
	if (answer) {
		if (number == 0 && !runner->is_child) {
			cr_assert_lt(world->answer_count, WORLD_ANSWERS_MAX);
			snprintf(world->answers[world->answer_count++], 256, "%s",
				 answer->is_ok ? answer->result_json : answer->error);
		}
		const char *opts = branch->next[-1].opts_json;
		if (!answer->is_ok && !(opts && strstr(opts, "continue"))) {
			*code = ERR_SCRIPT;
			err_set(why, ERR_SCRIPT, "script:1: %s", answer->error);
			return PLAN_RAISED;
		}
	}
	if (!branch->next->id) {
		*result = mem_copy_text(runner->is_child ? runner->params : "null");
		return PLAN_FINISHED;
	}
	*call = *branch->next++;
	if (call->kind == PLAN_CALL_BRANCHES)
		branch->args = call->args_json;
	return PLAN_CALLED;
}

static int list_fork(struct plan_runner *base, uint32_t parent, uint32_t index, uint32_t *out,
		     struct err_note *why)
{
	struct list_runner *runner = (struct list_runner *)base;
	json_t *args = json_loads(runner->branches[parent].args, 0, NULL);
	const char *name = json_string_value(json_array_get(json_object_get(args, "names"), index));
	const struct world_branch *row = runner->world->branches;
	uint32_t number = 1;
	(void)why;
	while (runner->branches[number].is_used)
		number++;
	cr_assert_lt(number, LIST_BRANCHES_MAX);
	while (row->name && (!name || strcmp(row->name, name) != 0))
		row++;
	cr_assert_not_null(row->script);
	runner->branches[number] = (struct list_branch){true, row->script, NULL};
	json_decref(args);
	*out = number;
	return 0;
}

static int list_unwind(struct plan_runner *base, const char *reason, uint32_t *out,
		       struct err_note *why)
{
	struct list_runner *runner = (struct list_runner *)base;
	if (!runner->world->undo)
		return err_set(why, ERR_NOT_FOUND, "the script has not begun");
	cr_assert_not(runner->branches[0].is_used, "the main branch was dropped");
	if (!runner->is_child)
		cr_assert_str_eq(reason, "ann: too hot");
	runner->branches[0] = (struct list_branch){true, runner->world->undo, NULL};
	*out = 0;
	return 0;
}

static void list_drop(struct plan_runner *base, uint32_t number)
{
	struct list_runner *runner = (struct list_runner *)base;
	cr_assert(runner->branches[number].is_used);
	runner->branches[number].is_used = false;
}

static void list_free(struct plan_runner *base)
{
	mem_free(base);
}

static const struct plan_runner_ops list_ops = {list_resume, list_fork, list_unwind, list_drop,
						list_free};

struct list_factory {
	struct plan_factory base;
	struct world *world;
	bool is_next;
};

static int factory_start(struct plan_factory *factory, const char *run_id, const char *params,
			 const char *incident, struct plan_runner **out, struct err_note *why)
{
	const struct list_factory *self = (const struct list_factory *)factory;
	struct world *world = self->world;
	struct list_runner *runner = mem_alloc(sizeof(*runner));
	(void)why;
	cr_assert(strstr(params, "\"limit\":"), "%s", params);
	cr_assert_str_eq(incident, "{\"number\":7}");
	bool is_child = strncmp(run_id, "sub-", 4) == 0;
	*runner = (struct list_runner){.base = {&list_ops}, .world = world, .is_child = is_child};
	snprintf(runner->params, sizeof(runner->params), "%s", params);
	runner->branches[0] = (struct list_branch){true,
						   is_child        ? world->child
						   : self->is_next ? world->next_script
								   : world->script,
						   NULL};
	world->answer_count = is_child ? world->answer_count : 0;
	world->resume_count = is_child ? world->resume_count : 0;
	world->start_count++;
	*out = &runner->base;
	return 0;
}

static const char *factory_source(const struct plan_factory *factory)
{
	return ((const struct list_factory *)factory)->is_next ? NEXT : SOURCE;
}

static void factory_free(struct plan_factory *factory)
{
	mem_free(factory);
}

static const struct plan_factory_ops factory_ops = {factory_start, factory_source, factory_free};

struct plan_factory *world_factory(struct world *world, bool is_next)
{
	struct list_factory *factory = mem_alloc(sizeof(*factory));
	*factory = (struct list_factory){{&factory_ops}, world, is_next};
	return &factory->base;
}

int world_make_factory(void *arg, const char *name, uint32_t version, const char *source,
		       struct plan_factory **out, struct err_note *why)
{
	struct world *world = arg;
	(void)why;
	cr_assert(strcmp(name, "help") == 0 || strcmp(name, "sub") == 0);
	cr_assert(version == 3 || version == 4);
	cr_assert_str_eq(source, version == 3 ? SOURCE : NEXT);
	world->factory_count++;
	*out = world_factory(world, version == 4);
	return 0;
}
