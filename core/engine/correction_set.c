#include "core/engine/correction_set.h"

#include "core/base/mem.h"
#include "core/model/dimension.h"

#include <string.h>

struct correction_set *correction_set_new(int64_t begin_ms)
{
	struct correction_set *set = mem_alloc(sizeof(*set));

	set->begin_ms = begin_ms;
	return set;
}

void correction_free_key(struct correction *mark)
{
	mem_free((char *)(uintptr_t)mark->key.data);
	mark->key = (struct slice){NULL, 0};
}

void correction_set_clear(struct correction_set *set)
{
	for (uint32_t i = 0; i < set->count; i++)
		correction_free_key(&set->marks[i]);
	set->count = 0;
}

void correction_set_free(struct correction_set *set)
{
	if (set == NULL)
		return;
	correction_set_clear(set);
	mem_free(set->marks);
	mem_free(set);
}

static int compare(const struct correction *mark, int64_t end_ms, struct slice key)
{
	int by_key;

	if (mark->end_ms != end_ms)
		return mark->end_ms < end_ms ? -1 : 1;
	/* 1 and 1.0 are equal in size, and two keys. */
	by_key = dimension_compare(mark->key, key);
	return by_key != 0 ? by_key : slice_compare(mark->key, key);
}

bool correction_set_find(const struct correction_set *set, int64_t end_ms, struct slice key,
			 uint32_t *at)
{
	uint32_t low = 0, high = set->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (compare(&set->marks[middle], end_ms, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*at = low;
	return low < set->count && compare(&set->marks[low], end_ms, key) == 0;
}

bool correction_set_refuses(const struct correction_set *set, uint32_t at)
{
	return set->count >= CORRECTIONS_MAX && at == 0;
}

bool correction_set_put(struct correction_set *set, uint32_t at, const struct correction *mark,
			struct correction *dropped)
{
	bool is_full = set->count >= CORRECTIONS_MAX;

	if (is_full) {
		*dropped = set->marks[0];
		at--;
		set->count--;
		memmove(set->marks, set->marks + 1, set->count * sizeof(*set->marks));
	}
	if (set->count == set->capacity) {
		set->capacity = set->capacity == 0 ? 16 : 2 * set->capacity;
		set->marks = mem_grow(set->marks, set->capacity, sizeof(*set->marks));
	}
	memmove(set->marks + at + 1, set->marks + at, (set->count - at) * sizeof(*set->marks));
	set->marks[at] = *mark;
	set->marks[at].key.data = mem_copy_bytes(mark->key.data, mark->key.length);
	set->count++;
	return is_full;
}
