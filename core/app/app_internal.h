/** app_internal.h - the daemon's own struct, for the files of core/app only. Loop thread only. */
#ifndef TOCSIN_CORE_APP_APP_INTERNAL_H
#define TOCSIN_CORE_APP_APP_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/control/control.h"
#include "core/outbox/outbox.h"

struct alert;
struct app_options;
struct app_source;
struct app_escalation;
struct audit_log;
struct bundle;
struct config;
struct err_note;
struct generation;
struct news;
struct http_request;
struct incident;
struct json_t;
struct plan;
struct plan_factory;
struct rule;
struct script_marker;
struct script_store;
struct shadow_log;
struct source_http_status;
struct versions;
struct zone;

struct app {
	const struct app_options *options;
	const struct env *env;
	struct loop *loop;
	struct kv *kv;
	struct wake *commit_wake;
	struct commit *commit;
	struct http_client *client;
	struct outbox_gate gate;
	struct outbox *outbox;
	struct incident_store *incidents;
	struct news *news;
	struct app_links *links;
	struct handling *handling;
	struct timer *handling_timer;
	struct paging *paging;
	struct timer *paging_timer;
	struct script_store *scripts;
	struct audit_log *audit;
	struct shadow_log *shadows;
	struct rule **shadow_rules; /* one reference each, made for shadow_config */
	uint32_t shadow_rule_count;
	struct config *shadow_config;
	struct app_escalation *escalation;
	struct plan_actions *actions;
	struct plan_engine *plans;
	struct versions *rule_versions;
	struct versions *plan_versions;
	struct engine *engine;
	uint64_t hash_seed; /* one for readers and engine, so a key is hashed once */
	struct pool *pool;
	struct control *control;
	struct http_server *http;
	struct control_target target;

	struct config *config;
	struct zone *zone;
	struct generation *generation; /* files as last read */
	uint64_t generation_number;
	struct rule **rules; /* good versions that may be active, one reference each */
	uint32_t rule_count;
	struct plan **plan_list;
	uint32_t plan_count;

	struct app_source *sources;  /* open ones, linked */
	struct app_source *stopping; /* removed file tails whose last bundles are not durable yet */
	struct source_http *http_source;
	struct timer *advance_timer;
	struct timer *housekeeping_timer;
	struct script_marker *marker; /* mapped file: which script runs right now */
	char *token;
	bool has_closed_source; /* its address is in use, or the like */
	bool is_retrying;
	int64_t retried_ms, cleaned_ms; /* monotonic: last time of this work */
	int64_t forget_ms;              /* monotonic: next time of this work */
	bool is_paused;                 /* the disk is nearly full */
	bool is_ready;
	int exit_code;
};

/* app_engine.c: what the engine says, and when it must be called. */
int app_engine_open(struct app *app, struct err_note *why);
int app_pool_open(struct app *app, uint32_t reader_count, struct err_note *why);
void app_advance(struct app *app); /**< evaluate, commit, set the timer for the next time */

/* app_alerts.c: alert -> handling -> outbox, log and incident -> plan. */
int app_alerts_open(struct app *app, const struct config *config, struct err_note *why);
void app_alerts_close(struct app *app);
void app_on_alert(void *arg, const struct rule *rule, const struct alert *alert);
/** Sends what is due and sets the timer; after a turn that gave alerts, or changed a silence. */
void app_handle_alerts(struct app *app);

/* app_incidents.c: the site's part of incidents. */
void app_configure_incidents(struct app *app, const struct config *config);

/* app_site.c: load and reload of the site, active versions. */
int app_site_open(struct app *app, struct err_note *why);
void app_site_close(struct app *app);
void app_reload(void *arg, void (*done)(void *done_arg, const char *files_json, bool any_refused),
		void *done_arg);
void app_apply_versions(void *arg);
char *app_rule_source(void *arg, const char *name, uint32_t version);
struct rule *app_find_rule(struct rule *const *rules, uint32_t count, const char *name,
			   uint32_t version);
struct plan *app_find_plan(struct plan *const *plans, uint32_t count, const char *name,
			   uint32_t version);

/* app_report.c: what a reload did or an activation would do, file by file. */
/** Active rules before and after a load. The arrays are owned, the rules borrowed. */
struct app_change {
	struct rule **before, **after;
	uint32_t before_count, after_count;
};
/** Those of `rules` that run: an owned array of borrowed rules. */
struct rule **app_active_rules(const struct app *app, struct rule *const *rules, uint32_t count,
			       uint32_t *out_count);
/** An answer for each file into `list`; whether any was refused. Refusals are logged here, once.
 *  `change` NULL: nothing of it was taken over. */
bool app_report_files(const struct app *app, const struct generation *generation,
		      const struct app_change *change, struct json_t *list);
/** Before active versions are installed outside of a reload: what it does to state, in the log. */
void app_log_changes(const struct app *app);
/** For the control target: see there. */
int app_rule_impact(void *arg, const char *name, uint32_t version, struct json_t **out,
		    struct err_note *why);

/* app_shadow.c: versions that run beside the active ones and are sent to nobody. */
int app_shadow_open(struct app *app, struct err_note *why);
void app_shadow_close(struct app *app);
/** The rules that run as shadows, to be installed with the active ones (borrowed), up to
 *  SHADOW_COUNT_MAX. Shadows that have no sense any more end. */
uint32_t app_shadow_rules(struct app *app, struct rule **out);
bool app_is_shadow(const struct rule *rule);
/** Keeps the alert when the rule has a shadow. True: it is the shadow's, and for nobody else. */
bool app_shadow_on_alert(struct app *app, const struct rule *rule, const struct alert *alert);
/** The rule that runs as a shadow under this name killed the daemon: it ends. */
void app_shadow_died(struct app *app, const char *rule);
/** For the control target: see there. */
int app_shadow(void *arg, const char *name, uint32_t version, const char *actor,
	       struct err_note *why);

/* app_kept.c: sources of versions, for when their files are gone or no longer good. */
/** The version was accepted with this source. */
void app_keep_source(struct app *app, const struct versions *versions, const char *name,
		     uint32_t version, const char *source);
/** The source that was accepted (owned). ERR_NOT_FOUND, ERR_CORRUPT: logged. */
int app_kept_source(const struct app *app, const struct versions *versions, const char *name,
		    uint32_t version, char **out);
/** The version as it was accepted, made from its source (owned). ERR_INVALID: it does not fit
 *  `config`; or as app_kept_source(). */
int app_kept_rule(const struct app *app, struct config *config, const char *name, uint32_t version,
		  struct rule **out);
int app_kept_plan(const struct app *app, struct config *config, const char *name, uint32_t version,
		  struct plan **out);
void app_sweep_sources(struct app *app); /**< deletes what no version and no run needs */

/* app_housekeeping.c: what must be done once a second, and more rarely. */
void app_housekeeping_open(struct app *app);

/* app_sources.c: opens and closes what config.sources[].from names. */
void app_sources_open(struct app *app);
/** Opens what the configuration names and is not open, stops what it no longer names. */
void app_sources_reconcile(struct app *app);
void app_sources_retry(struct app *app); /**< opens what could not be opened */
void app_sources_close(struct app *app);
void app_sources_on_room(void *arg);
void app_sources_pause(struct app *app, bool is_paused);
/** A bundle of this partition did not follow the committed position. */
void app_sources_rewind(struct app *app, uint32_t partition);

/** Callbacks of the control target. */
void app_sources_each_tail(void *arg, void (*each)(void *each_arg, const struct control_tail *tail),
			   void *each_arg);
void app_sources_http_status(void *arg, struct source_http_status *out);

/** POST /ingest/<source>: answers now or when the effect is durable. */
void app_sources_ingest(struct app *app, struct http_request *request, const char *source);

/* app_http.c: routes of the HTTP listener. */
int app_http_open(struct app *app, struct err_note *why);

/* app_marker.c: survives a script that kills the process. */
int app_marker_open(struct app *app, struct err_note *why);
void app_marker_close(struct app *app);

#endif
