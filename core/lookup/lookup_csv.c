#include "core/lookup/lookup.h"

#include "core/base/env.h"
#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/base/utf8.h"
#include "core/lookup/lookup_internal.h"

#include <csv.h>
#include <string.h>

#define UTF8_MARK "\xEF\xBB\xBF"

struct csv_load {
	struct lookup *lookup;
	uint32_t row;   /**< of the file, from 1; the names are row 1 */
	uint32_t cells; /**< of this row, so far */
	int code;
	struct err_note *why;
};

static void fail(struct csv_load *load, int code)
{
	if (load->code == 0 && code != 0) {
		err_prefix(load->why, "row %u", load->row);
		load->code = code;
	}
}

static void on_cell(void *data, size_t length, void *arg)
{
	struct csv_load *load = arg;
	struct slice text = {data, length};

	if (load->code != 0)
		return;
	load->cells++;
	if (!utf8_is_valid(text))
		fail(load, err_set(load->why, ERR_INVALID, "cell %u is not UTF-8", load->cells));
	else if (load->row == 1)
		fail(load, lookup_add_column(load->lookup, text, load->why));
	else if (load->cells <= load->lookup->column_count)
		fail(load, lookup_add_cell(load->lookup, text, load->why));
}

static void on_row(int end, void *arg)
{
	struct csv_load *load = arg;

	(void)end;
	if (load->code != 0)
		return;
	if (load->row > 1 && load->cells != load->lookup->column_count)
		fail(load,
		     err_set(load->why, ERR_INVALID, "found %u cells, but the first line has %u",
			     load->cells, load->lookup->column_count));
	else if (load->row > 1)
		fail(load, lookup_end_row(load->lookup, load->why));
	load->row++;
	load->cells = 0;
}

static int parse(struct csv_load *load, struct slice text)
{
	struct csv_parser parser;

	if (text.length >= 3 && memcmp(text.data, UTF8_MARK, 3) == 0)
		text = (struct slice){text.data + 3, text.length - 3};
	if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI) != 0)
		return err_set(load->why, ERR_IO, "the CSV reader cannot start");
	if (csv_parse(&parser, text.data, text.length, on_cell, on_row, load) != text.length ||
	    csv_fini(&parser, on_cell, on_row, load) != 0)
		fail(load, err_set(load->why, ERR_INVALID, "%s", csv_strerror(csv_error(&parser))));
	csv_free(&parser);
	if (load->code == 0 && load->lookup->column_count == 0)
		return err_set(load->why, ERR_INVALID,
			       "it is empty; its first line must name the columns");
	return load->code;
}

static int read_file(const char *path, struct bytes *out, struct err_note *why)
{
	const struct env *env = env_live();
	struct file_info info;
	ssize_t got = 0;
	int fd = -1;
	int code = env->ops->file_open(env->self, &fd, path, FILE_READ, why);

	if (code != 0)
		return code;
	code = env->ops->file_info(env->self, fd, &info, why);
	if (code == 0 && !info.is_regular)
		code = err_set(why, ERR_INVALID, "it is not a regular file");
	while (code == 0 && out->length <= LOOKUP_BYTES_MAX) {
		char block[16 * 1024];

		got = env->ops->file_read(env->self, fd, block, sizeof(block), out->length);
		if (got <= 0)
			break;
		bytes_append(out, block, (size_t)got);
	}
	env->ops->file_close(env->self, fd);
	if (code == 0 && got < 0)
		code = err_set(why, ERR_IO, "reading it failed");
	if (code == 0 && out->length > LOOKUP_BYTES_MAX)
		code = err_set(why, ERR_RANGE, "it has more than %d bytes", LOOKUP_BYTES_MAX);
	return code;
}

int lookup_open_csv(struct lookup **out, const char *path, struct err_note *why)
{
	struct bytes text = BYTES_EMPTY;
	struct csv_load load = {.lookup = lookup_new(), .row = 1, .why = why};
	int code = read_file(path, &text, why);

	if (code == 0)
		code = parse(&load, bytes_slice(&text));
	bytes_deinit(&text);
	if (code != 0) {
		lookup_unref(load.lookup);
		return code;
	}
	*out = load.lookup;
	return 0;
}
