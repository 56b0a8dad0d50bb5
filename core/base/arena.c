/* An arena is a list of blocks; `current` is the one being filled. Blocks after it are empty ones
 * kept by arena_reset(). A request that does not fit moves on, so the rest of a block is given up;
 * a request that fits no kept block gets a new block behind `current`.
 *
 *     first -> [full] -> [full] -> [ used | free ] -> [ empty ] -> NULL
 *                                   ^ current
 */
#include "core/base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/require.h"

/* Under the address sanitizer what is not handed out is poisoned: use after reset is found. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define ARENA_POISON(address, length)   ASAN_POISON_MEMORY_REGION((address), (length))
#define ARENA_UNPOISON(address, length) ASAN_UNPOISON_MEMORY_REGION((address), (length))
#else
#define ARENA_POISON(address, length)   ((void)(address), (void)(length))
#define ARENA_UNPOISON(address, length) ((void)(address), (void)(length))
#endif

enum { ARENA_ALIGN = 16, ARENA_BLOCK_BYTES_MIN = 4096, ARENA_BLOCK_BYTES_MAX = 1 << 20 };

struct arena_block {
	struct arena_block *next;
	size_t capacity;
	size_t used;
	alignas(ARENA_ALIGN) char data[];
};

void arena_init(struct arena *arena)
{
	*arena = (struct arena){NULL, NULL, 0};
}

void arena_deinit(struct arena *arena)
{
	struct arena_block *block = arena->first;

	while (block != NULL) {
		struct arena_block *next = block->next;

		ARENA_UNPOISON(block->data, block->capacity);
		mem_free(block);
		block = next;
	}
	arena_init(arena);
}

void arena_reset(struct arena *arena)
{
	for (struct arena_block *block = arena->first; block != NULL; block = block->next) {
		block->used = 0;
		ARENA_POISON(block->data, block->capacity);
	}
	arena->current = arena->first;
	arena->used_bytes = 0;
}

static struct arena_block *block_new(size_t previous_capacity, size_t needed)
{
	size_t capacity = previous_capacity * 2;

	if (capacity < ARENA_BLOCK_BYTES_MIN)
		capacity = ARENA_BLOCK_BYTES_MIN;
	if (capacity > ARENA_BLOCK_BYTES_MAX)
		capacity = ARENA_BLOCK_BYTES_MAX;
	if (capacity < needed)
		capacity = needed;
	/* mem_grow and not mem_alloc: the pages need no zeroing. */
	struct arena_block *block = mem_grow(NULL, 1, sizeof(*block) + capacity);
	block->next = NULL;
	block->capacity = capacity;
	block->used = 0;
	ARENA_POISON(block->data, block->capacity);
	return block;
}

static struct arena_block *block_with_room(struct arena *arena, size_t length)
{
	struct arena_block *current = arena->current;

	if (current != NULL && current->next != NULL && current->next->capacity >= length)
		return current->next;
	struct arena_block *block = block_new(current == NULL ? 0 : current->capacity, length);
	if (current == NULL) {
		arena->first = block;
	} else {
		block->next = current->next;
		current->next = block;
	}
	return block;
}

void *arena_alloc(struct arena *arena, size_t length)
{
	REQUIRE(length < SIZE_MAX / 4);
	size_t rounded = (length + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;

	if (rounded == 0)
		rounded = ARENA_ALIGN;
	struct arena_block *block = arena->current;
	if (block == NULL || block->capacity - block->used < rounded) {
		block = block_with_room(arena, rounded);
		arena->current = block;
	}
	char *memory = block->data + block->used;
	block->used += rounded;
	arena->used_bytes += rounded;
	ARENA_UNPOISON(memory, length);
	return memory;
}

void *arena_zalloc(struct arena *arena, size_t length)
{
	void *memory = arena_alloc(arena, length);

	memset(memory, 0, length);
	return memory;
}

char *arena_copy(struct arena *arena, const void *data, size_t length)
{
	char *copy = arena_alloc(arena, length + 1);

	if (length > 0)
		memcpy(copy, data, length);
	copy[length] = '\0';
	return copy;
}

char *arena_copy_text(struct arena *arena, const char *text)
{
	return text == NULL ? NULL : arena_copy(arena, text, strlen(text));
}

char *arena_format(struct arena *arena, const char *format, ...)
{
	char stack_text[256];
	va_list args;

	va_start(args, format);
	int length = vsnprintf(stack_text, sizeof(stack_text), format, args);
	va_end(args);
	REQUIRE(length >= 0);
	if ((size_t)length < sizeof(stack_text))
		return arena_copy(arena, stack_text, (size_t)length);
	char *text = arena_alloc(arena, (size_t)length + 1);
	va_start(args, format);
	vsnprintf(text, (size_t)length + 1, format, args);
	va_end(args);
	return text;
}
