#include "core/app/app_internal.h"

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/control/json_text.h"
#include "core/engine/engine.h"
#include "core/plan/plan.h"
#include "core/rule/impact.h"
#include "core/rule/rule.h"
#include "core/rule/versions.h"
#include "lua/host/generation.h"

#include <jansson.h>
#include <string.h>

struct rule **app_active_rules(const struct app *app, struct rule *const *rules, uint32_t count,
			       uint32_t *out_count)
{
	struct rule **active = mem_alloc_array(count + 1, sizeof(struct rule *));
	uint32_t active_count = 0;
	for (uint32_t i = 0; i < count; i++) {
		if (versions_active(app->rule_versions, rules[i]->name) == rules[i]->version)
			active[active_count++] = rules[i];
	}
	*out_count = active_count;
	return active;
}

struct find_firing {
	const char *name;
	int64_t count;
};

static void find_firing(void *arg, const struct engine_rule_status *status)
{
	struct find_firing *find = arg;
	if (strcmp(status->rule->name, find->name) == 0)
		find->count = status->firing_count;
}

static int64_t count_firing(const struct app *app, const char *name)
{
	struct find_firing find = {name, 0};
	engine_each_rule(app->engine, find_firing, &find);
	return find.count;
}

static struct rule *find_name(struct rule *const *rules, uint32_t count, const char *name)
{
	for (uint32_t i = 0; i < count; i++) {
		if (strcmp(rules[i]->name, name) == 0)
			return rules[i];
	}
	return NULL;
}

static void foresee(const struct app *app, const struct impact_scene *scene,
		    const struct rule *from, const struct rule *to, struct impact *out)
{
	impact_compute(from, to, scene, from != NULL ? count_firing(app, from->name) : 0, out);
}

static uint32_t version_of(const struct rule *rule)
{
	return rule != NULL ? rule->version : 0;
}

static void log_impact(const struct impact *impact, const struct rule *from, const struct rule *to)
{
	struct bytes text = BYTES_EMPTY;
	impact_append_text(impact, &text);
	log_info(CONFIG, "rule %s, version %u -> %u: %s", to != NULL ? to->name : from->name,
		 version_of(from), version_of(to), text.data);
	bytes_deinit(&text);
}

static const struct generation_file *find_file(const struct generation *generation,
					       const char *path)
{
	for (uint32_t i = 0; generation != NULL && i < generation->file_count; i++) {
		if (strcmp(generation->files[i].path, path) == 0)
			return &generation->files[i];
	}
	return NULL;
}

static void log_refusal(const struct generation_file *file)
{
	if (file->line > 0)
		log_warn(CONFIG, "%s:%d refused: %s", file->path, file->line, file->reason);
	else
		log_warn(CONFIG, "%s refused: %s", file->path, file->reason);
}

/** As it ran before, or as it was last read (tocsin.lua). */
static bool is_unchanged(const struct app *app, const struct generation_file *file)
{
	if (file->name == NULL) {
		const struct generation_file *old = find_file(app->generation, file->path);
		return old != NULL && !old->is_refused && strcmp(old->hash, file->hash) == 0;
	}
	if (file->is_plan) {
		const struct plan *plan =
			app_find_plan(app->plan_list, app->plan_count, file->name, file->version);
		return plan != NULL && strcmp(plan->hash, file->hash) == 0;
	}
	const struct rule *rule =
		app_find_rule(app->rules, app->rule_count, file->name, file->version);
	return rule != NULL && strcmp(rule->hash, file->hash) == 0;
}

/** The version that the file brings, when it takes over now or at a later time. */
static const struct rule *find_coming(const struct app *app, const struct generation *generation,
				      const struct generation_file *file, int64_t *at_ms)
{
	const struct rule *rule =
		app_find_rule(generation->rules, generation->rule_count, file->name, file->version);
	const struct version_row *row =
		versions_find(app->rule_versions, file->name, file->version);
	if (rule == NULL || row == NULL)
		return NULL;
	*at_ms = row->state == VERSION_PENDING ? row->effective_ms : 0;
	return row->is_active || *at_ms > 0 ? rule : NULL;
}

static void add_impact(const struct app *app, const struct generation *generation,
		       const struct generation_file *file, const struct app_change *change,
		       const struct impact_scene *scene, json_t *answer)
{
	int64_t at_ms = 0;
	struct impact impact;
	const struct rule *from = find_name(change->before, change->before_count, file->name);
	const struct rule *to = find_coming(app, generation, file, &at_ms);
	if (from == NULL || to == NULL)
		return; /* nothing ran, or nothing changes */
	foresee(app, scene, from, to, &impact);
	if (at_ms == 0)
		log_impact(&impact, from, to);
	json_take(answer, "impact", json_impact(&impact, from->version, to->version, at_ms));
}

/** What runs and has no file any more is no file's answer: it gets one of its own. */
static void report_removed(const struct app *app, const struct app_change *change,
			   const struct impact_scene *scene, json_t *list)
{
	for (uint32_t i = 0; i < change->before_count; i++) {
		const struct rule *from = change->before[i];
		struct impact impact;
		if (find_name(change->after, change->after_count, from->name) != NULL)
			continue;
		json_t *answer = json_object();
		json_put_text(answer, "path", from->file);
		json_put_text(answer, "status", "removed");
		json_put_int(answer, "line", 0);
		json_take(answer, "reason", json_null());
		foresee(app, scene, from, NULL, &impact);
		log_impact(&impact, from, NULL);
		json_take(answer, "impact", json_impact(&impact, from->version, 0, 0));
		json_array_append_new(list, answer);
	}
}

static json_t *file_answer(const struct app *app, const struct generation_file *file)
{
	const char *status = "loaded";
	if (file->is_refused)
		status = "refused";
	else if (is_unchanged(app, file))
		status = "unchanged";
	if (file->is_refused)
		log_refusal(file);
	json_t *answer = json_object();
	json_put_text(answer, "path", file->path);
	json_put_text(answer, "status", status);
	json_put_int(answer, "line", file->is_refused ? (uint64_t)file->line : 0);
	json_take(answer, "reason", json_text(file->is_refused ? file->reason : NULL));
	return answer;
}

/** What was found of no file that could be loaded: a wrong name, a folder that cannot be read. */
static bool report_strangers(const struct generation *generation, json_t *list)
{
	bool is_any = false;
	for (size_t i = 0; i < generation->report.count; i++) {
		const struct finding *found = &generation->report.findings[i];
		if (find_file(generation, found->file) != NULL)
			continue;
		is_any = true;
		log_warn(CONFIG, "%s refused: %s", found->file, found->text);
		json_t *answer = json_object();
		json_put_text(answer, "path", found->file);
		json_put_text(answer, "status", "refused");
		json_put_int(answer, "line", 0);
		json_take(answer, "reason", json_text(found->text));
		json_array_append_new(list, answer);
	}
	return is_any;
}

bool app_report_files(const struct app *app, const struct generation *generation,
		      const struct app_change *change, json_t *list)
{
	static const struct app_change nothing = {0};
	struct impact_scene scene;
	bool any_refused = false;
	if (change == NULL)
		change = &nothing;
	impact_scene_open(&scene, generation->config, change->before, change->before_count);
	for (uint32_t i = 0; i < generation->file_count; i++) {
		const struct generation_file *file = &generation->files[i];
		json_t *answer = file_answer(app, file);
		any_refused |= file->is_refused;
		if (!file->is_refused && file->name != NULL && !file->is_plan &&
		    !is_unchanged(app, file))
			add_impact(app, generation, file, change, &scene, answer);
		json_array_append_new(list, answer);
	}
	any_refused |= report_strangers(generation, list);
	report_removed(app, change, &scene, list);
	impact_scene_close(&scene);
	return any_refused;
}

int app_rule_impact(void *arg, const char *name, uint32_t version, json_t **out,
		    struct err_note *why)
{
	struct app *app = arg;
	struct impact_scene scene;
	struct rule *to = NULL;
	uint32_t count;
	if (version > 0) {
		to = app_find_rule(app->rules, app->rule_count, name, version);
		if (to == NULL)
			return err_set(why, ERR_NOT_FOUND,
				       "version %u of %.100s is not loaded: its file is refused or "
				       "gone",
				       version, name);
	}
	struct rule **active = app_active_rules(app, app->rules, app->rule_count, &count);
	const struct rule *from = find_name(active, count, name);
	struct impact impact;
	impact_scene_open(&scene, app->config, active, count);
	foresee(app, &scene, from, to, &impact);
	*out = json_impact(&impact, version_of(from), version_of(to), 0);
	impact_scene_close(&scene);
	mem_free(active);
	return 0;
}

static void add_installed(void *arg, const struct engine_rule_status *status)
{
	struct app_change *change = arg;
	change->before = mem_grow(change->before, change->before_count + 1, sizeof(struct rule *));
	change->before[change->before_count++] = (struct rule *)status->rule;
}

void app_log_changes(const struct app *app)
{
	struct app_change change = {0};
	struct impact_scene scene;
	engine_each_rule(app->engine, add_installed, &change);
	change.after = app_active_rules(app, app->rules, app->rule_count, &change.after_count);
	impact_scene_open(&scene, app->config, change.before, change.before_count);
	for (uint32_t i = 0; i < change.before_count; i++) {
		const struct rule *from = change.before[i];
		const struct rule *to = find_name(change.after, change.after_count, from->name);
		struct impact impact;
		if (version_of(to) == from->version)
			continue;
		foresee(app, &scene, from, to, &impact);
		log_impact(&impact, from, to);
	}
	impact_scene_close(&scene);
	mem_free(change.before);
	mem_free(change.after);
}
