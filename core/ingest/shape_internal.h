/** shape_internal.h - the tree of shapes, for the files that grow it and walk it.
 *
 *      nodes[first] {"id": _ ── next ── ,"city": _ ── next ── }          shape 0
 *                                          other
 *                                       ,"note": _ ── next ── }          shape 1
 *         other
 *      {"city": _ ...
 */
#ifndef TOCSIN_CORE_INGEST_SHAPE_INTERNAL_H
#define TOCSIN_CORE_INGEST_SHAPE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/ingest/shape.h"
#include "core/model/value.h"

enum {
	SHAPE_LITERAL_BYTES = 32,
	SHAPE_NODES_MAX = 4096,
	SHAPE_OTHERS_MAX = 16,    /**< nodes to choose from after one value */
	SHAPE_DETOURS_MAX = 4096, /**< then what is seen more often comes first again */
	SHAPE_POWERS = 23,        /**< powers of ten that are exact doubles */
	SHAPE_NONE = UINT16_MAX,

	SHAPE_STUDY_LINES = 16, /**< looked at closer, to see which strings keep their length */
	SHAPE_STUDY_AFTER = 32, /**< lines of a shape before it is studied */
	SHAPE_MOLDS_MAX = 64,
	MOLD_BLOCKS_MAX = 8,
	MOLD_VALUES_MAX = 8,
	MOLD_MISSES_MAX = 64, /**< then it is asked whether the mold is worth its while */
};

/** What becomes of a value. */
enum shape_use { SHAPE_IS_COLUMN = 1, SHAPE_IS_TIME = 2 };

/** Nodes that are not just a short literal and a value. */
enum shape_kind {
	SHAPE_IS_LONG = 1, /**< the literal has more than SHAPE_LITERAL_BYTES */
	SHAPE_IS_END = 2,  /**< the line ends here */
	SHAPE_IS_MOLD = 4, /**< a mold begins with it */
};

/** A literal and what follows. 64 bytes. */
struct shape_node {
	unsigned char literal[SHAPE_LITERAL_BYTES]; /**< its beginning, zeros behind */
	uint32_t literal_mask;                      /**< a bit for each byte of it */
	uint32_t literal_bytes;
	uint32_t rest;     /**< in shape_set.rests: what literal[] has no room for */
	uint32_t weight;   /**< lines that came through, since the last sorting */
	uint16_t previous; /**< SHAPE_NONE: a line begins with it */
	uint16_t next;     /**< behind the value; SHAPE_NONE when the line ends here */
	uint16_t other;    /**< to be tried when this one does not match, or SHAPE_NONE */
	uint16_t column;   /**< of the value; at the end of a line, its shape */
	uint8_t kind;      /**< enum shape_kind, together; mostly 0 */
	uint8_t use;       /**< enum shape_use, together */
	uint8_t type;      /**< enum field_type of the column */
	/** Bits of enum value_type: these go to their column as they are, and nowhere else. */
	uint8_t plain_types;
	bool is_number; /**< a metric computes with the column */
	uint8_t mold;   /**< that begins with this node */
};

/** 32 bytes of a mold, each mask 0xFF or 0. */
struct mold_block {
	unsigned char expected[32];
	unsigned char equal[32];   /**< the byte is the expected one */
	unsigned char content[32]; /**< the byte is of a string: ASCII, no quote, escape, control */
};

/** A node and those after it as long as their values are strings whose length does not change:
 *
 *      {"time":"2026-11-22T06:00:00.000Z","id":"p0000000001"      expected
 *      =========------------------------=======-----------=       equal, content
 *
 *  All is compared at once, and where the next node begins does not depend on what is read: that is
 *  what costs most, node by node. */
struct shape_mold {
	uint32_t bytes;
	uint16_t block_count;
	uint16_t value_count;
	uint16_t first; /**< node */
	uint16_t last;
	uint32_t hits;
	uint32_t misses;
	struct mold_value {
		struct value value; /**< all but its text */
		uint16_t node;
		uint16_t at;
		uint16_t column;
		bool is_plain;     /**< nothing but the column wants it, as it is */
	} values[MOLD_VALUES_MAX]; /**< those that are kept */
	struct mold_block blocks[MOLD_BLOCKS_MAX];
};

/** Lengths of the strings of one shape, from line to line. */
struct shape_study {
	struct shape *shape; /**< NULL: none */
	uint32_t line_count;
	uint32_t waiting_count;                 /**< times that others were put off */
	uint16_t lengths[SHAPE_VALUES_MAX + 1]; /**< with quotes */
	bool is_steady[SHAPE_VALUES_MAX + 1];
};

/** A value, and the literal before it. */
struct shape_slot {
	struct slice literal;
	struct slice value; /**< as it is written */
	struct shape_node use;
};

/** A line cut into slots. */
struct shape_slots {
	uint32_t count;
	bool has_time;
	uint32_t mistyped; /**< objects and arrays where a value of a type is wanted */
	struct shape_slot slots[SHAPE_VALUES_MAX + 1]; /**< the last one ends the line */
};

struct shape {
	struct bytes sample; /**< the line it was learned from, with 0 for each value */
	uint64_t line_count;
	uint32_t study_in; /**< so many lines */
	uint32_t mistyped; /**< objects and arrays where a value of a type is wanted */
	uint32_t nil_count;
	uint16_t *nil_columns; /**< owned; columns that the shape has no value for */
};

struct shape_set {
	bool is_portable;
	uint32_t column_count;
	uint16_t first; /**< or SHAPE_NONE */
	uint32_t node_count;
	uint32_t node_capacity;
	struct shape_node *nodes;
	struct bytes rests;
	uint32_t shape_count;
	struct shape shapes[SHAPES_MAX];
	uint32_t ration;  /**< SHAPE_RATION of them allow to learn */
	uint32_t detours; /**< nodes that did not match */
	uint32_t mold_count;
	uint32_t dropped_count;   /**< molds that were not worth their while */
	struct shape_mold *molds; /**< [SHAPE_MOLDS_MAX], or NULL */
	struct shape_study study;
};

/* Where the compiler cannot know what logs look like. */
#define LIKELY(condition)   __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

extern const double shape_powers[SHAPE_POWERS];

void shape_deinit(struct shape *shape);
/** Whether the literal goes on as it began in node->literal; `stop` bounds what may be read. */
bool shape_rest_match(const struct shape_set *set, const struct shape_node *node, const char *text,
		      const char *stop);
/** What is seen more often is tried first. */
void shape_set_sort(struct shape_set *set);

/** Cuts a line that is known to be JSON; false: it cannot be a shape. */
bool shape_cut(struct slice line, const struct name_tree *names, struct shape_slots *out);
/** The node for a slot after the node `previous` (SHAPE_NONE at the beginning), or SHAPE_NONE. */
uint16_t shape_next(const struct shape_set *set, uint16_t previous, const struct shape_slot *slot,
		    bool is_end);

/** A line of this shape was decoded, and it is time to look at the lengths of its strings. */
void shape_study(struct shape_set *set, struct shape *shape, struct slice line);
/** The mold did not fit MOLD_MISSES_MAX times. */
void shape_mold_review(struct shape_set *set, struct shape_mold *mold);
void shape_molds_clear(struct shape_set *set);

/** The value to where the node says, in the type that it needs; false: it is no time. */
bool shape_keep(struct shape_run *run, const struct shape_node *node, uint32_t row,
		const struct value *value);
/** A number of JSON's grammar that needs at most one exact multiplication or division. */
const char *shape_number(const char *text, struct value *out);
/** Behind the escape sequence (a pair of \u for one character counts as one); NULL: it is wrong. */
const char *shape_escape_end(const char *at);
/** Replaces a string of which each escape was accepted by shape_escape_end(). */
void shape_unescape(struct batch *batch, struct value *string);

/** The walks: the same code for two kinds of machine. */
void shape_walk_portable(struct shape_set *set, struct shape_run *run);
#if defined(__x86_64__)
void shape_walk_avx2(struct shape_set *set, struct shape_run *run);
#endif

#endif
