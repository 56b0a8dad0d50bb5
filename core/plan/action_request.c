#include "core/plan/action_request.h"

#include "core/base/err.h"
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

const char *action_request_method(const json_t *args)
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
const char *action_request_authority(const char *url, size_t *length)
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

int action_request_check_url(const char *action, const char *url,
			     const struct action_allowed *allowed, struct err_note *why)
{
	size_t length = 0;
	const char *authority = action_request_authority(url, &length);
	if (!authority)
		return err_set(why, ERR_INVALID,
			       "%s: \"%.200s\" is not a plain http or https URL (no user part, no "
			       "spaces)",
			       action, url);
	size_t host_length = length;
	while (host_length > 0 && isdigit((unsigned char)authority[host_length - 1]))
		host_length--;
	if (host_length == 0 || authority[host_length - 1] != ':' || host_length == length)
		host_length = length;
	else
		host_length--;
	for (uint32_t i = 0; i < allowed->count; i++) {
		size_t wanted = strlen(allowed->hosts[i]);
		bool is_host = wanted == host_length;
		bool is_both = wanted == length;
		if ((is_host || is_both) && strncasecmp(allowed->hosts[i], authority, wanted) == 0)
			return 0;
	}
	return err_set(why, ERR_DENIED, "%s: \"%.*s\" is not on the site's %s list", action,
		       (int)(length < 200 ? length : 200), authority, allowed->list);
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

static int check_headers(const char *action, const json_t *headers, struct err_note *why)
{
	const char *name;
	json_t *value;
	if (!headers)
		return 0;
	if (!json_is_object(headers) || json_object_size(headers) > ACTION_HTTP_HEADERS_MAX)
		return err_set(why, ERR_INVALID, "%s: headers must be a table of at most %d texts",
			       action, ACTION_HTTP_HEADERS_MAX);
	json_object_foreach((json_t *)(uintptr_t)headers, name, value)
	{
		if (!is_header_safe(name, json_string_value(value)))
			return err_set(why, ERR_INVALID,
				       "%s: header \"%.64s\" is not a plain name with a "
				       "text of one line",
				       action, name);
		if (is_one_of(name, reserved_headers, true))
			return err_set(why, ERR_DENIED, "%s: header %.64s is set by the engine",
				       action, name);
	}
	return 0;
}

int action_request_check(const char *action, const json_t *args, struct err_note *why)
{
	const char *method = action_request_method(args);
	if (!is_one_of(method, methods, false))
		return err_set(why, ERR_INVALID,
			       "%s: method \"%.32s\" is not one of GET, HEAD, POST, PUT, PATCH, "
			       "DELETE",
			       action, method);
	return check_headers(action, json_object_get(args, "headers"), why);
}

bool action_request_is_read(const json_t *args)
{
	const char *method = action_request_method(args);
	return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

static void add_header(struct action_request *request, const char *name, const char *value)
{
	struct bytes *text = &request->texts[request->count];
	*text = BYTES_EMPTY;
	bytes_append_format(text, "%s: %s", name, value);
	request->lines[request->count++] = text->data;
}

void action_request_init(struct action_request *request, const json_t *args, const char *tag,
			 const char *key)
{
	const json_t *value = json_object_get(args, "body");
	bool has_type = false;
	const char *name;
	json_t *header;
	*request = (struct action_request){.count = 0};
	add_header(request, tag, key);
	json_object_foreach(json_object_get(args, "headers"), name, header)
	{
		has_type = has_type || strcasecmp(name, "Content-Type") == 0;
		add_header(request, name, json_string_value(header));
	}
	if (json_is_string(value)) {
		bytes_append(&request->body, json_string_value(value), json_string_length(value));
	} else if (value) {
		plan_json_append(value, &request->body);
		if (!has_type)
			add_header(request, "Content-Type", "application/json");
	}
}

void action_request_deinit(struct action_request *request)
{
	for (int i = 0; i < request->count; i++)
		bytes_deinit(&request->texts[i]);
	bytes_deinit(&request->body);
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

void action_request_judge(const struct http_result *http, struct plan_action_result *result,
			  struct bytes *error)
{
	/* A reply that is too long (ERR_FULL) was still an answer: its status counts. */
	if (http->code == 0 || (http->code == ERR_FULL && http->status != 0)) {
		judge_status(http, result, error);
		return;
	}
	result->is_unknown = http->was_sent;
	result->can_retry = !http->was_sent;
	bytes_append_text(error, http->error ? http->error : err_sentence(http->code));
}
