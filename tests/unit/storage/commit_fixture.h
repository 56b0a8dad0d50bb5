/** commit_fixture.h - a commit over a store whose writes can be held back and made to fail. */
#ifndef TOCSIN_TESTS_UNIT_STORAGE_COMMIT_FIXTURE_H
#define TOCSIN_TESTS_UNIT_STORAGE_COMMIT_FIXTURE_H

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "storage/commit.h"
#include "storage/kv_backend.h"

#include <pthread.h>
#include <semaphore.h>

/* A memory store whose writes can be held back and made to fail. */
struct gate_store {
	struct kv kv;
	struct kv *inner;
	sem_t may_write;
	sem_t has_idled;
	pthread_t loop;
	bool was_on_loop; /* the last write */
	bool is_idle_broken;
	bool is_gated;
	bool holds_settle;
	int writes_left; /* then failure; negative: never fails */
};

/* One commit over a gate store, and what happened to it. */
struct bench {
	struct gate_store store;
	struct commit *commit;
	struct bytes events;
	sem_t woken;
	int failure_count;
	char failure[ERR_NOTE_BYTES_MAX];
};

/* A callback that writes its letter, and does more when asked. */
struct note {
	struct bench *bench;
	char letter;
	bool adds_and_kicks;
	struct note *next;
};

void bench_begin(struct bench *bench, bool is_threaded);
void bench_begin_with(struct bench *bench, struct commit_options options);
void bench_end(struct bench *bench);
void bench_put(struct bench *bench, const char *key);
bool bench_has(struct bench *bench, const char *key);
void bench_on_durable(void *arg);
const char *bench_events(const struct bench *bench);

#endif
