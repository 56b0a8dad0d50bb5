#include "core/rule/versions.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/rule/versions_internal.h"

#include <stdlib.h>
#include <string.h>

int versions_new(struct versions **out, struct kv *kv, struct commit *commit, enum keyspace space,
		 uint32_t versions_kept, struct err_note *why)
{
	struct versions *versions = mem_alloc(sizeof(*versions));
	int code;

	versions->kv = kv;
	versions->commit = commit;
	versions->space = space;
	versions->versions_kept = versions_kept;
	code = versions_restore(versions, why);
	if (code != 0) {
		versions_free(versions);
		return code;
	}
	*out = versions;
	return 0;
}

void versions_free(struct versions *versions)
{
	if (versions == NULL)
		return;
	for (uint32_t i = 0; i < versions->name_count; i++) {
		mem_free(versions->names[i].name);
		mem_free(versions->names[i].entries);
	}
	mem_free(versions->names);
	mem_free(versions);
}

static int compare_name(const void *name, const void *entry)
{
	return strcmp(name, ((const struct version_name *)entry)->name);
}

struct version_name *versions_find_name(const struct versions *versions, const char *name)
{
	if (versions->name_count == 0)
		return NULL;
	return bsearch(name, versions->names, versions->name_count, sizeof(*versions->names),
		       compare_name);
}

struct version_name *versions_add_name(struct versions *versions, const char *name)
{
	struct version_name *found = versions_find_name(versions, name);
	uint32_t index = 0;

	if (found != NULL)
		return found;
	while (index < versions->name_count && strcmp(versions->names[index].name, name) < 0)
		index++;
	versions->names =
		mem_grow(versions->names, versions->name_count + 1, sizeof(*versions->names));
	memmove(&versions->names[index + 1], &versions->names[index],
		(versions->name_count - index) * sizeof(*versions->names));
	versions->names[index] = (struct version_name){.name = mem_copy_text(name)};
	versions->name_count++;
	return &versions->names[index];
}

struct version_entry *version_name_find(const struct version_name *name, uint32_t number)
{
	for (uint32_t i = 0; name != NULL && i < name->entry_count; i++)
		if (name->entries[i].row.number == number)
			return &name->entries[i];
	return NULL;
}

struct version_entry *version_name_insert(struct version_name *name, uint32_t number)
{
	uint32_t index = 0;

	while (index < name->entry_count && name->entries[index].row.number > number)
		index++;
	name->entries = mem_grow(name->entries, name->entry_count + 1, sizeof(*name->entries));
	memmove(&name->entries[index + 1], &name->entries[index],
		(name->entry_count - index) * sizeof(*name->entries));
	name->entries[index] = (struct version_entry){.row.number = number};
	name->entry_count++;
	return &name->entries[index];
}

/** Cuts at the beginning of a character: what is not UTF-8 as a whole would not be stored. */
static void copy_cut(char *out, size_t bytes, const char *text)
{
	size_t length = text != NULL ? strlen(text) : 0;

	if (length >= bytes) {
		length = bytes - 1;
		while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80)
			length--;
	}
	if (length > 0)
		memcpy(out, text, length);
	out[length] = '\0';
}

void version_set_reason(struct version_row *row, const char *actor, const char *reason,
			int64_t now_ms)
{
	copy_cut(row->actor, sizeof(row->actor), actor);
	copy_cut(row->reason, sizeof(row->reason), reason);
	row->changed_ms = now_ms;
}

/** The `versions_kept` newest stay, the active one, and those that wait for a later time. */
static void prune(const struct versions *versions, struct version_name *name, int64_t now_ms)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < name->entry_count; i++) {
		const struct version_row *row = &name->entries[i].row;
		bool is_waiting = row->state == VERSION_PENDING && row->effective_ms > now_ms;

		if (i < versions->versions_kept || row->is_active || is_waiting)
			name->entries[kept++] = name->entries[i];
		else
			versions_audit(versions, name->name, row, VERSION_MOVED_DROPPED, "engine",
				       "newer versions took its place", now_ms);
	}
	name->entry_count = kept;
}

static int check(const struct versions *versions, const char *name, uint32_t number,
		 const char *type, const char *hash, struct err_note *why)
{
	const struct version_name *known = versions_find_name(versions, name);
	const struct version_entry *entry = version_name_find(known, number);

	if (strlen(name) > VERSION_NAME_BYTES_MAX || name[0] == '\0' || number == 0)
		return err_set(why, ERR_INVALID,
			       "a name of 1 to %d bytes and a version from 1 are needed",
			       VERSION_NAME_BYTES_MAX);
	if (entry != NULL && entry->row.was_active && strcmp(entry->row.hash, hash) != 0)
		return err_set(why, ERR_CONFLICT,
			       "version %u of %s was active and must not change: undo the change "
			       "and save it as version %u (%s/%u.lua)",
			       number, name, known->entries[0].row.number + 1, name,
			       known->entries[0].row.number + 1);
	for (uint32_t i = 0; known != NULL && i < known->entry_count; i++) {
		const struct version_row *row = &known->entries[i].row;

		/* The only version may still become anything until it was active once. */
		if (strcmp(row->type, type) != 0 && (row->number != number || row->was_active))
			return err_set(why, ERR_CONFLICT,
				       "%s is of type %s since version %u, and the type of a name "
				       "cannot change to %s: give the new one another name",
				       name, row->type, row->number, type);
	}
	return 0;
}

static bool is_too_old(const struct versions *versions, const struct version_name *name,
		       uint32_t number)
{
	return name->entries != NULL && name->entry_count >= versions->versions_kept &&
	       name->entries[versions->versions_kept - 1].row.number > number;
}

static void add_version(struct versions *versions, struct version_name *known, uint32_t number,
			const char *type, const char *hash, int64_t effective_ms, int64_t now_ms)
{
	bool is_newest = known->entry_count == 0 || number > known->entries[0].row.number;
	struct version_entry *entry = version_name_insert(known, number);

	entry->is_seen = true;
	entry->row.state = is_newest ? VERSION_PENDING : VERSION_DISABLED;
	entry->row.first_seen_ms = now_ms;
	entry->row.effective_ms = !is_newest ? 0 : effective_ms > now_ms ? effective_ms : now_ms;
	snprintf(entry->row.type, sizeof(entry->row.type), "%s", type);
	snprintf(entry->row.hash, sizeof(entry->row.hash), "%s", hash);
	version_set_reason(&entry->row, "reload",
			   is_newest ? "new version" : "found after a newer version", now_ms);
	versions_audit(versions, known->name, &entry->row, VERSION_MOVED_ADDED, entry->row.actor,
		       entry->row.reason, now_ms);
	prune(versions, known, now_ms);
	versions_persist(versions, known);
}

int versions_seen(struct versions *versions, const char *name, uint32_t number, const char *type,
		  const char *hash, int64_t now_ms, struct err_note *why)
{
	return versions_seen_at(versions, name, number, type, hash, now_ms, now_ms, why);
}

int versions_seen_at(struct versions *versions, const char *name, uint32_t number, const char *type,
		     const char *hash, int64_t effective_ms, int64_t now_ms, struct err_note *why)
{
	int code = check(versions, name, number, type, hash, why);
	struct version_name *known;
	struct version_entry *entry;
	struct version_row *row;

	if (code != 0)
		return code;
	known = versions_add_name(versions, name);
	entry = version_name_find(known, number);
	if (entry == NULL) {
		if (!is_too_old(versions, known, number))
			add_version(versions, known, number, type, hash, effective_ms, now_ms);
		return 0;
	}
	row = &entry->row;
	entry->is_seen = true;
	if (!row->is_missing && strcmp(row->hash, hash) == 0 && strcmp(row->type, type) == 0)
		return 0;
	versions_audit(versions, known->name, row,
		       row->is_missing ? VERSION_MOVED_RETURNED : VERSION_MOVED_CHANGED, "reload",
		       row->is_missing ? "its file is there again" : "its file was edited", now_ms);
	if (row->state == VERSION_PENDING && strcmp(row->hash, hash) != 0)
		row->effective_ms = effective_ms > now_ms ? effective_ms : now_ms;
	row->is_missing = false;
	snprintf(row->hash, sizeof(row->hash), "%s", hash);
	snprintf(row->type, sizeof(row->type), "%s", type);
	versions_persist(versions, known);
	return 0;
}

void versions_load_begin(struct versions *versions)
{
	for (uint32_t i = 0; i < versions->name_count; i++)
		for (uint32_t k = 0; k < versions->names[i].entry_count; k++)
			versions->names[i].entries[k].is_seen = false;
}

void versions_load_end(struct versions *versions, int64_t now_ms)
{
	for (uint32_t i = 0; i < versions->name_count; i++) {
		struct version_name *name = &versions->names[i];
		bool has_changed = false;

		for (uint32_t k = 0; k < name->entry_count; k++) {
			struct version_entry *entry = &name->entries[k];

			if (entry->is_seen || entry->row.is_missing)
				continue;
			entry->row.is_missing = true;
			entry->row.changed_ms = now_ms;
			versions_audit(versions, name->name, &entry->row, VERSION_MOVED_MISSING,
				       "reload", "its file is gone", now_ms);
			has_changed = true;
		}
		if (has_changed)
			versions_persist(versions, name);
	}
}

static bool is_due(const struct version_row *row, int64_t now_ms)
{
	return row->state == VERSION_PENDING && !row->is_missing && row->effective_ms <= now_ms;
}

/** Of several that are due, the one with the latest effective time wins, then the newest. */
static struct version_entry *find_due(const struct version_name *name, int64_t now_ms)
{
	struct version_entry *best = NULL;

	for (uint32_t i = 0; i < name->entry_count; i++)
		if (is_due(&name->entries[i].row, now_ms) &&
		    (best == NULL || name->entries[i].row.effective_ms > best->row.effective_ms))
			best = &name->entries[i];
	return best;
}

static void replace(const struct versions *versions, struct version_name *name,
		    const struct version_row *chosen, int64_t now_ms)
{
	char reason[64];

	snprintf(reason, sizeof(reason), "version %u became active", chosen->number);
	for (uint32_t i = 0; i < name->entry_count; i++) {
		struct version_row *row = &name->entries[i].row;

		if (row == chosen || (!row->is_active && !is_due(row, now_ms)))
			continue;
		row->is_active = false;
		row->state = VERSION_DISABLED;
		version_set_reason(row, chosen->actor, reason, now_ms);
		versions_audit(versions, name->name, row, VERSION_MOVED_REPLACED, row->actor,
			       row->reason, now_ms);
	}
}

static void activate(const struct versions *versions, struct version_name *name,
		     struct version_row *chosen, int64_t now_ms)
{
	replace(versions, name, chosen, now_ms);
	chosen->state = VERSION_ENABLED;
	chosen->is_active = true;
	chosen->was_active = true;
	chosen->is_quarantined = false;
	chosen->changed_ms = now_ms;
	chosen->activated_ms = now_ms;
	versions_audit(versions, name->name, chosen, VERSION_MOVED_ACTIVATED, chosen->actor,
		       chosen->reason, now_ms);
}

bool versions_advance(struct versions *versions, int64_t now_ms)
{
	bool has_changed = false;

	for (uint32_t i = 0; i < versions->name_count; i++) {
		struct version_name *name = &versions->names[i];
		struct version_entry *due = find_due(name, now_ms);

		if (due == NULL)
			continue;
		activate(versions, name, &due->row, now_ms);
		prune(versions, name, now_ms);
		versions_persist(versions, name);
		has_changed = true;
	}
	return has_changed;
}

int64_t versions_next_ms(const struct versions *versions)
{
	int64_t next = -1;

	for (uint32_t i = 0; i < versions->name_count; i++)
		for (uint32_t k = 0; k < versions->names[i].entry_count; k++) {
			const struct version_row *row = &versions->names[i].entries[k].row;

			if (row->state == VERSION_PENDING && !row->is_missing &&
			    (next < 0 || row->effective_ms < next))
				next = row->effective_ms > 0 ? row->effective_ms : 0;
		}
	return next;
}

struct version_entry *version_name_active(const struct version_name *name)
{
	for (uint32_t i = 0; name != NULL && i < name->entry_count; i++)
		if (name->entries[i].row.is_active)
			return &name->entries[i];
	return NULL;
}

uint32_t versions_active(const struct versions *versions, const char *name)
{
	const struct version_entry *active =
		version_name_active(versions_find_name(versions, name));

	return active != NULL ? active->row.number : 0;
}

/** NULL sorts first. States from before activations were timed go by number. */
static bool ran_later(const struct version_row *a, const struct version_row *b)
{
	if (b == NULL || a->is_active != b->is_active)
		return b == NULL || a->is_active;
	if (a->activated_ms != b->activated_ms)
		return a->activated_ms > b->activated_ms;
	return a->number > b->number;
}

uint32_t versions_previous(const struct versions *versions, const char *name)
{
	const struct version_name *known = versions_find_name(versions, name);
	const struct version_row *last = NULL, *before = NULL;

	for (uint32_t i = 0; known != NULL && i < known->entry_count; i++) {
		const struct version_row *row = &known->entries[i].row;

		if (!row->was_active)
			continue;
		if (ran_later(row, last)) {
			before = last;
			last = row;
		} else if (ran_later(row, before)) {
			before = row;
		}
	}
	return before != NULL ? before->number : 0;
}

const struct version_row *versions_find(const struct versions *versions, const char *name,
					uint32_t number)
{
	const struct version_entry *entry =
		version_name_find(versions_find_name(versions, name), number);

	return entry != NULL ? &entry->row : NULL;
}

void versions_each(const struct versions *versions, const char *name,
		   void (*each)(void *arg, const char *name, const struct version_row *row),
		   void *arg)
{
	for (uint32_t i = 0; i < versions->name_count; i++) {
		const struct version_name *known = &versions->names[i];

		if (name != NULL && strcmp(known->name, name) != 0)
			continue;
		for (uint32_t k = 0; k < known->entry_count; k++)
			each(arg, known->name, &known->entries[k].row);
	}
}
