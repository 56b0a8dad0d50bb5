#include "core/outbox/outbox_internal.h"

#include "core/base/mem.h"
#include "core/loop/loop.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

struct bench {
	struct loop *loop;
	struct target *target;
	int pipe[2];
	int done_count;
	uint32_t delivered_count;
	enum send_end end;
};

static void on_done(void *arg, uint32_t delivered_count, enum send_end end, const char *error)
{
	struct bench *bench = arg;

	bench->done_count++;
	bench->delivered_count += delivered_count;
	bench->end = end;
	cr_expect_eq(error == NULL, end == SEND_DELIVERED);
}

static void begin(struct bench *bench)
{
	*bench = (struct bench){.loop = loop_virtual_new(0)};
	cr_assert_eq(pipe2(bench->pipe, O_CLOEXEC), 0);
	bench->target = target_stdout_new(bench->loop, bench->pipe[1]);
	bench->target->on_done = on_done;
	bench->target->arg = bench;
}

static void end(struct bench *bench)
{
	bench->target->ops->free(bench->target);
	close(bench->pipe[0]);
	close(bench->pipe[1]);
	loop_free(bench->loop);
}

static void send_text(struct bench *bench, const char *text)
{
	const struct outbox_row row = {.id = "a", .body = slice_of(text)};

	bench->target->ops->send(bench->target, &row, 1);
}

Test(target_stdout, writes_whole_lines)
{
	struct bench bench;
	char text[32];

	begin(&bench);
	send_text(&bench, "{\"a\":1}");
	send_text(&bench, "{\"a\":2}");
	cr_expect_eq(bench.delivered_count, 2);
	cr_assert_eq(read(bench.pipe[0], text, sizeof(text)), 16);
	cr_expect_eq(memcmp(text, "{\"a\":1}\n{\"a\":2}\n", 16), 0);
	end(&bench);
}

Test(target_stdout, a_reader_that_stops_does_not_stop_the_loop, .timeout = 10)
{
	enum { BODY_BYTES = 15000, SENDS_MAX = 100 };
	struct bench bench;
	char *body = mem_alloc(BODY_BYTES + 1);
	char block[4096];
	size_t total = 0;
	int sends = 0;

	begin(&bench);
	memset(body, 'x', BODY_BYTES);
	/* The pipe is blocking: without care one of these calls would never come back. */
	while (bench.done_count == sends && sends < SENDS_MAX) {
		send_text(&bench, body);
		sends++;
	}
	cr_assert_lt(sends, SENDS_MAX, "the pipe never got full");
	loop_virtual_advance(bench.loop, 1000);
	cr_expect_eq(bench.done_count, sends - 1, "still waiting");
	while (total < (size_t)sends * (BODY_BYTES + 1)) {
		ssize_t length = read(bench.pipe[0], block, sizeof(block));

		cr_assert_gt(length, 0);
		total += (size_t)length;
		loop_virtual_advance(bench.loop, 20);
	}
	cr_expect_eq(bench.done_count, sends);
	cr_expect_eq(bench.end, SEND_DELIVERED);
	mem_free(body);
	end(&bench);
}

Test(target_stdout, a_closed_pipe_is_a_failure_to_be_tried_again)
{
	struct bench bench;

	signal(SIGPIPE, SIG_IGN);
	begin(&bench);
	close(bench.pipe[0]);
	send_text(&bench, "{}");
	cr_expect_eq(bench.done_count, 1);
	cr_expect_eq(bench.end, SEND_RETRY);
	bench.pipe[0] = dup(bench.pipe[1]);
	end(&bench);
}

Test(target_stdout, a_cut_line_is_ended_also_after_a_second_failure)
{
	enum { BODY_BYTES = 15000, SENDS_MAX = 100 };
	struct bench bench;
	char *body = mem_alloc(BODY_BYTES + 1);
	char text[32];
	int fresh[2], sends = 0;

	signal(SIGPIPE, SIG_IGN);
	begin(&bench);
	memset(body, 'x', BODY_BYTES);
	while (bench.done_count == sends && sends < SENDS_MAX) {
		send_text(&bench, body);
		sends++;
	}
	close(bench.pipe[0]);
	loop_virtual_advance(bench.loop, 20);
	cr_assert_eq(bench.end, SEND_RETRY, "the line is cut");
	send_text(&bench, "{}");
	cr_assert_eq(bench.end, SEND_RETRY, "not a byte was written");
	cr_assert_eq(pipe2(fresh, O_CLOEXEC), 0);
	cr_assert_eq(dup2(fresh[1], bench.pipe[1]), bench.pipe[1]);
	close(fresh[1]);
	bench.pipe[0] = fresh[0];
	send_text(&bench, "{}");
	send_text(&bench, "{}");
	cr_expect_eq(bench.end, SEND_DELIVERED);
	cr_assert_eq(read(bench.pipe[0], text, sizeof(text)), 7);
	cr_expect_eq(memcmp(text, "\n{}\n{}\n", 7), 0);
	mem_free(body);
	end(&bench);
}
