/** json_tree.h - JSON as the tree that a file of the site gives, so that both are read by the same
 *  code and refused with the same words.
 */
#ifndef TOCSIN_CORE_HANDLING_JSON_TREE_H
#define TOCSIN_CORE_HANDLING_JSON_TREE_H

struct arena;
struct err_note;
struct tree;

/** Texts and nodes live in the arena. ERR_INVALID: no JSON, deeper than TREE_DEPTH_MAX, or more
 *  than TREE_NODES_MAX. */
int json_tree_new(const char *text, struct arena *arena, const struct tree **out,
		  struct err_note *why);

#endif
