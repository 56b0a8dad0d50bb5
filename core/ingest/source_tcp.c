#include "core/ingest/source_tcp.h"

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/ingest/intake.h"
#include "core/ingest/source.h"
#include "core/ingest/source_lines.h"
#include "core/loop/conn.h"

/*  Bytes wait in the connection's own buffer until the pool takes whole lines of it; a connection
 *  the pool has no room for is paused, and offered its data again when there is room. */

struct tcp_client {
	struct source_tcp *tcp;
	struct conn *conn;
	bool skip; /**< inside an over-long line */
	struct tcp_client *next;
	struct tcp_client **link;
};

struct source_tcp {
	struct source_tcp_options options;
	char *source;
	struct listener *listener;
	struct tcp_client *clients;
	bool is_paused;
	struct bytes rest; /**< last lines of closed connections that wait for room */
	struct source_tcp_status status;
};

/** Gives the pool whole lines; ERR_FULL, ERR_AGAIN (paused, or no intake). */
static int submit(struct source_tcp *tcp, struct slice lines)
{
	struct intake *intake = tcp->is_paused ? NULL : tcp->options.intake(tcp->options.arg);

	if (!intake)
		return ERR_AGAIN;
	struct pool_bytes_job job = {
		.intake = intake,
		.partition = tcp->options.partition,
	};
	bytes_append_slice(&job.data, lines);
	int code = pool_try_bytes(tcp->options.pool, &job);
	if (code != 0)
		bytes_deinit(&job.data);
	return code;
}

static uint32_t line_bytes_max(const struct source_tcp *tcp)
{
	const struct intake *intake = tcp->options.intake(tcp->options.arg);

	return intake && intake->line_bytes_max < TCP_READ_BYTES_MAX / 2 ? intake->line_bytes_max
									 : TCP_READ_BYTES_MAX / 2;
}

static size_t on_data(void *arg, struct conn *conn, struct slice data)
{
	struct tcp_client *client = arg;
	struct line_cut cut = line_cut(data, line_bytes_max(client->tcp), client->skip);

	if (cut.lines.length && submit(client->tcp, cut.lines) != 0) {
		conn_pause(conn, true);
		return 0;
	}
	client->skip = cut.skip;
	return cut.used;
}

static void free_client(struct tcp_client *client)
{
	*client->link = client->next;
	if (client->next)
		client->next->link = client->link;
	client->tcp->status.conn_count--;
	mem_free(client);
}

static void keep_rest(struct source_tcp *tcp, struct slice rest)
{
	if (tcp->rest.length + rest.length + 1 > TCP_REST_BYTES_MAX) {
		tcp->status.dropped_bytes += rest.length;
		log_warn(INGEST,
			 "%s: %zu bytes of a closed connection are dropped, readers are busy",
			 tcp->source, rest.length);
		return;
	}
	bytes_append_slice(&tcp->rest, rest);
	if (rest.data[rest.length - 1] != '\n')
		bytes_append_char(&tcp->rest, '\n');
}

/** Without the end of an over-long line that was told already. */
static struct slice without_skipped(struct slice rest, bool skip)
{
	struct line_cut cut;

	if (!skip)
		return rest;
	cut = line_cut(rest, UINT32_MAX, true);
	size_t start = cut.skip ? rest.length : cut.used - cut.lines.length;
	return (struct slice){rest.data + start, rest.length - start};
}

static void on_close(void *arg, struct conn *conn, struct slice rest)
{
	struct tcp_client *client = arg;
	struct source_tcp *tcp = client->tcp;

	(void)conn;
	rest = without_skipped(rest, client->skip);
	free_client(client);
	if (rest.length && submit(tcp, rest) != 0)
		keep_rest(tcp, rest);
}

static const struct conn_events EVENTS = {on_data, on_close};

static void on_accept(void *arg, struct conn *conn)
{
	struct source_tcp *tcp = arg;
	struct tcp_client *client = mem_alloc(sizeof(*client));

	client->tcp = tcp;
	client->conn = conn;
	client->next = tcp->clients;
	client->link = &tcp->clients;
	if (client->next)
		client->next->link = &client->next;
	tcp->clients = client;
	tcp->status.conn_count++;
	tcp->status.accepted_conns++;
	conn_attach(conn, &EVENTS, client);
	conn_pause(conn, tcp->is_paused);
}

int source_tcp_new(struct source_tcp **out, struct loop *loop,
		   const struct source_tcp_options *options, struct err_note *why)
{
	struct source_tcp *tcp = mem_alloc(sizeof(*tcp));
	struct listener_options listener = {
		.address = options->address,
		.conns_max = options->conns_max ? options->conns_max : TCP_CONNS_MAX,
		.read_bytes_max = TCP_READ_BYTES_MAX,
		.idle_ms = TCP_IDLE_MS,
		.on_accept = on_accept,
		.arg = tcp,
	};

	tcp->options = *options;
	tcp->options.address = NULL;
	tcp->source = mem_copy_text(options->source);
	int code = listener_new(&tcp->listener, loop, &listener, why);
	if (code != 0) {
		err_prefix(why, "source \"%s\"", options->source);
		mem_free(tcp->source);
		mem_free(tcp);
		return code;
	}
	*out = tcp;
	return 0;
}

void source_tcp_free(struct source_tcp *tcp)
{
	if (!tcp)
		return;
	listener_free(tcp->listener);
	bytes_deinit(&tcp->rest);
	mem_free(tcp->source);
	mem_free(tcp);
}

uint16_t source_tcp_port(const struct source_tcp *tcp)
{
	return listener_port(tcp->listener);
}

void source_tcp_on_room(struct source_tcp *tcp)
{
	if (tcp->is_paused)
		return;
	if (tcp->rest.length && submit(tcp, bytes_slice(&tcp->rest)) == 0)
		bytes_clear(&tcp->rest);
	for (struct tcp_client *client = tcp->clients; client; client = client->next)
		conn_pause(client->conn, false);
}

void source_tcp_pause(struct source_tcp *tcp, bool is_paused)
{
	tcp->is_paused = is_paused;
	if (!is_paused) {
		source_tcp_on_room(tcp);
		return;
	}
	for (struct tcp_client *client = tcp->clients; client; client = client->next)
		conn_pause(client->conn, true);
}

void source_tcp_status(const struct source_tcp *tcp, struct source_tcp_status *out)
{
	*out = tcp->status;
	out->refused_conns = listener_refused_count(tcp->listener);
}
