/** shadow_log.h - which versions run as shadows, and what they and the active ones would have said.
 *
 *  A shadow is one version of a rule beside the active one: its alerts are kept here, and sent to
 *  nobody; those of the active version since then are kept as well, to compare. Rows "v" (a shadow)
 *  and "V" (an alert) are added to commit_batch().
 *  Owner: shadow_log_new() result owned; kv, commit borrowed. Threads: loop thread.
 *  Limits: SHADOW_COUNT_MAX shadows, one for each rule; SHADOW_ALERTS_MAX alerts of each side, the
 *  oldest go.
 */
#ifndef TOCSIN_STORAGE_SHADOW_LOG_H
#define TOCSIN_STORAGE_SHADOW_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"

struct commit;
struct err_note;
struct kv;
struct shadow_log;

enum { SHADOW_COUNT_MAX = 32, SHADOW_ALERTS_MAX = 5000, SHADOW_NAME_BYTES_MAX = 64 };

enum shadow_side { SHADOW_ACTIVE, SHADOW_SHADOW };

struct shadow {
	char name[SHADOW_NAME_BYTES_MAX + 1];
	uint32_t version;
	int64_t since_ms;
	char actor[64];
	uint64_t first[2], next[2]; /**< sequences of the alerts of each side; from 1 */
};

/** Reads what is stored. */
int shadow_log_new(struct shadow_log **out, struct kv *kv, struct commit *commit,
		   struct err_note *why);
void shadow_log_free(struct shadow_log *log); /**< NULL allowed */

/** In place of an earlier shadow of the rule, whose alerts are deleted. ERR_FULL. */
int shadow_log_start(struct shadow_log *log, const char *name, uint32_t version, const char *actor,
		     int64_t now_ms, struct err_note *why);
/** With its alerts. False: there is none. */
bool shadow_log_stop(struct shadow_log *log, const char *name);

uint32_t shadow_log_count(const struct shadow_log *log);
/** Borrowed until the next start or stop. */
const struct shadow *shadow_log_at(const struct shadow_log *log, uint32_t index);
const struct shadow *shadow_log_find(const struct shadow_log *log,
				     const char *name); /**< or NULL */

/** An alert of the rule, as its document (keys = "en"). Nothing when the rule has no shadow. */
void shadow_log_add(struct shadow_log *log, const char *name, enum shadow_side side,
		    struct slice document);
/** Durable ones, oldest first. ERR_CORRUPT. */
int shadow_log_each(const struct shadow_log *log, const char *name, enum shadow_side side,
		    void (*each)(void *arg, struct slice document), void *arg,
		    struct err_note *why);

#endif
