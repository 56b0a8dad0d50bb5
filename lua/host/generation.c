#include "lua/host/generation.h"

#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/config/tree.h"
#include "core/plan/plan.h"
#include "core/plan/plan_runner.h"
#include "core/rule/rule.h"
#include "core/rule/rule_runner.h"
#include "lua/bridge/plan_runner_lua.h"
#include "lua/bridge/rule_runner_lua.h"
#include "lua/host/library.h"
#include "lua/host/loader.h"
#include "lua/host/site_scan.h"
#include "lua/host/state.h"

#include <limits.h>
#include <sys/stat.h>

struct loading {
	struct generation *generation;
	const char *const *only;
	uint32_t only_count;
	bool *only_found;
	struct script_limits limits;
	struct arena arena; /**< trees of the file at hand */
};

/* One generation_file in the making. */
struct making {
	struct loading *loading;
	struct generation_file *file;
	const char *script_name;
	size_t source_bytes;
	size_t fault_start; /**< findings before this file */
	bool is_good;
};

static bool is_same_path(const char *a, const char *b)
{
	char real_a[PATH_MAX], real_b[PATH_MAX];

	if (strcmp(a, b) == 0)
		return true;
	return realpath(a, real_a) && realpath(b, real_b) && strcmp(real_a, real_b) == 0;
}

/* FILE may be a path or the name inside the site ("rules/x/1.lua"). */
static bool is_wanted(struct loading *loading, const char *path, const char *script_name)
{
	bool is_found = loading->only == NULL;

	for (uint32_t i = 0; loading->only && i < loading->only_count; i++) {
		if (strcmp(loading->only[i], script_name) != 0 &&
		    !is_same_path(loading->only[i], path))
			continue;
		loading->only_found[i] = true;
		is_found = true;
	}
	return is_found;
}

static struct generation_file *add_file(struct generation *generation, const char *path)
{
	struct generation_file *file;

	generation->files =
		mem_grow(generation->files, generation->file_count + 1, sizeof(*generation->files));
	file = &generation->files[generation->file_count++];
	*file = (struct generation_file){.path = mem_copy_text(path)};
	return file;
}

static void fault(struct making *making, int line, const struct err_note *why)
{
	report_add(&making->loading->generation->report, making->file->path, line, "%s", why->text);
}

static int read_source(struct making *making)
{
	struct generation_file *file = making->file;
	struct err_note why;

	if (loader_read_file(file->path, &file->source, &making->source_bytes, &why) != 0) {
		fault(making, 0, &why);
		return ERR_INVALID;
	}
	script_hash(file->source, making->source_bytes, file->hash);
	return 0;
}

static int run_source(struct making *making, struct loaded *out)
{
	struct loading *loading = making->loading;
	struct err_note why;
	int line = 0, code;

	arena_reset(&loading->arena);
	code = loader_run(out, making->script_name, making->file->source, making->source_bytes,
			  &loading->limits, &loading->arena, &line, &why);
	if (code != 0)
		fault(making, line, &why);
	return code;
}

/* The constructor's name reaches the core as the entry "type". */
static void add_type(struct loading *loading, const struct loaded *loaded)
{
	struct tree *type = tree_new(&loading->arena, TREE_STRING, loaded->root_line);

	type->key = "type";
	type->text = loaded->tag;
	type->text_length = (uint32_t)strlen(loaded->tag);
	tree_add(loaded->tree, type);
}

static void add_rule(struct generation *generation, struct rule *rule)
{
	generation->rules =
		mem_grow(generation->rules, generation->rule_count + 1, sizeof(struct rule *));
	generation->rules[generation->rule_count++] = rule;
}

static void add_plan(struct generation *generation, struct plan *plan)
{
	generation->plans =
		mem_grow(generation->plans, generation->plan_count + 1, sizeof(struct plan *));
	generation->plans[generation->plan_count++] = plan;
}

static const struct tree *function_of(const struct loaded *loaded, const char *name)
{
	const struct tree *entry = tree_get(loaded->tree, name);

	return entry && entry->type == TREE_FUNCTION ? entry : NULL;
}

/* Takes the state out of `loaded` when there is a function to run; its absence in a script is
 * reported by rule_new(). */
static int make_runner(struct making *making, struct loaded *loaded, struct rule_runner **out)
{
	const struct tree *filter = function_of(loaded, "filter");
	const struct tree *function = function_of(loaded, "on_window");
	const struct tree *reading = function_of(loaded, "on_reading");
	struct script_state *state = loaded->state;
	struct err_note why;
	int code;

	*out = NULL;
	if (function == NULL)
		function = reading;
	if (strcmp(loaded->tag, "script") != 0)
		function = NULL;
	if (!function && !filter)
		return 0;
	loaded->state = NULL;
	code = rule_runner_lua_new(out, state, making->file->name, making->file->version, &why);
	if (code != 0)
		fault(making, function ? function->line : filter->line, &why);
	return code;
}

/* Versions come in order: the first one of a name decides its type, here as in versions.c, which
 * knows those whose files are gone, too. */
static bool has_type_of_name(struct making *making, const struct rule *rule, int line)
{
	struct generation *generation = making->loading->generation;
	const struct rule *first = NULL;

	for (uint32_t i = generation->rule_count; i > 0; i--) {
		if (strcmp(generation->rules[i - 1]->name, rule->name) != 0)
			break;
		first = generation->rules[i - 1];
	}
	if (!first || first->type == rule->type)
		return true;
	report_add(&generation->report, making->file->path, line,
		   "%s is of type %s since version %u, and the type of a name cannot change to %s: "
		   "give the new one another name",
		   rule->name, rule_type_name(first->type), first->version,
		   rule_type_name(rule->type));
	return false;
}

static void load_rule(struct making *making)
{
	struct generation *generation = making->loading->generation;
	struct generation_file *file = making->file;
	struct rule_runner *runner;
	struct loaded loaded;
	struct rule *rule;

	if (run_source(making, &loaded) != 0)
		return;
	if (!loaded.tag || rule_type_parse(loaded.tag) < 0) {
		report_add(&generation->report, file->path, loaded.root_line,
			   "a rule file must return rule.count, rule.field, rule.continuous, "
			   "rule.group, rule.baseline or rule.script, found %s; example: local "
			   "rule = require "
			   "\"tocsin.rule\" return rule.count { … }",
			   loaded.tag ? loaded.tag : "a plain table");
		loaded_deinit(&loaded);
		return;
	}
	add_type(making->loading, &loaded);
	if (make_runner(making, &loaded, &runner) == 0) {
		rule = rule_new(loaded.tree, file->name, file->version, file->path, file->hash,
				runner, generation->config, &generation->report);
		making->is_good = rule && has_type_of_name(making, rule, loaded.root_line);
		/* Without a site there is nothing to check names against, nor to run on. */
		if (making->is_good && generation->config)
			add_rule(generation, rule);
		else
			rule_unref(rule);
	}
	loaded_deinit(&loaded);
}

static void load_plan(struct making *making)
{
	struct generation *generation = making->loading->generation;
	struct generation_file *file = making->file;
	struct plan_factory *factory;
	struct loaded loaded;
	struct plan *plan;

	if (run_source(making, &loaded) != 0)
		return;
	loaded_deinit(&loaded);
	if (!loaded.tag || strcmp(loaded.tag, "plan") != 0) {
		report_add(&generation->report, file->path, loaded.root_line,
			   "a plan file must return plan { … }, found %s%s; example: local plan = "
			   "require \"tocsin.plan\" return plan { run = function(ctx) … end }",
			   loaded.tag ? "rule." : "a plain table", loaded.tag ? loaded.tag : "");
		return;
	}
	factory = plan_factory_lua_new(making->script_name, file->source, making->source_bytes,
				       &making->loading->limits);
	plan = plan_new(loaded.tree, file->name, file->version, file->path, file->hash, factory,
			generation->config, &generation->report);
	making->is_good = plan != NULL;
	if (plan && generation->config)
		add_plan(generation, plan);
	else if (plan) /* nothing to run on */
		plan_unref(plan);
	else /* plan_new() takes it on success only */
		factory->ops->free(factory);
}

/* The file's first finding is the reason of its refusal. */
static void judge(struct making *making)
{
	const struct report *report = &making->loading->generation->report;
	struct generation_file *file = making->file;
	const struct finding *first;

	if (making->is_good)
		return;
	file->is_refused = true;
	if (report->count == making->fault_start) { /* the report is full */
		file->reason = mem_copy_text("it has faults");
		return;
	}
	first = &report->findings[making->fault_start];
	file->line = first->line;
	file->reason = mem_copy_text(first->text);
}

static int load_files(struct loading *loading, const char *site_dir, bool is_plan,
		      struct err_note *why)
{
	struct generation *generation = loading->generation;
	struct site_files files = {0};
	int code =
		site_scan(site_dir, is_plan ? "plans" : "rules", &files, &generation->report, why);

	if (code == 0 && !is_plan && files.count > SITE_RULES_MAX)
		code = err_set(why, ERR_FULL, "%s has %u rule files; %d are allowed", site_dir,
			       files.count, SITE_RULES_MAX);
	for (uint32_t i = 0; code == 0 && i < files.count; i++) {
		const struct site_file *item = &files.items[i];
		struct making making = {.loading = loading,
					.script_name = item->script_name,
					.fault_start = generation->report.count};

		if (!is_wanted(loading, item->path, item->script_name))
			continue;
		making.file = add_file(generation, item->path);
		making.file->name = mem_copy_text(item->name);
		making.file->version = item->version;
		making.file->is_plan = is_plan;
		if (read_source(&making) == 0) {
			if (is_plan)
				load_plan(&making);
			else
				load_rule(&making);
		}
		judge(&making);
	}
	site_files_deinit(&files);
	return code;
}

static int load_config(struct loading *loading, const char *site_dir, struct err_note *why)
{
	struct generation *generation = loading->generation;
	char *path = mem_format("%s/tocsin.lua", site_dir);
	struct making making = {.loading = loading, .script_name = "tocsin.lua"};
	struct loaded loaded;
	struct stat info;

	if (stat(path, &info) != 0) {
		int code = err_set(why, ERR_NOT_FOUND,
				   "there is no site in %s: the file %s does not exist", site_dir,
				   path);

		mem_free(path);
		return code;
	}
	is_wanted(loading, path, "tocsin.lua");
	making.file = add_file(generation, path);
	mem_free(path);
	if (read_source(&making) == 0 && run_source(&making, &loaded) == 0) {
		loaded_deinit(&loaded);
		generation->config =
			config_new(loaded.tree, making.file->path, &generation->report);
		making.is_good = generation->config != NULL;
	}
	judge(&making);
	loading->limits = script_limits_of(generation->config);
	return 0;
}

static void report_unknown_files(struct loading *loading, const char *site_dir)
{
	for (uint32_t i = 0; loading->only && i < loading->only_count; i++)
		if (!loading->only_found[i])
			report_add(&loading->generation->report, loading->only[i], 0,
				   "is not a file of the site %s: rules are "
				   "rules/<name>/<version>.lua, plans are "
				   "plans/<name>/<version>.lua",
				   site_dir);
}

int generation_load(struct generation **out, const char *site_dir, const char *const *only,
		    uint32_t only_count, struct err_note *why)
{
	struct loading loading = {
		.only = only, .only_count = only_count, .limits = SCRIPT_LIMITS_DEFAULT};
	int code;

	loading.generation = mem_alloc(sizeof(*loading.generation));
	loading.only_found = mem_alloc_array(only_count + 1, sizeof(bool));
	report_init(&loading.generation->report);
	arena_init(&loading.arena);
	code = load_config(&loading, site_dir, why);
	if (code == 0)
		code = load_files(&loading, site_dir, false, why);
	if (code == 0)
		code = load_files(&loading, site_dir, true, why);
	if (code == 0) {
		report_unknown_files(&loading, site_dir);
		*out = loading.generation;
	} else {
		generation_free(loading.generation);
	}
	arena_deinit(&loading.arena);
	mem_free(loading.only_found);
	return code;
}

void generation_free(struct generation *generation)
{
	if (!generation)
		return;
	for (uint32_t i = 0; i < generation->rule_count; i++)
		rule_unref(generation->rules[i]);
	for (uint32_t i = 0; i < generation->plan_count; i++)
		plan_unref(generation->plans[i]);
	for (uint32_t i = 0; i < generation->file_count; i++) {
		struct generation_file *file = &generation->files[i];

		mem_free(file->path);
		mem_free(file->name);
		mem_free(file->source);
		mem_free(file->reason);
	}
	mem_free(generation->rules);
	mem_free(generation->plans);
	mem_free(generation->files);
	if (generation->config)
		config_unref(generation->config);
	report_deinit(&generation->report);
	mem_free(generation);
}

/* A generation of one version, from its kept source. */
static struct generation *load_kept(const struct kept_script *kept, struct config *config,
				    bool is_plan)
{
	char *path =
		mem_format("%s/%s/%u.lua", is_plan ? "plans" : "rules", kept->name, kept->version);
	struct loading loading = {.limits = script_limits_of(config)};
	struct making making = {.loading = &loading, .script_name = path};

	loading.generation = mem_alloc(sizeof(*loading.generation));
	loading.generation->config = config_ref(config);
	report_init(&loading.generation->report);
	arena_init(&loading.arena);
	making.file = add_file(loading.generation, path);
	making.file->name = mem_copy_text(kept->name);
	making.file->version = kept->version;
	making.file->source = mem_copy_text(kept->source);
	making.source_bytes = strlen(kept->source);
	script_hash(kept->source, making.source_bytes, making.file->hash);
	if (is_plan)
		load_plan(&making);
	else
		load_rule(&making);
	arena_deinit(&loading.arena);
	mem_free(path);
	return loading.generation;
}

static void move_findings(const struct report *from, struct report *to)
{
	for (size_t i = 0; i < from->count; i++)
		report_add(to, from->findings[i].file, from->findings[i].line, "%s",
			   from->findings[i].text);
}

int generation_rule(const struct kept_script *kept, struct config *config, struct rule **out,
		    struct report *report)
{
	struct generation *generation = load_kept(kept, config, false);
	int code = generation->rule_count == 1 ? 0 : ERR_INVALID;

	if (code == 0)
		*out = rule_ref(generation->rules[0]);
	move_findings(&generation->report, report);
	generation_free(generation);
	return code;
}

int generation_plan(const struct kept_script *kept, struct config *config, struct plan **out,
		    struct report *report)
{
	struct generation *generation = load_kept(kept, config, true);
	int code = generation->plan_count == 1 ? 0 : ERR_INVALID;

	if (code == 0)
		*out = plan_ref(generation->plans[0]);
	move_findings(&generation->report, report);
	generation_free(generation);
	return code;
}

int generation_plan_factory(const char *name, uint32_t version, const char *source,
			    const struct config *config, struct plan_factory **out,
			    struct err_note *why)
{
	char *script_name = mem_format("plans/%s/%u.lua", name, version);
	struct script_limits limits = script_limits_of(config);
	struct arena arena;
	struct loaded loaded;
	int line = 0, code;

	arena_init(&arena);
	code = loader_run(&loaded, script_name, source, strlen(source), &limits, &arena, &line,
			  why);
	arena_deinit(&arena);
	if (code == 0) {
		loaded_deinit(&loaded);
		*out = plan_factory_lua_new(script_name, source, strlen(source), &limits);
	} else {
		err_prefix(why, "%s:%d", script_name, line);
	}
	mem_free(script_name);
	return code;
}
