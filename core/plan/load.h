/** load.h - sends requests at a fixed rate and measures the answers: an open loop.
 *
 *  Request i is due at start + i / rate, whatever became of those before it, and its latency counts
 *  from that moment: a slow target neither lowers the rate nor hides its own delay. When `at_once`
 *  requests are on their way, one that is due is not sent and counts as missed.
 *
 *      start ... warm-up ... | measured ... duration | the last answers -> on_done
 *
 *  It has an HTTP client of its own, so that messages and steps never wait for it.
 *  Owner: load_start() result is owned until on_done is called or load_cancel(). Threads: loop.
 *  Times are whole milliseconds of the monotonic clock.
 */
#ifndef TOCSIN_CORE_PLAN_LOAD_H
#define TOCSIN_CORE_PLAN_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/loop/http_client.h"

struct ddsketch;
struct err_note;
struct load;
struct loop;

enum { LOAD_STATUS_MAX = 600, LOAD_STOP_AFTER = 50 /**< requests, before stop_at is looked at */ };

struct load_options {
	struct loop *loop;
	struct http_call_options request; /**< copied; url is not used */
	const char *const *urls;          /**< copied; taken in turns */
	uint32_t url_count;               /**< 1 or more */
	double rate;                      /**< requests a second */
	int64_t warm_up_ms;               /**< sent, but not measured */
	int64_t duration_ms;
	uint32_t at_once;
	double stop_at; /**< ends early when this share of the measured ones has failed; 0: never */
};

/** Of the measured requests. */
struct load_report {
	uint64_t due_count;                    /**< those below together */
	uint64_t good_count;                   /**< answered with 2xx or 3xx */
	uint64_t failed_count;                 /**< another status, a time-out, no connection */
	uint64_t missed_count;                 /**< never sent: too many were on their way */
	uint64_t timeout_count, lost_count;    /**< of the failed ones: without an answer */
	uint32_t statuses[LOAD_STATUS_MAX];    /**< of all answers */
	const struct ddsketch *latencies;      /**< ms, of all but the missed; NULL: none */
	double latency_sum_ms, latency_max_ms; /**< of the same */
	int64_t late_ms;                       /**< most by which a request left after its time */
	int64_t took_ms;                       /**< from the first due to the end */
	bool is_stopped;                       /**< by stop_at */
	const char *error;                     /**< of the latest without an answer; or NULL */
};

/** ERR_INVALID, those of http_client_new(). `on_done` is called once, later. */
int load_start(struct load **out, const struct load_options *options,
	       void (*on_done)(void *arg, const struct load_report *report), void *arg,
	       struct err_note *why);
void load_cancel(struct load *load); /**< no on_done; what is on its way is given up */

#endif
