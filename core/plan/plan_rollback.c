/* A person cancels a run and wants back what it did.
 *
 *      Operator "rollback" -> its branches are stopped, as by another that has won: what is
 *      recorded is delivered, a `once` step that is on its way is awaited -> the main one is over
 *      -> one branch of the engine, "#rollback", undoes the script's stacks as durable steps
 *      -> ROLLED_BACK, or ROLLBACK_FAILED at the first undo that fails
 *
 *  The stacks are the script's (lua/lib/_plan_undo.lua): they follow from what is recorded, so a
 *  replay comes to the same ones. It needs to know from its start that it ends this way
 *  (`is_unwinding`): no branch asks for anything that is not recorded.
 */
#include "core/plan/plan_command.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/plan/plan_run.h"

#include <string.h>

void rollback_account(struct plan_run *run, const struct journal_record *record)
{
	if (record->type != RECORD_OPERATOR || record->step || !record->text ||
	    strcmp(record->text, "rollback") != 0)
		return;
	bool has_reason = record->reason && record->reason[0];
	run->is_unwinding = true;
	run->is_paused = false;
	mem_free(run->unwind_why);
	run->unwind_why = mem_format("%.256s%s%.4096s", record->actor ? record->actor : "unknown",
				     has_reason ? ": " : "", has_reason ? record->reason : "");
}

void rollback_begin(struct plan_run *run)
{
	struct err_note why = {{0}};
	uint32_t number;
	int code = run->runner->ops->unwind(run->runner, run->unwind_why, &number, &why);
	if (code == ERR_NOT_FOUND) {
		run_end(run, RUN_DONE, NULL);
		return;
	}
	if (code != 0) {
		run_end(run, RUN_FAILED, why.text);
		return;
	}
	struct plan_branch *branch = branch_new(run, NULL, number, "#rollback");
	/* A replay is led through all that is recorded before it returns. */
	if (run->replay)
		branch_go_on(branch);
	else
		branch_after(branch, branch_go_on);
}

int plan_engine_rollback(struct plan_engine *engine, const char *run_id,
			 const struct plan_operator *by, struct err_note *why)
{
	struct plan_run *run;
	int code = engine_find_live(engine, run_id, &run, why);
	if (code == 0 && run->is_unwinding)
		code = err_set(why, ERR_CONFLICT, "run %s is rolling back already", run_id);
	if (code == 0 && !run_has_room(run, 1))
		code = err_set(why, ERR_CONFLICT, "the journal of run %s is full", run_id);
	if (code != 0)
		return code;
	bool was_paused = run->is_paused;
	operator_record(run, "rollback", by);
	if (was_paused)
		operator_release(run);
	branch_stop(run->branches[0]);
	if (!run_is_live(run))
		return 0;
	run_refresh(run);
	run_arm(run);
	return 0;
}
