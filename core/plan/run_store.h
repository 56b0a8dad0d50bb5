/** run_store.h - the rows of runs, their records, the list of them, and the scripts they refer to.
 *  For siblings and tests. A row (key: run id) says what a start must know without the journal.
 */
#ifndef TOCSIN_CORE_PLAN_RUN_STORE_H
#define TOCSIN_CORE_PLAN_RUN_STORE_H

struct err_note;
struct journal_record;
struct plan;
struct plan_engine;
struct plan_factory;
struct plan_run;
struct run_script;

void run_add(struct plan_engine *engine, struct plan_run *run);
void run_save(struct plan_run *run);
/** Writes the next record of the run as a whole. */
void run_record(struct plan_run *run, struct journal_record *record);
int run_load_all(struct plan_engine *engine, struct err_note *why);
void run_free(struct plan_run *run);
/** Frees what only a live run needs. */
void run_release(struct plan_run *run);
/** Deletes the oldest ended runs past `ended_max`, with their journals; nothing while held. */
void run_trim(struct plan_engine *engine);
/** Borrowed from the engine's list; the first use stores the source. */
struct run_script *script_take(struct plan_engine *engine, struct plan *plan);
void script_drop(struct plan_engine *engine, struct run_script *script);
struct run_script *script_take_hash(struct plan_engine *engine, const char *hash);
int script_factory(struct plan_engine *engine, struct plan_run *run, struct plan_factory **out,
		   struct err_note *why);

#endif
