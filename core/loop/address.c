#include "core/loop/address.h"

#include "core/base/err.h"
#include "core/base/number.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LISTEN_BACKLOG = 512, UNIX_MODE = 0660 };

static int parse_unix(struct address *out, const char *path, struct err_note *why)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&out->storage;
	size_t length = strlen(path);

	if (length == 0 || length >= sizeof(un->sun_path))
		return err_set(why, ERR_INVALID,
			       "address \"unix:%s\": the path must have 1 to %zu bytes", path,
			       sizeof(un->sun_path) - 1);
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path, length + 1);
	out->length = sizeof(*un);
	out->is_unix = true;
	return 0;
}

/** Host without brackets, and port. */
static bool parse_host(struct address *out, const char *host, uint16_t port)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&out->storage;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&out->storage;

	if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		out->length = sizeof(*in);
		return true;
	}
	if (inet_pton(AF_INET6, host, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		out->length = sizeof(*in6);
		return true;
	}
	return false;
}

static bool parse_tcp(struct address *out, const char *text)
{
	char host[INET6_ADDRSTRLEN];
	const char *colon = strrchr(text, ':');
	int64_t port;

	if (!colon || colon[1] < '0' || colon[1] > '9' ||
	    number_parse_int(slice_of(colon + 1), &port) != 0 || port < 0 || port > UINT16_MAX)
		return false;
	size_t length = (size_t)(colon - text);
	bool is_bracketed = length >= 2 && text[0] == '[' && text[length - 1] == ']';
	if (is_bracketed) {
		text++;
		length -= 2;
	}
	if (length >= sizeof(host))
		return false;
	snprintf(host, sizeof(host), "%.*s", (int)length, text);
	if (!is_bracketed && strcmp(host, "localhost") == 0)
		snprintf(host, sizeof(host), "127.0.0.1");
	/* "::1:80" is an address of its own: IPv6 needs the brackets. */
	if (is_bracketed != (strchr(host, ':') != NULL))
		return false;
	return parse_host(out, host, (uint16_t)port);
}

int address_parse(struct address *out, const char *text, struct err_note *why)
{
	struct address address = {0};

	if (strncmp(text, "unix:", 5) == 0) {
		int code = parse_unix(&address, text + 5, why);
		if (code == 0)
			*out = address;
		return code;
	}
	if (!parse_tcp(&address, text))
		return err_set(why, ERR_INVALID,
			       "address \"%.60s\" is not \"HOST:PORT\" with a numeric host, "
			       "\"[IPV6]:PORT\", \"localhost:PORT\" or \"unix:/path\"",
			       text);
	*out = address;
	return 0;
}

/** Removes a socket file nobody listens on. */
static int clear_stale(const struct address *address, const char *text, struct err_note *why)
{
	const char *path = ((const struct sockaddr_un *)&address->storage)->sun_path;
	struct stat info;

	if (lstat(path, &info) != 0)
		return 0;
	if (!S_ISSOCK(info.st_mode))
		return err_set(why, ERR_EXISTS, "\"%s\": a file that is no socket is in the way",
			       text);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_errno(why, ERR_IO, errno, "\"%s\": no socket", text);
	int result = connect(fd, (const struct sockaddr *)&address->storage, address->length);
	int number = errno;
	close(fd);
	if (result == 0 || number == EAGAIN)
		return err_set(why, ERR_EXISTS, "\"%s\": another process listens there", text);
	if (number != ECONNREFUSED)
		return err_errno(why, ERR_IO, number, "\"%s\": the existing socket", text);
	if (unlink(path) != 0)
		return err_errno(why, ERR_IO, errno, "\"%s\": removing a stale socket", text);
	return 0;
}

int address_listen(const struct address *address, const char *text, int *out, struct err_note *why)
{
	const struct sockaddr *name = (const struct sockaddr *)&address->storage;
	int on = 1;
	int code = address->is_unix ? clear_stale(address, text, why) : 0;
	if (code != 0)
		return code;

	int fd = socket(name->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_errno(why, ERR_IO, errno, "\"%s\": no socket", text);
	/* The mode is set before bind, so that the file is never open to others in between. */
	if (address->is_unix)
		fchmod(fd, UNIX_MODE);
	else
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (name->sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, name, address->length) != 0 || listen(fd, LISTEN_BACKLOG) != 0) {
		code = err_errno(why, ERR_IO, errno, "\"%s\": listening", text);
		close(fd);
		return code;
	}
	if (address->is_unix)
		chmod(((const struct sockaddr_un *)name)->sun_path, UNIX_MODE);
	*out = fd;
	return 0;
}

uint16_t address_port(int fd)
{
	struct sockaddr_storage storage = {0};
	socklen_t length = sizeof(storage);

	if (getsockname(fd, (struct sockaddr *)&storage, &length) != 0)
		return 0;
	if (storage.ss_family == AF_INET)
		return ntohs(((struct sockaddr_in *)&storage)->sin_port);
	if (storage.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&storage)->sin6_port);
	return 0;
}
