#include "core/ingest/source_lines.h"

#include <string.h>

/** Bytes of an over-long line that are given out: enough for a reader to see that it is one. */
enum { BEYOND_BYTES = 2 };

struct line_cut line_cut(struct slice data, uint32_t line_bytes_max, bool skip)
{
	size_t start = 0;

	if (!data.length)
		return (struct line_cut){.lines = data, .skip = skip};
	if (skip) {
		const char *end = memchr(data.data, '\n', data.length);
		if (!end)
			return (struct line_cut){.used = data.length, .skip = true};
		start = (size_t)(end - data.data) + 1;
	}
	struct slice rest = {data.data + start, data.length - start};
	const char *last = rest.length ? memrchr(rest.data, '\n', rest.length) : NULL;
	if (last) {
		rest.length = (size_t)(last - rest.data) + 1;
		return (struct line_cut){.lines = rest, .used = start + rest.length};
	}
	if (rest.length >= (size_t)line_bytes_max + BEYOND_BYTES) {
		rest.length = (size_t)line_bytes_max + BEYOND_BYTES;
		return (struct line_cut){.lines = rest, .used = data.length, .skip = true};
	}
	return (struct line_cut){.lines = {rest.data, 0}, .used = start};
}
