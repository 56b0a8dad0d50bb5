#include "core/outbox/outbox_internal.h"

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/require.h"
#include "core/channel/channel.h"
#include "core/channel/message.h"
#include "core/loop/loop.h"
#include "core/loop/mail_client.h"
#include "core/outbox/ledger.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A row is rendered when it is sent: the signature has the time of the attempt. One request at a
 * time, so that people read in the order of the events, and so that a limit is never met by two. */

enum { CHANNEL_REPLY_BYTES_MAX = 16 * 1024 };

struct target_channel {
	struct target target;
	struct loop *loop;
	struct http_client *client;
	const struct channel *channel;
	struct target *console; /* of the kind console */
	struct http_call *call; /* NULL: none on its way */
	struct ledger ledger;
	struct channel_session session; /* key "": none */
	int64_t session_until_ms;       /* monotonic */
	char *row_id, *row_body;        /* of the row that waits for a session */
	uint64_t incident;              /* of the row on its way */
	bool is_last;                   /* nothing will be edited after it */
	bool is_quiet_end;              /* it is only told in a message that is there */
	bool is_edit, is_new_due;       /* what was to be edited is gone */
};

static struct target_channel *channel_of(struct target *target)
{
	return (struct target_channel *)target;
}

/** Ledgers are for channels whose messages can be edited. */
static bool can_edit(const struct target_channel *out)
{
	return channel_can_edit(channel_settings(out->channel));
}

static void keep_message(struct target_channel *out, const struct channel_verdict *verdict)
{
	struct ledger_entry entry = {.incident = out->incident};

	if (!can_edit(out) || out->incident == 0)
		return;
	if (out->is_last) {
		ledger_forget(&out->ledger, out->incident);
		return;
	}
	snprintf(entry.room, sizeof(entry.room), "%s", verdict->room);
	snprintf(entry.ts, sizeof(entry.ts), "%s", verdict->ts);
	if (!out->is_edit && entry.ts[0] != '\0')
		ledger_put(&out->ledger, &entry);
}

static void drop_row(struct target_channel *out)
{
	mem_free(out->row_id);
	mem_free(out->row_body);
	out->row_id = NULL;
	out->row_body = NULL;
}

static void drop_session(struct target_channel *out)
{
	explicit_bzero(&out->session, sizeof(out->session));
	out->session_until_ms = 0;
}

static void finish(struct target_channel *out, const struct channel_verdict *verdict)
{
	drop_row(out);
	if (verdict->is_session_over)
		drop_session(out);
	switch (verdict->end) {
	case CHANNEL_DELIVERED:
		out->is_new_due = false;
		keep_message(out, verdict);
		target_finish(&out->target, 1, SEND_DELIVERED, NULL);
		return;
	case CHANNEL_EDIT_GONE:
		out->is_new_due = true;
		if (!out->is_quiet_end)
			break;
		/* A new message days later that it is closed now would only disturb. */
		keep_message(out, verdict);
		out->is_new_due = false;
		target_finish(&out->target, 1, SEND_DELIVERED, NULL);
		return;
	case CHANNEL_RETRY: out->target.wait_ms = verdict->wait_ms; break;
	case CHANNEL_REFUSED: break;
	}
	target_finish(&out->target, 0, verdict->end == CHANNEL_REFUSED ? SEND_REFUSED : SEND_RETRY,
		      verdict->error);
}

/** A mail is taken or not: its last reply code alone does not tell when the connection broke. */
static bool has_answer(const struct target_channel *out, const struct http_result *result)
{
	if (channel_settings(out->channel)->kind == CHANNEL_MAIL)
		return result->code == 0 || result->status >= 400;
	return result->status != 0;
}

static void not_answered(const struct http_result *result, struct channel_verdict *verdict)
{
	snprintf(verdict->error, sizeof(verdict->error), "The channel did not answer: %.200s.",
		 result->error ? target_error_without_url(result->error)
			       : err_sentence(result->code));
}

static void on_answer(void *arg, const struct http_result *result)
{
	struct target_channel *out = arg;
	struct channel_verdict verdict = {.end = CHANNEL_RETRY};
	const struct channel_reply reply = {
		.status = result->status,
		.body = result->body,
		.retry_after_ms = result->retry_after_ms,
		.is_edit = out->is_edit,
	};

	out->call = NULL;
	if (has_answer(out, result))
		channel_judge(out->channel, &reply, &verdict);
	else
		not_answered(result, &verdict);
	finish(out, &verdict);
}

static int start_mail(struct target_channel *out, const struct channel_request *request,
		      struct err_note *why)
{
	const struct channel_settings *settings = channel_settings(out->channel);
	const struct mail_call_options options = {
		.url = request->url,
		.from = settings->from,
		.to = (const char *const *)request->to,
		.text = bytes_slice(&request->body),
		.user = settings->user,
		.password = settings->password,
		.has_tls = settings->has_tls,
		.total_ms = settings->timeout_ms,
	};

	return mail_call_start(&out->call, out->client, &options, on_answer, out, why);
}

static int start_http(struct target_channel *out, const struct channel_request *request,
		      void (*on_reply)(void *arg, const struct http_result *result),
		      struct err_note *why)
{
	const struct http_call_options options = {
		.method = request->method,
		.url = request->url,
		.headers = (const char *const *)request->headers,
		.body = bytes_slice(&request->body),
		.total_ms = channel_settings(out->channel)->timeout_ms,
		.reply_bytes_max = CHANNEL_REPLY_BYTES_MAX,
	};

	return http_call_start(&out->call, out->client, &options, on_reply, out, why);
}

static void start(struct target_channel *out, const struct channel_request *request,
		  const struct outbox_row *row)
{
	struct err_note why = {""};
	int code;

	if (out->console != NULL) {
		const struct outbox_row line = {row->id, bytes_slice(&request->body), false};

		out->console->ops->send(out->console, &line, 1);
		return;
	}
	code = channel_settings(out->channel)->kind == CHANNEL_MAIL
		       ? start_mail(out, request, &why)
		       : start_http(out, request, on_answer, &why);
	if (code == 0)
		return;
	out->call = NULL;
	/* The client's own words may have the URL. */
	snprintf(why.text, sizeof(why.text), "The request could not be started: %s.",
		 err_sentence(code));
	drop_row(out);
	target_finish(&out->target, 0, code == ERR_FULL ? SEND_RETRY : SEND_REFUSED, why.text);
}

static bool is_last_event(const char *event)
{
	return strcmp(event, "closed") == 0 || strcmp(event, "cancelled") == 0 ||
	       strcmp(event, "merged") == 0;
}

static void send_row(struct target_channel *out, const struct outbox_row *row)
{
	struct message_fields *fields = message_fields_new(row->body, row->id);
	struct channel_moment moment = {
		.id = row->id,
		.wall_ms = loop_wall_ms(out->loop),
		.session = out->session.key[0] != '\0' ? out->session.key : NULL,
	};
	struct channel_request request;
	struct ledger_entry entry;
	struct err_note why = {""};
	int code;

	out->incident = message_is_page(fields) ? 0 : message_incident(fields);
	out->is_last = is_last_event(message_field(fields, "event"));
	out->is_quiet_end = strcmp(message_field(fields, "event"), "closed") == 0;
	if (can_edit(out) && !out->is_new_due && ledger_find(&out->ledger, out->incident, &entry)) {
		moment.edit_room = entry.room;
		moment.edit_ts = entry.ts;
	}
	code = channel_build(out->channel, fields, &moment, &request, &why);
	message_fields_free(fields);
	if (code != 0) {
		drop_row(out);
		target_finish(&out->target, 0, SEND_REFUSED, why.text);
		return;
	}
	out->is_edit = request.is_edit;
	start(out, &request, row);
	channel_request_deinit(&request);
}

/* ---- the channel's own key ---- */

static void on_session(void *arg, const struct http_result *result)
{
	struct target_channel *out = arg;
	struct channel_verdict verdict = {.end = CHANNEL_RETRY};
	const struct channel_reply reply = {
		.status = result->status,
		.body = result->body,
		.retry_after_ms = result->retry_after_ms,
	};

	out->call = NULL;
	if (result->status == 0) {
		not_answered(result, &verdict);
		finish(out, &verdict);
	} else if (!channel_read_session(out->channel, &reply, &out->session, &verdict)) {
		finish(out, &verdict);
	} else {
		const struct outbox_row row = {out->row_id, slice_of(out->row_body), false};

		out->session_until_ms = loop_mono_ms(out->loop) + out->session.for_ms;
		send_row(out, &row);
	}
}

/** True: the row waits for a key; it is kept. */
static bool waits_for_session(struct target_channel *out, const struct outbox_row *row)
{
	struct channel_request request;
	struct err_note why = {""};
	int code;

	if (out->session.key[0] != '\0' && loop_mono_ms(out->loop) < out->session_until_ms)
		return false;
	if (!channel_build_session(out->channel, &request))
		return false;
	drop_session(out);
	out->row_id = mem_copy_text(row->id);
	out->row_body = mem_copy_bytes(row->body.data, row->body.length);
	code = start_http(out, &request, on_session, &why);
	/* It has the app's secret. */
	explicit_bzero(request.body.data, request.body.length);
	channel_request_deinit(&request);
	if (code == 0)
		return true;
	out->call = NULL;
	drop_row(out);
	snprintf(why.text, sizeof(why.text), "The request could not be started: %s.",
		 err_sentence(code));
	target_finish(&out->target, 0, SEND_RETRY, why.text);
	return true;
}

static void channel_send(struct target *target, const struct outbox_row *rows, uint32_t row_count)
{
	struct target_channel *out = channel_of(target);

	REQUIRE(row_count == 1 && out->call == NULL);
	if (!waits_for_session(out, &rows[0]))
		send_row(out, &rows[0]);
}

static void channel_target_free(struct target *target)
{
	struct target_channel *out = channel_of(target);

	if (out->call)
		http_call_cancel(out->call);
	if (out->console)
		out->console->ops->free(out->console);
	drop_row(out);
	drop_session(out);
	mem_free(out);
}

static void on_printed(void *arg, uint32_t delivered_count, enum send_end end, const char *error)
{
	struct target_channel *out = arg;

	target_finish(&out->target, delivered_count, end, error);
}

static const struct target_ops channel_ops = {
	.rows_max = 1,
	.bytes_max = OUTBOX_BODY_BYTES_MAX,
	.send = channel_send,
	.free = channel_target_free,
};

struct target *target_channel_new(const struct outbox_options *options, const char *name,
				  const struct channel *channel)
{
	struct target_channel *out = mem_alloc(sizeof(*out));
	struct rate rates[RATES_MAX];
	uint32_t rate_count = channel_rates(channel, rates);

	out->target.ops = &channel_ops;
	out->loop = options->loop;
	out->client = options->client;
	out->channel = channel;
	out->ledger = (struct ledger){.kv = options->kv, .commit = options->commit, .output = name};
	rate_limit_init(&out->target.limit, rates, rate_count, loop_mono_ms(options->loop));
	if (channel_settings(channel)->kind == CHANNEL_CONSOLE) {
		out->console = target_stdout_new(options->loop, STDOUT_FILENO);
		out->console->on_done = on_printed;
		out->console->arg = out;
	}
	return &out->target;
}
