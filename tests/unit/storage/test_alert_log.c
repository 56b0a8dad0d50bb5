#include "storage/alert_log.h"

#include "core/base/err.h"
#include "storage/keyspace.h"
#include "storage/kv.h"
#include "store_fixture.h"

#include <criterion/criterion.h>

static void write_batch(struct kv *kv, struct kv_batch *batch)
{
	cr_assert_eq(kv_write(kv, batch, NULL), 0);
	kv_batch_clear(batch);
}

static bool add_id(void *arg, struct slice key, struct slice value)
{
	struct slice document;
	cr_expect_eq(keyspace_unseal(value, &document, NULL), 0);
	bytes_append(arg, key.data + 9, key.length - 9);
	bytes_append_slice(arg, document);
	bytes_append_char(arg, ' ');
	return true;
}

static void expect_log(struct kv *kv, const char *expected)
{
	struct bytes text = BYTES_EMPTY;
	cr_assert_eq(kv_scan(kv, SLICE_LITERAL("l"), false, add_id, &text, NULL), 0);
	char *list = bytes_take_text(&text);
	cr_expect_str_eq(list, expected);
	free(list);
}

static bool trim(struct kv *kv, struct kv_batch *batch, int64_t before_ms)
{
	bool has_old = false;
	cr_assert_eq(alert_log_trim(kv, batch, before_ms, &has_old, NULL), 0);
	write_batch(kv, batch);
	return has_old;
}

Test(alert_log, rows_older_than_the_bound_go_and_nothing_else)
{
	struct kv *kv = kv_memory_new();
	struct kv_batch *batch = kv_batch_new();
	cr_assert_eq(store_put(kv, "k", "before"), 0);
	cr_assert_eq(store_put(kv, "m", "behind"), 0);
	alert_log_put(batch, 1000, "a", SLICE_LITERAL("{}"));
	alert_log_put(batch, 1999, "b", SLICE_LITERAL("{}"));
	alert_log_put(batch, 2000, "c", SLICE_LITERAL("{}"));
	alert_log_put(batch, 2001, "d", SLICE_LITERAL("{}"));
	write_batch(kv, batch);
	expect_log(kv, "a{} b{} c{} d{} ");
	cr_expect(trim(kv, batch, 2000));
	expect_log(kv, "c{} d{} ");
	char *before = store_get(kv, "k"), *behind = store_get(kv, "m");
	cr_expect_str_eq(before, "before");
	cr_expect_str_eq(behind, "behind");
	free(before);
	free(behind);
	kv_batch_free(batch);
	kv_free(kv);
}

Test(alert_log, nothing_is_written_when_nothing_is_old)
{
	struct kv *kv = kv_memory_new();
	struct kv_batch *batch = kv_batch_new();
	bool has_old = true;
	cr_expect_eq(alert_log_trim(kv, batch, 5000, &has_old, NULL), 0);
	cr_expect_not(has_old);
	alert_log_put(batch, 5000, "a", SLICE_LITERAL("{}"));
	write_batch(kv, batch);
	cr_expect_eq(alert_log_trim(kv, batch, 5000, &has_old, NULL), 0);
	cr_expect_not(has_old);
	/* A clock before the time that is kept: everything is younger. */
	cr_expect_eq(alert_log_trim(kv, batch, -1, &has_old, NULL), 0);
	cr_expect_not(has_old);
	cr_expect_eq(kv_batch_count(batch), 0);
	kv_batch_free(batch);
	kv_free(kv);
}
