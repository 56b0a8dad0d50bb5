#include "core/plan/step_opts.h"

#include "core/base/err.h"
#include "core/plan/plan_json.h"
#include "core/plan/plan_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FOUND_BYTES_MAX = 80 };

/** What was found, for messages; a long value is cut. */
static void describe(const json_t *json, char out[FOUND_BYTES_MAX])
{
	char *text = json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT);
	snprintf(out, FOUND_BYTES_MAX, "%s", text ? text : "something else");
	free(text);
}

static int read_span(const json_t *map, const char *what, const char *name, int64_t max_ms,
		     int64_t *out, struct err_note *why)
{
	const json_t *json = json_object_get(map, name);
	int64_t ms;
	if (!json)
		return 0;
	if (plan_json_span(json, &ms) != 0 || ms < 1 || ms > max_ms) {
		char found[FOUND_BYTES_MAX];
		describe(json, found);
		return err_set(why, ERR_INVALID,
			       "%s.%s must be a span such as \"10s\", or seconds, up to %lld s, "
			       "found %s",
			       what, name, (long long)(max_ms / 1000), found);
	}
	*out = ms;
	return 0;
}

static int read_number(const json_t *map, const char *name, double min, double max, double *out,
		       struct err_note *why)
{
	const json_t *json = json_object_get(map, name);
	if (!json)
		return 0;
	double number = json_number_value(json);
	if (!json_is_number(json) || !(number >= min && number <= max)) {
		char found[FOUND_BYTES_MAX];
		describe(json, found);
		return err_set(why, ERR_INVALID,
			       "retry.%s must be a number from %g to %g, found %s", name, min, max,
			       found);
	}
	*out = number;
	return 0;
}

static int read_retry(struct step_opts *opts, const json_t *retry, struct err_note *why)
{
	static const char *const names[] = {"max", "first", "factor", "cap", "jitter", NULL};
	double tries = opts->tries_max;
	if (!retry)
		return 0;
	if (!json_is_object(retry))
		return err_set(why, ERR_INVALID,
			       "retry must be a table such as { max = 3, first = \"1s\" }");
	int code = plan_json_check_names(retry, "retry", names, why);
	if (code == 0)
		code = read_number(retry, "max", 1, STEP_TRIES_MAX, &tries, why);
	if (code == 0)
		code = read_number(retry, "factor", 1, 100, &opts->factor, why);
	if (code == 0)
		code = read_span(retry, "retry", "first", STEP_TIMEOUT_MAX_MS, &opts->first_ms,
				 why);
	if (code == 0)
		code = read_span(retry, "retry", "cap", STEP_TIMEOUT_MAX_MS, &opts->cap_ms, why);
	const json_t *jitter = json_object_get(retry, "jitter");
	if (json_is_boolean(jitter))
		opts->jitter = json_is_true(jitter) ? 1 : 0;
	else if (code == 0)
		code = read_number(retry, "jitter", 0, 1, &opts->jitter, why);
	opts->tries_max = (uint32_t)tries;
	return code;
}

/* A probe makes the effect one that can be asked for. */
static int read_probe(struct step_opts *opts, const json_t *probe, bool is_declared,
		      struct err_note *why)
{
	static const char *const names[] = {"action", "args", "want", NULL};
	if (!probe && opts->effect != EFFECT_PROBE)
		return 0;
	if (probe && !is_declared)
		opts->effect = EFFECT_PROBE;
	if (opts->effect != EFFECT_PROBE)
		return err_set(why, ERR_INVALID,
			       "opts.probe goes with effect = \"probe\", not with \"%s\"",
			       effect_name(opts->effect));
	const json_t *args = json_object_get(probe, "args");
	const json_t *want = json_object_get(probe, "want");
	if (!json_is_string(json_object_get(probe, "action")) || (args && !json_is_object(args)) ||
	    (want && !json_is_object(want)))
		return err_set(why, ERR_INVALID,
			       "effect \"probe\" needs opts.probe = { action = \"http.request\", "
			       "args = { … }, want = { … } }");
	return plan_json_check_names(probe, "opts.probe", names, why);
}

static int read_on_fail(struct step_opts *opts, const json_t *on_fail, struct err_note *why)
{
	const char *text = json_string_value(on_fail);
	opts->waits = text && strcmp(text, "wait") == 0;
	if (!on_fail || opts->waits ||
	    (text && (strcmp(text, "continue") == 0 || strcmp(text, "raise") == 0)))
		return 0;
	char found[FOUND_BYTES_MAX];
	describe(on_fail, found);
	return err_set(why, ERR_INVALID,
		       "opts.on_fail must be \"raise\", \"continue\" or \"wait\", found %s", found);
}

char *step_opts_probe(const char *opts_json)
{
	json_t *opts = plan_json_parse(opts_json ? opts_json : "{}");
	const json_t *probe = json_object_get(opts, "probe");
	char *text = probe ? plan_json_text(probe) : NULL;
	json_decref(opts);
	return text;
}

int step_opts_read(struct step_opts *out, const char *opts_json, enum effect effect,
		   struct err_note *why)
{
	static const char *const names[] = {"effect", "timeout", "deadline", "retry",
					    "probe",  "on_fail", "undo",     NULL};
	struct step_opts opts = {.effect = effect,
				 .timeout_ms = STEP_TIMEOUT_DEFAULT_MS,
				 .first_ms = STEP_RETRY_FIRST_MS,
				 .cap_ms = STEP_RETRY_CAP_MS,
				 .factor = 2,
				 .jitter = 1};
	json_t *json = plan_json_parse(opts_json ? opts_json : "{}");
	int code = 0;
	if (!json_is_object(json)) {
		code = err_set(why, ERR_INVALID, "the opts of a step must be a table");
		goto out;
	}
	code = plan_json_check_names(json, "opts", names, why);
	const json_t *declared = json_object_get(json, "effect");
	int parsed = effect_parse(json_string_value(declared));
	if (code == 0 && declared && parsed < 0)
		code = err_set(why, ERR_INVALID,
			       "effect must be \"read\", \"idempotent\", \"probe\" or \"once\", "
			       "found "
			       "%.40s",
			       json_is_string(declared) ? json_string_value(declared)
							: "no string");
	if (declared && parsed >= 0)
		opts.effect = (enum effect)parsed;
	if (code == 0)
		code = read_probe(&opts, json_object_get(json, "probe"), declared != NULL, why);
	opts.tries_max = opts.effect == EFFECT_ONCE ? 1 : STEP_TRIES_DEFAULT;
	if (code == 0)
		code = read_span(json, "opts", "timeout", STEP_TIMEOUT_MAX_MS, &opts.timeout_ms,
				 why);
	if (code == 0)
		code = read_span(json, "opts", "deadline", 366LL * 86400 * 1000, &opts.deadline_ms,
				 why);
	if (code == 0)
		code = read_retry(&opts, json_object_get(json, "retry"), why);
	if (code == 0)
		code = read_on_fail(&opts, json_object_get(json, "on_fail"), why);
	if (code == 0)
		*out = opts;
out:
	json_decref(json);
	return code;
}

int64_t step_opts_delay(const struct step_opts *opts, uint32_t failure_count, double random)
{
	double delay = (double)opts->first_ms;
	for (uint32_t i = 1; i < failure_count && delay < (double)opts->cap_ms; i++)
		delay *= opts->factor;
	if (delay > (double)opts->cap_ms)
		delay = (double)opts->cap_ms;
	return (int64_t)(delay * (1 - opts->jitter) + delay * opts->jitter * random);
}
