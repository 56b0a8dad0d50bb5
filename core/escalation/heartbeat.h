/** heartbeat.h - a sign of life outwards, so that somebody else notices when nobody is called.
 *
 *  A GET every so often, but only while `is_alive` says yes: silence is the alarm. An answer of
 *  200 to 299 counts as heard.
 *  Owner: heartbeat_new() result owned; loop, client borrowed. Threads: loop thread.
 */
#ifndef TOCSIN_CORE_ESCALATION_HEARTBEAT_H
#define TOCSIN_CORE_ESCALATION_HEARTBEAT_H

#include <stdbool.h>
#include <stdint.h>

struct config_heartbeat;
struct heartbeat;
struct http_client;
struct loop;

struct heartbeat *heartbeat_new(struct loop *loop, struct http_client *client,
				bool (*is_alive)(void *arg), void *arg);
void heartbeat_free(struct heartbeat *heartbeat); /**< NULL allowed */
/** NULL: none. What is needed is copied. An unchanged one goes on undisturbed. */
void heartbeat_configure(struct heartbeat *heartbeat, const struct config_heartbeat *config);

struct heartbeat_usage {
	bool is_configured;
	uint64_t sent, failed; /**< heard, and not */
	uint64_t withheld;     /**< because it was not alive */
	int64_t heard_ms;      /**< wall; 0: never */
	const char *error;     /**< of the last one, or NULL */
};
void heartbeat_usage(const struct heartbeat *heartbeat, struct heartbeat_usage *out);

#endif
