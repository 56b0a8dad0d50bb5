/** override_store.h - who is on call instead, as people say it by command: rows under "O".
 *
 *  They stand behind the overrides of the site's schedules, so they win; of two the later added
 *  one. A row keeps names: one whose schedule or person the site does not have any more says
 *  nothing until it has. Ended ones go after OVERRIDE_KEPT_MS. A number is never used twice.
 *  Owner: override_store_new() result owned; kv, commit borrowed. Threads: loop thread.
 *  Limits: ONCALL_OVERRIDES_MAX rows, OVERRIDE_TEXT_BYTES_MAX.
 */
#ifndef TOCSIN_CORE_ESCALATION_OVERRIDE_STORE_H
#define TOCSIN_CORE_ESCALATION_OVERRIDE_STORE_H

#include <stdint.h>

struct commit;
struct config;
struct err_note;
struct kv;
struct oncall_person;
struct oncall_schedule;
struct override_store;

#define OVERRIDE_KEPT_MS     (30LL * 24 * 3600 * 1000)
#define OVERRIDE_SPAN_MS_MAX (366LL * 24 * 3600 * 1000)
enum { OVERRIDE_TEXT_BYTES_MAX = 1024 };

struct stored_override {
	uint64_t number;
	const char *schedule, *person;
	int64_t from_ms, to_ms;
	const char *actor;
	const char *reason; /**< or NULL */
	int64_t created_ms;
};

int override_store_new(struct override_store **out, struct kv *kv, struct commit *commit,
		       struct err_note *why);
void override_store_free(struct override_store *store); /**< NULL allowed */

/** Into commit_batch(); number and time are filled in. ERR_NOT_FOUND (schedule, person),
 *  ERR_INVALID (times, texts), ERR_FULL. */
int override_store_add(struct override_store *store, const struct config *config,
		       struct stored_override *override, int64_t now_ms, struct err_note *why);
/** ERR_NOT_FOUND. */
int override_store_remove(struct override_store *store, uint64_t number, struct err_note *why);
/** Borrowed until the next change. NULL: there is none. */
const struct stored_override *override_store_find(const struct override_store *store,
						  uint64_t number);
void override_store_each(const struct override_store *store,
			 void (*each)(void *arg, const struct stored_override *override),
			 void *arg);
uint32_t override_store_count(const struct override_store *store);

/** With the stored ones. NULL: nobody. `store` may be NULL. */
const struct oncall_person *override_store_who(const struct override_store *store,
					       const struct config *config,
					       const struct oncall_schedule *schedule,
					       int64_t utc_ms);

#endif
