#include "core/app/app_links.h"

#include "core/app/app_internal.h"
#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/secret.h"
#include "core/config/config.h"
#include "core/incident/incident.h"
#include "core/link/link.h"
#include "core/link/link_page.h"
#include "core/loop/http_server.h"
#include "core/loop/loop.h"
#include "core/model/timestamp.h"
#include "core/oncall/person.h"
#include "core/plan/plan_command.h"
#include "core/plan/plan_question.h"
#include "storage/commit.h"

#include <jansson.h>

#include <inttypes.h>
#include <string.h>

enum { CHOICES_MAX = 50 };

struct app_links {
	struct links *used;
	char *secret; /* NULL: the site has no links */
};

static void free_secret(char *secret)
{
	if (secret != NULL)
		explicit_bzero(secret, strlen(secret));
	mem_free(secret);
}

int app_links_open(struct app *app, struct err_note *why)
{
	app->links = mem_alloc(sizeof(*app->links));
	return links_new(&app->links->used, app->kv, app->commit, why);
}

void app_links_close(struct app *app)
{
	if (app->links == NULL)
		return;
	links_free(app->links->used);
	free_secret(app->links->secret);
	mem_free(app->links);
}

int app_links_read(const struct config *config, char **secret, struct err_note *why)
{
	int code = 0;
	*secret = NULL;
	if (config->link_url == NULL)
		return 0;
	code = secret_read(config->link_secret, secret, why);
	if (code == 0 && strlen(*secret) < LINK_SECRET_BYTES_MIN)
		code = err_set(why, ERR_INVALID, "the key has %zu bytes; at least %d are needed",
			       strlen(*secret), LINK_SECRET_BYTES_MIN);
	if (code == 0)
		return 0;
	free_secret(*secret);
	*secret = NULL;
	err_prefix(why, "\"secret\" of links");
	return code;
}

void app_links_use(struct app *app, char *secret)
{
	free_secret(app->links->secret);
	app->links->secret = secret;
}

static bool append_token(const struct app *app, const struct plan_question *question,
			 const char *person, bool is_yes, int64_t expires_ms, struct bytes *out)
{
	struct link_claim claim = {question->run_id, question->step, person, is_yes, expires_ms};
	return app->links->secret != NULL &&
	       link_append_token(app->links->secret, &claim, out, NULL) == 0;
}

bool app_links_append(struct app *app, const struct plan_question *question, const char *person,
		      bool is_yes, struct bytes *out)
{
	int64_t expires_ms = loop_wall_ms(app->loop) + app->config->link_expires_ms;
	struct bytes token = BYTES_EMPTY;
	if (question->expires_ms > 0 && question->expires_ms < expires_ms)
		expires_ms = question->expires_ms;
	bool is_made = append_token(app, question, person, is_yes, expires_ms, &token);
	if (is_made)
		bytes_append_format(out, "%s/link/%s", app->config->link_url, token.data);
	bytes_deinit(&token);
	return is_made;
}

/* ---- pages ---- */

static void reply_page(struct http_request *request, int status, const struct bytes *page)
{
	static const char policy[] = "default-src 'none'; style-src 'unsafe-inline'; "
				     "form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
	/* The address is the key: it must not stay in a cache or go to another site. */
	static const char *const headers[] = {"Cache-Control",
					      "no-store",
					      "Referrer-Policy",
					      "no-referrer",
					      "X-Frame-Options",
					      "DENY",
					      "X-Robots-Tag",
					      "noindex",
					      "Content-Security-Policy",
					      policy,
					      NULL};
	http_reply_with(request, status, "text/html; charset=utf-8", headers, bytes_slice(page));
}

static void reply_notice(struct http_request *request, bool is_zh, int status, const char *title,
			 const char *text)
{
	struct bytes page = BYTES_EMPTY;
	link_append_notice(is_zh, title, text, &page);
	reply_page(request, status, &page);
	bytes_deinit(&page);
}

static int status_of(int code)
{
	switch (code) {
	case ERR_DENIED: return 403;
	case ERR_INVALID: return 422;
	default: return 410;
	}
}

static void reply_refusal(struct http_request *request, bool is_zh, int code, const char *text)
{
	reply_notice(request, is_zh, status_of(code), is_zh ? "无法完成" : "This cannot be done",
		     text);
}

static bool is_zh_person(const struct app *app, const char *id)
{
	const struct oncall_person *person = config_find_person(app->config, id);
	return person != NULL && person->language != NULL && strcmp(person->language, "zh") == 0;
}

struct showing {
	struct app *app;
	struct http_request *request;
	const struct link_read *read;
	bool is_zh;
};

/** Owned texts, as JSON. */
static uint32_t read_choices(const json_t *choices, char *out[CHOICES_MAX])
{
	uint32_t count = 0;
	for (size_t i = 0; i < json_array_size(choices) && count < CHOICES_MAX; i++) {
		char *text = json_dumps(json_array_get(choices, i), JSON_ENCODE_ANY);
		if (text != NULL)
			out[count++] = text;
	}
	return count;
}

static char *describe_incident(const struct app *app, uint64_t number)
{
	const struct incident *incident = incident_find(app->incidents, number);
	if (incident == NULL)
		return NULL;
	return mem_format("#%" PRIu64 " P%u %s: %s", number, incident->priority,
			  incident_state_name(incident->state), incident->title);
}

static void show_question(void *arg, const struct plan_question *question)
{
	struct showing *showing = arg;
	struct app *app = showing->app;
	const struct link_read *read = showing->read;
	char until[TIMESTAMP_TEXT_BYTES_MAX], *choices[CHOICES_MAX];
	struct bytes yes = BYTES_EMPTY, no = BYTES_EMPTY, page = BYTES_EMPTY;
	char *incident = describe_incident(app, question->incident);
	uint32_t count = read_choices(json_object_get(question->args, "choices"), choices);
	timestamp_format(read->expires_ms, until);
	append_token(app, question, read->person, true, read->expires_ms, &yes);
	append_token(app, question, read->person, false, read->expires_ms, &no);
	const struct link_page shown = {
		.is_zh = showing->is_zh,
		.plan = question->plan,
		.question = json_string_value(json_object_get(question->args, "text")),
		.incident = incident,
		.person = read->person,
		.expires = until,
		.choices = (const char *const *)choices,
		.choice_count = count,
		.wants_value = json_object_get(question->args, "schema") != NULL,
		.yes_token = yes.data,
		.no_token = no.data,
		.is_yes_first = read->is_yes,
	};
	link_append_question(&shown, &page);
	reply_page(showing->request, 200, &page);
	for (uint32_t i = 0; i < count; i++)
		free(choices[i]);
	mem_free(incident);
	bytes_deinit(&yes);
	bytes_deinit(&no);
	bytes_deinit(&page);
}

/* ---- answers ---- */

/** An answer is told when it is durable; the client may have left by then. */
struct answering {
	struct http_request *request; /* NULL: gone */
	bool is_zh, is_yes;
};

static void on_gone(void *arg)
{
	struct answering *answering = arg;
	answering->request = NULL;
}

static void on_durable(void *arg)
{
	struct answering *answering = arg;
	static const char *const titles[2][2] = {{"Rejected", "已拒绝"}, {"Approved", "已批准"}};
	if (answering->request != NULL)
		reply_notice(answering->request, answering->is_zh, 200,
			     titles[answering->is_yes][answering->is_zh],
			     answering->is_zh ? "您的回答已记录，此链接不能再次使用。"
					      : "Your answer is recorded. "
						"This link cannot be used again.");
	mem_free(answering);
}

/** JSON as it was written, else the text itself. Owned; NULL: none. */
static char *read_value(struct slice body)
{
	char *text = link_form_value(body, "value");
	json_t *value = NULL;
	if (text == NULL || text[0] == '\0') {
		mem_free(text);
		return NULL;
	}
	value = json_loads(text, JSON_DECODE_ANY, NULL);
	if (value == NULL)
		value = json_string(text);
	mem_free(text);
	char *dumped = value != NULL ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
	char *copy = mem_copy_text(dumped);
	free(dumped);
	json_decref(value);
	return copy;
}

static int answer(struct app *app, struct http_request *request, const struct link_read *read,
		  struct err_note *why)
{
	struct slice body = http_request_body(request);
	char *value = read->is_yes ? read_value(body) : NULL;
	char *reason = link_form_value(body, "reason");
	const struct plan_answer_of given = {
		.is_approved = read->is_yes,
		.value_json = value,
		.actor = read->person,
		.via = "link",
		.reason = reason != NULL && reason[0] != '\0' ? reason : NULL,
	};
	int code = plan_engine_answer_as(app->plans, read->run, read->step, &given, why);
	if (code == 0) {
		links_use(app->links->used, read, loop_wall_ms(app->loop));
		log_info(PLAN, "%s: %s is answered by a link of %s", read->run, read->step,
			 read->person);
	}
	mem_free(value);
	mem_free(reason);
	return code;
}

static void serve_answer(struct app *app, struct http_request *request,
			 const struct link_read *read, bool is_zh)
{
	struct err_note why = {""};
	int code = 0;
	if (http_request_body(request).length > LINK_FORM_BYTES_MAX)
		code = err_set(&why, ERR_INVALID, "the form is too long");
	if (code == 0)
		code = answer(app, request, read, &why);
	if (code != 0) {
		reply_refusal(request, is_zh, code, why.text);
		return;
	}
	struct answering *answering = mem_alloc(sizeof(*answering));
	*answering = (struct answering){request, is_zh, read->is_yes};
	http_request_on_gone(request, on_gone, answering);
	commit_after(app->commit, on_durable, answering);
	commit_kick(app->commit);
}

static void serve_read(struct app *app, struct http_request *request, const struct link_read *read)
{
	const char *method = http_request_method(request);
	bool is_get = strcmp(method, "GET") == 0, is_zh = is_zh_person(app, read->person);
	struct showing showing = {app, request, read, is_zh};
	struct err_note why = {""};
	int code = 0;
	if (!is_get && strcmp(method, "POST") != 0) {
		reply_notice(request, is_zh, 405, "GET, POST", "There are GET and POST.");
		return;
	}
	if (links_is_used(app->links->used, read->id))
		code = err_set(&why, ERR_CONFLICT, "this link has been used");
	if (code == 0 && !is_get) {
		serve_answer(app, request, read, is_zh);
		return;
	}
	if (code == 0)
		code = plan_engine_question(app->plans, read->run, read->step, show_question,
					    &showing, &why);
	if (code != 0)
		reply_refusal(request, is_zh, code, why.text);
}

bool app_links_serve(struct app *app, struct http_request *request, const char *token)
{
	struct link_read read = {0};
	struct err_note why = {""};
	if (app->links->secret == NULL)
		return false;
	int code = link_read_token(app->links->secret, token, loop_wall_ms(app->loop), &read, &why);
	if (code == 0)
		serve_read(app, request, &read);
	else
		reply_refusal(request, false, code, why.text);
	link_read_deinit(&read);
	return true;
}
