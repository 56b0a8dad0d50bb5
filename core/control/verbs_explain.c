#include "core/control/control_internal.h"

#include "core/base/err.h"
#include "core/control/control.h"
#include "core/control/explain.h"
#include "core/model/timestamp.h"

/** Arguments: rule, key, at (RFC 3339). */
int verb_explain(const struct verb_call *call, json_t **result, struct err_note *why)
{
	const char *rule = NULL, *key = NULL, *at = NULL;
	int64_t at_ms = EXPLAIN_NOW;
	int code = arg_text(call, "rule", true, &rule, why);

	if (code == 0)
		code = arg_text(call, "key", false, &key, why);
	if (code == 0)
		code = arg_text(call, "at", false, &at, why);
	if (code == 0 && at != NULL && timestamp_parse(slice_of(at), &at_ms) != 0)
		code = err_set(why, ERR_INVALID,
			       "\"at\" must be a time like 2026-11-22T06:00:00Z, not \"%.100s\"",
			       at);
	return code == 0 ? explain_rule(call->target->engine, rule, key, at_ms, result, why) : code;
}
