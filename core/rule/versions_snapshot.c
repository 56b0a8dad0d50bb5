#include "core/rule/versions_internal.h"

#include "core/base/mem.h"
#include "storage/audit_log.h"

#include <string.h>

struct versions_snapshot {
	struct version_name *names;
	uint32_t name_count;
	uint64_t audit_mark;
};

static struct version_entry *copy_entries(const struct version_name *name)
{
	struct version_entry *entries = mem_alloc_array(name->entry_count, sizeof(*entries));

	if (name->entry_count > 0)
		memcpy(entries, name->entries, name->entry_count * sizeof(*entries));
	return entries;
}

struct versions_snapshot *versions_snapshot(const struct versions *versions)
{
	struct versions_snapshot *snapshot = mem_alloc(sizeof(*snapshot));

	snapshot->names = mem_alloc_array(versions->name_count, sizeof(*snapshot->names));
	snapshot->name_count = versions->name_count;
	if (versions->audit != NULL)
		snapshot->audit_mark = audit_log_mark(versions->audit);
	for (uint32_t i = 0; i < versions->name_count; i++)
		snapshot->names[i] = (struct version_name){
			.name = mem_copy_text(versions->names[i].name),
			.entries = copy_entries(&versions->names[i]),
			.entry_count = versions->names[i].entry_count,
		};
	return snapshot;
}

static const struct version_name *find_name(const struct versions_snapshot *snapshot,
					    const char *name)
{
	for (uint32_t i = 0; i < snapshot->name_count; i++)
		if (strcmp(snapshot->names[i].name, name) == 0)
			return &snapshot->names[i];
	return NULL;
}

/** Names are never taken out of the table: one that was added stays, without rows. */
void versions_rollback(struct versions *versions, const struct versions_snapshot *snapshot)
{
	for (uint32_t i = 0; i < versions->name_count; i++) {
		struct version_name *name = &versions->names[i];
		const struct version_name *old = find_name(snapshot, name->name);

		mem_free(name->entries);
		name->entries = old != NULL ? copy_entries(old) : NULL;
		name->entry_count = old != NULL ? old->entry_count : 0;
		versions_persist(versions, name);
	}
	if (versions->audit != NULL)
		audit_log_undo(versions->audit, snapshot->audit_mark);
}

void versions_snapshot_free(struct versions_snapshot *snapshot)
{
	if (snapshot == NULL)
		return;
	for (uint32_t i = 0; i < snapshot->name_count; i++) {
		mem_free(snapshot->names[i].name);
		mem_free(snapshot->names[i].entries);
	}
	mem_free(snapshot->names);
	mem_free(snapshot);
}
