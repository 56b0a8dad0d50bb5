#include "core/cli/line_diff.h"

#include "core/base/bytes.h"
#include "core/base/mem.h"

#include <stdint.h>
#include <string.h>

struct lines {
	struct slice *items; /* without the line end */
	uint32_t count;
	bool has_end; /* the last line ends with a line end */
};

static struct lines split(const char *text)
{
	struct lines lines = {.has_end = true};
	const char *end;

	for (const char *at = text; *at != '\0'; at = end + lines.has_end) {
		end = strchrnul(at, '\n');
		lines.has_end = *end == '\n';
		lines.items = mem_grow(lines.items, lines.count + 1, sizeof(*lines.items));
		lines.items[lines.count++] = (struct slice){at, (size_t)(end - at)};
	}
	return lines;
}

struct diff {
	struct lines from, to;
	bool *is_removed; /* [from.count] */
	bool *is_added;   /* [to.count] */
};

/** Lines are equal when their texts are, and both or neither end the file without a line end. */
static bool is_equal(const struct diff *diff, uint32_t a, uint32_t b)
{
	bool a_open = a + 1 == diff->from.count && !diff->from.has_end;
	bool b_open = b + 1 == diff->to.count && !diff->to.has_end;

	return a_open == b_open && slice_compare(diff->from.items[a], diff->to.items[b]) == 0;
}

/* The part that differs: lines [a, a + n) and [b, b + m). */
struct middle {
	uint32_t a, n, b, m;
};

static struct middle find_middle(const struct diff *diff)
{
	uint32_t n = diff->from.count, m = diff->to.count, same = 0;

	while (same < n && same < m && is_equal(diff, same, same))
		same++;
	while (n > same && m > same && is_equal(diff, n - 1, m - 1)) {
		n--;
		m--;
	}
	return (struct middle){same, n - same, same, m - same};
}

/** The furthest x of each diagonal after `edits` edits, in a row of the trace. */
static bool step(const struct diff *diff, const struct middle *middle, const int32_t *before,
		 int32_t *row, int32_t edits)
{
	int32_t n = (int32_t)middle->n, m = (int32_t)middle->m, offset = LINE_DIFF_EDITS_MAX + 1;

	for (int32_t k = -edits; k <= edits; k += 2) {
		bool is_down = k == -edits ||
			       (k != edits && before[offset + k - 1] < before[offset + k + 1]);
		int32_t x = edits == 0 ? 0
			    : is_down  ? before[offset + k + 1]
				       : before[offset + k - 1] + 1;
		int32_t y = x - k;

		while (x < n && y >= 0 && y < m &&
		       is_equal(diff, middle->a + (uint32_t)x, middle->b + (uint32_t)y)) {
			x++;
			y++;
		}
		row[offset + k] = x;
		if (x >= n && y >= m)
			return true;
	}
	return false;
}

enum { ROW_ITEMS = 2 * LINE_DIFF_EDITS_MAX + 3 };

/** Walks the trace back from the end and marks what was removed and added. */
static void mark(struct diff *diff, const struct middle *middle, int32_t *const *trace,
		 int32_t edits)
{
	int32_t x = (int32_t)middle->n, y = (int32_t)middle->m, offset = LINE_DIFF_EDITS_MAX + 1;

	for (; edits > 0; edits--) {
		const int32_t *before = trace[edits - 1];
		int32_t k = x - y;
		bool is_down = k == -edits ||
			       (k != edits && before[offset + k - 1] < before[offset + k + 1]);
		int32_t from_k = is_down ? k + 1 : k - 1;

		x = before[offset + from_k];
		y = x - from_k;
		if (is_down)
			diff->is_added[middle->b + (uint32_t)y] = true;
		else
			diff->is_removed[middle->a + (uint32_t)x] = true;
	}
}

static void compare(struct diff *diff)
{
	struct middle middle = find_middle(diff);
	int32_t *trace[LINE_DIFF_EDITS_MAX + 1] = {NULL};
	int32_t edits = -1;
	bool is_done = false;

	while (!is_done && edits < LINE_DIFF_EDITS_MAX) {
		edits++;
		trace[edits] = mem_alloc_array(ROW_ITEMS, sizeof(int32_t));
		if (edits > 0)
			memcpy(trace[edits], trace[edits - 1], ROW_ITEMS * sizeof(int32_t));
		is_done = step(diff, &middle, edits > 0 ? trace[edits - 1] : NULL, trace[edits],
			       edits);
	}
	if (is_done) {
		mark(diff, &middle, trace, edits);
	} else {
		memset(diff->is_removed + middle.a, 1, middle.n * sizeof(bool));
		memset(diff->is_added + middle.b, 1, middle.m * sizeof(bool));
	}
	for (int32_t i = 0; i <= edits; i++)
		mem_free(trace[i]);
}

static void append_line(const struct lines *lines, uint32_t index, char sign, struct bytes *out)
{
	bytes_append_char(out, sign);
	bytes_append_slice(out, lines->items[index]);
	bytes_append_char(out, '\n');
	if (index + 1 == lines->count && !lines->has_end)
		bytes_append_text(out, "\\ No newline at end of file\n");
}

/** "12,3": a range of lines from 1; an empty one names the line before it. */
static void append_range(uint32_t first, uint32_t count, struct bytes *out)
{
	bytes_append_format(out, "%u", count == 0 ? first : first + 1);
	if (count != 1)
		bytes_append_format(out, ",%u", count);
}

/* A place in both texts; equal lines pass both. */
struct place {
	uint32_t a, b;
};

static bool is_changed(const struct diff *diff, struct place at)
{
	return (at.a < diff->from.count && diff->is_removed[at.a]) ||
	       (at.b < diff->to.count && diff->is_added[at.b]);
}

static bool is_end(const struct diff *diff, struct place at)
{
	return at.a >= diff->from.count && at.b >= diff->to.count;
}

static struct place pass_change(const struct diff *diff, struct place at)
{
	while (at.a < diff->from.count && diff->is_removed[at.a])
		at.a++;
	while (at.b < diff->to.count && diff->is_added[at.b])
		at.b++;
	return at;
}

/** Where the hunk that begins with a change at `at` ends: after LINE_DIFF_CONTEXT equal lines, when
 *  the next change is more than twice as far. */
static struct place find_hunk_end(const struct diff *diff, struct place at)
{
	for (;;) {
		struct place after = pass_change(diff, at), next = after;
		uint32_t same = 0;

		while (!is_end(diff, next) && !is_changed(diff, next) &&
		       same < 2 * LINE_DIFF_CONTEXT) {
			next.a++;
			next.b++;
			same++;
		}
		if (is_end(diff, next) || !is_changed(diff, next)) {
			uint32_t kept = same < LINE_DIFF_CONTEXT ? same : LINE_DIFF_CONTEXT;

			return (struct place){after.a + kept, after.b + kept};
		}
		at = next;
	}
}

static void append_hunk(const struct diff *diff, struct place at, struct place end,
			struct bytes *out)
{
	bytes_append_text(out, "@@ -");
	append_range(at.a, end.a - at.a, out);
	bytes_append_text(out, " +");
	append_range(at.b, end.b - at.b, out);
	bytes_append_text(out, " @@\n");
	while (at.a < end.a || at.b < end.b) {
		struct place after = pass_change(diff, at);

		for (; at.a < after.a; at.a++)
			append_line(&diff->from, at.a, '-', out);
		for (; at.b < after.b; at.b++)
			append_line(&diff->to, at.b, '+', out);
		if (at.a < end.a)
			append_line(&diff->from, at.a, ' ', out);
		at.a++;
		at.b++;
	}
}

static bool append_hunks(const struct diff *diff, const char *from_label, const char *to_label,
			 struct bytes *out)
{
	struct place at = {0, 0};
	bool has_any = false;

	while (!is_end(diff, at)) {
		uint32_t context = at.a < LINE_DIFF_CONTEXT ? at.a : LINE_DIFF_CONTEXT;
		struct place end;

		if (!is_changed(diff, at)) {
			at.a++;
			at.b++;
			continue;
		}
		if (!has_any)
			bytes_append_format(out, "--- %s\n+++ %s\n", from_label, to_label);
		has_any = true;
		end = find_hunk_end(diff, at);
		append_hunk(diff, (struct place){at.a - context, at.b - context}, end, out);
		at = end;
	}
	return has_any;
}

bool line_diff(const char *from, const char *from_label, const char *to, const char *to_label,
	       struct bytes *out)
{
	struct diff diff = {.from = split(from), .to = split(to)};
	bool has_any;

	diff.is_removed = mem_alloc_array(diff.from.count + 1, sizeof(bool));
	diff.is_added = mem_alloc_array(diff.to.count + 1, sizeof(bool));
	compare(&diff);
	has_any = append_hunks(&diff, from_label, to_label, out);
	mem_free(diff.is_removed);
	mem_free(diff.is_added);
	mem_free(diff.from.items);
	mem_free(diff.to.items);
	return has_any;
}
