#include "core/channel/message.h"

#include "core/base/err.h"
#include "core/channel/template.h"

#include <criterion/criterion.h>

#include <string.h>

static void expect_fields(const char *row, const char *const *expected)
{
	struct message_fields *fields = message_fields_new(slice_of(row), "row-1");

	for (; *expected != NULL; expected += 2)
		cr_expect_str_eq(message_field(fields, expected[0]), expected[1], "%s is %s",
				 expected[0], message_field(fields, expected[0]));
	message_fields_free(fields);
}

Test(message, is_read_as_it_was_written)
{
	const struct message message = {
		.event = "escalated",
		.language = "zh",
		.text = "nobody\nanswers \"it\"",
		.recipient = "+8613800001111",
		.incident_json =
			"{\"number\":7,\"title\":\"t\",\"severity\":\"critical\",\"state\":"
			"\"open\",\"dimension\":{\"m\":\"m1\",\"n\":2},\"labels\":{\"team\":"
			"\"pay\"},\"owner\":null}",
	};
	const char *const expected[] = {"event",
					"escalated",
					"title",
					"t",
					"text",
					"nobody\nanswers \"it\"",
					"recipient",
					"+8613800001111",
					"incident",
					"7",
					"badge",
					"[critical] ",
					"key",
					"m=m1, n=2",
					"state_zh",
					"待响应",
					"owner",
					"",
					"labels.team",
					"pay",
					"incident.number",
					"7",
					"incident.nothing",
					"",
					"id",
					"row-1",
					NULL};
	struct bytes row = BYTES_EMPTY;
	struct message_fields *fields;

	message_append_row(&message, &row);
	cr_expect_null(memchr(row.data, '\n', row.length));
	expect_fields(row.data, expected);
	fields = message_fields_new(bytes_slice(&row), NULL);
	cr_expect_str_eq(message_language(fields), "zh");
	cr_expect_eq(message_incident(fields), 7);
	message_fields_free(fields);
	bytes_deinit(&row);
}

Test(message, an_alert_document_is_one_in_both_languages)
{
	const char *const expected[] = {"event",     "alert",    "title",  "支付失败", "rule",
					"pay",       "state_en", "firing", "state_zh", "触发",
					"threshold", ">=400",    "value",  "512.5",    "count",
					"512",       "key",      "m=m1",   NULL};

	expect_fields("{\"名称\":\"支付失败\",\"版本\":\"1.0\",\"告警阈值\":\">=400\",\"统计值\":"
		      "\"512.5\",\"事件数\":\"512\",\"id\":\"0f\",\"rule\":\"pay\",\"state\":"
		      "\"firing\",\"severity\":\"warning\",\"dimension\":{\"m\":\"m1\"}}",
		      expected);
	expect_fields(
		"{\"name\":\"支付失败\",\"version\":1,\"threshold\":\">=400\",\"value\":512.5,"
		"\"count\":512,\"id\":\"0f\",\"rule\":\"pay\",\"state\":\"firing\","
		"\"severity\":\"warning\",\"dimension\":{\"m\":\"m1\"}}",
		expected);
}

Test(message, a_group_is_one_message_with_a_line_for_each_alert)
{
	const char *const expected[] = {
		"event", "alerts", "alert_count", "2",
		"state", "firing", "text",        "firing a (m=1)\nresolved b",
		NULL};

	expect_fields("{\"id\":\"1\",\"group\":\"g\",\"by\":{\"rule\":\"a\"},\"state\":\"firing\","
		      "\"severity\":\"critical\",\"alert_count\":2,\"alerts\":["
		      "{\"name\":\"a\",\"state\":\"firing\",\"dimension\":{\"m\":1}},"
		      "{\"name\":\"b\",\"state\":\"resolved\"}]}",
		      expected);
}

Test(message, a_plans_text_has_its_first_line_as_title)
{
	const char *const one[] = {"event", "plan",     "title", "switch done", "text",
				   "",      "incident", "3",     NULL};
	const char *const two[] = {"event", "plan", "title", "switch", "text", "done\nwell", NULL};

	expect_fields("{\"to\":\"ops\",\"text\":\"switch done\",\"id\":\"x\",\"incident\":3}", one);
	expect_fields("{\"to\":\"ops\",\"text\":\"switch\\ndone\\nwell\"}", two);
}

Test(message, anything_else_is_a_notice)
{
	const char *const odd[] = {"event", "notice", "title", "Tocsin", "text", "[1,2]", NULL};
	const char *const broken[] = {"event", "notice", "text", "{\"a\":", NULL};

	expect_fields("[1,2]", odd);
	expect_fields("{\"a\":", broken);
}

Test(message, control_characters_become_blanks)
{
	const char *const expected[] = {"title", "a b c d", "text", "l1\nl2", NULL};

	expect_fields("{\"event\":\"notice\",\"title\":\"a\\rb\\u0000c\\u001bd\",\"text\":"
		      "\"l1\\nl2\"}",
		      expected);
}

static void escape_brackets(struct bytes *out, struct slice value)
{
	bytes_append_format(out, "<%.*s>", (int)value.length, value.data);
}

Test(template, replaces_names_and_leaves_other_braces)
{
	struct message_fields *fields = message_fields_new(
		SLICE_LITERAL("{\"event\":\"notice\",\"title\":\"t\",\"text\":\"x\"}"), NULL);
	struct bytes out = BYTES_EMPTY;

	template_expand("{\"a\":{title}} { {Title} {title", fields, escape_brackets, &out);
	cr_expect_str_eq(out.data, "{\"a\":<t>} { {Title} {title");
	bytes_clear(&out);
	template_expand("{title}\nrule: {rule}\nplain\n{text}", fields, escape_brackets, &out);
	cr_expect_str_eq(out.data, "<t>\nplain\n<x>", "%s", out.data);
	bytes_deinit(&out);
	message_fields_free(fields);
}

Test(template, names_that_no_message_has_are_refused)
{
	struct err_note why = {""};

	cr_expect_eq(template_check("{title} {labels.team} {x y}", &why), 0);
	cr_expect_eq(template_check("{titel}", &why), ERR_INVALID);
	cr_expect_str_eq(why.text, "no message has {titel}");
	cr_expect_eq(template_check("{labels.}", &why), ERR_INVALID);
}

Test(template, every_event_has_words_in_both_languages)
{
	static const char *const events[] = {
#define EVENT(name) #name,
		MESSAGE_EVENT_LIST(EVENT)
#undef EVENT
	};

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		for (int way = 0; way < 4; way++) {
			const char *text = template_default(events[i], way & 1, way & 2);

			cr_expect_eq(template_check(text, NULL), 0, "%s", text);
			cr_expect_eq(strchr(text, '\n') == NULL, (way & 1) != 0, "%s", text);
		}
}
