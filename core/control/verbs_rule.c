#include "core/control/control_internal.h"

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/control/control.h"
#include "core/control/json_text.h"
#include "core/control/rule_values.h"
#include "core/engine/engine.h"
#include "core/rule/rule.h"
#include "core/rule/versions.h"

#include <string.h>

static void add_version(void *arg, const char *name, const struct version_row *row)
{
	json_t *object = json_object();
	json_put_text(object, "name", name);
	json_put_int(object, "version", row->number);
	json_put_text(object, "type", row->type);
	json_put_text(object, "state",
		      row->is_quarantined ? "quarantined" : version_state_name(row->state));
	json_take(object, "active", json_boolean(row->is_active));
	json_take(object, "missing", json_boolean(row->is_missing));
	json_take(object, "effective", json_time(row->effective_ms));
	json_take(object, "first_seen", json_time(row->first_seen_ms));
	json_take(object, "changed", json_time(row->changed_ms));
	json_put_text(object, "hash", row->hash);
	json_put_text(object, "actor", row->actor);
	json_put_text(object, "reason", row->reason);
	json_array_append_new(arg, object);
}

/** Newest first per name: the active one stands for its rule, else the newest. */
static void add_current(void *arg, const char *name, const struct version_row *row)
{
	json_t *list = arg;
	size_t count = json_array_size(list);
	json_t *last = count > 0 ? json_array_get(list, count - 1) : NULL;
	const char *last_name = last ? json_string_value(json_object_get(last, "name")) : NULL;
	if (last_name == NULL || strcmp(last_name, name) != 0) {
		add_version(list, name, row);
	} else if (row->is_active) {
		json_array_remove(list, count - 1);
		add_version(list, name, row);
	}
}

struct find_status {
	const char *name;
	json_t *object;
};

static void add_live(void *arg, const struct engine_rule_status *status)
{
	struct find_status *find = arg;
	if (strcmp(status->rule->name, find->name) != 0)
		return;
	json_put_text(find->object, "description", status->rule->description);
	json_take(find->object, "evaluated", json_time(status->evaluated_ms));
	json_put_int(find->object, "firing", status->firing_count);
	json_put_int(find->object, "keys", status->key_count);
	json_put_int(find->object, "fired", status->fired_count);
	json_put_int(find->object, "resolved", status->resolved_count);
	json_put_int(find->object, "errors", status->error_count);
	json_put_text(find->object, "last_error", status->last_error);
}

int verb_rule_list(const struct verb_call *call, json_t **result, struct err_note *why)
{
	json_t *list = json_array();
	size_t index;
	json_t *row;
	(void)why;
	versions_each(call->target->rule_versions, NULL, add_current, list);
	json_array_foreach(list, index, row)
	{
		struct find_status find = {json_string_value(json_object_get(row, "name")), row};
		if (json_is_true(json_object_get(row, "active")))
			engine_each_rule(call->target->engine, add_live, &find);
	}
	*result = list;
	return 0;
}

int verb_rule_history(const struct verb_call *call, json_t **result, struct err_note *why)
{
	const char *name = NULL;
	int code = arg_text(call, "name", true, &name, why);
	if (code != 0)
		return code;
	json_t *list = json_array();
	versions_each(call->target->rule_versions, name, add_version, list);
	if (json_array_size(list) == 0) {
		json_decref(list);
		return err_set(why, ERR_NOT_FOUND, "there is no rule \"%s\" (see rule list)", name);
	}
	*result = list;
	return 0;
}

int verb_rule_show(const struct verb_call *call, json_t **result, struct err_note *why)
{
	const char *name = NULL;
	uint64_t number = 0;
	int code = arg_text(call, "name", true, &name, why);
	if (code == 0)
		code = arg_number(call, "version", false, RULE_VERSION_MAX, &number, why);
	json_t *versions = NULL;
	if (code == 0)
		code = verb_rule_history(call, &versions, why);
	if (code != 0)
		return code;
	json_t *object = json_object();
	struct find_status find = {name, object};
	uint32_t active = versions_active(call->target->rule_versions, name);
	json_put_text(object, "name", name);
	json_put_int(object, "active", active);
	engine_each_rule(call->target->engine, add_live, &find);
	rule_values_put(object, call->target->engine, name);
	json_take(object, "versions", versions);
	if (number == 0)
		number = active;
	if (number == 0)
		number = (uint64_t)json_integer_value(
			json_object_get(json_array_get(versions, 0), "version"));
	char *source = call->target->rule_source(call->target->arg, name, (uint32_t)number);
	json_put_int(object, "shown", number);
	json_put_text(object, "source", source);
	mem_free(source);
	*result = object;
	return 0;
}

static int read_source(const struct verb_call *call, const char *name, uint64_t number, char **out,
		       struct err_note *why)
{
	if (versions_find(call->target->rule_versions, name, (uint32_t)number) == NULL)
		return err_set(why, ERR_NOT_FOUND, "%.100s has no version %llu (see rule history)",
			       name, (unsigned long long)number);
	*out = call->target->rule_source(call->target->arg, name, (uint32_t)number);
	if (*out == NULL)
		return err_set(why, ERR_NOT_FOUND,
			       "the source of %.100s@%llu is neither kept nor in its file", name,
			       (unsigned long long)number);
	return 0;
}

static void keep_newest(void *arg, const char *name, const struct version_row *row)
{
	uint64_t *newest = arg;
	(void)name;
	if (row->number > *newest)
		*newest = row->number;
}

/** Both ends left out: from the one that runs (or ran before) to the newest. */
static int choose_ends(const struct verb_call *call, const char *name, uint64_t *from, uint64_t *to,
		       struct err_note *why)
{
	const struct versions *versions = call->target->rule_versions;
	uint64_t newest = 0;
	versions_each(versions, name, keep_newest, &newest);
	if (newest == 0)
		return err_set(why, ERR_NOT_FOUND, "there is no rule \"%s\" (see rule list)", name);
	if (*from == 0)
		*from = versions_active(versions, name);
	if (*to == 0)
		*to = newest;
	if (*from == 0 || *from == *to)
		*from = versions_previous(versions, name);
	if (*from == 0)
		return err_set(why, ERR_NOT_FOUND,
			       "%.100s has no other version to compare version %llu with", name,
			       (unsigned long long)*to);
	return 0;
}

int verb_rule_diff(const struct verb_call *call, json_t **result, struct err_note *why)
{
	const char *name = NULL;
	uint64_t from = 0, to = 0;
	char *from_source = NULL, *to_source = NULL;
	int code = arg_text(call, "name", true, &name, why);
	if (code == 0)
		code = arg_number(call, "from", false, RULE_VERSION_MAX, &from, why);
	if (code == 0)
		code = arg_number(call, "to", false, RULE_VERSION_MAX, &to, why);
	if (code == 0 && (from == 0 || to == 0))
		code = choose_ends(call, name, &from, &to, why);
	if (code == 0)
		code = read_source(call, name, from, &from_source, why);
	if (code == 0)
		code = read_source(call, name, to, &to_source, why);
	if (code == 0) {
		*result = json_object();
		json_put_text(*result, "name", name);
		json_put_int(*result, "from", from);
		json_put_int(*result, "to", to);
		json_put_text(*result, "from_source", from_source);
		json_put_text(*result, "to_source", to_source);
	}
	mem_free(from_source);
	mem_free(to_source);
	return code;
}
