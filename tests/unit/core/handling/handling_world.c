#include "handling_world.h"

#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/report.h"
#include "core/config/config.h"
#include "core/handling/json_tree.h"
#include "core/model/dimension.h"
#include "core/model/value.h"
#include "core/model/zone.h"
#include "storage/alert_log.h"
#include "storage/commit.h"
#include "storage/kv.h"

#include <criterion/criterion.h>
#include <jansson.h>

#include <string.h>

static const char outputs[] = "\"outputs\": {\"alerts\": {\"file\": \"a\"}, "
			      "\"ops\": {\"file\": \"o\"}, \"pager\": {\"file\": \"p\"}, "
			      "\"zh\": {\"file\": \"z\", \"keys\": \"zh\"}}";

static struct config *make_config(const char *site)
{
	struct arena arena;
	struct report report;
	const struct tree *tree = NULL;
	struct err_note why = {{0}};
	char *text = mem_format("{%s%s%s}", outputs, site[0] != '\0' ? ", " : "", site);

	arena_init(&arena);
	report_init(&report);
	cr_assert_eq(json_tree_new(text, &arena, &tree, &why), 0, "%s", why.text);
	struct config *config = config_new(tree, "tocsin.lua", &report);
	cr_assert(config != NULL, "%s", report.count > 0 ? report.findings[0].text : "");
	report_deinit(&report);
	arena_deinit(&arena);
	mem_free(text);
	return config;
}

static void describe(const json_t *alert, struct bytes *out)
{
	const char *name = json_string_value(json_object_get(alert, "rule"));
	const json_t *dimension = json_object_get(alert, "dimension");
	const char *merchant = json_string_value(json_object_get(dimension, "merchantId"));

	bytes_append_format(out, "%s|%s %s %s", name, merchant != NULL ? merchant : "",
			    json_string_value(json_object_get(alert, "state")),
			    json_string_value(json_object_get(alert, "severity")));
}

static int on_send(void *arg, const char *output, const char *id, struct slice body,
		   struct err_note *why)
{
	struct world *world = arg;
	json_t *document = json_loadb(body.data, body.length, 0, NULL);
	const json_t *alerts = json_object_get(document, "alerts");
	const json_t *alert;
	size_t index;

	cr_assert(document != NULL, "a document is not JSON");
	cr_expect_str_eq(json_string_value(json_object_get(document, "id")), id);
	if (world->refused_output != NULL && strcmp(world->refused_output, output) == 0) {
		json_decref(document);
		return err_set(why, ERR_FULL, "the queue of %s is full", output);
	}
	bytes_append_format(&world->sent, "%s:", output);
	if (alerts == NULL)
		describe(document, &world->sent);
	else
		bytes_append_format(&world->sent, "[%s",
				    json_string_value(json_object_get(document, "state")));
	json_array_foreach(alerts, index, alert)
	{
		bytes_append_text(&world->sent, ", ");
		describe(alert, &world->sent);
	}
	bytes_append_text(&world->sent, alerts == NULL ? "; " : "]; ");
	bytes_clear(&world->last);
	bytes_append_slice(&world->last, body);
	json_decref(document);
	return 0;
}

static void on_pass(void *arg, const struct alert *alert, const char *incident_key, int64_t now_ms)
{
	struct world *world = arg;

	cr_expect_eq(now_ms, world->now_ms);
	/* Corrections belong to no incident. */
	if (world->corrects && incident_key == NULL)
		return;
	cr_expect_str_eq(incident_key, "incident");
	bytes_append_format(&world->heard, "pass %s %s; ", alert->rule,
			    alert_state_name(alert->state));
}

static void on_mute(void *arg, const struct alert *alert, const char *incident_key,
		    const char *text, int64_t now_ms)
{
	struct world *world = arg;

	(void)now_ms;
	cr_expect_str_eq(incident_key, "incident");
	bytes_append_format(&world->heard, "mute %s: %s; ", alert->rule, text);
}

static void start(struct world *world)
{
	struct commit_options commit_options = {0};
	struct err_note why = {{0}};
	struct handling_options options = {
		.kv = world->kv,
		.seed = ++world->start_count,
		.on_send = on_send,
		.on_pass = on_pass,
		.on_mute = on_mute,
		.arg = world,
	};

	cr_assert_eq(commit_new(&world->commit, world->kv, &commit_options, &why), 0);
	options.commit = world->commit;
	cr_assert_eq(handling_new(&world->handling, &options, &why), 0, "%s", why.text);
	handling_configure(world->handling, world->config, world->zone);
}

static void stop(struct world *world)
{
	commit_free(world->commit);
	handling_free(world->handling);
}

void world_open(struct world *world, const char *site)
{
	memset(world, 0, sizeof(*world));
	world->kv = kv_memory_new();
	world->now_ms = 1800000000000; /* 2027-01-15T08:00:00Z, a Friday */
	world->config = make_config(site);
	cr_assert_eq(zone_open(&world->zone, "UTC", NULL), 0);
	start(world);
	world_turn(world);
}

void world_close(struct world *world)
{
	stop(world);
	kv_free(world->kv);
	config_unref(world->config);
	zone_free(world->zone);
	bytes_deinit(&world->sent);
	bytes_deinit(&world->heard);
	bytes_deinit(&world->last);
	bytes_deinit(&world->key);
}

void world_turn(struct world *world)
{
	handling_advance(world->handling, world->now_ms);
	commit_kick(world->commit);
}

void world_restart(struct world *world)
{
	commit_kick(world->commit);
	stop(world);
	start(world);
	world_turn(world);
}

void world_configure(struct world *world, const char *site)
{
	config_unref(world->config);
	world->config = make_config(site);
	handling_configure(world->handling, world->config, world->zone);
	world_turn(world);
}

void world_pass(struct world *world, int64_t ms)
{
	world->now_ms += ms;
	world_turn(world);
}

void world_alert(struct world *world, const char *rule, const char *merchant, const char *severity,
		 enum alert_state state)
{
	static const char *const by[] = {"merchantId"};
	const struct alert_correction correction = {.found_ms = 1};
	struct value value = {.type = VALUE_STRING, .length = (uint32_t)strlen(merchant)};
	int64_t end_ms = world->now_ms + ++world->sequence;
	struct bytes document = BYTES_EMPTY;

	value.as.text = merchant;
	bytes_clear(&world->key);
	dimension_append(&world->key, &value);
	struct alert alert = {
		.rule = rule,
		.title = "Slow payments",
		.version = 1,
		.form = FORM_GROUP,
		.state = state,
		.window_start_ms = end_ms - MINUTE,
		.window_end_ms = end_ms,
		.window_ms = MINUTE,
		.threshold = ">=20",
		.field = "merchantId",
		.statistic = "count",
		.key = bytes_slice(&world->key),
		.by = by,
		.by_count = 1,
		.severity = severity,
		.labels_json = "{\"team\":\"payments\"}",
		.category = "restaurants",
		.correction = world->corrects ? &correction : NULL,
	};
	alert_make_id(&alert);
	memcpy(world->last_id, alert.id, sizeof(alert.id));
	alert_append_document(&alert, false, world->zone, &document);
	alert_log_put(commit_batch(world->commit), end_ms, alert.id, bytes_slice(&document));
	handling_on_alert(world->handling, &alert, "alerts", "incident", world->now_ms);
	bytes_deinit(&document);
}

void world_fire(struct world *world, const char *rule, const char *merchant)
{
	world_alert(world, rule, merchant, "warning", ALERT_FIRING);
	world_turn(world);
}

void world_resolve(struct world *world, const char *rule, const char *merchant)
{
	world_alert(world, rule, merchant, "warning", ALERT_RESOLVED);
	world_turn(world);
}

void world_expect(struct world *world, const char *sent)
{
	cr_expect_str_eq(world->sent.length > 0 ? world->sent.data : "", sent);
	bytes_clear(&world->sent);
}

void world_expect_heard(struct world *world, const char *heard)
{
	cr_expect_str_eq(world->heard.length > 0 ? world->heard.data : "", heard);
	bytes_clear(&world->heard);
}

void world_expect_events(struct world *world, const char *id, const char *kinds)
{
	struct bytes json = BYTES_EMPTY, found = BYTES_EMPTY;
	struct err_note why = {{0}};
	const json_t *event;
	json_t *fate;
	size_t index;

	cr_assert_eq(handling_append_fate(world->handling, id, &json, &why), 0, "%s", why.text);
	fate = json_loadb(json.data, json.length, 0, NULL);
	cr_expect(json_is_object(json_object_get(fate, "document")));
	json_array_foreach(json_object_get(fate, "events"), index, event)
	{
		bytes_append_format(&found, "%s%s", index > 0 ? ", " : "",
				    json_string_value(json_object_get(event, "kind")));
	}
	cr_expect_str_eq(found.length > 0 ? found.data : "", kinds);
	json_decref(fate);
	bytes_deinit(&json);
	bytes_deinit(&found);
}

void world_expect_text(struct world *world, const char *id, const char *part)
{
	struct bytes json = BYTES_EMPTY;
	struct err_note why = {{0}};

	cr_assert_eq(handling_append_fate(world->handling, id, &json, &why), 0, "%s", why.text);
	cr_expect(strstr(json.data, part) != NULL, "\"%s\" is not in %s", part, json.data);
	bytes_deinit(&json);
}

uint64_t world_silence(struct world *world, const char *match_json, int64_t for_ms)
{
	struct silence_request request = {
		.match_json = match_json,
		.zone = "UTC",
		.author = "ann",
		.reason = "upgrade",
		.start_ms = world->now_ms,
		.end_ms = world->now_ms + for_ms,
	};
	const struct silence *silence = NULL;
	struct err_note why = {{0}};

	cr_assert_eq(silences_add(handling_silences(world->handling), &request, world->now_ms,
				  &silence, &why),
		     0, "%s", why.text);
	return silence->number;
}

struct handling_usage world_usage(struct world *world)
{
	struct handling_usage usage;

	handling_usage(world->handling, world->now_ms, &usage);
	return usage;
}
