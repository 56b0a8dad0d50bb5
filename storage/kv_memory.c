#include "storage/kv.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "storage/kv_backend.h"

#include <pthread.h>
#include <string.h>

/* A skip list (Pugh 1990), so that finding, adding and deleting one of 1e5 keys is about 17 steps:
 *
 *   level 2  head ------------------------> d --------> nil
 *   level 1  head --------> b ------------> d --------> nil
 *   level 0  head --> a <-> b <-> c ------> d --> e --> nil      (`back` runs along level 0)
 *
 *  Invariant: keys strictly increase along every level, and a node on level n is on all levels
 *  below. Rejected: a sorted array of chunks. It scans faster but needs splitting and merging for
 *  the same cost. */

enum { LEVELS_MAX = 20, SCAN_CHUNK_PAIRS = 64 };

struct node {
	struct node *back;
	char *value;
	size_t value_length;
	const char *key; /* behind `next` in the same allocation */
	size_t key_length;
	uint32_t level_count;
	struct node *next[];
};

struct kv_memory {
	struct kv kv;
	pthread_mutex_t lock;
	struct node *head;
	struct node *last;
	uint64_t random;
};

static struct kv_memory *memory_of(struct kv *kv)
{
	return (struct kv_memory *)kv;
}

static struct node *node_new(struct slice key, uint32_t level_count)
{
	size_t next_bytes = level_count * sizeof(struct node *);
	struct node *node = mem_alloc(sizeof(*node) + next_bytes + key.length);
	char *copy = (char *)node + sizeof(*node) + next_bytes;

	if (key.length > 0)
		memcpy(copy, key.data, key.length);
	node->key = copy;
	node->key_length = key.length;
	node->level_count = level_count;
	return node;
}

static void node_free(struct node *node)
{
	mem_free(node->value);
	mem_free(node);
}

static struct slice node_key(const struct node *node)
{
	return (struct slice){node->key, node->key_length};
}

static void node_set_value(struct node *node, struct slice value)
{
	mem_free(node->value);
	node->value = mem_copy_bytes(value.data, value.length);
	node->value_length = value.length;
}

/* One level more with odds 1 in 4. The heights change no result, so the seed may be fixed. */
static uint32_t random_level_count(struct kv_memory *memory)
{
	uint64_t bits = memory->random;
	uint32_t count = 1;

	bits ^= bits << 13;
	bits ^= bits >> 7;
	bits ^= bits << 17;
	memory->random = bits;
	while (count < LEVELS_MAX && (bits & 3) == 0) {
		bits >>= 2;
		count++;
	}
	return count;
}

/* The last node of each level whose key is below `key` goes to `before` (NULL: not wanted);
 * returns the first node at or after `key`. */
static struct node *find(const struct kv_memory *memory, struct slice key, struct node **before)
{
	struct node *node = memory->head;

	for (int level = LEVELS_MAX - 1; level >= 0; level--) {
		while (node->next[level] && slice_compare(node_key(node->next[level]), key) < 0)
			node = node->next[level];
		if (before)
			before[level] = node;
	}
	return node->next[0];
}

static void put(struct kv_memory *memory, struct slice key, struct slice value)
{
	struct node *before[LEVELS_MAX];
	struct node *node = find(memory, key, before);

	if (node && slice_equal(node_key(node), key)) {
		node_set_value(node, value);
		return;
	}
	node = node_new(key, random_level_count(memory));
	node_set_value(node, value);
	for (uint32_t level = 0; level < node->level_count; level++) {
		node->next[level] = before[level]->next[level];
		before[level]->next[level] = node;
	}
	node->back = before[0];
	if (node->next[0])
		node->next[0]->back = node;
	else
		memory->last = node;
}

/* Deletes the node behind before[0]; `before` stays right for the node that follows. */
static void cut(struct kv_memory *memory, struct node **before, struct node *node)
{
	for (uint32_t level = 0; level < node->level_count; level++)
		before[level]->next[level] = node->next[level];
	if (node->next[0])
		node->next[0]->back = node->back;
	else
		memory->last = node->back;
	node_free(node);
}

static void delete_one(struct kv_memory *memory, struct slice key)
{
	struct node *before[LEVELS_MAX];
	struct node *node = find(memory, key, before);

	if (node && slice_equal(node_key(node), key))
		cut(memory, before, node);
}

static void delete_range(struct kv_memory *memory, struct slice from, struct slice to)
{
	struct node *before[LEVELS_MAX];
	struct node *node = find(memory, from, before);

	while (node && slice_compare(node_key(node), to) < 0) {
		struct node *next = node->next[0];

		cut(memory, before, node);
		node = next;
	}
}

static int memory_write(struct kv *kv, const struct kv_batch *batch, struct err_note *why)
{
	struct kv_memory *memory = memory_of(kv);
	size_t offset = 0;
	struct kv_op op;

	(void)why;
	pthread_mutex_lock(&memory->lock);
	while (kv_batch_next(batch, &offset, &op)) {
		switch (op.type) {
		case KV_OP_PUT: put(memory, op.key, op.value); break;
		case KV_OP_DELETE: delete_one(memory, op.key); break;
		case KV_OP_DELETE_RANGE: delete_range(memory, op.key, op.value); break;
		}
	}
	pthread_mutex_unlock(&memory->lock);
	return 0;
}

static int memory_get(struct kv *kv, struct slice key, struct bytes *out, struct err_note *why)
{
	struct kv_memory *memory = memory_of(kv);
	const struct node *node;
	bool is_found;

	pthread_mutex_lock(&memory->lock);
	node = find(memory, key, NULL);
	is_found = node && slice_equal(node_key(node), key);
	if (is_found)
		bytes_append(out, node->value, node->value_length);
	pthread_mutex_unlock(&memory->lock);
	return is_found ? 0 : err_set(why, ERR_NOT_FOUND, "The store has no such key.");
}

/* A scan copies some pairs under the lock and shows them without it, so that `each` may write to
 * the store as it may with RocksDB, and so that a scan that stops early copies little. */
struct chunk {
	struct bytes data;
	struct slice pairs[2 * SCAN_CHUNK_PAIRS];
	uint32_t count;
};

static const struct node *scan_start(const struct kv_memory *memory, const struct kv_scan *scan,
				     const struct bytes *end)
{
	const struct node *node;

	if (!scan->is_backward)
		return find(memory, scan->prefix, NULL);
	if (end->length == 0)
		return memory->last;
	node = find(memory, bytes_slice(end), NULL);
	return node ? node->back : memory->last;
}

static const struct node *scan_go_on(const struct kv_memory *memory, const struct kv_scan *scan,
				     struct slice shown)
{
	const struct node *node = find(memory, shown, NULL);

	if (scan->is_backward)
		return node ? node->back : memory->last;
	return node && slice_equal(node_key(node), shown) ? node->next[0] : node;
}

static void fill(const struct kv_memory *memory, const struct kv_scan *scan,
		 const struct node *node, struct chunk *chunk)
{
	const char *data;

	bytes_clear(&chunk->data);
	chunk->count = 0;
	while (node && node != memory->head && chunk->count < SCAN_CHUNK_PAIRS &&
	       node->key_length >= scan->prefix.length &&
	       (scan->prefix.length == 0 ||
		memcmp(node->key, scan->prefix.data, scan->prefix.length) == 0)) {
		bytes_append(&chunk->data, node->key, node->key_length);
		bytes_append(&chunk->data, node->value, node->value_length);
		chunk->pairs[2 * chunk->count].length = node->key_length;
		chunk->pairs[2 * chunk->count + 1].length = node->value_length;
		chunk->count++;
		node = scan->is_backward ? node->back : node->next[0];
	}
	/* Only now: the buffer may have moved while it grew. */
	data = chunk->data.data ? chunk->data.data : "";
	for (uint32_t index = 0; index < 2 * chunk->count; index++) {
		chunk->pairs[index].data = data;
		data += chunk->pairs[index].length;
	}
}

static bool show(const struct kv_scan *scan, const struct chunk *chunk)
{
	for (uint32_t index = 0; index < chunk->count; index++) {
		if (!scan->each(scan->arg, chunk->pairs[2 * index], chunk->pairs[2 * index + 1]))
			return false;
	}
	return chunk->count == SCAN_CHUNK_PAIRS;
}

static int memory_scan(struct kv *kv, const struct kv_scan *scan, struct err_note *why)
{
	struct kv_memory *memory = memory_of(kv);
	struct chunk *chunk = mem_alloc(sizeof(*chunk));
	struct bytes end;
	struct bytes shown;
	bool is_first = true;

	(void)why;
	bytes_init(&end);
	bytes_init(&shown);
	bytes_init(&chunk->data);
	(void)kv_prefix_end(scan->prefix, &end);
	do {
		pthread_mutex_lock(&memory->lock);
		fill(memory, scan,
		     is_first ? scan_start(memory, scan, &end)
			      : scan_go_on(memory, scan, bytes_slice(&shown)),
		     chunk);
		pthread_mutex_unlock(&memory->lock);
		is_first = false;
		bytes_clear(&shown);
		if (chunk->count > 0)
			bytes_append_slice(&shown, chunk->pairs[2 * (chunk->count - 1)]);
	} while (show(scan, chunk));
	bytes_deinit(&chunk->data);
	bytes_deinit(&shown);
	bytes_deinit(&end);
	mem_free(chunk);
	return 0;
}

static int memory_flush(struct kv *kv, struct err_note *why)
{
	(void)kv;
	(void)why;
	return 0;
}

static bool memory_has_room(struct kv *kv)
{
	(void)kv;
	return true;
}

static void memory_free(struct kv *kv)
{
	struct kv_memory *memory = memory_of(kv);
	struct node *node = memory->head;

	while (node) {
		struct node *next = node->next[0];

		node_free(node);
		node = next;
	}
	pthread_mutex_destroy(&memory->lock);
	mem_free(memory);
}

static const struct kv_ops memory_ops = {
	.get = memory_get,
	.write = memory_write,
	.scan = memory_scan,
	.flush = memory_flush,
	.idle = memory_flush,
	.has_room = memory_has_room,
	.free = memory_free,
};

struct kv *kv_memory_new(void)
{
	struct kv_memory *memory = mem_alloc(sizeof(*memory));

	kv_init(&memory->kv, &memory_ops);
	pthread_mutex_init(&memory->lock, NULL);
	memory->head = node_new((struct slice){"", 0}, LEVELS_MAX);
	memory->last = memory->head;
	memory->random = 0x9e3779b97f4a7c15u;
	return &memory->kv;
}
