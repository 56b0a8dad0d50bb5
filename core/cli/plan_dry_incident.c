#include "core/cli/plan_dry_incident.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/number.h"
#include "core/cli/cli.h"
#include "core/cli/remote.h"
#include "core/cli/script_version.h"
#include "core/model/timestamp.h"
#include "core/plan/plan.h"
#include "lua/host/generation.h"
#include "lua/host/loader.h"

#include <stdlib.h>
#include <string.h>

/** The daemon spells times: "opened" there is "opened_ms" in a script. */
static void add_times(json_t *document)
{
	json_t *times = json_object(), *value;
	const char *name;
	json_object_foreach(document, name, value)
	{
		const char *text = json_string_value(value);
		int64_t ms;
		if (!text || !strchr(text, 'T') || timestamp_parse(slice_of(text), &ms) != 0)
			continue;
		char *key = mem_format("%s_ms", name);
		json_object_set_new(times, key, json_integer(ms));
		mem_free(key);
	}
	json_object_update(document, times);
	json_decref(times);
}

static int read_file(const char *path, json_t **out, struct err_note *why)
{
	char *text;
	size_t length;
	json_error_t error;
	int code = loader_read_file(path, &text, &length, why);
	if (code != 0)
		return code;
	*out = json_loadb(text, length, 0, &error);
	mem_free(text);
	if (!*out)
		return err_set(why, ERR_INVALID, "%s:%d: %s", path, error.line, error.text);
	return 0;
}

int plan_dry_incident_read(const char *text, const struct remote *remote, json_t **out,
			   struct err_note *why)
{
	int64_t number;
	int code = 0, told = EXIT_DONE;
	if (number_parse_int(slice_of(text), &number) != 0)
		code = read_file(text, out, why);
	else
		told = remote_call(remote, "incident.show", json_pack("{s:I}", "number", number),
				   out);
	if (told != EXIT_DONE)
		code = told == EXIT_UNREACHABLE ? ERR_CLOSED : ERR_NOT_FOUND;
	if (code != 0)
		return code;
	if (!json_is_object(*out)) {
		json_decref(*out);
		*out = NULL;
		return err_set(why, ERR_INVALID, "%s: an incident is one JSON object", text);
	}
	add_times(*out);
	json_object_del(*out, "timeline");
	if (!json_is_integer(json_object_get(*out, "number")))
		json_object_set_new(*out, "number", json_integer(1));
	return 0;
}

/** The fields of the rule's alerts, each with the value "example". */
static json_t *example_dimension(const char *rule, const char *site_dir)
{
	json_t *dimension = json_object();
	struct generation *generation = NULL;
	struct script_set set = {.kind = SCRIPT_RULE};
	if (!rule || script_set_put(&set, site_dir, rule, NULL) != 0 ||
	    script_set_load(&generation, &set, site_dir, NULL) != 0)
		return dimension;
	for (uint32_t i = 0; i < generation->rules[0]->by_count; i++)
		json_object_set_new(dimension, generation->rules[0]->by[i], json_string("example"));
	generation_free(generation);
	return dimension;
}

json_t *plan_dry_incident_example(const struct plan *plan, const char *site_dir)
{
	json_t *alert = json_object();
	json_object_set_new(alert, "rule", json_string(plan->on_rule ? plan->on_rule : "example"));
	json_object_set_new(alert, "severity",
			    json_string(plan->on_severity ? plan->on_severity : "critical"));
	if (plan->on_category)
		json_object_set_new(alert, "category", json_string(plan->on_category));
	json_object_set_new(alert, "message", json_string("an example"));
	json_object_set_new(alert, "dimension", example_dimension(plan->on_rule, site_dir));
	return alert;
}
