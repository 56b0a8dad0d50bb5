/** correction_set.h - past windows of a rule that something late has changed, by end and key, each
 *  with what it said before.
 *
 *  Beyond CORRECTIONS_MAX those with the greatest (end, key) stay: so which ones they are does not
 *  depend on the order in which they came. Pure.
 *  Owner: correction_set_new() result owned. Threads: one at a time.
 */
#ifndef TOCSIN_CORE_ENGINE_CORRECTION_SET_H
#define TOCSIN_CORE_ENGINE_CORRECTION_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/bytes.h"

enum { CORRECTIONS_MAX = 1000 };

struct correction {
	int64_t end_ms;
	struct slice key; /**< owned by the set */
	int level;        /**< the worst that held, of rule->levels; -1: none */
	bool has_value;
	double value;
};

struct correction_set {
	struct correction *marks; /**< [count], ascending by end, then key as dimension.h has it */
	uint32_t count, capacity;
	int64_t begin_ms; /**< windows that end later were judged; INT64_MIN: all of the source */
	uint64_t told_count; /**< since the rule began, as the next one */
	uint64_t lost_count; /**< found no room: how often */
};

struct correction_set *correction_set_new(int64_t begin_ms);
void correction_set_free(struct correction_set *set); /**< NULL allowed */
/** Where the mark is or would be. True: it is there. */
bool correction_set_find(const struct correction_set *set, int64_t end_ms, struct slice key,
			 uint32_t *at);
/** The mark would go at once: it is full of later ones. */
bool correction_set_refuses(const struct correction_set *set, uint32_t at);
/** Puts a mark that is not there at its place; the key is copied. `dropped`, with its key, is the
 *  caller's when the set was full: true. Not for one that is refused. */
bool correction_set_put(struct correction_set *set, uint32_t at, const struct correction *mark,
			struct correction *dropped);
void correction_set_clear(struct correction_set *set);
void correction_free_key(struct correction *mark);

#endif
