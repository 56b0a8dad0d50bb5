#include "storage/sealed.h"

#include <criterion/criterion.h>

#include "core/base/err.h"
#include "storage/keyspace.h"
#include "storage/kv.h"

static void put(struct kv *kv, const char *key, const char *content, bool is_damaged)
{
	struct kv_batch *batch = kv_batch_new();
	struct bytes value = BYTES_EMPTY;

	keyspace_seal(&value, slice_of(content));
	if (is_damaged)
		value.data[value.length - 1] ^= 1;
	kv_batch_put(batch, slice_of(key), bytes_slice(&value));
	cr_assert_eq(kv_write(kv, batch, NULL), 0);
	bytes_deinit(&value);
	kv_batch_free(batch);
}

static void join(void *arg, struct slice content)
{
	bytes_append_slice(arg, content);
	bytes_append_char(arg, ';');
}

Test(sealed, contents_of_one_prefix_come_in_the_order_of_their_keys)
{
	struct kv *kv = kv_memory_new();
	struct bytes seen = BYTES_EMPTY;

	put(kv, "b2", "two", false);
	put(kv, "b1", "one", false);
	put(kv, "a1", "before", false);
	put(kv, "c1", "after", false);
	cr_expect_eq(sealed_each(kv, SLICE_LITERAL("b"), join, &seen, NULL), 0);
	cr_expect_str_eq(seen.data, "one;two;");
	bytes_clear(&seen);
	cr_expect_eq(sealed_each(kv, SLICE_LITERAL("x"), join, &seen, NULL), 0);
	cr_expect_eq(seen.length, 0);
	bytes_deinit(&seen);
	kv_free(kv);
}

Test(sealed, a_damaged_value_ends_the_walk)
{
	struct kv *kv = kv_memory_new();
	struct bytes seen = BYTES_EMPTY;
	struct err_note why = {""};

	put(kv, "b1", "one", false);
	put(kv, "b2", "two", true);
	put(kv, "b3", "three", false);
	cr_expect_eq(sealed_each(kv, SLICE_LITERAL("b"), join, &seen, &why), ERR_CORRUPT);
	cr_expect_str_eq(seen.data, "one;");
	cr_expect_str_not_empty(why.text);
	bytes_deinit(&seen);
	kv_free(kv);
}
