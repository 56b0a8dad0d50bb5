#include "core/cli/replay_run.h"

#include "core/base/bytes.h"
#include "core/base/env.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/cli/query_input.h"
#include "core/cli/query_progress.h"
#include "core/config/config.h"
#include "core/engine/engine.h"
#include "core/ingest/intake.h"
#include "core/ingest/reader.h"
#include "core/model/alert.h"
#include "core/model/span.h"
#include "core/model/zone.h"
#include "core/rule/rule.h"
#include "core/window/watermark.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* 256 KiB with its lines' values stay in the second cache; 1 MiB costs a tenth more. */
enum {
	REPLAY_BLOCK_BYTES = 256 * 1024,
	REPLAY_BUNDLE_BYTES_MAX = 4 * 1024 * 1024,
	READABLE_BYTES = 64, /* behind a block: the reader compares 32 bytes at a time */
};

struct replay_input {
	struct query_input input;
	uint32_t partition;
	struct bytes buffer; /**< what was read and not consumed */
	uint64_t offset;     /**< of the buffer in the input */
	int64_t watermark_ms;
	bool skip, is_open, has_ended;
	bool has_lines; /**< in the buffer: the last bundle got full */
};

struct run {
	const struct replay *replay;
	struct replay_totals *totals;
	struct engine *engine;
	struct bundle_shelf *shelf;
	struct zone *zone;
	struct reader *reader;
	struct query_progress progress;
	struct replay_input *inputs;
	struct bytes document;
	uint64_t bytes_read;
};

static void on_alert(void *arg, const struct rule *rule, const struct alert *alert)
{
	struct run *run = arg;
	const struct config_output *output = config_find_output(run->replay->config, rule->output);

	run->totals->alerts++;
	if (run->replay->on_alert != NULL) {
		run->replay->on_alert(run->replay->arg, rule, alert);
		return;
	}
	bytes_clear(&run->document);
	alert_append_document(alert, output != NULL && output->has_zh_keys, run->zone,
			      &run->document);
	bytes_append_char(&run->document, '\n');
	query_progress_hide(&run->progress);
	/* A failed write marks stdout; replay_run() looks at it after each block. */
	fwrite(run->document.data, 1, run->document.length, stdout);
}

static void on_quarantine(void *arg, const struct rule *rule, const char *reason)
{
	struct run *run = arg;

	query_progress_hide(&run->progress);
	fprintf(stderr, "tocsin replay: %s@%u is stopped: %s\n", rule->name, rule->version, reason);
	run->totals->quarantined_count++;
}

static int open_input(struct run *run, uint32_t index, struct err_note *why)
{
	struct replay_input *input = &run->inputs[index];
	char name[32];
	struct position committed;
	int code =
		query_input_open(&input->input, run->replay->env, run->replay->inputs[index], why);

	if (code != 0)
		return code;
	input->is_open = true;
	input->watermark_ms = WATERMARK_NONE;
	snprintf(name, sizeof(name), "input:%u", index);
	return engine_partition_open(run->engine, run->replay->source, name, false, 0,
				     &input->partition, &committed, why);
}

static void close_input(struct replay_input *input)
{
	if (input->is_open)
		query_input_close(&input->input);
	bytes_deinit(&input->buffer);
	input->is_open = false;
}

static int run_open(struct run *run, struct err_note *why)
{
	const struct replay *replay = run->replay;
	struct engine_options options = {
		.on_alert = on_alert, .on_quarantine = on_quarantine, .arg = run};
	uint64_t size_bytes = 0;
	int code = zone_open(&run->zone, replay->config->timezone, why);

	run->reader = reader_new();
	run->inputs = mem_alloc_array(replay->input_count + 1, sizeof(*run->inputs));
	env_random(replay->env, &options.seed, sizeof(options.seed));
	run->shelf = bundle_shelf_new(options.seed);
	if (code == 0)
		code = engine_new(&run->engine, &options, why);
	if (code == 0)
		code = engine_install(run->engine, replay->config, replay->rules,
				      replay->rule_count, 0, 0, why);
	/* All join before the first is read: each holds the watermark back until it has spoken. */
	for (uint32_t i = 0; code == 0 && i < replay->input_count; i++) {
		code = open_input(run, i, why);
		size_bytes += run->inputs[i].input.size_bytes;
	}
	query_progress_init(&run->progress, replay->env, size_bytes);
	return code;
}

static void run_close(struct run *run)
{
	query_progress_hide(&run->progress);
	for (uint32_t i = 0; run->inputs != NULL && i < run->replay->input_count; i++)
		close_input(&run->inputs[i]);
	mem_free(run->inputs);
	engine_free(run->engine);
	bundle_shelf_leave(run->shelf);
	reader_free(run->reader);
	zone_free(run->zone);
	bytes_deinit(&run->document);
}

/** The input that is furthest back in event time; one without a reading yet comes first. */
static struct replay_input *choose_input(struct run *run)
{
	struct replay_input *chosen = NULL;

	for (uint32_t i = 0; i < run->replay->input_count; i++) {
		struct replay_input *input = &run->inputs[i];

		if (input->is_open &&
		    (chosen == NULL || input->watermark_ms < chosen->watermark_ms))
			chosen = input;
	}
	return chosen;
}

static int fill(struct run *run, struct replay_input *input, struct err_note *why)
{
	size_t got;
	int code;

	bytes_reserve(&input->buffer, REPLAY_BLOCK_BYTES + READABLE_BYTES);
	code = query_input_read(&input->input, input->buffer.data + input->buffer.length,
				REPLAY_BLOCK_BYTES, &got, why);
	if (code != 0)
		return code;
	input->buffer.length += got;
	input->buffer.data[input->buffer.length] = '\0';
	input->has_ended = got == 0;
	run->bytes_read += got;
	return 0;
}

static void consume(struct replay_input *input, size_t length)
{
	memmove(input->buffer.data, input->buffer.data + length, input->buffer.length - length);
	input->buffer.length -= length;
	input->buffer.data[input->buffer.length] = '\0';
	input->offset += length;
}

/** Adds the next block of the input to the bundle. */
static int read_block(struct run *run, struct replay_input *input, struct intake *intake,
		      struct bundle *bundle, struct err_note *why)
{
	struct reader_block block;
	int code = input->has_lines ? 0 : fill(run, input, why);

	if (code != 0)
		return code;
	block = (struct reader_block){
		.data = input->buffer.data,
		.length = input->buffer.length,
		.readable = READABLE_BYTES,
		.offset = input->offset,
		.is_last = input->has_ended,
		.receive_ms = INT64_MAX / 2, /* history has no future */
		.watermark_ms = input->watermark_ms,
	};
	consume(input, reader_read(run->reader, intake, &block, &input->skip, bundle));
	input->has_lines = bundle_is_full(bundle, BUNDLE_BYTES_MAX) && input->buffer.length > 0;
	if (bundle->max_event_ms != WATERMARK_NONE &&
	    (input->watermark_ms == WATERMARK_NONE ||
	     bundle->max_event_ms - intake->lateness_ms > input->watermark_ms))
		input->watermark_ms = bundle->max_event_ms - intake->lateness_ms;
	return 0;
}

/** Whether the next block may come into the same bundle: it is of the same input, and nothing can
 *  be evaluated before it. A bundle of few blocks repeats its groups less: 0.30 groups a reading by
 *  merchant in 256 KiB, 0.15 in a pane of 1.3 MiB. */
static bool goes_on(struct run *run, const struct replay_input *input, const struct bundle *bundle,
		    int64_t begin_ms)
{
	return !input->has_ended && bundle->counters.bytes < REPLAY_BUNDLE_BYTES_MAX &&
	       !bundle_is_full(bundle, BUNDLE_BYTES_MAX) && choose_input(run) == input &&
	       begin_ms != WATERMARK_NONE && begin_ms / PANE_MS == input->watermark_ms / PANE_MS;
}

static int read_bundle(struct run *run, struct replay_input *input, struct err_note *why)
{
	struct intake *intake = engine_intake(run->engine, run->replay->source);
	struct bundle *bundle = bundle_shelf_take(run->shelf, intake);
	int64_t begin_ms = input->watermark_ms;
	int code;

	bundle->partition = input->partition;
	do
		code = read_block(run, input, intake, bundle, why);
	while (code == 0 && goes_on(run, input, bundle, begin_ms));
	if (code != 0) {
		bundle_free(bundle);
		return code;
	}
	run->totals->readings += bundle->counters.readings;
	run->totals->malformed += bundle->counters.malformed;
	run->totals->lines += bundle->counters.lines;
	/* Time stands still, so that no input is ever idle. */
	code = engine_apply(run->engine, bundle, 0);
	if (code != 0)
		return err_set(why, code, "the engine refused a block of %s", input->input.path);
	if (input->has_ended && !input->has_lines) {
		engine_partition_close(run->engine, input->partition, true);
		close_input(input);
	}
	return 0;
}

static int run_inputs(struct run *run, struct err_note *why)
{
	struct replay_input *input;

	while ((input = choose_input(run)) != NULL) {
		int code = read_bundle(run, input, why);

		if (code != 0)
			return code;
		engine_advance(run->engine, 0, INT64_MAX / 2);
		if (ferror(stdout))
			return err_errno(why, ERR_IO, errno, "cannot write the alerts");
		query_progress_show(&run->progress, run->bytes_read, run->totals->readings);
	}
	engine_finish(run->engine);
	if (fflush(stdout) != 0 || ferror(stdout))
		return err_errno(why, ERR_IO, errno, "cannot write the alerts");
	return 0;
}

static void add_late(void *arg, const struct engine_source_status *status)
{
	struct replay_totals *totals = arg;

	totals->late_dropped += status->late_dropped;
	if (status->watermark_ms > totals->watermark_ms)
		totals->watermark_ms = status->watermark_ms;
}

int replay_run(const struct replay *replay, struct replay_totals *totals, struct err_note *why)
{
	struct run run = {.replay = replay, .totals = totals};
	int64_t start_ms = env_mono_ms(replay->env);
	int code = run_open(&run, why);

	if (code == 0)
		code = run_inputs(&run, why);
	if (code == 0)
		engine_each_source(run.engine, add_late, totals);
	query_progress_hide(&run.progress);
	if (code == 0 && replay->at_end != NULL)
		code = replay->at_end(replay->arg, run.engine, why);
	totals->spent_ms = env_mono_ms(replay->env) - start_ms;
	run_close(&run);
	return code;
}
