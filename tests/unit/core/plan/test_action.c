#include "core/plan/action.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/loop/http_client.h"
#include "core/loop/http_server.h"
#include "core/loop/loop.h"
#include "core/outbox/outbox.h"
#include "core/plan/action_internal.h"
#include "core/plan/action_request.h"
#include "storage/commit.h"
#include "storage/keyspace.h"
#include "storage/kv.h"
#include "tests/support/run_loop.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

struct url_case {
	const char *url;
	int code;
};

Test(action, url_must_be_plain_and_its_host_on_the_list)
{
	static const char *const allow[] = {"pay.example", "127.0.0.1:8080", "[::1]:81"};
	static const struct url_case cases[] = {
		{"http://pay.example", 0},
		{"https://PAY.example:9/x?y#z", 0},
		{"http://pay.example/@evil.example/", 0},
		{"http://127.0.0.1:8080/", 0},
		{"http://[::1]:81/", 0},
		{"http://127.0.0.1/", ERR_DENIED},
		{"http://127.0.0.1:80801/", ERR_DENIED},
		{"http://[::1]:82/", ERR_DENIED},
		{"http://evil.example/", ERR_DENIED},
		{"http://pay.example.evil.example/", ERR_DENIED},
		{"http://xpay.example/", ERR_DENIED},
		{"http://pay.example:", ERR_DENIED},
		{"http://pay.example@evil.example/", ERR_INVALID},
		{"http://evil.example\\@pay.example/", ERR_INVALID},
		{"http://pay.example%2eevil.example/", ERR_INVALID},
		{"http://pay.example/ x", ERR_INVALID},
		{"http://pay.example/\r\nHost: x", ERR_INVALID},
		{"http:///x", ERR_INVALID},
		{"ftp://pay.example/", ERR_INVALID},
		{"file:///etc/passwd", ERR_INVALID},
		{"//pay.example/", ERR_INVALID},
		{"", ERR_INVALID},
	};
	const struct action_allowed three = {allow, 3, "http.allow"},
				    none = {NULL, 0, "http.allow"};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_eq(action_request_check_url("x", cases[i].url, &three, NULL),
			     cases[i].code, "%s", cases[i].url);
	cr_expect_eq(action_request_check_url("x", "http://pay.example/", &none, NULL), ERR_DENIED);
}

struct world {
	struct loop *loop;
	struct http_server *server;
	struct http_client *client;
	struct kv *kv;
	struct commit *commit;
	struct outbox *outbox;
	struct plan_actions *actions;
	struct config config;
	struct config_output output;
	const char *exec_allow[1];
	const char *http_allow[1];
	char request[512];
	int reply_status; /* 0: no answer */
	bool is_done;
	struct plan_action_result result;
	char json[1024];
	char error[512];
};

static void on_request(void *arg, struct http_request *request)
{
	struct world *world = arg;
	const char *key = http_request_header(request, "Idempotency-Key");
	const char *type = http_request_header(request, "Content-Type");
	struct slice body = http_request_body(request);
	snprintf(world->request, sizeof(world->request), "%s %s key=%s type=%s body=%.*s",
		 http_request_method(request), http_request_path(request), key ? key : "",
		 type ? type : "", (int)body.length, body.length > 0 ? body.data : "");
	if (world->reply_status != 0)
		http_reply(request, world->reply_status, "text/plain",
			   SLICE_LITERAL("got it \xff"));
}

static void open_world(struct world *world)
{
	struct err_note why = {{0}};
	memset(world, 0, sizeof(*world));
	world->loop = run_loop_new();
	struct http_server_options server = {
		.address = "127.0.0.1:0", .on_request = on_request, .arg = world};
	cr_assert_eq(http_server_new(&world->server, world->loop, &server, &why), 0, "%s",
		     why.text);
	cr_assert_eq(http_client_new(&world->client, world->loop, &why), 0);
	world->kv = kv_memory_new();
	struct commit_options commit = {0};
	cr_assert_eq(commit_new(&world->commit, world->kv, &commit, &why), 0);
	struct outbox_options outbox = {.kv = world->kv,
					.commit = world->commit,
					.loop = world->loop,
					.state_dir = "/nonexistent"};
	cr_assert_eq(outbox_new(&world->outbox, &outbox, &why), 0);
	world->output = (struct config_output){.name = "ops", .kind = OUTPUT_FILE, .text = "ops"};
	world->exec_allow[0] = "/bin/sh";
	world->http_allow[0] = "127.0.0.1";
	world->config = (struct config){.reference_count = 1,
					.outputs = &world->output,
					.output_count = 1,
					.exec_allow = world->exec_allow,
					.exec_allow_count = 1,
					.http_allow = world->http_allow,
					.http_allow_count = 1};
	cr_assert_eq(outbox_configure(world->outbox, &world->config, &why), 0, "%s", why.text);
	struct plan_actions_options options = {
		.loop = world->loop, .client = world->client, .outbox = world->outbox};
	world->actions = plan_actions_new(&options);
	plan_actions_configure(world->actions, &world->config);
	world->reply_status = 200;
}

static void close_world(struct world *world)
{
	plan_actions_free(world->actions);
	outbox_free(world->outbox);
	http_client_free(world->client);
	if (world->server)
		http_server_free(world->server);
	commit_free(world->commit);
	kv_free(world->kv);
	loop_free(world->loop);
}

static void on_done(void *arg, const struct plan_action_result *result)
{
	struct world *world = arg;
	world->is_done = true;
	world->result = *result;
	snprintf(world->json, sizeof(world->json), "%s",
		 result->result_json ? result->result_json : "");
	snprintf(world->error, sizeof(world->error), "%s", result->error ? result->error : "");
}

static bool is_done(void *arg)
{
	return ((struct world *)arg)->is_done;
}

static void run_action_as(struct world *world, const char *key, const char *action,
			  const char *args, int64_t timeout_ms)
{
	struct plan_action_run *run;
	struct err_note why = {{0}};
	world->is_done = false;
	cr_assert_eq(plan_action_start(&run, world->actions, action, args, key, timeout_ms, 7,
				       on_done, world, &why),
		     0, "%s", why.text);
	cr_assert(!world->is_done, "never inside the call");
	cr_assert(run_loop_until(world->loop, is_done, world));
}

static void run_action(struct world *world, const char *action, const char *args,
		       int64_t timeout_ms)
{
	run_action_as(world, "run-1/tell#1", action, args, timeout_ms);
}

struct status_case {
	int status;
	bool is_ok, can_retry, can_repeat, is_unknown;
};

Test(action, http_status_decides_what_may_follow)
{
	static const struct status_case cases[] = {
		{200, true, false, false, false},  {204, true, false, false, false},
		{301, false, false, false, false}, {404, false, false, false, false},
		{408, false, true, false, false},  {425, false, true, false, false},
		{429, false, true, false, false},  {500, false, false, true, false},
		{502, false, false, true, true},   {503, false, false, true, false},
		{504, false, false, true, true},
	};
	struct world world;
	char args[200];
	open_world(&world);
	snprintf(args, sizeof(args),
		 "{\"method\":\"POST\",\"url\":\"http://127.0.0.1:%u/"
		 "x\",\"body\":{\"b\":1,\"a\":2}}",
		 http_server_port(world.server));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		world.reply_status = cases[i].status;
		run_action(&world, "http.request", args, 5000);
		cr_expect_eq(world.result.is_ok, cases[i].is_ok, "%d", cases[i].status);
		cr_expect_eq(world.result.can_retry, cases[i].can_retry, "%d", cases[i].status);
		cr_expect_eq(world.result.can_repeat, cases[i].can_repeat, "%d", cases[i].status);
		cr_expect_eq(world.result.is_unknown, cases[i].is_unknown, "%d", cases[i].status);
		if (cases[i].status == 200)
			cr_expect_str_eq(world.json, "{\"body\":\"got it ?\",\"status\":200}");
	}
	cr_expect_str_eq(world.request, "POST /x key=run-1/tell#1 type=application/json "
					"body={\"a\":2,\"b\":1}");
	close_world(&world);
}

Test(action, http_without_answer_is_unknown_and_without_connection_is_not)
{
	struct world world;
	char args[200];
	open_world(&world);
	snprintf(args, sizeof(args), "{\"url\":\"http://127.0.0.1:%u/x\"}",
		 http_server_port(world.server));
	world.reply_status = 0;
	run_action(&world, "http.request", args, 100);
	cr_expect(world.result.is_unknown && !world.result.can_retry && !world.result.is_ok);
	cr_expect_neq(world.error[0], '\0');
	http_server_free(world.server);
	world.server = NULL;
	run_action(&world, "http.request", args, 5000);
	cr_expect(!world.result.is_unknown && world.result.can_retry, "%s", world.error);
	close_world(&world);
}

Test(action, exec_gives_code_and_output)
{
	struct world world;
	open_world(&world);
	run_action(&world, "exec.run",
		   "{\"argv\":[\"/bin/sh\",\"-c\",\"echo \\\"$0\\\" \\\"$1\\\"\",\"a b\",\"*\"]}",
		   5000);
	cr_expect(world.result.is_ok, "%s", world.error);
	cr_expect_str_eq(world.json, "{\"exit_code\":0,\"output\":\"a b *\\n\"}");
	run_action(&world, "exec.run", "{\"argv\":[\"/bin/sh\",\"-c\",\"echo no; exit 3\"]}", 5000);
	cr_expect(!world.result.is_ok && world.result.can_repeat && !world.result.is_unknown);
	cr_expect_str_eq(world.error, "exit code 3: no\n");
	run_action(&world, "exec.run", "{\"argv\":[\"/bin/sh\",\"-c\",\"exec sleep 60\"]}", 50);
	cr_expect(world.result.is_unknown && !world.result.is_ok);
	close_world(&world);
}

struct row_context {
	int count;
	char text[300];
};

static bool each_row(void *arg, struct slice key, struct slice value)
{
	struct row_context *context = arg;
	struct slice content;
	(void)key;
	cr_assert_eq(keyspace_unseal(value, &content, NULL), 0);
	snprintf(context->text, sizeof(context->text), "%.*s", (int)content.length, content.data);
	context->count++;
	return true;
}

Test(action, notify_leaves_a_durable_row_under_its_key)
{
	struct world world;
	struct row_context context = {0};
	struct bytes prefix = BYTES_EMPTY;
	open_world(&world);
	run_action(&world, "notify.send", "{\"to\":\"ops\",\"text\":\"down\",\"level\":2}", 5000);
	cr_expect(world.result.is_ok);
	commit_kick(world.commit);
	key_begin(&prefix, KEYSPACE_OUTBOX);
	cr_assert_eq(kv_scan(world.kv, bytes_slice(&prefix), false, each_row, &context, NULL), 0);
	cr_expect_eq(context.count, 1);
	cr_expect(strstr(context.text, "run-1/tell#1"), "%s", context.text);
	cr_expect(strstr(context.text, "down"), "%s", context.text);
	bytes_deinit(&prefix);
	close_world(&world);
}

Test(action, notify_of_a_step_with_spaces_or_other_letters_has_a_stable_id)
{
	struct world world;
	struct row_context context = {0};
	struct bytes prefix = BYTES_EMPTY;
	char first[300];
	open_world(&world);
	key_begin(&prefix, KEYSPACE_OUTBOX);
	for (int i = 0; i < 2; i++) {
		run_action_as(&world, "\u901a\u77e5-1/tell ops#1", "notify.send",
			      "{\"to\":\"ops\",\"text\":\"down\"}", 5000);
		cr_assert(world.result.is_ok, "%s", world.error);
		commit_kick(world.commit);
		cr_assert_eq(
			kv_scan(world.kv, bytes_slice(&prefix), false, each_row, &context, NULL),
			0);
		cr_expect(strstr(context.text, "down"), "%s", context.text);
		if (i == 0)
			memcpy(first, context.text, sizeof(first));
	}
	const char *body = strstr(first, "body");
	cr_assert_not_null(body);
	cr_expect_not_null(strstr(context.text, body), "%s\n%s", first, context.text);
	bytes_deinit(&prefix);
	close_world(&world);
}

struct args_case {
	const char *action;
	const char *args;
	int code;
	enum effect effect;
};

Test(action, arguments_are_checked_before_anything_happens)
{
	static const struct args_case cases[] = {
		{"log.write", "{\"text\":\"x\"}", 0, EFFECT_IDEMPOTENT},
		{"log.write", "{\"text\":\"\"}", 0, EFFECT_IDEMPOTENT},
		{"log.write", "{}", ERR_INVALID, 0},
		{"log.write", NULL, ERR_INVALID, 0},
		{"log.write", "[]", ERR_INVALID, 0},
		{"log.write", "{\"text\":\"x\",\"txt\":1}", ERR_INVALID, 0},
		{"log.read", "{}", ERR_NOT_FOUND, 0},
		{"notify.send", "{\"to\":\"ops\",\"text\":\"x\"}", 0, EFFECT_IDEMPOTENT},
		{"notify.send", "{\"to\":\"dev\",\"text\":\"x\"}", ERR_NOT_FOUND, 0},
		{"notify.send", "{\"to\":\"ops\"}", ERR_INVALID, 0},
		{"exec.run", "{\"argv\":[\"/bin/sh\"]}", 0, EFFECT_ONCE},
		{"exec.run", "{\"argv\":[\"/bin/rm\"]}", ERR_DENIED, 0},
		{"exec.run", "{\"argv\":[\"sh\"]}", ERR_DENIED, 0},
		{"exec.run", "{\"argv\":[]}", ERR_INVALID, 0},
		{"exec.run", "{\"argv\":\"/bin/sh\"}", ERR_INVALID, 0},
		{"exec.run", "{\"argv\":[\"/bin/sh\",1]}", ERR_INVALID, 0},
		{"http.request", "{\"url\":\"http://127.0.0.1/\"}", 0, EFFECT_READ},
		{"http.request", "{\"url\":\"http://127.0.0.1/\",\"method\":\"HEAD\"}", 0,
		 EFFECT_READ},
		{"http.request", "{\"url\":\"http://127.0.0.1/\",\"method\":\"PUT\"}", 0,
		 EFFECT_ONCE},
		{"http.request", "{\"url\":\"http://127.0.0.1/\",\"method\":\"get\"}", ERR_INVALID,
		 0},
		{"http.request", "{\"url\":\"http://localhost/\"}", ERR_DENIED, 0},
		{"http.request", "{\"url\":\"http://127.0.0.1/\",\"headers\":{\"X-A\":\"b\"}}", 0,
		 EFFECT_READ},
		{"http.request",
		 "{\"url\":\"http://127.0.0.1/\",\"headers\":{\"X-A\":\"b\\r\\nX: y\"}}",
		 ERR_INVALID, 0},
		{"http.request", "{\"url\":\"http://127.0.0.1/\",\"headers\":{\"A b\":\"c\"}}",
		 ERR_INVALID, 0},
		{"http.request", "{\"url\":\"http://127.0.0.1/\",\"headers\":{\"host\":\"c\"}}",
		 ERR_DENIED, 0},
		{"http.request",
		 "{\"url\":\"http://127.0.0.1/\",\"headers\":{\"idempotency-KEY\":\"c\"}}",
		 ERR_DENIED, 0},
	};
	struct world world;
	open_world(&world);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum effect effect = EFFECT_ONCE;
		struct err_note why = {{0}};
		cr_expect_eq(plan_action_validate(world.actions, cases[i].action, cases[i].args,
						  &effect, &why),
			     cases[i].code, "case %zu: %s", i, why.text);
		if (cases[i].code == 0)
			cr_expect_eq(effect, cases[i].effect, "case %zu", i);
	}
	close_world(&world);
}

Test(action, long_arguments_are_refused)
{
	struct world world;
	enum effect effect;
	struct bytes args = BYTES_EMPTY;
	open_world(&world);
	for (int extra = 0; extra <= 1; extra++) {
		bytes_clear(&args);
		bytes_append_text(&args, "{\"text\":\"");
		while (args.length < (size_t)ACTION_ARGS_BYTES_MAX - 2 + (size_t)extra)
			bytes_append_char(&args, 'x');
		bytes_append_text(&args, "\"}");
		cr_expect_eq(
			plan_action_validate(world.actions, "log.write", args.data, &effect, NULL),
			extra == 0 ? 0 : ERR_INVALID);
	}
	bytes_deinit(&args);
	close_world(&world);
}

Test(action, cancelled_run_reports_nothing)
{
	static const char *const actions[] = {"log.write", "exec.run"};
	static const char *const args[] = {"{\"text\":\"x\"}", "{\"argv\":[\"/bin/sh\"]}"};
	struct world world;
	open_world(&world);
	for (int i = 0; i < 2; i++) {
		struct plan_action_run *run;
		cr_assert_eq(plan_action_start(&run, world.actions, actions[i], args[i], "k", 1000,
					       7, on_done, &world, NULL),
			     0);
		plan_action_cancel(run);
	}
	run_action(&world, "log.write", args[0], 1000);
	close_world(&world);
}

Test(action, is_described_in_one_line)
{
	struct bytes out = BYTES_EMPTY;
	plan_action_describe("http.request", "{\"method\":\"POST\",\"url\":\"http://x/y\"}", &out);
	cr_expect_str_eq(out.data, "POST http://x/y");
	bytes_clear(&out);
	plan_action_describe("exec.run", "{\"argv\":[\"/bin/a\",\"b\"]}", &out);
	cr_expect_str_eq(out.data, "run /bin/a b");
	bytes_clear(&out);
	plan_action_describe("notify.send", "{\"to\":\"ops\",\"text\":\"down\"}", &out);
	cr_expect_str_eq(out.data, "notify ops: down");
	bytes_clear(&out);
	plan_action_describe("log.write", "{}", &out);
	bytes_append_text(&out, "|");
	plan_action_describe("other", NULL, &out);
	cr_expect_str_eq(out.data, "|other");
	bytes_deinit(&out);
}
