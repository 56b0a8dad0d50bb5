#include "storage/script_store.h"

#include "core/base/err.h"
#include "core/base/key_table.h"
#include "core/base/mem.h"
#include "storage/commit.h"
#include "storage/keyspace.h"
#include "storage/kv.h"

struct script_store {
	struct kv *kv;
	struct commit *commit;
	struct key_table hashes; /**< stored, or in a batch on its way */
	struct key_table needed; /**< named since sweep_begin */
};

static void make_key(struct bytes *key, struct slice hash)
{
	key_begin(key, KEYSPACE_SCRIPT);
	key_add_bytes(key, hash);
}

static bool add_stored(void *arg, struct slice key, struct slice value)
{
	struct script_store *store = arg;
	bool is_new;
	(void)value;
	key_table_put(&store->hashes, (struct slice){key.data + 1, key.length - 1}, &is_new);
	return true;
}

int script_store_new(struct script_store **out, struct kv *kv, struct commit *commit,
		     struct err_note *why)
{
	struct script_store *store = mem_alloc(sizeof(*store));
	struct bytes prefix = BYTES_EMPTY;
	store->kv = kv;
	store->commit = commit;
	/* The keys are hashes already: nobody can choose colliding ones by the seed. */
	key_table_init(&store->hashes, 0);
	key_table_init(&store->needed, 0);
	key_begin(&prefix, KEYSPACE_SCRIPT);
	int code = kv_scan(kv, bytes_slice(&prefix), false, add_stored, store, why);
	bytes_deinit(&prefix);
	if (code != 0) {
		script_store_free(store);
		return code;
	}
	*out = store;
	return 0;
}

void script_store_free(struct script_store *store)
{
	if (store == NULL)
		return;
	key_table_deinit(&store->hashes);
	key_table_deinit(&store->needed);
	mem_free(store);
}

void script_store_put(struct script_store *store, const char *hash, const char *source)
{
	struct bytes key = BYTES_EMPTY, value = BYTES_EMPTY;
	bool is_new;
	key_table_put(&store->hashes, slice_of(hash), &is_new);
	if (!is_new)
		return;
	make_key(&key, slice_of(hash));
	keyspace_seal(&value, slice_of(source));
	kv_batch_put(commit_batch(store->commit), bytes_slice(&key), bytes_slice(&value));
	bytes_deinit(&key);
	bytes_deinit(&value);
}

int script_store_get(const struct script_store *store, const char *hash, char **out,
		     struct err_note *why)
{
	struct bytes key = BYTES_EMPTY, value = BYTES_EMPTY;
	struct slice source;
	make_key(&key, slice_of(hash));
	int code = kv_get(store->kv, bytes_slice(&key), &value, why);
	if (code == 0)
		code = keyspace_unseal(bytes_slice(&value), &source, why);
	if (code == 0)
		*out = mem_copy_bytes(source.data, source.length);
	bytes_deinit(&key);
	bytes_deinit(&value);
	return code;
}

void script_store_sweep_begin(struct script_store *store)
{
	key_table_clear(&store->needed);
}

void script_store_need(struct script_store *store, const char *hash)
{
	bool is_new;
	key_table_put(&store->needed, slice_of(hash), &is_new);
}

uint32_t script_store_sweep_end(struct script_store *store)
{
	struct key_table kept;
	struct bytes key = BYTES_EMPTY;
	uint32_t deleted = 0;
	bool is_new;
	key_table_init(&kept, 0);
	for (uint32_t id = 0; id < store->hashes.count; id++) {
		struct slice hash = key_table_key(&store->hashes, id);
		if (key_table_find(&store->needed, hash) != KEY_TABLE_NONE) {
			key_table_put(&kept, hash, &is_new);
			continue;
		}
		make_key(&key, hash);
		kv_batch_delete(commit_batch(store->commit), bytes_slice(&key));
		deleted++;
	}
	key_table_deinit(&store->hashes);
	store->hashes = kept;
	key_table_clear(&store->needed);
	bytes_deinit(&key);
	return deleted;
}
