#include "outbox_fixture.h"

#include "core/base/env.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/loop/http_client.h"
#include "core/loop/loop.h"
#include "storage/commit.h"
#include "storage/kv.h"

#include <criterion/criterion.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fixture_begin(struct outbox_fixture *fixture, bool is_live)
{
	const struct commit_options options = {0};

	memset(fixture, 0, sizeof(*fixture));
	snprintf(fixture->state_dir, sizeof(fixture->state_dir), "/tmp/tocsin-outbox-XXXXXX");
	cr_assert_not_null(mkdtemp(fixture->state_dir));
	if (is_live) {
		cr_assert_eq(loop_live_new(&fixture->loop, env_live(), NULL), 0);
		cr_assert_eq(http_client_new(&fixture->client, fixture->loop, NULL), 0);
	} else {
		fixture->loop = loop_virtual_new(FIXTURE_WALL_MS);
	}
	fixture->kv = kv_memory_new();
	cr_assert_eq(commit_new(&fixture->commit, fixture->kv, &options, NULL), 0);
	fixture->config.outputs = fixture->outputs;
}

static int remove_one(const char *path, const struct stat *facts, int type, struct FTW *walk)
{
	(void)facts;
	(void)type;
	(void)walk;
	return remove(path);
}

void fixture_end(struct outbox_fixture *fixture)
{
	outbox_free(fixture->outbox);
	http_client_free(fixture->client);
	commit_free(fixture->commit);
	kv_free(fixture->kv);
	loop_free(fixture->loop);
	nftw(fixture->state_dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void fixture_start(struct outbox_fixture *fixture)
{
	const struct outbox_options options = {
		.kv = fixture->kv,
		.commit = fixture->commit,
		.loop = fixture->loop,
		.client = fixture->client,
		.state_dir = fixture->state_dir,
	};

	cr_assert_eq(outbox_new(&fixture->outbox, &options, NULL), 0);
}

void fixture_restart(struct outbox_fixture *fixture)
{
	const struct commit_options options = {0};

	outbox_free(fixture->outbox);
	fixture->outbox = NULL;
	commit_free(fixture->commit);
	cr_assert_eq(commit_new(&fixture->commit, fixture->kv, &options, NULL), 0);
	fixture_start(fixture);
}

void fixture_add_output(struct outbox_fixture *fixture, const char *name, enum output_kind kind,
			const char *text)
{
	cr_assert_lt(fixture->config.output_count, 4);
	fixture->outputs[fixture->config.output_count++] = (struct config_output){
		.name = name, .kind = kind, .text = text, .timeout_ms = 2000};
}

void fixture_configure(struct outbox_fixture *fixture)
{
	struct err_note why = {""};

	cr_assert_eq(outbox_configure(fixture->outbox, &fixture->config, &why), 0, "%s", why.text);
}

void fixture_put(struct outbox_fixture *fixture, const char *target, const char *id,
		 const char *body)
{
	struct err_note why = {""};

	cr_assert_eq(outbox_put(fixture->outbox, target, id, slice_of(body), NULL, NULL, &why), 0,
		     "%s", why.text);
	commit_kick(fixture->commit);
}

void fixture_settle(struct outbox_fixture *fixture)
{
	for (int turn = 0; turn < 20; turn++)
		loop_virtual_turn(fixture->loop);
}

struct run {
	struct outbox_fixture *fixture;
	struct timer *timer;
	bool (*is_done)(void *arg);
	void *arg;
	int64_t end_ms;
};

static void look(void *arg)
{
	struct run *run = arg;

	if (run->is_done(run->arg) || loop_mono_ms(run->fixture->loop) > run->end_ms)
		loop_stop(run->fixture->loop);
	else
		timer_set(run->timer, 2);
}

void fixture_run(struct outbox_fixture *fixture, bool (*is_done)(void *arg), void *arg)
{
	struct run run = {fixture, NULL, is_done, arg, loop_mono_ms(fixture->loop) + 10000};

	run.timer = timer_new(fixture->loop, look, &run);
	timer_set(run.timer, 0);
	cr_assert_eq(loop_run(fixture->loop, NULL), 0);
	timer_free(run.timer);
	cr_assert(is_done(arg), "it did not happen within 10 s");
}

static bool count_one(void *arg, struct slice key, struct slice value)
{
	(void)key;
	(void)value;
	(*(uint32_t *)arg)++;
	return true;
}

uint32_t fixture_count(const struct outbox_fixture *fixture, char space)
{
	uint32_t count = 0;

	cr_assert_eq(
		kv_scan(fixture->kv, (struct slice){&space, 1}, false, count_one, &count, NULL), 0);
	return count;
}

struct search {
	const char *target;
	struct outbox_status found;
};

static void match(void *arg, const struct outbox_status *status)
{
	struct search *search = arg;

	if (strcmp(status->target, search->target) == 0)
		search->found = *status;
}

struct outbox_status fixture_status(const struct outbox_fixture *fixture, const char *target)
{
	struct search search = {.target = target};

	outbox_each(fixture->outbox, match, &search);
	return search.found;
}

char *fixture_read(const struct outbox_fixture *fixture, const char *name)
{
	char *path = mem_format("%s/%s", fixture->state_dir, name);
	FILE *file = fopen(path, "r");
	struct bytes text = BYTES_EMPTY;
	int c;

	mem_free(path);
	while (file && (c = fgetc(file)) != EOF)
		bytes_append_char(&text, (char)c);
	if (file)
		fclose(file);
	return bytes_take_text(&text);
}

void fixture_write(const struct outbox_fixture *fixture, const char *name, const char *text)
{
	char *path = mem_format("%s/%s", fixture->state_dir, name);
	FILE *file = fopen(path, "w");

	mem_free(path);
	cr_assert_not_null(file);
	fputs(text, file);
	fclose(file);
}

void fixture_expect_file(const struct outbox_fixture *fixture, const char *name,
			 const char *expected)
{
	char *text = fixture_read(fixture, name);

	cr_expect_str_eq(text, expected, "%s holds \"%s\", not \"%s\"", name, text, expected);
	mem_free(text);
}
