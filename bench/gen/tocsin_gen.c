/* tocsin-gen: the payment stream of the demo, the tests and the measurements. */
#include "bench/gen/line.h"
#include "bench/gen/options.h"
#include "bench/gen/payment.h"
#include "core/base/env.h"
#include "core/base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { OUTPUT_BUFFER_BYTES = 1 << 20, LIVE_TURN_MS = 20, EXIT_USAGE = 2 };

/* One file that lines go to; `fd` is -1 when it is not wanted. */
struct output {
	const char *path;
	int fd;
	struct bytes buffer;
};

struct generator {
	const struct gen_options *options;
	struct payment_source source;
	struct line_writer writer;
	struct output json, csv, appended;
};

static int output_open(struct output *output, const char *path, int flags, struct err_note *why)
{
	*output = (struct output){path, -1, BYTES_EMPTY};
	if (path == NULL)
		return 0;
	if (strcmp(path, "-") == 0)
		output->fd = STDOUT_FILENO;
	else
		output->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0640);
	if (output->fd < 0)
		return err_errno(why, ERR_IO, errno, "cannot write \"%s\"", path);
	bytes_reserve(&output->buffer, OUTPUT_BUFFER_BYTES + LINE_BYTES_MAX);
	return 0;
}

static int output_flush(struct output *output, struct err_note *why)
{
	const struct env *env = env_live();

	if (output->fd < 0 || output->buffer.length == 0)
		return 0;
	int code = env->ops->file_append(env->self, output->fd, output->buffer.data,
					 output->buffer.length, why);
	bytes_clear(&output->buffer);
	return code;
}

static void output_close(struct output *output)
{
	if (output->fd > STDERR_FILENO)
		close(output->fd);
	bytes_deinit(&output->buffer);
}

static int flush_full(struct output *output, struct err_note *why)
{
	return output->buffer.length < OUTPUT_BUFFER_BYTES ? 0 : output_flush(output, why);
}

static int generate_line(struct generator *generator, int64_t time_ms, int64_t since_start_ms,
			 struct err_note *why)
{
	struct payment payment;

	payment_next(&generator->source, time_ms, since_start_ms, &payment);
	if (generator->json.fd >= 0)
		line_append_json(&generator->writer, &payment, &generator->json.buffer);
	if (generator->appended.fd >= 0)
		line_append_json(&generator->writer, &payment, &generator->appended.buffer);
	if (generator->csv.fd >= 0)
		line_append_csv(&generator->writer, &payment, &generator->csv.buffer);
	int code = flush_full(&generator->json, why);
	if (code == 0)
		code = flush_full(&generator->appended, why);
	return code == 0 ? flush_full(&generator->csv, why) : code;
}

static int flush_all(struct generator *generator, struct err_note *why)
{
	int code = output_flush(&generator->json, why);

	if (code == 0)
		code = output_flush(&generator->appended, why);
	return code == 0 ? output_flush(&generator->csv, why) : code;
}

/* Line i lies somewhere in its slot of span / lines, so that times rise from line to line. */
static int run_span(struct generator *generator, struct err_note *why)
{
	const struct gen_options *options = generator->options;
	double slot_ms = (double)options->span_ms / (double)options->line_count;
	int code = 0;

	for (uint64_t i = 0; i < options->line_count && code == 0; i++) {
		double slot_start = (double)i * slot_ms;
		int64_t end_ms = (int64_t)(slot_start + slot_ms);
		int64_t since_ms = (int64_t)slot_start;

		since_ms += payment_jitter_ms(&generator->source, (double)(end_ms - since_ms));
		code = generate_line(generator, options->start_ms + since_ms, since_ms, why);
	}
	return code == 0 ? flush_all(generator, why) : code;
}

/* Every turn writes what has become due, and makes up for a turn that came late. */
static int run_live(struct generator *generator, struct err_note *why)
{
	const struct gen_options *options = generator->options;
	const struct env *env = env_live();
	int64_t begin_ms = env_mono_ms(env), done_ms = 0;
	double carry = 0;
	int code = 0;

	while (code == 0 && generator->source.made_count < options->line_count &&
	       (options->live_ms == 0 || done_ms < options->live_ms)) {
		const struct timespec turn = {.tv_nsec = LIVE_TURN_MS * 1000000L};

		clock_nanosleep(CLOCK_MONOTONIC, 0, &turn, NULL);
		int64_t since_ms = env_mono_ms(env) - begin_ms;
		if (options->live_ms != 0 && since_ms > options->live_ms)
			since_ms = options->live_ms;
		double due = options->live_rate * (double)(since_ms - done_ms) / 1000 + carry;
		uint64_t count = (uint64_t)due;
		carry = due - (double)count;
		done_ms = since_ms;
		for (; count > 0 && code == 0; count--)
			if (generator->source.made_count < options->line_count)
				code = generate_line(generator, env_wall_ms(env), since_ms, why);
		if (code == 0)
			code = flush_all(generator, why);
	}
	return code;
}

static int generator_open(struct generator *generator, const struct gen_options *options,
			  struct err_note *why)
{
	*generator = (struct generator){.options = options};
	payment_source_init(&generator->source, options);
	line_writer_init(&generator->writer);
	/* All three first: closing looks at each of them. */
	int json = output_open(&generator->json, options->json_path, O_TRUNC, why);
	int csv = output_open(&generator->csv, options->csv_path, O_TRUNC, why);
	int appended = output_open(&generator->appended, options->append_path, O_APPEND, why);
	if (options->has_csv_header && generator->csv.fd >= 0)
		bytes_append_text(&generator->csv.buffer,
				  "time,paymentId,merchantId,customerId,amount,success\n");
	return json != 0 ? json : csv != 0 ? csv : appended;
}

static void generator_close(struct generator *generator)
{
	output_close(&generator->json);
	output_close(&generator->csv);
	output_close(&generator->appended);
	payment_source_deinit(&generator->source);
}

int main(int argc, char **argv)
{
	struct gen_options options;
	struct generator generator;
	struct err_note why = {0};

	if (gen_options_parse(&options, argc, argv, &why) != 0) {
		fprintf(stderr, "tocsin-gen: %s\n", why.text);
		return EXIT_USAGE;
	}
	if (options.wants_help) {
		fputs(gen_options_help(), stdout);
		return 0;
	}
	int code = generator_open(&generator, &options, &why);
	if (code == 0)
		code = options.is_live ? run_live(&generator, &why) : run_span(&generator, &why);
	generator_close(&generator);
	if (code != 0)
		fprintf(stderr, "tocsin-gen: %s\n", why.text);
	return code == 0 ? 0 : 1;
}
