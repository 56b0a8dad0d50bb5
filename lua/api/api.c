#include "lua/api/api.h"

#include "lua/host/state.h"

#include <lua.h>

#include <stddef.h>

#define ANY (PHASE_LOAD | PHASE_RULE | PHASE_PLAN)
#define STANDARD(name, cost)                                                                       \
	{                                                                                          \
		name, ANY, API_STANDARD, cost, NULL                                                \
	}
#define OWN(name, cost, function)                                                                  \
	{                                                                                          \
		name, ANY, API_OWN, cost, function                                                 \
	}
#define LIBRARY(name, phases, cost)                                                                \
	{                                                                                          \
		name, phases, API_LIBRARY, cost, NULL                                              \
	}

const struct api_row api_rows[] = {
	STANDARD("assert", "O(1)"),
	STANDARD("error", "O(1)"),
	STANDARD("ipairs", "O(1) a step"),
	OWN("next", "O(n)", l_base_next),
	OWN("pairs", "O(n log n)", l_base_pairs),
	STANDARD("pcall", "O(1)"),
	OWN("require", "O(1), the first time one load", l_base_require),
	STANDARD("select", "O(1)"),
	STANDARD("tonumber", "O(n)"),
	OWN("tostring", "O(n)", l_base_tostring),
	STANDARD("type", "O(1)"),
	STANDARD("unpack", "O(n)"),

	STANDARD("math.abs", "O(1)"),
	STANDARD("math.acos", "O(1)"),
	STANDARD("math.asin", "O(1)"),
	STANDARD("math.atan", "O(1)"),
	STANDARD("math.atan2", "O(1)"),
	STANDARD("math.ceil", "O(1)"),
	STANDARD("math.cos", "O(1)"),
	STANDARD("math.cosh", "O(1)"),
	STANDARD("math.deg", "O(1)"),
	STANDARD("math.exp", "O(1)"),
	STANDARD("math.floor", "O(1)"),
	STANDARD("math.fmod", "O(1)"),
	STANDARD("math.frexp", "O(1)"),
	{"math.huge", ANY, API_VALUE, "O(1)", NULL},
	STANDARD("math.ldexp", "O(1)"),
	STANDARD("math.log", "O(1)"),
	STANDARD("math.log10", "O(1)"),
	STANDARD("math.max", "O(n)"),
	STANDARD("math.min", "O(n)"),
	STANDARD("math.modf", "O(1)"),
	{"math.pi", ANY, API_VALUE, "O(1)", NULL},
	STANDARD("math.pow", "O(1)"),
	STANDARD("math.rad", "O(1)"),
	STANDARD("math.sin", "O(1)"),
	STANDARD("math.sinh", "O(1)"),
	STANDARD("math.sqrt", "O(1)"),
	STANDARD("math.tan", "O(1)"),
	STANDARD("math.tanh", "O(1)"),

	STANDARD("string.byte", "O(n)"),
	STANDARD("string.char", "O(n)"),
	OWN("string.find", "bounded by a match limit", l_string_find),
	OWN("string.format", "O(n)", l_string_format),
	OWN("string.gmatch", "bounded by a match limit", l_string_gmatch),
	OWN("string.gsub", "bounded by a match limit", l_string_gsub),
	STANDARD("string.len", "O(1)"),
	STANDARD("string.lower", "O(n)"),
	OWN("string.match", "bounded by a match limit", l_string_match),
	OWN("string.rep", "O(n), result at most 1 MiB", l_string_rep),
	STANDARD("string.reverse", "O(n)"),
	STANDARD("string.sub", "O(n)"),
	STANDARD("string.upper", "O(n)"),

	STANDARD("table.concat", "O(n)"),
	OWN("table.insert", "O(n)", l_table_insert),
	STANDARD("table.maxn", "O(n)"),
	STANDARD("table.remove", "O(n)"),
	OWN("table.sort", "O(n log n)", l_table_sort),
	STANDARD("table.unpack", "O(n)"),

	LIBRARY("rule.continuous", PHASE_LOAD, "O(1)"),
	LIBRARY("rule.count", PHASE_LOAD, "O(1)"),
	LIBRARY("rule.field", PHASE_LOAD, "O(1)"),
	LIBRARY("rule.group", PHASE_LOAD, "O(1)"),
	LIBRARY("rule.script", PHASE_LOAD, "O(1)"),
	LIBRARY("plan", PHASE_LOAD, "O(1)"),
	LIBRARY("plan.list", ANY, "O(1)"),
	LIBRARY("text.cut", ANY, "O(n)"),
	LIBRARY("text.percent", ANY, "O(1)"),
	LIBRARY("text.span", ANY, "O(1)"),
	LIBRARY("ctx:log", PHASE_RULE | PHASE_PLAN, "one line; in a plan one journal record"),

	LIBRARY("ctx:ask", PHASE_PLAN, "waits for a person"),
	LIBRARY("ctx:exec", PHASE_PLAN, "one durable step"),
	LIBRARY("ctx:http", PHASE_PLAN, "one durable step"),
	LIBRARY("ctx:incident_now", PHASE_PLAN, "one journal record"),
	LIBRARY("ctx:incident_state", PHASE_PLAN, "one journal record"),
	LIBRARY("ctx:notify", PHASE_PLAN, "one durable step"),
	LIBRARY("ctx:now", PHASE_PLAN, "one journal record"),
	LIBRARY("ctx:random", PHASE_PLAN, "one journal record"),
	LIBRARY("ctx:sleep", PHASE_PLAN, "a durable timer"),
	LIBRARY("ctx:step", PHASE_PLAN, "one durable step"),
	LIBRARY("ctx:uuid", PHASE_PLAN, "one journal record"),
	LIBRARY("ctx:wait_until", PHASE_PLAN, "a durable timer for each look"),
	{NULL, 0, API_STANDARD, NULL, NULL},
};
