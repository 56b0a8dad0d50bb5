#include "core/cli/query_slide.h"

#include <string.h>

#include "core/base/mem.h"
#include "core/base/require.h"
#include "core/model/cells.h"

enum { NONE = UINT32_MAX, SLOTS_MIN = 64 };

/** A record: `at` in its pane. */
struct place {
	uint32_t pane;
	uint32_t at;
};

struct record {
	uint32_t key;
	struct place next; /**< of the same key, in a later pane; pane NONE */
	struct aggregate cells[];
};

struct pane {
	char *records;
	uint32_t count;
	uint32_t capacity;
};

struct key {
	uint64_t hash;
	char *text; /**< owned; NULL: the place is free */
	uint32_t bytes;
	uint32_t record_count;
	struct place first, last;
};

struct slide {
	const struct cell_layout *layout;
	size_t record_bytes;
	int64_t step_ms;
	int64_t start_ms; /**< of the last pane */
	int64_t back_ms;  /**< panes from here on are in `backs` */
	uint32_t pane_count;
	struct pane *panes; /**< [pane_count], by start / step */
	struct key *keys;
	char *backs; /**< cells [key_capacity] */
	uint32_t key_capacity;
	uint32_t key_end; /**< places in use or free, from 0 */
	uint32_t key_count;
	uint32_t *free_keys; /**< [key_capacity] */
	uint32_t free_count;
	uint32_t *slots; /**< key + 1; 0 = empty; linear probing, at most half full */
	uint32_t slot_count;
};

struct slide *slide_new(const struct cell_layout *layout, int64_t step_ms, uint32_t pane_count)
{
	REQUIRE(pane_count > 0 && pane_count <= SLIDE_PANES_MAX && step_ms > 0);
	struct slide *slide = mem_alloc(sizeof(*slide));
	slide->layout = layout;
	slide->record_bytes = sizeof(struct record) + layout->bytes;
	slide->step_ms = step_ms;
	slide->pane_count = pane_count;
	slide->panes = mem_alloc_array(pane_count, sizeof(*slide->panes));
	return slide;
}

static struct record *record_at(const struct slide *slide, struct place place)
{
	return (struct record *)(void *)(slide->panes[place.pane].records +
					 place.at * slide->record_bytes);
}

static struct aggregate *back_of(const struct slide *slide, uint32_t key)
{
	return (struct aggregate *)(void *)(slide->backs + (size_t)key * slide->layout->bytes);
}

static void pane_free(struct slide *slide, uint32_t index)
{
	for (uint32_t i = 0; i < slide->panes[index].count; i++)
		cells_release(slide->layout, record_at(slide, (struct place){index, i})->cells,
			      NULL);
	mem_free(slide->panes[index].records);
}

void slide_free(struct slide *slide)
{
	if (!slide)
		return;
	for (uint32_t i = 0; i < slide->pane_count; i++)
		pane_free(slide, i);
	for (uint32_t i = 0; i < slide->key_end; i++) {
		if (slide->keys[i].text)
			cells_release(slide->layout, back_of(slide, i), NULL);
		mem_free(slide->keys[i].text);
	}
	mem_free(slide->panes);
	mem_free(slide->keys);
	mem_free(slide->backs);
	mem_free(slide->free_keys);
	mem_free(slide->slots);
	mem_free(slide);
}

/** Where the pane is kept. Event times may lie before 1970. */
static uint32_t pane_of(const struct slide *slide, int64_t start_ms)
{
	int64_t rest = start_ms / slide->step_ms % slide->pane_count;
	return (uint32_t)(rest < 0 ? rest + slide->pane_count : rest);
}

static int64_t window_start(const struct slide *slide)
{
	return slide->start_ms - (slide->pane_count - 1) * slide->step_ms;
}

/* ---- keys ---- */

static void slots_put(struct slide *slide, uint32_t key)
{
	uint32_t mask = slide->slot_count - 1, at = (uint32_t)slide->keys[key].hash & mask;
	while (slide->slots[at] != 0)
		at = (at + 1) & mask;
	slide->slots[at] = key + 1;
}

static void slots_grow(struct slide *slide)
{
	slide->slot_count = slide->slot_count ? slide->slot_count * 2 : SLOTS_MIN;
	mem_free(slide->slots);
	slide->slots = mem_alloc_array(slide->slot_count, sizeof(*slide->slots));
	for (uint32_t i = 0; i < slide->key_end; i++)
		if (slide->keys[i].text)
			slots_put(slide, i);
}

static void keys_grow(struct slide *slide)
{
	uint32_t capacity = slide->key_capacity ? slide->key_capacity * 2 : SLOTS_MIN;
	slide->keys = mem_grow(slide->keys, capacity, sizeof(*slide->keys));
	slide->backs = mem_grow(slide->backs, capacity, slide->layout->bytes);
	slide->free_keys = mem_grow(slide->free_keys, capacity, sizeof(*slide->free_keys));
	slide->key_capacity = capacity;
}

static uint32_t key_add(struct slide *slide, uint64_t hash, struct slice text)
{
	if (slide->key_count >= slide->slot_count / 2)
		slots_grow(slide);
	if (slide->free_count == 0 && slide->key_end == slide->key_capacity)
		keys_grow(slide);
	uint32_t key =
		slide->free_count > 0 ? slide->free_keys[--slide->free_count] : slide->key_end++;
	slide->keys[key] = (struct key){
		.hash = hash,
		.text = mem_copy_bytes(text.data, text.length),
		.bytes = (uint32_t)text.length,
	};
	memset(back_of(slide, key), 0, slide->layout->bytes);
	slots_put(slide, key);
	slide->key_count++;
	return key;
}

static uint32_t key_put(struct slide *slide, uint64_t hash, struct slice text)
{
	uint32_t mask = slide->slot_count - 1, slot;
	for (uint32_t at = (uint32_t)hash & mask; slide->slot_count > 0; at = (at + 1) & mask) {
		slot = slide->slots[at];
		if (slot == 0)
			break;
		const struct key *key = &slide->keys[slot - 1];
		if (key->hash == hash && slice_equal((struct slice){key->text, key->bytes}, text))
			return slot - 1;
	}
	return key_add(slide, hash, text);
}

/** Takes the key out of its slot; those that it kept from theirs move up. */
static void slots_take(struct slide *slide, uint32_t key)
{
	uint32_t mask = slide->slot_count - 1, hole = (uint32_t)slide->keys[key].hash & mask;
	while (slide->slots[hole] != key + 1)
		hole = (hole + 1) & mask;
	slide->slots[hole] = 0;
	for (uint32_t at = (hole + 1) & mask; slide->slots[at] != 0; at = (at + 1) & mask) {
		uint32_t home = (uint32_t)slide->keys[slide->slots[at] - 1].hash & mask;
		if (((at - home) & mask) < ((at - hole) & mask))
			continue;
		slide->slots[hole] = slide->slots[at];
		slide->slots[at] = 0;
		hole = at;
	}
}

static void key_remove(struct slide *slide, uint32_t key)
{
	slots_take(slide, key);
	cells_release(slide->layout, back_of(slide, key), NULL);
	mem_free(slide->keys[key].text);
	slide->keys[key].text = NULL;
	slide->free_keys[slide->free_count++] = key;
	slide->key_count--;
}

/* ---- panes ---- */

static void pane_leave(struct slide *slide, struct pane *pane)
{
	uint32_t index = (uint32_t)(pane - slide->panes);
	for (uint32_t i = 0; i < pane->count; i++) {
		struct record *record = record_at(slide, (struct place){index, i});
		struct key *key = &slide->keys[record->key];
		key->first = record->next;
		cells_release(slide->layout, record->cells, NULL);
		if (--key->record_count == 0)
			key_remove(slide, record->key);
	}
	pane->count = 0;
}

static void merge(const struct slide *slide, struct aggregate *into, const struct aggregate *from)
{
	cells_merge(slide->layout, into, from, NULL);
}

/** Into memory that holds nothing. A loop, because most widths are 1 and a call of memcpy() costs
 *  more than that. */
static void copy(const struct slide *slide, struct aggregate *into, const struct aggregate *from)
{
	for (uint32_t i = 0; i < slide->layout->width; i++)
		into[i] = from[i];
	if (!slide->layout->has_extras)
		return;
	memset(into, 0, slide->layout->bytes);
	merge(slide, into, from);
}

/** Every pane becomes an older one: newest first, so that what follows is added up already. */
static void slide_turn(struct slide *slide)
{
	for (uint32_t age = 0; age < slide->pane_count; age++) {
		uint32_t index = pane_of(slide, slide->start_ms - age * slide->step_ms);
		for (uint32_t i = 0; i < slide->panes[index].count; i++) {
			struct record *record = record_at(slide, (struct place){index, i});
			struct aggregate *back = back_of(slide, record->key);
			cells_release(slide->layout, back, NULL);
			memset(back, 0, slide->layout->bytes);
			if (record->next.pane != NONE)
				merge(slide, record->cells, record_at(slide, record->next)->cells);
		}
	}
	slide->back_ms = slide->start_ms + slide->step_ms;
}

void slide_move(struct slide *slide, int64_t start_ms)
{
	REQUIRE(slide->key_count == 0 || start_ms == slide->start_ms + slide->step_ms);
	pane_leave(slide, &slide->panes[pane_of(slide, start_ms)]);
	/* Only what came before: the pane at `start_ms` is new, and goes to the back. */
	if (slide->key_count > 0 &&
	    start_ms - (slide->pane_count - 1) * slide->step_ms >= slide->back_ms)
		slide_turn(slide);
	if (slide->key_count == 0)
		slide->back_ms = start_ms;
	slide->start_ms = start_ms;
}

void slide_add(struct slide *slide, uint64_t key_hash, struct slice key,
	       const struct aggregate *cells)
{
	uint32_t id = key_put(slide, key_hash, key);
	struct place place = {.pane = pane_of(slide, slide->start_ms)};
	struct pane *pane = &slide->panes[place.pane];
	if (pane->count == pane->capacity) {
		pane->capacity = pane->capacity ? pane->capacity * 2 : 16;
		pane->records = mem_grow(pane->records, pane->capacity, slide->record_bytes);
	}
	place.at = pane->count++;
	struct record *record = record_at(slide, place);
	*record = (struct record){.key = id, .next = {.pane = NONE}};
	copy(slide, record->cells, cells);
	merge(slide, back_of(slide, id), cells);
	struct key *owner = &slide->keys[id];
	if (owner->record_count++ == 0)
		owner->first = place;
	else
		record_at(slide, owner->last)->next = place;
	owner->last = place;
}

uint32_t slide_key_count(const struct slide *slide)
{
	return slide->key_count;
}

/** Whether the record is one of the older panes, whose sums are ready. */
static bool is_older(const struct slide *slide, struct place place)
{
	uint32_t oldest = pane_of(slide, window_start(slide));
	uint32_t age = (place.pane + slide->pane_count - oldest) % slide->pane_count;
	return window_start(slide) + age * slide->step_ms < slide->back_ms;
}

bool slide_next(const struct slide *slide, uint32_t *at, struct slice *out_key,
		struct aggregate *total)
{
	while (*at < slide->key_end && !slide->keys[*at].text)
		++*at;
	if (*at == slide->key_end)
		return false;
	const struct key *key = &slide->keys[*at];
	const struct aggregate *back = back_of(slide, *at);
	++*at;
	*out_key = (struct slice){key->text, key->bytes};
	if (!is_older(slide, key->first)) {
		copy(slide, total, back);
		return true;
	}
	copy(slide, total, record_at(slide, key->first)->cells);
	merge(slide, total, back);
	return true;
}
