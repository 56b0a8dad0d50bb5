#include "core/control/control.h"

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/require.h"
#include "core/base/short_numbers.h"
#include "core/control/control_internal.h"
#include "core/control/json_text.h"
#include "core/loop/conn.h"
#include "core/loop/loop.h"
#include "storage/commit.h"

#include <jansson.h>
#include <pwd.h>
#include <string.h>

/*
 *  client --line--> request --verb--> (wait until durable) --answer--> client
 *
 *  A request outlives its client: when that is gone, `client` is NULL and the answer is dropped.
 */
struct client {
	struct control *control;
	struct conn *conn;
	struct request *requests; /* unanswered, linked by next */
	char actor[96];
};

struct request {
	struct request *next;
	struct client *client;
	void (*answer)(void *arg, struct slice line);
	void *arg;
	struct control *control;
	json_t *id;
	json_t *result; /* waits for durability */
};

struct control {
	struct control_target target;
	struct listener *listener;
};

static void request_end(struct request *request, json_t *answer)
{
	if (request->id != NULL)
		json_take(answer, "id", json_incref(request->id));
	char *text = json_dumps(answer, JSON_COMPACT);
	struct bytes line = BYTES_EMPTY;
	REQUIRE(text != NULL);
	short_numbers_append(&line, slice_of(text));
	free(text);
	request->answer(request->arg, bytes_slice(&line));
	bytes_deinit(&line);
	json_decref(answer);
	json_decref(request->id);
	mem_free(request);
}

static void request_fail(struct request *request, int code, const struct err_note *why)
{
	json_t *answer = json_object();
	json_take(answer, "ok", json_false());
	json_put_text(answer, "code", err_name(code));
	json_put_text(answer, "error", why->text[0] != '\0' ? why->text : err_sentence(code));
	request_end(request, answer);
}

static void request_succeed(struct request *request, json_t *result)
{
	json_t *answer = json_object();
	json_take(answer, "ok", json_true());
	json_take(answer, "result", result);
	request_end(request, answer);
}

static void on_effect_durable(void *arg)
{
	struct request *request = arg;
	request_succeed(request, request->result);
}

static void on_reloaded(void *arg, const char *files_json, bool any_refused)
{
	json_t *result = json_object();
	json_t *files = json_loads(files_json, JSON_REJECT_DUPLICATES, NULL);
	REQUIRE(files != NULL);
	json_take(result, "files", files);
	json_take(result, "refused", json_boolean(any_refused));
	request_succeed(arg, result);
}

static void request_run(struct request *request, json_t *line, const char *actor)
{
	struct control *control = request->control;
	struct err_note why = {{0}};
	json_t *no_args = json_object();
	json_t *args = json_object_get(line, "args");
	const char *name = json_string_value(json_object_get(line, "verb"));
	const struct verb *verb = name != NULL ? verb_find(name) : NULL;
	struct verb_call call = {&control->target, args != NULL ? args : no_args, actor,
				 loop_wall_ms(control->target.loop)};
	json_t *result = NULL;
	int code = 0;
	if (name == NULL) {
		code = err_set(&why, ERR_INVALID, "the request has no \"verb\" text");
	} else if (!json_is_object(call.args)) {
		code = err_set(&why, ERR_INVALID, "\"args\" must be an object");
	} else if (strcmp(name, "reload") == 0) {
		json_decref(no_args);
		control->target.reload(control->target.arg, on_reloaded, request);
		return;
	} else if (verb == NULL) {
		char *names = verb_names();
		code = err_set(&why, ERR_NOT_FOUND, "there is no verb \"%.60s\"; there are: %s",
			       name, names);
		mem_free(names);
	} else {
		code = verb->run(&call, &result, &why);
	}
	bool is_plan = json_is_true(json_object_get(call.args, "plan"));
	json_decref(no_args);
	if (code != 0) {
		request_fail(request, code, &why);
	} else if (verb->has_effect && !is_plan) {
		log_info(CONTROL, "%s by %s", name, actor);
		request->result = result;
		commit_after(control->target.commit, on_effect_durable, request);
		commit_kick(control->target.commit);
	} else {
		request_succeed(request, result);
	}
}

static void request_start(struct request *request, struct slice text, const char *actor)
{
	json_error_t error;
	struct err_note why = {{0}};
	json_t *line = json_loadb(text.data, text.length, JSON_REJECT_DUPLICATES, &error);
	if (line == NULL || !json_is_object(line)) {
		int code = err_set(&why, ERR_INVALID,
				   "a request is one JSON object a line: column %d: %s",
				   line == NULL ? error.column : 1,
				   line == NULL ? error.text : "this is not an object");
		json_decref(line);
		request_fail(request, code, &why);
		return;
	}
	request->id = json_incref(json_object_get(line, "id"));
	request_run(request, line, actor);
	json_decref(line);
}

void control_handle(struct control *control, struct slice line, const char *actor,
		    void (*answer)(void *arg, struct slice line), void *arg)
{
	struct request *request = mem_alloc(sizeof(*request));
	request->control = control;
	request->answer = answer;
	request->arg = arg;
	request_start(request, line, actor);
}

static void answer_client(void *arg, struct slice line)
{
	struct request *request = arg;
	struct client *client = request->client;
	if (client == NULL)
		return;
	for (struct request **at = &client->requests; *at != NULL; at = &(*at)->next) {
		if (*at == request) {
			*at = request->next;
			break;
		}
	}
	int code = conn_write(client->conn, line);
	if (code == 0)
		code = conn_write(client->conn, SLICE_LITERAL("\n"));
	if (code != 0) {
		log_warn(CONTROL, "%s does not read its answers: closed", client->actor);
		conn_close_after_write(client->conn);
	}
}

static size_t on_client_data(void *arg, struct conn *conn, struct slice data)
{
	struct client *client = arg;
	size_t used = 0;
	const char *end;
	while ((end = memchr(data.data + used, '\n', data.length - used)) != NULL) {
		struct slice line = {data.data + used, (size_t)(end - data.data) - used};
		used += line.length + 1;
		if (line.length == 0)
			continue;
		struct request *request = mem_alloc(sizeof(*request));
		request->control = client->control;
		request->client = client;
		request->answer = answer_client;
		request->arg = request;
		request->next = client->requests;
		client->requests = request;
		request_start(request, line, client->actor);
	}
	if (used == 0 && data.length >= CONTROL_LINE_BYTES_MAX) {
		log_warn(CONTROL, "%s sent a line over %d bytes: closed", client->actor,
			 CONTROL_LINE_BYTES_MAX);
		conn_close_after_write(conn);
		return data.length;
	}
	return used;
}

static void on_client_close(void *arg, struct conn *conn, struct slice rest)
{
	struct client *client = arg;
	(void)conn;
	(void)rest;
	for (struct request *request = client->requests; request != NULL; request = request->next)
		request->client = NULL;
	mem_free(client);
}

static void on_accept(void *arg, struct conn *conn)
{
	static const struct conn_events events = {on_client_data, on_client_close};
	uid_t uid = 0;
	gid_t gid = 0;
	pid_t pid = 0;
	if (conn_peer(conn, &uid, &gid, &pid) != 0) {
		log_warn(CONTROL, "a client without credentials was refused");
		conn_free(conn);
		return;
	}
	struct client *client = mem_alloc(sizeof(*client));
	client->control = arg;
	client->conn = conn;
	char buffer[1024];
	struct passwd entry, *found = NULL;
	getpwuid_r(uid, &entry, buffer, sizeof(buffer), &found);
	snprintf(client->actor, sizeof(client->actor), "uid:%u(%.32s)", (unsigned)uid,
		 found != NULL ? found->pw_name : "?");
	conn_attach(conn, &events, client);
}

int control_new(struct control **out, const struct control_target *target, const char *socket_path,
		struct err_note *why)
{
	struct control *control = mem_alloc(sizeof(*control));
	control->target = *target;
	if (socket_path == NULL) {
		*out = control;
		return 0;
	}
	char *address = mem_format("unix:%s", socket_path);
	struct listener_options options = {
		.address = address,
		.conns_max = CONTROL_CLIENTS_MAX,
		.read_bytes_max = CONTROL_LINE_BYTES_MAX,
		.write_bytes_max = 64 * 1024 * 1024,
		.on_accept = on_accept,
		.arg = control,
	};
	int code = listener_new(&control->listener, target->loop, &options, why);
	mem_free(address);
	if (code != 0) {
		mem_free(control);
		return code;
	}
	*out = control;
	return 0;
}

void control_free(struct control *control)
{
	if (control == NULL)
		return;
	listener_free(control->listener);
	mem_free(control);
}
