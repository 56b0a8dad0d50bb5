#include "core/engine/script_memory.h"

#include "core/base/mem.h"
#include "core/model/span.h"

#include <string.h>

struct script_memory *script_memory_new(uint64_t seed, uint32_t keys_max, int64_t idle_ms)
{
	struct script_memory *memory = mem_alloc(sizeof(*memory));

	key_table_init(&memory->table, seed);
	memory->keys_max = keys_max;
	memory->idle_ms = idle_ms;
	memory->sweep_ms = INT64_MAX;
	return memory;
}

static void clear(struct script_key *key)
{
	mem_free(key->state);
	mem_free(key->timers);
	key->state = NULL;
	key->timers = NULL;
	key->state_bytes = key->timer_count = 0;
}

void script_memory_free(struct script_memory *memory)
{
	if (memory == NULL)
		return;
	for (uint32_t id = 0; id < memory->table.count; id++)
		clear(&memory->keys[id]);
	key_table_deinit(&memory->table);
	mem_free(memory->keys);
	mem_free(memory->dues);
	mem_free(memory->dirty);
	mem_free(memory);
}

static uint32_t id_of(const struct script_memory *memory, const struct script_key *key)
{
	return (uint32_t)(key - memory->keys);
}

struct slice script_memory_key(const struct script_memory *memory, const struct script_key *key)
{
	return key_table_key(&memory->table, id_of(memory, key));
}

static void mark_dirty(struct script_memory *memory, struct script_key *key)
{
	if (key->is_dirty)
		return;
	key->is_dirty = true;
	if (memory->dirty_count == memory->dirty_capacity) {
		memory->dirty_capacity =
			memory->dirty_capacity == 0 ? 16 : 2 * memory->dirty_capacity;
		memory->dirty =
			mem_grow(memory->dirty, memory->dirty_capacity, sizeof(*memory->dirty));
	}
	memory->dirty[memory->dirty_count++] = id_of(memory, key);
}

/* ---- timers: a heap of the keys by their first one ---- */

static bool is_before(const struct script_memory *memory, const struct script_due *a,
		      const struct script_due *b)
{
	if (a->at_ms != b->at_ms)
		return a->at_ms < b->at_ms;
	return a->id != b->id && slice_compare(key_table_key(&memory->table, a->id),
					       key_table_key(&memory->table, b->id)) < 0;
}

static void push_due(struct script_memory *memory, struct script_due due)
{
	uint32_t at = memory->due_count++;

	if (at == memory->due_capacity) {
		memory->due_capacity = memory->due_capacity == 0 ? 16 : 2 * memory->due_capacity;
		memory->dues = mem_grow(memory->dues, memory->due_capacity, sizeof(*memory->dues));
	}
	for (; at > 0 && is_before(memory, &due, &memory->dues[(at - 1) / 2]); at = (at - 1) / 2)
		memory->dues[at] = memory->dues[(at - 1) / 2];
	memory->dues[at] = due;
}

static struct script_due pop_due(struct script_memory *memory)
{
	struct script_due first = memory->dues[0], last = memory->dues[--memory->due_count];
	uint32_t at = 0;

	for (uint32_t child; (child = 2 * at + 1) < memory->due_count; at = child) {
		if (child + 1 < memory->due_count &&
		    is_before(memory, &memory->dues[child + 1], &memory->dues[child]))
			child++;
		if (!is_before(memory, &memory->dues[child], &last))
			break;
		memory->dues[at] = memory->dues[child];
	}
	if (memory->due_count > 0)
		memory->dues[at] = last;
	return first;
}

static const struct rule_timer *first_timer(const struct script_key *key)
{
	const struct rule_timer *first = NULL;

	for (uint32_t i = 0; i < key->timer_count; i++) {
		const struct rule_timer *timer = &key->timers[i];

		if (first == NULL || timer->at_ms < first->at_ms ||
		    (timer->at_ms == first->at_ms && strcmp(timer->name, first->name) < 0))
			first = timer;
	}
	return first;
}

/** A key whose first timer moved back keeps its place: most are set again before they come. */
static void queue(struct script_memory *memory, struct script_key *key)
{
	const struct rule_timer *first = first_timer(key);

	if (first == NULL || first->at_ms >= key->queued_ms)
		return;
	key->queued_ms = first->at_ms;
	push_due(memory, (struct script_due){first->at_ms, id_of(memory, key)});
}

int64_t script_memory_next(const struct script_memory *memory)
{
	return memory->due_count > 0 ? memory->dues[0].at_ms : INT64_MAX;
}

static void may_get_idle(struct script_memory *memory, const struct script_key *key)
{
	if (key->timer_count == 0 && !key->is_firing &&
	    key->last_ms + memory->idle_ms < memory->sweep_ms)
		memory->sweep_ms = key->last_ms + memory->idle_ms;
}

bool script_memory_take_due(struct script_memory *memory, int64_t upto_ms, struct rule_timer *out,
			    struct script_key **key)
{
	while (script_memory_next(memory) <= upto_ms) {
		struct script_due due = pop_due(memory);
		struct script_key *found = &memory->keys[due.id];
		const struct rule_timer *first;

		if (!found->is_live || found->queued_ms != due.at_ms)
			continue;
		found->queued_ms = INT64_MAX;
		first = first_timer(found);
		if (first == NULL || first->at_ms > due.at_ms) {
			queue(memory, found);
			continue;
		}
		*out = *first;
		*key = found;
		found->timers[first - found->timers] = found->timers[--found->timer_count];
		queue(memory, found);
		may_get_idle(memory, found);
		mark_dirty(memory, found);
		return true;
	}
	return false;
}

/* ---- keys ---- */

static bool is_idle(const struct script_memory *memory, const struct script_key *key,
		    int64_t watermark_ms)
{
	return key->timer_count == 0 && !key->is_firing && watermark_ms != SCRIPT_TIME_NONE &&
	       key->last_ms + memory->idle_ms <= watermark_ms;
}

static void remove_key(struct script_memory *memory, struct script_key *key)
{
	clear(key);
	key->is_live = false;
	key->is_firing = false;
	key->told_ms = SCRIPT_TIME_NONE;
	key->queued_ms = INT64_MAX;
	memory->live_count--;
	mark_dirty(memory, key);
}

static struct script_key *add_key(struct script_memory *memory, struct slice name)
{
	bool is_new;
	uint32_t id = key_table_put(&memory->table, name, &is_new);
	struct script_key *key;

	if (id >= memory->key_capacity) {
		memory->key_capacity = memory->key_capacity == 0 ? 16 : 2 * memory->key_capacity;
		memory->keys = mem_grow(memory->keys, memory->key_capacity, sizeof(*memory->keys));
	}
	key = &memory->keys[id];
	if (is_new)
		*key = (struct script_key){0};
	key->is_live = true;
	key->last_ms = SCRIPT_TIME_NONE;
	key->told_ms = SCRIPT_TIME_NONE;
	key->queued_ms = INT64_MAX;
	memory->live_count++;
	return key;
}

struct script_key *script_memory_find(const struct script_memory *memory, struct slice name,
				      int64_t watermark_ms)
{
	uint32_t id = key_table_find(&memory->table, name);
	struct script_key *key = id != KEY_TABLE_NONE ? &memory->keys[id] : NULL;

	return key != NULL && key->is_live && !is_idle(memory, key, watermark_ms) ? key : NULL;
}

struct script_key *script_memory_put(struct script_memory *memory, struct slice name,
				     int64_t watermark_ms)
{
	uint32_t id = key_table_find(&memory->table, name);

	if (id != KEY_TABLE_NONE && memory->keys[id].is_live) {
		if (!is_idle(memory, &memory->keys[id], watermark_ms))
			return &memory->keys[id];
		remove_key(memory, &memory->keys[id]);
	}
	if (memory->live_count >= memory->keys_max)
		script_memory_sweep(memory, watermark_ms);
	if (memory->live_count >= memory->keys_max) {
		memory->refused_count++;
		return NULL;
	}
	return add_key(memory, name);
}

/** The table cannot forget a key, so it is built again without those that are gone. */
static void rebuild(struct script_memory *memory)
{
	struct script_memory kept = *memory;

	key_table_init(&kept.table, memory->table.seed);
	kept.keys = NULL;
	kept.dues = NULL;
	kept.dirty = NULL;
	kept.key_capacity = kept.due_capacity = kept.due_count = 0;
	kept.dirty_capacity = kept.dirty_count = kept.live_count = 0;
	for (uint32_t id = 0; id < memory->table.count; id++) {
		struct script_key *old = &memory->keys[id], *key;
		bool is_dirty = old->is_dirty;

		if (!old->is_live && !is_dirty)
			continue;
		key = add_key(&kept, key_table_key(&memory->table, id));
		kept.live_count -= !old->is_live;
		*key = *old;
		key->queued_ms = INT64_MAX;
		key->is_dirty = false;
		if (is_dirty)
			mark_dirty(&kept, key);
		queue(&kept, key);
	}
	key_table_deinit(&memory->table);
	mem_free(memory->keys);
	mem_free(memory->dues);
	mem_free(memory->dirty);
	*memory = kept;
}

void script_memory_sweep(struct script_memory *memory, int64_t watermark_ms)
{
	if (watermark_ms == SCRIPT_TIME_NONE || watermark_ms < memory->sweep_ms)
		return;
	memory->sweep_ms = INT64_MAX;
	for (uint32_t id = 0; id < memory->table.count; id++) {
		struct script_key *key = &memory->keys[id];

		if (!key->is_live)
			continue;
		if (is_idle(memory, key, watermark_ms))
			remove_key(memory, key);
		else
			may_get_idle(memory, key);
	}
	if (memory->table.count >= SCRIPT_REBUILD_MIN &&
	    memory->table.count >= 2 * memory->live_count)
		rebuild(memory);
}

/* ---- calls ---- */

void script_memory_load(const struct script_key *key, struct rule_memory *out)
{
	out->state = (struct slice){NULL, 0};
	out->timer_count = 0;
	out->has_new_state = out->has_new_timers = false;
	if (key == NULL)
		return;
	out->state = (struct slice){key->state, key->state_bytes};
	out->timer_count = key->timer_count;
	if (key->timer_count > 0)
		memcpy(out->timers, key->timers, key->timer_count * sizeof(*out->timers));
}

static void touch(struct script_memory *memory, struct script_key *key, int64_t time_ms)
{
	int64_t step_ms = memory->idle_ms / SCRIPT_IDLE_STEPS + 1;
	int64_t last_ms = span_floor(time_ms, step_ms) + step_ms;

	if (last_ms <= key->last_ms)
		return;
	key->last_ms = last_ms;
	mark_dirty(memory, key);
}

static void set_state(struct script_memory *memory, struct script_key *key, struct slice state)
{
	if (state.length > key->state_bytes) {
		mem_free(key->state);
		key->state = mem_alloc(state.length);
	}
	if (state.length > 0)
		memcpy(key->state, state.data, state.length);
	key->state_bytes = (uint32_t)state.length;
	mark_dirty(memory, key);
}

static void set_timers(struct script_memory *memory, struct script_key *key,
		       const struct rule_memory *left)
{
	key->timers = mem_grow(key->timers, left->timer_count + 1, sizeof(*key->timers));
	memcpy(key->timers, left->timers, left->timer_count * sizeof(*key->timers));
	key->timer_count = left->timer_count;
	queue(memory, key);
	mark_dirty(memory, key);
}

bool script_memory_keep(struct script_memory *memory, const struct rule_call *call, bool is_reading,
			int64_t watermark_ms)
{
	const struct rule_memory *left = &call->memory;
	struct script_key *key = script_memory_find(memory, call->key, watermark_ms);
	bool has_something = left->state.length > 0 || left->timer_count > 0;

	if (key == NULL && !has_something)
		return true;
	if (key == NULL)
		key = script_memory_put(memory, call->key, watermark_ms);
	if (key == NULL)
		return false;
	if (is_reading || key->last_ms == SCRIPT_TIME_NONE)
		touch(memory, key, call->time_ms);
	if (left->has_new_state)
		set_state(memory, key, left->state);
	if (left->has_new_timers)
		set_timers(memory, key, left);
	if (!has_something && key->told_ms == SCRIPT_TIME_NONE)
		remove_key(memory, key);
	else
		may_get_idle(memory, key);
	return true;
}

void script_memory_tell(struct script_memory *memory, struct script_key *key, int64_t told_ms,
			bool is_firing)
{
	key->told_ms = told_ms;
	key->is_firing = is_firing;
	if (key->last_ms == SCRIPT_TIME_NONE)
		touch(memory, key, told_ms);
	may_get_idle(memory, key);
	mark_dirty(memory, key);
}

void script_memory_quiet(struct script_memory *memory)
{
	for (uint32_t id = 0; id < memory->table.count; id++) {
		struct script_key *key = &memory->keys[id];

		if (!key->is_live || !key->is_firing)
			continue;
		key->is_firing = false;
		may_get_idle(memory, key);
		mark_dirty(memory, key);
	}
}

/* ---- rows ---- */

void script_memory_save(struct script_memory *memory,
			void (*put)(void *arg, struct slice name, const struct script_key *key),
			void (*drop)(void *arg, struct slice name), void *arg)
{
	for (uint32_t i = 0; i < memory->dirty_count; i++) {
		struct script_key *key = &memory->keys[memory->dirty[i]];
		struct slice name = script_memory_key(memory, key);

		if (key->is_live)
			put(arg, name, key);
		else if (key->is_stored)
			drop(arg, name);
		key->is_stored = key->is_live;
		key->is_dirty = false;
	}
	memory->dirty_count = 0;
}

void script_memory_restore(struct script_memory *memory, struct slice name,
			   const struct script_key *stored)
{
	struct script_key *key = add_key(memory, name);

	key->state_bytes = stored->state_bytes;
	key->state = stored->state_bytes > 0 ? mem_alloc(stored->state_bytes) : NULL;
	if (stored->state_bytes > 0)
		memcpy(key->state, stored->state, stored->state_bytes);
	key->timer_count = stored->timer_count;
	key->timers = mem_grow(NULL, stored->timer_count + 1, sizeof(*key->timers));
	if (stored->timer_count > 0)
		memcpy(key->timers, stored->timers, stored->timer_count * sizeof(*key->timers));
	key->last_ms = stored->last_ms;
	key->told_ms = stored->told_ms;
	key->is_firing = stored->is_firing;
	key->is_stored = true;
	queue(memory, key);
	may_get_idle(memory, key);
}
