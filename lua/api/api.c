#include "lua/api/api.h"

#include "lua/host/state.h"

#include <lua.h>

#include <stddef.h>

#define ANY (PHASE_LOAD | PHASE_RULE | PHASE_PLAN)
/* clang-format off */
#define STANDARD(name, cost) {name, ANY, API_STANDARD, cost, NULL, NULL, NULL, NULL}
#define OWN(name, cost, function, parameters, returns, help) \
	{name, ANY, API_OWN, cost, function, parameters, returns, help}
#define LIBRARY(name, phases, cost, parameters, returns, help) \
	{name, phases, API_LIBRARY, cost, NULL, parameters, returns, help}

const struct api_row api_rows[] = {
	STANDARD("assert", "O(1)"),
	STANDARD("error", "O(1)"),
	STANDARD("ipairs", "O(1) a step"),
	OWN("next", "O(n)", l_base_next,
	     "t table\n"
	     "key? any",
	     "any key\n"
	     "any value",
	     "The entry after `key` in the order of pairs."),
	OWN("pairs", "O(n log n)", l_base_pairs,
	     "t table",
	     "fun(): any, any",
	     "Keys in order: numbers by size, texts by bytes, false, true. Other keys raise."),
	STANDARD("pcall", "O(1)"),
	OWN("require", "O(1), the first time one load", l_base_require,
	     "name string",
	     "any",
	     "Modules of the program only: \"tocsin.rule\", \"tocsin.plan\", "
	     "\"tocsin.sequence\", \"tocsin.text\"."),
	STANDARD("select", "O(1)"),
	STANDARD("tonumber", "O(n)"),
	OWN("tostring", "O(n)", l_base_tostring,
	     "value any",
	     "string",
	     "Tables and functions print as their type, without an address."),
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
	{"math.huge", ANY, API_VALUE, "O(1)", NULL, NULL, NULL, NULL},
	STANDARD("math.ldexp", "O(1)"),
	STANDARD("math.log", "O(1)"),
	STANDARD("math.log10", "O(1)"),
	STANDARD("math.max", "O(n)"),
	STANDARD("math.min", "O(n)"),
	STANDARD("math.modf", "O(1)"),
	{"math.pi", ANY, API_VALUE, "O(1)", NULL, NULL, NULL, NULL},
	STANDARD("math.pow", "O(1)"),
	STANDARD("math.rad", "O(1)"),
	STANDARD("math.sin", "O(1)"),
	STANDARD("math.sinh", "O(1)"),
	STANDARD("math.sqrt", "O(1)"),
	STANDARD("math.tan", "O(1)"),
	STANDARD("math.tanh", "O(1)"),

	STANDARD("string.byte", "O(n)"),
	STANDARD("string.char", "O(n)"),
	OWN("string.find", "bounded by a match limit", l_string_find,
	     "s string\n"
	     "pattern string\n"
	     "init? integer\n"
	     "plain? boolean",
	     "integer? first\n"
	     "integer? last\n"
	     "string? ... captures",
	     "As in Lua 5.1, but a pattern that takes too many steps raises; patterns have "
	     "at most 1,024 bytes."),
	OWN("string.format", "O(n)", l_string_format,
	     "format string\n"
	     "... any",
	     "string",
	     "Without %p; tables and functions print as their type."),
	OWN("string.gmatch", "bounded by a match limit", l_string_gmatch,
	     "s string\n"
	     "pattern string",
	     "fun(): string?",
	     "As string.find; `^` is an ordinary character here, as in Lua 5.1."),
	OWN("string.gsub", "bounded by a match limit", l_string_gsub,
	     "s string\n"
	     "pattern string\n"
	     "replacement string|table|function\n"
	     "count_max? integer",
	     "string\n"
	     "integer count",
	     "As string.find."),
	STANDARD("string.len", "O(1)"),
	STANDARD("string.lower", "O(n)"),
	OWN("string.match", "bounded by a match limit", l_string_match,
	     "s string\n"
	     "pattern string\n"
	     "init? integer",
	     "string? ... captures",
	     "As string.find."),
	OWN("string.rep", "O(n), result at most 1 MiB", l_string_rep,
	     "s string\n"
	     "count integer\n"
	     "separator? string",
	     "string",
	     "The result has at most 1 MiB."),
	STANDARD("string.reverse", "O(n)"),
	STANDARD("string.sub", "O(n)"),
	STANDARD("string.upper", "O(n)"),

	STANDARD("table.concat", "O(n)"),
	OWN("table.insert", "O(n)", l_table_insert,
	     "list table\n"
	     "position_or_value any\n"
	     "value? any",
	     "",
	     "The position must be from 1 to #list + 1."),
	STANDARD("table.maxn", "O(n)"),
	STANDARD("table.remove", "O(n)"),
	OWN("table.sort", "O(n log n)", l_table_sort,
	     "list table\n"
	     "is_before? fun(a: any, b: any): boolean",
	     "",
	     "Without a comparison: a list of numbers or of texts. The comparison must be a "
	     "Lua function."),
	STANDARD("table.unpack", "O(n)"),

	LIBRARY("rule.continuous", PHASE_LOAD, "O(1)",
	     "spec tocsin.RuleContinuous",
	     "any",
	     "How often does each value of one field occur?"),
	LIBRARY("rule.count", PHASE_LOAD, "O(1)",
	     "spec tocsin.RuleCount",
	     "any",
	     "How many readings match?"),
	LIBRARY("rule.field", PHASE_LOAD, "O(1)",
	     "spec tocsin.RuleField",
	     "any",
	     "A statistic of one field."),
	LIBRARY("rule.group", PHASE_LOAD, "O(1)",
	     "spec tocsin.RuleGroup",
	     "any",
	     "A count or statistic for each combination of several fields."),
	LIBRARY("rule.script", PHASE_LOAD, "O(1)",
	     "spec tocsin.RuleScript",
	     "any",
	     "A function decides."),
	LIBRARY("plan", PHASE_LOAD, "O(1)",
	     "spec tocsin.PlanSpec",
	     "any",
	     "A plan file returns plan { … }."),
	LIBRARY("plan.list", ANY, "O(1)",
	     "items table",
	     "table items",
	     "Marks a list, so that an empty one is written as [] and not as {}."),
#include "lua/api/api_test.def"
	LIBRARY("text.cut", ANY, "O(n)",
	     "value any\n"
	     "bytes_max integer",
	     "string",
	     "At most `bytes_max` bytes, never in the middle of a character; a cut ends in "
	     "\"…\"."),
	LIBRARY("text.percent", ANY, "O(1)",
	     "part number|nil\n"
	     "whole number|nil\n"
	     "digits? integer default 1",
	     "string",
	     "\"12.5 %\"; \"n/a\" when there is no whole."),
	LIBRARY("text.span", ANY, "O(1)",
	     "value string|number",
	     "number|nil",
	     "Milliseconds of \"250ms\", \"5s\", \"1m\", \"2h\", \"1d\" or of a number of "
	     "seconds; else nil."),
	LIBRARY("sequence.follows", PHASE_LOAD, "O(1)",
	     "spec tocsin.Sequence",
	     "tocsin.SequenceFunctions",
	     "A reading `next` comes within a time after a reading `first`."),
	LIBRARY("sequence.missing", PHASE_LOAD, "O(1)",
	     "spec tocsin.Sequence",
	     "tocsin.SequenceFunctions",
	     "No reading `next` comes within a time after a reading `first`."),
	LIBRARY("ctx:timer", PHASE_RULE, "O(1), at most 16 of a key",
	     "name string 1 to 32 bytes; a timer of that name is set anew\n"
	     "span string|number \"30s\", or seconds: 1s to 366d of event time",
	     "",
	     "on_timer(ctx, name) is called when so much event time has passed."),
	LIBRARY("ctx:cancel", PHASE_RULE, "O(1)",
	     "name string",
	     "",
	     "The timer does not come."),
	LIBRARY("ctx:log", PHASE_RULE | PHASE_PLAN, "one line; in a plan one journal record",
	     "text string",
	     "",
	     "A line in the log and, in a plan, on the incident's timeline. In a rule at "
	     "most 10 lines a call."),

	LIBRARY("ctx:ask", PHASE_PLAN, "waits for a person",
	     "id string\n"
	     "question tocsin.Question",
	     "tocsin.Answer",
	     "Waits for a person: tocsin plan approve | reject."),
	LIBRARY("ctx:call", PHASE_PLAN, "a run of another plan",
	     "plan string its name\n"
	     "params? table as that plan declares them\n"
	     "opts? tocsin.CallOptions",
	     "{state: string, result: any, run: string}\n"
	     "string? reason with on_fail = \"continue\"",
	     "Calls another plan: a run of its own, with its own journal. Waits for its end unless "
	     "detached; raises when it does not end well. It is cancelled when this run ends."),
	LIBRARY("ctx:each", PHASE_PLAN, "two journal records; a branch for each item",
	     "list any[]\n"
	     "fn fun(c: tocsin.PlanContext, item: any, index: integer): any\n"
	     "opts? {limit?: integer, max_errors?: integer} default 8 (up to 64) and 0",
	     "any[] results by index; nil where it failed\n"
	     "table<integer, string> errors by index",
	     "Calls the function for each item, `limit` side by side. With more failures than "
	     "`max_errors` no more begin; those that run end, and it raises."),
	LIBRARY("ctx:exec", PHASE_PLAN, "one durable step",
	     "id string\n"
	     "argv string[] the program's path and its arguments\n"
	     "opts? tocsin.StepOptions",
	     "{exit_code: integer, output: string}",
	     "A program on the site's exec.allow; no shell."),
	LIBRARY("ctx:fact", PHASE_PLAN, "one journal record",
	     "id string\n"
	     "fn fun(): any",
	     "any value",
	     "What the function finds out, recorded: a replay does not call it again. At most "
	     "64 KiB as JSON."),
	LIBRARY("ctx:group", PHASE_PLAN, "one durable step",
	     "id string\n"
	     "args {to: string, name: string, people: string[], text: string}\n"
	     "opts? tocsin.StepOptions",
	     "{group: string, members: string[], missing: string[]}",
	     "A chat of WeCom or Feishu for people, schedules and roles of the site, with a first "
	     "message. One step makes one chat."),
	LIBRARY("ctx:http", PHASE_PLAN, "one durable step",
	     "id string\n"
	     "args {method?: string, url: string, headers?: table<string, string>, body?: string}\n"
	     "opts? tocsin.StepOptions",
	     "{status: integer, body: string}",
	     "A request to a host on the site's http.allow. GET and HEAD are `read`, others "
	     "`once` unless declared."),
	LIBRARY("ctx:incident_now", PHASE_PLAN, "one journal record",
	     "",
	     "table|nil incident",
	     "The incident as it is now."),
	LIBRARY("ctx:incident_state", PHASE_PLAN, "one journal record",
	     "",
	     "string|nil state",
	     "State of the incident now: OPEN, ACKED, HANDLING, MITIGATED, RESOLVED …"),
	LIBRARY("ctx:load", PHASE_PLAN, "one durable step",
	     "id string\n"
	     "args tocsin.LoadTest\n"
	     "opts? tocsin.StepOptions",
	     "tocsin.LoadResult",
	     "A test of performance before something goes online: requests at a fixed rate to a "
	     "host on the site's load.allow, and a verdict."),
	LIBRARY("ctx:lock", PHASE_PLAN, "waits for the lock",
	     "key string what is locked, for all runs\n"
	     "opts? {ttl?: string|number, wait?: string|number} default \"10m\" both\n"
	     "fn fun(c: tocsin.PlanContext, fence: integer): any",
	     "any result what the function returns",
	     "Runs the function while no other run holds the lock. Raises when it is not free in "
	     "time. After ttl another run may take it: then every further call of the function "
	     "raises."),
	LIBRARY("ctx:metric", PHASE_PLAN, "one durable step",
	     "id string\n"
	     "args {rule: string, key?: table<string, string|number|boolean>}\n"
	     "opts? tocsin.StepOptions",
	     "tocsin.MetricResult",
	     "What a rule sees of a key at its last boundary: the value that it compares."),
	LIBRARY("ctx:notify", PHASE_PLAN, "one durable step",
	     "id string\n"
	     "args {to: string, text: string}\n"
	     "opts? tocsin.StepOptions",
	     "",
	     "A message to an output of the site."),
	LIBRARY("ctx:now", PHASE_PLAN, "one journal record",
	     "",
	     "number seconds",
	     "Epoch seconds; recorded, so that a replay sees the same."),
	LIBRARY("ctx:par", PHASE_PLAN, "two journal records; a branch for each function",
	     "functions table<string, fun(c: tocsin.PlanContext): any>\n"
	     "opts? {mode?: \"all\"|\"any\"|\"settle\"} default \"all\"",
	     "any results by name; any: the winner's; settle: {ok, value, error} by name\n"
	     "string? winner any: its name",
	     "Runs functions side by side and waits for all of them (any: for the first that "
	     "ends well; the others are stopped). all raises afterwards when one failed."),
	LIBRARY("ctx:phone", PHASE_PLAN, "one durable step",
	     "id string\n"
	     "args {who?: string, to?: string, number?: string, text: string}\n"
	     "opts? tocsin.StepOptions",
	     "{people?: string[], waiting?: string[]}",
	     "Calls people (`who`: a name, schedule:NAME, role:NAME) by all their ways, or a "
	     "number by a voice gateway (`to`, `number`)."),
	LIBRARY("ctx:random", PHASE_PLAN, "one journal record",
	     "",
	     "number random",
	     "A number from 0 up to 1; recorded."),
	LIBRARY("ctx:rollback", PHASE_PLAN, "one durable step for each undo",
	     "why string",
	     "{rolled_back: integer, why: string}",
	     "Undoes what this branch and its branches have done, the latest first. Raises at "
	     "the first undo that fails."),
	LIBRARY("ctx:secret", PHASE_PLAN, "nothing",
	     "name string of tocsin.lua's secrets\n"
	     "opts? {prefix?: string, suffix?: string}",
	     "table handle",
	     "Stands for a secret in the headers and the body of ctx:http; it is put in when the "
	     "request is sent, and is never in the script, the journal or the log."),
	LIBRARY("ctx:signal", PHASE_PLAN, "waits for an event",
	     "name string\n"
	     "opts? {timeout?: string|number}",
	     "{value: any, actor: string, reason: string}? nil after the time-out\n"
	     "\"timeout\"|\"skipped\"|nil reason",
	     "Waits for tocsin plan signal RUN NAME; one that was sent before is taken at once."),
	LIBRARY("ctx:sleep", PHASE_PLAN, "a durable timer",
	     "span string|number \"5s\", \"10m\", or seconds",
	     "",
	     "A durable timer."),
	LIBRARY("ctx:sql", PHASE_PLAN, "one durable step",
	     "id string\n"
	     "args {database: string, sql: string, args?: any[], rows?: integer}\n"
	     "opts? tocsin.StepOptions",
	     "{columns: string[], rows: table[], row_count: integer, cut: boolean}",
	     "One SELECT on a database of the site, with a value for each ?; at most 100 rows "
	     "unless `rows` says otherwise (up to 1,000)."),
	LIBRARY("ctx:step", PHASE_PLAN, "one durable step",
	     "id string names the step in this run\n"
	     "action string \"notify.send\", \"http.request\", \"sql.query\", …\n"
	     "args? table\n"
	     "opts? tocsin.StepOptions",
	     "any result\n"
	     "string? reason with on_fail = \"continue\"",
	     "One durable effect: a crash repeats it or not as its effect class says. A "
	     "failure raises."),
	LIBRARY("ctx:ticket", PHASE_PLAN, "one durable step",
	     "id string\n"
	     "args {to: string, title: string, text?: string, fields?: table}\n"
	     "opts? tocsin.StepOptions",
	     "{id?: string, link?: string, key: string, found: boolean}",
	     "A ticket in a system of the site's tickets. One step makes one ticket where the "
	     "system can be asked, or keeps its own books by the key."),
	LIBRARY("ctx:undo", PHASE_PLAN, "nothing",
	     "action string\n"
	     "args? table\n"
	     "opts? tocsin.StepOptions",
	     "",
	     "Puts an action on the stack of ctx:rollback, as opts.undo of a step does."),
	LIBRARY("ctx:uuid", PHASE_PLAN, "one journal record",
	     "",
	     "string uuid",
	     "A fresh UUID; recorded."),
	LIBRARY("ctx:wait_until", PHASE_PLAN, "a durable timer for each look",
	     "id string\n"
	     "is_done fun(): any\n"
	     "opts {every?: string|number, timeout: string|number} every: default \"5s\", at "
	     "least \"1s\"",
	     "any result what the function gave, or nil\n"
	     "\"timeout\"? reason",
	     "Calls the function at once and then after every `every`, until it gives a true "
	     "value."),
	{NULL, 0, API_STANDARD, NULL, NULL, NULL, NULL, NULL},
};
/* clang-format on */
