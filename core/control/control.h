/** control.h - operators' door: newline-delimited JSON over a Unix socket.
 *
 *  Request:  {"id": 1, "verb": "rule.disable", "args": {…}}
 *  Answer:   {"id": 1, "ok": true, "result": …}
 *       or   {"id": 1, "ok": false, "code": "ERR_CONFLICT", "error": "…"}
 *  One table of verbs (control_verbs.c). The answer to a verb with an effect is sent when the
 *  effect is durable. Who may connect: the socket's mode 0660 says it (owner and group); who it
 *  was: SO_PEERCRED, written into every command as the actor "uid:<n>(<name>)".
 *  Limits: CONTROL_LINE_BYTES_MAX a request, CONTROL_CLIENTS_MAX clients.
 */
#ifndef TOCSIN_CORE_CONTROL_CONTROL_H
#define TOCSIN_CORE_CONTROL_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"

struct audit_log;
struct control;
struct err_note;
struct file_tail;
struct file_tail_status;
struct json_t;
struct loop;
struct shadow_log;
struct source_http_status;
struct source_tcp_status;

enum { CONTROL_LINE_BYTES_MAX = 256 * 1024, CONTROL_CLIENTS_MAX = 32 };

/** One place that a source reads from; its counters begin when it is opened. */
struct control_tail {
	const char *source;
	const char *from;                    /**< pattern or address */
	const struct file_tail_status *file; /**< of a pattern, else NULL */
	const struct file_tail *files;       /**< of a pattern: for file_tail_find_path() */
	const struct source_tcp_status *tcp; /**< of an address, else NULL */
};

/** What verbs work on; app.c fills it, tests fake it. All borrowed. */
struct control_target {
	struct loop *loop;
	struct kv *kv;
	struct commit *commit;
	struct engine *engine;
	struct versions *rule_versions;
	struct versions *plan_versions;
	struct audit_log *audit;
	const struct shadow_log *shadows; /**< or NULL */
	struct incident_store *incidents;
	const struct news *news; /**< or NULL */
	struct handling *handling;
	struct plan_engine *plans;
	const struct escalation *escalation;
	struct override_store *overrides;
	const struct heartbeat *heartbeat;
	struct outbox *outbox;
	struct paging *paging; /**< or NULL */
	struct pool *pool;
	int64_t started_wall_ms;
	const char *site_dir;
	const char *state_dir;
	uint64_t *generation;
	/** Reloads the site; `done` gets the per-file answers as JSON array text (borrowed) and
	 *  whether any file was refused, when the new generation is installed and durable. */
	void (*reload)(void *arg,
		       void (*done)(void *done_arg, const char *files_json, bool any_refused),
		       void *done_arg);
	/** Versions were enabled, disabled or activated: installs the new set before it returns. */
	void (*apply_versions)(void *arg);
	/** Source text of a rule version (owned); NULL when its file is not there. */
	char *(*rule_source)(void *arg, const char *name, uint32_t version);
	/** What happens to panes, states and firing alerts when that version takes over (0: when
	 *  the rule stops), as json_impact() makes it. ERR_NOT_FOUND. */
	int (*rule_impact)(void *arg, const char *name, uint32_t version, struct json_t **out,
			   struct err_note *why);
	/** The version runs beside the active one from here on (0: the rule's shadow ends). May be
	 *  NULL. ERR_NOT_FOUND, ERR_CONFLICT, ERR_INVALID, ERR_FULL. */
	int (*shadow)(void *arg, const char *name, uint32_t version, const char *actor,
		      struct err_note *why);
	/** Followed patterns and TCP addresses that are open now. */
	void (*each_tail)(void *arg, void (*each)(void *each_arg, const struct control_tail *tail),
			  void *each_arg);
	/** Of all sources together: they share one door. */
	void (*http_status)(void *arg, struct source_http_status *out);
	void *arg;
};

/** `socket_path` NULL: no socket, requests come by control_handle() only. */
int control_new(struct control **out, const struct control_target *target, const char *socket_path,
		struct err_note *why);
void control_free(struct control *control);

/** One request line to one answer line. `answer` is called once, maybe later. */
void control_handle(struct control *control, struct slice line, const char *actor,
		    void (*answer)(void *arg, struct slice line), void *arg);

/** Prometheus text format 0.0.4 of everything countable. */
void metrics_append(const struct control_target *target, struct bytes *out);

#endif
