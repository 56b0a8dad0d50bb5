#include "core/outbox/outbox_internal.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/loop/loop.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

/* Standard output is shared with whoever started us, so it cannot be made non-blocking: the flag
 * belongs to the open file, not to us. Instead each write is short enough to fit when poll() says
 * that there is room, and when there is none (a stopped terminal, a reader that does not read) a
 * timer asks again. The loop never waits. */

enum { ROWS_MAX = 64, GROUP_BYTES_MAX = 16 * 1024, WRITE_BYTES_MAX = 512, ASK_AGAIN_MS = 20 };

struct target_stdout {
	struct target target;
	struct timer *timer;
	int fd;
	struct bytes buffer;
	size_t written;
	uint32_t row_count;
	bool is_in_line; /* the last line was cut by a failure */
};

static struct target_stdout *stdout_of(struct target *target)
{
	return (struct target_stdout *)target;
}

static bool has_room(int fd)
{
	struct pollfd ready = {.fd = fd, .events = POLLOUT};

	/* An error or a closed pipe is "room": the write tells which. */
	return poll(&ready, 1, 0) > 0;
}

static void fail(struct target_stdout *out, int number)
{
	struct err_note why = {""};

	/* Without a byte written it is where the failure before left it. */
	if (out->written > 0)
		out->is_in_line = out->buffer.data[out->written - 1] != '\n';
	err_errno(&why, ERR_IO, number, "Writing to standard output failed");
	target_finish(&out->target, 0, SEND_RETRY, why.text);
}

static void drain(void *arg)
{
	struct target_stdout *out = arg;

	while (out->written < out->buffer.length) {
		size_t length = out->buffer.length - out->written;
		ssize_t written;

		if (!has_room(out->fd)) {
			timer_set(out->timer, ASK_AGAIN_MS);
			return;
		}
		written = write(out->fd, out->buffer.data + out->written,
				length < WRITE_BYTES_MAX ? length : WRITE_BYTES_MAX);
		if (written > 0) {
			out->written += (size_t)written;
		} else if (written < 0 && errno == EAGAIN) {
			timer_set(out->timer, ASK_AGAIN_MS);
			return;
		} else if (written == 0 || errno != EINTR) {
			fail(out, written == 0 ? EIO : errno);
			return;
		}
	}
	out->is_in_line = false;
	target_finish(&out->target, out->row_count, SEND_DELIVERED, NULL);
}

static void stdout_send(struct target *target, const struct outbox_row *rows, uint32_t row_count)
{
	struct target_stdout *out = stdout_of(target);

	bytes_clear(&out->buffer);
	if (out->is_in_line)
		bytes_append_char(&out->buffer, '\n');
	for (uint32_t index = 0; index < row_count; index++) {
		bytes_append_slice(&out->buffer, rows[index].body);
		bytes_append_char(&out->buffer, '\n');
	}
	out->written = 0;
	out->row_count = row_count;
	drain(out);
}

static void stdout_free(struct target *target)
{
	struct target_stdout *out = stdout_of(target);

	timer_free(out->timer);
	bytes_deinit(&out->buffer);
	mem_free(out);
}

static const struct target_ops stdout_ops = {
	.rows_max = ROWS_MAX,
	.bytes_max = GROUP_BYTES_MAX,
	.send = stdout_send,
	.free = stdout_free,
};

struct target *target_stdout_new(struct loop *loop, int fd)
{
	struct target_stdout *out = mem_alloc(sizeof(*out));

	out->target.ops = &stdout_ops;
	out->timer = timer_new(loop, drain, out);
	out->fd = fd;
	return &out->target;
}
