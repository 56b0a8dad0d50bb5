/** action.h - what a plan step can do: each action is a struct of functions; a table lists them.
 *
 *  notify.send {to, text, …}    an outbox row for the output `to`; id = idempotency key,
 *                               or its hash when it is not visible ASCII
 *  http.request {method, url, headers, body}
 *                               direct call; host must be on `http_allow`; sends the header
 *                               Idempotency-Key; a body that is a table goes as JSON
 *  exec.run {argv}              allow-listed program, no shell
 *  load.run, sql.query, metric.query …
 *                               a file each; what they take and give: docs/plan-actions.md
 *  log.write {text}             a line in the incident's timeline and the log
 *  Default effects: notify idempotent (the receiver de-duplicates by id), log idempotent,
 *  http GET and HEAD read, other methods once, exec once.
 *  Owner: plan_actions_new() result owned. Threads: loop thread.
 */
#ifndef TOCSIN_CORE_PLAN_ACTION_H
#define TOCSIN_CORE_PLAN_ACTION_H

#include <jansson.h>

#include <stdbool.h>
#include <stdint.h>

struct bytes;
struct config;
struct err_note;
struct http_client;
struct loop;
struct outbox;
struct plan_action_run;
struct plan_actions;

enum effect { EFFECT_READ, EFFECT_IDEMPOTENT, EFFECT_PROBE, EFFECT_ONCE };

/** Texts borrowed. */
struct plan_page {
	const char *person;
	uint64_t incident; /**< 0: of none */
	const char *text;
	const char *cause; /**< "plan call#1" */
};

struct plan_actions_options {
	struct loop *loop;
	struct http_client *client;
	struct outbox *outbox;
	/** What a rule sees of a key now; `key` is an object by the rule's `by` fields, or
	 *  NULL. *out is owned. ERR_NOT_FOUND, ERR_INVALID: the key is not one of the rule.
	 *  NULL: metric.query fails. */
	int (*metric)(void *arg, const char *rule, const json_t *key, json_t **out,
		      struct err_note *why);
	/** Who that is now: "wang", "person:wang", "schedule:payments" (who is on call; nobody: no
	 *  call), "role:commander" (all who have it). ERR_NOT_FOUND. NULL: there are no people. */
	int (*people)(void *arg, const char *who, void (*each)(void *each_arg, const char *person),
		      void *each_arg, struct err_note *why);
	/** Calls a person by all ways at once, into commit_batch(). ERR_FULL: it waits for a way;
	 *  others: this person cannot be reached. NULL: there are no people. */
	int (*page)(void *arg, const struct plan_page *page, struct err_note *why);
	void *arg;
};
/** Whether actions of this kind exist ("http" of http.request); `known` gets all kinds. */
bool plan_action_kinds(const char *kind, struct bytes *known);
struct plan_actions *plan_actions_new(const struct plan_actions_options *options);
void plan_actions_free(struct plan_actions *actions);
void plan_actions_configure(struct plan_actions *actions, struct config *config); /**< referenced */

/** Checks arguments before anything is journaled. ERR_INVALID, ERR_NOT_FOUND (no such
 *  action or output), ERR_DENIED. */
int plan_action_validate(struct plan_actions *actions, const char *action, const char *args_json,
			 enum effect *default_effect, struct err_note *why);

struct plan_action_result {
	bool is_ok;
	bool is_unknown; /**< sent, outcome unknown (time-out, connection lost, HTTP 502, 504) */
	bool can_retry;  /**< not ok, and certainly without effect or the target asked to retry */
	bool can_repeat; /**< not ok, worth a retry if the effect may happen twice (HTTP 5xx) */
	bool is_absent; /**< not ok: what was asked for is not there (HTTP 404, 410; exit code 1) */
	const char *result_json; /**< borrowed for the call; NULL = {} */
	const char *note;  /**< what people should know of a success, for the timeline; or NULL */
	const char *error; /**< sentence when not ok, borrowed for the call */
};
/** One line for people: "POST http://127.0.0.1:8080/x", "notify ops: text". */
void plan_action_describe(const char *action, const char *args_json, struct bytes *out);

/** Starts the effect; on_done is called once, later, on the loop thread; the run is gone after it.
 *  The step's arguments were validated. On failure certainly nothing has happened. */
int plan_action_start(struct plan_action_run **out, struct plan_actions *actions,
		      const char *action, const char *args_json, const char *idempotency_key,
		      int64_t timeout_ms, uint64_t incident,
		      void (*on_done)(void *arg, const struct plan_action_result *result),
		      void *arg, struct err_note *why);
void plan_action_cancel(struct plan_action_run *run); /**< no on_done; NULL allowed */

/** A try that is not made. Texts borrowed for the call. */
struct plan_effect {
	const char *action;
	const char *args_json; /**< with names in the place of secrets */
	const char *key;       /**< idempotency key: "run/step#1" */
	const char *text;      /**< one line for people */
	uint64_t incident;
	int64_t timeout_ms;
};
/** What the step is told in the place of an outcome. */
struct plan_reply {
	struct plan_action_result result; /**< its texts point to the two below */
	char *result_json, *error;        /**< owned, or NULL; made with mem_*() */
	int64_t after_ms;                 /**< from its time-out on: it is unknown what happened */
};
/** From now on no action touches the world: its simulator answers, and `on_effect`, which is told
 *  of every try, may change the reply. An action without a simulator is refused. Not while actions
 *  run. */
struct plan_simulation {
	void (*on_effect)(void *arg, const struct plan_effect *effect, struct plan_reply *reply);
	void *arg;
};
void plan_actions_simulate(struct plan_actions *actions, const struct plan_simulation *simulation);

#endif
