/** silence.h - alerts that people do not want to hear of for a while: who said so, why, until when.
 *
 *  A silence holds from start to end; with `when` (core/calendar/valid_time.h: days, hours, zone,
 *  days left out) only at those times in between. One with `until_resolved` ends as soon as the
 *  last open alert that it matches resolves. Ended ones are kept for SILENCE_KEPT_MS, and a number
 *  is never used twice.
 *  Owner: silences_new() result owned; `kv`, `commit` borrowed. Time passed in. Loop thread.
 *  Limits: SILENCES_MAX that have not ended, SILENCE_MATCH_BYTES_MAX, SILENCE_TEXT_BYTES_MAX.
 */
#ifndef TOCSIN_CORE_HANDLING_SILENCE_H
#define TOCSIN_CORE_HANDLING_SILENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/bytes.h"
#include "core/config/match.h"

struct commit;
struct config;
struct err_note;
struct kv;
struct match_subject;
struct silences;
struct valid_time;

#define SILENCE_KEPT_MS     (30LL * 24 * 3600 * 1000)
#define SILENCE_SPAN_MS_MAX (366LL * 24 * 3600 * 1000)
enum { SILENCES_MAX = 1000, SILENCE_MATCH_BYTES_MAX = 32 * 1024, SILENCE_TEXT_BYTES_MAX = 1024 };

/** What a person asks for. JSON texts as tables of tocsin.lua: match.h, valid_time.h. */
struct silence_request {
	const struct config *config; /**< whose categories a match may name; NULL: any value */
	const char *match_json;      /**< object; not empty */
	const char *when_json;       /**< object or list; NULL: all the time */
	const char *zone;            /**< of `when` without one */
	const char *author;
	const char *reason;
	int64_t start_ms, end_ms;
	bool until_resolved;
};

struct silence {
	struct arena arena;
	uint64_t number;
	const char *author, *reason;
	const char *match_json, *when_json, *zone; /**< as asked for */
	struct match match;
	struct valid_time *when; /**< or NULL */
	int64_t created_ms, start_ms, end_ms;
	bool until_resolved;
	bool is_ending; /**< an alert that it matches has resolved: see silences_take_ending() */
	const char *ended_by, *ended_reason; /**< before its time; or NULL */
	uint64_t muted_count;                /**< alerts, since the daemon's start */
};

int silences_new(struct silences **out, struct kv *kv, struct commit *commit, struct err_note *why);
void silences_free(struct silences *silences);

/** Into commit_batch(). ERR_INVALID (with what is wrong), ERR_FULL. */
int silences_add(struct silences *silences, const struct silence_request *request, int64_t now_ms,
		 const struct silence **out, struct err_note *why);
/** Ends it now. ERR_NOT_FOUND, ERR_CONFLICT: it has ended. */
int silences_expire(struct silences *silences, uint64_t number, const char *actor,
		    const char *reason, int64_t now_ms, struct err_note *why);
/** Forgets what ended long ago. */
void silences_trim(struct silences *silences, int64_t now_ms);

const struct silence *silences_find(const struct silences *silences,
				    uint64_t number); /**< or NULL */
/** The first one that holds now and matches, or NULL. */
const struct silence *silences_match(const struct silences *silences, struct match_subject *subject,
				     int64_t now_ms);
bool silence_holds(const struct silence *silence, int64_t now_ms);
/** No later than when a silence that holds now may end: wall ms. */
int64_t silence_look_again_ms(const struct silence *silence, int64_t now_ms);
/** An alert resolved: true when some `until_resolved` silence matches it, and may end. */
bool silences_mark_ending(struct silences *silences, struct match_subject *subject, int64_t now_ms);
/** Those that were marked, one after the other; NULL at the end. */
const struct silence *silences_take_ending(struct silences *silences);
void silences_count_muted(struct silences *silences, uint64_t number);

void silences_each(const struct silences *silences,
		   void (*each)(void *arg, const struct silence *silence), void *arg);
/** "pending", "active", "waiting" (for its next hours), "ended". */
const char *silence_state(const struct silence *silence, int64_t now_ms);
void silence_append_json(const struct silence *silence, struct bytes *out);

struct silences_usage {
	uint64_t active_count; /**< at the time asked for */
	uint64_t kept_count;
	uint64_t refused_count; /**< beyond SILENCES_MAX, since the start */
};
void silences_usage(const struct silences *silences, int64_t now_ms, struct silences_usage *out);

/** Reads and checks a match as a silence has it, for preview. The texts live in `arena`. */
int silence_read_match(const char *match_json, struct arena *arena, struct match *out,
		       struct err_note *why);
/** ERR_INVALID: it names a severity, state or category that no alert of the site has. */
int silence_check_match(const struct match *match, const struct config *config,
			struct err_note *why);

#endif
