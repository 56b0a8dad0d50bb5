/** conn_internal.h - what listener.c and conn.c know of each other. */
#ifndef TOCSIN_CORE_LOOP_CONN_INTERNAL_H
#define TOCSIN_CORE_LOOP_CONN_INTERNAL_H

#include "core/loop/conn.h"

struct listener {
	struct loop *loop;
	int fd;
	struct watch *watch;
	struct timer *retry; /**< accepts again after the process ran out of descriptors */
	struct listener_options options;
	char *unix_path; /**< removed at the end, or NULL */
	struct conn *conns;
	uint32_t conn_count;
	uint64_t refused_count;
};

/** Takes fd; adds itself to the listener. NULL when libevent refuses (fd is closed). */
struct conn *conn_new(struct listener *listener, int fd);
/** Ends it as if the other side had closed; without events attached it is just freed. */
void conn_end(struct conn *conn);

#endif
