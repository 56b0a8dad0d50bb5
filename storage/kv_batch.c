#include "storage/kv.h"

#include "core/base/mem.h"
#include "core/base/require.h"
#include "storage/kv_backend.h"

/* Operations in order, each: type (1), key length (4, big-endian), value length (4), key, value.
 * One buffer, so a batch that is cleared and filled again allocates nothing, and any backend can
 * read it. */
struct kv_batch {
	struct bytes data;
	uint32_t count;
	uint64_t payload_bytes;
};

struct kv_batch *kv_batch_new(void)
{
	struct kv_batch *batch = mem_alloc(sizeof(*batch));

	bytes_init(&batch->data);
	return batch;
}

void kv_batch_free(struct kv_batch *batch)
{
	if (!batch)
		return;
	bytes_deinit(&batch->data);
	mem_free(batch);
}

void kv_batch_clear(struct kv_batch *batch)
{
	bytes_clear(&batch->data);
	batch->count = 0;
	batch->payload_bytes = 0;
}

static void add(struct kv_batch *batch, enum kv_op_type type, struct slice key, struct slice value)
{
	REQUIRE(key.length <= UINT32_MAX && value.length <= UINT32_MAX);
	bytes_append_u8(&batch->data, (uint8_t)type);
	bytes_append_be32(&batch->data, (uint32_t)key.length);
	bytes_append_be32(&batch->data, (uint32_t)value.length);
	bytes_append_slice(&batch->data, key);
	bytes_append_slice(&batch->data, value);
	batch->count++;
	batch->payload_bytes += key.length + value.length;
}

void kv_batch_put(struct kv_batch *batch, struct slice key, struct slice value)
{
	add(batch, KV_OP_PUT, key, value);
}

void kv_batch_delete(struct kv_batch *batch, struct slice key)
{
	add(batch, KV_OP_DELETE, key, (struct slice){"", 0});
}

void kv_batch_delete_range(struct kv_batch *batch, struct slice from, struct slice to)
{
	/* RocksDB fails the whole batch on a range whose ends are swapped; an empty one deletes
	 * nothing. */
	if (slice_compare(from, to) < 0)
		add(batch, KV_OP_DELETE_RANGE, from, to);
}

uint32_t kv_batch_count(const struct kv_batch *batch)
{
	return batch->count;
}

uint64_t kv_batch_bytes(const struct kv_batch *batch)
{
	return batch->payload_bytes;
}

bool kv_batch_next(const struct kv_batch *batch, size_t *offset, struct kv_op *out)
{
	struct slice all = bytes_slice(&batch->data);
	struct byte_reader reader;
	size_t key_length;
	size_t value_length;

	if (*offset >= all.length)
		return false;
	reader = byte_reader_of((struct slice){all.data + *offset, all.length - *offset});
	out->type = (enum kv_op_type)byte_reader_u8(&reader);
	key_length = byte_reader_be32(&reader);
	value_length = byte_reader_be32(&reader);
	out->key = byte_reader_bytes(&reader, key_length);
	out->value = byte_reader_bytes(&reader, value_length);
	REQUIRE(!reader.has_failed);
	*offset = all.length - reader.left;
	return true;
}
