#include "core/ingest/framing.h"

#include <string.h>

static enum frame framing_tell(const struct framing *framing, const char *start, size_t length,
			       struct slice *line)
{
	if (length > 0 && start[length - 1] == '\r')
		length--;
	*line = (struct slice){start, length};
	return length > framing->line_bytes_max ? FRAME_TOO_LONG : FRAME_LINE;
}

/** Moves behind the over-long line; false when its end is not in this block. */
static bool framing_skip(struct framing *framing)
{
	const char *start = framing->data + framing->used;
	const char *end = memchr(start, '\n', framing->length - framing->used);
	framing->used = end ? (size_t)(end + 1 - framing->data) : framing->length;
	framing->skip = !end && !framing->is_last;
	return end != NULL;
}

enum frame framing_next(struct framing *framing, struct slice *line)
{
	if (framing->used == framing->length)
		return FRAME_END;
	if (framing->skip && !framing_skip(framing))
		return FRAME_END;
	const char *start = framing->data + framing->used;
	size_t left = framing->length - framing->used;
	if (left == 0)
		return FRAME_END;

	const char *end = memchr(start, '\n', left);
	if (end) {
		framing->used += (size_t)(end - start) + 1;
		return framing_tell(framing, start, (size_t)(end - start), line);
	}
	if (framing->is_last) {
		framing->used = framing->length;
		return framing_tell(framing, start, left, line);
	}
	/* One CR at the end may yet turn out to be half of the line end. */
	size_t certain = left - (start[left - 1] == '\r');
	if (certain <= framing->line_bytes_max)
		return FRAME_END;
	framing->used = framing->length;
	framing->skip = true;
	*line = (struct slice){start, left};
	return FRAME_TOO_LONG;
}
