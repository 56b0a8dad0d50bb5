/* Which alerts are in which incident. Each has a row of its own: what an alert costs does not
 * depend on how many others there are. */
#include "core/incident/incident_internal.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "storage/commit.h"
#include "storage/keyspace.h"
#include "storage/kv.h"

/* ---- rows ---- */

/** Firing, severity, merchant, order of joining; the first build had one byte: firing. */
enum { ROW_BYTES = 7, ROW_BYTES_BEFORE = 1 };

static void row_key(struct bytes *key, uint64_t number, const char *id)
{
	key_begin(key, KEYSPACE_INCIDENT_ALERT);
	key_add_u64(key, number);
	key_add_bytes(key, slice_of(id));
}

static void save(struct incident_store *store, const struct incident_member *member)
{
	struct bytes key = BYTES_EMPTY, value = BYTES_EMPTY;
	const char content[ROW_BYTES] = {(char)member->is_firing,      (char)member->severity,
					 (char)member->merchant,       (char)(member->joined >> 24),
					 (char)(member->joined >> 16), (char)(member->joined >> 8),
					 (char)member->joined};
	row_key(&key, member->incident->number, member->id);
	keyspace_seal(&value, (struct slice){content, ROW_BYTES});
	kv_batch_put(commit_batch(store->options.commit), bytes_slice(&key), bytes_slice(&value));
	bytes_deinit(&key);
	bytes_deinit(&value);
}

static void delete_row(struct incident_store *store, uint64_t number, const char *id)
{
	struct bytes key = BYTES_EMPTY;
	row_key(&key, number, id);
	kv_batch_delete(commit_batch(store->options.commit), bytes_slice(&key));
	bytes_deinit(&key);
}

/* ---- the list of an incident ---- */

static struct incident_members *list_of(const struct incident_member *member)
{
	return member->is_firing ? &member->incident->firing : &member->incident->calm;
}

/** One more alert fires for this merchant, or (-1) one less. */
static void count_demand(const struct incident_member *member, int change)
{
	struct incident_demand *demand = &member->incident->demand;
	demand->severities[member->severity] += (uint32_t)change;
	if (member->merchant == 0) {
		demand->unnamed_count += (uint32_t)change;
		return;
	}
	uint32_t before = demand->merchants[member->merchant - 1];
	uint32_t after = before + (uint32_t)change;
	demand->merchants[member->merchant - 1] = after;
	/* Past the list each alert counts as a merchant of its own. */
	if (member->merchant > INCIDENT_NAMES_MAX || before == 0 || after == 0)
		demand->merchant_count += (uint32_t)change;
}

static void link_member(struct incident_member *member)
{
	struct incident_members *list = list_of(member);
	if (member->is_firing)
		count_demand(member, 1);
	member->next = NULL;
	member->previous = list->last;
	if (list->last)
		list->last->next = member;
	else
		list->first = member;
	list->last = member;
	member->incident->member_count++;
	member->incident->firing_count += member->is_firing;
}

static void unlink_member(struct incident_member *member)
{
	struct incident_members *list = list_of(member);
	if (member->next)
		member->next->previous = member->previous;
	else
		list->last = member->previous;
	if (member->previous)
		member->previous->next = member->next;
	else
		list->first = member->next;
	member->incident->member_count--;
	member->incident->firing_count -= member->is_firing;
	if (member->is_firing)
		count_demand(member, -1);
}

static struct incident_member *first_of(const struct incident *incident)
{
	return incident->firing.first ? incident->firing.first : incident->calm.first;
}

static struct incident_member *add(struct incident *incident, struct slice id, bool is_firing,
				   uint8_t severity, uint8_t merchant, uint32_t joined)
{
	struct incident_member *member = mem_alloc(sizeof(*member));
	member->incident = incident;
	member->id = mem_copy_bytes(id.data, id.length);
	member->is_firing = is_firing;
	member->severity = severity;
	member->merchant = merchant;
	member->joined = joined;
	if (joined >= incident->joined_count) {
		incident->joined_count = joined;
		incident->newest = member;
	}
	link_member(member);
	return member;
}

void member_add(struct incident *incident, struct slice id, bool is_firing)
{
	add(incident, id, is_firing, severity_rank(incident->severity), 0,
	    incident->joined_count + 1);
}

static void free_member(struct incident_member *member)
{
	unlink_member(member);
	if (member->incident->newest == member)
		member->incident->newest = NULL;
	mem_free(member->id);
	mem_free(member);
}

void members_free(struct incident *incident)
{
	while (incident->member_count > 0)
		free_member(first_of(incident));
}

static void enter(struct incident_store *store, struct incident_member *member, bool is_saved)
{
	pointer_map_put(&store->members, slice_of(member->id), member);
	if (!is_saved)
		save(store, member);
}

void members_enter(struct incident_store *store, struct incident *incident)
{
	for (struct incident_member *one = incident->firing.first; one; one = one->next)
		enter(store, one, false);
}

/* ---- what happens to one ---- */

struct incident_member *member_find(const struct incident_store *store, const char *id)
{
	return pointer_map_find(&store->members, slice_of(id));
}

bool incident_has_joined(const struct incident_store *store, const struct alert *alert)
{
	char *id = incident_firing_id(alert);
	bool has_joined = member_find(store, id) != NULL;
	mem_free(id);
	return has_joined;
}

void member_join(struct incident_store *store, struct incident *incident, const char *id,
		 uint8_t severity, uint8_t merchant)
{
	struct incident_member *member = member_find(store, id);
	if (member)
		member_drop(store, member);
	if (incident->member_count >= INCIDENT_ALERTS_MAX) {
		if (!incident->calm.first) {
			store->usage.untracked_count++;
			return;
		}
		member_drop(store, incident->calm.first);
	}
	enter(store,
	      add(incident, slice_of(id), true, severity, merchant, incident->joined_count + 1),
	      false);
}

void member_change(struct incident_store *store, struct incident_member *member, uint8_t severity)
{
	count_demand(member, -1);
	member->severity = severity;
	count_demand(member, 1);
	save(store, member);
}

void member_calm(struct incident_store *store, struct incident_member *member)
{
	unlink_member(member);
	member->is_firing = false;
	link_member(member);
	save(store, member);
}

void member_drop(struct incident_store *store, struct incident_member *member)
{
	delete_row(store, member->incident->number, member->id);
	pointer_map_remove(&store->members, slice_of(member->id));
	free_member(member);
}

void members_drop(struct incident_store *store, struct incident *incident)
{
	while (incident->member_count > 0)
		member_drop(store, first_of(incident));
}

/* ---- back from the store ---- */

struct load {
	struct incident_store *store;
	int code;
	struct err_note *why;
};

static bool load_content(struct incident_store *store, struct incident *incident, struct slice id,
			 struct slice content)
{
	const unsigned char *bytes = (const unsigned char *)content.data;
	uint8_t severity = severity_rank(incident->severity), merchant = 0;
	uint32_t joined = incident->joined_count + 1;
	if (content.length == ROW_BYTES) {
		severity = bytes[1];
		merchant = bytes[2];
		joined = (uint32_t)bytes[3] << 24 | (uint32_t)bytes[4] << 16 |
			 (uint32_t)bytes[5] << 8 | bytes[6];
	}
	if (severity >= INCIDENT_SEVERITIES || merchant > INCIDENT_NAMES_MAX + 1)
		return false;
	enter(store, add(incident, id, bytes[0] != 0, severity, merchant, joined), true);
	return true;
}

static bool load_one(void *arg, struct slice key, struct slice value)
{
	struct load *load = arg;
	struct slice content;
	struct byte_reader reader = key_read(key);
	uint64_t number = byte_reader_be64(&reader);
	struct incident *incident = store_find(load->store, number);
	load->code = keyspace_unseal(value, &content, load->why);
	bool is_good = load->code == 0 && !reader.has_failed && incident &&
		       incident_is_open(incident->state) &&
		       (content.length == ROW_BYTES || content.length == ROW_BYTES_BEFORE);
	is_good = is_good && load_content(load->store, incident,
					  byte_reader_bytes(&reader, reader.left), content);
	if (load->code == 0 && !is_good)
		load->code =
			err_set(load->why, ERR_CORRUPT, "an alert belongs to no open incident");
	if (load->code != 0)
		err_prefix(load->why, "alerts of incident %llu", (unsigned long long)number);
	return load->code == 0;
}

int members_load(struct incident_store *store, struct err_note *why)
{
	struct load load = {store, 0, why};
	struct bytes prefix = BYTES_EMPTY;
	key_begin(&prefix, KEYSPACE_INCIDENT_ALERT);
	int code = kv_scan(store->options.kv, bytes_slice(&prefix), false, load_one, &load, why);
	bytes_deinit(&prefix);
	return code != 0 ? code : load.code;
}
