#include "core/app/app_internal.h"

#include "core/app/app.h"
#include "core/app/app_links.h"
#include "core/app/app_news.h"
#include "core/app/app_escalation.h"
#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/control/json_text.h"
#include "core/engine/engine.h"
#include "core/handling/handling.h"
#include "core/loop/loop.h"
#include "core/model/zone.h"
#include "core/outbox/outbox.h"
#include "core/paging/paging.h"
#include "core/plan/action.h"
#include "core/plan/plan.h"
#include "core/plan/plan_engine.h"
#include "core/rule/rule.h"
#include "core/rule/versions.h"
#include "lua/host/generation.h"
#include "storage/commit.h"
#include "storage/shadow_log.h"

#include <jansson.h>
#include <string.h>

/*
 *  A reload in steps; whatever fails before "install" leaves the running generation untouched:
 *
 *      read + compile all files (generation_load)
 *      keep, for every refused file, the good version, made from its kept source
 *      versions: seen files become known versions; an edited active version is refused
 *      install: engine, plans, outbox, sources
 */

/** The rules and plans that are good: of the new generation, and kept ones of refused files. */
struct good_set {
	struct rule **rules;
	uint32_t rule_count;
	struct plan **plans;
	uint32_t plan_count;
};

static void good_add_rule(struct good_set *set, struct rule *rule)
{
	set->rules = mem_grow(set->rules, set->rule_count + 1, sizeof(struct rule *));
	set->rules[set->rule_count++] = rule_ref(rule);
}

static void good_add_plan(struct good_set *set, struct plan *plan)
{
	set->plans = mem_grow(set->plans, set->plan_count + 1, sizeof(struct plan *));
	set->plans[set->plan_count++] = plan_ref(plan);
}

static void good_free(struct good_set *set)
{
	for (uint32_t i = 0; i < set->rule_count; i++)
		rule_unref(set->rules[i]);
	for (uint32_t i = 0; i < set->plan_count; i++)
		plan_unref(set->plans[i]);
	mem_free(set->rules);
	mem_free(set->plans);
	*set = (struct good_set){0};
}

struct rule *app_find_rule(struct rule *const *rules, uint32_t count, const char *name,
			   uint32_t version)
{
	for (uint32_t i = 0; i < count; i++) {
		if (rules[i]->version == version && strcmp(rules[i]->name, name) == 0)
			return rules[i];
	}
	return NULL;
}

struct plan *app_find_plan(struct plan *const *plans, uint32_t count, const char *name,
			   uint32_t version)
{
	for (uint32_t i = 0; i < count; i++) {
		if (plans[i]->version == version && strcmp(plans[i]->name, name) == 0)
			return plans[i];
	}
	return NULL;
}

static void file_refuse(struct generation_file *file, const char *reason)
{
	file->is_refused = true;
	file->line = 1; /* of the whole file; editors and scripts expect file:line */
	mem_free(file->reason);
	file->reason = mem_copy_text(reason);
}

/** The good version of a refused file stays, made anew for the configuration at hand, and its file
 *  counts as present. One that does not fit is left out, but not one that runs: then the
 *  configuration is what is wrong. */
static int keep_rule(struct app *app, struct config *config, const struct generation_file *file,
		     int64_t now_ms, struct good_set *good)
{
	struct rule *loaded = app_find_rule(app->rules, app->rule_count, file->name, file->version);
	struct rule *rule = NULL;
	int code = app_kept_rule(app, config, file->name, file->version, &rule);
	if (code == ERR_INVALID && loaded != NULL &&
	    versions_active(app->rule_versions, file->name) == file->version)
		return code;
	if (code != 0 && code != ERR_INVALID && loaded != NULL)
		rule = rule_ref(loaded); /* its source is not durable yet, or damaged */
	if (rule == NULL)
		return 0;
	good_add_rule(good, rule);
	versions_seen(app->rule_versions, rule->name, rule->version, rule_type_name(rule->type),
		      rule->hash, now_ms, NULL);
	rule_unref(rule);
	return 0;
}

static int keep_plan(struct app *app, struct config *config, const struct generation_file *file,
		     int64_t now_ms, struct good_set *good)
{
	struct plan *loaded =
		app_find_plan(app->plan_list, app->plan_count, file->name, file->version);
	struct plan *plan = NULL;
	int code = app_kept_plan(app, config, file->name, file->version, &plan);
	if (code == ERR_INVALID && loaded != NULL &&
	    versions_active(app->plan_versions, file->name) == file->version)
		return code;
	if (code != 0 && code != ERR_INVALID && loaded != NULL)
		plan = plan_ref(loaded);
	if (plan == NULL)
		return 0;
	good_add_plan(good, plan);
	versions_seen(app->plan_versions, plan->name, plan->version, "plan", plan->hash, now_ms,
		      NULL);
	plan_unref(plan);
	return 0;
}

static int keep_refused(struct app *app, struct config *config, const struct generation_file *file,
			int64_t now_ms, struct good_set *good, struct err_note *why)
{
	int code = file->is_plan ? keep_plan(app, config, file, now_ms, good)
				 : keep_rule(app, config, file, now_ms, good);
	if (code != 0)
		return err_set(why, ERR_CONFLICT,
			       "%s %s@%u runs and does not fit tocsin.lua as it is now: %s",
			       file->is_plan ? "plan" : "rule", file->name, file->version,
			       file->reason);
	return 0;
}

/** Makes one file's version known, or refuses the file. */
static int accept_file(struct app *app, struct generation *generation, struct generation_file *file,
		       int64_t now_ms, struct good_set *good, struct err_note *why)
{
	struct versions *versions = file->is_plan ? app->plan_versions : app->rule_versions;
	struct rule *rule = file->is_plan ? NULL
					  : app_find_rule(generation->rules, generation->rule_count,
							  file->name, file->version);
	struct plan *plan = !file->is_plan
				    ? NULL
				    : app_find_plan(generation->plans, generation->plan_count,
						    file->name, file->version);
	struct err_note conflict = {{0}};
	const char *type = rule != NULL ? rule_type_name(rule->type) : "plan";
	if (!file->is_refused && (rule != NULL || plan != NULL) &&
	    versions_seen_at(versions, file->name, file->version, type, file->hash,
			     rule != NULL ? rule->effective_ms : 0, now_ms, &conflict) != 0)
		file_refuse(file, conflict.text);
	if (file->is_refused)
		return keep_refused(app, generation->config, file, now_ms, good, why);
	if (rule != NULL)
		good_add_rule(good, rule);
	else if (plan != NULL)
		good_add_plan(good, plan);
	if (rule != NULL || plan != NULL)
		app_keep_source(app, versions, file->name, file->version, file->source);
	return 0;
}

static int accept_files(struct app *app, struct generation *generation, struct good_set *good,
			struct err_note *why)
{
	int code = 0;
	int64_t now_ms = loop_wall_ms(app->loop);
	versions_load_begin(app->rule_versions);
	versions_load_begin(app->plan_versions);
	for (uint32_t i = 0; i < generation->file_count && code == 0; i++) {
		if (generation->files[i].name != NULL)
			code = accept_file(app, generation, &generation->files[i], now_ms, good,
					   why);
	}
	versions_load_end(app->rule_versions, now_ms);
	versions_load_end(app->plan_versions, now_ms);
	versions_advance(app->rule_versions, now_ms);
	versions_advance(app->plan_versions, now_ms);
	return code;
}

/** The configuration is in place before rules are installed: installing may resolve alerts. */
static int use_config(struct app *app, struct config *config, struct err_note *why)
{
	struct zone *zone = NULL;
	char *link_secret = NULL;
	int code = config_check_state(config, app->options->state_dir, why);
	if (code == 0)
		code = app_links_read(config, &link_secret, why);
	if (code == 0)
		code = zone_open(&zone, config->timezone, why);
	if (code == 0)
		code = outbox_configure(app->outbox, config, why);
	if (code != 0) {
		zone_free(zone);
		mem_free(link_secret);
		return code;
	}
	app_links_use(app, link_secret);
	zone_free(app->zone);
	app->zone = zone;
	config_ref(config);
	config_unref(app->config);
	app->config = config;
	handling_configure(app->handling, config, zone);
	app_configure_incidents(app, config);
	app_configure_news(app, config);
	paging_configure(app->paging, config);
	app_configure_escalation(app, config);
	return 0;
}

/** Installs the active versions of what is good. On failure nothing changes. */
static int install(struct app *app, const struct good_set *good, struct err_note *why)
{
	struct rule **active =
		mem_alloc_array(good->rule_count + SHADOW_COUNT_MAX + 1, sizeof(struct rule *));
	struct plan **plans = mem_alloc_array(good->plan_count + 1, sizeof(struct plan *));
	uint32_t active_count = 0, plan_count = 0;
	for (uint32_t i = 0; i < good->rule_count; i++) {
		struct rule *rule = good->rules[i];
		if (versions_active(app->rule_versions, rule->name) == rule->version)
			active[active_count++] = rule;
	}
	active_count += app_shadow_rules(app, active + active_count);
	for (uint32_t i = 0; i < good->plan_count; i++) {
		struct plan *plan = good->plans[i];
		if (versions_active(app->plan_versions, plan->name) == plan->version)
			plans[plan_count++] = plan;
	}
	int code = engine_install(app->engine, app->config, active, active_count,
				  loop_mono_ms(app->loop), loop_wall_ms(app->loop), why);
	if (code == 0) {
		plan_engine_install(app->plans, app->config, plans, plan_count);
		plan_actions_configure(app->actions, app->config);
	}
	mem_free(active);
	mem_free(plans);
	return code;
}

static int switch_to(struct app *app, struct config *config, const struct good_set *good,
		     struct err_note *why)
{
	struct config *old = app->config != NULL ? config_ref(app->config) : NULL;
	int code = use_config(app, config, why);
	if (code == 0) {
		code = install(app, good, why);
		if (code != 0 && old != NULL && use_config(app, old, NULL) != 0)
			log_error(CONFIG, "the earlier configuration could not be restored");
	}
	config_unref(old);
	return code;
}

/** What is good becomes the app's own; the references move. */
static void adopt(struct app *app, struct good_set *good)
{
	struct good_set old = {app->rules, app->rule_count, app->plan_list, app->plan_count};
	app->rules = good->rules;
	app->rule_count = good->rule_count;
	app->plan_list = good->plans;
	app->plan_count = good->plan_count;
	*good = (struct good_set){0};
	good_free(&old);
}

struct reload_answer {
	void (*done)(void *done_arg, const char *files_json, bool any_refused);
	void *done_arg;
	char *files_json;
	bool any_refused;
};

static void reload_durable(void *arg)
{
	struct reload_answer *answer = arg;
	answer->done(answer->done_arg, answer->files_json, answer->any_refused);
	free(answer->files_json);
	mem_free(answer);
}

static void reload_end(struct app *app, json_t *list, bool any_refused,
		       void (*done)(void *done_arg, const char *files_json, bool any_refused),
		       void *done_arg)
{
	if (done != NULL) {
		struct reload_answer *answer = mem_alloc(sizeof(*answer));
		answer->done = done;
		answer->done_arg = done_arg;
		answer->files_json = json_dumps(list, JSON_COMPACT);
		answer->any_refused = any_refused;
		commit_after(app->commit, reload_durable, answer);
	}
	json_decref(list);
	commit_kick(app->commit);
}

/** What was found of the files was not put to use: none of them is loaded, or removed. True: the
 *  reason is told with tocsin.lua, which is the first of them. */
static bool refuse_loaded(json_t *list, const char *reason)
{
	bool is_told = false;
	for (size_t i = json_array_size(list); i-- > 0;) {
		json_t *entry = json_array_get(list, i);
		const char *status = json_string_value(json_object_get(entry, "status"));
		const char *path = json_string_value(json_object_get(entry, "path"));
		bool is_site = path != NULL && strcmp(basename(path), "tocsin.lua") == 0;
		if (strcmp(status, "removed") == 0) {
			json_array_remove(list, i);
			continue;
		}
		if (strcmp(status, "loaded") != 0)
			continue;
		json_put_text(entry, "status", "refused");
		json_put_text(entry, "reason", is_site ? reason : "the whole reload was refused");
		json_put_int(entry, "line", 1); /* editors and scripts expect file:line */
		json_object_del(entry, "impact");
		is_told |= is_site;
	}
	return is_told;
}

/** The whole reload refused: an entry that stands for all files, unless tocsin.lua does. */
static void refuse_all(const struct app *app, json_t *list, const char *reason)
{
	log_warn(CONFIG, "the reload of %s was refused: %s", app->options->site_dir, reason);
	if (refuse_loaded(list, reason))
		return;
	json_array_append_new(list, json_pack("{s:o, s:s, s:i, s:o}", "path",
					      json_text(app->options->site_dir), "status",
					      "refused", "line", 0, "reason", json_text(reason)));
}

/** Installs what is good and makes it the app's own; takes the versions' moves back when that
 *  fails. */
static int use_generation(struct app *app, struct generation *generation, json_t *list,
			  bool *any_refused, struct err_note *why)
{
	struct versions_snapshot *rules = versions_snapshot(app->rule_versions);
	struct versions_snapshot *plans = versions_snapshot(app->plan_versions);
	struct good_set good = {0};
	struct app_change change = {0};
	change.before = app_active_rules(app, app->rules, app->rule_count, &change.before_count);
	int code = accept_files(app, generation, &good, why);
	change.after = app_active_rules(app, good.rules, good.rule_count, &change.after_count);
	*any_refused = app_report_files(app, generation, code == 0 ? &change : NULL, list);
	mem_free(change.before);
	mem_free(change.after);
	if (code == 0)
		code = switch_to(app, generation->config, &good, why);
	if (code == 0) {
		adopt(app, &good);
	} else {
		versions_rollback(app->rule_versions, rules);
		versions_rollback(app->plan_versions, plans);
		good_free(&good);
	}
	versions_snapshot_free(rules);
	versions_snapshot_free(plans);
	return code;
}

/** Answers per file into `list`. On failure everything goes on as it was. */
static int load(struct app *app, json_t *list, bool *any_refused, struct err_note *why)
{
	struct generation *generation = NULL;
	int code = generation_load(&generation, app->options->site_dir, NULL, 0, why);
	if (code != 0)
		return code;
	if (generation->config == NULL) {
		app_report_files(app, generation, NULL, list);
		code = err_set(why, ERR_INVALID, "tocsin.lua has faults");
	} else {
		code = use_generation(app, generation, list, any_refused, why);
	}
	if (code != 0) {
		generation_free(generation);
		return code;
	}
	generation_free(app->generation);
	app->generation = generation;
	app->generation_number++;
	app_sweep_sources(app);
	log_info(CONFIG, "generation %llu: %u rule versions, %u plan versions",
		 (unsigned long long)app->generation_number, app->rule_count, app->plan_count);
	return 0;
}

void app_reload(void *arg, void (*done)(void *done_arg, const char *files_json, bool any_refused),
		void *done_arg)
{
	struct app *app = arg;
	json_t *list = json_array();
	struct err_note why = {{0}};
	bool any_refused = false;
	if (load(app, list, &any_refused, &why) != 0) {
		refuse_all(app, list, why.text);
		any_refused = true;
	}
	app_sources_reconcile(app);
	app_advance(app);
	reload_end(app, list, any_refused, done, done_arg);
}

int app_site_open(struct app *app, struct err_note *why)
{
	json_t *list = json_array();
	bool any_refused = false;
	int code = load(app, list, &any_refused, why);
	json_decref(list);
	if (code == ERR_INVALID)
		err_prefix(why, "the site %s cannot be used (\"tocsin check\" lists every fault)",
			   app->options->site_dir);
	return code;
}

void app_site_close(struct app *app)
{
	struct good_set good = {app->rules, app->rule_count, app->plan_list, app->plan_count};
	good_free(&good);
	generation_free(app->generation);
	config_unref(app->config);
	zone_free(app->zone);
}

void app_apply_versions(void *arg)
{
	struct app *app = arg;
	struct good_set good = {app->rules, app->rule_count, app->plan_list, app->plan_count};
	struct err_note why = {{0}};
	versions_advance(app->rule_versions, loop_wall_ms(app->loop));
	versions_advance(app->plan_versions, loop_wall_ms(app->loop));
	app_log_changes(app);
	if (install(app, &good, &why) != 0)
		log_error(CONFIG, "the active versions could not be installed: %s", why.text);
	app_advance(app);
}

/** What runs, or would run: the accepted source when the file is refused or gone. */
char *app_rule_source(void *arg, const char *name, uint32_t version)
{
	struct app *app = arg;
	const char *refused = NULL;
	for (uint32_t i = 0; i < app->generation->file_count; i++) {
		const struct generation_file *file = &app->generation->files[i];
		if (file->name == NULL || file->is_plan || file->version != version ||
		    strcmp(file->name, name) != 0)
			continue;
		if (!file->is_refused)
			return mem_copy_text(file->source);
		refused = file->source;
	}
	char *kept = NULL;
	int code = app_kept_source(app, app->rule_versions, name, version, &kept);
	return code == 0 ? kept : mem_copy_text(refused);
}
