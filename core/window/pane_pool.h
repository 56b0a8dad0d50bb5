/** pane_pool.h - blocks of 2^size panes for the lists of one window.
 *
 *      chunk | 1 | 1 | 2 | 1 | 8 ........ | 2 | room |        given back: one free list per size
 *
 *  A window takes and gives back blocks all the time, and asks the heap only when it grows: chunks
 *  are an eighth of what it has, so a window of few keys stays small (1,000 rules have 1,000).
 *  Owner: pane_pool_init() caller's memory; blocks are borrowed until give or deinit. A block of
 *  PANE_POOL_DIRECT_BYTES or more comes from the heap and goes back to it.
 */
#ifndef TOCSIN_CORE_WINDOW_PANE_POOL_H
#define TOCSIN_CORE_WINDOW_PANE_POOL_H

#include <stddef.h>
#include <stdint.h>

enum { PANE_POOL_SIZES_MAX = 32, PANE_POOL_DIRECT_BYTES = 32768 };

struct pane_chunk;
struct pane_block;

struct pane_pool {
	uint32_t pane_bytes; /**< a multiple of 8, at least 16 */
	char *room;
	size_t room_bytes;
	struct pane_chunk *chunks;
	struct pane_block *given_back[PANE_POOL_SIZES_MAX];
	uint64_t memory_bytes; /**< taken from the heap */
};

void pane_pool_init(struct pane_pool *pool, uint32_t pane_bytes);
/** Chunks are freed; the owner has given back what came from the heap directly. */
void pane_pool_deinit(struct pane_pool *pool);

/** A block of 2^size panes, not zeroed. */
void *pane_pool_take(struct pane_pool *pool, uint32_t size);
void pane_pool_give(struct pane_pool *pool, void *block, uint32_t size);

#endif
