#include "core/control/control.h"

#include "core/base/bytes.h"
#include "core/engine/engine.h"
#include "core/escalation/escalation.h"
#include "core/escalation/heartbeat.h"
#include "core/handling/handling.h"
#include "core/incident/incident.h"
#include "core/ingest/source.h"
#include "core/ingest/source_file.h"
#include "core/ingest/source_http.h"
#include "core/ingest/source_tcp.h"
#include "core/loop/loop.h"
#include "core/news/news.h"
#include "core/outbox/outbox.h"
#include "core/paging/paging.h"
#include "core/plan/plan_engine.h"
#include "core/rule/rule.h"
#include "core/window/watermark.h"
#include "storage/audit_log.h"
#include "storage/commit.h"
#include "storage/kv.h"

#include <string.h>

/* Text format 0.0.4: https://prometheus.io/docs/instrumenting/exposition_formats/ */

static void help(struct bytes *out, const char *name, const char *type, const char *text)
{
	bytes_append_format(out, "# HELP tocsin_%s %s\n# TYPE tocsin_%s %s\n", name, text, name,
			    type);
}

static void append_label(struct bytes *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\n') {
			bytes_append_text(out, "\\n");
			continue;
		}
		if (*text == '"' || *text == '\\')
			bytes_append_char(out, '\\');
		bytes_append_char(out, *text);
	}
}

static void sample(struct bytes *out, const char *name, const char *label, const char *value,
		   double number)
{
	bytes_append_format(out, "tocsin_%s{%s=\"", name, label);
	append_label(out, value);
	bytes_append_format(out, "\"} %.17g\n", number);
}

static void plain(struct bytes *out, const char *name, const char *type, const char *text,
		  double number)
{
	help(out, name, type, text);
	bytes_append_format(out, "tocsin_%s %.17g\n", name, number);
}

/** One family needs all its samples together: the walk is repeated per family with this column. */
struct column {
	struct bytes *out;
	const char *name;
	double (*source)(const struct engine_source_status *status);
	double (*rule)(const struct engine_rule_status *status);
	double (*output)(const struct outbox_status *status);
};

#define COLUMN(function, kind, member)                                                             \
	static double function(const struct kind *status)                                          \
	{                                                                                          \
		return (double)status->member;                                                     \
	}
COLUMN(source_lines, engine_source_status, total.lines)
COLUMN(source_readings, engine_source_status, total.readings)
COLUMN(source_malformed, engine_source_status, total.malformed)
COLUMN(source_bytes, engine_source_status, total.bytes)
COLUMN(source_late, engine_source_status, total.late)
COLUMN(source_late_dropped, engine_source_status, late_dropped)
COLUMN(source_clamped, engine_source_status, total.clamped)
COLUMN(source_mistyped, engine_source_status, total.mistyped)
COLUMN(source_duplicates, engine_source_status, duplicates)
COLUMN(source_regex_limits, engine_source_status, regex_limits)
COLUMN(source_partitions, engine_source_status, partition_count)
COLUMN(rule_evaluations, engine_rule_status, evaluation_count)
COLUMN(rule_fired, engine_rule_status, fired_count)
COLUMN(rule_resolved, engine_rule_status, resolved_count)
COLUMN(rule_errors, engine_rule_status, error_count)
COLUMN(rule_overflow, engine_rule_status, overflow_count)
COLUMN(rule_firing, engine_rule_status, firing_count)
COLUMN(rule_keys, engine_rule_status, key_count)
COLUMN(rule_quarantined, engine_rule_status, is_quarantined)
COLUMN(output_sent, outbox_status, sent)
COLUMN(output_retries, outbox_status, retries)
COLUMN(output_dead, outbox_status, dead)
COLUMN(output_refused, outbox_status, refused)
COLUMN(output_dropped, outbox_status, dropped)
COLUMN(output_held, outbox_status, held)
COLUMN(output_waiting, outbox_status, waiting)
#undef COLUMN

static double source_watermark(const struct engine_source_status *status)
{
	return status->watermark_ms == WATERMARK_NONE ? 0 : (double)status->watermark_ms / 1000;
}

static void each_source(void *arg, const struct engine_source_status *status)
{
	struct column *column = arg;
	sample(column->out, column->name, "source", status->name, column->source(status));
}

static void each_rule(void *arg, const struct engine_rule_status *status)
{
	struct column *column = arg;
	sample(column->out, column->name, "rule", status->rule->name, column->rule(status));
}

static void each_output(void *arg, const struct outbox_status *status)
{
	struct column *column = arg;
	sample(column->out, column->name, "output", status->target, column->output(status));
}

static void append_sources(const struct control_target *target, struct bytes *out)
{
	static const struct {
		const char *name, *type, *text;
		double (*value)(const struct engine_source_status *status);
	} rows[] = {
		{"lines_total", "counter", "Complete lines committed.", source_lines},
		{"readings_total", "counter", "Lines that became a reading.", source_readings},
		{"malformed_total", "counter", "Lines that did not.", source_malformed},
		{"bytes_total", "counter", "Bytes committed.", source_bytes},
		{"late_total", "counter", "Readings behind their watermark.", source_late},
		{"late_dropped_total", "counter", "Readings whose pane was gone.",
		 source_late_dropped},
		{"clamped_total", "counter", "Readings from the future.", source_clamped},
		{"mistyped_total", "counter", "Values not of their declared type.",
		 source_mistyped},
		{"duplicate_bundles_total", "counter", "Bundles applied before.",
		 source_duplicates},
		{"regex_limits_total", "counter", "Regex matches ended by their limit.",
		 source_regex_limits},
		{"partitions", "gauge", "Open partitions.", source_partitions},
		{"watermark_seconds", "gauge", "Watermark, Unix time.", source_watermark},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct column column = {out, rows[i].name, rows[i].value, NULL, NULL};
		help(out, rows[i].name, rows[i].type, rows[i].text);
		engine_each_source(target->engine, each_source, &column);
	}
}

/** One number of the patterns and addresses, added up by source. */
struct tail_column {
	const char *name, *type, *text;
	bool (*add)(const struct control_tail *tail, double *sum); /**< false: does not have it */
};

#define FILE_COLUMN(function, member)                                                              \
	static bool function(const struct control_tail *tail, double *sum)                         \
	{                                                                                          \
		*sum += tail->file != NULL ? (double)tail->file->member : 0;                       \
		return tail->file != NULL;                                                         \
	}
#define TCP_COLUMN(function, member)                                                               \
	static bool function(const struct control_tail *tail, double *sum)                         \
	{                                                                                          \
		*sum += tail->tcp != NULL ? (double)tail->tcp->member : 0;                         \
		return tail->tcp != NULL;                                                          \
	}
FILE_COLUMN(file_count, file_count)
FILE_COLUMN(file_behind, behind_bytes)
FILE_COLUMN(file_truncations, truncations)
FILE_COLUMN(file_replacements, replacements)
FILE_COLUMN(file_errors, read_errors)
FILE_COLUMN(file_ignored, ignored_files)
TCP_COLUMN(tcp_conns, conn_count)
TCP_COLUMN(tcp_accepted, accepted_conns)
TCP_COLUMN(tcp_refused, refused_conns)
TCP_COLUMN(tcp_dropped, dropped_bytes)
#undef FILE_COLUMN
#undef TCP_COLUMN

struct tail_sum {
	const struct control_target *target;
	const struct tail_column *column;
	struct bytes *out;
	const char *source;
	double sum;
	bool is_any;
};

static void add_tail(void *arg, const struct control_tail *tail)
{
	struct tail_sum *sum = arg;
	if (strcmp(tail->source, sum->source) == 0 && sum->column->add(tail, &sum->sum))
		sum->is_any = true;
}

static void each_read_source(void *arg, const struct engine_source_status *status)
{
	struct tail_sum *sum = arg;
	sum->source = status->name;
	sum->sum = 0;
	sum->is_any = false;
	sum->target->each_tail(sum->target->arg, add_tail, sum);
	if (sum->is_any)
		sample(sum->out, sum->column->name, "source", status->name, sum->sum);
}

static void append_tails(const struct control_target *target, struct bytes *out)
{
	static const struct tail_column columns[] = {
		{"source_files", "gauge", "Files followed.", file_count},
		{"source_behind_bytes", "gauge", "Bytes of them not durable yet.", file_behind},
		{"source_truncations_total", "counter", "Files that became shorter.",
		 file_truncations},
		{"source_replacements_total", "counter", "Files changed in place.",
		 file_replacements},
		{"source_read_errors_total", "counter", "Reads that failed.", file_errors},
		{"source_ignored_files", "gauge", "Files that cannot be followed.", file_ignored},
		{"tcp_connections", "gauge", "Open connections.", tcp_conns},
		{"tcp_accepted_total", "counter", "Connections accepted.", tcp_accepted},
		{"tcp_refused_total", "counter", "Connections beyond the limit.", tcp_refused},
		{"tcp_dropped_bytes_total", "counter", "Last lines dropped.", tcp_dropped},
	};
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		struct tail_sum sum = {.target = target, .column = &columns[i], .out = out};
		help(out, columns[i].name, columns[i].type, columns[i].text);
		engine_each_source(target->engine, each_read_source, &sum);
	}
}

static void append_http(const struct control_target *target, struct bytes *out)
{
	struct source_http_status http;
	target->http_status(target->arg, &http);
	plain(out, "http_accepted_total", "counter", "Bodies given to the readers.",
	      (double)http.accepted);
	plain(out, "http_refused_total", "counter", "Bodies refused.", (double)http.refused);
	plain(out, "http_waiting", "gauge", "Bodies not durable yet.", http.waiting);
}

static void append_rules(const struct control_target *target, struct bytes *out)
{
	static const struct {
		const char *name, *type, *text;
		double (*value)(const struct engine_rule_status *status);
	} rows[] = {
		{"rule_evaluations_total", "counter", "Windows judged.", rule_evaluations},
		{"alerts_fired_total", "counter", "Firing alerts.", rule_fired},
		{"alerts_resolved_total", "counter", "Resolved alerts.", rule_resolved},
		{"rule_errors_total", "counter", "Script calls that failed.", rule_errors},
		{"rule_overflow_total", "counter", "Readings beyond the key limit.", rule_overflow},
		{"alerts_firing", "gauge", "Keys firing now.", rule_firing},
		{"rule_keys", "gauge", "Keys with panes.", rule_keys},
		{"rule_quarantined", "gauge", "1 when stopped by the engine.", rule_quarantined},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct column column = {out, rows[i].name, NULL, rows[i].value, NULL};
		help(out, rows[i].name, rows[i].type, rows[i].text);
		engine_each_rule(target->engine, each_rule, &column);
	}
}

static void append_outputs(const struct control_target *target, struct bytes *out)
{
	static const struct {
		const char *name, *type, *text;
		double (*value)(const struct outbox_status *status);
	} rows[] = {
		{"output_sent_total", "counter", "Rows delivered.", output_sent},
		{"output_retries_total", "counter", "Deliveries tried again.", output_retries},
		{"output_dead_total", "counter", "Rows given up.", output_dead},
		{"output_refused_total", "counter", "Rows beyond the limit.", output_refused},
		{"output_dropped_total", "counter", "Rows that were not to be sent any more.",
		 output_dropped},
		{"output_held_total", "counter", "Sends that waited for the output's rate.",
		 output_held},
		{"output_waiting", "gauge", "Rows not delivered yet.", output_waiting},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct column column = {out, rows[i].name, NULL, NULL, rows[i].value};
		help(out, rows[i].name, rows[i].type, rows[i].text);
		outbox_each(target->outbox, each_output, &column);
	}
}

static void append_handling(const struct control_target *target, struct bytes *out)
{
	struct handling_usage usage;
	handling_usage(target->handling, loop_wall_ms(target->loop), &usage);
#define HANDLING_SAMPLE(name, text)                                                                \
	plain(out, "handling_" #name "_total", "counter", text, (double)usage.name);
	HANDLING_COUNTER_LIST(HANDLING_SAMPLE)
#undef HANDLING_SAMPLE
	plain(out, "handling_silences_refused_total", "counter", "Silences beyond their limit.",
	      (double)usage.silences_refused);
	plain(out, "handling_open", "gauge", "Alerts not resolved.", (double)usage.open_count);
	plain(out, "handling_silenced", "gauge", "Open alerts that are silenced.",
	      (double)usage.silenced_count);
	plain(out, "handling_inhibited", "gauge", "Open alerts that are inhibited.",
	      (double)usage.inhibited_count);
	plain(out, "handling_settling", "gauge", "Open alerts that wait for a source.",
	      (double)usage.settling_count);
	plain(out, "handling_groups", "gauge", "Groups.", (double)usage.group_count);
	plain(out, "handling_held", "gauge", "Alerts held in groups.", (double)usage.held_count);
	plain(out, "handling_silences", "gauge", "Silences that hold.",
	      (double)usage.silence_count);
}

static void append_news(const struct control_target *target, struct bytes *out)
{
	struct news_usage usage = {0};
	if (target->news != NULL)
		news_usage(target->news, &usage);
	plain(out, "news_messages_total", "counter", "Messages of incidents to `tell` outputs.",
	      (double)usage.put_count);
	plain(out, "news_bundled_total", "counter", "Events told together with a later one.",
	      (double)usage.bundled_count);
	plain(out, "news_outdated_total", "counter", "Messages dropped for a newer one.",
	      (double)usage.outdated_count);
	plain(out, "news_waiting", "gauge", "Incidents whose news waits for a limit.",
	      (double)usage.waiting_count);
}

static void append_escalation(const struct control_target *target, struct bytes *out)
{
	struct escalation_usage usage;
	struct heartbeat_usage heartbeat;
	escalation_usage(target->escalation, &usage);
	heartbeat_usage(target->heartbeat, &heartbeat);
#define ESCALATION_SAMPLE(name, text)                                                              \
	plain(out, "escalation_" #name "_total", "counter", text, (double)usage.name);
	ESCALATION_COUNTER_LIST(ESCALATION_SAMPLE)
#undef ESCALATION_SAMPLE
	plain(out, "escalation_running", "gauge", "Chains at work.", usage.running);
	plain(out, "escalation_over", "gauge", "Chains that have told everybody in vain.",
	      usage.over);
	plain(out, "escalation_uncovered", "gauge",
	      "Incidents that wait for somebody and that no chain covers.", usage.uncovered);
	plain(out, "heartbeat_sent_total", "counter", "Heartbeats that were heard.",
	      (double)heartbeat.sent);
	plain(out, "heartbeat_failed_total", "counter", "Heartbeats that were not.",
	      (double)heartbeat.failed);
	plain(out, "heartbeat_withheld_total", "counter", "Heartbeats not sent: not healthy.",
	      (double)heartbeat.withheld);
}

static void append_paging(const struct control_target *target, struct bytes *out)
{
	struct paging_usage usage = {0};
	if (target->paging != NULL)
		paging_usage(target->paging, &usage);
#define PAGING_SAMPLE(name, text)                                                                  \
	plain(out, "paging_" #name "_total", "counter", text, (double)usage.name);
	PAGING_COUNTER_LIST(PAGING_SAMPLE)
#undef PAGING_SAMPLE
	plain(out, "paging_held", "gauge", "Pages held for later.", (double)usage.held);
}

static void append_rest(const struct control_target *target, struct bytes *out)
{
	struct incident_usage incidents;
	struct plan_usage plans;
	struct commit_usage commits;
	struct pool_usage pool;
	struct audit_counters audit;
	audit_log_counters(target->audit, &audit);
	incident_usage(target->incidents, &incidents);
	plan_engine_usage(target->plans, &plans);
	commit_usage(target->commit, &commits);
	pool_usage(target->pool, &pool);
	plain(out, "incidents_opened_total", "counter", "Incidents opened.",
	      (double)incidents.opened_count);
	plain(out, "incidents_resolved_total", "counter", "Incidents resolved.",
	      (double)incidents.resolved_count);
	plain(out, "incidents_open", "gauge", "Incidents not resolved.",
	      (double)incidents.open_count);
	plain(out, "audit_rows_total", "counter", "Rows of the audit log ever added.",
	      (double)audit.added);
	plain(out, "audit_rows_dropped_total", "counter", "Rows that went by age or number.",
	      (double)audit.dropped);
	plain(out, "plan_runs_started_total", "counter", "Plan runs started.",
	      (double)plans.started_count);
	plain(out, "plan_runs_failed_total", "counter", "Plan runs that failed.",
	      (double)plans.failed_count);
	plain(out, "plan_runs_refused_total", "counter",
	      "Plan runs that were asked for and not started: a limit, a rate.",
	      (double)plans.refused_count);
	plain(out, "plan_breakers_opened_total", "counter",
	      "How often a plan failed so often that it is stopped.", (double)plans.breaker_count);
	plain(out, "plan_steps_total", "counter", "Plan steps dispatched.",
	      (double)plans.step_count);
	plain(out, "plan_steps_in_doubt_total", "counter", "Steps that wait for a person.",
	      (double)plans.in_doubt_count);
	plain(out, "plan_runs_active", "gauge", "Plan runs not ended.", plans.active_count);
	plain(out, "commits_total", "counter", "Write batches.", (double)commits.commit_count);
	plain(out, "commit_seconds_total", "counter", "Time spent writing batches.",
	      (double)commits.write_us_total / 1e6);
	plain(out, "reader_jobs_refused_total", "counter", "Jobs refused by full queues.",
	      (double)pool.full_count);
	plain(out, "reload_generation", "gauge", "Generation of the site.",
	      (double)*target->generation);
	plain(out, "disk_has_room", "gauge", "0 when input waits for disk space.",
	      kv_has_room(target->kv) ? 1 : 0);
}

void metrics_append(const struct control_target *target, struct bytes *out)
{
	append_sources(target, out);
	append_tails(target, out);
	append_http(target, out);
	append_rules(target, out);
	append_outputs(target, out);
	append_handling(target, out);
	append_news(target, out);
	append_escalation(target, out);
	append_paging(target, out);
	append_rest(target, out);
}
