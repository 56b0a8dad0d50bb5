#include "core/base/bytes.h"
#include "tests/support/memory_target.h"

#include <criterion/criterion.h>
#include <jansson.h>

static const int64_t now_ms = 1800000000000;

static void keep_answer(void *arg, struct slice line)
{
	json_t **answer = arg;
	cr_assert(*answer == NULL, "one answer only");
	*answer = json_loadb(line.data, line.length, 0, NULL);
	cr_assert(*answer != NULL);
}

static json_t *ask(struct memory_target *memory, const char *line)
{
	json_t *answer = NULL;
	control_handle(memory->control, slice_of(line), "uid:0(root)", keep_answer, &answer);
	commit_kick(memory->target.commit);
	loop_virtual_turn(memory->target.loop);
	cr_assert(answer != NULL, "no answer to %s", line);
	return answer;
}

static void expect_refusal(const char *line, const char *code, const char *part)
{
	struct memory_target memory;
	memory_target_open(&memory, now_ms);
	json_t *answer = ask(&memory, line);
	cr_expect(json_is_false(json_object_get(answer, "ok")), "%s", line);
	cr_expect_str_eq(json_string_value(json_object_get(answer, "code")), code, "%s", line);
	cr_expect(strstr(json_string_value(json_object_get(answer, "error")), part) != NULL,
		  "%s: %s", line, json_string_value(json_object_get(answer, "error")));
	json_decref(answer);
	memory_target_close(&memory);
}

Test(control, refuses_what_is_not_a_request)
{
	expect_refusal("", "ERR_INVALID", "one JSON object a line");
	expect_refusal("[1]", "ERR_INVALID", "not an object");
	expect_refusal("{\"verb\":", "ERR_INVALID", "column");
	expect_refusal("{\"id\":1}", "ERR_INVALID", "no \"verb\"");
	expect_refusal("{\"verb\":\"status\",\"verb\":\"reload\"}", "ERR_INVALID", "duplicate");
	expect_refusal("{\"verb\":\"status\",\"args\":3}", "ERR_INVALID", "must be an object");
	expect_refusal("{\"verb\":\"rule.lst\"}", "ERR_NOT_FOUND", "rule.list");
}

Test(control, names_the_argument_that_is_wrong)
{
	expect_refusal("{\"verb\":\"rule.show\"}", "ERR_INVALID", "argument name is missing");
	expect_refusal("{\"verb\":\"rule.show\",\"args\":{\"name\":3}}", "ERR_INVALID",
		       "argument name must be a text");
	expect_refusal("{\"verb\":\"incident.ack\",\"args\":{\"number\":-1}}", "ERR_INVALID",
		       "argument number");
	expect_refusal("{\"verb\":\"incident.ack\",\"args\":{\"number\":7}}", "ERR_NOT_FOUND", "7");
	expect_refusal("{\"verb\":\"plan.show\",\"args\":{\"run\":\"nobody\"}}", "ERR_NOT_FOUND",
		       "nobody");
}

Test(control, answers_status_with_the_request_id)
{
	struct memory_target memory;
	memory_target_open(&memory, now_ms);
	loop_virtual_advance(memory.target.loop, 5000);
	json_t *answer = ask(&memory, "{\"id\":\"x7\",\"verb\":\"status\"}");
	cr_expect_str_eq(json_string_value(json_object_get(answer, "id")), "x7");
	json_t *result = json_object_get(answer, "result");
	cr_expect_eq(json_integer_value(json_object_get(result, "uptime_s")), 5);
	json_decref(answer);
	memory_target_close(&memory);
}

Test(control, a_command_records_actor_and_reason)
{
	struct memory_target memory;
	memory_target_open(&memory, now_ms);
	struct versions *rules = memory.target.rule_versions;
	cr_assert_eq(versions_seen(rules, "r", 1, "count", "aa", now_ms, NULL), 0);
	versions_advance(memory.target.rule_versions, now_ms);
	json_t *answer = ask(&memory, "{\"verb\":\"rule.disable\",\"args\":{\"name\":\"r\","
				      "\"reason\":\"noisy\"}}");
	json_t *row = json_array_get(json_object_get(answer, "result"), 0);
	cr_expect_str_eq(json_string_value(json_object_get(row, "state")), "disabled");
	cr_expect_str_eq(json_string_value(json_object_get(row, "reason")), "noisy");
	cr_expect_str_eq(json_string_value(json_object_get(row, "actor")), "uid:0(root)");
	json_decref(answer);
	memory_target_close(&memory);
}

Test(control, metrics_are_whole_families)
{
	struct memory_target memory;
	struct bytes text = BYTES_EMPTY;
	memory_target_open(&memory, now_ms);
	metrics_append(&memory.target, &text);
	cr_expect(strstr(text.data, "# TYPE tocsin_readings_total counter\n") != NULL);
	cr_expect(strstr(text.data, "tocsin_incidents_open 0\n") != NULL);
	bytes_deinit(&text);
	memory_target_close(&memory);
}
