/** engine_store.h - the engine's rows: put into the gathering batch, read back at start.
 *  Layouts stand at the top of engine_store.c.
 */
#ifndef TOCSIN_CORE_ENGINE_ENGINE_STORE_H
#define TOCSIN_CORE_ENGINE_ENGINE_STORE_H

#include "core/engine/engine_internal.h"

/* engine_store.c, engine_restore.c: rows of the gathering batch, and back */
void engine_put_partition(struct engine *engine, const struct engine_partition *partition);
void engine_delete_partition(struct engine *engine, const struct engine_partition *partition);
void engine_put_source(struct engine *engine, const struct engine_source *source);
void engine_put_dead_letters(struct engine *engine, const struct engine_source *source);
void engine_put_panes(struct engine *engine, const struct metric *metric, struct window *window);
void engine_delete_panes(struct engine *engine, const unsigned char *metric_id, int64_t from_ms,
			 int64_t before_ms);
/** How far a metric is rolled up. */
void engine_put_level(struct engine *engine, const unsigned char *metric_id,
		      const struct window_levels *levels);
void engine_delete_level(struct engine *engine, const unsigned char *metric_id);
void engine_put_evaluated(struct engine *engine, struct rule_state *state);
void engine_delete_evaluated(struct engine *engine, const char *rule);
void engine_put_key(struct engine *engine, const struct rule *rule, struct slice name,
		    const struct engine_key *key);
void engine_delete_key(struct engine *engine, const char *rule, struct slice key);
int engine_restore(struct engine *engine, struct err_note *why);
int engine_restore_panes(struct engine *engine, struct err_note *why);

/* engine_correct_store.c: past windows that are judged again */
struct correction;
void engine_put_correction(struct engine *engine, const struct rule *rule,
			   const struct correction *correction);
void engine_delete_correction(struct engine *engine, const struct rule *rule,
			      const struct correction *correction);
/** The row of the rule itself: since when, and how many. */
void engine_put_corrections(struct engine *engine, const struct rule_state *state);
void engine_delete_corrections(struct engine *engine, const char *rule);
int engine_restore_corrections(struct engine *engine, struct err_note *why);
/** Rules of the generation that have none yet begin with what they judge from here on. */
void engine_open_corrections(struct engine *engine);

/* engine_gather.c: what is written when the batch is about to leave */
void engine_change_partition(struct engine *engine, struct engine_partition *partition);
void engine_change_source(struct engine *engine, struct engine_source *source);
void engine_gather(void *arg); /**< the engine: for commit_before() */

/* engine_adopt.c: what the store knew about rules, handed over at the first install */
const struct stored_evaluated *engine_find_stored(const struct engine *engine, const char *rule);
void engine_adopt_stored(struct engine *engine);
/** The reason with which the alerts of a rule that is not installed any more resolve. */
const char *engine_why_gone(const struct engine *engine, const struct rule *rule);
void engine_free_stored(struct engine *engine);

#endif
