#include "core/model/alert.h"

#include <criterion/criterion.h>

#include <jansson.h>
#include <string.h>

#include "core/base/err.h"
#include "core/model/dimension.h"
#include "core/model/zone.h"

/* 2018-05-22 18:00:00 in Shanghai (UTC+8), the time of the source's examples. */
#define EXAMPLE_END_MS INT64_C(1526983200000)

static struct alert example(enum alert_form form)
{
	return (struct alert){
		.id = "0123456789abcdef0123456789abcdef",
		.rule = "client_requests",
		.title = "客户端请求",
		.version = 1,
		.form = form,
		.state = ALERT_FIRING,
		.window_start_ms = EXAMPLE_END_MS - 300000,
		.window_end_ms = EXAMPLE_END_MS,
		.window_ms = 300000,
		.threshold = ">=400",
		.statistic = "count",
		.key = {"", 0},
		.severity = "warning",
		.labels_json = "{}",
	};
}

static char *document(const struct alert *alert, bool has_zh_keys)
{
	struct bytes out = BYTES_EMPTY;
	struct zone *zone = NULL;

	cr_assert_eq(zone_open(&zone, "Asia/Shanghai", NULL), 0);
	alert_append_document(alert, has_zh_keys, zone, &out);
	zone_free(zone);
	return bytes_take_text(&out);
}

static void expect(const struct alert *alert, bool has_zh_keys, const char *expected)
{
	char *text = document(alert, has_zh_keys);

	cr_expect_str_eq(text, expected);
	free(text);
}

#define ENVELOPE_HEAD "\"id\":\"0123456789abcdef0123456789abcdef\",\"rule\":\"client_requests\","
#define ENVELOPE_STATE                                                                             \
	"\"state\":\"firing\",\"window_start\":\"2018-05-22T09:55:00Z\","                          \
	"\"window_end\":\"2018-05-22T10:00:00Z\","
/* It counts a Chinese character as one column. */
/* clang-format off */
#define ENVELOPE_TAIL "\"severity\":\"warning\",\"samples\":[],\"labels\":{}}"
#define ZH_HEAD \
	"{\"名称\":\"客户端请求\",\"版本\":\"1.0\",\"告警时间\":\"20180522 18:00:00\"," \
	"\"时间范围\":\"5分钟内\","
#define EN_HEAD \
	"{\"name\":\"客户端请求\",\"version\":1,\"alert_time\":\"2018-05-22T10:00:00Z\","     \
	"\"window\":\"5m\","
/* clang-format on */

Test(alert, count_document_is_the_one_of_the_source)
{
	struct alert alert = example(FORM_COUNT);

	alert.count = 500;
	alert.has_value = true;
	alert.value = 500;
	expect(&alert, true,
	       ZH_HEAD "\"告警阈值\":\">=400\",\"事件数\":500," ENVELOPE_HEAD
		       "\"version\":1," ENVELOPE_STATE
		       "\"dimension\":{},\"value\":500," ENVELOPE_TAIL);
	expect(&alert, false,
	       EN_HEAD "\"threshold\":\">=400\",\"count\":500," ENVELOPE_HEAD ENVELOPE_STATE
		       "\"dimension\":{},\"value\":500," ENVELOPE_TAIL);
}

Test(alert, field_document_is_the_one_of_the_source)
{
	struct alert alert = example(FORM_FIELD);

	alert.field = "cost_time";
	alert.statistic = "max";
	alert.has_value = true;
	alert.value = 600;
	expect(&alert, true,
	       ZH_HEAD "\"字段\":\"cost_time\",\"统计类型\":\"最大值\",\"告警阈值\":\">=400\","
		       "\"统计值\":\"600\"," ENVELOPE_HEAD "\"version\":1," ENVELOPE_STATE
		       "\"dimension\":{},\"value\":600," ENVELOPE_TAIL);
	expect(&alert, false,
	       EN_HEAD "\"field\":\"cost_time\",\"statistic\":\"max\",\"threshold\":\">=400\","
		       "\"value\":600," ENVELOPE_HEAD ENVELOPE_STATE
		       "\"dimension\":{}," ENVELOPE_TAIL);
}

Test(alert, continuous_document_is_the_one_of_the_source)
{
	static const char *const by[] = {"cost_time"};
	struct alert alert = example(FORM_CONTINUOUS);
	struct bytes key = BYTES_EMPTY;

	dimension_append(&key, &(struct value){.type = VALUE_INT, .as.integer = 30});
	alert.field = "cost_time";
	alert.by = by;
	alert.by_count = 1;
	alert.key = bytes_slice(&key);
	alert.count = 600;
	alert.has_value = true;
	alert.value = 600;
	expect(&alert, true,
	       ZH_HEAD "\"字段\":\"cost_time\",\"字段值\":\"30\",\"告警阈值\":\">=400\","
		       "\"事件数\":\"600\"," ENVELOPE_HEAD "\"version\":1," ENVELOPE_STATE
		       "\"dimension\":{\"cost_time\":30},\"value\":600," ENVELOPE_TAIL);
	expect(&alert, false,
	       EN_HEAD "\"field\":\"cost_time\",\"field_value\":30,\"threshold\":\">=400\","
		       "\"count\":600," ENVELOPE_HEAD ENVELOPE_STATE
		       "\"dimension\":{\"cost_time\":30},\"value\":600," ENVELOPE_TAIL);
	bytes_deinit(&key);
}

static void group_key(struct bytes *key)
{
	dimension_append(key, &(struct value){.type = VALUE_INT, .as.integer = 1});
	dimension_append(key,
			 &(struct value){.type = VALUE_STRING, .length = 8, .as.text = "10.1.1.1"});
}

Test(alert, group_document_is_the_one_of_the_source)
{
	static const char *const by[] = {"cost_time", "IP"};
	struct alert alert = example(FORM_GROUP);
	struct bytes key = BYTES_EMPTY;

	group_key(&key);
	alert.field = "cost_time,IP";
	alert.by = by;
	alert.by_count = 2;
	alert.key = bytes_slice(&key);
	alert.count = 600;
	alert.has_value = true;
	alert.value = 600;
	expect(&alert, true,
	       ZH_HEAD
	       "\"字段\":\"cost_time,IP\",\"字段值\":\"1,10.1.1.1\",\"告警阈值\":\">=400\","
	       "\"事件数\":\"600\"," ENVELOPE_HEAD "\"version\":1," ENVELOPE_STATE
	       "\"dimension\":{\"cost_time\":1,\"IP\":\"10.1.1.1\"},\"value\":600," ENVELOPE_TAIL);
	bytes_deinit(&key);
}

Test(alert, group_with_a_statistic_carries_it_instead_of_the_count)
{
	static const char *const by[] = {"cost_time", "IP"};
	struct alert alert = example(FORM_GROUP);
	struct bytes key = BYTES_EMPTY;

	group_key(&key);
	alert.field = "cost_time,IP";
	alert.statistic = "avg";
	alert.by = by;
	alert.by_count = 2;
	alert.key = bytes_slice(&key);
	alert.count = 3;
	alert.has_value = true;
	alert.value = 12.5;
	expect(&alert, true,
	       ZH_HEAD
	       "\"字段\":\"cost_time,IP\",\"字段值\":\"1,10.1.1.1\",\"统计类型\":\"平均值\","
	       "\"告警阈值\":\">=400\",\"统计值\":\"12.5\"," ENVELOPE_HEAD
	       "\"version\":1," ENVELOPE_STATE
	       "\"dimension\":{\"cost_time\":1,\"IP\":\"10.1.1.1\"},\"value\":12.5," ENVELOPE_TAIL);
	expect(&alert, false,
	       EN_HEAD "\"field\":\"cost_time,IP\",\"field_values\":\"1,10.1.1.1\","
		       "\"statistic\":\"avg\",\"threshold\":\">=400\",\"value\":12.5," ENVELOPE_HEAD
			       ENVELOPE_STATE
		       "\"dimension\":{\"cost_time\":1,\"IP\":\"10.1.1.1\"}," ENVELOPE_TAIL);
	bytes_deinit(&key);
}

Test(alert, script_document_carries_value_message_category_and_reason)
{
	struct alert alert = example(FORM_SCRIPT);

	alert.threshold = NULL;
	alert.statistic = NULL;
	alert.state = ALERT_RESOLVED;
	alert.labels_json = "{\"team\":\"payments\"}";
	alert.message = "line one\nsaid \"no\"";
	alert.category = "restaurants";
	alert.reason = "rule_removed";
	expect(&alert, false,
	       EN_HEAD ENVELOPE_HEAD
	       "\"state\":\"resolved\",\"window_start\":\"2018-05-22T09:55:00Z\","
	       "\"window_end\":\"2018-05-22T10:00:00Z\",\"dimension\":{},\"value\":null,"
	       "\"severity\":\"warning\",\"samples\":[],\"labels\":{\"team\":\"payments\"},"
	       "\"category\":\"restaurants\",\"message\":\"line one\\nsaid \\\"no\\\"\","
	       "\"reason\":\"rule_removed\"}");
}

Test(alert, range_text_uses_the_greatest_whole_unit)
{
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {{30000, "\"30秒内\""},    {300000, "\"5分钟内\""}, {60000, "\"1分钟内\""},
		     {7200000, "\"2小时内\""}, {86400000, "\"1天内\""}, {2592000000, "\"30天内\""},
		     {5400000, "\"90分钟内\""}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct alert alert = example(FORM_COUNT);
		char *text;

		alert.window_ms = cases[i].ms;
		text = document(&alert, true);
		cr_expect(strstr(text, cases[i].text) != NULL, "%s in %s", cases[i].text, text);
		free(text);
	}
}

Test(alert, statistic_names_of_the_zh_form)
{
	static const char *const names[][2] = {
		{"max", "最大值"}, {"min", "最小值"}, {"avg", "平均值"}, {"sum", "总和"}};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct alert alert = example(FORM_FIELD);
		char *text;

		alert.field = "amount";
		alert.statistic = names[i][0];
		text = document(&alert, true);
		cr_expect(strstr(text, names[i][1]) != NULL, "%s", text);
		free(text);
	}
}

Test(alert, version_shows_as_n_point_zero_and_as_an_integer)
{
	struct alert alert = example(FORM_COUNT);
	char *text;

	alert.version = 12;
	text = document(&alert, true);
	cr_expect(strstr(text, "\"版本\":\"12.0\"") != NULL && strstr(text, "\"version\":12,"));
	free(text);
}

Test(alert, baseline_document_of_the_source)
{
	static const struct alert_offender offenders[] = {{"1", 2}, {"2", 3}, {"3", 5}};
	const struct alert_baseline baseline = {
		.time = "yesterday",
		.time_zh = "昨天",
		.value = 20,
		.lower = "30%",
		.upper = "150%",
		.side = "left",
		.offenders = offenders,
		.offender_count = 3,
	};
	struct alert alert = example(FORM_BASELINE);
	char *text;

	alert.field = "cost_time";
	alert.baseline = &baseline;
	text = document(&alert, true);
	cr_expect(strstr(text, "\"字段\":\"cost_time\",\"基线时间\":\"昨天\",\"基线值\":20,"
			       "\"区间\":{\"下限\":\"30%\",\"上限\":\"150%\",\"范围\":\"左侧\"},"
			       "\"字段值\":{\"1\":2,\"2\":3,\"3\":5},") != NULL,
		  "%s", text);
	cr_expect(strstr(text, "告警阈值") == NULL);
	free(text);
	text = document(&alert, false);
	cr_expect(strstr(text,
			 "\"field\":\"cost_time\",\"baseline_time\":\"yesterday\","
			 "\"baseline\":20,\"band\":{\"lower\":\"30%\",\"upper\":\"150%\","
			 "\"side\":\"left\"},\"field_values\":{\"1\":2,\"2\":3,\"3\":5},") != NULL,
		  "%s", text);
	free(text);
}

Test(alert, several_references_are_all_in_the_document)
{
	static const struct alert_reference references[] = {
		{.time = "same time yesterday",
		 .time_zh = "昨天同一时间",
		 .has_value = true,
		 .value = 10,
		 .has_lower = true,
		 .lower = 3,
		 .place = "left",
		 .fires = true},
		{.time = "7-day mean", .time_zh = "7天平均", .why = "not enough history"},
	};
	const struct alert_baseline baseline = {
		.time = "same time yesterday",
		.time_zh = "昨天同一时间",
		.value = 10,
		.lower = "30%",
		.side = "left",
		.references = references,
		.reference_count = 2,
	};
	struct alert alert = example(FORM_BASELINE);
	char *text;

	alert.baseline = &baseline;
	text = document(&alert, false);
	cr_expect(strstr(text, "\"references\":[{\"time\":\"same time yesterday\",\"value\":10,"
			       "\"lower\":3,\"place\":\"left\",\"fires\":true},"
			       "{\"time\":\"7-day mean\",\"value\":null,\"fires\":false,"
			       "\"why\":\"not enough history\"}],") != NULL,
		  "%s", text);
	free(text);
	text = document(&alert, true);
	cr_expect(strstr(text, "\"各基线\":[{\"基线时间\":\"昨天同一时间\",\"基线值\":10,"
			       "\"下限\":3,\"位置\":\"左侧\",\"告警\":true},") != NULL,
		  "%s", text);
	free(text);
}

Test(alert, envelope_has_state_samples_kept_back_and_early)
{
	const struct alert_sample samples[] = {
		{1526983200123, SLICE_LITERAL("{\"a\":1}"), false},
		{1526983201000, SLICE_LITERAL("2 \xFF\n\xE2\x82\xAC\x01\xE2"), true}};
	struct alert alert = example(FORM_COUNT);
	char *text;

	alert.state = ALERT_NODATA;
	alert.samples = samples;
	alert.sample_count = 2;
	alert.kept_back = 3;
	alert.is_early = true;
	text = document(&alert, false);
	cr_expect(strstr(text, "\"state\":\"nodata\"") != NULL, "%s", text);
	cr_expect(strstr(text, "\"samples\":[{\"time\":\"2018-05-22T10:00:00.123Z\","
			       "\"line\":\"{\\\"a\\\":1}\"},"
			       "{\"time\":\"2018-05-22T10:00:01Z\","
			       "\"line\":\"2 \xEF\xBF\xBD\\n\xE2\x82\xAC\\u0001\xEF\xBF\xBD\","
			       "\"cut\":true}],") != NULL,
		  "%s", text);
	cr_expect(strstr(text, "\"labels\":{},\"kept_back\":3,\"early\":true}") != NULL, "%s",
		  text);
	free(text);
}

Test(alert, a_correction_says_how_it_was_and_has_an_id_of_its_own)
{
	struct alert_correction before = {.found_ms = 1000};
	struct alert alert = example(FORM_COUNT), plain;
	char *text;

	alert_make_id(&alert);
	plain = alert;
	alert.correction = &before;
	text = document(&alert, false);
	cr_expect(strstr(text, ",\"correction\":true,\"previous_value\":null,"
			       "\"previous_severity\":null}") != NULL,
		  "%s", text);
	free(text);
	before = (struct alert_correction){1000, true, 2.5, "warning"};
	text = document(&alert, true);
	cr_expect(strstr(text, ",\"correction\":true,\"previous_value\":2.5,"
			       "\"previous_severity\":\"warning\"}") != NULL,
		  "%s", text);
	free(text);
	alert_make_id(&alert);
	cr_expect_str_neq(alert.id, plain.id);
	plain = alert;
	before.found_ms = 2000;
	alert_make_id(&alert);
	cr_expect_str_neq(alert.id, plain.id);
}

/* jansson as an independent judge: it refuses duplicate keys and bad UTF-8 on load. */
Test(alert, every_form_is_one_line_of_valid_json_without_duplicate_keys)
{
	static const char *const by[] = {"cost_time"};

	for (int form = FORM_COUNT; form <= FORM_BASELINE; form++)
		for (int zh = 0; zh < 2; zh++) {
			struct alert alert = example((enum alert_form)form);
			struct bytes key = BYTES_EMPTY;
			static const char bad[] = "a\"\\\x01\x7f\xff\xc3\xa9\xe2\x82\n";
			json_t *json;
			char *text;

			dimension_append(&key, &(struct value){.type = VALUE_STRING,
							       .length = sizeof(bad) - 1,
							       .as.text = bad});
			alert.field = "cost_time";
			alert.by = by;
			alert.by_count = 1;
			alert.key = bytes_slice(&key);
			alert.message = bad;
			text = document(&alert, zh == 1);
			json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
			cr_expect(json != NULL && strchr(text, '\n') == NULL, "%s", text);
			json_decref(json);
			free(text);
			bytes_deinit(&key);
		}
}

Test(alert, id_is_the_same_in_every_run_and_differs_in_every_part)
{
	struct alert alert = example(FORM_COUNT), other;

	alert_make_id(&alert);
	other = alert;
	other.title = "another title";
	alert_make_id(&other);
	cr_expect_str_eq(other.id, alert.id);
	cr_expect_eq(strlen(alert.id), 32);

	for (int part = 0; part < 5; part++) {
		other = alert;
		if (part == 0)
			other.rule = "another";
		if (part == 1)
			other.version = 2;
		if (part == 2)
			other.key = SLICE_LITERAL("k");
		if (part == 3)
			other.window_end_ms += 5000;
		if (part == 4)
			other.state = ALERT_RESOLVED;
		alert_make_id(&other);
		cr_expect_str_neq(other.id, alert.id, "part %d", part);
	}
}

/* A level that changes within a window (early firing) is another alert; a resolve ends them all. */
Test(alert, id_of_what_fires_has_its_severity)
{
	struct alert warning = example(FORM_COUNT), critical;

	warning.severity = "warning";
	critical = warning;
	critical.severity = "critical";
	alert_make_id(&warning);
	alert_make_id(&critical);
	cr_expect_str_neq(critical.id, warning.id);
	warning.state = critical.state = ALERT_RESOLVED;
	alert_make_id(&warning);
	alert_make_id(&critical);
	cr_expect_str_eq(critical.id, warning.id);
}
