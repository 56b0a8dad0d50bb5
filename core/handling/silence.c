#include "core/handling/silence.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/report.h"
#include "core/calendar/valid_time.h"
#include "core/config/tree.h"
#include "core/handling/json_tree.h"
#include "core/handling/match_alert.h"
#include "core/handling/row.h"
#include "core/model/zone.h"
#include "storage/kv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MINUTE_MS = 60 * 1000 };

struct silences {
	struct kv *kv;
	struct commit *commit;
	struct silence **list; /* by rising number */
	uint32_t count;
	uint32_t capacity;
	uint64_t number_last;
	uint64_t refused_count;
};

static void silence_free(struct silence *silence)
{
	if (silence == NULL)
		return;
	match_deinit(&silence->match);
	valid_time_free(silence->when);
	arena_deinit(&silence->arena);
	mem_free(silence);
}

/* ---- reading what was asked for ---- */

/** The first fault is enough for a person who typed one line. */
static int first_fault(struct report *report, struct err_note *why)
{
	int code = ERR_INVALID;

	if (report->count > 0)
		err_set(why, code, "%s", report->findings[0].text);
	return code;
}

int silence_read_match(const char *match_json, struct arena *arena, struct match *out,
		       struct err_note *why)
{
	const struct tree *tree = NULL;
	struct report report;
	int code = 0;

	if (strlen(match_json) > SILENCE_MATCH_BYTES_MAX)
		return err_set(why, ERR_INVALID, "the match has more than %d bytes",
			       SILENCE_MATCH_BYTES_MAX);
	code = json_tree_new(match_json, arena, &tree, why);
	if (code != 0) {
		err_prefix(why, "match");
		return code;
	}
	report_init(&report);
	if (!match_read(out, arena, tree, "", "match", &report))
		code = first_fault(&report, why);
	else if (out->count == 0)
		code = err_set(why, ERR_INVALID,
			       "the match is empty: it would mean every alert; say at least one of "
			       "rule, severity, state, category, labels, dimension");
	report_deinit(&report);
	return code;
}

int silence_check_match(const struct match *match, const struct config *config,
			struct err_note *why)
{
	struct report report;
	int code = 0;

	report_init(&report);
	if (!match_check_values(match, config, "", "match", &report))
		code = first_fault(&report, why);
	report_deinit(&report);
	return code;
}

static int read_when(struct silence *silence, struct err_note *why)
{
	const struct tree *tree = NULL;
	struct report report;
	int code;

	if (silence->when_json == NULL)
		return 0;
	code = json_tree_new(silence->when_json, &silence->arena, &tree, why);
	if (code != 0)
		return code;
	report_init(&report);
	silence->when = valid_time_new(tree, silence->zone, "", &report);
	if (silence->when == NULL)
		code = first_fault(&report, why);
	report_deinit(&report);
	return code;
}

static int read_parts(struct silence *silence, struct err_note *why)
{
	int code = silence_read_match(silence->match_json, &silence->arena, &silence->match, why);

	return code != 0 ? code : read_when(silence, why);
}

static const char *keep(struct silence *silence, const char *text)
{
	return text != NULL ? arena_copy_text(&silence->arena, text) : NULL;
}

/* ---- rows ---- */

void silence_append_json(const struct silence *silence, struct bytes *out)
{
	row_begin(out);
	row_int(out, "number", (int64_t)silence->number);
	row_key(out, "match");
	bytes_append_text(out, silence->match_json);
	if (silence->when_json != NULL) {
		row_key(out, "when");
		bytes_append_text(out, silence->when_json);
	}
	row_text(out, "zone", silence->zone);
	row_text(out, "author", silence->author);
	row_text(out, "reason", silence->reason);
	row_int(out, "created_ms", silence->created_ms);
	row_int(out, "start_ms", silence->start_ms);
	row_int(out, "end_ms", silence->end_ms);
	row_bool(out, "until_resolved", silence->until_resolved);
	row_text(out, "ended_by", silence->ended_by);
	row_text(out, "ended_reason", silence->ended_reason);
	row_end(out);
}

static void save(struct silences *silences, const struct silence *silence)
{
	struct bytes key = BYTES_EMPTY, content = BYTES_EMPTY;

	key_begin(&key, KEYSPACE_SILENCE);
	key_add_u64(&key, silence->number);
	silence_append_json(silence, &content);
	row_put(silences->commit, &key, &content);
	bytes_deinit(&key);
	bytes_deinit(&content);
}

static const char *keep_json(struct silence *silence, const json_t *row, const char *name)
{
	json_t *value = json_object_get(row, name);
	char *text = value != NULL ? json_dumps(value, JSON_COMPACT) : NULL;
	const char *kept = keep(silence, text);

	free(text);
	return kept;
}

static int silence_decode(struct slice content, struct silence **out, struct err_note *why)
{
	json_t *row = json_loadb(content.data, content.length, 0, NULL);
	struct silence *silence = mem_alloc(sizeof(*silence));
	int code = 0;

	arena_init(&silence->arena);
	silence->number = (uint64_t)row_get_int(row, "number");
	silence->match_json = keep_json(silence, row, "match");
	silence->when_json = keep_json(silence, row, "when");
	silence->zone = keep(silence, row_get_text(row, "zone"));
	silence->author = keep(silence, row_get_text(row, "author"));
	silence->reason = keep(silence, row_get_text(row, "reason"));
	silence->created_ms = row_get_int(row, "created_ms");
	silence->start_ms = row_get_int(row, "start_ms");
	silence->end_ms = row_get_int(row, "end_ms");
	silence->until_resolved = json_is_true(json_object_get(row, "until_resolved"));
	silence->ended_by = keep(silence, row_get_text(row, "ended_by"));
	silence->ended_reason = keep(silence, row_get_text(row, "ended_reason"));
	json_decref(row);
	if (silence->number == 0 || silence->match_json == NULL || silence->author == NULL ||
	    silence->reason == NULL)
		code = err_set(why, ERR_CORRUPT, "a stored silence has missing or wrong fields");
	else
		code = read_parts(silence, why);
	if (code == 0)
		*out = silence;
	else
		silence_free(silence);
	return code == 0 ? 0 : ERR_CORRUPT;
}

static void append(struct silences *silences, struct silence *silence)
{
	if (silences->count == silences->capacity) {
		silences->capacity = silences->capacity == 0 ? 16 : 2 * silences->capacity;
		silences->list =
			mem_grow(silences->list, silences->capacity, sizeof(*silences->list));
	}
	silences->list[silences->count++] = silence;
	silences->number_last = silence->number;
}

struct loading {
	struct silences *silences;
	int code;
	struct err_note *why;
};

static bool load_one(void *arg, struct slice key, struct slice value)
{
	struct loading *loading = arg;
	struct silence *silence = NULL;
	struct slice content;

	(void)key;
	loading->code = keyspace_unseal(value, &content, loading->why);
	if (loading->code == 0)
		loading->code = silence_decode(content, &silence, loading->why);
	if (loading->code == 0)
		append(loading->silences, silence);
	return loading->code == 0;
}

int silences_new(struct silences **out, struct kv *kv, struct commit *commit, struct err_note *why)
{
	struct silences *silences = mem_alloc(sizeof(*silences));
	struct loading loading = {silences, 0, why};
	char prefix[] = {KEYSPACE_SILENCE};
	int code;

	silences->kv = kv;
	silences->commit = commit;
	code = kv_scan(kv, (struct slice){prefix, 1}, false, load_one, &loading, why);
	code = code != 0 ? code : loading.code;
	if (code != 0) {
		silences_free(silences);
		return code;
	}
	*out = silences;
	return 0;
}

void silences_free(struct silences *silences)
{
	if (silences == NULL)
		return;
	for (uint32_t i = 0; i < silences->count; i++)
		silence_free(silences->list[i]);
	mem_free(silences->list);
	mem_free(silences);
}

/* ---- commands ---- */

static uint32_t count_unended(const struct silences *silences, int64_t now_ms)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < silences->count; i++)
		count += silences->list[i]->end_ms > now_ms;
	return count;
}

/** What a stored silence is not asked: sites and zones may be others after an upgrade. */
static int check_parts(const struct silence *silence, const struct config *config,
		       struct err_note *why)
{
	struct zone *zone = NULL;
	int code = silence->zone != NULL ? zone_open(&zone, silence->zone, why) : 0;

	zone_free(zone);
	if (code == 0 && config != NULL)
		code = silence_check_match(&silence->match, config, why);
	return code;
}

static int check_request(const struct silence_request *request, int64_t now_ms,
			 struct err_note *why)
{
	if (request->reason == NULL || request->reason[0] == '\0')
		return err_set(why, ERR_INVALID, "a silence needs a reason");
	if (strlen(request->reason) > SILENCE_TEXT_BYTES_MAX)
		return err_set(why, ERR_INVALID, "the reason has more than %d bytes",
			       SILENCE_TEXT_BYTES_MAX);
	if (strlen(request->author) > SILENCE_TEXT_BYTES_MAX)
		return err_set(why, ERR_INVALID, "the author has more than %d bytes",
			       SILENCE_TEXT_BYTES_MAX);
	if (request->when_json != NULL && strlen(request->when_json) > SILENCE_MATCH_BYTES_MAX)
		return err_set(why, ERR_INVALID, "the hours have more than %d bytes",
			       SILENCE_MATCH_BYTES_MAX);
	if (request->end_ms <= request->start_ms || request->end_ms <= now_ms)
		return err_set(why, ERR_INVALID,
			       "a silence must end after its start and after now");
	if (request->end_ms - request->start_ms > SILENCE_SPAN_MS_MAX)
		return err_set(why, ERR_INVALID, "a silence may last 366 days at most");
	return 0;
}

int silences_add(struct silences *silences, const struct silence_request *request, int64_t now_ms,
		 const struct silence **out, struct err_note *why)
{
	struct silence *silence;
	int code = check_request(request, now_ms, why);

	if (code != 0)
		return code;
	if (count_unended(silences, now_ms) >= SILENCES_MAX) {
		silences->refused_count++;
		return err_set(
			why, ERR_FULL,
			"there are %d silences that have not ended, and no more are possible: "
			"end one that is not needed",
			SILENCES_MAX);
	}
	silence = mem_alloc(sizeof(*silence));
	arena_init(&silence->arena);
	silence->number = silences->number_last + 1;
	silence->match_json = keep(silence, request->match_json);
	silence->when_json = keep(silence, request->when_json);
	silence->zone = keep(silence, request->zone);
	silence->author = keep(silence, request->author);
	silence->reason = keep(silence, request->reason);
	silence->created_ms = now_ms;
	silence->start_ms = request->start_ms;
	silence->end_ms = request->end_ms;
	silence->until_resolved = request->until_resolved;
	code = read_parts(silence, why);
	if (code == 0)
		code = check_parts(silence, request->config, why);
	if (code != 0) {
		silence_free(silence);
		return code;
	}
	append(silences, silence);
	save(silences, silence);
	*out = silence;
	return 0;
}

static struct silence *find(const struct silences *silences, uint64_t number)
{
	for (uint32_t i = 0; i < silences->count; i++)
		if (silences->list[i]->number == number)
			return silences->list[i];
	return NULL;
}

const struct silence *silences_find(const struct silences *silences, uint64_t number)
{
	return find(silences, number);
}

int silences_expire(struct silences *silences, uint64_t number, const char *actor,
		    const char *reason, int64_t now_ms, struct err_note *why)
{
	struct silence *silence = find(silences, number);

	if (silence == NULL)
		return err_set(why, ERR_NOT_FOUND, "there is no silence %" PRIu64, number);
	if (silence->end_ms <= now_ms)
		return err_set(why, ERR_CONFLICT, "silence %" PRIu64 " has ended already", number);
	silence->end_ms = now_ms;
	if (silence->start_ms > now_ms)
		silence->start_ms = now_ms;
	silence->ended_by = keep(silence, actor);
	silence->ended_reason = keep(silence, reason);
	save(silences, silence);
	return 0;
}

/** The latest one stays, so that its number is not given again. */
void silences_trim(struct silences *silences, int64_t now_ms)
{
	struct bytes key = BYTES_EMPTY;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < silences->count; i++) {
		struct silence *silence = silences->list[i];

		if (silence->end_ms > now_ms - SILENCE_KEPT_MS || i + 1 == silences->count) {
			silences->list[kept++] = silence;
			continue;
		}
		key_begin(&key, KEYSPACE_SILENCE);
		key_add_u64(&key, silence->number);
		row_delete(silences->commit, &key);
		silence_free(silence);
	}
	silences->count = kept;
	bytes_deinit(&key);
}

/* ---- questions ---- */

bool silence_holds(const struct silence *silence, int64_t now_ms)
{
	return silence->start_ms <= now_ms && now_ms < silence->end_ms &&
	       (silence->when == NULL || valid_time_holds(silence->when, now_ms));
}

const struct silence *silences_match(const struct silences *silences, struct match_subject *subject,
				     int64_t now_ms)
{
	for (uint32_t i = 0; i < silences->count; i++)
		if (silence_holds(silences->list[i], now_ms) &&
		    match_holds(&silences->list[i]->match, subject))
			return silences->list[i];
	return NULL;
}

/* Hours begin and end on a minute. */
int64_t silence_look_again_ms(const struct silence *silence, int64_t now_ms)
{
	int64_t minute_ms = now_ms - now_ms % MINUTE_MS + MINUTE_MS;

	if (silence->when == NULL || minute_ms > silence->end_ms)
		return silence->end_ms;
	return minute_ms;
}

bool silences_mark_ending(struct silences *silences, struct match_subject *subject, int64_t now_ms)
{
	bool is_any = false;

	for (uint32_t i = 0; i < silences->count; i++) {
		struct silence *silence = silences->list[i];

		if (silence->until_resolved && silence->start_ms <= now_ms &&
		    now_ms < silence->end_ms && match_holds(&silence->match, subject))
			silence->is_ending = is_any = true;
	}
	return is_any;
}

const struct silence *silences_take_ending(struct silences *silences)
{
	for (uint32_t i = 0; i < silences->count; i++) {
		if (!silences->list[i]->is_ending)
			continue;
		silences->list[i]->is_ending = false;
		return silences->list[i];
	}
	return NULL;
}

void silences_count_muted(struct silences *silences, uint64_t number)
{
	struct silence *silence = find(silences, number);

	if (silence != NULL)
		silence->muted_count++;
}

void silences_each(const struct silences *silences,
		   void (*each)(void *arg, const struct silence *silence), void *arg)
{
	for (uint32_t i = 0; i < silences->count; i++)
		each(arg, silences->list[i]);
}

const char *silence_state(const struct silence *silence, int64_t now_ms)
{
	if (silence->end_ms <= now_ms)
		return "ended";
	if (silence->start_ms > now_ms)
		return "pending";
	return silence_holds(silence, now_ms) ? "active" : "waiting";
}

void silences_usage(const struct silences *silences, int64_t now_ms, struct silences_usage *out)
{
	*out = (struct silences_usage){.kept_count = silences->count,
				       .refused_count = silences->refused_count};
	for (uint32_t i = 0; i < silences->count; i++)
		out->active_count += silence_holds(silences->list[i], now_ms);
}
