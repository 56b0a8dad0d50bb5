#include "storage/kv.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "store_fixture.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Both backends must pass every check: the engine runs on one live and on the other in replay. */
struct backend {
	const char *name;
	bool is_rocksdb;
};

static const struct backend backends[] = {{"memory", false}, {"rocksdb", true}};

static void with_each_backend(void (*check)(struct kv *kv, const char *name))
{
	for (size_t index = 0; index < sizeof(backends) / sizeof(backends[0]); index++) {
		struct store_fixture fixture;
		struct kv *kv;

		store_fixture_begin(&fixture);
		kv = backends[index].is_rocksdb ? store_fixture_open(&fixture, KV_SYNC_OS)
						: kv_memory_new();
		check(kv, backends[index].name);
		kv_free(kv);
		store_fixture_end(&fixture);
	}
}

static void expect_value(struct kv *kv, const char *name, const char *key, const char *expected)
{
	char *value = store_get(kv, key);

	if (!expected)
		cr_expect_null(value, "%s: %s", name, key);
	else
		cr_expect(value && strcmp(value, expected) == 0, "%s: %s is %s, not %s", name, key,
			  value ? value : "absent", expected);
	mem_free(value);
}

/* "key=value key=value ", stopped after `left` pairs. */
struct listing {
	struct bytes text;
	uint32_t left;
};

static bool list_pair(void *arg, struct slice key, struct slice value)
{
	struct listing *listing = arg;

	bytes_append_slice(&listing->text, key);
	bytes_append_char(&listing->text, '=');
	bytes_append_slice(&listing->text, value);
	bytes_append_char(&listing->text, ' ');
	return --listing->left > 0;
}

static void expect_scan(struct kv *kv, const char *name, const char *prefix, bool is_backward,
			uint32_t pairs_max, const char *expected)
{
	struct listing listing = {BYTES_EMPTY, pairs_max};
	char *text;

	cr_assert_eq(kv_scan(kv, slice_of(prefix), is_backward, list_pair, &listing, NULL), 0);
	text = bytes_take_text(&listing.text);
	cr_expect_str_eq(text, expected, "%s: prefix \"%s\" gives \"%s\", not \"%s\"", name, prefix,
			 text, expected);
	mem_free(text);
}

static void check_values(struct kv *kv, const char *name)
{
	struct kv_batch *batch = kv_batch_new();
	struct bytes value;

	cr_expect_eq(kv_get(kv, SLICE_LITERAL("a"), NULL, NULL), ERR_NOT_FOUND, "%s", name);
	cr_expect_eq(kv_write(kv, batch, NULL), 0, "%s: an empty batch", name);
	store_put(kv, "a", "1");
	store_put(kv, "a", "2");
	store_put(kv, "empty", "");
	kv_batch_put(batch, (struct slice){"k\0\xff", 3}, (struct slice){"v\0w", 3});
	cr_assert_eq(kv_write(kv, batch, NULL), 0);
	expect_value(kv, name, "a", "2");
	expect_value(kv, name, "empty", "");
	expect_value(kv, name, "k", NULL);
	bytes_init(&value);
	bytes_append_text(&value, "kept:");
	cr_assert_eq(kv_get(kv, (struct slice){"k\0\xff", 3}, &value, NULL), 0);
	cr_expect(slice_equal(bytes_slice(&value), (struct slice){"kept:v\0w", 8}), "%s", name);
	bytes_deinit(&value);
	kv_batch_free(batch);
	cr_expect_eq(kv_flush(kv, NULL), 0, "%s", name);
}

Test(kv, keeps_values_of_any_bytes)
{
	with_each_backend(check_values);
}

static void check_batch(struct kv *kv, const char *name)
{
	struct kv_batch *batch = kv_batch_new();

	store_put(kv, "b", "old");
	store_put(kv, "d", "old");
	kv_batch_put(batch, SLICE_LITERAL("a"), SLICE_LITERAL("1"));
	kv_batch_delete(batch, SLICE_LITERAL("b"));
	kv_batch_delete(batch, SLICE_LITERAL("never there"));
	kv_batch_put(batch, SLICE_LITERAL("c"), SLICE_LITERAL("1"));
	kv_batch_delete(batch, SLICE_LITERAL("c"));
	kv_batch_delete(batch, SLICE_LITERAL("d"));
	kv_batch_put(batch, SLICE_LITERAL("d"), SLICE_LITERAL("new"));
	cr_expect_eq(kv_batch_count(batch), 7);
	cr_expect_eq(kv_batch_bytes(batch), 2 + 1 + 11 + 2 + 1 + 1 + 4);
	cr_assert_eq(kv_write(kv, batch, NULL), 0);
	expect_scan(kv, name, "", false, 100, "a=1 d=new ");
	kv_batch_clear(batch);
	cr_expect_eq(kv_batch_count(batch), 0);
	cr_expect_eq(kv_batch_bytes(batch), 0);
	kv_batch_free(batch);
}

Test(kv, applies_a_batch_in_its_order)
{
	with_each_backend(check_batch);
}

static void check_scan(struct kv *kv, const char *name)
{
	expect_scan(kv, name, "", false, 100, "");
	expect_scan(kv, name, "", true, 100, "");
	store_put(kv, "o", "0");
	store_put(kv, "ob", "2");
	store_put(kv, "oa", "1");
	store_put(kv, "p", "3");
	store_put(kv, "\xff", "4");
	store_put(kv, "\xff\xff", "5");
	expect_scan(kv, name, "o", false, 100, "o=0 oa=1 ob=2 ");
	expect_scan(kv, name, "o", true, 100, "ob=2 oa=1 o=0 ");
	expect_scan(kv, name, "o", true, 1, "ob=2 ");
	expect_scan(kv, name, "o", false, 2, "o=0 oa=1 ");
	expect_scan(kv, name, "p", true, 100, "p=3 ");
	expect_scan(kv, name, "a", false, 100, "");
	expect_scan(kv, name, "a", true, 100, "");
	expect_scan(kv, name, "oc", true, 100, "");
	expect_scan(kv, name, "\xff", false, 100, "\xff=4 \xff\xff=5 ");
	expect_scan(kv, name, "\xff", true, 100, "\xff\xff=5 \xff=4 ");
	expect_scan(kv, name, "", true, 3, "\xff\xff=5 \xff=4 p=3 ");
}

Test(kv, scans_a_prefix_in_both_directions)
{
	with_each_backend(check_scan);
}

static void check_range(struct kv *kv, const char *name)
{
	struct kv_batch *batch = kv_batch_new();

	store_put(kv, "a", "1");
	store_put(kv, "b", "2");
	store_put(kv, "ba", "3");
	store_put(kv, "c", "4");
	kv_batch_delete_range(batch, SLICE_LITERAL("b"), SLICE_LITERAL("c"));
	kv_batch_delete_range(batch, SLICE_LITERAL("a"), SLICE_LITERAL("a"));
	kv_batch_delete_range(batch, SLICE_LITERAL("z"), SLICE_LITERAL("a"));
	kv_batch_put(batch, SLICE_LITERAL("bz"), SLICE_LITERAL("5"));
	cr_assert_eq(kv_write(kv, batch, NULL), 0, "%s", name);
	expect_scan(kv, name, "", false, 100, "a=1 bz=5 c=4 ");
	expect_scan(kv, name, "", true, 100, "c=4 bz=5 a=1 ");
	kv_batch_free(batch);
}

Test(kv, deletes_a_range_without_its_end)
{
	with_each_backend(check_range);
}

struct eraser {
	struct kv *kv;
	uint32_t count;
};

static bool erase_pair(void *arg, struct slice key, struct slice value)
{
	struct eraser *eraser = arg;
	struct kv_batch *batch = kv_batch_new();

	(void)value;
	kv_batch_delete(batch, key);
	cr_assert_eq(kv_write(eraser->kv, batch, NULL), 0);
	kv_batch_free(batch);
	eraser->count++;
	return true;
}

static void check_writing_scan(struct kv *kv, const char *name)
{
	for (int direction = 0; direction < 2; direction++) {
		struct eraser eraser = {kv, 0};

		for (int number = 0; number < 200; number++) {
			char key[16];

			snprintf(key, sizeof(key), "k%03d", number);
			store_put(kv, key, "v");
		}
		cr_assert_eq(
			kv_scan(kv, SLICE_LITERAL("k"), direction == 1, erase_pair, &eraser, NULL),
			0);
		cr_expect_eq(eraser.count, 200, "%s: %u pairs", name, eraser.count);
		expect_scan(kv, name, "", false, 100, "");
	}
}

Test(kv, lets_a_scan_write_to_the_store)
{
	with_each_backend(check_writing_scan);
}

/* The model is an array of 1,000 slots: the key is the slot's number in a fixed width. */
enum { MODEL_SLOTS = 1000, MODEL_BATCHES = 120, MODEL_OPS_MAX = 30 };

static void model_key(unsigned slot, char out[8])
{
	snprintf(out, 8, "m%04u", slot);
}

struct model_walk {
	const unsigned *model;
	unsigned slot; /* the next one that has a value */
	uint32_t wrong_count;
};

static unsigned model_next(const unsigned *model, unsigned slot)
{
	while (slot < MODEL_SLOTS && model[slot] == 0)
		slot++;
	return slot;
}

static bool model_compare(void *arg, struct slice key, struct slice value)
{
	struct model_walk *walk = arg;
	char expected_key[8];
	char expected_value[16];

	model_key(walk->slot, expected_key);
	snprintf(expected_value, sizeof(expected_value), "%u",
		 walk->slot < MODEL_SLOTS ? walk->model[walk->slot] : 0);
	if (!slice_equal(key, slice_of(expected_key)) ||
	    !slice_equal(value, slice_of(expected_value)))
		walk->wrong_count++;
	walk->slot = model_next(walk->model, walk->slot + 1);
	return true;
}

static void model_step(unsigned *model, struct kv_batch *batch, unsigned *seed)
{
	unsigned from = (unsigned)rand_r(seed) % MODEL_SLOTS;
	unsigned number = (unsigned)rand_r(seed) + 1u;
	unsigned to = from + number % 20;
	char key[8];
	char value[16];

	model_key(from, key);
	if (number % 10 < 6) {
		snprintf(value, sizeof(value), "%u", number);
		kv_batch_put(batch, slice_of(key), slice_of(value));
		model[from] = number;
	} else if (number % 10 < 9) {
		kv_batch_delete(batch, slice_of(key));
		model[from] = 0;
	} else {
		model_key(to, value);
		kv_batch_delete_range(batch, slice_of(key), slice_of(value));
		for (unsigned slot = from; slot < to && slot < MODEL_SLOTS; slot++)
			model[slot] = 0;
	}
}

static void check_model(struct kv *kv, const char *name)
{
	unsigned model[MODEL_SLOTS] = {0};
	unsigned seed = 7;
	struct kv_batch *batch = kv_batch_new();
	struct model_walk walk = {.model = model};

	for (int round = 0; round < MODEL_BATCHES; round++) {
		kv_batch_clear(batch);
		for (int op = 1 + rand_r(&seed) % MODEL_OPS_MAX; op > 0; op--)
			model_step(model, batch, &seed);
		cr_assert_eq(kv_write(kv, batch, NULL), 0);
	}
	walk.slot = model_next(model, 0);
	cr_assert_eq(kv_scan(kv, SLICE_LITERAL("m"), false, model_compare, &walk, NULL), 0);
	cr_expect_eq(walk.wrong_count, 0, "%s: %u pairs differ", name, walk.wrong_count);
	cr_expect_eq(walk.slot, MODEL_SLOTS, "%s: pairs are missing", name);
	kv_batch_free(batch);
}

Test(kv, agrees_with_an_array_after_random_batches)
{
	with_each_backend(check_model);
}

Test(kv, memory_stays_quick_with_100000_keys)
{
	struct kv *kv = kv_memory_new();
	struct kv_batch *batch = kv_batch_new();
	struct listing listing = {BYTES_EMPTY, 2};

	for (unsigned number = 0; number < 100000; number++) {
		char key[16];

		/* 7,919 is prime to 100,000, so every key comes once and out of order. */
		snprintf(key, sizeof(key), "%05u", number * 7919u % 100000u);
		kv_batch_put(batch, slice_of(key), SLICE_LITERAL("v"));
	}
	cr_assert_eq(kv_write(kv, batch, NULL), 0);
	cr_assert_eq(kv_scan(kv, SLICE_LITERAL("9999"), true, list_pair, &listing, NULL), 0);
	cr_expect_str_eq(listing.text.data, "99999=v 99998=v ");
	bytes_deinit(&listing.text);
	kv_batch_free(batch);
	kv_free(kv);
}
