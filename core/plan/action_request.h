/** action_request.h - what the actions that speak HTTP share: arguments checked, a request built,
 *  an answer judged. Messages begin with the name of the action.
 */
#ifndef TOCSIN_CORE_PLAN_ACTION_REQUEST_H
#define TOCSIN_CORE_PLAN_ACTION_REQUEST_H

#include "core/base/bytes.h"
#include "core/plan/action_internal.h"

#include <jansson.h>

#include <stdbool.h>
#include <stdint.h>

struct err_note;
struct http_result;

/** "GET" when the arguments say nothing. */
const char *action_request_method(const json_t *args);
bool action_request_is_read(const json_t *args); /**< GET, HEAD */
/** The members method and headers. ERR_INVALID, ERR_DENIED: a header that the engine sets. */
int action_request_check(const char *action, const json_t *args, struct err_note *why);

/** Where a URL may lead: "host" or "host:port" each. */
struct action_allowed {
	const char *const *hosts;
	uint32_t count;
	const char *list; /**< its name in the site, for messages: "http.allow" */
};
/** An http or https URL whose host is allowed; ERR_INVALID, ERR_DENIED. */
int action_request_check_url(const char *action, const char *url,
			     const struct action_allowed *allowed, struct err_note *why);

/** "host" or "host:port" of a URL that is plain enough for every parser to find the same; it is
 *  not ended. NULL otherwise. */
const char *action_request_authority(const char *url, size_t *length);

struct action_request {
	struct bytes texts[ACTION_HTTP_HEADERS_MAX + 2];
	const char *lines[ACTION_HTTP_HEADERS_MAX + 3]; /**< ends with NULL */
	int count;
	struct bytes body;
};
/** Headers and body of checked arguments; a body that is a table becomes JSON. `tag` is the header
 *  that carries the idempotency key. */
void action_request_init(struct action_request *request, const json_t *args, const char *tag,
			 const char *key);
void action_request_deinit(struct action_request *request);

/** Sets everything of `result` but its texts; the sentence of a failure is appended to `error`. */
void action_request_judge(const struct http_result *http, struct plan_action_result *result,
			  struct bytes *error);

#endif
