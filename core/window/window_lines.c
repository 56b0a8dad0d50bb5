/* Lines that no alert can show any more.
 *
 *     panes of a key   | 2 lines | 1 line | 3 lines | 2 lines |  open
 *                        goes      goes     k = 3 are here     before_ms
 *
 * A window that ends at `before_ms` or later and has an old pane has all closed ones behind it, and
 * when these have k lines, the newest k of the window are not in the old one. What is late changes
 * nothing of that: lines only come to the newer panes. So a key has fewer than 2 k lines in its
 * closed panes, however long the windows are.
 *
 * A pane keeps its lines or loses all of them: each is written again once, and of those of one
 * start that lost theirs at most half have them in the store still.
 */
#include "core/window/window_internal.h"

#include "core/window/metric.h"

static uint32_t count_lines(const struct window *window, const struct pane *pane)
{
	return cells_line_count(window->shape.layout,
				(const struct aggregate *)(const void *)pane->data);
}

static const struct pane *pane_of(const struct window *window, const struct window_key *key,
				  uint32_t index)
{
	return pane_list_at(&key->panes, index, key->size, &window->shape);
}

static void drop_lines(struct window *window, uint32_t ref, int64_t number)
{
	struct pane *pane = window_put_pane(window, ref, number);
	struct start *start;

	cells_drop_lines(window->shape.layout, pane_aggregates(pane), window->shape.memory);
	if (!window->options.is_stored)
		return;
	start = window_put_start(window, number);
	start->stale++;
	/* It has a change, so it is due already. */
	if (start->stale >= start->refs.count - start->refs.count / 2)
		start->is_full_due = true;
}

/* Of the closed panes those before the index have none of the newest lines; 0: there are not that
 * many. Each one that was not dropped has a line, so few are looked at. */
static uint32_t find_needless(const struct window *window, const struct window_key *key)
{
	uint32_t index =
		pane_list_find(&key->panes, window->lines_number, key->size, &window->shape);
	uint32_t kept = 0;

	while (index > 0 && kept < window->shape.layout->lines_max)
		kept += count_lines(window, pane_of(window, key, --index));
	return index;
}

static void drop_needless(struct window *window, uint32_t ref)
{
	const struct window_key *key = window_keys_at(&window->keys, ref);
	uint32_t index = find_needless(window, key);

	/* Those before one without lines were dropped with it. */
	while (index > 0 && count_lines(window, pane_of(window, key, --index)) > 0)
		drop_lines(window, ref, pane_number(pane_of(window, key, index)));
}

void window_drop_lines(struct window *window, int64_t before_ms)
{
	int64_t before = before_ms == INT64_MAX ? INT64_MAX : window_number(window, before_ms);
	uint32_t first = 0, end;

	if (window->shape.layout->lines_max == 0 || before < window->lines_number)
		return;
	/* Where all panes are closed, any may be new. */
	if (window->lines_number != INT64_MAX)
		first = window_find_start(window, window->lines_number);
	window->lines_number = before;
	end = window_find_start(window, before);
	for (uint32_t i = first; i < end; i++)
		for (uint32_t k = 0; k < window->starts[i].refs.count; k++)
			drop_needless(window, window->starts[i].refs.data[k]);
}

void window_drop_late_lines(struct window *window, uint32_t ref, int64_t number)
{
	const struct window_key *key = window_keys_at(&window->keys, ref);
	uint32_t index = find_needless(window, key);

	if (index > 0 && number <= pane_number(pane_of(window, key, index - 1)))
		drop_lines(window, ref, number);
	drop_needless(window, ref);
}
