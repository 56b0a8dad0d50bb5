/** decode_names.h - the wanted fields of a source as a tree of object keys.
 *
 *      time, merchantId, customer.city, customer.id
 *
 *      level ── "time"        is_time
 *            ── "merchantId"  column 0
 *            ── "customer" ── level ── "city"  column 1
 *                                   ── "id"    column 2
 *
 *  One pass over an object looks each of its keys up in one level: the cost of a line does not
 *  depend on the number of wanted fields. A level is a small open-addressing table over the
 *  length and four bytes of a key; keys come from rules, not from input, so no seed is needed.
 *  Owner: name_tree_new() result owned. Read-only afterwards, shared by threads.
 */
#ifndef TOCSIN_CORE_INGEST_DECODE_NAMES_H
#define TOCSIN_CORE_INGEST_DECODE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/base/bytes.h"
#include "core/model/schema.h"

struct field_set;

struct name_node {
	char *key;
	uint32_t length;
	int32_t column;       /**< of the batch, or -1 */
	enum field_type type; /**< of the column */
	bool is_number;       /**< a metric computes with the column */
	bool is_time;         /**< the time field of the source */
	struct name_tree *in; /**< keys wanted inside, or NULL */
};

/** One level. */
struct name_tree {
	struct name_node *nodes;
	uint32_t node_count;
	uint32_t node_capacity;
	uint16_t *slots; /**< node + 1; 0 = empty */
	uint32_t slot_mask;
	/** All that the tree was made from: equal bytes, equal rows. Of the first level only. */
	struct bytes origin;
};

/** `is_number` has fields->count elements. */
struct name_tree *name_tree_new(const struct field_set *fields, const bool *is_number,
				const char *time_field);
void name_tree_free(struct name_tree *tree);

static inline uint32_t name_hash(const char *key, size_t length)
{
	if (length == 0)
		return 0;
	const unsigned char *bytes = (const unsigned char *)key;
	uint32_t hash = (uint32_t)length * 0x9E3779B1u;
	hash ^= bytes[0] * 0x85EBCA6Bu;
	hash ^= bytes[length / 2] * 0xC2B2AE35u;
	hash ^= bytes[length - 1] * 0x27D4EB2Fu;
	return hash ^ (hash >> 15);
}

static inline const struct name_node *name_tree_find(const struct name_tree *tree, const char *key,
						     size_t length)
{
	for (uint32_t at = name_hash(key, length);; at++) {
		uint32_t slot = tree->slots[at & tree->slot_mask];
		if (slot == 0)
			return NULL;
		const struct name_node *node = &tree->nodes[slot - 1];
		if (node->length == length && memcmp(node->key, key, length) == 0)
			return node;
	}
}

#endif
