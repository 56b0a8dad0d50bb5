#include "core/control/control_internal.h"

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/control/control.h"
#include "core/control/json_text.h"
#include "storage/audit_log.h"

#include <string.h>

enum { ROWS_DEFAULT = 100 };

struct audit_query {
	const char *kind, *name; /* or NULL: any */
	uint64_t limit;
	json_t *rows;
};

static bool matches(const json_t *row, const char *member, const char *wanted)
{
	const char *found = json_string_value(json_object_get(row, member));
	return wanted == NULL || (found != NULL && strcmp(found, wanted) == 0);
}

static bool take_row(void *arg, struct slice text)
{
	struct audit_query *query = arg;
	json_t *row = json_loadb(text.data, text.length, 0, NULL);
	if (row != NULL && matches(row, "kind", query->kind) && matches(row, "name", query->name)) {
		json_spell_times(row);
		json_array_append(query->rows, row);
	}
	json_decref(row);
	return json_array_size(query->rows) < query->limit;
}

int verb_audit_list(const struct verb_call *call, json_t **result, struct err_note *why)
{
	struct audit_query query = {.limit = ROWS_DEFAULT};
	struct audit_counters counters;
	int code = arg_text(call, "kind", false, &query.kind, why);
	if (code == 0)
		code = arg_text(call, "name", false, &query.name, why);
	if (code == 0)
		code = arg_number(call, "limit", false, AUDIT_ROWS_MAX, &query.limit, why);
	if (code == 0 && query.limit == 0)
		code = err_set(why, ERR_INVALID, "argument limit must be at least 1");
	if (code != 0)
		return code;
	query.rows = json_array();
	code = audit_log_each(call->target->audit, take_row, &query, why);
	if (code != 0) {
		json_decref(query.rows);
		return code;
	}
	audit_log_counters(call->target->audit, &counters);
	*result = json_object();
	json_put_int(*result, "added", counters.added);
	json_put_int(*result, "dropped", counters.dropped);
	json_take(*result, "rows", query.rows);
	return 0;
}
