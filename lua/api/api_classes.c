#include "lua/api/api.h"

#include <stddef.h>

/* clang-format off */
const struct api_class api_classes[] = {
	{"rule", "tocsin.RuleContext", "What every function of a rule is given first.",
	 "rule string the rule's name\n"
	 "version integer\n"
	 "key table<string, string|number|boolean> `by` field to value\n"
	 "key_text string the values joined by commas\n"
	 "time number epoch seconds: of the reading, of the timer, or the window's end\n"
	 "state table kept for the key: numbers, texts, booleans, tables; 4 KiB"},
	{"sequence", "tocsin.Sequence", "One reading and then another, of the same key.",
	 "first fun(r: tocsin.Reading): any is it the one?\n"
	 "next fun(r: tocsin.Reading): any is it the other?\n"
	 "within string \"30s\": event time between the two\n"
	 "verdict? function makes the alert of (ctx, r or nil, time of `first`)"},
	{"sequence", "tocsin.SequenceFunctions", "For a rule.script.",
	 "on_reading fun(ctx: tocsin.RuleContext, r: tocsin.Reading): "
	 "tocsin.Verdict|false|nil\n"
	 "on_timer fun(ctx: tocsin.RuleContext, name: string): tocsin.Verdict|false|nil"},
	{"rule", "tocsin.Reading", "One table, filled anew each time: copy what must be kept.",
	 "time number epoch seconds\n"
	 "[string] string|number|boolean|nil the fields of `reads`"},
	{"rule", "tocsin.Window", "The window of one key, as on_window sees it.",
	 "window_start number epoch seconds, inclusive\n"
	 "window_end number epoch seconds, exclusive\n"
	 "window_start_text string RFC 3339, UTC\n"
	 "window_end_text string\n"
	 "key table<string, string|number|boolean> `by` field to value; empty without `by`\n"
	 "key_text string the values joined by commas\n"
	 "count number matching readings\n"
	 "samples number those with a number in `field`\n"
	 "sum? number nil without a sample, as are min, max and avg\n"
	 "min? number\n"
	 "max? number\n"
	 "avg? number\n"
	 "is_firing boolean what the last decision for this key was"},
	{"rule", "tocsin.Verdict", "What a function returns to say that the rule fires.",
	 "message? string at most 2,000 bytes\n"
	 "value? number\n"
	 "severity? \"info\"|\"warning\"|\"critical\"\n"
	 "labels? table<string, string|number|boolean> at most 32"},
	{"plan", "tocsin.Retry", "How a step is tried again.",
	 "max? integer tries\n"
	 "first? string|number the first pause\n"
	 "factor? number\n"
	 "cap? string|number the longest pause\n"
	 "jitter? number"},
	{"plan", "tocsin.StepOptions", "The last argument of each step.",
	 "effect? \"read\"|\"idempotent\"|\"probe\"|\"once\" what may happen after a crash\n"
	 "probe? {action: string, args?: table, want?: table} asks the target whether it happened\n"
	 "undo? table {action, args, opts}: how ctx:rollback takes it back\n"
	 "timeout? string|number of each try\n"
	 "deadline? string|number of all tries\n"
	 "retry? tocsin.Retry\n"
	 "on_fail? \"raise\"|\"continue\"|\"wait\" give nil and why, or wait for an operator"},
	{"plan", "tocsin.CallOptions", "The last argument of ctx:call.",
	 "id? string default the plan's name\n"
	 "timeout? string|number then it is cancelled\n"
	 "detach? boolean does not wait, and does not end it\n"
	 "on_fail? \"raise\"|\"continue\" give nil and why\n"
	 "undo? table {action, args, opts}: how ctx:rollback takes it back"},
	{"plan", "tocsin.Question", "What ctx:ask asks a person.",
	 "text string\n"
	 "who? string|string[] only these may answer\n"
	 "quorum? integer so many must approve, each the same value; one no decides\n"
	 "not_starter? boolean who started the run may not answer\n"
	 "expires? string|number\n"
	 "on_expire? \"reject\"|\"approve\"|\"fail\" default \"reject\"\n"
	 "choices? any[] the value is one of these\n"
	 "schema? string|table \"text\", \"number\", \"boolean\", …: the plan guide, `ctx:ask`"},
	{"plan", "tocsin.Answer", "What ctx:ask returns.",
	 "approved boolean\n"
	 "value any\n"
	 "actor string\n"
	 "reason string\n"
	 "expired boolean\n"
	 "answers? table[] of a quorum: each answer"},
	{"plan", "tocsin.LoadTest", "What ctx:load sends, and what it must bear.",
	 "url? string\n"
	 "urls? string[] instead of url: up to 16, in turns\n"
	 "method? string default \"GET\"\n"
	 "headers? table<string, string>\n"
	 "body? string|table\n"
	 "rate number requests a second\n"
	 "duration string|number\n"
	 "warm_up? string|number sent before, and not measured\n"
	 "timeout? string|number of each request; default \"5s\"\n"
	 "at_once? integer so many may be on their way; default 256, up to 2,000\n"
	 "stop_at? number ends early when this share has failed, after 50 requests\n"
	 "limits? table p50, p90, p95, p99, max: spans; errors: a share, default 0.01"},
	{"plan", "tocsin.LoadResult", "What ctx:load returns.",
	 "passed boolean whether all limits hold\n"
	 "broken string[] the limits that do not, in words\n"
	 "requests integer that were due: good, failed and missed ones\n"
	 "good integer answered with 2xx or 3xx\n"
	 "failed integer\n"
	 "missed integer not sent: too many were on their way\n"
	 "timed_out integer of the failed ones\n"
	 "lost integer of the failed ones: no connection, no answer\n"
	 "errors number share of the failed and missed ones\n"
	 "statuses table<string, integer>\n"
	 "p50_ms number latency, counted from when the request was due\n"
	 "p90_ms number\n"
	 "p95_ms number\n"
	 "p99_ms number\n"
	 "max_ms number\n"
	 "mean_ms number\n"
	 "late_ms number by which Tocsin itself sent too late, at most\n"
	 "seconds number it took\n"
	 "error? string the latest of those without an answer"},
	{"plan", "tocsin.MetricResult", "What ctx:metric returns.",
	 "value? number the one that the rule compares\n"
	 "count integer readings in the window\n"
	 "firing boolean\n"
	 "stage string as tocsin rule show has it\n"
	 "severity? string\n"
	 "time? number end of the window, epoch seconds"},
	{"plan", "tocsin.PlanContext", "What run is given first.",
	 "run string the run's id\n"
	 "incident table as it was when the run started: number, title, rule, severity, dimension"},
	{"plan_test", "tocsin.PlanTestAlert", "An alert that fires or is over.",
	 "rule string\n"
	 "title? string\n"
	 "severity? \"info\"|\"warning\"|\"critical\" default \"warning\"\n"
	 "category? string default: by the site's categories\n"
	 "dimension? table<string, string|number|boolean>\n"
	 "labels? table<string, string>\n"
	 "message? string"},
	{"plan_test", "tocsin.PlanTestReply",
	 "What a try is told. With error, retry, repeatable, unknown or absent it did not go well.",
	 "result? table what the step gives, as { status = 204 }\n"
	 "error? string\n"
	 "retry? boolean certainly without effect, as HTTP 429\n"
	 "repeatable? boolean worth another try if the effect may happen twice, as HTTP 503\n"
	 "unknown? boolean sent, and nobody knows what happened\n"
	 "absent? boolean it is not there, as HTTP 404 or exit code 1\n"
	 "after? string|number how long it takes; past the time-out it is unknown\n"
	 "silent? boolean it never answers"},
	{"plan_test", "tocsin.PlanTestCommand", "Whom a command is for.",
	 "step? string its id, or its whole name\n"
	 "value? any of retry: the new arguments; of set: the result\n"
	 "as? string\n"
	 "reason? string\n"
	 "run? string default: the latest that has not ended"},
	{"plan_test", "tocsin.PlanTestEffect",
	 "One try of a step. A function is asked about the value.",
	 "action? string \"http.request\"\n"
	 "args? table only the given ones are compared; a secret is its name\n"
	 "id? string as the plan has it\n"
	 "step? string \"look/top#1\"\n"
	 "try? integer from 1\n"
	 "probe? boolean it only asks the target\n"
	 "at_ms? integer since the case began\n"
	 "time? string RFC 3339, UTC\n"
	 "text? string one line for people\n"
	 "key? string idempotency key\n"
	 "run? string\n"
	 "incident? integer"},
	{"plan_test", "tocsin.PlanTestRun", "A run. A function is asked about the value.",
	 "id? string\n"
	 "plan? string\n"
	 "version? integer\n"
	 "state? string \"sleeping\", \"asking\", \"in_doubt\", \"done\", \"failed\" …\n"
	 "waiting_for? string|fun(text: string): boolean\n"
	 "result? any what run() returned\n"
	 "error? string|fun(text: string): boolean\n"
	 "incident? integer\n"
	 "is_drill? boolean\n"
	 "records? integer"},
	{"test", "tocsin.TestAlert",
	 "Fields of the alert document (keys = \"en\"). A function is asked about the value.",
	 "rule? string\n"
	 "version? integer\n"
	 "state? \"firing\"|\"resolved\"|\"nodata\"\n"
	 "severity? \"info\"|\"warning\"|\"critical\"\n"
	 "dimension? table<string, string|number|boolean>\n"
	 "value? number|fun(value: number): boolean\n"
	 "count? integer\n"
	 "message? string\n"
	 "reason? string\n"
	 "window_start? string RFC 3339, UTC\n"
	 "window_end? string RFC 3339, UTC\n"
	 "[string] any any other field of the document"},
	{NULL, NULL, NULL, NULL},
};
/* clang-format on */
