#include "core/control/control_internal.h"

#include "core/base/err.h"
#include "core/control/compare.h"
#include "core/control/control.h"
#include "core/control/json_text.h"
#include "core/rule/rule.h"
#include "core/rule/versions.h"
#include "storage/shadow_log.h"

static json_t *shadow_json(const struct control_target *target, const struct shadow *shadow)
{
	json_t *row = json_object();

	json_put_text(row, "name", shadow->name);
	json_put_int(row, "version", shadow->version);
	json_put_int(row, "active", versions_active(target->rule_versions, shadow->name));
	json_take(row, "since", json_time(shadow->since_ms));
	json_put_text(row, "actor", shadow->actor);
	json_put_int(row, "alerts_active", shadow->next[SHADOW_ACTIVE] - 1);
	json_put_int(row, "alerts_shadow", shadow->next[SHADOW_SHADOW] - 1);
	return row;
}

/** All shadows. */
int verb_shadow_list(const struct verb_call *call, json_t **result, struct err_note *why)
{
	const struct shadow_log *shadows = call->target->shadows;
	json_t *list = json_array();

	(void)why;
	for (uint32_t i = 0; shadows != NULL && i < shadow_log_count(shadows); i++)
		json_array_append_new(list, shadow_json(call->target, shadow_log_at(shadows, i)));
	*result = list;
	return 0;
}

/** Arguments: name, version; without a version the shadow of the rule ends. */
int verb_shadow_set(const struct verb_call *call, json_t **result, struct err_note *why)
{
	const char *name = NULL;
	uint64_t version = 0;
	int code = arg_text(call, "name", true, &name, why);

	if (code == 0)
		code = arg_number(call, "version", false, RULE_VERSION_MAX, &version, why);
	if (code == 0 && call->target->shadow == NULL)
		code = err_set(why, ERR_UNSUPPORTED, "there are no shadows here");
	if (code == 0)
		code = call->target->shadow(call->target->arg, name, (uint32_t)version, call->actor,
					    why);
	return code == 0 ? verb_shadow_list(call, result, why) : code;
}

static void keep_document(void *arg, struct slice document)
{
	json_array_append_new(arg, json_loadb(document.data, document.length, 0, NULL));
}

static void put_version(json_t *document, const char *side, const char *name, uint32_t version)
{
	json_take(document, side, json_sprintf("%s@%u", name, version));
}

/** Arguments: name. As compare.h says it, with the versions' names "a" (active) and "b" (shadow),
 *  since when, and how many alerts of each are gone. */
int verb_shadow_compare(const struct verb_call *call, json_t **result, struct err_note *why)
{
	const struct shadow_log *shadows = call->target->shadows;
	const struct shadow *shadow = NULL;
	json_t *sides[2] = {json_array(), json_array()};
	const char *name = NULL;
	int code = arg_text(call, "name", true, &name, why);

	if (code == 0 && shadows != NULL)
		shadow = shadow_log_find(shadows, name);
	if (code == 0 && shadow == NULL)
		code = err_set(why, ERR_NOT_FOUND, "rule %.100s has no shadow", name);
	for (uint32_t side = 0; code == 0 && side < 2; side++)
		code = shadow_log_each(shadows, name, (enum shadow_side)side, keep_document,
				       sides[side], why);
	if (code == 0) {
		*result = compare_alerts(sides[SHADOW_ACTIVE], sides[SHADOW_SHADOW]);
		put_version(*result, "a", name, versions_active(call->target->rule_versions, name));
		put_version(*result, "b", name, shadow->version);
		json_take(*result, "since", json_time(shadow->since_ms));
		json_put_int(*result, "gone_a", shadow->first[SHADOW_ACTIVE] - 1);
		json_put_int(*result, "gone_b", shadow->first[SHADOW_SHADOW] - 1);
	}
	json_decref(sides[0]);
	json_decref(sides[1]);
	return code;
}
