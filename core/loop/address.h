/** address.h - where to listen, as text, and the socket that does it. For conn.c and http_server.c.
 *
 *  "127.0.0.1:5140", "[::1]:0", "localhost:0" (127.0.0.1), or "unix:/path". Names are not
 *  resolved: a listen address that depends on DNS is a surprise.
 */
#ifndef TOCSIN_CORE_LOOP_ADDRESS_H
#define TOCSIN_CORE_LOOP_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct err_note;

struct address {
	struct sockaddr_storage storage;
	socklen_t length;
	bool is_unix;
};

/** ERR_INVALID. */
int address_parse(struct address *out, const char *text, struct err_note *why);
/** Descriptor of a listening socket, close-on-exec and non-blocking. A stale Unix socket is
 *  replaced, a live one is not: ERR_EXISTS. ERR_IO: for example the port is in use. */
int address_listen(const struct address *address, const char *text, int *out, struct err_note *why);
/** Port of a bound TCP socket, 0 for Unix. */
uint16_t address_port(int fd);

#endif
