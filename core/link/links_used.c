#include "core/link/link.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "storage/commit.h"
#include "storage/keyspace.h"
#include "storage/kv.h"

#include <string.h>

struct used_link {
	unsigned char id[LINK_ID_BYTES];
	int64_t expires_ms;
};

struct links {
	struct kv *kv;
	struct commit *commit;
	struct used_link *used; /* in no order: there are few */
	uint32_t count, capacity;
};

static void make_key(const unsigned char id[LINK_ID_BYTES], struct bytes *key)
{
	key_begin(key, KEYSPACE_LINK);
	key_add_bytes(key, (struct slice){(const char *)id, LINK_ID_BYTES});
}

static void add(struct links *links, const unsigned char *id, int64_t expires_ms)
{
	struct used_link *link;

	if (links->count == links->capacity) {
		links->capacity = links->capacity > 0 ? 2 * links->capacity : 16;
		links->used = mem_grow(links->used, links->capacity, sizeof(*links->used));
	}
	link = &links->used[links->count++];
	memcpy(link->id, id, LINK_ID_BYTES);
	link->expires_ms = expires_ms;
}

static void forget(struct links *links, uint32_t at)
{
	struct bytes key = BYTES_EMPTY;

	make_key(links->used[at].id, &key);
	kv_batch_delete(commit_batch(links->commit), bytes_slice(&key));
	bytes_deinit(&key);
	links->used[at] = links->used[--links->count];
}

struct loading {
	struct links *links;
	struct err_note *why;
	int code;
};

static bool load(void *arg, struct slice key, struct slice value)
{
	struct loading *loading = arg;
	struct byte_reader id = key_read(key), content;
	struct slice text, bytes = byte_reader_bytes(&id, LINK_ID_BYTES);

	loading->code = keyspace_unseal(value, &text, loading->why);
	if (loading->code != 0)
		return false;
	content = byte_reader_of(text);
	if (!id.has_failed)
		add(loading->links, (const unsigned char *)bytes.data,
		    (int64_t)byte_reader_be64(&content));
	return true;
}

int links_new(struct links **out, struct kv *kv, struct commit *commit, struct err_note *why)
{
	struct links *links = mem_alloc(sizeof(*links));
	struct loading loading = {.links = links, .why = why};
	char prefix[] = {KEYSPACE_LINK};
	int code;

	links->kv = kv;
	links->commit = commit;
	code = kv_scan(kv, (struct slice){prefix, 1}, false, load, &loading, why);
	if (code == 0)
		code = loading.code;
	if (code != 0) {
		links_free(links);
		return code;
	}
	*out = links;
	return 0;
}

void links_free(struct links *links)
{
	if (links == NULL)
		return;
	mem_free(links->used);
	mem_free(links);
}

bool links_is_used(const struct links *links, const unsigned char id[LINK_ID_BYTES])
{
	for (uint32_t i = 0; i < links->count; i++)
		if (memcmp(links->used[i].id, id, LINK_ID_BYTES) == 0)
			return true;
	return false;
}

static void make_room(struct links *links, int64_t now_ms)
{
	uint32_t first = 0;

	for (uint32_t i = links->count; i > 0; i--)
		if (links->used[i - 1].expires_ms <= now_ms)
			forget(links, i - 1);
	if (links->count < LINKS_USED_MAX)
		return;
	for (uint32_t i = 1; i < links->count; i++)
		if (links->used[i].expires_ms < links->used[first].expires_ms)
			first = i;
	forget(links, first);
}

void links_use(struct links *links, const struct link_read *read, int64_t now_ms)
{
	struct bytes key = BYTES_EMPTY, text = BYTES_EMPTY, value = BYTES_EMPTY;

	make_room(links, now_ms);
	add(links, read->id, read->expires_ms);
	make_key(read->id, &key);
	bytes_append_be64(&text, (uint64_t)read->expires_ms);
	keyspace_seal(&value, bytes_slice(&text));
	kv_batch_put(commit_batch(links->commit), bytes_slice(&key), bytes_slice(&value));
	bytes_deinit(&key);
	bytes_deinit(&text);
	bytes_deinit(&value);
}

uint32_t links_used_count(const struct links *links)
{
	return links->count;
}
