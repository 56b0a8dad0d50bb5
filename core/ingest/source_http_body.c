#include "core/ingest/source_http_body.h"

#include <zlib.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/ingest/source_http.h"

#include <string.h>

enum { INFLATE_CHUNK_BYTES = 256 * 1024, GZIP_WINDOW_BITS = 16 + MAX_WBITS };

static size_t inflated_max(size_t received)
{
	size_t by_ratio = received * HTTP_RATIO_MAX + HTTP_RATIO_FREE_BYTES;

	return by_ratio < HTTP_INFLATED_BYTES_MAX ? by_ratio : HTTP_INFLATED_BYTES_MAX;
}

/** Until the end of the input; members may follow each other. */
static int inflate_all(z_stream *stream, size_t bytes_max, struct bytes *out, struct err_note *why)
{
	int result = Z_OK;

	while (result != Z_STREAM_END || stream->avail_in) {
		if (result == Z_STREAM_END && inflateReset(stream) != Z_OK)
			return err_set(why, ERR_INVALID, "the body is not valid gzip");
		bytes_reserve(out, INFLATE_CHUNK_BYTES);
		stream->next_out = (unsigned char *)out->data + out->length;
		stream->avail_out = INFLATE_CHUNK_BYTES;
		uInt avail_in = stream->avail_in;
		result = inflate(stream, Z_NO_FLUSH);
		size_t got = INFLATE_CHUNK_BYTES - stream->avail_out;
		out->length += got;
		out->data[out->length] = '\0';
		if (out->length > bytes_max)
			return err_set(why, ERR_FULL, "the body inflates to more than %zu bytes",
				       bytes_max);
		if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
			return err_set(why, ERR_INVALID, "the body is not valid gzip");
		if (result != Z_STREAM_END && got == 0 && stream->avail_in == avail_in)
			return err_set(why, ERR_INVALID, "the gzip body is cut off");
	}
	return 0;
}

int http_body_inflate(struct bytes *data, struct err_note *why)
{
	z_stream stream = {0};
	struct bytes out = BYTES_EMPTY;

	if (inflateInit2(&stream, GZIP_WINDOW_BITS) != Z_OK)
		return err_set(why, ERR_IO, "zlib cannot start");
	stream.next_in = (unsigned char *)data->data;
	stream.avail_in = (uInt)data->length;
	int code = data->length ? inflate_all(&stream, inflated_max(data->length), &out, why)
				: err_set(why, ERR_INVALID, "the gzip body is empty");
	inflateEnd(&stream);
	if (code != 0) {
		bytes_deinit(&out);
		return code;
	}
	bytes_deinit(data);
	*data = out;
	return 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/*  Each element is copied towards the front of the same buffer: the output is never longer than
 *  what was read, because the bracket or comma before an element makes room for its line end. */
struct unwrap {
	const char *in;
	const char *end;
	char *out;
	unsigned depth; /**< of brackets inside the element */
	bool is_in_string;
	bool is_escaped;
	bool has_element;
};

/** One byte of an element; false when it ends the element (a comma or ']' outside everything). */
static bool copy_byte(struct unwrap *state, char c)
{
	if (state->is_in_string) {
		if (state->is_escaped)
			state->is_escaped = false;
		else if (c == '\\')
			state->is_escaped = true;
		else if (c == '"')
			state->is_in_string = false;
		/* A line end inside a string is not JSON: it stays a wrong byte of one line. */
		*state->out++ = c == '\n' ? '\x01' : c;
		return true;
	}
	if (state->depth == 0 && (c == ',' || c == ']'))
		return false;
	if (c == '"')
		state->is_in_string = true;
	else if (c == '{' || c == '[')
		state->depth++;
	else if ((c == '}' || c == ']') && state->depth > 0)
		state->depth--;
	if (!is_blank(c))
		state->has_element = true;
	*state->out++ = c == '\n' ? ' ' : c;
	return true;
}

static int unwrap_elements(struct unwrap *state, struct err_note *why)
{
	for (bool is_first = true;; is_first = false) {
		char *start = state->out;
		state->has_element = false;
		while (state->in < state->end && copy_byte(state, *state->in))
			state->in++;
		if (state->in == state->end)
			return err_set(why, ERR_INVALID, "the JSON array has no end");
		char last = *state->in++;
		if (!state->has_element) {
			state->out = start;
			if (is_first && last == ']')
				return 0;
			return err_set(why, ERR_INVALID, "the JSON array has an empty element");
		}
		*state->out++ = '\n';
		if (last == ']')
			return 0;
	}
}

int http_body_unwrap(struct bytes *data, struct err_note *why)
{
	struct unwrap state = {.in = data->data, .end = data->data + data->length};

	while (state.in < state.end && is_blank(*state.in))
		state.in++;
	if (state.in == state.end || *state.in != '[')
		return 0;
	state.in++;
	state.out = data->data;
	int code = unwrap_elements(&state, why);
	if (code != 0)
		return code;
	while (state.in < state.end && is_blank(*state.in))
		state.in++;
	if (state.in != state.end)
		return err_set(why, ERR_INVALID, "there is something behind the JSON array");
	data->length = (size_t)(state.out - data->data);
	data->data[data->length] = '\0';
	return 0;
}
