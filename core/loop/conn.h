/** conn.h - stream connections and listeners (TCP, Unix) on the loop; bufferevent inside, none
 *  outside.
 *
 *  A connection reads into a bounded buffer; `on_data` may consume any part of it. Reading pauses
 *  at `read_bytes_max` unconsumed bytes or by conn_pause(). Writes are buffered up to
 *  `write_bytes_max`; past it conn_write() answers ERR_FULL and the owner decides (slow client:
 *  usually conn_free()). A side that only shuts down its writing counts as closed, but gets what
 *  was already written to it. Limits: conns_max per listener (further clients are closed at once,
 *  counted), idle time-out.
 */
#ifndef TOCSIN_CORE_LOOP_CONN_H
#define TOCSIN_CORE_LOOP_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/base/bytes.h"

struct conn;
struct err_note;
struct listener;
struct loop;

enum { CONN_LINGER_MS = 5000 };

struct conn_events {
	/** `data` is what is unread; returns how much was consumed. Called again when more
	 * arrives. */
	size_t (*on_data)(void *arg, struct conn *conn, struct slice data);
	/** The other side closed, or an error, or the idle time-out; the conn is freed after the
	 * call.
	 *  `rest` is what was not consumed. */
	void (*on_close)(void *arg, struct conn *conn, struct slice rest);
};

struct listener_options {
	/** "127.0.0.1:5140", "[::1]:0", "localhost:0" or "unix:/path" (mode 0660, stale file
	 * replaced) */
	const char *address;
	uint32_t conns_max;
	size_t read_bytes_max;
	size_t write_bytes_max;
	int64_t idle_ms; /**< 0 = none */
	/** New connection: set its events with conn_attach(), or conn_free() it to refuse. */
	void (*on_accept)(void *arg, struct conn *conn);
	void *arg;
};

int listener_new(struct listener **out, struct loop *loop, const struct listener_options *options,
		 struct err_note *why);
void listener_free(
	struct listener *listener); /**< its connections are closed (on_close is called) */
uint16_t listener_port(const struct listener *listener); /**< of TCP; useful with port 0 */
uint64_t listener_refused_count(const struct listener *listener);

void conn_attach(struct conn *conn, const struct conn_events *events, void *arg);
int conn_write(struct conn *conn, struct slice data); /**< ERR_FULL, ERR_CLOSED */
/** Hands the conn back: it is closed when all is written, or after CONN_LINGER_MS; no more
 *  callbacks. */
void conn_close_after_write(struct conn *conn);
void conn_pause(struct conn *conn, bool is_paused);
void conn_free(struct conn *conn); /**< closes now, no on_close */
/** Unix: credentials of the peer (SO_PEERCRED). ERR_UNSUPPORTED on TCP. */
int conn_peer(const struct conn *conn, uid_t *uid, gid_t *gid, pid_t *pid);

#endif
