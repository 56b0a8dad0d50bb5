#include "core/rule/versions_internal.h"

#include "core/base/err.h"

static int find_command(struct versions *versions, const char *name, uint32_t number,
			struct version_name **known, struct version_entry **entry,
			struct err_note *why)
{
	*known = versions_find_name(versions, name);
	if (*known == NULL || (*known)->entry_count == 0)
		return err_set(why, ERR_NOT_FOUND, "there is no \"%.100s\"", name);
	if (number == 0)
		return 0;
	*entry = version_name_find(*known, number);
	if (*entry == NULL)
		return err_set(why, ERR_NOT_FOUND,
			       "%.100s has no version %u; the newest is %u, and %u are kept", name,
			       number, (*known)->entries[0].row.number, (*known)->entry_count);
	return 0;
}

int versions_enable(struct versions *versions, const char *name, uint32_t number, int64_t at_ms,
		    const char *actor, const char *reason, int64_t now_ms, struct err_note *why)
{
	struct version_name *known;
	struct version_entry *entry = NULL;
	int code = find_command(versions, name, number, &known, &entry, why);

	if (code != 0)
		return code;
	if (entry == NULL)
		entry = &known->entries[0];
	if (entry->row.is_active)
		return err_set(why, ERR_CONFLICT, "version %u of %.100s is active already",
			       entry->row.number, name);
	if (entry->row.is_missing)
		return err_set(why, ERR_CONFLICT,
			       "the file of version %u of %.100s is gone; put it back and reload",
			       entry->row.number, name);
	entry->row.state = VERSION_PENDING;
	entry->row.effective_ms = at_ms > now_ms ? at_ms : now_ms;
	entry->row.is_quarantined = false;
	version_set_reason(&entry->row, actor, reason, now_ms);
	versions_audit(versions, known->name, &entry->row, VERSION_MOVED_ENABLED, actor, reason,
		       now_ms);
	versions_persist(versions, known);
	return 0;
}

static struct version_entry *find_running(const struct version_name *name)
{
	struct version_entry *active = version_name_active(name);

	for (uint32_t i = 0; active == NULL && i < name->entry_count; i++)
		if (name->entries[i].row.state == VERSION_PENDING)
			active = &name->entries[i];
	return active;
}

int versions_disable(struct versions *versions, const char *name, uint32_t number,
		     const char *actor, const char *reason, int64_t now_ms, struct err_note *why)
{
	struct version_name *known;
	struct version_entry *entry = NULL;
	int code = find_command(versions, name, number, &known, &entry, why);

	if (code != 0)
		return code;
	if (entry == NULL)
		entry = find_running(known);
	if (entry == NULL)
		return err_set(why, ERR_CONFLICT,
			       "no version of %.100s is active or pending: there is nothing to "
			       "disable",
			       name);
	if (entry->row.state == VERSION_DISABLED)
		return err_set(why, ERR_CONFLICT, "version %u of %.100s is disabled already",
			       entry->row.number, name);
	entry->row.state = VERSION_DISABLED;
	entry->row.is_active = false;
	version_set_reason(&entry->row, actor, reason, now_ms);
	versions_audit(versions, known->name, &entry->row, VERSION_MOVED_DISABLED, actor, reason,
		       now_ms);
	versions_persist(versions, known);
	return 0;
}

void versions_quarantine(struct versions *versions, const char *name, uint32_t number,
			 const char *reason, int64_t now_ms)
{
	struct version_name *known = versions_find_name(versions, name);
	struct version_entry *entry = version_name_find(known, number);

	if (entry == NULL)
		return;
	entry->row.state = VERSION_DISABLED;
	entry->row.is_active = false;
	entry->row.is_quarantined = true;
	version_set_reason(&entry->row, "engine", reason, now_ms);
	versions_audit(versions, known->name, &entry->row, VERSION_MOVED_QUARANTINED, "engine",
		       reason, now_ms);
	versions_persist(versions, known);
}
