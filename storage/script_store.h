/** script_store.h - sources of scripts under "x", by the hash of their text: what goes on when the
 *  file is gone or no longer good.
 *
 *  Needed by the versions that are kept (core/rule/versions.h) and by plan runs. Nobody counts:
 *  who knows them names the needed ones, and the sweep deletes the rest.
 *  Owner: script_store_new() result owned; kv, commit borrowed. Threads: loop thread.
 */
#ifndef TOCSIN_STORAGE_SCRIPT_STORE_H
#define TOCSIN_STORAGE_SCRIPT_STORE_H

#include <stdint.h>

struct commit;
struct err_note;
struct kv;
struct script_store;

/** Reads which hashes are stored. */
int script_store_new(struct script_store **out, struct kv *kv, struct commit *commit,
		     struct err_note *why);
void script_store_free(struct script_store *store); /**< NULL allowed */

/** Into commit_batch(), when it is not there. */
void script_store_put(struct script_store *store, const char *hash, const char *source);
/** Owned text; of what is durable. ERR_NOT_FOUND, ERR_CORRUPT. */
int script_store_get(const struct script_store *store, const char *hash, char **out,
		     struct err_note *why);

/** Between begin and end every needed hash is named; the end deletes the others through
 *  commit_batch() and returns how many. */
void script_store_sweep_begin(struct script_store *store);
void script_store_need(struct script_store *store, const char *hash);
uint32_t script_store_sweep_end(struct script_store *store);

#endif
