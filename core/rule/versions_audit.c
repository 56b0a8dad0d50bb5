#include "core/rule/versions_internal.h"

#include "storage/audit_log.h"

static const char *const move_names[] = {
#define VERSION_MOVE_NAME(name, text) [VERSION_MOVED_##name] = (text),
	VERSION_MOVE_LIST(VERSION_MOVE_NAME)
#undef VERSION_MOVE_NAME
};

void versions_audit_to(struct versions *versions, struct audit_log *audit)
{
	versions->audit = audit;
}

void versions_audit(const struct versions *versions, const char *name,
		    const struct version_row *row, enum version_move move, const char *actor,
		    const char *reason, int64_t now_ms)
{
	bool is_planned = row->state == VERSION_PENDING && row->effective_ms > now_ms;

	if (versions->audit == NULL)
		return;
	audit_log_add(versions->audit,
		      &(struct audit_entry){
			      .time_ms = now_ms,
			      .kind = versions->space == KEYSPACE_PLAN ? "plan" : "rule",
			      .name = name,
			      .version = row->number,
			      .action = move_names[move],
			      .effective_ms = is_planned ? row->effective_ms : 0,
			      .actor = actor,
			      .reason = reason,
		      });
}
