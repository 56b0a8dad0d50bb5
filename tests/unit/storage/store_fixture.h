/** store_fixture.h - a directory for one test, and stores in it. */
#ifndef TOCSIN_TESTS_UNIT_STORAGE_STORE_FIXTURE_H
#define TOCSIN_TESTS_UNIT_STORAGE_STORE_FIXTURE_H

#include "storage/kv.h"

struct store_fixture {
	char directory[64]; /**< removed with its content by store_fixture_end() */
	char path[96];      /**< of the store in it */
};

void store_fixture_begin(struct store_fixture *fixture);
void store_fixture_end(struct store_fixture *fixture);
/** Opens with the policy; the test fails when that fails. */
struct kv *store_fixture_open(const struct store_fixture *fixture, enum kv_sync sync);

/** One pair in a batch of its own. 0 or the error. */
int store_put(struct kv *kv, const char *key, const char *value);
/** The value as an owned text, or NULL when there is none. */
char *store_get(struct kv *kv, const char *key);

#endif
