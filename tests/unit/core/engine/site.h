/** site.h - a small site made in C, an engine on a memory store, and a log of its alerts. */
#ifndef TOCSIN_TESTS_UNIT_CORE_ENGINE_SITE_H
#define TOCSIN_TESTS_UNIT_CORE_ENGINE_SITE_H

#include "core/base/report.h"
#include "core/config/config.h"
#include "core/config/tree.h"
#include "core/engine/engine.h"
#include "core/rule/rule.h"
#include "core/rule/rule_runner.h"

struct bundle;
struct kv;
struct commit;

enum { SITE_ALERTS_MAX = 100000 };

/** One alert as text: "rule@version firing key value end [reason]", of a
 *  correction also "was value severity". */
struct site_alert {
	char text[160];
	char more[200]; /**< "severity threshold message kept_back" */
	char id[40];
	int64_t end_ms;
};

struct site {
	struct arena arena;
	struct kv *kv;
	struct commit *commit;
	struct config *config;
	struct engine *engine;
	struct script_marker *marker;
	struct site_alert *alerts;
	uint32_t alert_count;
	const char *gone_reason;   /**< what why_gone() says; NULL: "rule_removed" */
	char quarantined[200];     /**< "rule: reason" of the last one */
	bool has_incident;         /**< every alert that fired is in one that is open */
	const char *open_category; /**< an incident of it is open; or NULL */
	uint32_t partitions_max;   /**< of the engine after the next restart */
	int64_t now_ms;
};

/** A site with the sources pay (open schema, lateness 5 s, idle 10 s) and other, one output, and
 *  the category food of m = "a" below shops. */
void site_init(struct site *site);
/** The same with version 1 of one rule (site_rule()) installed, and a partition of pay open. */
struct rule *site_with(struct site *site, const char *name, const char *type, const char *const *by,
		       const char *const *pairs, uint32_t *partition);
/** As site_init(), in another zone than UTC. */
void site_init_in(struct site *site, const char *zone_name);
void site_deinit(struct site *site);
/** The program ends without a word and starts again on what was committed. */
void site_restart(struct site *site, struct rule *const *rules, uint32_t rule_count);
void site_install(struct site *site, struct rule *const *rules, uint32_t rule_count);

/** Trees by hand: entries of a rule, as key, value pairs ending with NULL. A value is a text, "#30"
 *  a number, "!true" true, "{a;b}" a
 *  list, "{max=#3;within=1h}" a table; both may have others inside. */
struct tree *site_map(struct site *site, const char *const *pairs);
void site_put(struct site *site, struct tree *map, const char *key, struct tree *value);
struct tree *site_value(struct site *site, const char *text);
struct tree *site_text(struct site *site, const char *text);
struct tree *site_list(struct site *site, const char *const *texts);

/** A rule of `type` from pairs; `by` may be NULL (a list). Fails the test when it has faults. */
struct rule *site_rule(struct site *site, const char *name, uint32_t version, const char *type,
		       const char *const *by, const char *const *pairs);
struct rule *site_script(struct site *site, const char *name, const char *const *by,
			 const char *const *pairs, struct rule_runner *runner);
/** The same with on_reading and on_timer. */
struct rule *site_reader(struct site *site, const char *name, const char *const *by,
			 const char *const *pairs, struct rule_runner *runner);

uint32_t site_open(struct site *site, const char *source, const char *name, bool is_positioned);
/** The JSON lines as one bundle of the partition, not applied; owned. */
struct bundle *site_bundle(struct site *site, const char *source, uint32_t partition,
			   const char *lines);
/** The same applied; commits. Returns engine_apply()'s code. */
int site_feed(struct site *site, const char *source, uint32_t partition, const char *lines);
/** The same with positions. */
int site_feed_at(struct site *site, const char *source, uint32_t partition, const char *lines,
		 struct position from, struct position to, bool is_reset);
/** Advances without passing processing time; commits. */
void site_advance(struct site *site);
void site_finish(struct site *site);
/** Fails unless the alerts so far are exactly these lines; forgets them. */
void site_expect(struct site *site, const char *lines);

#endif
