#include "core/loop/conn.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/loop/conn_internal.h"
#include "core/loop/loop_internal.h"

#include <sys/socket.h>
#include <unistd.h>

/*      open ──conn_close_after_write──> lingering ──all written / CONN_LINGER_MS──> freed
 *        └──the other side closed──> on_close ──unwritten data?──> lingering, or freed at once
 *
 *  An owner may free the conn in its callbacks: `is_busy` keeps the memory until the callback is
 *  back. */
struct conn {
	struct listener *listener;
	struct bufferevent *bev;
	const struct conn_events *events;
	void *arg;
	struct timer *timer; /**< idle, or the end of lingering */
	bool is_busy;
	bool is_dead; /**< freed while busy */
	bool is_lingering;
	bool is_paused;
	struct conn *next;
	struct conn **link;
};

static void touch(struct conn *conn)
{
	if (!conn->is_lingering && conn->listener->options.idle_ms > 0)
		timer_set(conn->timer, conn->listener->options.idle_ms);
}

static void unlink_conn(struct conn *conn)
{
	if (!conn->link)
		return;
	*conn->link = conn->next;
	if (conn->next)
		conn->next->link = conn->link;
	conn->link = NULL;
	conn->listener->conn_count--;
}

static struct slice unread(struct conn *conn)
{
	struct evbuffer *input = bufferevent_get_input(conn->bev);
	size_t length = evbuffer_get_length(input);

	if (!length)
		return (struct slice){"", 0};
	return (struct slice){(const char *)evbuffer_pullup(input, -1), length};
}

static void start_lingering(struct conn *conn)
{
	conn->events = NULL;
	conn->is_lingering = true;
	bufferevent_disable(conn->bev, EV_READ);
	if (!evbuffer_get_length(bufferevent_get_output(conn->bev))) {
		conn_free(conn);
		return;
	}
	timer_set(conn->timer, CONN_LINGER_MS);
}

void conn_end(struct conn *conn)
{
	const struct conn_events *events = conn->events;

	if (!events || conn->is_busy) {
		conn_free(conn);
		return;
	}
	conn->is_busy = true;
	events->on_close(conn->arg, conn, unread(conn));
	conn->is_busy = false;
	conn_free(conn);
}

static void on_readable(struct bufferevent *bev, void *arg)
{
	struct conn *conn = arg;

	(void)bev;
	if (!conn->events || conn->is_busy || conn->is_paused)
		return;
	touch(conn);
	struct slice data = unread(conn);
	if (!data.length)
		return;
	conn->is_busy = true;
	size_t used = conn->events->on_data(conn->arg, conn, data);
	conn->is_busy = false;
	if (conn->is_dead) {
		conn_free(conn);
		return;
	}
	evbuffer_drain(bufferevent_get_input(conn->bev), used);
	if (conn->is_lingering)
		start_lingering(conn);
}

static void on_written(struct bufferevent *bev, void *arg)
{
	struct conn *conn = arg;

	(void)bev;
	touch(conn);
	if (conn->is_lingering && !conn->is_busy)
		conn_free(conn);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct conn *conn = arg;

	(void)bev;
	if (!(what & BEV_EVENT_EOF) || conn->is_lingering ||
	    !evbuffer_get_length(bufferevent_get_output(conn->bev)) || !conn->events) {
		conn_end(conn);
		return;
	}
	/* The client said all it had to say and waits for the answer. */
	conn->is_busy = true;
	conn->events->on_close(conn->arg, conn, unread(conn));
	conn->is_busy = false;
	if (conn->is_dead)
		conn_free(conn);
	else
		start_lingering(conn);
}

static void on_timer(void *arg)
{
	struct conn *conn = arg;

	/* A paused conn is silent because of us. */
	if (conn->is_paused && !conn->is_lingering)
		touch(conn);
	else
		conn_end(conn);
}

struct conn *conn_new(struct listener *listener, int fd)
{
	struct conn *conn = mem_alloc(sizeof(*conn));

	conn->listener = listener;
	conn->bev = bufferevent_socket_new(listener->loop->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!conn->bev) {
		close(fd);
		mem_free(conn);
		return NULL;
	}
	conn->timer = timer_new(listener->loop, on_timer, conn);
	bufferevent_setcb(conn->bev, on_readable, on_written, on_event, conn);
	bufferevent_setwatermark(conn->bev, EV_READ, 0, listener->options.read_bytes_max);
	conn->next = listener->conns;
	conn->link = &listener->conns;
	if (conn->next)
		conn->next->link = &conn->next;
	listener->conns = conn;
	listener->conn_count++;
	return conn;
}

void conn_attach(struct conn *conn, const struct conn_events *events, void *arg)
{
	conn->events = events;
	conn->arg = arg;
	touch(conn);
	bufferevent_enable(conn->bev, EV_READ | EV_WRITE);
}

int conn_write(struct conn *conn, struct slice data)
{
	struct evbuffer *output = bufferevent_get_output(conn->bev);

	if (conn->is_dead || conn->is_lingering)
		return ERR_CLOSED;
	if (evbuffer_get_length(output) + data.length > conn->listener->options.write_bytes_max)
		return ERR_FULL;
	touch(conn);
	return bufferevent_write(conn->bev, data.data, data.length) == 0 ? 0 : ERR_CLOSED;
}

void conn_close_after_write(struct conn *conn)
{
	if (conn->is_dead || conn->is_lingering)
		return;
	if (conn->is_busy)
		conn->is_lingering = true; /* goes on when the callback is back */
	else
		start_lingering(conn);
}

void conn_pause(struct conn *conn, bool is_paused)
{
	if (conn->is_dead || conn->is_lingering || conn->is_paused == is_paused)
		return;
	conn->is_paused = is_paused;
	if (is_paused) {
		bufferevent_disable(conn->bev, EV_READ);
		return;
	}
	touch(conn);
	bufferevent_enable(conn->bev, EV_READ);
	/* What was left unread while pausing is offered again, from the loop and not from here. */
	bufferevent_trigger(conn->bev, EV_READ,
			    BEV_TRIG_IGNORE_WATERMARKS | BEV_TRIG_DEFER_CALLBACKS);
}

void conn_free(struct conn *conn)
{
	if (!conn)
		return;
	unlink_conn(conn);
	conn->events = NULL;
	if (conn->is_busy) {
		conn->is_dead = true;
		timer_cancel(conn->timer);
		return;
	}
	timer_free(conn->timer);
	bufferevent_free(conn->bev);
	mem_free(conn);
}

int conn_peer(const struct conn *conn, uid_t *uid, gid_t *gid, pid_t *pid)
{
	struct sockaddr_storage name = {0};
	socklen_t name_length = sizeof(name);
	struct ucred peer;
	socklen_t length = sizeof(peer);
	int fd = bufferevent_getfd(conn->bev);

	/* TCP sockets answer SO_PEERCRED too, with nobody's numbers. */
	if (getsockname(fd, (struct sockaddr *)&name, &name_length) != 0 ||
	    name.ss_family != AF_UNIX ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0)
		return ERR_UNSUPPORTED;
	*uid = peer.uid;
	*gid = peer.gid;
	*pid = peer.pid;
	return 0;
}
