/** plan_runner.h - how the core drives a plan script: coroutines that ask, and are answered.
 *
 *      start -> resume(0, NULL) -> CALL step "notify" … -> resume(0, answer) -> CALL branches …
 *            -> fork(0, first) = 1, resume(1, NULL) … -> FINISHED -> drop(1) … -> resume(0, answer)
 *            -> FINISHED
 *
 *  Branch 0 is the main one; the others are the functions of a branches call, each a coroutine of
 *  its own. While it waits for them their parent is not resumed.
 *  The script has no other door to the world. lua/bridge/plan_runner_lua.c fills this; tests fake
 *  it with a list. Arguments and results are JSON texts with sorted keys (same values, same bytes).
 *
 *  Spans in opts and ask arguments are texts ("10s") or numbers of seconds. Results by kind:
 *      STEP   http.request {"status", "body"}   exec.run {"exit_code", "output"}   others {}
 *      SLEEP  {"late_by_ms": 0}
 *      ASK    {"approved": true, "value": any or null, "actor": "…", "reason": "…",
 *              "expired": false}
 *      SIGNAL {"value": any, "actor": "…", "reason": "…"}, or {"timeout": true}
 *      CALL   {"state": "done", "result": any, "run": "deploy-7-1a2b3c4d"}; detached: {"state":
 *             "started", "run": …}
 *      LOCK   {"fence": 12}   UNLOCK {"held": false when its lease was over}
 *      VALUE  now: epoch seconds (1795327200.125)   random: number in [0, 1)   uuid: text
 *             incident: the object of incident_append_json(), or null
 *      BRANCHES  {"started": 3, "winner": "a" (of `any`), "errors": {"b": "sentence"}}; what the
 *             functions returned stays in the script
 */
#ifndef TOCSIN_CORE_PLAN_PLAN_RUNNER_H
#define TOCSIN_CORE_PLAN_PLAN_RUNNER_H

#include <stdbool.h>
#include <stdint.h>

struct err_note;

/** What the script waits for. */
#define PLAN_CALL_LIST(X)                                                                          \
	X(STEP, "step")                                                                            \
	X(SLEEP, "sleep")                                                                          \
	X(ASK, "ask")                                                                              \
	X(VALUE, "value")                                                                          \
	X(BRANCHES, "branches")                                                                    \
	X(SIGNAL, "signal")                                                                        \
	X(CALL, "call")                                                                            \
	X(LOCK, "lock")                                                                            \
	X(UNLOCK, "unlock")
enum plan_call_kind {
#define PLAN_CALL_ENUM(name, text) PLAN_CALL_##name,
	PLAN_CALL_LIST(PLAN_CALL_ENUM)
#undef PLAN_CALL_ENUM
};

/** Texts are borrowed until the next resume or free.
 *  STEP: action "notify.send" | "http.request" | "exec.run" | "log.write"; args and opts as JSON
 *  objects (opts: effect, timeout, deadline, retry {max, first, factor, cap, jitter}, on_fail).
 *  SLEEP: args {"ms": 5000}. ASK: args {text, who, expires, on_expire, choices}; opts are not read.
 *  SIGNAL: id and action are its name; args {} or {"ms": how long}.
 *  CALL: action is the plan; args {"params": {…}, "timeout_ms": …, "detach": true}.
 *  LOCK: id and action are its name; args {"ttl_ms": …, "wait_ms": …}. UNLOCK: action is the name
 *  of a lock that this branch holds.
 *  VALUE: action "now" | "random" | "uuid" | "incident" | "fact" (opts {"value": …}); recorded
 *  once, replayed afterwards. Action "known": whether the fact `id` is recorded; no record itself.
 *  BRANCHES: id "par" | "each"; args {"mode": "all" | "any" | "settle", "names": ["a", …] or
 *  "count": 7 (then they are called "1" … "7"), "limit": at once, "max_errors": past it no more
 *  begin}.
 *  args_json and opts_json NULL mean {}. */
struct plan_call {
	enum plan_call_kind kind;
	const char *id; /**< given by the author; for sleep and values one is made ("sleep") */
	const char *action;
	const char *args_json;
	const char *opts_json;
	int line; /**< in the script, for messages */
};

struct plan_answer {
	bool is_ok;
	const char *result_json; /**< when ok */
	const char *error;       /**< sentence when not ok: raised in the script, unless
				      opts.on_fail = "continue" */
};

enum plan_progress { PLAN_CALLED, PLAN_FINISHED, PLAN_RAISED };

struct plan_runner;
struct plan_runner_ops {
	/** Answer NULL at first. CALLED: *call is set. FINISHED: *result_json (owned) is what run()
	 *  returned, or NULL.
	 *  The branch is not resumed again unless it was CALLED.
	 *  RAISED: the script failed; `why` says where (ERR_SCRIPT, ERR_BUDGET, ERR_MEMORY
	 *  in *code). */
	enum plan_progress (*resume)(struct plan_runner *runner, uint32_t branch,
				     const struct plan_answer *answer, struct plan_call *call,
				     char **result_json, int *code, struct err_note *why);
	/** A branch of the `index`-th (from 0) function of the branches call that `parent` waits
	 *  in. ERR_MEMORY, ERR_SCRIPT. */
	int (*fork)(struct plan_runner *runner, uint32_t parent, uint32_t index, uint32_t *branch,
		    struct err_note *why);
	/** A branch that undoes what the script has done so far, the latest first, as steps "undo";
	 *  it fails with the first that fails. The main branch was dropped. ERR_NOT_FOUND: the
	 *  script was never resumed; ERR_MEMORY, ERR_SCRIPT. */
	int (*unwind)(struct plan_runner *runner, const char *reason, uint32_t *branch,
		      struct err_note *why);
	/** Forgets a branch that has ended or is given up; its number may be used again. */
	void (*drop)(struct plan_runner *runner, uint32_t branch);
	void (*free)(struct plan_runner *runner);
};
struct plan_runner {
	const struct plan_runner_ops *ops;
};

/** Makes a fresh runner (own Lua state) for one run of one plan version. */
struct plan_factory;
struct plan_factory_ops {
	int (*start)(struct plan_factory *factory, const char *run_id, const char *params_json,
		     const char *incident_json, struct plan_runner **out, struct err_note *why);
	/** The source text and its name, kept with the run so that a restart can rebuild the
	 *  version. */
	const char *(*source)(const struct plan_factory *factory);
	void (*free)(struct plan_factory *factory);
};
struct plan_factory {
	const struct plan_factory_ops *ops;
};

#endif
