/* What is still open is told again, `repeat_every` of its route after it was told the last time. A
 * group is told again as a whole: the alerts of it that are open, when the first of them is due.
 *
 * The document is that of the alert; a single one has an id of its own, for receivers drop what
 * they have seen. Silences and sources are asked before: what they keep quiet waits, as any alert
 * does, and is told again when they end. */
#include "core/handling/handling_internal.h"

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/config/config_handling.h"
#include "core/handling/group.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/** Those beyond HANDLING_REPEATS_MAX come this much later. */
enum { NEXT_TURN_MS = 1000 };

struct turn {
	struct handling *handling;
	int64_t now_ms;
	struct key_table groups; /**< ids of those that are told again */
	uint32_t sent_count;
};

void repeats_configure(struct handling *handling)
{
	const struct config *config = handling->config;

	handling->has_repeats = false;
	for (uint32_t i = 0; i < config->route_count; i++)
		handling->has_repeats |= config->routes[i].repeat_ms > 0;
	handling->repeat_next_ms = INT64_MIN;
}

static int64_t repeat_ms_of(const struct handling *handling, const struct told *told)
{
	const struct config_route *route;

	if (!handling->has_repeats || told->told_ms == 0)
		return 0;
	route = deliver_find_route(handling->config, told->route);
	return route != NULL ? route->repeat_ms : 0;
}

bool repeats_has(const struct handling *handling, const struct open_alert *open)
{
	for (uint32_t i = 0; i < open->told_count; i++)
		if (repeat_ms_of(handling, &open->told[i]) > 0)
			return true;
	return false;
}

static void wake_at(struct handling *handling, int64_t next_ms)
{
	if (next_ms < handling->repeat_next_ms)
		handling->repeat_next_ms = next_ms;
	if (next_ms < handling->next_ms)
		handling->next_ms = next_ms;
}

void repeats_wake(struct handling *handling, int64_t now_ms)
{
	if (handling->has_repeats)
		wake_at(handling, now_ms);
}

void repeats_note(struct handling *handling, struct told *told, int64_t now_ms)
{
	int64_t repeat_ms;

	told->told_ms = now_ms;
	repeat_ms = repeat_ms_of(handling, told);
	if (repeat_ms > 0)
		wake_at(handling, now_ms + repeat_ms);
}

/* ---- documents ---- */

static void repeat_id(const char *id, uint32_t repeat_count, char out[HEX_ID_BYTES])
{
	char text[ALERT_ID_BYTES + 16];
	int length = snprintf(text, sizeof(text), "%s %u", id, repeat_count);
	XXH128_canonical_t canonical;

	XXH128_canonicalFromHash(&canonical, XXH3_128bits(text, (size_t)length));
	for (size_t i = 0; i < sizeof(canonical.digest); i++)
		snprintf(out + 2 * i, 3, "%02x", canonical.digest[i]);
}

/** The document with its number, and with `id` in place of the alert's when that is not NULL. */
static char *repeat_document(const char *document, const char *alert_id, uint32_t repeat_count,
			     const char *id)
{
	char *wanted = mem_format("\"id\":\"%s\"", alert_id);
	const char *found = id != NULL ? strstr(document, wanted) : NULL;
	struct bytes out = BYTES_EMPTY;

	bytes_append_format(&out, "{\"repeat\":%u,", repeat_count);
	if (found != NULL) {
		bytes_append_format(&out, "\"repeat_of\":\"%s\",", alert_id);
		bytes_append(&out, document + 1, (size_t)(found - document - 1));
		bytes_append_format(&out, "\"id\":\"%s\"", id);
		document = found + strlen(wanted) - 1;
	}
	bytes_append_text(&out, document + 1);
	mem_free(wanted);
	return bytes_take_text(&out);
}

/* ---- one alert ---- */

/** It was told, and nothing newer waits. */
static bool is_told_now(const struct open_alert *open, const struct told *told)
{
	return open->wait == WAIT_NONE && strcmp(told->sent_id, open->alert.id) == 0;
}

/** INT64_MAX: never; also when its documents are not kept, because it was told before its route had
 *  `repeat_every`. */
static int64_t due_ms(const struct handling *handling, const struct open_alert *open,
		      const struct told *told)
{
	int64_t repeat_ms = repeat_ms_of(handling, told);

	if (repeat_ms == 0 || !is_told_now(open, told) ||
	    deliver_document(handling, told->output, open->documents) == NULL)
		return INT64_MAX;
	return told->told_ms + repeat_ms;
}

static bool is_due(const struct turn *turn, const struct open_alert *open, const struct told *told)
{
	int64_t due = due_ms(turn->handling, open, told);

	return due != INT64_MAX && (turn->now_ms >= due || turn->now_ms < told->told_ms);
}

static void send_again(struct turn *turn, struct open_alert *open, struct told *told)
{
	struct handling *handling = turn->handling;
	struct err_note why = {{0}};
	char id[HEX_ID_BYTES];
	char *body;

	repeat_id(open->alert.id, ++told->repeat_count, id);
	body = repeat_document(deliver_document(handling, told->output, open->documents),
			       open->alert.id, told->repeat_count, id);
	told->told_ms = turn->now_ms;
	turn->sent_count++;
	if (handling->options.on_send(handling->options.arg, told->output, id, slice_of(body),
				      &why) == 0) {
		handling->usage.sent++;
		handling->usage.repeated++;
		fate_add(handling, open->alert.id, "repeated", told->output, turn->now_ms,
			 "number %u, by %s", told->repeat_count, told->route);
	} else {
		handling->usage.failed++;
		log_error(OUTBOX, "alert %s is not sent again to %s: %s", open->alert.id,
			  told->output, why.text);
		fate_add(handling, open->alert.id, "failed", told->output, turn->now_ms, "%s",
			 why.text);
	}
	mem_free(body);
}

static void hold_again(struct turn *turn, struct open_alert *open, struct told *told)
{
	struct handling *handling = turn->handling;
	const char *document = deliver_document(handling, told->output, open->documents);
	char *body = repeat_document(document, open->alert.id, ++told->repeat_count, NULL);
	struct held_request request = {
		.route = told->route,
		.output = told->output,
		.by_json = told->by_json,
		.settings = deliver_find_route(handling->config, told->route),
		.open = open,
		.id = open->alert.id,
		.document = body,
		.repeat_count = told->repeat_count,
	};

	told->told_ms = turn->now_ms;
	if (!group_hold(handling, &request, turn->now_ms)) {
		told->repeat_count--;
		send_again(turn, open, told);
	}
	mem_free(body);
}

/** Is its group told again in this turn? */
static bool is_in_turn(const struct turn *turn, const struct told *told)
{
	char id[HEX_ID_BYTES];

	if (told->by_json == NULL)
		return false;
	group_id_of(told->route, told->output, told->by_json, id);
	return key_table_find(&turn->groups, slice_of(id)) != KEY_TABLE_NONE;
}

static void tell_again(struct turn *turn, struct open_alert *open)
{
	bool is_asked = false;

	for (uint32_t i = 0; i < open->told_count; i++) {
		struct told *told = &open->told[i];

		if (due_ms(turn->handling, open, told) == INT64_MAX ||
		    (told->by_json != NULL ? !is_in_turn(turn, told)
					   : !is_due(turn, open, told) ||
						     turn->sent_count >= HANDLING_REPEATS_MAX))
			continue;
		if (!is_asked && decide_suppressed(turn->handling, open, turn->now_ms))
			return;
		is_asked = true;
		if (told->by_json != NULL)
			hold_again(turn, open, told);
		else
			send_again(turn, open, told);
	}
	if (is_asked)
		open_save(turn->handling, open);
}

/* ---- a turn ---- */

static int by_opening(const void *a, const void *b)
{
	uint64_t left = (*(struct open_alert *const *)a)->order;
	uint64_t right = (*(struct open_alert *const *)b)->order;

	return left < right ? -1 : left > right;
}

/** All that are told by routes with `repeat_every`, in the order in which they opened; owned. */
static struct open_alert **list_repeated(const struct handling *handling, uint32_t *count)
{
	struct open_alert **list = mem_alloc_array(handling->open.count + 1, sizeof(*list));
	struct open_alert *open;
	uint32_t at = 0;

	*count = 0;
	while ((open = pointer_map_next(&handling->open, &at)) != NULL)
		if (repeats_has(handling, open))
			list[(*count)++] = open;
	qsort(list, *count, sizeof(*list), by_opening);
	return list;
}

static void find_due_groups(struct turn *turn, const struct open_alert *open)
{
	char id[HEX_ID_BYTES];
	bool is_new;

	for (uint32_t i = 0; i < open->told_count; i++) {
		const struct told *told = &open->told[i];

		if (told->by_json == NULL || !is_due(turn, open, told))
			continue;
		group_id_of(told->route, told->output, told->by_json, id);
		key_table_put(&turn->groups, slice_of(id), &is_new);
	}
}

/** What is due still was too much for this turn. */
static void find_next(struct turn *turn, const struct open_alert *open)
{
	for (uint32_t i = 0; i < open->told_count; i++) {
		int64_t next_ms = due_ms(turn->handling, open, &open->told[i]);

		if (next_ms <= turn->now_ms)
			next_ms = turn->now_ms + NEXT_TURN_MS;
		if (next_ms != INT64_MAX)
			wake_at(turn->handling, next_ms);
	}
}

void repeats_send_due(struct handling *handling, bool is_all_due, int64_t now_ms)
{
	struct turn turn = {.handling = handling, .now_ms = now_ms};
	struct open_alert **list;
	uint32_t count;

	if (!handling->has_repeats || (!is_all_due && now_ms < handling->repeat_next_ms))
		return;
	key_table_init(&turn.groups, handling->options.seed);
	list = list_repeated(handling, &count);
	for (uint32_t i = 0; i < count; i++)
		find_due_groups(&turn, list[i]);
	for (uint32_t i = 0; i < count; i++)
		tell_again(&turn, list[i]);
	handling->repeat_next_ms = INT64_MAX;
	for (uint32_t i = 0; i < count; i++)
		find_next(&turn, list[i]);
	mem_free(list);
	key_table_deinit(&turn.groups);
}
