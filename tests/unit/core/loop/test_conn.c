#include <criterion/criterion.h>

#include "core/loop/conn.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "tests/support/run_loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/*  An echo server on the loop; the client is a plain non-blocking socket polled between turns. */
struct echo {
	struct loop *loop;
	struct listener *listener;
	struct conn *conn; /**< the last one */
	bool is_greedy;    /**< consumes nothing */
	bool closes_after_answer;
	bool frees_at_data;
	int data_calls;
	int accepted;
	int closed;
	char rest[64];
	int client;
	char got[512 * 1024];
	size_t got_length;
	size_t wanted;
	bool is_eof;
	int peer_code;
	uid_t uid;
	pid_t pid;
};

static size_t on_data(void *arg, struct conn *conn, struct slice data)
{
	struct echo *echo = arg;

	echo->data_calls++;
	if (echo->frees_at_data) {
		conn_free(conn);
		echo->conn = NULL;
		return 0;
	}
	if (echo->is_greedy)
		return 0;
	const char *end = memrchr(data.data, '\n', data.length);
	size_t used = end ? (size_t)(end - data.data) + 1 : 0;
	if (used)
		conn_write(conn, (struct slice){data.data, used});
	if (used && echo->closes_after_answer)
		conn_close_after_write(conn);
	return used;
}

static void on_close(void *arg, struct conn *conn, struct slice rest)
{
	struct echo *echo = arg;

	(void)conn;
	echo->closed++;
	snprintf(echo->rest, sizeof(echo->rest), "%.*s", (int)rest.length, rest.data);
	echo->conn = NULL;
}

static const struct conn_events EVENTS = {on_data, on_close};

static void on_accept(void *arg, struct conn *conn)
{
	struct echo *echo = arg;
	gid_t gid;

	echo->accepted++;
	echo->conn = conn;
	echo->peer_code = conn_peer(conn, &echo->uid, &gid, &echo->pid);
	conn_attach(conn, &EVENTS, echo);
}

static struct echo *echo_new(const char *address, uint32_t conns_max, int64_t idle_ms)
{
	struct echo *echo = calloc(1, sizeof(*echo));
	struct err_note why = {0};
	struct listener_options options = {
		.address = address,
		.conns_max = conns_max,
		.read_bytes_max = 64 * 1024,
		.write_bytes_max = 128 * 1024,
		.idle_ms = idle_ms,
		.on_accept = on_accept,
		.arg = echo,
	};

	echo->loop = run_loop_new();
	echo->client = -1;
	cr_assert_eq(listener_new(&echo->listener, echo->loop, &options, &why), 0, "%s", why.text);
	return echo;
}

static void echo_free(struct echo *echo)
{
	if (echo->client >= 0)
		close(echo->client);
	listener_free(echo->listener);
	loop_free(echo->loop);
	free(echo);
}

static int connect_tcp(struct echo *echo)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(listener_port(echo->listener)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static void send_text(int fd, const char *text)
{
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static bool has_answer(void *arg)
{
	struct echo *echo = arg;
	ssize_t length = read(echo->client, echo->got + echo->got_length,
			      sizeof(echo->got) - 1 - echo->got_length);

	if (length > 0)
		echo->got_length += (size_t)length;
	if (length == 0)
		echo->is_eof = true;
	return echo->got_length >= echo->wanted;
}

static bool has_eof(void *arg)
{
	struct echo *echo = arg;

	echo->wanted = SIZE_MAX;
	has_answer(arg);
	return echo->is_eof;
}

static bool has_closed(void *arg)
{
	return ((struct echo *)arg)->closed > 0;
}

Test(conn, echoes_lines_over_tcp)
{
	struct echo *echo = echo_new("127.0.0.1:0", 4, 0);

	echo->client = connect_tcp(echo);
	send_text(echo->client, "one\ntwo");
	echo->wanted = 4;
	cr_expect(run_loop_until(echo->loop, has_answer, echo));
	send_text(echo->client, "2\n");
	echo->wanted = 9;
	cr_expect(run_loop_until(echo->loop, has_answer, echo));
	cr_expect_str_eq(echo->got, "one\ntwo2\n");
	cr_expect_eq(echo->peer_code, ERR_UNSUPPORTED);
	echo_free(echo);
}

Test(conn, knows_the_peer_of_a_unix_socket_and_replaces_a_stale_one)
{
	char path[] = "/tmp/tocsin-conn-XXXXXX";
	char address[64];
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct stat info;

	cr_assert_not_null(mkdtemp(path));
	snprintf(address, sizeof(address), "unix:%s/s", path);
	snprintf(un.sun_path, sizeof(un.sun_path), "%s/s", path);
	int stale = socket(AF_UNIX, SOCK_STREAM, 0);
	cr_assert_eq(bind(stale, (struct sockaddr *)&un, sizeof(un)), 0);
	close(stale);

	struct echo *echo = echo_new(address, 4, 0);
	cr_expect_eq(stat(un.sun_path, &info), 0);
	cr_expect_eq(info.st_mode & 0777, 0660);
	echo->client = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	cr_assert_eq(connect(echo->client, (struct sockaddr *)&un, sizeof(un)), 0);
	send_text(echo->client, "x\n");
	echo->wanted = 2;
	cr_expect(run_loop_until(echo->loop, has_answer, echo));
	cr_expect_eq(echo->peer_code, 0);
	cr_expect_eq(echo->uid, getuid());
	cr_expect_eq(echo->pid, getpid());

	struct listener *second = NULL;
	struct listener_options options = {.address = address, .conns_max = 1};
	cr_expect_eq(listener_new(&second, echo->loop, &options, NULL), ERR_EXISTS);
	echo_free(echo);
	cr_expect_neq(stat(un.sun_path, &info), 0, "the socket file is removed");
	rmdir(path);
}

Test(conn, gives_the_rest_when_the_client_closes)
{
	struct echo *echo = echo_new("127.0.0.1:0", 4, 0);

	echo->client = connect_tcp(echo);
	send_text(echo->client, "a\nunfinished");
	close(echo->client);
	echo->client = -1;
	cr_expect(run_loop_until(echo->loop, has_closed, echo));
	cr_expect_str_eq(echo->rest, "unfinished");
	echo_free(echo);
}

Test(conn, a_half_closed_client_still_gets_its_answer)
{
	struct echo *echo = echo_new("127.0.0.1:0", 4, 0);

	echo->client = connect_tcp(echo);
	send_text(echo->client, "question\n");
	shutdown(echo->client, SHUT_WR);
	cr_expect(run_loop_until(echo->loop, has_eof, echo));
	cr_expect_str_eq(echo->got, "question\n");
	cr_expect_eq(echo->closed, 1);
	echo_free(echo);
}

Test(conn, close_after_write_sends_everything_first)
{
	struct echo *echo = echo_new("127.0.0.1:0", 4, 0);

	echo->closes_after_answer = true;
	echo->client = connect_tcp(echo);
	send_text(echo->client, "bye\n");
	cr_expect(run_loop_until(echo->loop, has_eof, echo));
	cr_expect_str_eq(echo->got, "bye\n");
	cr_expect_eq(echo->closed, 0);
	echo_free(echo);
}

Test(conn, may_be_freed_in_its_own_callback)
{
	struct echo *echo = echo_new("127.0.0.1:0", 4, 0);

	echo->frees_at_data = true;
	echo->client = connect_tcp(echo);
	send_text(echo->client, "x\n");
	run_loop_until(echo->loop, has_eof, echo);
	cr_expect_eq(echo->data_calls, 1);
	cr_expect_eq(echo->closed, 0);
	echo_free(echo);
}

static bool has_two(void *arg)
{
	struct echo *echo = arg;
	return echo->accepted + (int)listener_refused_count(echo->listener) == 2;
}

Test(conn, clients_beyond_the_limit_are_closed_and_counted)
{
	struct echo *echo = echo_new("127.0.0.1:0", 1, 0);
	int first = connect_tcp(echo);

	echo->client = connect_tcp(echo);
	cr_expect(run_loop_until(echo->loop, has_two, echo));
	cr_expect_eq(listener_refused_count(echo->listener), 1);
	cr_expect(run_loop_until(echo->loop, has_eof, echo));
	close(first);
	echo_free(echo);
}

static bool has_data(void *arg)
{
	return ((struct echo *)arg)->data_calls > 0;
}

Test(conn, a_paused_conn_is_offered_its_data_when_it_goes_on)
{
	struct echo *echo = echo_new("127.0.0.1:0", 1, 0);

	echo->is_greedy = true;
	echo->client = connect_tcp(echo);
	send_text(echo->client, "kept\n");
	cr_assert(run_loop_until(echo->loop, has_data, echo));
	conn_pause(echo->conn, true);
	echo->is_greedy = false;
	send_text(echo->client, "more\n");
	run_loop_for(echo->loop, 10, run_loop_flag, &(bool){false});
	cr_expect_eq(echo->data_calls, 1);
	conn_pause(echo->conn, false);
	echo->wanted = 10;
	cr_expect(run_loop_until(echo->loop, has_answer, echo));
	cr_expect_str_eq(echo->got, "kept\nmore\n");
	echo_free(echo);
}

Test(conn, writing_is_bounded)
{
	struct echo *echo = echo_new("127.0.0.1:0", 1, 0);
	char *block = mem_alloc(64 * 1024);

	echo->is_greedy = true;
	echo->client = connect_tcp(echo);
	send_text(echo->client, "x");
	cr_assert(run_loop_until(echo->loop, has_data, echo));
	cr_expect_eq(conn_write(echo->conn, (struct slice){block, 64 * 1024}), 0);
	cr_expect_eq(conn_write(echo->conn, (struct slice){block, 64 * 1024}), 0);
	cr_expect_eq(conn_write(echo->conn, (struct slice){block, 1}), ERR_FULL);
	mem_free(block);
	echo_free(echo);
}

Test(conn, an_idle_client_is_closed)
{
	struct echo *echo = echo_new("127.0.0.1:0", 1, 30);

	echo->client = connect_tcp(echo);
	cr_expect(run_loop_until(echo->loop, has_eof, echo));
	cr_expect_eq(echo->closed, 1);
	echo_free(echo);
}

Test(conn, bad_addresses_are_refused_with_the_forms_allowed)
{
	struct loop *loop = run_loop_new();
	static const char *const bad[] = {
		"",        "127.0.0.1",   "127.0.0.1:",   "127.0.0.1:65536",
		"host:80", "127.0.0.1:x", "127.0.0.1:-1", "unix:",
		NULL};

	for (const char *const *address = bad; *address; address++) {
		struct listener *listener = NULL;
		struct listener_options options = {.address = *address, .conns_max = 1};
		struct err_note why = {0};
		cr_expect_eq(listener_new(&listener, loop, &options, &why), ERR_INVALID, "\"%s\"",
			     *address);
		cr_expect_str_not_empty(why.text);
	}
	loop_free(loop);
}
