/* Molds: strings that have had the same length in each of SHAPE_STUDY_LINES lines are compared by
 * their places, together with the literals around them. */
#include "core/ingest/shape_internal.h"

#include <string.h>

#include "core/base/mem.h"

void shape_molds_clear(struct shape_set *set)
{
	set->mold_count = 0;
	set->study.shape = NULL;
}

/** Whether the value is a string without surprises. */
static bool is_plain_text(struct slice value)
{
	if (value.data[0] != '"')
		return false;
	for (size_t i = 1; i + 1 < value.length; i++)
		if (value.data[i] == '\\' || (unsigned char)value.data[i] >= 0x80)
			return false;
	return true;
}

static void study_line(struct shape_study *study, const struct shape_slots *line)
{
	for (uint32_t i = 0; i + 1 < line->count; i++) {
		struct slice value = line->slots[i].value;
		if (study->line_count == 0) {
			study->is_steady[i] = value.length < MOLD_BLOCKS_MAX * 32;
			study->lengths[i] = (uint16_t)value.length;
		}
		study->is_steady[i] &= value.length == study->lengths[i] && is_plain_text(value);
	}
	study->line_count++;
}

static void mold_put(struct shape_mold *mold, const char *text, size_t length, bool is_content)
{
	for (size_t i = 0; i < length; i++) {
		struct mold_block *block = &mold->blocks[mold->bytes / 32];
		block->expected[mold->bytes % 32] = (unsigned char)text[i];
		block->equal[mold->bytes % 32] = is_content ? 0 : 0xFF;
		block->content[mold->bytes % 32] = is_content ? 0xFF : 0;
		mold->bytes++;
	}
}

/** Adds the slot; false: no room. */
static bool mold_add(struct shape_set *set, struct shape_mold *mold, uint16_t node,
		     const struct shape_slot *slot)
{
	const struct shape_node *kept = &set->nodes[node];
	bool is_kept = kept->use != 0;
	size_t text_bytes = slot->value.length - 2;
	if (mold->bytes + slot->literal.length + slot->value.length > MOLD_BLOCKS_MAX * 32 ||
	    (is_kept && mold->value_count == MOLD_VALUES_MAX))
		return false;
	mold_put(mold, slot->literal.data, slot->literal.length, false);
	mold_put(mold, "\"", 1, false);
	if (is_kept)
		mold->values[mold->value_count++] = (struct mold_value){
			.value = {.type = VALUE_STRING, .length = (uint32_t)text_bytes},
			.node = node,
			.at = (uint16_t)mold->bytes,
			.column = kept->column,
			.is_plain = kept->plain_types >> VALUE_STRING & 1,
		};
	mold_put(mold, slot->value.data + 1, text_bytes, true);
	mold_put(mold, "\"", 1, false);
	mold->block_count = (uint16_t)((mold->bytes + 31) / 32);
	mold->last = node;
	return true;
}

/** A mold that begins with `node`; NULL: no room. */
static struct shape_mold *mold_begin(struct shape_set *set, uint16_t node,
				     const struct shape_slot *slot)
{
	if (set->mold_count == SHAPE_MOLDS_MAX)
		return NULL;
	if (!set->molds)
		set->molds = mem_alloc_array(SHAPE_MOLDS_MAX, sizeof(*set->molds));
	struct shape_mold *mold = &set->molds[set->mold_count];
	memset(mold, 0, sizeof(*mold));
	mold->first = node;
	if (!mold_add(set, mold, node, slot))
		return NULL;
	set->nodes[node].mold = (uint8_t)set->mold_count++;
	set->nodes[node].kind |= SHAPE_IS_MOLD;
	return mold;
}

static bool mold_covers(const struct shape_set *set, const struct shape_mold *mold, uint16_t node)
{
	uint16_t at = mold->last;
	while (at != node && at != mold->first)
		at = set->nodes[at].previous;
	return at == node;
}

/** Makes molds of the steady strings on the way of this line. */
static void study_end(struct shape_set *set, const struct shape_slots *line)
{
	const struct shape_mold *old = NULL;
	struct shape_mold *mold = NULL;
	uint16_t node = SHAPE_NONE;
	for (uint32_t i = 0; i + 1 < line->count; i++) {
		const struct shape_slot *slot = &line->slots[i];
		node = shape_next(set, node, slot, false);
		if (node == SHAPE_NONE)
			return;
		if (set->nodes[node].kind & SHAPE_IS_MOLD)
			old = &set->molds[set->nodes[node].mold];
		if ((old && mold_covers(set, old, node)) || !set->study.is_steady[i])
			mold = NULL;
		else if (!mold || !mold_add(set, mold, node, slot))
			mold = mold_begin(set, node, slot);
	}
}

void shape_study(struct shape_set *set, struct shape *shape, struct slice line)
{
	struct shape_study *study = &set->study;
	struct shape_slots slots;
	if (study->shape && study->shape != shape) {
		/* One after the other; but who does not come again does not hold up the rest. */
		if (++study->waiting_count < SHAPE_STUDY_LINES) {
			shape->study_in = SHAPE_STUDY_AFTER;
			return;
		}
		study->shape->study_in = SHAPE_STUDY_AFTER;
		study->shape = NULL;
	}
	if (!study->shape)
		study->line_count = study->waiting_count = 0;
	study->shape = shape;
	shape->study_in = 1;
	while (line.data[line.length - 1] == '\n' || line.data[line.length - 1] == '\r')
		line.length--;
	if (!shape_cut(line, NULL, &slots))
		return;
	study_line(study, &slots);
	if (study->line_count < SHAPE_STUDY_LINES)
		return;
	study_end(set, &slots);
	study->shape = NULL;
	shape->study_in = 0;
}

void shape_mold_review(struct shape_set *set, struct shape_mold *mold)
{
	bool is_worth_it = mold->hits / 2 >= mold->misses;
	mold->hits = mold->misses = 0;
	if (is_worth_it)
		return;
	struct shape_mold *last = &set->molds[--set->mold_count];
	set->nodes[last->first].mold = set->nodes[mold->first].mold;
	set->nodes[mold->first].kind &= (uint8_t)~SHAPE_IS_MOLD;
	*mold = *last;
	/* Each drop doubles the wait: lengths that come and go are left alone in the end. */
	if (set->dropped_count < 16)
		set->dropped_count++;
	for (uint32_t i = 0; i < set->shape_count; i++)
		set->shapes[i].study_in = (uint32_t)SHAPE_STUDY_AFTER << set->dropped_count;
	set->study.shape = NULL;
}
