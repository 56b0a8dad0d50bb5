/* ticket.create: one ticket for one step, also when the answer was lost on the way: its {key}
 * follows from the step, and where the site says how, the system is asked first whether it has one
 * with that key. */
#include "core/plan/action_internal.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/secret.h"
#include "core/config/config.h"
#include "core/config/config_actions.h"
#include "core/loop/http_client.h"
#include "core/loop/loop.h"
#include "core/plan/action_request.h"
#include "core/plan/fill.h"
#include "core/plan/journal.h"
#include "core/plan/plan_json.h"

#include <string.h>

enum { KEY_BYTES = 48, TITLE_BYTES_MAX = 500, HEADERS_MAX = 14 };

struct work {
	struct plan_action_run *run;
	const struct config_ticket *ticket; /* borrowed from the config, which is held */
	struct config *config;
	json_t *names;
	int64_t end_ms; /* monotonic */
	struct http_call *call;
	char *headers[HEADERS_MAX + 1];
	int header_count;
};

/* ---- what may stand in the site's texts ---- */

static void make_key(const char *idempotency_key, char key[KEY_BYTES])
{
	char hash[33];
	journal_hash(slice_of(idempotency_key), hash);
	snprintf(key, KEY_BYTES, "tocsin-%s", hash);
}

static json_t *make_names(const json_t *args, const char *idempotency_key, uint64_t incident)
{
	const json_t *text = json_object_get(args, "text");
	const char *slash = strchr(idempotency_key, '/');
	json_t *names = json_object();
	char key[KEY_BYTES];
	make_key(idempotency_key, key);
	json_object_update(names, json_object_get(args, "fields"));
	json_object_set(names, "title", json_object_get(args, "title"));
	if (text)
		json_object_set(names, "text", (json_t *)(uintptr_t)text);
	else
		json_object_set_new(names, "text", json_string(""));
	json_object_set_new(names, "key", json_string(key));
	json_object_set_new(names, "incident", json_integer((json_int_t)incident));
	json_object_set_new(names, "run",
			    json_stringn(idempotency_key, slash ? (size_t)(slash - idempotency_key)
								: strlen(idempotency_key)));
	return names;
}

static int check_fields(const json_t *fields, struct err_note *why)
{
	static const char *const own[] = {"title", "text", "key", "incident", "run", "id", NULL};
	const char *name;
	json_t *value;
	if (fields && !json_is_object(fields) && json_array_size(fields) > 0)
		return err_set(why, ERR_INVALID,
			       "ticket.create: fields must be a table with names, like { "
			       "component = \"pay\" }");
	json_object_foreach((json_t *)(uintptr_t)fields, name, value)
	{
		(void)value;
		for (int i = 0; own[i]; i++) {
			if (strcmp(own[i], name) == 0)
				return err_set(why, ERR_INVALID,
					       "ticket.create: fields must not have \"%s\": "
					       "Tocsin sets it",
					       name);
		}
	}
	return 0;
}

/* Each {name} of the site is known for this ticket. */
static int check_names(const struct config_ticket *ticket, const json_t *args, struct err_note *why)
{
	char missing[FILL_NAME_BYTES_MAX];
	json_t *names = make_names(args, "run/step", 0);
	json_t *body = plan_json_parse(ticket->body_json);
	json_t *find = ticket->find ? json_string(ticket->find) : NULL;
	bool is_complete = fill_is_complete(body, names, missing) &&
			   (!find || fill_is_complete(find, names, missing));
	json_decref(find);
	json_decref(body);
	json_decref(names);
	if (is_complete)
		return 0;
	return err_set(why, ERR_INVALID,
		       "ticket.create: tickets of \"%.64s\" have {%s}: give fields = { %s = … }",
		       ticket->name, missing, missing);
}

static int validate(const struct plan_actions *actions, const json_t *args,
		    enum effect *default_effect, struct err_note *why)
{
	static const char *const names[] = {"to", "title", "text", "fields", NULL};
	const json_t *text = json_object_get(args, "text");
	const struct config_ticket *ticket = NULL;
	const char *to, *title;
	int code = plan_json_check_names(args, "ticket.create", names, why);
	if (code == 0)
		code = action_text(args, "ticket.create", "to", &to, why);
	if (code == 0)
		code = action_text(args, "ticket.create", "title", &title, why);
	if (code == 0 && strlen(title) > TITLE_BYTES_MAX)
		code = err_set(why, ERR_INVALID, "ticket.create: title is longer than %d bytes",
			       TITLE_BYTES_MAX);
	if (code == 0 && text && !json_is_string(text))
		code = err_set(why, ERR_INVALID, "ticket.create: text must be a text");
	if (code == 0)
		code = check_fields(json_object_get(args, "fields"), why);
	if (code == 0 && !(ticket = config_find_ticket(actions->config, to)))
		code = err_set(why, ERR_NOT_FOUND,
			       "ticket.create: the site has no ticket system \"%.64s\" (tickets in "
			       "tocsin.lua)",
			       to);
	if (code == 0)
		code = check_names(ticket, args, why);
	*default_effect = ticket && ticket->is_idempotent ? EFFECT_IDEMPOTENT : EFFECT_ONCE;
	return code;
}

/* ---- sending ---- */

static void free_work(struct work *work)
{
	for (int i = 0; i < work->header_count; i++)
		mem_free(work->headers[i]);
	json_decref(work->names);
	config_unref(work->config);
	mem_free(work);
}

static void finish(struct work *work, const struct plan_action_result *result)
{
	struct plan_action_run *run = work->run;
	run->work = NULL;
	free_work(work);
	plan_action_finish(run, result);
}

static int send(struct work *work, bool is_find, struct err_note *why);

static void tell(struct work *work, char *id, bool is_found)
{
	struct bytes link = BYTES_EMPTY, note = BYTES_EMPTY;
	json_t *json = json_object();
	if (id)
		json_object_set_new(json, "id", plan_json_clean(slice_of(id), 200));
	if (id && work->ticket->link) {
		json_object_set(work->names, "id", json_object_get(json, "id"));
		fill_url(work->ticket->link, work->names, &link);
		json_object_set_new(json, "link", plan_json_clean(bytes_slice(&link), 2000));
	}
	json_object_set(json, "key", json_object_get(work->names, "key"));
	json_object_set_new(json, "found", json_boolean(is_found));
	if (id)
		bytes_append_format(&note, "ticket %s%s%.500s",
				    json_string_value(json_object_get(json, "id")),
				    link.length > 0 ? " " : "", link.length > 0 ? link.data : "");
	else
		bytes_append_format(&note, "made, but the answer has nothing at \"%.100s\"",
				    work->ticket->id);
	char *text = plan_json_text(json);
	finish(work,
	       &(struct plan_action_result){.is_ok = true, .result_json = text, .note = note.data});
	mem_free(text);
	json_decref(json);
	bytes_deinit(&note);
	bytes_deinit(&link);
}

/* Owned; NULL: the answer is no JSON, or it was cut. */
static json_t *read_answer(const struct http_result *http)
{
	char *text =
		mem_copy_bytes(http->body.length > 0 ? http->body.data : "", http->body.length);
	json_t *answer = http->code == 0 ? plan_json_parse(text) : NULL;
	mem_free(text);
	return answer;
}

static void on_made(void *arg, const struct http_result *http)
{
	struct work *work = arg;
	struct plan_action_result result = {0};
	struct bytes error = BYTES_EMPTY;
	work->call = NULL;
	action_request_judge(http, &result, &error);
	if (result.is_ok) {
		json_t *answer = read_answer(http);
		char *id = fill_path(answer, work->ticket->id);
		tell(work, id, false);
		mem_free(id);
		json_decref(answer);
	} else {
		result.error = error.data;
		finish(work, &result);
	}
	bytes_deinit(&error);
}

static void on_found(void *arg, const struct http_result *http)
{
	struct work *work = arg;
	struct plan_action_result result = {0};
	struct bytes error = BYTES_EMPTY;
	struct err_note why = {{0}};
	work->call = NULL;
	action_request_judge(http, &result, &error);
	json_t *answer = result.is_ok ? read_answer(http) : NULL;
	char *id = fill_path(answer, work->ticket->find_id);
	if (id) {
		tell(work, id, true);
	} else if (answer || result.is_absent) {
		if (send(work, false, &why) != 0)
			finish(work,
			       &(struct plan_action_result){.can_retry = true, .error = why.text});
	} else {
		/* Only a question was sent. Without its answer another ticket could be made. */
		bytes_append_text(&error, result.is_ok ? "the answer is no JSON" : "");
		bytes_append_text(&error, " (when it was asked whether the ticket is there)");
		finish(work, &(struct plan_action_result){.can_retry = true, .error = error.data});
	}
	json_decref(answer);
	mem_free(id);
	bytes_deinit(&error);
}

static int send(struct work *work, bool is_find, struct err_note *why)
{
	const struct config_ticket *ticket = work->ticket;
	struct plan_action_run *run = work->run;
	struct bytes url = BYTES_EMPTY, body = BYTES_EMPTY;
	json_t *shape = plan_json_parse(ticket->body_json);
	json_t *json = fill_json(shape, work->names);
	int64_t left_ms = work->end_ms - loop_mono_ms(run->actions->options.loop);
	fill_url(is_find ? ticket->find : ticket->url, work->names, &url);
	if (!is_find)
		plan_json_append(json, &body);
	struct http_call_options options = {
		.method = is_find ? "GET" : ticket->method,
		.url = url.data,
		.headers = (const char *const *)work->headers,
		.body = bytes_slice(&body),
		.total_ms = left_ms > 1 ? left_ms : 1,
		.is_sent_once = true,
	};
	int code = http_call_start(&work->call, run->actions->options.client, &options,
				   is_find ? on_found : on_made, work, why);
	json_decref(shape);
	json_decref(json);
	bytes_deinit(&url);
	bytes_deinit(&body);
	return code;
}

static int make_headers(struct work *work, struct err_note *why)
{
	const struct config_ticket *ticket = work->ticket;
	const char *key = json_string_value(json_object_get(work->names, "key"));
	work->headers[work->header_count++] = mem_copy_text("Content-Type: application/json");
	work->headers[work->header_count++] = mem_format("Idempotency-Key: %s", key);
	for (uint32_t i = 0; i < ticket->header_count; i++) {
		char *value;
		int code = secret_read(ticket->headers[i].value, &value, why);
		if (code != 0) {
			err_prefix(why, "header %.64s of ticket system %.64s",
				   ticket->headers[i].name, ticket->name);
			return code;
		}
		work->headers[work->header_count++] =
			mem_format("%s: %s", ticket->headers[i].name, value);
		json_array_append_new(work->run->secrets,
				      plan_json_clean(slice_of(value), SIZE_MAX));
		mem_free(value);
	}
	return 0;
}

static int start(struct plan_action_run *run, const json_t *args, struct err_note *why)
{
	struct plan_actions *actions = run->actions;
	if (!actions->options.client)
		return err_set(why, ERR_UNSUPPORTED, "ticket.create: there is no HTTP client here");
	struct work *work = mem_alloc(sizeof(*work));
	work->run = run;
	work->config = config_ref(actions->config);
	work->ticket =
		config_find_ticket(actions->config, json_string_value(json_object_get(args, "to")));
	work->names = make_names(args, run->idempotency_key, run->incident);
	work->end_ms = loop_mono_ms(actions->options.loop) + run->timeout_ms;
	int code = make_headers(work, why);
	if (code == 0)
		code = send(work, work->ticket->find != NULL, why);
	if (code != 0)
		free_work(work);
	else
		run->work = work;
	return code;
}

static void cancel(struct plan_action_run *run)
{
	struct work *work = run->work;
	if (!work)
		return;
	http_call_cancel(work->call);
	free_work(work);
}

static void describe(const json_t *args, struct bytes *out)
{
	const char *to = json_string_value(json_object_get(args, "to"));
	json_t *title =
		plan_json_clean(slice_of(json_string_value(json_object_get(args, "title"))), 200);
	bytes_append_format(out, "ticket for %s: %s", to ? to : "?", json_string_value(title));
	json_decref(title);
}

static int simulate(const struct plan_actions *actions, const json_t *args, json_t **result,
		    struct err_note *why)
{
	(void)actions, (void)args, (void)why;
	*result = json_pack("{s:s, s:s, s:b}", "id", "DRY-1", "key", "tocsin-dry", "found", 0);
	return 0;
}

const struct plan_action_type action_ticket = {.name = "ticket.create",
					       .validate = validate,
					       .start = start,
					       .cancel = cancel,
					       .describe = describe,
					       .simulate = simulate};
