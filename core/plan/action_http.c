#include "core/plan/action_internal.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/loop/http_client.h"
#include "core/plan/plan_json.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", NULL};
/* These frame the request or name the receiver: a script must not set them. */
static const char *const reserved_headers[] = {
	"Host",   "Content-Length", "Transfer-Encoding", "Connection",
	"Expect", "Upgrade",        "Idempotency-Key",   NULL};

static const char *method_of(const json_t *args)
{
	const char *method = json_string_value(json_object_get(args, "method"));
	return method ? method : "GET";
}

static bool is_one_of(const char *text, const char *const *list, bool ignore_case)
{
	for (int i = 0; list[i]; i++) {
		if ((ignore_case ? strcasecmp(text, list[i]) : strcmp(text, list[i])) == 0)
			return true;
	}
	return false;
}

/* The authority of the URL in a form that no two parsers can read differently: letters, digits and
 * `.-:[]` only, so no user part, no escapes. NULL otherwise. */
static const char *find_authority(const char *url, size_t *length)
{
	const char *start = NULL;
	if (strncasecmp(url, "http://", 7) == 0)
		start = url + 7;
	else if (strncasecmp(url, "https://", 8) == 0)
		start = url + 8;
	if (!start)
		return NULL;
	for (const char *c = start; *c; c++) {
		if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f || *c == '\\')
			return NULL;
	}
	*length = strcspn(start, "/?#");
	for (size_t i = 0; i < *length; i++) {
		if (!isalnum((unsigned char)start[i]) && !strchr(".-:[]", start[i]))
			return NULL;
	}
	return *length > 0 ? start : NULL;
}

int action_http_check_url(const char *url, const char *const *allow, uint32_t allow_count,
			  struct err_note *why)
{
	size_t length = 0;
	const char *authority = find_authority(url, &length);
	if (!authority)
		return err_set(why, ERR_INVALID,
			       "http.request: \"%.200s\" is not a plain http or https URL (no user "
			       "part, no spaces)",
			       url);
	size_t host_length = length;
	while (host_length > 0 && isdigit((unsigned char)authority[host_length - 1]))
		host_length--;
	if (host_length == 0 || authority[host_length - 1] != ':' || host_length == length)
		host_length = length;
	else
		host_length--;
	for (uint32_t i = 0; i < allow_count; i++) {
		size_t wanted = strlen(allow[i]);
		bool is_host = wanted == host_length;
		bool is_both = wanted == length;
		if ((is_host || is_both) && strncasecmp(allow[i], authority, wanted) == 0)
			return 0;
	}
	return err_set(why, ERR_DENIED,
		       "http.request: \"%.*s\" is not on the site's http.allow list",
		       (int)(length < 200 ? length : 200), authority);
}

static bool is_header_safe(const char *name, const char *value)
{
	if (name[0] == '\0' || !value || strlen(name) > 128 || strlen(value) > 4096)
		return false;
	for (const char *c = name; *c; c++) {
		if (!isalnum((unsigned char)*c) && !strchr("-_", *c))
			return false;
	}
	for (const char *c = value; *c; c++) {
		if ((unsigned char)*c < ' ' || (unsigned char)*c == 0x7f)
			return false;
	}
	return true;
}

static int check_headers(const json_t *headers, struct err_note *why)
{
	const char *name;
	json_t *value;
	if (!headers)
		return 0;
	if (!json_is_object(headers) || json_object_size(headers) > ACTION_HTTP_HEADERS_MAX)
		return err_set(why, ERR_INVALID,
			       "http.request: headers must be a table of at most %d texts",
			       ACTION_HTTP_HEADERS_MAX);
	json_object_foreach((json_t *)(uintptr_t)headers, name, value)
	{
		if (!is_header_safe(name, json_string_value(value)))
			return err_set(why, ERR_INVALID,
				       "http.request: header \"%.64s\" is not a plain name with a "
				       "text of one line",
				       name);
		if (is_one_of(name, reserved_headers, true))
			return err_set(why, ERR_DENIED,
				       "http.request: header %.64s is set by the engine", name);
	}
	return 0;
}

static int validate(const struct plan_actions *actions, const json_t *args,
		    enum effect *default_effect, struct err_note *why)
{
	static const char *const names[] = {"method", "url", "headers", "body", NULL};
	const struct config *config = actions->config;
	const char *url, *method = method_of(args);
	int code = plan_json_check_names(args, "http.request", names, why);
	if (code == 0)
		code = action_text(args, "http.request", "url", &url, why);
	if (code == 0 && !is_one_of(method, methods, false))
		code = err_set(why, ERR_INVALID,
			       "http.request: method \"%.32s\" is not one of GET, HEAD, POST, PUT, "
			       "PATCH, DELETE",
			       method);
	if (code == 0)
		code = action_http_check_url(url, config ? config->http_allow : NULL,
					     config ? config->http_allow_count : 0, why);
	if (code == 0)
		code = check_headers(json_object_get(args, "headers"), why);
	bool is_read = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
	*default_effect = is_read ? EFFECT_READ : EFFECT_ONCE;
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

static void judge_status(const struct http_result *http, struct plan_action_result *result,
			 struct bytes *error)
{
	int status = http->status;
	if (status >= 200 && status < 300) {
		result->is_ok = true;
		return;
	}
	result->can_retry = status == 408 || status == 425 || status == 429;
	result->can_repeat = status >= 500;
	result->is_absent = status == 404 || status == 410;
	/* A gateway that lost its server does not know what the server did. */
	result->is_unknown = status == 502 || status == 504;
	json_t *body = plan_json_clean(http->body, 300);
	bytes_append_format(error, "HTTP status %d: %s", status, json_string_value(body));
	json_decref(body);
}

static void on_answer(void *arg, const struct http_result *http)
{
	struct plan_action_run *run = arg;
	struct plan_action_result result = {0};
	struct bytes error = BYTES_EMPTY;
	char *json = NULL;
	run->work = NULL;
	/* A reply that is too long (ERR_FULL) was still an answer: its status counts. */
	if (http->code == 0 || (http->code == ERR_FULL && http->status != 0)) {
		judge_status(http, &result, &error);
		if (result.is_ok)
			result.result_json = json = make_result(http);
	} else {
		result.is_unknown = http->was_sent;
		result.can_retry = !http->was_sent;
		bytes_append_text(&error, http->error ? http->error : err_sentence(http->code));
	}
	result.error = result.is_ok ? NULL : error.data;
	plan_action_finish(run, &result);
	bytes_deinit(&error);
	mem_free(json);
}

struct request {
	struct bytes texts[ACTION_HTTP_HEADERS_MAX + 2];
	const char *lines[ACTION_HTTP_HEADERS_MAX + 3];
	int count;
};

static void add_header(struct request *request, const char *name, const char *value)
{
	struct bytes *text = &request->texts[request->count];
	*text = BYTES_EMPTY;
	bytes_append_format(text, "%s: %s", name, value);
	request->lines[request->count++] = text->data;
}

static int start(struct plan_action_run *run, const json_t *args, struct err_note *why)
{
	struct request request = {.count = 0};
	struct bytes body = BYTES_EMPTY;
	const json_t *value = json_object_get(args, "body");
	bool has_type = false;
	const char *name;
	json_t *header;
	add_header(&request, "Idempotency-Key", run->idempotency_key);
	json_object_foreach(json_object_get(args, "headers"), name, header)
	{
		has_type = has_type || strcasecmp(name, "Content-Type") == 0;
		add_header(&request, name, json_string_value(header));
	}
	if (json_is_string(value)) {
		bytes_append(&body, json_string_value(value), json_string_length(value));
	} else if (value) {
		plan_json_append(value, &body);
		if (!has_type)
			add_header(&request, "Content-Type", "application/json");
	}
	struct http_call_options options = {
		.method = method_of(args),
		.url = json_string_value(json_object_get(args, "url")),
		.headers = request.lines,
		.body = bytes_slice(&body),
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
	for (int i = 0; i < request.count; i++)
		bytes_deinit(&request.texts[i]);
	bytes_deinit(&body);
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
	bytes_append_format(out, "%s %.300s", method_of(args), url ? url : "?");
}

const struct plan_action_type action_http = {"http.request", validate, start, cancel, describe};
