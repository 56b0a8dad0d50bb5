/** order.h - one order of table keys for everything that walks a table: pairs, JSON, sort.
 *
 *  Numbers by size, then strings by bytes, then false, true. LuaJIT's own order differs from run
 *  to run.
 *  Keys of other types have no order that would be the same in two runs; they raise.
 *  Cost: O(n log n), charged to the running call's budget.
 */
#ifndef TOCSIN_LUA_HOST_ORDER_H
#define TOCSIN_LUA_HOST_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lua_State;

struct order_item {
	union {
		double number;
		const char *text;
	} as;
	uint32_t length;
	int index;
	uint8_t kind; /**< of the key: number, string, false, true */
};

/** Reads the value at the top of the stack (not popped). False: it has no place in the order. */
bool order_item_read(struct lua_State *lua, struct order_item *out);
void order_item_push(struct lua_State *lua, const struct order_item *item);
int order_compare(const struct order_item *a, const struct order_item *b);
/** Memory for `count` items and their scratch, as userdata on the stack; collects garbage first
 *  when the
 *  limit is near, which the allocator itself cannot do. */
struct order_item *order_push_items(struct lua_State *lua, size_t count);
/** Stable merge sort; `scratch` is as long as `items`. */
void order_sort(struct lua_State *lua, struct order_item *items, struct order_item *scratch,
		size_t count);

/** Pushes a list of the keys of the table at `index`, in order; returns how many. */
size_t order_push_keys(struct lua_State *lua, int index);

#endif
