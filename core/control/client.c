#include "core/control/client.h"

#include "core/base/bytes.h"
#include "core/base/err.h"
#include "core/base/mem.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { ANSWER_BYTES_MAX = 256 * 1024 * 1024 };

static int connect_to(const char *path, int *out, struct err_note *why)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(address.sun_path))
		return err_set(why, ERR_RANGE, "the socket path %s is longer than %zu bytes", path,
			       sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, strlen(path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_errno(why, ERR_IO, errno, "cannot make a socket");
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		int code = err_errno(why, errno == EACCES ? ERR_DENIED : ERR_NOT_FOUND, errno,
				     "no daemon answers at %s", path);
		close(fd);
		return code;
	}
	*out = fd;
	return 0;
}

static int send_all(int fd, struct slice data, struct err_note *why)
{
	while (data.length > 0) {
		ssize_t sent = send(fd, data.data, data.length, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return err_errno(why, ERR_IO, errno, "the daemon closed the connection");
		data.data += sent;
		data.length -= (size_t)sent;
	}
	return 0;
}

static int receive_line(int fd, int timeout_ms, struct bytes *line, struct err_note *why)
{
	char block[65536];
	for (;;) {
		struct pollfd ready = {fd, POLLIN, 0};
		int count = poll(&ready, 1, timeout_ms);
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return err_set(why, ERR_TIMEOUT, "the daemon did not answer within %d ms",
				       timeout_ms);
		ssize_t got = recv(fd, block, sizeof(block), 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return err_set(why, ERR_IO, "the daemon closed the connection");
		const char *end = memchr(block, '\n', (size_t)got);
		bytes_append(line, block, end != NULL ? (size_t)(end - block) : (size_t)got);
		if (end != NULL)
			return 0;
		if (line->length > ANSWER_BYTES_MAX)
			return err_set(why, ERR_RANGE, "the answer is longer than %d bytes",
				       ANSWER_BYTES_MAX);
	}
}

int control_request(const char *socket_path, const char *verb, const char *args_json,
		    int timeout_ms, char **answer, struct err_note *why)
{
	struct bytes line = BYTES_EMPTY;
	int fd = -1;
	int code = connect_to(socket_path, &fd, why);
	if (code != 0)
		return code;
	bytes_append_format(&line, "{\"id\":1,\"verb\":\"%s\",\"args\":%s}\n", verb,
			    args_json != NULL ? args_json : "{}");
	code = send_all(fd, bytes_slice(&line), why);
	bytes_clear(&line);
	if (code == 0)
		code = receive_line(fd, timeout_ms, &line, why);
	close(fd);
	if (code == 0)
		*answer = bytes_take_text(&line);
	bytes_deinit(&line);
	return code;
}
