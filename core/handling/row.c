#include "core/handling/row.h"

#include "core/base/mem.h"
#include "core/base/utf8.h"
#include "storage/commit.h"
#include "storage/kv.h"

#include <inttypes.h>
#include <string.h>

void row_begin(struct bytes *row)
{
	bytes_append_char(row, '{');
}

void row_end(struct bytes *row)
{
	bytes_append_char(row, '}');
}

void row_key(struct bytes *row, const char *name)
{
	if (row->length > 0 && row->data[row->length - 1] != '{')
		bytes_append_char(row, ',');
	bytes_append_format(row, "\"%s\":", name);
}

void row_text(struct bytes *row, const char *name, const char *text)
{
	if (text == NULL)
		return;
	row_key(row, name);
	utf8_append_json(row, slice_of(text));
}

void row_int(struct bytes *row, const char *name, int64_t number)
{
	row_key(row, name);
	bytes_append_format(row, "%" PRId64, number);
}

void row_bool(struct bytes *row, const char *name, bool is_true)
{
	if (!is_true)
		return;
	row_key(row, name);
	bytes_append_text(row, "true");
}

void row_hex(struct bytes *row, const char *name, struct slice bytes)
{
	row_key(row, name);
	bytes_append_char(row, '"');
	for (size_t i = 0; i < bytes.length; i++)
		bytes_append_format(row, "%02x", (unsigned char)bytes.data[i]);
	bytes_append_char(row, '"');
}

void row_texts(struct bytes *row, const char *name, const char *const *texts, uint32_t count)
{
	row_key(row, name);
	bytes_append_char(row, '[');
	for (uint32_t i = 0; i < count; i++) {
		if (i > 0)
			bytes_append_char(row, ',');
		utf8_append_json(row, slice_of(texts[i]));
	}
	bytes_append_char(row, ']');
}

const char *row_get_text(const json_t *row, const char *name)
{
	return json_string_value(json_object_get(row, name));
}

char *row_take_text(const json_t *row, const char *name)
{
	return mem_copy_text(row_get_text(row, name));
}

int64_t row_get_int(const json_t *row, const char *name)
{
	return json_integer_value(json_object_get(row, name));
}

static int digit_of(char c)
{
	const char *digits = "0123456789abcdef";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

bool row_get_hex(const json_t *row, const char *name, struct bytes *out)
{
	const char *text = row_get_text(row, name);

	bytes_clear(out);
	for (; text != NULL && *text != '\0'; text += 2) {
		int high = digit_of(text[0]), low = high < 0 ? -1 : digit_of(text[1]);

		if (low < 0)
			return false;
		bytes_append_u8(out, (uint8_t)(high * 16 + low));
	}
	return text != NULL;
}

void row_put(struct commit *commit, const struct bytes *key, const struct bytes *content)
{
	struct bytes value = BYTES_EMPTY;

	keyspace_seal(&value, bytes_slice(content));
	kv_batch_put(commit_batch(commit), bytes_slice(key), bytes_slice(&value));
	bytes_deinit(&value);
}

void row_delete(struct commit *commit, const struct bytes *key)
{
	kv_batch_delete(commit_batch(commit), bytes_slice(key));
}
