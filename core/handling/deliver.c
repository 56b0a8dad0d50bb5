#include "core/handling/handling_internal.h"

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/utf8.h"
#include "core/config/config.h"
#include "core/config/config_handling.h"
#include "core/handling/group.h"
#include "core/handling/row.h"

#include <string.h>

/* ---- documents ---- */

void deliver_render(struct handling *handling, const struct alert *alert,
		    char *documents[LANGUAGES])
{
	for (int i = 0; i < LANGUAGES; i++) {
		struct bytes text = BYTES_EMPTY;

		mem_free(documents[i]);
		documents[i] = NULL;
		if (!handling->has_language[i])
			continue;
		alert_append_document(alert, i == LANGUAGE_ZH, handling->zone, &text);
		documents[i] = bytes_take_text(&text);
	}
}

const char *deliver_document(const struct handling *handling, const char *output,
			     char *const documents[LANGUAGES])
{
	const struct config_output *found = config_find_output(handling->config, output);
	int language = found != NULL && found->has_zh_keys ? LANGUAGE_ZH : LANGUAGE_EN;

	return documents[language] != NULL ? documents[language]
					   : documents[LANGUAGES - 1 - language];
}

/** The values of the group that the alert belongs to: `{"rule":"a","merchantId":"m1"}`. */
static char *by_json_of(struct handling *handling, const struct alert *alert,
			const struct config_route *route)
{
	struct bytes out = BYTES_EMPTY;
	struct match_subject subject;

	match_subject_init(&subject, alert, handling->config, handling->matcher);
	row_begin(&out);
	for (uint32_t i = 0; i < route->by_count; i++) {
		const char *text = match_subject_text(&subject, &route->by[i]);

		if (i > 0)
			bytes_append_char(&out, ',');
		utf8_append_json(&out, slice_of(route->by[i].text));
		bytes_append_char(&out, ':');
		if (text != NULL)
			utf8_append_json(&out, slice_of(text));
		else
			bytes_append_text(&out, "null");
	}
	row_end(&out);
	match_subject_deinit(&subject);
	return bytes_take_text(&out);
}

/* ---- one output ---- */

static bool send(struct handling *handling, const char *id, const char *output, const char *route,
		 const char *document, const char *note, int64_t now_ms)
{
	struct err_note why = {{0}};
	struct slice body = slice_of(document != NULL ? document : "");

	if (handling->options.on_send(handling->options.arg, output, id, body, &why) != 0) {
		handling->usage.failed++;
		log_error(OUTBOX, "alert %s is not sent to %s: %s", id, output, why.text);
		fate_add(handling, id, "failed", output, now_ms, "%s", why.text);
		return false;
	}
	handling->usage.sent++;
	fate_add(handling, id, "sent", output, now_ms, "by %s%s",
		 route != NULL ? route : "the rule's output", note);
	return true;
}

static bool is_other_way(const struct told *told, const char *route, const char *by_json)
{
	return told->by_json != NULL &&
	       (by_json == NULL || route == NULL || told->route == NULL ||
		strcmp(told->by_json, by_json) != 0 || strcmp(told->route, route) != 0);
}

/** Tells the output of the alert; `settings` NULL with `by_json`: a group whose route is gone. */
static void tell(struct handling *handling, struct open_alert *open, const char *output,
		 const char *route, const struct config_route *settings, const char *by_json,
		 int64_t now_ms)
{
	const char *document = deliver_document(handling, output, open->documents);
	struct told *told = open_told(open, output);
	struct held_request request = {route,          output, by_json,  settings, open,
				       open->alert.id, false,  document, 0};

	request.is_resolved = open->alert.state == ALERT_RESOLVED;
	if (told != NULL && strcmp(told->sent_id, open->alert.id) == 0)
		return;
	if (told == NULL)
		group_send_former(handling, open, output, route, by_json, now_ms);
	if (told != NULL && is_other_way(told, route, by_json)) {
		group_leave(handling, open, told, now_ms);
		told = open_told(open, output);
	}
	if (by_json == NULL || document == NULL || !group_hold(handling, &request, now_ms)) {
		by_json = NULL;
		if (!send(handling, open->alert.id, output, route, document, "", now_ms))
			return;
	}
	told = told != NULL ? told : open_add_told(open, output, NULL, NULL);
	if (by_json == NULL)
		memcpy(told->sent_id, open->alert.id, sizeof(told->sent_id));
	/* Its resolve takes the same way. The old texts may be those given here. */
	struct told way = *told;
	told->route = mem_copy_text(route);
	told->by_json = mem_copy_text(by_json);
	mem_free(way.route);
	mem_free(way.by_json);
	told->repeat_count = 0;
	repeats_note(handling, told, now_ms);
}

static void tell_by_route(struct handling *handling, struct open_alert *open, const char *output,
			  const struct config_route *route, int64_t now_ms)
{
	char *by_json = route->has_group ? by_json_of(handling, &open->alert, route) : NULL;

	tell(handling, open, output, route->name, route, by_json, now_ms);
	mem_free(by_json);
}

/* ---- all outputs ---- */

/** Outputs that had their turn. */
struct turn {
	const char *outputs[CONFIG_OUTPUTS_MAX + 1];
	uint32_t count;
};

/** False: it had its turn already. */
static bool take_turn(struct turn *turn, const char *output)
{
	for (uint32_t i = 0; i < turn->count; i++)
		if (strcmp(turn->outputs[i], output) == 0)
			return false;
	if (turn->count <= CONFIG_OUTPUTS_MAX)
		turn->outputs[turn->count++] = output;
	return true;
}

static void take_route(struct handling *handling, struct open_alert *open,
		       const struct config_route *route, struct turn *turn, int64_t now_ms)
{
	if (route->output_count == 0 && take_turn(turn, open->output))
		tell_by_route(handling, open, open->output, route, now_ms);
	for (uint32_t i = 0; i < route->output_count; i++)
		if (take_turn(turn, route->outputs[i]))
			tell_by_route(handling, open, route->outputs[i], route, now_ms);
}

static void take_routes(struct handling *handling, struct open_alert *open, struct turn *turn,
			int64_t now_ms)
{
	const struct config *config = handling->config;
	struct match_subject subject;
	bool is_taken = false, goes_on = true;

	match_subject_init(&subject, &open->alert, config, handling->matcher);
	for (uint32_t i = 0; i < config->route_count && goes_on; i++) {
		const struct config_route *route = &config->routes[i];

		if (!match_holds(&route->match, &subject))
			continue;
		is_taken = true;
		goes_on = route->is_continued;
		take_route(handling, open, route, turn, now_ms);
	}
	match_subject_deinit(&subject);
	if (!is_taken && take_turn(turn, open->output))
		tell(handling, open, open->output, NULL, NULL, NULL, now_ms);
}

const struct config_route *deliver_find_route(const struct config *config, const char *name)
{
	for (uint32_t i = 0; name != NULL && i < config->route_count; i++)
		if (strcmp(config->routes[i].name, name) == 0)
			return &config->routes[i];
	return NULL;
}

/** Who was told of the alert and is no longer meant (its severity fell, the routes changed) hears
 *  of the change too: otherwise it would believe the old state. */
static void tell_the_others(struct handling *handling, struct open_alert *open, struct turn *turn,
			    int64_t now_ms)
{
	for (uint32_t i = 0; i < open->told_count; i++) {
		const char *output = open->told[i].output;

		if (take_turn(turn, output))
			tell(handling, open, output, open->told[i].route,
			     deliver_find_route(handling->config, open->told[i].route),
			     open->told[i].by_json, now_ms);
	}
}

/** Of just this state: a silence that began later has ended. */
static bool is_told(const struct open_alert *open)
{
	for (uint32_t i = 0; i < open->told_count; i++)
		if (strcmp(open->told[i].sent_id, open->alert.id) == 0)
			return true;
	return false;
}

void deliver(struct handling *handling, struct open_alert *open, int64_t now_ms)
{
	struct turn turn = {.count = 0};

	bool is_new = !is_told(open);

	handling->delivered = open;
	take_routes(handling, open, &turn, now_ms);
	tell_the_others(handling, open, &turn, now_ms);
	handling->delivered = NULL;
	if (open->held_count == 0 && !repeats_has(handling, open))
		open_drop_documents(open);
	open_save(handling, open);
	if (!is_new)
		repeats_wake(handling, now_ms);
	else if (handling->options.on_pass != NULL)
		handling->options.on_pass(handling->options.arg, &open->alert, open->incident_key,
					  now_ms);
}

void deliver_resolved(struct handling *handling, struct open_alert *open, const struct alert *alert,
		      int64_t now_ms)
{
	char *documents[LANGUAGES] = {NULL};

	deliver_render(handling, alert, documents);
	for (uint32_t i = 0; i < open->told_count; i++) {
		const struct told *told = &open->told[i];
		const char *document = deliver_document(handling, told->output, documents);
		struct held_request request = {told->route, told->output, told->by_json, NULL, open,
					       alert->id,   true,         document,      0};

		if (told->by_json == NULL || document == NULL ||
		    !group_hold(handling, &request, now_ms))
			send(handling, alert->id, told->output, told->route, document,
			     ", which got its firing", now_ms);
	}
	for (int i = 0; i < LANGUAGES; i++)
		mem_free(documents[i]);
	if (open->told_count > 0)
		return;
	handling->usage.unsent_resolved++;
	fate_add(handling, alert->id, "not_sent", NULL, now_ms, "nobody was told of its firing");
}
