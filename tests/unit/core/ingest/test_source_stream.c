#include "source_case.h"

#include "core/ingest/source_stdin.h"
#include "core/ingest/source_tcp.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINE "{\"time\":1763791200,\"n\":1}\n"

static struct source_tcp *tcp_new(struct source_case *source)
{
	struct source_tcp *tcp = NULL;
	struct err_note why = {0};
	struct source_tcp_options options = {
		.source = "test",
		.address = "127.0.0.1:0",
		.pool = source->pool,
		.intake = case_intake,
		.arg = source,
	};

	cr_assert_eq(source_tcp_new(&tcp, source->loop, &options, &why), 0, "%s", why.text);
	source->source = tcp;
	return tcp;
}

static int connect_to(const struct source_tcp *tcp)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(source_tcp_port(tcp)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void send_text(int fd, const char *text)
{
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void tcp_room(struct source_case *source)
{
	source_tcp_on_room(source->source);
}

Test(source_tcp, lines_of_several_connections_are_counted_and_the_last_needs_no_end)
{
	struct source_case *source = case_new(1, 65536);
	struct source_tcp *tcp = tcp_new(source);
	int first = connect_to(tcp);
	int second = connect_to(tcp);

	send_text(first, LINE LINE "{\"time\":17");
	send_text(second, LINE);
	cr_expect(case_wait_readings(source, 3));
	send_text(first, "63791200}\n{\"time\":1763791200}");
	cr_expect(case_wait_readings(source, 4));
	close(first);
	cr_expect(case_wait_readings(source, 5));
	cr_expect_eq(source->malformed, 0);
	close(second);
	source_tcp_free(tcp);
	case_free(source);
}

static bool has_malformed(void *arg)
{
	return ((struct source_case *)arg)->malformed > 0;
}

Test(source_tcp, an_over_long_line_is_one_malformed_line)
{
	struct source_case *source = case_new(1, 100);
	struct source_tcp *tcp = tcp_new(source);
	int client = connect_to(tcp);
	char block[301];

	memset(block, 'x', 300);
	block[300] = '\0';
	send_text(client, block);
	cr_expect(run_loop_until(source->loop, has_malformed, source));
	send_text(client, block);
	send_text(client, "\n" LINE);
	cr_expect(case_wait_readings(source, 1));
	cr_expect_eq(source->malformed, 1);
	close(client);
	source_tcp_free(tcp);
	case_free(source);
}

Test(source_tcp, a_paused_source_reads_later_and_loses_nothing)
{
	struct source_case *source = case_new(1, 65536);
	struct source_tcp *tcp = tcp_new(source);
	int client = connect_to(tcp);

	source_tcp_pause(tcp, true);
	send_text(client, LINE LINE);
	run_loop_for(source->loop, 20, run_loop_flag, &(bool){false});
	cr_expect_eq(source->readings, 0);
	source_tcp_pause(tcp, false);
	cr_expect(case_wait_readings(source, 2));
	close(client);
	source_tcp_free(tcp);
	case_free(source);
}

Test(source_tcp, a_full_pool_delays_and_loses_nothing)
{
	struct source_case *source = case_new(1, 65536);
	struct source_tcp *tcp = tcp_new(source);
	struct pool_bytes_job job = {.intake = source->intake};
	int client = connect_to(tcp);

	source->on_room = tcp_room;
	send_text(client, LINE LINE "{\"time\":1763791200}");
	close(client);
	while (pool_try_bytes(source->pool, &job) == 0)
		;
	cr_expect(case_wait_readings(source, 3));
	source_tcp_free(tcp);
	case_free(source);
}

static struct source_stdin *stdin_new(struct source_case *source, int fd)
{
	struct source_stdin *input = NULL;
	struct source_stdin_options options = {
		.source = "test",
		.fd = fd,
		.pool = source->pool,
		.intake = case_intake,
		.arg = source,
	};

	cr_assert_eq(source_stdin_new(&input, source->loop, &options, NULL), 0);
	source->source = input;
	return input;
}

Test(source_stdin, a_pipe_is_read_as_it_comes_and_to_its_end)
{
	struct source_case *source = case_new(1, 65536);
	int fds[2];

	cr_assert_eq(pipe(fds), 0);
	struct source_stdin *input = stdin_new(source, fds[0]);
	send_text(fds[1], LINE "{\"time\":1763");
	cr_expect(case_wait_readings(source, 1));
	send_text(fds[1], "791200}\n{\"time\":1763791200}");
	cr_expect(case_wait_readings(source, 2));
	close(fds[1]);
	cr_expect(case_wait_readings(source, 3));
	source_stdin_free(input);
	close(fds[0]);
	case_free(source);
}

static void stdin_room(struct source_case *source)
{
	source_stdin_on_room(source->source);
}

Test(source_stdin, a_regular_file_larger_than_the_queues_is_read_whole)
{
	struct source_case *source = case_new(1, 65536);
	char path[] = "/tmp/tocsin-stdin-XXXXXX";
	int fd = mkstemp(path);
	FILE *file = fdopen(dup(fd), "w");
	int count = 100000;

	for (int i = 0; i < count; i++)
		fputs(LINE, file);
	fclose(file);
	lseek(fd, 0, SEEK_SET);
	source->on_room = stdin_room;
	struct source_stdin *input = stdin_new(source, fd);
	cr_expect(case_wait_readings(source, (uint64_t)count));
	source_stdin_free(input);
	close(fd);
	unlink(path);
	case_free(source);
}

Test(source_stdin, a_paused_stream_goes_on)
{
	struct source_case *source = case_new(0, 65536);
	int fds[2];

	cr_assert_eq(pipe(fds), 0);
	struct source_stdin *input = stdin_new(source, fds[0]);
	source_stdin_pause(input, true);
	send_text(fds[1], LINE);
	run_loop_for(source->loop, 20, run_loop_flag, &(bool){false});
	cr_expect_eq(source->readings, 0);
	source_stdin_pause(input, false);
	cr_expect(case_wait_readings(source, 1));
	source_stdin_free(input);
	close(fds[0]);
	close(fds[1]);
	case_free(source);
}
