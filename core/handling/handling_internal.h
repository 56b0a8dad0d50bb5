/** handling_internal.h - what the files of core/handling share; also for its tests. */
#ifndef TOCSIN_CORE_HANDLING_HANDLING_INTERNAL_H
#define TOCSIN_CORE_HANDLING_HANDLING_INTERNAL_H

#include "core/base/key_table.h"
#include "core/handling/handling.h"
#include "core/handling/match_alert.h"
#include "core/base/pointer_map.h"
#include "core/handling/silence.h"
#include "core/model/alert.h"

struct config_inhibit;
struct config_route;
struct group;
struct inhibit_node;
struct inhibit_slots;

enum { LANGUAGE_EN, LANGUAGE_ZH, LANGUAGES };
enum { HEX_ID_BYTES = 33, SEEN_IDS_MAX = 16384 };

#define WAIT_LIST(X)                                                                               \
	X(NONE, "none")                                                                            \
	X(SETTLING, "settling")                                                                    \
	X(SILENCED, "silenced")                                                                    \
	X(INHIBITED, "inhibited")
enum wait {
#define WAIT_ENUM(name, text) WAIT_##name,
	WAIT_LIST(WAIT_ENUM)
#undef WAIT_ENUM
};
const char *wait_name(enum wait wait);

/** An output that is told of an open alert. */
struct told {
	char *output;
	char *route;   /**< or NULL: the rule's own output, by no route */
	char *by_json; /**< values of its group, as JSON object; NULL: not grouped */
	/** Of the last alert that was sent, "" while its first is held. */
	char sent_id[ALERT_ID_BYTES];
	int64_t told_ms;       /**< when it was sent or held, the last time */
	uint32_t repeat_count; /**< how often it was told again */
};

/** One alert that is not resolved. Texts owned. */
struct open_alert {
	struct bytes key; /**< rule, 0, dimension key */
	bool is_tracked;  /**< in the table and the store */
	struct alert alert;
	char *output;               /**< of the rule */
	char *incident_key;         /**< or NULL */
	char *documents[LANGUAGES]; /**< while it waits or is held; NULL: language not used */
	int64_t opened_ms;
	uint64_t order; /**< of opening: a restart finds the same order */
	struct told *told;
	uint32_t told_count;
	uint32_t held_count; /**< in groups */

	enum wait wait;
	int64_t wait_until_ms;        /**< SETTLING: decided then; SILENCED: looked at then */
	uint64_t silence;             /**< SILENCED: number */
	struct open_alert *inhibitor; /**< INHIBITED; NULL: it is gone, decide again */
	char *inhibit_name;           /**< INHIBITED: of the configuration; or NULL */
	struct bytes inhibitor_key;   /**< as stored, until the start has found it */
	uint64_t wait_order;
	struct open_alert *wait_next, *wait_previous;

	struct inhibit_node *sources; /**< where it is a source */
	struct open_alert *victims;   /**< those it inhibits */
	struct open_alert *victim_next, *victim_previous;
};

struct handling {
	struct handling_options options;
	struct config *config;
	const struct zone *zone;
	bool has_language[LANGUAGES];
	struct regex_matcher *matcher;
	struct silences *silences;
	struct pointer_map open;                   /**< open alerts by key */
	struct open_alert *waiting, *waiting_last; /**< linked, longest first */
	uint64_t order_last;
	const struct open_alert *delivered; /**< it was decided just now */
	uint32_t wait_counts[4];
	struct inhibit_slots *inhibits; /**< one each of config->inhibits */
	struct pointer_map groups;      /**< by id */
	uint64_t held_count;
	struct key_table resolving;    /**< keys whose resolve was put into a group in this turn */
	struct key_table seen[2];      /**< ids of late, so that those not yet durable are known */
	uint32_t open_max, groups_max; /**< HANDLING_…_MAX; tests lower them */
	int64_t next_ms, latest_ms;
	bool has_repeats;       /**< a route of the configuration repeats */
	int64_t repeat_next_ms; /**< nothing is told again before */
	bool must_recheck;
	struct {
		char id[ALERT_ID_BYTES]; /**< "": none is being written */
		struct bytes events;
	} fate;
	uint32_t event_count; /**< makes keys of events differ */
	struct handling_usage usage;
};

/* open_alert.c */
struct open_alert *open_find(const struct handling *handling, struct slice key);
void open_key(struct bytes *out, const char *rule, struct slice dimension);
/** Of a copy of the alert, not in the table yet. */
struct open_alert *open_new(const struct alert *alert, const char *output, const char *incident_key,
			    int64_t now_ms);
void open_update(struct open_alert *open, const struct alert *alert, const char *output,
		 const char *incident_key);
void open_insert(struct handling *handling, struct open_alert *open);
/** Out of table and store, and freed. Not waiting, without victims and sources. */
void open_remove(struct handling *handling, struct open_alert *open);
void open_free(struct open_alert *open);
struct told *open_told(struct open_alert *open, const char *output); /**< or NULL */
struct told *open_add_told(struct open_alert *open, const char *output, const char *route,
			   const char *by_json);
void open_drop_told(struct open_alert *open, struct told *told);
void open_drop_documents(struct open_alert *open);
void open_append_id(const struct alert *alert, struct bytes *out); /**< "rule|m1": for people */

/* open_row.c */
void open_save(struct handling *handling, const struct open_alert *open);
int open_load(struct handling *handling, struct err_note *why);
void open_append_json(const struct open_alert *open, struct bytes *out);

/* inhibit.c */
void inhibits_configure(struct handling *handling);
void inhibits_free(struct handling *handling);
void inhibit_add_sources(struct handling *handling, struct open_alert *open);
void inhibit_remove_sources(struct handling *handling, struct open_alert *open);
/** Those it keeps quiet and no longer may are decided again in the next handling_advance(). */
void inhibit_release_victims(struct handling *handling, struct open_alert *open);
/** An open alert that keeps this one quiet, or NULL. */
struct open_alert *inhibit_find(struct handling *handling, struct open_alert *open,
				struct match_subject *subject, const char **name);
/** How long this one waits for a source: 0 when it is no target. */
int64_t inhibit_settle_ms(struct handling *handling, struct match_subject *subject,
			  const char **name);
void inhibit_link(struct open_alert *open, struct open_alert *inhibitor);
void inhibit_unlink(struct open_alert *open);

/* decide.c */
void decide(struct handling *handling, struct open_alert *open, bool may_settle, int64_t now_ms);
void decide_waiting(struct handling *handling, bool is_all_due, int64_t now_ms);
/** Silenced or inhibited now? Then it waits, with a record, and true. */
bool decide_suppressed(struct handling *handling, struct open_alert *open, int64_t now_ms);
void wait_enter(struct handling *handling, struct open_alert *open, enum wait wait);
void wait_leave(struct handling *handling, struct open_alert *open);

/* deliver.c */
void deliver(struct handling *handling, struct open_alert *open, int64_t now_ms);
void deliver_resolved(struct handling *handling, struct open_alert *open, const struct alert *alert,
		      int64_t now_ms);
void deliver_render(struct handling *handling, const struct alert *alert,
		    char *documents[LANGUAGES]);
/** Of the language of the output; the other one when there is no such. */
const char *deliver_document(const struct handling *handling, const char *output,
			     char *const documents[LANGUAGES]);

/** NULL: the configuration has none of this name. */
const struct config_route *deliver_find_route(const struct config *config, const char *name);

/* repeat.c */
void repeats_configure(struct handling *handling);
/** Its documents are needed as long as it is open. */
bool repeats_has(const struct handling *handling, const struct open_alert *open);
/** It was told now. */
void repeats_note(struct handling *handling, struct told *told, int64_t now_ms);
/** What kept an alert quiet that was told before is over: it may be due. */
void repeats_wake(struct handling *handling, int64_t now_ms);
void repeats_send_due(struct handling *handling, bool is_all_due, int64_t now_ms);

/* fate.c */
bool fate_is_known(struct handling *handling, const char *id);
void fate_begin(struct handling *handling, const struct alert *alert);
void fate_end(struct handling *handling, const struct alert *alert, int64_t now_ms);
/** One thing that happened to the alert. `output` may be NULL. */
void fate_add(struct handling *handling, const char *id, const char *kind, const char *output,
	      int64_t now_ms, const char *format, ...) __attribute__((format(printf, 6, 7)));

#endif
