/** control_internal.h - the table of verbs, for control.c and the verb files only. */
#ifndef TOCSIN_CORE_CONTROL_CONTROL_INTERNAL_H
#define TOCSIN_CORE_CONTROL_CONTROL_INTERNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct control_target;
struct err_note;
struct paging;

/** One request as a verb sees it. */
struct verb_call {
	struct control_target *target;
	json_t *args;      /**< an object, borrowed */
	const char *actor; /**< "uid:1000(ann)" */
	int64_t now_ms;
};

struct verb {
	const char *name;
	bool has_effect; /**< the answer waits until the effect is durable */
	/** 0 and a new *result, or an error. */
	int (*run)(const struct verb_call *call, json_t **result, struct err_note *why);
};

const struct verb *verb_find(const char *name); /**< or NULL */
/** Names of all verbs joined by ", ", for the error about an unknown one. Owned text. */
char *verb_names(void);

int verb_status(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_rule_list(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_rule_show(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_rule_history(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_rule_enable(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_rule_disable(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_rule_activate(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_rule_rollback(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_rule_diff(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_explain(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_shadow_list(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_shadow_set(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_shadow_compare(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_audit_list(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_incident_list(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_incident_show(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_incident_timeline(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_incident_stats(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_incident_approve(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_incident_reject(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_incident_ack(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_incident_unack(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_incident_handle(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_incident_mitigate(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_incident_resolve(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_incident_close(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_incident_cancel(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_incident_merge(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_incident_reopen(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_incident_set(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_incident_comment(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_incident_snooze(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_alert_list(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_alert_show(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_silence_list(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_silence_show(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_silence_preview(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_silence_add(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_silence_expire(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_override_list(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_override_add(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_override_remove(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_chain_list(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_oncall_people(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_oncall_page(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_plan_list(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_plan_runs(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_plan_show(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_plan_run(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_plan_drill(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_plan_restart(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_plan_cancel(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_plan_approve(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_plan_reject(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_plan_pause(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_plan_resume(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_plan_retry(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_plan_set(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_plan_skip(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_plan_migrate(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_plan_verify(const struct verb_call *call, json_t **result, struct err_note *why);
int verb_plan_signal(const struct verb_call *call, json_t **result, struct err_note *why);

/** `escalation` of the status. */
json_t *escalation_part(const struct control_target *target);
/** New: the counters of paging, zeros without it. */
json_t *json_paging(const struct paging *paging);

/** Typed arguments; ERR_INVALID names the argument and what it must be. Absent: *out stays. */
int arg_text(const struct verb_call *call, const char *name, bool is_required, const char **out,
	     struct err_note *why);
int arg_number(const struct verb_call *call, const char *name, bool is_required, uint64_t max,
	       uint64_t *out, struct err_note *why);
/** A time of RFC 3339. */
int arg_time(const struct verb_call *call, const char *name, bool is_required, int64_t *out,
	     struct err_note *why);
int arg_flag(const struct verb_call *call, const char *name, bool *out, struct err_note *why);

#endif
