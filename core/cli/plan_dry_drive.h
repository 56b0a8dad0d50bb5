/** plan_dry_drive.h - one run of a plan in a world of its own, to its end: who answers what, which
 *  steps fail, when the incident is over.
 *
 *  Owner: texts of policies are borrowed until plan_dry_drive_close().
 */
#ifndef TOCSIN_CORE_CLI_PLAN_DRY_DRIVE_H
#define TOCSIN_CORE_CLI_PLAN_DRY_DRIVE_H

#include <jansson.h>

#include <stdbool.h>
#include <stdint.h>

struct err_note;
struct plan_world;
struct timer;

enum { POLICIES_MAX = 100 };
enum policy_kind { POLICY_ANSWER, POLICY_SIGNAL, POLICY_FAIL, POLICY_RESULT };

struct policy {
	enum policy_kind kind;
	char *name;        /**< of an ask, signal or step; owned */
	const char *value; /**< or NULL */
};

struct plan_dry_drive {
	struct policy policies[POLICIES_MAX];
	uint32_t policy_count;
	int64_t begin_ms;
	int64_t resolve_ms; /**< wall time; INT64_MAX: never */
	json_t *alert;      /**< what fires; NULL: the incident is a document */

	struct plan_world *world;
	struct timer *look;
	char *run_id;
	json_t *refused;         /**< answers and signals that were not taken: why, by name */
	bool has_ended, is_done; /**< how it went */
	char *waiting_for;
};

/** The world begins at `begin_ms`. */
int plan_dry_drive_open(struct plan_dry_drive *drive, struct err_note *why);
void plan_dry_drive_close(struct plan_dry_drive *drive);

/** Starts a run of the plan and goes on until it has ended, or waits for a person whom no policy
 *  answers for. Errors: of the start. */
int plan_dry_drive_run(struct plan_dry_drive *drive, const char *plan, const char *params_json,
		       uint64_t incident, struct err_note *why);

#endif
