/** plan_replay.h - the part of a run's journal that its script has not asked for again yet. For the
 *  files of core/plan and its tests.
 */
#ifndef TOCSIN_CORE_PLAN_PLAN_REPLAY_H
#define TOCSIN_CORE_PLAN_PLAN_REPLAY_H

#include "core/base/arena.h"
#include "core/base/key_table.h"
#include "core/plan/journal.h"

struct plan_run;

struct replay {
	struct arena arena;
	struct journal journal;
	uint32_t *next;          /**< of each record: the next one of its scope; 0 none */
	struct key_table scopes; /**< where each scope begins: `first` */
	uint32_t *first;
	uint32_t left_count;
};

/** ERR_IO, ERR_CORRUPT, ERR_UNSUPPORTED (written by a newer build). */
int replay_open(struct plan_run *run, const struct journal_record **first, struct err_note *why);
void replay_close(struct plan_run *run);
uint32_t replay_first(const struct plan_run *run, const char *scope); /**< 0: none */

#endif
