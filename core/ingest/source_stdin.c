#include "core/ingest/source_stdin.h"

#include "core/base/env.h"
#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/ingest/intake.h"
#include "core/ingest/source.h"
#include "core/ingest/source_lines.h"
#include "core/loop/loop.h"

#include <string.h>
#include <unistd.h>

enum { READ_BYTES = 256 * 1024 };

/*      reading ──readers busy / paused / no intake──> resting
 *         │  └───────────────────room / go on──────────────┘
 *         └──end, all handed over──> over */
struct source_stdin {
	struct loop *loop;
	struct source_stdin_options options;
	char *source;
	struct watch *watch; /**< while reading a pipe */
	struct timer *turn;  /**< reading a regular file, or going on after a rest */
	bool is_regular;
	bool is_paused;
	bool is_resting;
	bool is_at_end;
	bool is_over;
	bool skip;
	uint64_t offset;   /**< of a regular file */
	struct bytes data; /**< not yet taken by the pool; at most READ_BYTES more than a line */
};

static void on_readable(void *arg, int what);

static int submit(struct source_stdin *input, struct slice lines)
{
	const struct source_stdin_options *options = &input->options;
	struct intake *intake = input->is_paused ? NULL : options->intake(options->arg);

	if (!intake)
		return ERR_AGAIN;
	struct pool_bytes_job job = {
		.intake = intake,
		.partition = options->partition,
	};
	bytes_append_slice(&job.data, lines);
	int code = pool_try_bytes(options->pool, &job);
	if (code != 0)
		bytes_deinit(&job.data);
	return code;
}

/** Hands over what can be; false when it has to wait. */
static bool hand_over(struct source_stdin *input)
{
	const struct intake *intake = input->options.intake(input->options.arg);
	uint32_t bytes_max = intake ? intake->line_bytes_max : INTAKE_LINE_BYTES_MAX;
	struct line_cut cut = line_cut(bytes_slice(&input->data), bytes_max, input->skip);

	if (input->is_at_end && !cut.skip) {
		/* The last line needs no end. */
		cut.lines.length = input->data.length - (cut.used - cut.lines.length);
		cut.used = input->data.length;
	}
	if (cut.lines.length && submit(input, cut.lines) != 0)
		return false;
	input->skip = cut.skip;
	input->data.length -= cut.used;
	if (input->data.data)
		memmove(input->data.data, input->data.data + cut.used, input->data.length + 1);
	return true;
}

static void rest(struct source_stdin *input)
{
	input->is_resting = true;
	watch_free(input->watch);
	input->watch = NULL;
}

/** Reads again: waits for the pipe, or takes the next turn of a file. */
static void go_on(struct source_stdin *input)
{
	struct err_note why = {0};

	input->is_resting = false;
	if (input->is_regular) {
		timer_set(input->turn, 0);
		return;
	}
	if (input->watch)
		return;
	int code = watch_new(&input->watch, input->loop, input->options.fd, WATCH_READ, on_readable,
			     input, &why);
	if (code != 0) {
		log_warn(INGEST, "%s: %s", input->source, why.text);
		input->is_resting = true;
	}
}

static void advance(struct source_stdin *input)
{
	if (!hand_over(input)) {
		rest(input);
		return;
	}
	if (!input->is_at_end) {
		go_on(input);
		return;
	}
	input->is_over = true;
	rest(input);
	if (input->options.on_end)
		input->options.on_end(input->options.arg);
}

static void read_once(struct source_stdin *input)
{
	const struct env *env = loop_env(input->loop);

	bytes_reserve(&input->data, READ_BYTES);
	ssize_t length = env->ops->file_read(env->self, input->options.fd,
					     input->data.data + input->data.length, READ_BYTES,
					     input->offset);

	if (length == ERR_AGAIN)
		return;
	if (length < 0)
		log_warn(INGEST, "%s: reading fails: taken as the end", input->source);
	if (length > 0) {
		input->data.length += (size_t)length;
		input->offset += (uint64_t)length;
	} else {
		input->is_at_end = true;
	}
	input->data.data[input->data.length] = '\0';
	advance(input);
}

static void on_readable(void *arg, int what)
{
	(void)what;
	read_once(arg);
}

static void on_turn(void *arg)
{
	struct source_stdin *input = arg;

	if (input->is_over)
		return;
	if (input->is_resting)
		advance(input);
	else
		read_once(input);
}

int source_stdin_new(struct source_stdin **out, struct loop *loop,
		     const struct source_stdin_options *options, struct err_note *why)
{
	struct source_stdin *input = mem_alloc(sizeof(*input));

	input->loop = loop;
	input->options = *options;
	input->source = mem_copy_text(options->source);
	input->turn = timer_new(loop, on_turn, input);
	int code = watch_new(&input->watch, loop, options->fd, WATCH_READ, on_readable, input, why);
	if (code == ERR_UNSUPPORTED) {
		off_t start = lseek(options->fd, 0, SEEK_CUR);
		input->offset = start > 0 ? (uint64_t)start : 0;
		input->is_regular = true; /* epoll does not take regular files: always readable */
		timer_set(input->turn, 0);
		code = 0;
	}
	if (code != 0) {
		err_prefix(why, "source \"%s\"", options->source);
		source_stdin_free(input);
		return code;
	}
	*out = input;
	return 0;
}

void source_stdin_free(struct source_stdin *input)
{
	if (!input)
		return;
	watch_free(input->watch);
	timer_free(input->turn);
	bytes_deinit(&input->data);
	mem_free(input->source);
	mem_free(input);
}

void source_stdin_on_room(struct source_stdin *input)
{
	if (input->is_resting && !input->is_over && !input->is_paused)
		timer_set(input->turn, 0);
}

void source_stdin_pause(struct source_stdin *input, bool is_paused)
{
	input->is_paused = is_paused;
	if (is_paused && !input->is_over) {
		rest(input);
		timer_cancel(input->turn);
	} else {
		source_stdin_on_room(input);
	}
}
