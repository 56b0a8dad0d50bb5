#include "core/cli/oncall_rehearse.h"

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/report.h"
#include "core/config/config.h"
#include "core/control/site_incidents.h"
#include "core/escalation/escalation.h"
#include "core/escalation/override_store.h"
#include "core/incident/incident.h"
#include "core/incident/incident_command.h"
#include "core/incident/incident_settings.h"
#include "core/loop/loop.h"
#include "core/model/alert.h"
#include "core/model/span.h"
#include "core/model/timestamp.h"
#include "lua/host/loader.h"
#include "storage/commit.h"
#include "storage/kv.h"

#include <stdlib.h>
#include <string.h>

enum { DAY_MS = 24 * 3600 * 1000, TICK_MS = 1000, INCIDENTS_MAX = 10000 };

/** An incident of the file. */
struct player {
	char *name;
	uint64_t number;
	uint32_t alert_count;
};

struct stage {
	const struct rehearsal *rehearsal;
	struct loop *loop;
	struct kv *kv;
	struct commit *commit;
	struct incident_store *incidents;
	struct override_store *overrides;
	struct escalation *escalation;
	struct timer *tick;
	struct player *players;
	uint32_t player_count;
	json_t *pages, *facts;
};

/** One line of the file. */
struct event {
	struct stage *stage;
	json_t *json;
	const char *what; /* its `do` */
	int64_t now_ms;
	struct player *player;
};

/* ---- what chains do ---- */

static const char *name_of(const struct stage *stage, uint64_t number)
{
	for (uint32_t i = 0; i < stage->player_count; i++)
		if (stage->players[i].number == number)
			return stage->players[i].name;
	return "";
}

static json_t *row_at(const struct stage *stage, int64_t ms, uint64_t incident)
{
	char text[TIMESTAMP_TEXT_BYTES_MAX];

	timestamp_format(ms, text);
	return json_pack("{s:s, s:s}", "at", text, "incident", name_of(stage, incident));
}

static int on_page(void *arg, const struct chain_page *page, struct err_note *why)
{
	struct stage *stage = arg;
	json_t *row = row_at(stage, loop_wall_ms(stage->loop), page->incident->number);

	(void)why;
	json_object_set_new(row, "person",
			    page->person != NULL ? json_string(page->person) : json_null());
	json_object_set_new(row, "output",
			    page->output != NULL ? json_string(page->output) : json_null());
	json_object_set_new(row, "event", json_string(page->event));
	json_object_set_new(row, "important", json_boolean(page->is_important));
	json_object_set_new(row, "cause", json_string(page->cause));
	json_array_append_new(stage->pages, row);
	return 0;
}

/** Plans are not rehearsed here: that is `tocsin plan dry-run`. */
static int on_start_plan(void *arg, const char *plan, uint64_t incident, const char *cause,
			 struct err_note *why)
{
	(void)arg, (void)plan, (void)incident, (void)cause, (void)why;
	return 0;
}

static void on_event(void *arg, const struct incident *incident, const char *event)
{
	struct stage *stage = arg;

	escalation_on_incident(stage->escalation, incident, event);
}

static void on_tick(void *arg)
{
	struct stage *stage = arg;

	incident_tick(stage->incidents, loop_wall_ms(stage->loop));
	commit_kick(stage->commit);
	timer_set(stage->tick, TICK_MS);
}

/* ---- the stage ---- */

static int stage_open(struct stage *stage, int64_t start_ms, struct err_note *why)
{
	struct commit_options commit = {0};
	struct incident_settings settings;
	struct incident_options incidents = {
		.settings = &settings, .on_event = on_event, .arg = stage};
	struct escalation_options escalation = {
		.page = on_page, .start_plan = on_start_plan, .arg = stage};
	int code;

	stage->loop = loop_virtual_new(start_ms);
	stage->kv = kv_memory_new();
	stage->pages = json_array();
	stage->facts = json_array();
	code = commit_new(&stage->commit, stage->kv, &commit, why);
	if (code != 0)
		return code;
	site_incident_settings(stage->rehearsal->config, &settings);
	incidents.kv = stage->kv;
	incidents.commit = stage->commit;
	code = incident_store_new(&stage->incidents, &incidents, why);
	if (code == 0)
		code = override_store_new(&stage->overrides, stage->kv, stage->commit, why);
	escalation.kv = stage->kv;
	escalation.commit = stage->commit;
	escalation.loop = stage->loop;
	escalation.incidents = stage->incidents;
	escalation.overrides = stage->overrides;
	if (code == 0)
		code = escalation_new(&stage->escalation, &escalation, why);
	if (code != 0)
		return code;
	escalation_configure(stage->escalation, stage->rehearsal->config);
	escalation_resume(stage->escalation);
	stage->tick = timer_new(stage->loop, on_tick, stage);
	timer_set(stage->tick, TICK_MS);
	return 0;
}

static void stage_close(struct stage *stage)
{
	if (stage->loop == NULL)
		return;
	timer_free(stage->tick);
	escalation_free(stage->escalation);
	override_store_free(stage->overrides);
	incident_store_free(stage->incidents);
	commit_free(stage->commit);
	kv_free(stage->kv);
	loop_free(stage->loop);
	for (uint32_t i = 0; i < stage->player_count; i++)
		mem_free(stage->players[i].name);
	mem_free(stage->players);
	json_decref(stage->pages);
	json_decref(stage->facts);
}

/* ---- events of the file ---- */

static int get_text(const struct event *event, const char *name, const char *otherwise,
		    const char **out, struct err_note *why)
{
	const json_t *value = json_object_get(event->json, name);
	const char *text = value != NULL ? json_string_value(value) : otherwise;

	if (text == NULL)
		return err_set(why, ERR_INVALID, "\"%s\" wants \"%s\", a text", event->what, name);
	*out = text;
	return 0;
}

static int get_time(const struct event *event, const char *name, int64_t *out, struct err_note *why)
{
	const char *text = NULL;
	int code = get_text(event, name, NULL, &text, why);

	if (code == 0 && timestamp_parse(slice_of(text), out) != 0)
		code = err_set(why, ERR_INVALID,
			       "\"%s\" must be a time like 2026-03-01T02:00:00Z, not \"%.40s\"",
			       name, text);
	return code;
}

static struct player *find_player(const struct stage *stage, const char *name)
{
	for (uint32_t i = 0; i < stage->player_count; i++)
		if (strcmp(stage->players[i].name, name) == 0)
			return &stage->players[i];
	return NULL;
}

/** A slip of the pen would rehearse something else, and nobody would see it. */
static int check_fields(const struct event *event, struct err_note *why)
{
	static const char *const fields[] = {"at",    "do",    "incident", "category", "severity",
					     "field", "value", "for",      "schedule", "person",
					     "from",  "to",    NULL};
	const char *key;
	json_t *value;

	json_object_foreach(event->json, key, value)
	{
		uint32_t i = 0;

		while (fields[i] != NULL && strcmp(fields[i], key) != 0)
			i++;
		if (fields[i] != NULL)
			continue;
		const char *near = report_nearest(key, fields);

		return err_set(why, ERR_INVALID, "there is no field \"%.40s\"%s%s%s", key,
			       near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
			       near != NULL ? "\"?" : "");
	}
	return 0;
}

static int check_category(const struct event *event, const char *name, struct err_note *why)
{
	const struct config *config = event->stage->rehearsal->config;

	for (uint32_t i = 0; i < config->category_count; i++)
		if (strcmp(config->categories[i].name, name) == 0)
			return 0;
	return err_set(why, ERR_NOT_FOUND, "the site has no category \"%.64s\"", name);
}

static int give_alert(const struct event *event, struct player *player, uint32_t index,
		      enum alert_state state, struct err_note *why)
{
	struct stage *stage = event->stage;
	char *rule = mem_format("%s/%u", player->name, index);
	struct alert alert = {.rule = rule, .state = state, .labels_json = "{}"};
	const struct incident *incident;
	int code = get_text(event, "severity", "warning", &alert.severity, why);

	if (code == 0)
		code = get_text(event, "category", "", &alert.category, why);
	if (code == 0 && alert.category[0] == '\0')
		alert.category = NULL;
	if (code == 0 && alert.category != NULL)
		code = check_category(event, alert.category, why);
	alert.title = player->name;
	if (code == 0) {
		incident = incident_on_alert(stage->incidents, &alert, player->name, event->now_ms);
		player->number = incident != NULL ? incident->number : player->number;
	}
	mem_free(rule);
	return code;
}

static int open_one(const struct event *event, struct err_note *why)
{
	struct stage *stage = event->stage;
	const char *name = NULL;
	struct player *player;
	int code = get_text(event, "incident", NULL, &name, why);

	if (code == 0 && find_player(stage, name) != NULL)
		code = err_set(why, ERR_EXISTS, "\"%.64s\" was opened before", name);
	if (code == 0 && stage->player_count == INCIDENTS_MAX)
		code = err_set(why, ERR_FULL, "there are more than %d incidents", INCIDENTS_MAX);
	if (code != 0)
		return code;
	stage->players = mem_grow(stage->players, stage->player_count + 1, sizeof(*player));
	player = &stage->players[stage->player_count++];
	*player = (struct player){.name = mem_copy_text(name)};
	return give_alert(event, player, player->alert_count++, ALERT_FIRING, why);
}

static int calm(const struct event *event, struct err_note *why)
{
	int code = 0;

	for (uint32_t i = 0; code == 0 && i < event->player->alert_count; i++)
		code = give_alert(event, event->player, i, ALERT_RESOLVED, why);
	return code;
}

static int set(const struct event *event, const struct incident_command *command,
	       struct err_note *why)
{
	const char *field = NULL, *value = NULL;
	int code = get_text(event, "field", NULL, &field, why);

	if (code == 0)
		code = get_text(event, "value", NULL, &value, why);
	return code != 0 ? code : incident_set(event->stage->incidents, command, field, value, why);
}

static int snooze(const struct event *event, const struct incident_command *command,
		  struct err_note *why)
{
	const char *span = NULL;
	int64_t span_ms = 0;
	int code = get_text(event, "for", NULL, &span, why);

	if (code == 0)
		code = span_parse(span, &span_ms, why);
	if (code == 0)
		code = incident_snooze(event->stage->incidents, command,
				       span_ms > 0 ? event->now_ms + span_ms : 0, why);
	return code;
}

static int override(const struct event *event, struct err_note *why)
{
	struct stored_override row = {.actor = "rehearsal"};
	int code = get_text(event, "schedule", NULL, &row.schedule, why);

	if (code == 0)
		code = get_text(event, "person", NULL, &row.person, why);
	if (code == 0)
		code = get_time(event, "from", &row.from_ms, why);
	if (code == 0)
		code = get_time(event, "to", &row.to_ms, why);
	if (code == 0)
		code = override_store_add(event->stage->overrides, event->stage->rehearsal->config,
					  &row, event->now_ms, why);
	return code;
}

static int act(const struct event *event, struct err_note *why)
{
	struct incident_command command = {.number = event->player->number,
					   .actor = "rehearsal",
					   .reason = "rehearsal",
					   .now_ms = event->now_ms};
	enum incident_move move;
	int code;

	if (strcmp(event->what, "alert") == 0)
		return give_alert(event, event->player, event->player->alert_count++, ALERT_FIRING,
				  why);
	if (strcmp(event->what, "calm") == 0)
		return calm(event, why);
	if (strcmp(event->what, "set") == 0)
		return set(event, &command, why);
	if (strcmp(event->what, "snooze") == 0)
		return snooze(event, &command, why);
	code = incident_move_parse(event->what, &move, why);
	return code != 0 ? code : incident_do(event->stage->incidents, move, &command, why);
}

static int play(struct event *event, struct err_note *why)
{
	struct stage *stage = event->stage;
	const char *name = NULL;
	int code;

	loop_virtual_advance(stage->loop, event->now_ms - loop_wall_ms(stage->loop));
	if (strcmp(event->what, "open") == 0)
		return open_one(event, why);
	if (strcmp(event->what, "override") == 0)
		return override(event, why);
	code = get_text(event, "incident", NULL, &name, why);
	if (code != 0)
		return code;
	event->player = find_player(stage, name);
	if (event->player == NULL)
		return err_set(why, ERR_NOT_FOUND, "\"%.64s\" was not opened", name);
	return act(event, why);
}

static int play_line(struct stage *stage, const char *line, struct err_note *why)
{
	json_error_t error;
	struct event event = {.stage = stage, .json = json_loads(line, 0, &error)};
	int code = 0;

	if (!json_is_object(event.json))
		code = err_set(why, ERR_INVALID, "it is no JSON object%s%s",
			       event.json == NULL ? ": " : "",
			       event.json == NULL ? error.text : "");
	event.what = "an event";
	if (code == 0)
		code = check_fields(&event, why);
	if (code == 0)
		code = get_time(&event, "at", &event.now_ms, why);
	if (code == 0)
		code = get_text(&event, "do", NULL, &event.what, why);
	if (code == 0 && stage->loop == NULL)
		code = stage_open(stage, event.now_ms, why);
	if (code == 0 && event.now_ms < loop_wall_ms(stage->loop))
		code = err_set(why, ERR_INVALID, "it is before the line above it");
	if (code == 0)
		code = play(&event, why);
	if (code == 0)
		commit_kick(stage->commit);
	json_decref(event.json);
	return code;
}

/* ---- the end ---- */

struct gathering {
	struct stage *stage;
	uint64_t number;
};

static void add_fact(void *arg, struct slice text)
{
	struct gathering *gathering = arg;
	json_t *record = json_loadb(text.data, text.length, 0, NULL);
	const char *kind = json_string_value(json_object_get(record, "kind"));

	if (kind != NULL && strncmp(kind, "chain_", 6) == 0 && strcmp(kind, "chain_step") != 0) {
		json_t *row = row_at(gathering->stage,
				     json_integer_value(json_object_get(record, "time_ms")),
				     gathering->number);
		json_object_set_new(row, "kind", json_string(kind));
		json_object_set(row, "text", json_object_get(record, "text"));
		json_array_append_new(gathering->stage->facts, row);
	}
	json_decref(record);
}

static int finish(struct stage *stage, json_t **out, struct err_note *why)
{
	int64_t now_ms = loop_wall_ms(stage->loop), to_ms = stage->rehearsal->to_ms;
	struct escalation_usage usage;
	int code = 0;

	if (to_ms == 0)
		to_ms = now_ms + DAY_MS;
	if (to_ms < now_ms)
		return err_set(why, ERR_INVALID, "--to is before the last event");
	loop_virtual_advance(stage->loop, to_ms - now_ms);
	for (uint32_t i = 0; code == 0 && i < stage->player_count; i++) {
		struct gathering gathering = {stage, stage->players[i].number};

		code = incident_each_timeline(stage->incidents, gathering.number, add_fact,
					      &gathering, why);
	}
	if (code != 0)
		return code;
	escalation_usage(stage->escalation, &usage);
	*out = json_pack("{s:O, s:O, s:I}", "pages", stage->pages, "facts", stage->facts, "rescued",
			 (json_int_t)usage.rescued);
	return 0;
}

int oncall_rehearse(const struct rehearsal *rehearsal, json_t **out, struct err_note *why)
{
	struct stage stage = {.rehearsal = rehearsal};
	char *text = NULL, *rest, *line;
	size_t bytes;
	unsigned number = 0;
	int code = loader_read_file(rehearsal->path, &text, &bytes, why);

	/* What happens is in the answer. */
	log_set_level(LOG_LEVEL_ERROR);
	rest = text;
	while (code == 0 && (line = strsep(&rest, "\n")) != NULL) {
		number++;
		if (line[strspn(line, " \t\r")] == '\0')
			continue;
		code = play_line(&stage, line, why);
		if (code != 0)
			err_prefix(why, "%s:%u", rehearsal->path, number);
	}
	if (code == 0 && stage.loop == NULL)
		code = err_set(why, ERR_INVALID, "%s has no events", rehearsal->path);
	if (code == 0)
		code = finish(&stage, out, why);
	stage_close(&stage);
	mem_free(text);
	return code;
}
