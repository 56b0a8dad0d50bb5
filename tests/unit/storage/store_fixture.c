#include "store_fixture.h"

#include "core/base/err.h"

#include <criterion/criterion.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void store_fixture_begin(struct store_fixture *fixture)
{
	snprintf(fixture->directory, sizeof(fixture->directory), "/tmp/tocsin-store-XXXXXX");
	cr_assert_not_null(mkdtemp(fixture->directory));
	snprintf(fixture->path, sizeof(fixture->path), "%s/store", fixture->directory);
}

static int remove_one(const char *path, const struct stat *facts, int type, struct FTW *walk)
{
	(void)facts;
	(void)type;
	(void)walk;
	return remove(path);
}

void store_fixture_end(struct store_fixture *fixture)
{
	nftw(fixture->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

struct kv *store_fixture_open(const struct store_fixture *fixture, enum kv_sync sync)
{
	const struct kv_options options = {.sync = sync};
	struct err_note why = {""};
	struct kv *kv = NULL;

	cr_assert_eq(kv_rocksdb_open(&kv, fixture->path, &options, &why), 0, "%s", why.text);
	return kv;
}

int store_put(struct kv *kv, const char *key, const char *value)
{
	struct kv_batch *batch = kv_batch_new();
	int code;

	kv_batch_put(batch, slice_of(key), slice_of(value));
	code = kv_write(kv, batch, NULL);
	kv_batch_free(batch);
	return code;
}

char *store_get(struct kv *kv, const char *key)
{
	struct bytes value;

	bytes_init(&value);
	if (kv_get(kv, slice_of(key), &value, NULL) < 0) {
		bytes_deinit(&value);
		return NULL;
	}
	return bytes_take_text(&value);
}
