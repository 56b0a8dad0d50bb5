/* load.run: a test of performance before something goes online, with a verdict. The numbers that
 * the journal gets are few, however many requests there were. */
#include "core/plan/action_internal.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/config/config_actions.h"
#include "core/plan/action_request.h"
#include "core/plan/load.h"
#include "core/plan/plan_json.h"
#include "core/sketch/ddsketch.h"

#include <math.h>
#include <stdio.h>

enum {
	URLS_MAX = 16,
	AT_ONCE_DEFAULT = 256,
	AT_ONCE_MAX = 2000,
	TIMEOUT_DEFAULT_MS = 5000,
	TIMEOUT_MAX_MS = 60 * 1000,
	STATUSES_TOLD = 20,
	LOADS_MAX = 4, /* at once, of all runs */
	LEFT_MS = 1000 /* for the step to end by itself */
};

static const char *const limit_names[] = {"p50", "p90", "p95", "p99", "max", NULL};
static const double limit_ranks[] = {0.50, 0.90, 0.95, 0.99, 1.00};
enum { LIMITS = 5 };
#define ERRORS_DEFAULT 0.01

/* What the arguments say, checked. */
struct wish {
	const char *urls[URLS_MAX];
	uint32_t url_count;
	double rate;
	int64_t duration_ms, warm_up_ms, timeout_ms;
	uint32_t at_once;
	double stop_at;
	int64_t limits[LIMITS]; /* ms; -1: none */
	double errors;
};

struct work {
	struct plan_action_run *run;
	struct wish wish; /* without the URLs */
	struct load *load;
};

static int read_span(const json_t *args, const char *name, int64_t min_ms, int64_t max_ms,
		     int64_t *out, struct err_note *why)
{
	const json_t *json = json_object_get(args, name);
	if (!json)
		return 0;
	if (plan_json_span(json, out) != 0 || *out < min_ms || *out > max_ms)
		return err_set(why, ERR_INVALID,
			       "load.run: %s must be a span such as \"30s\", from %lld ms to "
			       "%lld ms",
			       name, (long long)min_ms, (long long)max_ms);
	return 0;
}

static int read_number(const json_t *args, const char *name, double min, double max, double *out,
		       struct err_note *why)
{
	const json_t *json = json_object_get(args, name);
	double number = json_number_value(json);
	if (!json)
		return 0;
	if (!json_is_number(json) || !(number >= min && number <= max))
		return err_set(why, ERR_INVALID, "load.run: %s must be a number from %g to %g",
			       name, min, max);
	*out = number;
	return 0;
}

static int read_urls(const struct config_load *site, const json_t *args, struct wish *wish,
		     struct err_note *why)
{
	const struct action_allowed allowed = {site->allow, site->allow_count, "load.allow"};
	const json_t *one = json_object_get(args, "url");
	const json_t *list = json_object_get(args, "urls");
	size_t count = one ? 1 : json_array_size(list);
	if ((one != NULL) == (list != NULL) || (one && !json_is_string(one)) || count == 0 ||
	    count > URLS_MAX)
		return err_set(why, ERR_INVALID,
			       "load.run needs url, or urls with a list of 1 to %d", URLS_MAX);
	for (size_t i = 0; i < count; i++) {
		const char *url = json_string_value(one ? one : json_array_get(list, i));
		if (!url)
			return err_set(why, ERR_INVALID, "load.run: entry %zu of urls is no text",
				       i + 1);
		int code = action_request_check_url("load.run", url, &allowed, why);
		if (code != 0)
			return code;
		wish->urls[wish->url_count++] = url;
	}
	return 0;
}

static int read_limits(const json_t *args, struct wish *wish, struct err_note *why)
{
	static const char *const names[] = {"p50", "p90", "p95", "p99", "max", "errors", NULL};
	const json_t *limits = json_object_get(args, "limits");
	if (limits && !json_is_object(limits))
		return err_set(why, ERR_INVALID,
			       "load.run: limits must be a table such as { p99 = \"500ms\", errors "
			       "= 0.01 }");
	int code = plan_json_check_names(limits, "limits of load.run", names, why);
	for (int i = 0; code == 0 && i < LIMITS; i++)
		code = read_span(limits, limit_names[i], 1, TIMEOUT_MAX_MS, &wish->limits[i], why);
	if (code == 0)
		code = read_number(limits, "errors", 0, 1, &wish->errors, why);
	return code;
}

static int read_wish(const struct plan_actions *actions, const json_t *args, struct wish *wish,
		     struct err_note *why)
{
	const struct config_load *site = &config_actions(actions->config)->load;
	double at_once = AT_ONCE_DEFAULT;
	*wish = (struct wish){.timeout_ms = TIMEOUT_DEFAULT_MS,
			      .limits = {-1, -1, -1, -1, -1},
			      .errors = ERRORS_DEFAULT};
	int code = read_urls(site, args, wish, why);
	if (code == 0 && (!json_object_get(args, "rate") || !json_object_get(args, "duration")))
		code = err_set(why, ERR_INVALID,
			       "load.run needs rate, in requests a second, and duration");
	if (code == 0)
		code = read_number(args, "rate", 0.1, site->rate_max, &wish->rate, why);
	if (code == 0)
		code = read_span(args, "duration", 100, site->duration_max_ms, &wish->duration_ms,
				 why);
	if (code == 0)
		code = read_span(args, "warm_up", 0, site->duration_max_ms, &wish->warm_up_ms, why);
	if (code == 0 && wish->duration_ms + wish->warm_up_ms > site->duration_max_ms)
		code = err_set(why, ERR_INVALID,
			       "load.run: warm_up and duration together are longer than the "
			       "site's load.duration, %lld ms",
			       (long long)site->duration_max_ms);
	if (code == 0)
		code = read_span(args, "timeout", 1, TIMEOUT_MAX_MS, &wish->timeout_ms, why);
	if (code == 0)
		code = read_number(args, "at_once", 1, AT_ONCE_MAX, &at_once, why);
	if (code == 0)
		code = read_number(args, "stop_at", 0.01, 1, &wish->stop_at, why);
	if (code == 0)
		code = read_limits(args, wish, why);
	wish->at_once = (uint32_t)at_once;
	return code;
}

static int validate(const struct plan_actions *actions, const json_t *args,
		    enum effect *default_effect, struct err_note *why)
{
	static const char *const names[] = {"url",     "urls",    "method",   "headers", "body",
					    "rate",    "warm_up", "duration", "timeout", "limits",
					    "at_once", "stop_at", NULL};
	struct wish wish;
	int code = plan_json_check_names(args, "load.run", names, why);
	if (code == 0)
		code = read_wish(actions, args, &wish, why);
	if (code == 0)
		code = action_request_check("load.run", args, why);
	*default_effect = action_request_is_read(args) ? EFFECT_READ : EFFECT_ONCE;
	return code;
}

static double at_rank(const struct load_report *report, double share)
{
	uint64_t total = ddsketch_total(report->latencies);
	uint64_t rank = (uint64_t)ceil(share * (double)total);
	if (total == 0)
		return 0;
	/* What was measured are whole milliseconds. */
	return fmin(round(ddsketch_at_rank(report->latencies, rank > 0 ? rank : 1)),
		    report->latency_max_ms);
}

static double share_of_errors(const struct load_report *report)
{
	uint64_t bad = report->failed_count + report->missed_count;
	return report->due_count > 0 ? (double)bad / (double)report->due_count : 1;
}

/* Sentences of the limits that do not hold. */
static json_t *find_broken(const struct wish *wish, const struct load_report *report)
{
	json_t *broken = json_array();
	char text[200];
	for (int i = 0; i < LIMITS; i++) {
		double found = at_rank(report, limit_ranks[i]);
		if (wish->limits[i] < 0 || found <= (double)wish->limits[i])
			continue;
		snprintf(text, sizeof(text), "%s is %.0f ms, more than %lld ms", limit_names[i],
			 found, (long long)wish->limits[i]);
		json_array_append_new(broken, json_string(text));
	}
	if (share_of_errors(report) > wish->errors) {
		snprintf(text, sizeof(text), "errors are %.4g, more than %.4g",
			 share_of_errors(report), wish->errors);
		json_array_append_new(broken, json_string(text));
	}
	if (report->is_stopped) {
		snprintf(text, sizeof(text), "stopped: %.4g of the requests had failed",
			 share_of_errors(report));
		json_array_append_new(broken, json_string(text));
	}
	return broken;
}

static json_t *make_statuses(const struct load_report *report)
{
	json_t *statuses = json_object();
	char name[16];
	for (int i = 0; i < LOAD_STATUS_MAX && json_object_size(statuses) < STATUSES_TOLD; i++) {
		if (report->statuses[i] == 0)
			continue;
		snprintf(name, sizeof(name), "%d", i);
		json_object_set_new(statuses, name, json_integer(report->statuses[i]));
	}
	return statuses;
}

static void set_count(json_t *json, const char *name, uint64_t count)
{
	json_object_set_new(json, name, json_integer((json_int_t)count));
}

/* Three places after the point: the journal is for people, too. */
static void set_number(json_t *json, const char *name, double number)
{
	json_object_set_new(json, name, json_real(round(number * 1000) / 1000));
}

static json_t *make_result(const struct wish *wish, const struct load_report *report)
{
	json_t *json = json_object();
	json_t *broken = find_broken(wish, report);
	uint64_t total = ddsketch_total(report->latencies);
	char name[16];
	json_object_set_new(json, "passed", json_boolean(json_array_size(broken) == 0));
	json_object_set_new(json, "broken", broken);
	set_count(json, "requests", report->due_count);
	set_count(json, "good", report->good_count);
	set_count(json, "failed", report->failed_count);
	set_count(json, "missed", report->missed_count);
	set_count(json, "timed_out", report->timeout_count);
	set_count(json, "lost", report->lost_count);
	json_object_set_new(json, "errors", json_real(share_of_errors(report)));
	json_object_set_new(json, "statuses", make_statuses(report));
	for (int i = 0; i < LIMITS; i++) {
		snprintf(name, sizeof(name), "%s_ms", limit_names[i]);
		set_number(json, name, at_rank(report, limit_ranks[i]));
	}
	set_number(json, "mean_ms", total > 0 ? report->latency_sum_ms / (double)total : 0);
	set_number(json, "late_ms", (double)report->late_ms);
	set_number(json, "seconds", (double)report->took_ms / 1000);
	if (report->error)
		json_object_set_new(json, "error", plan_json_clean(slice_of(report->error), 200));
	return json;
}

static void on_report(void *arg, const struct load_report *report)
{
	struct work *work = arg;
	struct plan_action_run *run = work->run;
	json_t *json = make_result(&work->wish, report);
	char *text = plan_json_text(json);
	char note[200];
	snprintf(note, sizeof(note), "%s: %llu requests, p99 %.0f ms, %.2f %% errors",
		 json_is_true(json_object_get(json, "passed")) ? "passed" : "not passed",
		 (unsigned long long)report->due_count, at_rank(report, 0.99),
		 100 * share_of_errors(report));
	run->work = NULL;
	run->actions->load_count--;
	mem_free(work);
	plan_action_finish(run, &(struct plan_action_result){
					.is_ok = true, .result_json = text, .note = note});
	mem_free(text);
	json_decref(json);
}

static int check_time(const struct plan_action_run *run, const struct wish *wish,
		      struct err_note *why)
{
	int64_t needed = wish->warm_up_ms + wish->duration_ms + wish->timeout_ms + LEFT_MS;
	if (run->timeout_ms >= needed)
		return 0;
	return err_set(why, ERR_INVALID,
		       "load.run takes up to %lld s, but the step's timeout is %lld s: give it "
		       "opts.timeout",
		       (long long)(needed + 999) / 1000, (long long)run->timeout_ms / 1000);
}

static int start(struct plan_action_run *run, const json_t *args, struct err_note *why)
{
	struct wish wish;
	struct action_request request;
	int code = read_wish(run->actions, args, &wish, why);
	if (code == 0)
		code = check_time(run, &wish, why);
	if (code == 0 && run->actions->load_count >= LOADS_MAX)
		code = err_set(why, ERR_FULL, "%d load.run are going on", LOADS_MAX);
	if (code != 0)
		return code;
	struct work *work = mem_alloc(sizeof(*work));
	work->run = run;
	work->wish = wish;
	action_request_init(&request, args, "Tocsin-Load", run->idempotency_key);
	struct load_options options = {
		.loop = run->actions->options.loop,
		.request = {.method = action_request_method(args),
			    .headers = request.lines,
			    .body = bytes_slice(&request.body),
			    .connect_ms = wish.timeout_ms,
			    .total_ms = wish.timeout_ms},
		.urls = wish.urls,
		.url_count = wish.url_count,
		.rate = wish.rate,
		.warm_up_ms = wish.warm_up_ms,
		.duration_ms = wish.duration_ms,
		.at_once = wish.at_once,
		.stop_at = wish.stop_at,
	};
	code = load_start(&work->load, &options, on_report, work, why);
	action_request_deinit(&request);
	if (code != 0) {
		mem_free(work);
		return code;
	}
	run->work = work;
	run->actions->load_count++;
	return 0;
}

static void cancel(struct plan_action_run *run)
{
	struct work *work = run->work;
	if (!work)
		return;
	load_cancel(work->load);
	run->actions->load_count--;
	mem_free(work);
}

static void describe(const json_t *args, struct bytes *out)
{
	const json_t *urls = json_object_get(args, "urls");
	const char *url =
		json_string_value(urls ? json_array_get(urls, 0) : json_object_get(args, "url"));
	int64_t duration_ms = 0;
	plan_json_span(json_object_get(args, "duration"), &duration_ms);
	bytes_append_format(out, "load %s %.300s", action_request_method(args), url ? url : "?");
	if (json_array_size(urls) > 1)
		bytes_append_format(out, " and %zu more", json_array_size(urls) - 1);
	bytes_append_format(out, ", %g a second for %g s",
			    json_number_value(json_object_get(args, "rate")),
			    (double)duration_ms / 1000);
}

/* All requests answered well, and at once. */
static int simulate(const struct plan_actions *actions, const json_t *args, json_t **result,
		    struct err_note *why)
{
	struct load_report report = {.took_ms = 0};
	struct wish wish;
	int code = read_wish(actions, args, &wish, why);
	if (code != 0)
		return code;
	report.due_count = report.good_count =
		(uint64_t)ceil((double)wish.duration_ms * wish.rate / 1000);
	report.statuses[200] = (uint32_t)report.good_count;
	report.took_ms = wish.warm_up_ms + wish.duration_ms;
	*result = make_result(&wish, &report);
	return 0;
}

const struct plan_action_type action_load = {.name = "load.run",
					     .validate = validate,
					     .start = start,
					     .cancel = cancel,
					     .describe = describe,
					     .simulate = simulate,
					     .may_send_secrets = true};
