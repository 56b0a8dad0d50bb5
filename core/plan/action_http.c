#include "core/plan/action_internal.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/loop/http_client.h"
#include "core/plan/action_request.h"
#include "core/plan/plan_json.h"

static int validate(const struct plan_actions *actions, const json_t *args,
		    enum effect *default_effect, struct err_note *why)
{
	static const char *const names[] = {"method", "url", "headers", "body", NULL};
	const struct config *config = actions->config;
	const struct action_allowed allowed = {config ? config->http_allow : NULL,
					       config ? config->http_allow_count : 0, "http.allow"};
	const char *url;
	int code = plan_json_check_names(args, "http.request", names, why);
	if (code == 0)
		code = action_text(args, "http.request", "url", &url, why);
	if (code == 0)
		code = action_request_check("http.request", args, why);
	if (code == 0)
		code = action_request_check_url("http.request", url, &allowed, why);
	*default_effect = action_request_is_read(args) ? EFFECT_READ : EFFECT_ONCE;
	return code;
}

static char *make_result(const struct http_result *http)
{
	json_t *json = json_object();
	json_object_set_new(json, "status", json_integer(http->status));
	json_object_set_new(json, "body", plan_json_clean(http->body, ACTION_REPLY_BYTES_MAX));
	char *text = plan_json_text(json);
	json_decref(json);
	return text;
}

static void on_answer(void *arg, const struct http_result *http)
{
	struct plan_action_run *run = arg;
	struct plan_action_result result = {0};
	struct bytes error = BYTES_EMPTY;
	char *json = NULL;
	run->work = NULL;
	action_request_judge(http, &result, &error);
	if (result.is_ok)
		result.result_json = json = make_result(http);
	result.error = result.is_ok ? NULL : error.data;
	plan_action_finish(run, &result);
	bytes_deinit(&error);
	mem_free(json);
}

static int start(struct plan_action_run *run, const json_t *args, struct err_note *why)
{
	struct action_request request;
	action_request_init(&request, args, "Idempotency-Key", run->idempotency_key);
	struct http_call_options options = {
		.method = action_request_method(args),
		.url = json_string_value(json_object_get(args, "url")),
		.headers = request.lines,
		.body = bytes_slice(&request.body),
		.total_ms = run->timeout_ms,
		.is_sent_once = true, /* each try is journaled: none may happen behind our back */
	};
	struct http_call *call;
	int code = ERR_UNSUPPORTED;
	if (run->actions->options.client)
		code = http_call_start(&call, run->actions->options.client, &options, on_answer,
				       run, why);
	else
		err_set(why, code, "http.request: there is no HTTP client here");
	if (code == 0)
		run->work = call;
	action_request_deinit(&request);
	return code;
}

static void cancel(struct plan_action_run *run)
{
	if (run->work)
		http_call_cancel(run->work);
}

static void describe(const json_t *args, struct bytes *out)
{
	const char *url = json_string_value(json_object_get(args, "url"));
	bytes_append_format(out, "%s %.300s", action_request_method(args), url ? url : "?");
}

static int simulate(const struct plan_actions *actions, const json_t *args, json_t **result,
		    struct err_note *why)
{
	(void)actions;
	(void)args;
	(void)why;
	*result = json_pack("{s:i, s:s}", "status", 200, "body", "");
	return 0;
}

const struct plan_action_type action_http = {.name = "http.request",
					     .validate = validate,
					     .start = start,
					     .cancel = cancel,
					     .describe = describe,
					     .simulate = simulate,
					     .may_send_secrets = true};
