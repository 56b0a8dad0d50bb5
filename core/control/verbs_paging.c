#include "core/control/control_internal.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/require.h"
#include "core/channel/rate.h"
#include "core/config/config.h"
#include "core/control/control.h"
#include "core/control/json_text.h"
#include "core/incident/incident.h"
#include "core/oncall/person.h"
#include "core/paging/paging.h"
#include "storage/audit_log.h"
#include "storage/commit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

json_t *json_paging(const struct paging *paging)
{
	struct paging_usage usage = {0};
	json_t *part = json_object();
	if (paging != NULL)
		paging_usage(paging, &usage);
#define PAGING_PUT(name, text) json_put_int(part, #name, usage.name);
	PAGING_COUNTER_LIST(PAGING_PUT)
#undef PAGING_PUT
	json_put_int(part, "held", usage.held);
	return part;
}

static const struct config *site_of(const struct verb_call *call)
{
	return call->target->paging != NULL ? paging_config(call->target->paging) : NULL;
}

static int find_person(const struct verb_call *call, bool is_required,
		       const struct oncall_person **out, struct err_note *why)
{
	const struct config *site = site_of(call);
	const char *id = NULL;
	int code = arg_text(call, "person", is_required, &id, why);
	if (code != 0 || id == NULL)
		return code;
	*out = site != NULL ? config_find_person(site, id) : NULL;
	if (*out == NULL)
		return err_set(why, ERR_NOT_FOUND,
			       "the site has no person \"%.64s\" (see oncall people)", id);
	return 0;
}

/* ---- who is reached how ---- */

/** "22:00": of a day, in ms. */
static void append_clock(char out[8], int64_t ms)
{
	int64_t minutes = ms / 60000;
	snprintf(out, 8, "%02d:%02d", (int)(minutes / 60 % 100), (int)(minutes % 60));
}

static json_t *quiet_of(const struct oncall_person *person, int64_t now_ms)
{
	char from[8], to[8];
	int64_t until_ms = 0;
	if (!person->has_quiet)
		return json_null();
	append_clock(from, person->quiet_from_ms);
	append_clock(to, person->quiet_to_ms);
	json_t *quiet = json_object();
	json_put_text(quiet, "from", from);
	json_put_text(quiet, "to", to);
	bool is_now = person_is_quiet(person, now_ms, &until_ms);
	json_take(quiet, "until", is_now ? json_time(until_ms) : json_null());
	return quiet;
}

static void add_way(void *arg, const struct paging_way *way)
{
	json_t *row = json_object(), *caps = json_array();
	json_put_text(row, "output", way->output);
	json_put_text(row, "address", way->address);
	for (uint32_t i = 0; i < way->rate_count; i++) {
		json_t *cap = json_object();
		json_put_int(cap, "count", way->rates[i].count);
		json_put_int(cap, "span_s", (uint64_t)way->rates[i].span_ms / 1000);
		json_put_int(cap, "used", way->used[i]);
		json_array_append_new(caps, cap);
	}
	json_take(row, "caps", caps);
	json_take(row, "free", json_time(way->free_ms));
	json_array_append_new(arg, row);
}

static json_t *person_object(const struct verb_call *call, const struct oncall_person *person)
{
	json_t *row = json_object(), *roles = json_array(), *ways = json_array();
	for (uint32_t i = 0; i < person->role_count; i++)
		json_array_append_new(roles, json_text(person->roles[i]));
	paging_each_way(call->target->paging, person, add_way, ways);
	json_put_text(row, "person", person->id);
	json_put_text(row, "name", person->name);
	json_put_text(row, "zone", person->zone_name);
	json_put_text(row, "language", person->language);
	json_take(row, "roles", roles);
	json_take(row, "quiet", quiet_of(person, call->now_ms));
	json_take(row, "reach", ways);
	json_put_int(row, "held", paging_held_of(call->target->paging, person->id));
	return row;
}

int verb_oncall_people(const struct verb_call *call, json_t **result, struct err_note *why)
{
	const struct config *site = site_of(call);
	const struct oncall_person *one = NULL;
	int code = find_person(call, false, &one, why);
	if (code != 0)
		return code;
	*result = json_array();
	for (uint32_t i = 0; site != NULL && i < site->person_count; i++)
		if (one == NULL || one == &site->people[i])
			json_array_append_new(*result, person_object(call, &site->people[i]));
	return 0;
}

/* ---- a page by hand ---- */

static void audit(const struct verb_call *call, const struct page *page)
{
	struct audit_entry entry = {.time_ms = call->now_ms,
				    .kind = "person",
				    .name = page->person,
				    .action = "paged",
				    .actor = call->actor,
				    .reason = page->text};
	audit_log_add(call->target->audit, &entry);
}

static void put_held(const struct verb_call *call, const struct page *page, json_t *result)
{
	int64_t until_ms = 0;
	const char *held_for = paging_why_held(call->target->paging, page, &until_ms);
	json_put_text(result, "held_for", held_for);
	json_take(result, "held_until", json_time(until_ms));
}

static int find_incident(const struct verb_call *call, uint64_t *out, struct err_note *why)
{
	int code = arg_number(call, "incident", false, INT64_MAX, out, why);
	if (code == 0 && *out != 0 && incident_find(call->target->incidents, *out) == NULL)
		code = err_set(why, ERR_NOT_FOUND,
			       "there is no incident %" PRIu64 " (see incident list --all)", *out);
	return code;
}

int verb_oncall_page(const struct verb_call *call, json_t **result, struct err_note *why)
{
	const struct oncall_person *person = NULL;
	char *cause = mem_format("by hand, %.100s", call->actor);
	struct page page = {.event = "notice", .cause = cause};
	int code = find_person(call, true, &person, why);
	if (code == 0)
		code = arg_text(call, "text", true, &page.text, why);
	if (code == 0 && (page.text[0] == '\0' || strlen(page.text) > PAGE_TEXT_BYTES_MAX))
		code = err_set(why, ERR_INVALID, "argument text must have 1 to %d bytes",
			       PAGE_TEXT_BYTES_MAX);
	if (code == 0)
		code = find_incident(call, &page.incident, why);
	if (code == 0)
		code = arg_flag(call, "important", &page.is_important, why);
	if (code == 0) {
		REQUIRE(person != NULL); /* it had to be named */
		page.person = person->id;
		code = paging_page(call->target->paging, &page, why);
	}
	if (code == 0) {
		audit(call, &page);
		*result = person_object(call, person);
		put_held(call, &page, *result);
	} else {
		commit_kick(call->target->commit); /* what was held is kept */
	}
	mem_free(cause);
	return code;
}
