#include "core/ingest/shape.h"

#include <string.h>

#include "core/base/avx2.h"
#include "core/base/mem.h"
#include "core/ingest/shape_internal.h"

struct shape_set *shape_set_new(uint32_t column_count)
{
	struct shape_set *set = mem_alloc(sizeof(*set));
	set->column_count = column_count;
	set->first = SHAPE_NONE;
	set->ration = SHAPES_MAX * SHAPE_RATION;
	set->is_portable = !avx2_is_here();
	return set;
}

void shape_deinit(struct shape *shape)
{
	bytes_deinit(&shape->sample);
	mem_free(shape->nil_columns);
	*shape = (struct shape){0};
}

void shape_set_free(struct shape_set *set)
{
	if (!set)
		return;
	for (uint32_t i = 0; i < set->shape_count; i++)
		shape_deinit(&set->shapes[i]);
	mem_free(set->nodes);
	mem_free(set->molds);
	bytes_deinit(&set->rests);
	mem_free(set);
}

void shape_set_use_portable(struct shape_set *set)
{
	set->is_portable = true;
}

uint32_t shape_set_count(const struct shape_set *set)
{
	return set->shape_count;
}

void shape_set_decode(struct shape_set *set, struct shape_run *run)
{
	if (set->detours > SHAPE_DETOURS_MAX)
		shape_set_sort(set);
#if defined(__x86_64__)
	if (!set->is_portable) {
		shape_walk_avx2(set, run);
		return;
	}
#endif
	shape_walk_portable(set, run);
}

bool shape_rest_match(const struct shape_set *set, const struct shape_node *node, const char *text,
		      const char *stop)
{
	/* A literal has no line feed, so it cannot reach beyond the last one. */
	if ((size_t)(stop - text) < node->literal_bytes)
		return false;
	return memcmp(text + SHAPE_LITERAL_BYTES, set->rests.data + node->rest,
		      node->literal_bytes - SHAPE_LITERAL_BYTES) == 0;
}

/** Puts the nodes of one choice in the order of their weights. */
static void choice_sort(struct shape_node *nodes, uint16_t *first)
{
	uint16_t sorted = SHAPE_NONE;
	for (uint16_t at = *first; at != SHAPE_NONE;) {
		uint16_t following = nodes[at].other;
		uint16_t *link = &sorted;
		while (*link != SHAPE_NONE && nodes[*link].weight >= nodes[at].weight)
			link = &nodes[*link].other;
		nodes[at].other = *link;
		*link = at;
		at = following;
	}
	*first = sorted;
}

void shape_set_sort(struct shape_set *set)
{
	struct shape_node *nodes = set->nodes;
	set->detours = 0;
	for (uint32_t i = 0; i < set->node_count; i++)
		nodes[i].weight = 0;
	/* A node is made after the one before it, so weights flow to the front in one pass. */
	for (uint32_t i = set->node_count; i-- > 0;) {
		if (nodes[i].next == SHAPE_NONE) {
			struct shape *shape = &set->shapes[nodes[i].column];
			nodes[i].weight += (uint32_t)shape->line_count;
			shape->line_count /= 2;
		}
		if (nodes[i].previous != SHAPE_NONE)
			nodes[nodes[i].previous].weight += nodes[i].weight;
	}
	choice_sort(nodes, &set->first);
	for (uint32_t i = 0; i < set->node_count; i++)
		choice_sort(nodes, &nodes[i].next);
}
