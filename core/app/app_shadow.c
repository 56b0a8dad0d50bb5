/* Shadows: versions that run in the engine beside the active ones, under the name "NAME@VERSION",
 * which no folder can have. So they have state, rows and budgets of their own like any rule. */
#include "core/app/app_internal.h"

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/loop/loop.h"
#include "core/model/alert.h"
#include "core/rule/rule.h"
#include "core/rule/versions.h"
#include "storage/audit_log.h"
#include "storage/commit.h"
#include "storage/shadow_log.h"

#include <string.h>

int app_shadow_open(struct app *app, struct err_note *why)
{
	return shadow_log_new(&app->shadows, app->kv, app->commit, why);
}

void app_shadow_close(struct app *app)
{
	for (uint32_t i = 0; i < app->shadow_rule_count; i++)
		rule_unref(app->shadow_rules[i]);
	mem_free(app->shadow_rules);
	config_unref(app->shadow_config);
	shadow_log_free(app->shadows);
}

static bool is_rule_of(const struct rule *rule, const struct shadow *shadow)
{
	size_t length = strlen(shadow->name);

	return rule->version == shadow->version && strncmp(rule->name, shadow->name, length) == 0 &&
	       rule->name[length] == '@';
}

/** The rule as it runs, when it was made for the same site; else made anew. */
static struct rule *make_rule(struct app *app, const struct shadow *shadow)
{
	struct rule *rule = NULL;
	char *name;

	for (uint32_t i = 0; app->config == app->shadow_config && i < app->shadow_rule_count; i++)
		if (is_rule_of(app->shadow_rules[i], shadow))
			return rule_ref(app->shadow_rules[i]);
	if (app_kept_rule(app, app->config, shadow->name, shadow->version, &rule) != 0)
		return NULL;
	name = mem_format("%s@%u", shadow->name, shadow->version);
	rule->name = arena_copy_text(&rule->arena, name);
	mem_free(name);
	return rule;
}

static void add_audit(struct app *app, const struct shadow *shadow, const char *action,
		      const char *actor, const char *reason)
{
	struct audit_entry entry = {
		.time_ms = loop_wall_ms(app->loop),
		.kind = "rule",
		.name = shadow->name,
		.version = shadow->version,
		.action = action,
		.actor = actor,
		.reason = reason,
	};

	audit_log_add(app->audit, &entry);
}

static void stop(struct app *app, const struct shadow *shadow, const char *actor,
		 const char *reason)
{
	char *name = mem_copy_text(shadow->name);

	log_info(RULE, "the shadow %s@%u ends: %s", name, shadow->version, reason);
	add_audit(app, shadow, "shadow_stopped", actor, reason);
	shadow_log_stop(app->shadows, name);
	mem_free(name);
}

void app_shadow_died(struct app *app, const char *rule)
{
	const char *at = strchr(rule, '@');
	char *name = mem_copy_bytes(rule, at != NULL ? (size_t)(at - rule) : 0);
	const struct shadow *shadow = shadow_log_find(app->shadows, name);

	if (shadow != NULL)
		stop(app, shadow, "engine", "the daemon died while it ran");
	mem_free(name);
}

uint32_t app_shadow_rules(struct app *app, struct rule **out)
{
	struct rule **rules = mem_alloc_array(SHADOW_COUNT_MAX, sizeof(struct rule *));
	uint32_t count = 0;

	for (uint32_t i = shadow_log_count(app->shadows); i-- > 0;) {
		const struct shadow *shadow = shadow_log_at(app->shadows, i);
		struct rule *rule;

		if (versions_active(app->rule_versions, shadow->name) == shadow->version) {
			stop(app, shadow, "engine", "this version is the active one now");
			continue;
		}
		rule = make_rule(app, shadow);
		if (rule == NULL)
			stop(app, shadow, "engine", "the version cannot be made any more");
		else
			rules[count++] = rule;
	}
	for (uint32_t i = 0; i < app->shadow_rule_count; i++)
		rule_unref(app->shadow_rules[i]);
	mem_free(app->shadow_rules);
	app->shadow_rules = rules;
	app->shadow_rule_count = count;
	config_ref(app->config);
	config_unref(app->shadow_config);
	app->shadow_config = app->config;
	for (uint32_t i = 0; i < count; i++)
		out[i] = rules[i];
	return count;
}

bool app_is_shadow(const struct rule *rule)
{
	return strchr(rule->name, '@') != NULL;
}

bool app_shadow_on_alert(struct app *app, const struct rule *rule, const struct alert *alert)
{
	const char *at = strchr(rule->name, '@');
	char *name = mem_copy_bytes(rule->name,
				    at != NULL ? (size_t)(at - rule->name) : strlen(rule->name));

	if (shadow_log_find(app->shadows, name) != NULL) {
		struct bytes document = BYTES_EMPTY;
		struct alert plain = *alert;

		plain.rule = name;
		alert_make_id(&plain);
		alert_append_document(&plain, false, app->zone, &document);
		shadow_log_add(app->shadows, name, at != NULL ? SHADOW_SHADOW : SHADOW_ACTIVE,
			       bytes_slice(&document));
		bytes_deinit(&document);
	}
	mem_free(name);
	return at != NULL;
}

static int start(struct app *app, const char *name, uint32_t version, const char *actor,
		 struct err_note *why)
{
	uint32_t active = versions_active(app->rule_versions, name);
	struct rule *rule = NULL;
	int code;

	if (versions_find(app->rule_versions, name, version) == NULL)
		return err_set(why, ERR_NOT_FOUND, "%.100s has no version %u (see rule history)",
			       name, version);
	if (active == 0 || active == version)
		return err_set(why, ERR_CONFLICT,
			       active == 0 ? "no version of %.100s is active: there is nothing to "
					     "compare with"
					   : "this version of %.100s is the active one",
			       name);
	/* Asked before anything changes: does it still fit the site? */
	if (app_kept_rule(app, app->config, name, version, &rule) != 0)
		return err_set(why, ERR_INVALID,
			       "%.100s@%u does not fit the site as it is now (see the log)", name,
			       version);
	rule_unref(rule);
	code = shadow_log_start(app->shadows, name, version, actor, loop_wall_ms(app->loop), why);
	if (code == 0)
		add_audit(app, shadow_log_find(app->shadows, name), "shadow_started", actor, "");
	return code;
}

int app_shadow(void *arg, const char *name, uint32_t version, const char *actor,
	       struct err_note *why)
{
	struct app *app = arg;
	const struct shadow *shadow = shadow_log_find(app->shadows, name);
	int code = 0;

	if (version > 0)
		code = start(app, name, version, actor, why);
	else if (shadow == NULL)
		code = err_set(why, ERR_NOT_FOUND, "rule %.100s has no shadow", name);
	else
		stop(app, shadow, actor, "by hand");
	if (code == 0)
		app_apply_versions(app);
	return code;
}
