/** outbox_fixture.h - a virtual loop, a store in memory, an inline commit, a state directory. */
#ifndef TOCSIN_TESTS_UNIT_CORE_OUTBOX_OUTBOX_FIXTURE_H
#define TOCSIN_TESTS_UNIT_CORE_OUTBOX_OUTBOX_FIXTURE_H

#include "core/config/config.h"
#include "core/outbox/outbox.h"

enum { FIXTURE_WALL_MS = 1527000000 };

struct outbox_fixture {
	char state_dir[64];
	struct loop *loop;
	struct kv *kv;
	struct commit *commit;
	struct http_client *client;
	struct outbox *outbox;
	struct config_output outputs[4];
	struct config config;
};

/** `is_live`: a real loop with an HTTP client, for webhooks. */
void fixture_begin(struct outbox_fixture *fixture, bool is_live);
void fixture_end(struct outbox_fixture *fixture);
void fixture_start(struct outbox_fixture *fixture);   /**< outbox_new(), not configured */
void fixture_restart(struct outbox_fixture *fixture); /**< frees it before, as after a crash */
void fixture_add_output(struct outbox_fixture *fixture, const char *name, enum output_kind kind,
			const char *text);
void fixture_configure(struct outbox_fixture *fixture);
/** Puts a row and makes it durable; the test fails when that fails. */
void fixture_put(struct outbox_fixture *fixture, const char *target, const char *id,
		 const char *body);
/** Turns of a virtual loop until nothing is due. */
void fixture_settle(struct outbox_fixture *fixture);
/** Runs a live loop until `is_done` says so; the test fails after 10 s. */
void fixture_run(struct outbox_fixture *fixture, bool (*is_done)(void *arg), void *arg);
/** How many keys the store has in a space. */
uint32_t fixture_count(const struct outbox_fixture *fixture, char space);
struct outbox_status fixture_status(const struct outbox_fixture *fixture, const char *target);

/** Files in the state directory. The text is owned; "" when there is no file. */
char *fixture_read(const struct outbox_fixture *fixture, const char *name);
void fixture_write(const struct outbox_fixture *fixture, const char *name, const char *text);
void fixture_expect_file(const struct outbox_fixture *fixture, const char *name,
			 const char *expected);

#endif
