#include "core/outbox/outbox_internal.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "storage/commit.h"
#include "storage/keyspace.h"
#include "storage/kv.h"

#include <jansson.h>

/* {"id": …, "at": ms, "body": "…"}; a dead letter has "error" too. The body is kept as text,
 * not as a value: what is sent must be the same bytes each time, and numbers must not pass
 * through a double. */

static int append_chunk(const char *data, size_t length, void *arg)
{
	bytes_append(arg, data, length);
	return 0;
}

int outbox_record_encode(struct bytes *out, const char *id, struct slice body, int64_t created_ms,
			 const char *error, struct err_note *why)
{
	json_t *record = json_object();
	struct bytes text;
	int code = 0;

	bytes_init(&text);
	if (json_object_set_new(record, "id", json_string(id)) != 0 ||
	    json_object_set_new(record, "at", json_integer(created_ms)) != 0 ||
	    json_object_set_new(record, "body", json_stringn(body.data, body.length)) != 0)
		code = err_set(why, ERR_INVALID, "The row \"%.64s\" is not valid UTF-8.", id);
	/* The text of a failure comes from anywhere; one that is not UTF-8 is left out. */
	if (code == 0 && error)
		(void)json_object_set_new(record, "error", json_string(error));
	if (code == 0 && json_dump_callback(record, append_chunk, &text, JSON_COMPACT) != 0)
		code = err_set(why, ERR_INVALID, "The row \"%.64s\" cannot be written as JSON.",
			       id);
	if (code == 0)
		keyspace_seal(out, bytes_slice(&text));
	bytes_deinit(&text);
	json_decref(record);
	return code;
}

int outbox_record_decode(struct slice value, struct outbox_record *out, struct err_note *why)
{
	struct slice content;
	json_t *record;
	const json_t *id;
	const json_t *body;
	int code = keyspace_unseal(value, &content, why);

	if (code < 0)
		return code;
	record = json_loadb(content.data, content.length, 0, NULL);
	id = json_object_get(record, "id");
	body = json_object_get(record, "body");
	if (json_is_string(id) && json_is_string(body)) {
		out->id = mem_copy_text(json_string_value(id));
		out->body_length = json_string_length(body);
		out->body = mem_copy_bytes(json_string_value(body), out->body_length);
		out->created_ms = json_integer_value(json_object_get(record, "at"));
	} else {
		code = err_set(why, ERR_CORRUPT, "A stored row has no id or no body.");
	}
	json_decref(record);
	return code;
}

void outbox_record_deinit(struct outbox_record *record)
{
	mem_free(record->id);
	mem_free(record->body);
	*record = (struct outbox_record){0};
}

static void make_key(const char *name, enum keyspace space, uint64_t sequence, struct bytes *key)
{
	key_begin(key, space);
	key_add_text(key, name);
	key_add_u64(key, sequence);
}

void outbox_row_delete(const struct outbox_options *options, const char *name, enum keyspace space,
		       uint64_t sequence)
{
	struct bytes key = BYTES_EMPTY;

	make_key(name, space, sequence, &key);
	kv_batch_delete(commit_batch(options->commit), bytes_slice(&key));
	bytes_deinit(&key);
}

int outbox_row_write(const struct outbox_options *options, const char *name, enum keyspace space,
		     uint64_t sequence, const char *id, struct slice body, int64_t created_ms,
		     const char *error, struct err_note *why)
{
	struct bytes key = BYTES_EMPTY, value = BYTES_EMPTY;
	int code;

	make_key(name, space, sequence, &key);
	code = outbox_record_encode(&value, id, body, created_ms, error, why);
	if (code == 0)
		kv_batch_put(commit_batch(options->commit), bytes_slice(&key), bytes_slice(&value));
	bytes_deinit(&key);
	bytes_deinit(&value);
	return code;
}

int outbox_row_read(const struct outbox_options *options, const char *name, uint64_t sequence,
		    struct outbox_record *out, struct err_note *why)
{
	struct bytes key = BYTES_EMPTY, value = BYTES_EMPTY;
	int code;

	make_key(name, KEYSPACE_OUTBOX, sequence, &key);
	code = kv_get(options->kv, bytes_slice(&key), &value, why);
	if (code == 0)
		code = outbox_record_decode(bytes_slice(&value), out, why);
	bytes_deinit(&key);
	bytes_deinit(&value);
	return code;
}
