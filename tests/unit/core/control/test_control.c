#include "core/base/arena.h"
#include "core/base/bytes.h"
#include "core/base/report.h"
#include "core/config/config.h"
#include "core/config/tree.h"
#include "core/ingest/source_file.h"
#include "core/ingest/source_tcp.h"
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

/** Three versions of "r", each active once; 3 runs. */
static void add_three(struct memory_target *memory)
{
	struct versions *rules = memory->target.rule_versions;
	for (uint32_t i = 1; i <= 3; i++) {
		cr_assert_eq(versions_seen(rules, "r", i, "count", "aa", now_ms + i, NULL), 0);
		versions_advance(rules, now_ms + i);
	}
	loop_virtual_advance(memory->target.loop, 10);
}

static json_int_t active_of(const struct memory_target *memory)
{
	return versions_active(memory->target.rule_versions, "r");
}

Test(control, a_plan_tells_and_changes_nothing)
{
	static const char *const asked[] = {
		("{\"verb\":\"rule.activate\","
		 "\"args\":{\"name\":\"r\",\"version\":1,\"plan\":true}}"),
		"{\"verb\":\"rule.enable\",\"args\":{\"name\":\"r\",\"version\":1,\"plan\":true}}",
		"{\"verb\":\"rule.rollback\",\"args\":{\"name\":\"r\",\"plan\":true}}",
		"{\"verb\":\"rule.disable\",\"args\":{\"name\":\"r\",\"plan\":true}}",
	};
	static const int to[] = {1, 1, 2, 0};
	struct memory_target memory;
	memory_target_open(&memory, now_ms);
	add_three(&memory);
	for (int i = 0; i < 4; i++) {
		json_t *answer = ask(&memory, asked[i]);
		json_t *result = json_object_get(answer, "result");
		cr_expect(json_is_true(json_object_get(answer, "ok")), "%s", asked[i]);
		cr_expect_eq(json_integer_value(json_object_get(result, "to")), to[i], "%s",
			     asked[i]);
		cr_expect_eq(active_of(&memory), 3, "%s", asked[i]);
		json_decref(answer);
	}
	memory_target_close(&memory);
}

Test(control, rollback_goes_to_the_version_that_ran_before)
{
	struct memory_target memory;
	memory_target_open(&memory, now_ms);
	add_three(&memory);
	json_t *answer = ask(&memory, "{\"verb\":\"rule.rollback\",\"args\":{\"name\":\"r\"}}");
	json_t *row = json_array_get(json_object_get(answer, "result"), 1);
	versions_advance(memory.target.rule_versions, now_ms + 10);
	cr_expect_eq(active_of(&memory), 2);
	cr_expect_eq(json_integer_value(json_object_get(row, "version")), 2);
	cr_expect_str_eq(json_string_value(json_object_get(row, "reason")),
			 "rolled back from version 3");
	cr_expect_eq(json_integer_value(json_object_get(json_object_get(row, "impact"), "to")), 2);
	json_decref(answer);
	memory_target_close(&memory);
	expect_refusal("{\"verb\":\"rule.rollback\",\"args\":{\"name\":\"r\"}}", "ERR_NOT_FOUND",
		       "nothing to roll back to");
}

Test(control, diff_compares_what_runs_with_the_newest)
{
	struct memory_target memory;
	memory_target_open(&memory, now_ms);
	add_three(&memory);
	json_t *answer = ask(&memory, "{\"verb\":\"rule.diff\",\"args\":{\"name\":\"r\"}}");
	json_t *result = json_object_get(answer, "result");
	cr_expect_eq(json_integer_value(json_object_get(result, "from")), 2,
		     "3 runs and is newest");
	cr_expect_eq(json_integer_value(json_object_get(result, "to")), 3);
	cr_expect_str_eq(json_string_value(json_object_get(result, "to_source")), "-- r@3");
	json_decref(answer);
	answer = ask(&memory, "{\"verb\":\"rule.diff\",\"args\":{\"name\":\"r\",\"from\":1}}");
	result = json_object_get(answer, "result");
	cr_expect_eq(json_integer_value(json_object_get(result, "from")), 1);
	cr_expect_eq(json_integer_value(json_object_get(result, "to")), 3);
	json_decref(answer);
	memory_target_close(&memory);
	expect_refusal("{\"verb\":\"rule.diff\",\"args\":{\"name\":\"r\"}}", "ERR_NOT_FOUND",
		       "there is no rule");
	expect_refusal("{\"verb\":\"rule.diff\",\"args\":{\"name\":\"r\",\"from\":1,\"to\":2}}",
		       "ERR_NOT_FOUND", "no version 1");
}

Test(control, the_audit_log_names_the_actor_of_each_command)
{
	struct memory_target memory;
	memory_target_open(&memory, now_ms);
	add_three(&memory);
	json_decref(ask(&memory, "{\"verb\":\"rule.disable\",\"args\":{\"name\":\"r\","
				 "\"reason\":\"noisy\"}}"));
	json_t *answer = ask(&memory, "{\"verb\":\"audit.list\",\"args\":{\"name\":\"r\","
				      "\"kind\":\"rule\",\"limit\":1}}");
	json_t *result = json_object_get(answer, "result");
	json_t *row = json_array_get(json_object_get(result, "rows"), 0);
	cr_expect_eq(json_array_size(json_object_get(result, "rows")), 1);
	/* 3 added, 3 activated, 2 replaced, 1 disabled */
	cr_expect_eq(json_integer_value(json_object_get(result, "added")), 9);
	cr_expect_eq(json_integer_value(json_object_get(result, "dropped")), 0);
	cr_expect_str_eq(json_string_value(json_object_get(row, "action")), "disabled");
	cr_expect_str_eq(json_string_value(json_object_get(row, "actor")), "uid:0(root)");
	cr_expect_str_eq(json_string_value(json_object_get(row, "reason")), "noisy");
	cr_expect_str_eq(json_string_value(json_object_get(row, "time")),
			 "2027-01-15T08:00:00.010Z");
	json_decref(answer);
	answer = ask(&memory, "{\"verb\":\"audit.list\",\"args\":{\"kind\":\"plan\"}}");
	cr_expect_eq(json_array_size(json_object_get(json_object_get(answer, "result"), "rows")),
		     0);
	json_decref(answer);
	memory_target_close(&memory);
	expect_refusal("{\"verb\":\"audit.list\",\"args\":{\"limit\":0}}", "ERR_INVALID", "limit");
	expect_refusal("{\"verb\":\"audit.list\",\"args\":{\"limit\":10001}}", "ERR_INVALID",
		       "limit");
	expect_refusal("{\"verb\":\"rule.activate\",\"args\":{\"name\":\"r\",\"version\":1,"
		       "\"plan\":1}}",
		       "ERR_INVALID", "plan must be true or false");
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

/** A map with one entry; `value` NULL: an empty map of that name. */
static struct tree *one(struct arena *arena, const char *key, struct tree *value)
{
	struct tree *map = tree_new(arena, TREE_MAP, 1);
	if (value == NULL)
		value = tree_new(arena, TREE_MAP, 1);
	value->key = key;
	tree_add(map, value);
	return map;
}

/** Installs a site with one source, named pay, whose two patterns and address say these numbers. */
static void install_tails(struct memory_target *memory)
{
	static const struct file_tail_status first = {2, 1, 100, 3, 4, 5, 6};
	static const struct file_tail_status second = {.file_count = 1, .behind_bytes = 20};
	static const struct source_tcp_status tcp = {1, 2, 3, 4};
	static const struct control_tail tails[] = {{"pay", "a*.log", &first, NULL, NULL},
						    {"gone", "b.log", &first, NULL, NULL},
						    {"pay", "c.log", &second, NULL, NULL},
						    {"pay", "[::1]:9000", NULL, NULL, &tcp}};
	struct arena arena;
	struct report report;
	arena_init(&arena);
	report_init(&report);
	struct tree *map = one(&arena, "sources", one(&arena, "pay", NULL));
	struct config *config = config_new(map, "tocsin.lua", &report);
	cr_assert(config != NULL && report.count == 0);
	cr_assert_eq(engine_install(memory->target.engine, config, NULL, 0, 0, now_ms, NULL), 0);
	config_unref(config);
	report_deinit(&report);
	arena_deinit(&arena);
	memory->tails = tails;
	memory->tail_count = 4;
	memory->http = (struct source_http_status){7, 8, 9};
}

static void expect_member(const json_t *object, const char *name, const char *text)
{
	char *found = json_dumps(json_object_get(object, name), JSON_COMPACT | JSON_ENCODE_ANY);
	cr_expect_str_eq(found, text, "%s: %s", name, found);
	free(found);
}

Test(control, status_says_what_each_source_reads_from)
{
	struct memory_target memory;
	memory_target_open(&memory, now_ms);
	install_tails(&memory);
	json_t *answer = ask(&memory, "{\"verb\":\"status\"}");
	json_t *result = json_object_get(answer, "result");
	json_t *source = json_array_get(json_object_get(result, "sources"), 0);
	expect_member(source, "tails",
		      "[{\"pattern\":\"a*.log\",\"files\":2,\"rotated\":1,\"behind_bytes\":100,"
		      "\"truncations\":3,\"replacements\":4,\"read_errors\":5,\"ignored\":6},"
		      "{\"pattern\":\"c.log\",\"files\":1,\"rotated\":0,\"behind_bytes\":20,"
		      "\"truncations\":0,\"replacements\":0,\"read_errors\":0,\"ignored\":0}]");
	expect_member(source, "tcp",
		      "[{\"address\":\"[::1]:9000\",\"connections\":1,\"accepted\":2,"
		      "\"refused\":3,\"dropped_bytes\":4}]");
	expect_member(result, "http", "{\"accepted\":7,\"refused\":8,\"waiting\":9}");
	json_decref(answer);
	memory_target_close(&memory);
}

Test(control, metrics_add_up_what_a_source_reads_from)
{
	static const char *const lines[] = {
		"tocsin_source_files{source=\"pay\"} 3\n",
		"tocsin_source_behind_bytes{source=\"pay\"} 120\n",
		"tocsin_source_truncations_total{source=\"pay\"} 3\n",
		"tocsin_source_replacements_total{source=\"pay\"} 4\n",
		"tocsin_source_read_errors_total{source=\"pay\"} 5\n",
		"tocsin_source_ignored_files{source=\"pay\"} 6\n",
		"tocsin_tcp_connections{source=\"pay\"} 1\n",
		"tocsin_tcp_accepted_total{source=\"pay\"} 2\n",
		"tocsin_tcp_refused_total{source=\"pay\"} 3\n",
		"tocsin_tcp_dropped_bytes_total{source=\"pay\"} 4\n",
		"tocsin_http_accepted_total 7\n",
		"tocsin_http_refused_total 8\n",
		"tocsin_http_waiting 9\n",
	};
	struct memory_target memory;
	struct bytes text = BYTES_EMPTY;
	memory_target_open(&memory, now_ms);
	install_tails(&memory);
	metrics_append(&memory.target, &text);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		cr_expect(strstr(text.data, lines[i]) != NULL, "%s", lines[i]);
	cr_expect(strstr(text.data, "\"gone\"") == NULL);
	bytes_deinit(&text);
	memory_target_close(&memory);
}

Test(control, silences_are_added_previewed_listed_and_expired_and_audited)
{
	struct memory_target memory;
	memory_target_open(&memory, now_ms);
	expect_refusal("{\"verb\":\"silence.add\",\"args\":{\"match\":{\"rule\":\"a\"}}}",
		       "ERR_INVALID", "argument reason is missing");
	expect_refusal("{\"verb\":\"silence.expire\",\"args\":{\"number\":3}}", "ERR_NOT_FOUND",
		       "there is no silence 3");
	expect_refusal("{\"verb\":\"alert.show\",\"args\":{\"id\":\"x\"}}", "ERR_NOT_FOUND",
		       "there is no alert x");
	json_t *answer = ask(&memory, "{\"verb\":\"silence.add\",\"args\":{\"match\":{\"rule\":"
				      "\"a\"},\"for\":\"2h\",\"reason\":\"noisy\"}}");
	json_t *result = json_object_get(answer, "result");
	cr_expect_str_eq(json_string_value(json_object_get(result, "state")), "active");
	cr_expect_str_eq(json_string_value(json_object_get(result, "author")), "uid:0(root)");
	json_decref(answer);
	answer = ask(&memory, "{\"verb\":\"silence.preview\",\"args\":{\"number\":1}}");
	cr_expect_eq(json_array_size(json_object_get(answer, "result")), 0);
	json_decref(answer);
	answer = ask(&memory, "{\"verb\":\"silence.expire\",\"args\":{\"number\":1}}");
	cr_expect(json_is_true(json_object_get(answer, "ok")));
	json_decref(answer);
	answer = ask(&memory, "{\"verb\":\"silence.list\"}");
	cr_expect_eq(json_array_size(json_object_get(answer, "result")), 0);
	json_decref(answer);
	struct audit_counters audit;
	audit_log_counters(memory.target.audit, &audit);
	cr_expect_eq(audit.added, 2);
	memory_target_close(&memory);
}
