#include "core/loop/conn_internal.h"

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/loop/address.h"
#include "core/loop/loop.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ACCEPTS_PER_TURN = 64, ACCEPT_RETRY_MS = 100 };

static void on_acceptable(void *arg, int what);

/** Out of descriptors or memory: the backlog keeps clients waiting, the loop must not spin on it.
 *  */
static void rest_accepting(struct listener *listener, int number)
{
	log_warn(LOOP, "accepting on %s fails (errno %d); trying again in %d ms",
		 listener->options.address, number, ACCEPT_RETRY_MS);
	watch_free(listener->watch);
	listener->watch = NULL;
	timer_set(listener->retry, ACCEPT_RETRY_MS);
}

static void on_retry(void *arg)
{
	struct listener *listener = arg;

	if (watch_new(&listener->watch, listener->loop, listener->fd, WATCH_READ, on_acceptable,
		      listener, NULL) != 0)
		timer_set(listener->retry, ACCEPT_RETRY_MS);
}

static void on_acceptable(void *arg, int what)
{
	struct listener *listener = arg;

	(void)what;
	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			    errno == ENOMEM)
				rest_accepting(listener, errno);
			return;
		}
		if (listener->conn_count >= listener->options.conns_max) {
			listener->refused_count++;
			close(fd);
			continue;
		}
		struct conn *conn = conn_new(listener, fd);
		if (conn)
			listener->options.on_accept(listener->options.arg, conn);
	}
}

int listener_new(struct listener **out, struct loop *loop, const struct listener_options *options,
		 struct err_note *why)
{
	struct address address;
	int fd;
	int code = address_parse(&address, options->address, why);
	if (code == 0)
		code = address_listen(&address, options->address, &fd, why);
	if (code != 0)
		return code;

	struct listener *listener = mem_alloc(sizeof(*listener));
	listener->loop = loop;
	listener->fd = fd;
	listener->options = *options;
	listener->options.address = mem_copy_text(options->address);
	listener->retry = timer_new(loop, on_retry, listener);
	if (address.is_unix)
		listener->unix_path = mem_copy_text(options->address + strlen("unix:"));
	code = watch_new(&listener->watch, loop, fd, WATCH_READ, on_acceptable, listener, why);
	if (code != 0) {
		listener_free(listener);
		return code;
	}
	*out = listener;
	return 0;
}

void listener_free(struct listener *listener)
{
	if (!listener)
		return;
	watch_free(listener->watch);
	timer_free(listener->retry);
	while (listener->conns)
		conn_end(listener->conns);
	close(listener->fd);
	if (listener->unix_path)
		unlink(listener->unix_path);
	mem_free(listener->unix_path);
	mem_free((char *)listener->options.address);
	mem_free(listener);
}

uint16_t listener_port(const struct listener *listener)
{
	return address_port(listener->fd);
}

uint64_t listener_refused_count(const struct listener *listener)
{
	return listener->refused_count;
}
