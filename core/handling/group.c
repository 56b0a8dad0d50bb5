#include "core/handling/handling_internal.h"

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/config/config_handling.h"
#include "core/handling/group.h"
#include "core/handling/row.h"
#include "storage/commit.h"
#include "storage/kv.h"

#include <stdio.h>
#include <string.h>
#include <xxhash.h>

/*  A group:
 *
 *      -hold-> GATHERING -sent-> RESTING -hold-> GATHERING
 *                  |                |
 *          (all silenced) -> gone   +- `interval` after the last document -> gone
 *
 *  GATHERING has held alerts and a time at which they are sent: `wait` after the first, in RESTING
 *  not before `interval` after the last document; at once when one of them is a resolve. */

void group_id_of(const char *route, const char *output, const char *by_json, char id[HEX_ID_BYTES])
{
	struct bytes text = BYTES_EMPTY;
	XXH128_canonical_t canonical;

	bytes_append_format(&text, "%s\n%s\n%s", route != NULL ? route : "", output, by_json);
	XXH128_canonicalFromHash(&canonical, XXH3_128bits(text.data, text.length));
	for (size_t i = 0; i < sizeof(canonical.digest); i++)
		snprintf(id + 2 * i, 3, "%02x", canonical.digest[i]);
	bytes_deinit(&text);
}

/* ---- memory ---- */

void held_free(struct held *held)
{
	bytes_deinit(&held->key);
	mem_free(held->severity);
	mem_free(held->document);
	mem_free(held);
}

struct open_alert *held_find(const struct handling *handling, const struct held *held)
{
	struct open_alert *open = open_find(handling, bytes_slice(&held->key));

	return open != NULL && open->order == held->order ? open : NULL;
}

static void drop_held(struct handling *handling, struct group *group)
{
	while (group->first != NULL) {
		struct held *held = group->first;

		group->first = held->next;
		held_free(held);
		handling->held_count--;
	}
	group->last = NULL;
	group->held_count = 0;
	group->held_bytes = 0;
}

static void group_free(struct handling *handling, struct group *group)
{
	drop_held(handling, group);
	mem_free(group->route);
	mem_free(group->output);
	mem_free(group->by_json);
	mem_free(group);
}

void group_append(struct handling *handling, struct group *group, struct held *held)
{
	if (group->last != NULL)
		group->last->next = held;
	else
		group->first = held;
	group->last = held;
	group->held_count++;
	group->held_bytes += strlen(held->document);
	if (held->sequence >= group->sequence_next)
		group->sequence_next = held->sequence + 1;
	handling->held_count++;
}

void groups_free(struct handling *handling)
{
	struct group *group;
	uint32_t at = 0;

	while ((group = pointer_map_next(&handling->groups, &at)) != NULL)
		group_free(handling, group);
	pointer_map_deinit(&handling->groups);
}

/** The earliest time at which something is to be done for the group. */
static int64_t next_ms_of(const struct group *group)
{
	return group->first != NULL ? group->flush_ms : group->sent_ms + group->interval_ms;
}

int64_t groups_next_ms(const struct handling *handling)
{
	const struct group *group;
	int64_t next_ms = INT64_MAX;
	uint32_t at = 0;

	while ((group = pointer_map_next(&handling->groups, &at)) != NULL)
		if (next_ms_of(group) < next_ms)
			next_ms = next_ms_of(group);
	return next_ms;
}

/* ---- holding ---- */

static struct group *make_group(struct handling *handling, const struct held_request *request,
				const char *id, int64_t now_ms)
{
	const struct config_route *settings = request->settings;
	struct group *group = mem_alloc(sizeof(*group));

	memcpy(group->id, id, sizeof(group->id));
	group->route = mem_copy_text(request->route != NULL ? request->route : "");
	group->output = mem_copy_text(request->output);
	group->by_json = mem_copy_text(request->by_json);
	group->flush_ms = now_ms + (settings != NULL ? settings->wait_ms : 0);
	pointer_map_put(&handling->groups, slice_of(group->id), group);
	return group;
}

static struct held *make_held(const struct group *group, const struct held_request *request)
{
	struct held *held = mem_alloc(sizeof(*held));

	held->sequence = group->sequence_next;
	memcpy(held->id, request->id, strlen(request->id));
	bytes_append_slice(&held->key, bytes_slice(&request->open->key));
	held->order = request->open->order;
	held->severity = mem_copy_text(request->open->alert.severity);
	held->is_resolved = request->is_resolved;
	held->repeat_count = request->repeat_count;
	held->document = mem_copy_text(request->document);
	return held;
}

/** When the group is sent, now that this one comes into it. */
static void set_flush_time(struct group *group, const struct held_request *request, int64_t now_ms)
{
	int64_t rested_ms = group->sent_ms + group->interval_ms;

	if (request->is_resolved ||
	    (request->repeat_count > 0 && group->first == NULL && now_ms >= rested_ms))
		group->flush_ms = now_ms;
	else if (group->first == NULL && group->sent_ms != 0)
		group->flush_ms = now_ms < rested_ms ? rested_ms : now_ms + group->wait_ms;
}

bool group_hold(struct handling *handling, const struct held_request *request, int64_t now_ms)
{
	char id[HEX_ID_BYTES];
	struct group *group;
	struct held *held;
	size_t bytes = strlen(request->document);
	bool is_new;

	group_id_of(request->route, request->output, request->by_json, id);
	group = pointer_map_find(&handling->groups, slice_of(id));
	if (group == NULL && handling->groups.count >= handling->groups_max) {
		handling->usage.groups_refused++;
		return false;
	}
	if (group == NULL)
		group = make_group(handling, request, id, now_ms);
	if (request->settings != NULL) {
		group->wait_ms = request->settings->wait_ms;
		group->interval_ms = request->settings->interval_ms;
	}
	if (group->held_count >= HANDLING_GROUP_ALERTS_MAX ||
	    (group->held_count > 0 && group->held_bytes + bytes > HANDLING_GROUP_BYTES_MAX)) {
		handling->usage.groups_cut++;
		group_send(handling, group, now_ms);
		group->flush_ms = now_ms; /* what belongs together follows at once */
		group->sent_ms = 0;
	}
	set_flush_time(group, request, now_ms);
	held = make_held(group, request);
	group_append(handling, group, held);
	request->open->held_count++;
	if (request->is_resolved)
		key_table_put(&handling->resolving, bytes_slice(&held->key), &is_new);
	group_save(handling, group);
	held_save(handling, group, held);
	handling->usage.held++;
	fate_add(handling, request->id, "held", request->output, now_ms, "in group %.12s of %s",
		 group->id, group->route);
	if (group->flush_ms < handling->next_ms)
		handling->next_ms = group->flush_ms;
	return true;
}

/* ---- sending ---- */

/** It is no longer held; its document is kept while it is needed. */
static void let_go(struct handling *handling, struct open_alert *open)
{
	if (open->held_count > 0)
		open->held_count--;
	if (open->held_count == 0 && open->wait == WAIT_NONE && open != handling->delivered &&
	    !repeats_has(handling, open))
		open_drop_documents(open);
	open_save(handling, open);
}

/** In one document with the others; the alert's key knows that this output was told. */
static void mark_sent(struct handling *handling, const struct group *group, const struct held *held,
		      const char *document_id, int64_t now_ms)
{
	struct open_alert *open = held_find(handling, held);
	struct told *told = open != NULL ? open_told(open, group->output) : NULL;

	fate_add(handling, held->id, held->repeat_count > 0 ? "repeated" : "sent", group->output,
		 now_ms, "in document %s of %u alerts, by %s", document_id, group->held_count,
		 group->route);
	handling->usage.repeated += held->repeat_count > 0;
	if (told != NULL && !held->is_resolved) {
		memcpy(told->sent_id, held->id, sizeof(told->sent_id));
		repeats_note(handling, told, now_ms);
	}
	if (open != NULL)
		let_go(handling, open);
}

static void mark_failed(struct handling *handling, const struct group *group,
			const struct held *held, const char *reason, int64_t now_ms)
{
	struct open_alert *open = held_find(handling, held);

	fate_add(handling, held->id, "failed", group->output, now_ms, "%s", reason);
	if (open != NULL)
		let_go(handling, open);
}

static void delete_held_rows(struct handling *handling, const struct group *group)
{
	struct bytes key = BYTES_EMPTY;

	for (const struct held *held = group->first; held != NULL; held = held->next) {
		held_key(&key, group->id, held->sequence);
		row_delete(handling->options.commit, &key);
	}
	bytes_deinit(&key);
}

void group_send(struct handling *handling, struct group *group, int64_t now_ms)
{
	struct bytes document = BYTES_EMPTY;
	struct err_note why = {{0}};
	char id[HEX_ID_BYTES];

	group_append_document(handling, group, id, &document);
	if (handling->options.on_send(handling->options.arg, group->output, id,
				      bytes_slice(&document), &why) == 0) {
		handling->usage.sent++;
		handling->usage.groups_sent++;
		for (const struct held *held = group->first; held != NULL; held = held->next)
			mark_sent(handling, group, held, id, now_ms);
	} else {
		handling->usage.failed++;
		log_error(OUTBOX, "a group of %u alerts is not sent to %s: %s", group->held_count,
			  group->output, why.text);
		for (const struct held *held = group->first; held != NULL; held = held->next)
			mark_failed(handling, group, held, why.text, now_ms);
	}
	delete_held_rows(handling, group);
	drop_held(handling, group);
	group->sent_ms = now_ms;
	group->flush_ms = 0;
	group_save(handling, group);
	bytes_deinit(&document);
}

/** Nobody is told of it now: its alert waits, and is sent when that ends. */
static void take_out(struct handling *handling, struct group *group, struct open_alert *open,
		     struct held *held, int64_t now_ms)
{
	struct told *told = open_told(open, group->output);
	struct bytes key = BYTES_EMPTY;

	fate_add(handling, held->id, "not_sent", group->output, now_ms,
		 "taken out of group %.12s: it is %s now", group->id, wait_name(open->wait));
	if (told != NULL && told->sent_id[0] == '\0')
		open_drop_told(open, told);
	held_key(&key, group->id, held->sequence);
	row_delete(handling->options.commit, &key);
	let_go(handling, open);
	bytes_deinit(&key);
}

static bool is_suppressed_now(struct handling *handling, const struct held *held, int64_t now_ms)
{
	struct open_alert *open = held_find(handling, held);

	if (held->is_resolved || open == NULL || open == handling->delivered)
		return false;
	switch (open->wait) {
	case WAIT_NONE: return decide_suppressed(handling, open, now_ms);
	case WAIT_SETTLING: return false;
	case WAIT_SILENCED:
	case WAIT_INHIBITED: return true;
	}
	return false;
}

/** Silences and sources are looked at when a group is sent, not only when it began to gather. */
static void take_out_suppressed(struct handling *handling, struct group *group, int64_t now_ms)
{
	struct held *held = group->first;
	uint32_t count_before = group->held_count;

	group->first = group->last = NULL;
	group->held_count = 0;
	group->held_bytes = 0;
	handling->held_count -= count_before;
	while (held != NULL) {
		struct held *next = held->next;

		held->next = NULL;
		if (is_suppressed_now(handling, held, now_ms)) {
			take_out(handling, group, held_find(handling, held), held, now_ms);
			held_free(held);
		} else {
			group_append(handling, group, held);
		}
		held = next;
	}
}

static void forget_group(struct handling *handling, struct group *group)
{
	struct bytes key = BYTES_EMPTY;

	group_key(&key, group->id);
	row_delete(handling->options.commit, &key);
	pointer_map_remove(&handling->groups, slice_of(group->id));
	group_free(handling, group);
	bytes_deinit(&key);
}

static void send_gathered(struct handling *handling, struct group *group, int64_t now_ms)
{
	if (group->first != NULL)
		take_out_suppressed(handling, group, now_ms);
	if (group->first != NULL)
		group_send(handling, group, now_ms);
}

static bool has_key(const struct group *group, const struct open_alert *open)
{
	for (const struct held *held = group->first; held != NULL; held = held->next)
		if (slice_equal(bytes_slice(&held->key), bytes_slice(&open->key)))
			return true;
	return false;
}

void group_leave(struct handling *handling, const struct open_alert *open, const struct told *told,
		 int64_t now_ms)
{
	char id[HEX_ID_BYTES];
	struct group *group;

	group_id_of(told->route, told->output, told->by_json, id);
	group = pointer_map_find(&handling->groups, slice_of(id));
	if (group != NULL && has_key(group, open))
		send_gathered(handling, group, now_ms);
}

void group_send_former(struct handling *handling, const struct open_alert *open, const char *output,
		       const char *route, const char *by_json, int64_t now_ms)
{
	char id[HEX_ID_BYTES] = "";
	struct group *group;
	uint32_t at = 0;

	if (key_table_find(&handling->resolving, bytes_slice(&open->key)) == KEY_TABLE_NONE)
		return;
	if (by_json != NULL)
		group_id_of(route, output, by_json, id);
	while ((group = pointer_map_next(&handling->groups, &at)) != NULL)
		if (strcmp(group->output, output) == 0 && strcmp(group->id, id) != 0 &&
		    has_key(group, open))
			send_gathered(handling, group, now_ms);
}

void groups_send_due(struct handling *handling, bool is_all_due, int64_t now_ms)
{
	struct group *group;
	uint32_t at = 0;

	key_table_clear(&handling->resolving);
	while ((group = pointer_map_next(&handling->groups, &at)) != NULL) {
		if (!is_all_due && now_ms < next_ms_of(group))
			continue;
		send_gathered(handling, group, now_ms);
		if (group->first == NULL && now_ms >= next_ms_of(group))
			forget_group(handling, group);
	}
}
