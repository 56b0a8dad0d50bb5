#include "core/control/control_internal.h"

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/base/require.h"
#include "core/control/control.h"
#include "core/control/json_text.h"
#include "core/handling/handling.h"
#include "core/handling/silence.h"
#include "core/model/span.h"
#include "storage/audit_log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { UNTIL_RESOLVED_DAYS = 7 };
#define DAY_MS (24 * 3600 * 1000LL)

static struct silences *silences_of(const struct verb_call *call)
{
	return handling_silences(call->target->handling);
}

static json_t *silence_object(const struct silence *silence, int64_t now_ms)
{
	struct bytes text = BYTES_EMPTY;
	silence_append_json(silence, &text);
	json_t *object = json_loadb(text.data, text.length, 0, NULL);
	bytes_deinit(&text);
	REQUIRE(object != NULL);
	json_spell_times(object);
	json_put_text(object, "state", silence_state(silence, now_ms));
	json_put_int(object, "muted", silence->muted_count);
	return object;
}

/* ---- questions ---- */

struct listing {
	json_t *list;
	bool has_ended; /* also those */
	int64_t now_ms;
};

static void add_silence(void *arg, const struct silence *silence)
{
	struct listing *listing = arg;
	if (listing->has_ended || silence->end_ms > listing->now_ms)
		json_array_append_new(listing->list, silence_object(silence, listing->now_ms));
}

int verb_silence_list(const struct verb_call *call, json_t **result, struct err_note *why)
{
	struct listing listing = {json_array(), json_is_true(json_object_get(call->args, "all")),
				  call->now_ms};
	(void)why;
	silences_each(silences_of(call), add_silence, &listing);
	*result = listing.list;
	return 0;
}

static int find(const struct verb_call *call, const struct silence **out, struct err_note *why)
{
	uint64_t number = 0;
	int code = arg_number(call, "number", true, INT64_MAX, &number, why);
	if (code != 0)
		return code;
	*out = silences_find(silences_of(call), number);
	if (*out == NULL)
		return err_set(why, ERR_NOT_FOUND,
			       "there is no silence %" PRIu64 " (see silence list --all)", number);
	return 0;
}

int verb_silence_show(const struct verb_call *call, json_t **result, struct err_note *why)
{
	const struct silence *silence = NULL;
	int code = find(call, &silence, why);
	if (code == 0)
		*result = silence_object(silence, call->now_ms);
	return code;
}

static void add_open(void *arg, struct slice json)
{
	json_t *open = json_loadb(json.data, json.length, 0, NULL);
	REQUIRE(open != NULL);
	json_spell_times(open);
	json_array_append_new(arg, open);
}

/** What it would match of what is open now: by its number, or by a match that is no silence yet. */
int verb_silence_preview(const struct verb_call *call, json_t **result, struct err_note *why)
{
	const json_t *asked = json_object_get(call->args, "match");
	const struct silence *silence = NULL;
	struct match match = {0};
	struct arena arena;
	int code = 0;
	if (asked == NULL) {
		code = find(call, &silence, why);
		if (code != 0)
			return code;
	}
	char *text = silence != NULL ? NULL : json_dumps(asked, JSON_COMPACT | JSON_ENCODE_ANY);
	arena_init(&arena);
	code = silence_read_match(silence != NULL ? silence->match_json : text, &arena, &match,
				  why);
	if (code == 0 && silence == NULL)
		code = silence_check_match(&match, handling_config(call->target->handling), why);
	if (code == 0) {
		*result = json_array();
		handling_each_open(call->target->handling, &match, add_open, *result);
	}
	match_deinit(&match);
	arena_deinit(&arena);
	free(text);
	return code;
}

/* ---- commands ---- */

static int arg_times(const struct verb_call *call, struct silence_request *request,
		     struct err_note *why)
{
	const char *span = NULL;
	int64_t span_ms = 0;
	int code = arg_text(call, "for", false, &span, why);
	request->start_ms = call->now_ms;
	if (code == 0)
		code = arg_time(call, "start", false, &request->start_ms, why);
	if (code == 0)
		code = arg_time(call, "end", false, &request->end_ms, why);
	if (code == 0 && span != NULL)
		code = span_parse(span, &span_ms, why);
	if (code != 0)
		return code;
	if (span != NULL && request->end_ms != 0)
		return err_set(why, ERR_INVALID, "a silence has an end or a length, not both");
	if (span != NULL && request->until_resolved)
		return err_set(why, ERR_INVALID,
			       "a silence has a length or lasts until resolved, not both");
	if (span != NULL)
		request->end_ms = request->start_ms + span_ms;
	else if (request->end_ms == 0 && request->until_resolved)
		request->end_ms = request->start_ms + UNTIL_RESOLVED_DAYS * DAY_MS;
	else if (request->end_ms == 0)
		return err_set(why, ERR_INVALID,
			       "a silence needs an end: for (\"2h\"), end (a time), or "
			       "until_resolved");
	return 0;
}

static void audit(const struct verb_call *call, const struct silence *silence, const char *action,
		  const char *reason)
{
	char name[32];
	snprintf(name, sizeof(name), "%" PRIu64, silence->number);
	struct audit_entry entry = {.time_ms = call->now_ms,
				    .kind = "silence",
				    .name = name,
				    .action = action,
				    .actor = call->actor,
				    .reason = reason};
	audit_log_add(call->target->audit, &entry);
}

static int add(const struct verb_call *call, const struct silence_request *request, json_t **result,
	       struct err_note *why)
{
	const struct silence *silence = NULL;
	int code = silences_add(silences_of(call), request, call->now_ms, &silence, why);
	if (code != 0)
		return code;
	audit(call, silence, "added", request->reason);
	*result = silence_object(silence, call->now_ms);
	return 0;
}

int verb_silence_add(const struct verb_call *call, json_t **result, struct err_note *why)
{
	const json_t *match = json_object_get(call->args, "match");
	const json_t *when = json_object_get(call->args, "when");
	struct silence_request request = {
		.config = handling_config(call->target->handling),
		.author = call->actor,
		.zone = handling_zone_name(call->target->handling),
		.until_resolved = json_is_true(json_object_get(call->args, "until_resolved")),
	};
	int code = arg_text(call, "reason", true, &request.reason, why);
	if (code == 0)
		code = arg_text(call, "zone", false, &request.zone, why);
	if (code == 0)
		code = arg_times(call, &request, why);
	if (code == 0 && !json_is_object(match))
		code = err_set(why, ERR_INVALID,
			       "argument match must be a table, for example {\"rule\": \"slow\"}");
	if (code != 0)
		return code;
	char *match_text = json_dumps(match, JSON_COMPACT);
	char *when_text = when != NULL ? json_dumps(when, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	request.match_json = match_text;
	request.when_json = when_text;
	code = add(call, &request, result, why);
	free(match_text);
	free(when_text);
	return code;
}

int verb_silence_expire(const struct verb_call *call, json_t **result, struct err_note *why)
{
	const struct silence *silence = NULL;
	const char *reason = "by hand";
	int code = find(call, &silence, why);
	if (code == 0)
		code = arg_text(call, "reason", false, &reason, why);
	if (code == 0)
		code = silences_expire(silences_of(call), silence->number, call->actor, reason,
				       call->now_ms, why);
	if (code != 0)
		return code;
	audit(call, silence, "expired", reason);
	handling_recheck(call->target->handling);
	*result = silence_object(silence, call->now_ms);
	return 0;
}
