/** action_internal.h - how an action plugs in: a struct of functions in a table (action.c).
 *
 *  To add one: a file action_<name>.c that fills a struct plan_action_type, and a row in action.c.
 *  `start` must not call on_done itself: it starts something that later calls plan_action_finish(),
 *  or plan_action_finish_soon() when the effect is done already.
 *  A test puts its own table in with plan_actions_set_types().
 */
#ifndef TOCSIN_CORE_PLAN_ACTION_INTERNAL_H
#define TOCSIN_CORE_PLAN_ACTION_INTERNAL_H

#include "core/base/bytes.h"
#include "core/plan/action.h"

#include <jansson.h>

#include <stddef.h>

enum {
	ACTION_ARGS_BYTES_MAX = 64 * 1024,
	ACTION_REPLY_BYTES_MAX = 16 * 1024, /**< of an answer or an output, as journaled */
	ACTION_EXEC_ARGS_MAX = 64,
	ACTION_HTTP_HEADERS_MAX = 32
};

struct timer;
struct workers;

struct plan_action_type {
	const char *name;
	int (*validate)(const struct plan_actions *actions, const json_t *args,
			enum effect *default_effect, struct err_note *why);
	/** May keep `work`, which `cancel` stops. */
	int (*start)(struct plan_action_run *run, const json_t *args, struct err_note *why);
	void (*cancel)(struct plan_action_run *run);
	void (*describe)(const json_t *args, struct bytes *out);
	/** What a good try would give, without one: for dry runs and tests. *result is owned.
	 *  Nothing outside is touched, not even read. A failure is that of a try which did
	 *  nothing. NULL: the action is refused there. */
	int (*simulate)(const struct plan_actions *actions, const json_t *args, json_t **result,
			struct err_note *why);
	bool may_send_secrets; /**< what it is given is neither stored nor shown */
};

struct plan_actions {
	struct plan_actions_options options;
	struct config *config;
	const struct plan_action_type *types; /**< ends with name NULL */
	struct plan_simulation simulation;
	bool is_simulated;
	struct workers *workers; /**< of blocking steps; NULL until the first */
	uint32_t load_count;     /**< of load.run that go on */
};

struct plan_action_run {
	struct plan_actions *actions;
	const struct plan_action_type *type;
	char *idempotency_key;
	int64_t timeout_ms;
	uint64_t incident;
	json_t *secrets;    /**< values that were sent, to be hidden in what comes back; or NULL */
	void *work;         /**< what `start` began: http_call, process */
	struct timer *soon; /**< an outcome that waits for the next turn */
	struct plan_reply *reply; /**< of a simulated try: comes with `soon`; or NULL */
	void (*on_done)(void *arg, const struct plan_action_result *result);
	void *arg;
};

void plan_actions_set_types(struct plan_actions *actions, const struct plan_action_type *types);
/** Reports and frees the run. */
void plan_action_finish(struct plan_action_run *run, const struct plan_action_result *result);
/** Success without a result, on the next turn of the loop. */
void plan_action_finish_soon(struct plan_action_run *run);

/** A reply that is there already, told on a later turn; its texts are taken. */
void plan_action_reply_soon(struct plan_action_run *run, const struct plan_reply *reply);
/** action_simulate.c: in the place of type->start(). The arguments have names in the place of
 *  secrets. */
int plan_action_simulate(struct plan_action_run *run, const json_t *args, struct err_note *why);
void plan_action_free_reply(struct plan_action_run *run);
/** A simulator for actions whose result is {}. */
int action_simulate_nothing(const struct plan_actions *actions, const json_t *args, json_t **result,
			    struct err_note *why);

enum { ACTION_ROW_ID_BYTES = 33 };
/** The id of an outbox row: the idempotency key, or its hash in `hash`. Names of plans and steps
 *  may have spaces and any letters; the id becomes a header and may not. */
const char *action_row_id(const char *key, char hash[ACTION_ROW_ID_BYTES]);
/** A text member that must be there and not be empty. */
int action_text(const json_t *args, const char *action, const char *name, const char **out,
		struct err_note *why);

extern const struct plan_action_type action_notify, action_http, action_exec, action_log,
	action_load, action_sql, action_metric, action_ticket, action_group, action_phone;

#endif
