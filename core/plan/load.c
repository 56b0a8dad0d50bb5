#include "core/plan/load.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/loop/loop.h"
#include "core/sketch/ddsketch.h"

#include <math.h>

enum { SENT_PER_TURN = 64 /* then others on the loop have their turn */, ERROR_BYTES_MAX = 200 };

struct shot {
	struct load *load;
	int64_t due_ms;
	bool is_measured;
	struct shot *next; /* of the free ones */
};

struct load {
	struct load_options options;
	char **urls, **headers;
	char *method, *body;
	struct http_client *client;
	struct timer *timer;
	struct shot *shots; /* [at_once] */
	struct shot *free;
	uint32_t busy_count;
	int64_t start_ms;
	uint64_t next, total; /* requests, with those of the warm-up */
	struct load_report report;
	struct ddsketch *latencies;
	size_t memory;
	char error[ERROR_BYTES_MAX];
	bool is_over;
	void (*on_done)(void *arg, const struct load_report *report);
	void *arg;
};

static char **copy_texts(const char *const *texts, uint32_t count)
{
	char **copy = mem_alloc_array(count + 1, sizeof(*copy));
	for (uint32_t i = 0; i < count; i++)
		copy[i] = mem_copy_text(texts[i]);
	return copy;
}

static void free_texts(char **texts)
{
	for (uint32_t i = 0; texts && texts[i]; i++)
		mem_free(texts[i]);
	mem_free(texts);
}

void load_cancel(struct load *load)
{
	if (!load)
		return;
	http_client_free(load->client);
	timer_free(load->timer);
	ddsketch_free(&load->latencies, &load->memory);
	free_texts(load->urls);
	free_texts(load->headers);
	mem_free(load->method);
	mem_free(load->body);
	mem_free(load->shots);
	mem_free(load);
}

/* The client must not be freed inside its own callback: the end comes with the timer. */
static void end(struct load *load)
{
	load->is_over = true;
	timer_set(load->timer, 0);
}

static void finish(struct load *load)
{
	struct load_report report = load->report;
	report.due_count = report.good_count + report.failed_count + report.missed_count;
	report.latencies = load->latencies;
	report.error = load->error[0] ? load->error : NULL;
	report.took_ms = loop_mono_ms(load->options.loop) - load->start_ms;
	load->on_done(load->arg, &report);
	load_cancel(load);
}

static void measure(struct load *load, const struct shot *shot, const struct http_result *http)
{
	struct load_report *report = &load->report;
	double latency = (double)(loop_mono_ms(load->options.loop) - shot->due_ms);
	bool has_answer = http->status > 0 && http->status < LOAD_STATUS_MAX &&
			  (http->code == 0 || http->code == ERR_FULL);
	ddsketch_add(&load->latencies, latency, &load->memory);
	report->latency_sum_ms += latency;
	report->latency_max_ms = fmax(report->latency_max_ms, latency);
	if (has_answer)
		report->statuses[http->status]++;
	if (has_answer && http->status >= 200 && http->status < 400) {
		report->good_count++;
		return;
	}
	report->failed_count++;
	if (has_answer)
		return;
	if (http->code == ERR_TIMEOUT)
		report->timeout_count++;
	else
		report->lost_count++;
	snprintf(load->error, sizeof(load->error), "%s",
		 http->error ? http->error : err_sentence(http->code));
}

static bool has_failed_enough(const struct load *load)
{
	const struct load_report *report = &load->report;
	uint64_t bad = report->failed_count + report->missed_count;
	uint64_t all = bad + report->good_count;
	return load->options.stop_at > 0 && all >= LOAD_STOP_AFTER &&
	       (double)bad >= load->options.stop_at * (double)all;
}

static void look_whether_over(struct load *load)
{
	if (load->is_over)
		return;
	if (has_failed_enough(load)) {
		load->report.is_stopped = true;
		end(load);
	} else if (load->next == load->total && load->busy_count == 0) {
		end(load);
	}
}

static void release(struct load *load, struct shot *shot)
{
	shot->next = load->free;
	load->free = shot;
	load->busy_count--;
}

static void on_answer(void *arg, const struct http_result *http)
{
	struct shot *shot = arg;
	struct load *load = shot->load;
	if (shot->is_measured && !load->is_over)
		measure(load, shot, http);
	release(load, shot);
	look_whether_over(load);
}

static void send_one(struct load *load, int64_t due_ms, int64_t now_ms)
{
	struct http_call_options request = load->options.request;
	struct http_call *call;
	struct shot *shot = load->free;
	bool is_measured = due_ms - load->start_ms >= load->options.warm_up_ms;
	request.url = load->urls[load->next % load->options.url_count];
	if (is_measured && now_ms - due_ms > load->report.late_ms)
		load->report.late_ms = now_ms - due_ms;
	if (shot) {
		load->free = shot->next;
		load->busy_count++;
		shot->due_ms = due_ms;
		shot->is_measured = is_measured;
		if (http_call_start(&call, load->client, &request, on_answer, shot, NULL) == 0)
			return;
		release(load, shot);
	}
	if (is_measured)
		load->report.missed_count++;
}

static int64_t due_of(const struct load *load, uint64_t index)
{
	return load->start_ms + (int64_t)((double)index * 1000 / load->options.rate);
}

static void on_time(void *arg)
{
	struct load *load = arg;
	int64_t now = loop_mono_ms(load->options.loop);
	if (load->is_over) {
		finish(load);
		return;
	}
	for (int i = 0; i < SENT_PER_TURN && load->next < load->total; i++) {
		int64_t due = due_of(load, load->next);
		if (due > now)
			break;
		send_one(load, due, now);
		load->next++;
	}
	if (load->next < load->total) {
		int64_t due = due_of(load, load->next);
		timer_set(load->timer, due > now ? due - now : 0);
	}
	look_whether_over(load);
}

static void copy_request(struct load *load, const struct load_options *options)
{
	struct http_call_options *request = &load->options.request;
	uint32_t count = 0;
	while (request->headers && request->headers[count])
		count++;
	load->urls = copy_texts(options->urls, options->url_count);
	load->headers = copy_texts(request->headers, count);
	load->method = mem_copy_text(request->method);
	load->body =
		mem_copy_bytes(request->body.data ? request->body.data : "", request->body.length);
	request->headers = (const char *const *)load->headers;
	request->method = load->method;
	request->body.data = load->body;
}

int load_start(struct load **out, const struct load_options *options,
	       void (*on_done)(void *arg, const struct load_report *report), void *arg,
	       struct err_note *why)
{
	struct load *load = mem_alloc(sizeof(*load));
	load->options = *options;
	load->on_done = on_done;
	load->arg = arg;
	copy_request(load, options);
	int code = http_client_new(&load->client, options->loop, why);
	if (code != 0) {
		load_cancel(load);
		return code;
	}
	http_client_set_calls_max(load->client, options->at_once);
	load->shots = mem_alloc_array(options->at_once, sizeof(*load->shots));
	for (uint32_t i = 0; i < options->at_once; i++) {
		load->shots[i] = (struct shot){.load = load, .next = load->free};
		load->free = &load->shots[i];
	}
	load->total = (uint64_t)ceil((double)(options->warm_up_ms + options->duration_ms) *
				     options->rate / 1000);
	load->start_ms = loop_mono_ms(options->loop);
	load->timer = timer_new(options->loop, on_time, load);
	timer_set(load->timer, 0);
	*out = load;
	return 0;
}
