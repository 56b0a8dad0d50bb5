/** source_tcp.h - lines over TCP or a Unix socket: one listener, many connections, one partition.
 *
 *  There is no answer to the client: a line counts from when its bundle is applied, and what was
 *  still under way is lost in a crash (at most once). A connection that ends without a line end
 *  has its last line counted as it is. While the readers are busy or the source is paused nothing
 *  is read from the sockets, so TCP slows the clients down.
 *  Limits: TCP_CONNS_MAX, TCP_READ_BYTES_MAX unread bytes a connection, TCP_REST_BYTES_MAX of last
 *  lines of closed connections while the readers are busy (beyond: dropped, counted).
 *  Owner: source_tcp_new() result owned.
 */
#ifndef TOCSIN_CORE_INGEST_SOURCE_TCP_H
#define TOCSIN_CORE_INGEST_SOURCE_TCP_H

#include <stdbool.h>
#include <stdint.h>

struct err_note;
struct intake;
struct loop;
struct pool;
struct source_tcp;

enum {
	TCP_CONNS_MAX = 1024,
	TCP_READ_BYTES_MAX = 256 * 1024, /**< at least twice line_bytes_max */
	TCP_REST_BYTES_MAX = 1024 * 1024,
	TCP_IDLE_MS = 600000,
};

struct source_tcp_options {
	const char *source;  /**< for messages */
	const char *address; /**< conn.h */
	struct pool *pool;
	uint32_t partition; /**< without positions; the owner opens and closes it */
	uint32_t conns_max; /**< default TCP_CONNS_MAX */
	/** engine_intake(): borrowed; NULL: the source is gone, nothing is read. */
	struct intake *(*intake)(void *arg);
	void *arg;
};

int source_tcp_new(struct source_tcp **out, struct loop *loop,
		   const struct source_tcp_options *options, struct err_note *why);
/** Closes the connections; what the readers have not taken is dropped. */
void source_tcp_free(struct source_tcp *tcp);
uint16_t source_tcp_port(const struct source_tcp *tcp);

void source_tcp_on_room(struct source_tcp *tcp);
void source_tcp_pause(struct source_tcp *tcp, bool is_paused);

struct source_tcp_status {
	uint32_t conn_count;
	uint64_t accepted_conns;
	uint64_t refused_conns;
	uint64_t dropped_bytes; /**< beyond TCP_REST_BYTES_MAX */
};
void source_tcp_status(const struct source_tcp *tcp, struct source_tcp_status *out);

#endif
