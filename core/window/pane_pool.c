#include "core/window/pane_pool.h"

#include "core/base/mem.h"
#include "core/base/require.h"

enum { CHUNK_BYTES_MIN = 1024, CHUNK_BYTES_MAX = 256 * 1024, GROWTH = 8 };

struct pane_chunk {
	struct pane_chunk *next;
	char data[];
};

struct pane_block {
	struct pane_block *next;
};

void pane_pool_init(struct pane_pool *pool, uint32_t pane_bytes)
{
	REQUIRE(pane_bytes >= sizeof(struct pane_block) && pane_bytes % 8 == 0);
	*pool = (struct pane_pool){.pane_bytes = pane_bytes};
}

void pane_pool_deinit(struct pane_pool *pool)
{
	struct pane_chunk *chunk;

	while ((chunk = pool->chunks) != NULL) {
		pool->chunks = chunk->next;
		mem_free(chunk);
	}
	pane_pool_init(pool, pool->pane_bytes);
}

static size_t block_bytes(const struct pane_pool *pool, uint32_t size)
{
	REQUIRE(size < PANE_POOL_SIZES_MAX);
	return (size_t)pool->pane_bytes << size;
}

static void keep(struct pane_pool *pool, void *memory, uint32_t size)
{
	struct pane_block *block = memory;

	block->next = pool->given_back[size];
	pool->given_back[size] = block;
}

/* What is left of a chunk is cut into blocks, the largest first. */
static void cut_rest(struct pane_pool *pool)
{
	uint32_t size = 0;

	while (pool->room_bytes >= block_bytes(pool, size + 1))
		size++;
	while (pool->room_bytes >= pool->pane_bytes) {
		size_t bytes = block_bytes(pool, size);

		if (pool->room_bytes < bytes) {
			size--;
			continue;
		}
		keep(pool, pool->room, size);
		pool->room += bytes;
		pool->room_bytes -= bytes;
	}
}

static void add_chunk(struct pane_pool *pool, size_t bytes_min)
{
	size_t bytes = pool->memory_bytes / GROWTH;
	struct pane_chunk *chunk;

	if (bytes > CHUNK_BYTES_MAX)
		bytes = CHUNK_BYTES_MAX;
	if (bytes < CHUNK_BYTES_MIN)
		bytes = CHUNK_BYTES_MIN;
	if (bytes < bytes_min)
		bytes = bytes_min;
	cut_rest(pool);
	chunk = mem_grow(NULL, sizeof(*chunk) + bytes, 1);
	chunk->next = pool->chunks;
	pool->chunks = chunk;
	pool->room = chunk->data;
	pool->room_bytes = bytes;
	pool->memory_bytes += sizeof(*chunk) + bytes;
}

void *pane_pool_take(struct pane_pool *pool, uint32_t size)
{
	struct pane_block *block = pool->given_back[size];
	size_t bytes = block_bytes(pool, size);
	void *memory;

	if (bytes >= PANE_POOL_DIRECT_BYTES) {
		pool->memory_bytes += bytes;
		return mem_grow(NULL, bytes, 1);
	}
	if (block != NULL) {
		pool->given_back[size] = block->next;
		return block;
	}
	if (pool->room_bytes < bytes)
		add_chunk(pool, bytes);
	memory = pool->room;
	pool->room += bytes;
	pool->room_bytes -= bytes;
	return memory;
}

void pane_pool_give(struct pane_pool *pool, void *block, uint32_t size)
{
	size_t bytes = block_bytes(pool, size);

	if (bytes < PANE_POOL_DIRECT_BYTES) {
		keep(pool, block, size);
		return;
	}
	pool->memory_bytes -= bytes;
	mem_free(block);
}
