/** oncall_remote.h - what of `tocsin oncall` needs the daemon: overrides by command, chains. */
#ifndef TOCSIN_CORE_CLI_ONCALL_REMOTE_H
#define TOCSIN_CORE_CLI_ONCALL_REMOTE_H

#include <stdbool.h>
#include <stdint.h>

struct config;
struct oncall_schedule;
struct remote;

struct oncall_request {
	const struct remote *remote; /**< how to ask the daemon, JSON or not, reason */
	const char *site_dir;
	int64_t from_ms, to_ms;
	bool has_from, has_to;
};

/** `override …` and `chains`: true and the exit code when the first word is one of them. */
bool oncall_ask(const struct oncall_request *request, int count, char **words, int *code);

/** The site's schedules with the daemon's overrides behind their own: config->schedule_count owned
 *  ones. Says on stderr when the daemon's are not in them. Without a daemon, or with one of another
 *  site, they are the site's. */
struct oncall_schedule *oncall_with_stored(const struct oncall_request *request,
					   const struct config *config);
void oncall_schedules_free(struct oncall_schedule *schedules, const struct config *config);

#endif
