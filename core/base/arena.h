/** arena.h - memory that is freed all at once: one arena per batch of readings, per tree, per plan.
 *  Owner: arena_init() caller's memory; everything from the arena is borrowed until arena_reset()
 *  or arena_deinit(). arena_reset() keeps its blocks, so steady state allocates nothing.
 */
#ifndef TOCSIN_CORE_BASE_ARENA_H
#define TOCSIN_CORE_BASE_ARENA_H

#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *first;
	struct arena_block *current;
	size_t used_bytes;
};

void arena_init(struct arena *arena);
void arena_deinit(struct arena *arena);
void arena_reset(struct arena *arena);
void *arena_alloc(struct arena *arena, size_t length); /**< 16-byte aligned, not zeroed */
void *arena_zalloc(struct arena *arena, size_t length);
char *arena_copy(struct arena *arena, const void *data, size_t length); /**< adds a NUL */
char *arena_copy_text(struct arena *arena, const char *text);
char *arena_format(struct arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
