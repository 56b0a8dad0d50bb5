#include "core/control/control_internal.h"

#include "core/base/err.h"
#include "core/control/control.h"
#include "core/control/json_text.h"
#include "core/engine/engine.h"
#include "core/handling/handling.h"
#include "core/incident/incident.h"
#include "core/ingest/source.h"
#include "core/ingest/source_file.h"
#include "core/ingest/source_http.h"
#include "core/ingest/source_tcp.h"
#include "core/loop/loop.h"
#include "core/news/news.h"
#include "core/outbox/outbox.h"
#include "core/plan/plan_engine.h"
#include "core/rule/rule.h"
#include "core/rule/versions.h"
#include "core/window/watermark.h"
#include "storage/audit_log.h"
#include "storage/commit.h"
#include "storage/kv.h"

#include <string.h>
#include <unistd.h>

static void put_counters(json_t *object, const struct bundle_counters *counters)
{
	json_put_int(object, "bytes", counters->bytes);
	json_put_int(object, "lines", counters->lines);
	json_put_int(object, "readings", counters->readings);
	json_put_int(object, "malformed", counters->malformed);
	json_put_int(object, "late", counters->late);
	json_put_int(object, "clamped", counters->clamped);
	json_put_int(object, "mistyped", counters->mistyped);
}

static void add_source(void *arg, const struct engine_source_status *status)
{
	json_t *row = json_object();
	json_put_text(row, "name", status->name);
	put_counters(row, &status->total);
	json_put_int(row, "late_dropped", status->late_dropped);
	json_put_int(row, "duplicates", status->duplicates);
	json_put_int(row, "regex_limits", status->regex_limits);
	json_take(row, "watermark",
		  status->watermark_ms == WATERMARK_NONE ? json_null()
							 : json_time(status->watermark_ms));
	json_take(row, "tails", json_array());
	json_take(row, "tcp", json_array());
	json_take(row, "partitions", json_array());
	json_take(row, "dead_letters", json_array());
	json_array_append_new(arg, row);
}

static json_t *source_row(json_t *sources, const char *name)
{
	size_t index;
	json_t *row;
	json_array_foreach(sources, index, row)
	{
		const char *text = json_string_value(json_object_get(row, "name"));
		if (text != NULL && strcmp(text, name) == 0)
			return row;
	}
	return NULL;
}

static void add_file_tail(json_t *tails, const char *pattern, const struct file_tail_status *status)
{
	json_t *row = json_object();
	json_put_text(row, "pattern", pattern);
	json_put_int(row, "files", status->file_count);
	json_put_int(row, "rotated", status->rotated_count);
	json_put_int(row, "behind_bytes", status->behind_bytes);
	json_put_int(row, "truncations", status->truncations);
	json_put_int(row, "replacements", status->replacements);
	json_put_int(row, "read_errors", status->read_errors);
	json_put_int(row, "ignored", status->ignored_files);
	json_array_append_new(tails, row);
}

static void add_tcp(json_t *listeners, const char *address, const struct source_tcp_status *status)
{
	json_t *row = json_object();
	json_put_text(row, "address", address);
	json_put_int(row, "connections", status->conn_count);
	json_put_int(row, "accepted", status->accepted_conns);
	json_put_int(row, "refused", status->refused_conns);
	json_put_int(row, "dropped_bytes", status->dropped_bytes);
	json_array_append_new(listeners, row);
}

/** The partition of a file is named by its inode: people want its path. */
static void add_paths(const json_t *letters, const struct file_tail *files)
{
	size_t index;
	json_t *letter;
	json_array_foreach(letters, index, letter)
	{
		const char *partition = json_string_value(json_object_get(letter, "partition"));
		const char *path = file_tail_find_path(files, partition);
		if (path != NULL)
			json_put_text(letter, "path", path);
	}
}

static void add_tail(void *arg, const struct control_tail *tail)
{
	json_t *owner = source_row(arg, tail->source);
	if (owner == NULL)
		return;
	if (tail->file != NULL)
		add_file_tail(json_object_get(owner, "tails"), tail->from, tail->file);
	if (tail->files != NULL)
		add_paths(json_object_get(owner, "dead_letters"), tail->files);
	if (tail->tcp != NULL)
		add_tcp(json_object_get(owner, "tcp"), tail->from, tail->tcp);
}

static void add_partition(void *arg, const char *source, const char *name,
			  const struct position *position, const struct bundle_counters *counters)
{
	json_t *owner = source_row(arg, source);
	if (owner == NULL)
		return;
	json_t *row = json_object();
	json_put_text(row, "name", name);
	json_put_int(row, "epoch", position->epoch);
	json_put_int(row, "offset", position->offset);
	put_counters(row, counters);
	json_array_append_new(json_object_get(owner, "partitions"), row);
}

static void add_dead_letter(void *arg, const char *source, const char *partition,
			    const struct dead_letter *letter)
{
	json_t *owner = source_row(arg, source);
	if (owner == NULL)
		return;
	json_t *row = json_object();
	json_put_text(row, "partition", partition);
	json_put_int(row, "offset", letter->offset);
	json_put_text(row, "reason", letter->reason);
	json_put_text(row, "text", letter->text);
	json_array_append_new(json_object_get(owner, "dead_letters"), row);
}

static void add_rule(void *arg, const struct engine_rule_status *status)
{
	json_t *row = json_object();
	json_put_text(row, "name", status->rule->name);
	json_put_int(row, "version", status->rule->version);
	json_put_text(row, "type", rule_type_name(status->rule->type));
	json_take(row, "evaluated", json_time(status->evaluated_ms));
	json_put_int(row, "firing", status->firing_count);
	json_put_int(row, "keys", status->key_count);
	json_put_int(row, "evaluations", status->evaluation_count);
	json_put_int(row, "fired", status->fired_count);
	json_put_int(row, "resolved", status->resolved_count);
	json_put_int(row, "errors", status->error_count);
	json_put_int(row, "overflow", status->overflow_count);
	json_put_int(row, "corrections", status->correction_count);
	json_put_int(row, "corrections_lost", status->correction_lost_count);
	json_put_int(row, "memory_bytes", status->memory_bytes);
	json_take(row, "quarantined", json_boolean(status->is_quarantined));
	json_put_text(row, "last_error", status->last_error);
	json_array_append_new(arg, row);
}

static void add_output(void *arg, const struct outbox_status *status)
{
	json_t *row = json_object();
	json_put_text(row, "name", status->target);
	json_put_text(row, "kind", status->kind);
	json_put_int(row, "waiting", status->waiting);
	json_put_int(row, "sent", status->sent);
	json_put_int(row, "retries", status->retries);
	json_put_int(row, "dead", status->dead);
	json_put_int(row, "refused", status->refused);
	json_put_int(row, "held", status->held);
	json_put_int(row, "dropped", status->dropped);
	json_put_int(row, "oldest_ms", (uint64_t)(status->oldest_ms > 0 ? status->oldest_ms : 0));
	json_put_text(row, "last_error", status->last_error);
	json_array_append_new(arg, row);
}

static json_t *incidents_part(const struct incident_store *store)
{
	struct incident_usage usage;
	incident_usage(store, &usage);
	json_t *part = json_object();
	json_put_int(part, "open", usage.open_count);
	json_put_int(part, "opened", usage.opened_count);
	json_put_int(part, "resolved", usage.resolved_count);
	json_put_int(part, "overflow", usage.overflow_count);
	return part;
}

static json_t *news_part(const struct news *news)
{
	struct news_usage usage = {0};
	if (news != NULL)
		news_usage(news, &usage);
	json_t *part = json_object();
	json_put_int(part, "messages", usage.put_count);
	json_put_int(part, "bundled", usage.bundled_count);
	json_put_int(part, "outdated", usage.outdated_count);
	json_put_int(part, "waiting", usage.waiting_count);
	return part;
}

static json_t *handling_part(const struct control_target *target, int64_t now_ms)
{
	struct handling_usage usage;
	handling_usage(target->handling, now_ms, &usage);
	json_t *part = json_object();
	json_put_int(part, "open", usage.open_count);
	json_put_int(part, "silenced_now", usage.silenced_count);
	json_put_int(part, "inhibited_now", usage.inhibited_count);
	json_put_int(part, "settling_now", usage.settling_count);
	json_put_int(part, "groups", usage.group_count);
	json_put_int(part, "held_now", usage.held_count);
	json_put_int(part, "silences", usage.silence_count);
	json_put_int(part, "silences_refused", usage.silences_refused);
#define HANDLING_PUT(name, text) json_put_int(part, #name, usage.name);
	HANDLING_COUNTER_LIST(HANDLING_PUT)
#undef HANDLING_PUT
	return part;
}

static json_t *plans_part(const struct plan_engine *plans)
{
	struct plan_usage usage;
	plan_engine_usage(plans, &usage);
	json_t *part = json_object();
	json_put_int(part, "active", usage.active_count);
	json_put_int(part, "started", usage.started_count);
	json_put_int(part, "done", usage.done_count);
	json_put_int(part, "failed", usage.failed_count);
	json_put_int(part, "refused", usage.refused_count);
	json_put_int(part, "attached", usage.attached_count);
	json_put_int(part, "breakers_opened", usage.breaker_count);
	json_put_int(part, "steps", usage.step_count);
	json_put_int(part, "retries", usage.retry_count);
	json_put_int(part, "in_doubt", usage.in_doubt_count);
	return part;
}

static json_t *storage_part(const struct control_target *target)
{
	struct commit_usage usage;
	commit_usage(target->commit, &usage);
	json_t *part = json_object();
	json_put_int(part, "commits", usage.commit_count);
	json_put_int(part, "rows", usage.put_count);
	json_put_int(part, "bytes", usage.bytes);
	json_put_int(part, "write_us_total", usage.write_us_total);
	json_put_int(part, "write_us_max", usage.write_us_max);
	json_take(part, "has_room", json_boolean(kv_has_room(target->kv)));
	return part;
}

static json_t *audit_part(const struct audit_log *audit)
{
	struct audit_counters counters;
	audit_log_counters(audit, &counters);
	json_t *part = json_object();
	json_put_int(part, "added", counters.added);
	json_put_int(part, "dropped", counters.dropped);
	return part;
}

static json_t *readers_part(const struct pool *pool)
{
	struct pool_usage usage;
	pool_usage(pool, &usage);
	json_t *part = json_object();
	json_put_int(part, "threads", usage.reader_count);
	json_put_int(part, "queued", usage.queued_jobs);
	json_put_int(part, "full", usage.full_count);
	return part;
}

static json_t *http_part(const struct control_target *target)
{
	struct source_http_status http;
	target->http_status(target->arg, &http);
	json_t *part = json_object();
	json_put_int(part, "accepted", http.accepted);
	json_put_int(part, "refused", http.refused);
	json_put_int(part, "waiting", http.waiting);
	return part;
}

static void add_quarantined(void *arg, const char *name, const struct version_row *row)
{
	if (!row->is_quarantined)
		return;
	json_t *object = json_object();
	json_put_text(object, "name", name);
	json_put_int(object, "version", row->number);
	json_take(object, "since", json_time(row->changed_ms));
	json_put_text(object, "reason", row->reason);
	json_array_append_new(arg, object);
}

/** A rule that was stopped does not run, so the engine may not know it any more. */
static json_t *quarantined_part(const struct control_target *target)
{
	json_t *list = json_array();
	versions_each(target->rule_versions, NULL, add_quarantined, list);
	return list;
}

int verb_status(const struct verb_call *call, json_t **result, struct err_note *why)
{
	const struct control_target *target = call->target;
	json_t *status = json_object(), *sources = json_array(), *rules = json_array();
	json_t *outputs = json_array();
	(void)why;
	engine_each_source(target->engine, add_source, sources);
	engine_each_partition(target->engine, add_partition, sources);
	engine_each_dead_letter(target->engine, NULL, add_dead_letter, sources);
	target->each_tail(target->arg, add_tail, sources);
	engine_each_rule(target->engine, add_rule, rules);
	outbox_each(target->outbox, add_output, outputs);
	json_put_text(status, "version", TOCSIN_VERSION);
	json_put_int(status, "pid", (uint64_t)getpid());
	json_put_int(status, "uptime_s",
		     (uint64_t)((call->now_ms - target->started_wall_ms) / 1000));
	json_put_int(status, "generation", *target->generation);
	json_put_text(status, "site", target->site_dir);
	json_put_text(status, "state", target->state_dir);
	json_take(status, "sources", sources);
	json_take(status, "rules", rules);
	json_take(status, "quarantined", quarantined_part(target));
	json_take(status, "outputs", outputs);
	json_take(status, "http", http_part(target));
	json_take(status, "incidents", incidents_part(target->incidents));
	json_take(status, "news", news_part(target->news));
	json_take(status, "paging", json_paging(target->paging));
	json_take(status, "handling", handling_part(target, call->now_ms));
	json_take(status, "escalation", escalation_part(target));
	json_take(status, "plans", plans_part(target->plans));
	json_take(status, "audit", audit_part(target->audit));
	json_take(status, "storage", storage_part(target));
	json_take(status, "readers", readers_part(target->pool));
	*result = status;
	return 0;
}
