#include "core/app/app_internal.h"

#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/engine/engine.h"
#include "core/ingest/source_file.h"
#include "core/ingest/source_http.h"
#include "core/ingest/source_stdin.h"
#include "core/ingest/source_tcp.h"
#include "core/loop/http_server.h"
#include "core/loop/loop.h"

#include <string.h>

/*
 *  One open entry of config.sources[].from. A reload keeps the entries that are in both
 *  configurations, closes the others and opens the new ones.
 */
struct app_source {
	struct app_source *next;
	struct app *app;
	char *source;
	enum from_kind kind;
	char *text; /* glob or address; "" */
	bool is_wanted;
	struct file_tail *file;
	struct source_tcp *tcp;
	struct source_stdin *in;
	uint32_t partition; /* of FROM_HTTP */
};

/* ---- what sources ask of the engine ---- */

static int open_partition(void *arg, const char *name, uint32_t *partition,
			  struct position *committed, struct err_note *why)
{
	struct app_source *source = arg;
	bool is_positioned = source->kind == FROM_FILE;
	return engine_partition_open(source->app->engine, source->source, name, is_positioned,
				     loop_mono_ms(source->app->loop), partition, committed, why);
}

static void close_partition(void *arg, uint32_t partition, bool is_forgotten)
{
	struct app_source *source = arg;
	engine_partition_close(source->app->engine, partition, is_forgotten);
}

static struct intake *source_intake(void *arg)
{
	struct app_source *source = arg;
	return engine_intake(source->app->engine, source->source);
}

static const struct file_tail_callbacks callbacks = {
	.open = open_partition,
	.close = close_partition,
	.intake = source_intake,
};

/* ---- HTTP: one door for all sources ---- */

static int find_http(void *arg, const char *name, struct source_http_target *out,
		     struct err_note *why)
{
	struct app *app = arg;
	for (struct app_source *at = app->sources; at != NULL; at = at->next) {
		if (at->kind != FROM_HTTP || strcmp(at->source, name) != 0)
			continue;
		out->intake = engine_intake(app->engine, name);
		out->partition = at->partition;
		return 0;
	}
	return err_set(why, ERR_NOT_FOUND,
		       "there is no source \"%.60s\" with from = { { http = true } }", name);
}

void app_sources_open(struct app *app)
{
	struct source_http_options options = {app->pool, find_http, app};
	app->http_source = source_http_new(&options);
}

void app_sources_ingest(struct app *app, struct http_request *request, const char *source)
{
	source_http_ingest(app->http_source, request, source);
}

/* ---- opening and closing ---- */

/** HTTP, TCP and standard input are one partition each, without positions. */
static int open_unpositioned(struct app *app, struct app_source *source, const char *name,
			     struct err_note *why)
{
	struct position none;
	return engine_partition_open(app->engine, source->source, name, false,
				     loop_mono_ms(app->loop), &source->partition, &none, why);
}

static int open_file(struct app *app, struct app_source *source, struct err_note *why)
{
	struct file_tail_options options = {
		.source = source->source,
		.pattern = source->text,
		.pool = app->pool,
		.callbacks = &callbacks,
		.arg = source,
	};
	return file_tail_new(&source->file, app->loop, &options, why);
}

static int open_tcp(struct app *app, struct app_source *source, struct err_note *why)
{
	char *name = mem_format("tcp:%s", source->text);
	int code = open_unpositioned(app, source, name, why);
	mem_free(name);
	if (code != 0)
		return code;
	struct source_tcp_options options = {
		.source = source->source,
		.address = source->text,
		.pool = app->pool,
		.partition = source->partition,
		.intake = source_intake,
		.arg = source,
	};
	return source_tcp_new(&source->tcp, app->loop, &options, why);
}

static int open_stdin(struct app *app, struct app_source *source, struct err_note *why)
{
	int code = open_unpositioned(app, source, "stdin", why);
	if (code != 0)
		return code;
	struct source_stdin_options options = {
		.source = source->source,
		.fd = 0,
		.pool = app->pool,
		.partition = source->partition,
		.intake = source_intake,
		.arg = source,
	};
	return source_stdin_new(&source->in, app->loop, &options, why);
}

static int open_one(struct app *app, struct app_source *source, struct err_note *why)
{
	switch (source->kind) {
	case FROM_FILE: return open_file(app, source, why);
	case FROM_HTTP: return open_unpositioned(app, source, "http", why);
	case FROM_TCP: return open_tcp(app, source, why);
	case FROM_STDIN: return open_stdin(app, source, why);
	}
	return 0;
}

static void pause_source(struct app_source *source, bool is_paused)
{
	if (source->file != NULL)
		file_tail_pause(source->file, is_paused);
	if (source->tcp != NULL)
		source_tcp_pause(source->tcp, is_paused);
	if (source->in != NULL)
		source_stdin_pause(source->in, is_paused);
}

static void source_free(struct app_source *source)
{
	file_tail_free(source->file);
	source_tcp_free(source->tcp);
	source_stdin_free(source->in);
	mem_free(source->source);
	mem_free(source->text);
	mem_free(source);
}

/** The place of the entry in the list, or the end of the list. */
static struct app_source **find_source(struct app_source **list, const char *name,
				       const struct config_from *from)
{
	struct app_source **at = list;
	const char *text = from->text != NULL ? from->text : "";
	for (; *at != NULL; at = &(*at)->next) {
		if ((*at)->kind == from->kind && strcmp((*at)->source, name) == 0 &&
		    strcmp((*at)->text, text) == 0)
			break;
	}
	return at;
}

static void open_source(struct app *app, const struct config_source *config,
			const struct config_from *from)
{
	struct err_note why = {{0}};
	struct app_source **place = find_source(&app->sources, config->name, from);
	if (*place != NULL) {
		(*place)->is_wanted = true;
		return;
	}
	/* Two tails of one pattern would share partitions: wait until the old one has stopped. */
	if (*find_source(&app->stopping, config->name, from) != NULL)
		return;
	struct app_source *source = mem_alloc(sizeof(*source));
	source->app = app;
	source->source = mem_copy_text(config->name);
	source->kind = from->kind;
	source->text = mem_copy_text(from->text != NULL ? from->text : "");
	source->is_wanted = true;
	if (open_one(app, source, &why) != 0) {
		if (!app->is_retrying)
			log_error(INGEST, "source %s cannot read %s, it is tried again: %s",
				  config->name, *source->text ? source->text : "standard input",
				  why.text);
		app->has_closed_source = true;
		source_free(source);
		return;
	}
	if (app->is_retrying)
		log_info(INGEST, "source %s reads %s", config->name,
			 *source->text ? source->text : "standard input");
	if (app->is_paused) /* what is opened while the disk is nearly full waits like the others */
		pause_source(source, true);
	*place = source;
}

/** What a removed file tail has read becomes durable first; it is freed when that is told. */
static void on_tail_stopped(void *arg)
{
	struct app_source *source = arg;
	struct app_source **at = &source->app->stopping;
	while (*at != source)
		at = &(*at)->next;
	*at = source->next;
	struct app *app = source->app;
	source_free(source);
	app_sources_reconcile(app);
}

void app_sources_reconcile(struct app *app)
{
	app->has_closed_source = false;
	for (struct app_source *at = app->sources; at != NULL; at = at->next)
		at->is_wanted = false;
	for (uint32_t i = 0; i < app->config->source_count; i++) {
		const struct config_source *config = &app->config->sources[i];
		for (uint32_t k = 0; k < config->from_count; k++)
			open_source(app, config, &config->from[k]);
	}
	for (struct app_source **at = &app->sources; *at != NULL;) {
		struct app_source *source = *at;
		if (source->is_wanted) {
			at = &source->next;
			continue;
		}
		*at = source->next;
		if (source->kind == FROM_FILE) {
			source->next = app->stopping;
			app->stopping = source;
			file_tail_stop(source->file, on_tail_stopped, source);
		} else {
			source_free(source);
		}
	}
}

void app_sources_retry(struct app *app)
{
	if (!app->has_closed_source)
		return;
	app->is_retrying = true;
	app_sources_reconcile(app);
	app->is_retrying = false;
}

static void free_list(struct app_source **list)
{
	while (*list != NULL) {
		struct app_source *source = *list;
		*list = source->next;
		source_free(source);
	}
}

void app_sources_close(struct app *app)
{
	free_list(&app->sources);
	free_list(&app->stopping);
	source_http_free(app->http_source);
}

void app_sources_on_room(void *arg)
{
	struct app *app = arg;
	for (struct app_source *at = app->sources; at != NULL; at = at->next) {
		if (at->file != NULL)
			file_tail_on_room(at->file);
		if (at->tcp != NULL)
			source_tcp_on_room(at->tcp);
		if (at->in != NULL)
			source_stdin_on_room(at->in);
	}
}

void app_sources_pause(struct app *app, bool is_paused)
{
	source_http_pause(app->http_source, is_paused);
	for (struct app_source *at = app->sources; at != NULL; at = at->next)
		pause_source(at, is_paused);
}

void app_sources_rewind(struct app *app, uint32_t partition)
{
	struct app_source *lists[] = {app->sources, app->stopping};
	for (size_t i = 0; i < 2; i++) {
		for (struct app_source *at = lists[i]; at != NULL; at = at->next) {
			if (at->file != NULL && file_tail_rewind(at->file, partition))
				return;
		}
	}
}

/* ---- what operators see ---- */

void app_sources_each_tail(void *arg, void (*each)(void *each_arg, const struct control_tail *tail),
			   void *each_arg)
{
	const struct app *app = arg;
	for (const struct app_source *at = app->sources; at != NULL; at = at->next) {
		struct control_tail tail = {.source = at->source, .from = at->text};
		struct file_tail_status file;
		struct source_tcp_status tcp;
		if (at->file != NULL) {
			file_tail_status(at->file, &file);
			tail.file = &file;
			tail.files = at->file;
		}
		if (at->tcp != NULL) {
			source_tcp_status(at->tcp, &tcp);
			tail.tcp = &tcp;
		}
		if (tail.file != NULL || tail.tcp != NULL)
			each(each_arg, &tail);
	}
}

void app_sources_http_status(void *arg, struct source_http_status *out)
{
	const struct app *app = arg;
	source_http_status(app->http_source, out);
}
