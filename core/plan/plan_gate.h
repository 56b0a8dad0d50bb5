/** plan_gate.h - whether a run may start by itself. For siblings. */
#ifndef TOCSIN_CORE_PLAN_PLAN_GATE_H
#define TOCSIN_CORE_PLAN_PLAN_GATE_H

#include <stdbool.h>
#include <stdint.h>

struct journal_record;
struct plan;
struct plan_branch;
struct plan_run;

/** Of a new run: gives it a question, or tells those whom the site names. `priority` of its
 *  incident, 0: none. */
void gate_choose(struct plan_run *run, const struct plan *plan, uint32_t priority);
void gate_account(struct plan_run *run, const struct journal_record *record);
/** The main branch begins: with the question, if there is one. */
void gate_begin(struct plan_branch *branch);
/** The question is answered. False: with no, and the run has ended. */
bool gate_pass(struct plan_branch *branch);

#endif
