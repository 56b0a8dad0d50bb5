#include "core/outbox/outbox.h"

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/secret.h"
#include "core/channel/channel.h"
#include "core/config/config.h"
#include "core/loop/loop.h"
#include "core/outbox/outbox_internal.h"
#include "storage/keyspace.h"
#include "storage/kv.h"

#include <string.h>
#include <unistd.h>

enum { ID_BYTES_MAX = 256 };

/** A queue, and the settings its target was made from (copied: a generation may go at any time). */
struct entry {
	struct entry *next;
	struct outbox_queue *queue;
	bool is_configured;
	enum output_kind kind;
	char *text;
	char *secret; /* resolved */
	int64_t timeout_ms;
	struct channel *channel; /* of people; used by the target */
};

/** What outbox_configure() read of one output before anything is changed. */
struct resolved {
	char *secret;
	struct channel *channel;
};

struct outbox {
	struct outbox_options options;
	char *state_dir;
	struct entry *entries;
};

static void secret_free(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	mem_free(secret);
}

static struct entry *find_entry(const struct outbox *outbox, const char *name)
{
	struct entry *entry = outbox->entries;

	while (entry && strcmp(outbox_queue_name(entry->queue), name) != 0)
		entry = entry->next;
	return entry;
}

static struct entry *get_entry(struct outbox *outbox, const char *name)
{
	struct entry **link = &outbox->entries;

	while (*link && strcmp(outbox_queue_name((*link)->queue), name) != 0)
		link = &(*link)->next;
	if (!*link) {
		*link = mem_alloc(sizeof(**link));
		(*link)->queue = outbox_queue_new(&outbox->options, name);
	}
	return *link;
}

static void entry_free(struct entry *entry)
{
	outbox_queue_free(entry->queue);
	mem_free(entry->text);
	secret_free(entry->secret);
	channel_free(entry->channel);
	mem_free(entry);
}

/* ---- start ---- */

static struct outbox_queue *queue_of_key(struct outbox *outbox, struct slice key,
					 uint64_t *sequence)
{
	struct byte_reader reader = key_read(key);
	struct slice name = key_read_text(&reader);

	*sequence = byte_reader_be64(&reader);
	if (reader.has_failed || reader.left > 0) {
		log_error(OUTBOX, "a stored row has a key of %zu bytes that cannot be read",
			  key.length);
		return NULL;
	}
	return get_entry(outbox, name.data)->queue;
}

static bool recover_row(void *arg, struct slice key, struct slice value)
{
	struct outbox_waiting waiting = {.is_recovered = true};
	struct outbox_queue *queue = queue_of_key(arg, key, &waiting.sequence);
	struct outbox_record record = {0};

	if (!queue)
		return true;
	/* A damaged row is queued as well: its turn to be reported and dropped comes when it is
	 * sent. */
	if (outbox_record_decode(value, &record, NULL) == 0)
		waiting.created_ms = record.created_ms;
	outbox_record_deinit(&record);
	outbox_queue_recover(queue, &waiting);
	return true;
}

static bool recover_dead(void *arg, struct slice key, struct slice value)
{
	uint64_t sequence;
	struct outbox_queue *queue = queue_of_key(arg, key, &sequence);

	(void)value;
	if (queue)
		outbox_queue_recover_dead(queue, sequence);
	return true;
}

static int recover(struct outbox *outbox, struct err_note *why)
{
	char row_prefix[] = {KEYSPACE_OUTBOX};
	char dead_prefix[] = {KEYSPACE_OUTBOX_DEAD};
	int code = kv_scan(outbox->options.kv, (struct slice){row_prefix, 1}, false, recover_row,
			   outbox, why);

	if (code == 0)
		code = kv_scan(outbox->options.kv, (struct slice){dead_prefix, 1}, false,
			       recover_dead, outbox, why);
	return code;
}

int outbox_new(struct outbox **out, const struct outbox_options *options, struct err_note *why)
{
	struct outbox *outbox = mem_alloc(sizeof(*outbox));
	int code;

	outbox->options = *options;
	outbox->state_dir = mem_copy_text(options->state_dir);
	code = recover(outbox, why);
	if (code < 0) {
		outbox_free(outbox);
		return code;
	}
	*out = outbox;
	return 0;
}

void outbox_free(struct outbox *outbox)
{
	if (!outbox)
		return;
	while (outbox->entries) {
		struct entry *entry = outbox->entries;

		outbox->entries = entry->next;
		entry_free(entry);
	}
	mem_free(outbox->state_dir);
	mem_free(outbox);
}

/* ---- settings ---- */

static const char *kind_name(const struct config_output *output)
{
	switch (output->kind) {
	case OUTPUT_FILE: return "file";
	case OUTPUT_STDOUT: return "stdout";
	case OUTPUT_WEBHOOK: return "webhook";
	case OUTPUT_CHANNEL: return channel_kind_name(output->channel->kind);
	}
	return "none";
}

static struct target *make_target(struct outbox *outbox, const struct config_output *output,
				  const struct entry *entry)
{
	struct loop *loop = outbox->options.loop;
	struct target *target = NULL;
	char *path;

	switch (output->kind) {
	case OUTPUT_FILE:
		path = output->text[0] == '/'
			       ? mem_copy_text(output->text)
			       : mem_format("%s/%s", outbox->state_dir, output->text);
		target = target_file_new(loop_env(loop), path, !outbox->options.leaves_sync_to_os);
		mem_free(path);
		break;
	case OUTPUT_STDOUT: target = target_stdout_new(loop, STDOUT_FILENO); break;
	case OUTPUT_WEBHOOK:
		if (outbox->options.client)
			target = target_webhook_new(loop, outbox->options.client, output->text,
						    entry->secret, output->timeout_ms);
		break;
	case OUTPUT_CHANNEL:
		if (outbox->options.client)
			target = target_channel_new(
				&outbox->options, outbox_queue_name(entry->queue), entry->channel);
		break;
	}
	return target;
}

static bool is_same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static void resolved_free(struct resolved *resolved)
{
	secret_free(resolved->secret);
	channel_free(resolved->channel);
	*resolved = (struct resolved){0};
}

static bool is_unchanged(const struct entry *entry, const struct config_output *output,
			 const struct resolved *resolved)
{
	if (!outbox_queue_has_target(entry->queue) || entry->kind != output->kind)
		return false;
	if (output->kind == OUTPUT_CHANNEL)
		return channel_is_same(entry->channel, resolved->channel);
	return entry->timeout_ms == output->timeout_ms && is_same_text(entry->text, output->text) &&
	       is_same_text(entry->secret, resolved->secret);
}

/* Takes what was resolved. An unchanged target is kept: replacing it would cut off, and so repeat,
 * what is on its way. */
static void configure_entry(struct outbox *outbox, const struct config_output *output,
			    struct resolved *resolved)
{
	struct entry *entry = get_entry(outbox, output->name);
	struct channel *old = entry->channel;

	entry->is_configured = true;
	if (is_unchanged(entry, output, resolved)) {
		resolved_free(resolved);
		return;
	}
	mem_free(entry->text);
	secret_free(entry->secret);
	entry->kind = output->kind;
	entry->text = mem_copy_text(output->text);
	entry->secret = resolved->secret;
	entry->channel = resolved->channel;
	entry->timeout_ms = output->timeout_ms;
	outbox_queue_set_target(entry->queue, make_target(outbox, output, entry),
				kind_name(output));
	channel_free(old);
}

/* Targets that are gone: what waits for them waits, what has nothing to tell is forgotten. */
static void retire_others(struct outbox *outbox)
{
	struct entry **link = &outbox->entries;

	while (*link) {
		struct entry *entry = *link;

		if (!entry->is_configured)
			outbox_queue_set_target(entry->queue, NULL, "none");
		if (!entry->is_configured && outbox_queue_is_empty(entry->queue)) {
			*link = entry->next;
			entry_free(entry);
		} else {
			link = &entry->next;
		}
	}
}

static int resolve(const struct config_output *output, struct resolved *out, struct err_note *why)
{
	int code = 0;

	if (output->secret != NULL)
		code = secret_read(output->secret, &out->secret, why);
	if (code == 0 && output->kind == OUTPUT_CHANNEL)
		code = channel_new(&out->channel, output->channel, why);
	if (code != 0)
		err_prefix(why, "output \"%s\"", output->name);
	return code;
}

int outbox_configure(struct outbox *outbox, struct config *config, struct err_note *why)
{
	struct resolved resolved[CONFIG_OUTPUTS_MAX] = {{0}};
	int code = 0;

	/* All that can fail comes first, so that a refused reload changes nothing. */
	for (uint32_t index = 0; index < config->output_count && code == 0; index++)
		code = resolve(&config->outputs[index], &resolved[index], why);
	for (uint32_t index = 0; code != 0 && index < config->output_count; index++)
		resolved_free(&resolved[index]);
	if (code != 0)
		return code;
	for (struct entry *entry = outbox->entries; entry; entry = entry->next)
		entry->is_configured = false;
	for (uint32_t index = 0; index < config->output_count; index++)
		configure_entry(outbox, &config->outputs[index], &resolved[index]);
	retire_others(outbox);
	return 0;
}

/* ---- use ---- */

static bool is_good_id(const char *id)
{
	size_t length = strlen(id);

	for (size_t index = 0; index < length; index++) {
		/* It becomes an HTTP header. */
		if (id[index] <= ' ' || id[index] > '~')
			return false;
	}
	return length > 0 && length <= ID_BYTES_MAX;
}

static bool is_one_line(struct slice body)
{
	return !memchr(body.data, '\n', body.length) && !memchr(body.data, '\r', body.length) &&
	       !memchr(body.data, '\0', body.length);
}

int outbox_put(struct outbox *outbox, const char *target, const char *id, struct slice body,
	       void (*on_sent)(void *arg, bool is_delivered, const char *error), void *arg,
	       struct err_note *why)
{
	struct entry *entry = find_entry(outbox, target);

	if (!entry || !entry->is_configured)
		return err_set(why, ERR_NOT_FOUND, "The site has no output \"%.64s\".", target);
	if (!is_good_id(id))
		return err_set(why, ERR_INVALID,
			       "An outbox id must be 1 to %d visible ASCII characters.",
			       ID_BYTES_MAX);
	if (body.length == 0 || !is_one_line(body))
		return err_set(why, ERR_INVALID, "The row \"%s\" is not one line.", id);
	if (body.length > OUTBOX_BODY_BYTES_MAX)
		return err_set(why, ERR_RANGE, "The row \"%s\" has %zu bytes; the limit is %d.", id,
			       body.length, OUTBOX_BODY_BYTES_MAX);
	return outbox_queue_put(entry->queue, id, body, on_sent, arg, why);
}

void outbox_each(const struct outbox *outbox,
		 void (*each)(void *arg, const struct outbox_status *status), void *arg)
{
	for (const struct entry *entry = outbox->entries; entry; entry = entry->next) {
		struct outbox_status status;

		outbox_queue_status(entry->queue, &status);
		each(arg, &status);
	}
}
