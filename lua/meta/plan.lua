---@meta tocsin.plan
-- Types and documentation for editors, made by `make reference`; no code.

---@class tocsin.PlanSpec
---@field name? string the folder's name
---@field api? integer version of this contract
---@field owner? string who answers for the plan
---@field description? string what it does
---@field risk? "low"|"medium"|"high" how much harm it can do
---@field params? table values given to run(ctx, params)
---@field on? tocsin.PlanOn the event that starts it; without it nothing does
---@field concurrency? tocsin.PlanConcurrency how many runs at once
---@field rate? table at most so many starts in a span
---@field breaker? tocsin.PlanBreaker stops a plan that fails again and again
---@field needs? string[] the only kinds of actions it may use (and log); without it any
---@field timeout? string of a whole run
---@field run fun(ctx: tocsin.PlanContext, params: table): any the steps

---@class tocsin.PlanOn
---@field incident string|string[] what happened to the incident
---@field rule? string only incidents of this rule
---@field severity? "info"|"warning"|"critical" only incidents of this severity
---@field category? string only incidents of this category or below
---only incidents of these priorities
---@field priority? "P1"|"P2"|"P3"|"P4"|"P5"|("P1"|"P2"|"P3"|"P4"|"P5")[]
---@field major? boolean only major incidents

---@class tocsin.PlanConcurrency
---@field key? "incident"|"rule"|"global" what the limit is counted for
---@field limit? integer runs at once
---@field on_conflict? "attach"|"queue"|"reject" what happens to one more

---@class tocsin.PlanBreaker
---@field fails integer runs that fail one after the other open it
---@field cool? string no run starts for so long; then one is tried (1h)
---@field escalate? string the output or person that is told when it opens

---How a step is tried again.
---@class tocsin.Retry
---@field max? integer tries
---@field first? string|number the first pause
---@field factor? number
---@field cap? string|number the longest pause
---@field jitter? number

---The last argument of each step.
---@class tocsin.StepOptions
---@field effect? "read"|"idempotent"|"probe"|"once" what may happen after a crash
---@field probe? {action: string, args?: table, want?: table} asks the target whether it happened
---@field undo? table {action, args, opts}: how ctx:rollback takes it back
---@field timeout? string|number of each try
---@field deadline? string|number of all tries
---@field retry? tocsin.Retry
---@field on_fail? "raise"|"continue"|"wait" give nil and why, or wait for an operator

---The last argument of ctx:call.
---@class tocsin.CallOptions
---@field id? string default the plan's name
---@field timeout? string|number then it is cancelled
---@field detach? boolean does not wait, and does not end it
---@field on_fail? "raise"|"continue" give nil and why
---@field undo? table {action, args, opts}: how ctx:rollback takes it back

---What ctx:ask asks a person.
---@class tocsin.Question
---@field text string
---@field who? string|string[] only these may answer
---@field quorum? integer so many must approve, each the same value; one no decides
---@field not_starter? boolean who started the run may not answer
---@field expires? string|number
---@field on_expire? "reject"|"approve"|"fail" default "reject"
---@field choices? any[] the value is one of these
---@field schema? string|table "text", "number", "boolean", …: the plan guide, `ctx:ask`

---What ctx:ask returns.
---@class tocsin.Answer
---@field approved boolean
---@field value any
---@field actor string
---@field reason string
---@field expired boolean
---@field answers? table[] of a quorum: each answer

---What ctx:load sends, and what it must bear.
---@class tocsin.LoadTest
---@field url? string
---@field urls? string[] instead of url: up to 16, in turns
---@field method? string default "GET"
---@field headers? table<string, string>
---@field body? string|table
---@field rate number requests a second
---@field duration string|number
---@field warm_up? string|number sent before, and not measured
---@field timeout? string|number of each request; default "5s"
---@field at_once? integer so many may be on their way; default 256, up to 2,000
---@field stop_at? number ends early when this share has failed, after 50 requests
---@field limits? table p50, p90, p95, p99, max: spans; errors: a share, default 0.01

---What ctx:load returns.
---@class tocsin.LoadResult
---@field passed boolean whether all limits hold
---@field broken string[] the limits that do not, in words
---@field requests integer that were due: good, failed and missed ones
---@field good integer answered with 2xx or 3xx
---@field failed integer
---@field missed integer not sent: too many were on their way
---@field timed_out integer of the failed ones
---@field lost integer of the failed ones: no connection, no answer
---@field errors number share of the failed and missed ones
---@field statuses table<string, integer>
---@field p50_ms number latency, counted from when the request was due
---@field p90_ms number
---@field p95_ms number
---@field p99_ms number
---@field max_ms number
---@field mean_ms number
---@field late_ms number by which Tocsin itself sent too late, at most
---@field seconds number it took
---@field error? string the latest of those without an answer

---What ctx:metric returns.
---@class tocsin.MetricResult
---@field value? number the one that the rule compares
---@field count integer readings in the window
---@field firing boolean
---@field stage string as tocsin rule show has it
---@field severity? string
---@field time? number end of the window, epoch seconds

---What run is given first.
---@class tocsin.PlanContext
---@field run string the run's id
---@field incident table as it was when the run started: number, title, rule, severity, dimension
local ctx = {}

---A line in the log and, in a plan, on the incident's timeline. In a rule at most 10 lines a
---call.
---@param text string
function ctx:log(text) end

---Waits for a person: tocsin plan approve | reject.
---@param id string
---@param question tocsin.Question
---@return tocsin.Answer
function ctx:ask(id, question) end

---Calls another plan: a run of its own, with its own journal. Waits for its end unless detached;
---raises when it does not end well. It is cancelled when this run ends.
---@param plan string its name
---@param params? table as that plan declares them
---@param opts? tocsin.CallOptions
---@return {state: string, result: any, run: string}
---@return string? reason with on_fail = "continue"
function ctx:call(plan, params, opts) end

---Calls the function for each item, `limit` side by side. With more failures than `max_errors` no
---more begin; those that run end, and it raises.
---@param list any[]
---@param fn fun(c: tocsin.PlanContext, item: any, index: integer): any
---@param opts? {limit?: integer, max_errors?: integer} default 8 (up to 64) and 0
---@return any[] results by index; nil where it failed
---@return table<integer, string> errors by index
function ctx:each(list, fn, opts) end

---A program on the site's exec.allow; no shell.
---@param id string
---@param argv string[] the program's path and its arguments
---@param opts? tocsin.StepOptions
---@return {exit_code: integer, output: string}
function ctx:exec(id, argv, opts) end

---What the function finds out, recorded: a replay does not call it again. At most 64 KiB as JSON.
---@param id string
---@param fn fun(): any
---@return any value
function ctx:fact(id, fn) end

---A chat of WeCom or Feishu for people, schedules and roles of the site, with a first message.
---One step makes one chat.
---@param id string
---@param args {to: string, name: string, people: string[], text: string}
---@param opts? tocsin.StepOptions
---@return {group: string, members: string[], missing: string[]}
function ctx:group(id, args, opts) end

---A request to a host on the site's http.allow. GET and HEAD are `read`, others `once` unless
---declared.
---@param id string
---@param args {method?: string, url: string, headers?: table<string, string>, body?: string}
---@param opts? tocsin.StepOptions
---@return {status: integer, body: string}
function ctx:http(id, args, opts) end

---The incident as it is now.
---@return table|nil incident
function ctx:incident_now() end

---State of the incident now: OPEN, ACKED, HANDLING, MITIGATED, RESOLVED …
---@return string|nil state
function ctx:incident_state() end

---A test of performance before something goes online: requests at a fixed rate to a host on the
---site's load.allow, and a verdict.
---@param id string
---@param args tocsin.LoadTest
---@param opts? tocsin.StepOptions
---@return tocsin.LoadResult
function ctx:load(id, args, opts) end

---Runs the function while no other run holds the lock. Raises when it is not free in time. After
---ttl another run may take it: then every further call of the function raises.
---@param key string what is locked, for all runs
---@param opts? {ttl?: string|number, wait?: string|number} default "10m" both
---@param fn fun(c: tocsin.PlanContext, fence: integer): any
---@return any result what the function returns
function ctx:lock(key, opts, fn) end

---What a rule sees of a key at its last boundary: the value that it compares.
---@param id string
---@param args {rule: string, key?: table<string, string|number|boolean>}
---@param opts? tocsin.StepOptions
---@return tocsin.MetricResult
function ctx:metric(id, args, opts) end

---A message to an output of the site.
---@param id string
---@param args {to: string, text: string}
---@param opts? tocsin.StepOptions
function ctx:notify(id, args, opts) end

---Epoch seconds; recorded, so that a replay sees the same.
---@return number seconds
function ctx:now() end

---Runs functions side by side and waits for all of them (any: for the first that ends well; the
---others are stopped). all raises afterwards when one failed.
---@param functions table<string, fun(c: tocsin.PlanContext): any>
---@param opts? {mode?: "all"|"any"|"settle"} default "all"
---@return any results by name; any: the winner's; settle: {ok, value, error} by name
---@return string? winner any: its name
function ctx:par(functions, opts) end

---Calls people (`who`: a name, schedule:NAME, role:NAME) by all their ways, or a number by a
---voice gateway (`to`, `number`).
---@param id string
---@param args {who?: string, to?: string, number?: string, text: string}
---@param opts? tocsin.StepOptions
---@return {people?: string[], waiting?: string[]}
function ctx:phone(id, args, opts) end

---A number from 0 up to 1; recorded.
---@return number random
function ctx:random() end

---Undoes what this branch and its branches have done, the latest first. Raises at the first undo
---that fails.
---@param why string
---@return {rolled_back: integer, why: string}
function ctx:rollback(why) end

---Stands for a secret in the headers and the body of ctx:http; it is put in when the request is
---sent, and is never in the script, the journal or the log.
---@param name string of tocsin.lua's secrets
---@param opts? {prefix?: string, suffix?: string}
---@return table handle
function ctx:secret(name, opts) end

---Waits for tocsin plan signal RUN NAME; one that was sent before is taken at once.
---@param name string
---@param opts? {timeout?: string|number}
---@return {value: any, actor: string, reason: string}? nil after the time-out
---@return "timeout"|"skipped"|nil reason
function ctx:signal(name, opts) end

---A durable timer.
---@param span string|number "5s", "10m", or seconds
function ctx:sleep(span) end

---One SELECT on a database of the site, with a value for each ?; at most 100 rows unless `rows`
---says otherwise (up to 1,000).
---@param id string
---@param args {database: string, sql: string, args?: any[], rows?: integer}
---@param opts? tocsin.StepOptions
---@return {columns: string[], rows: table[], row_count: integer, cut: boolean}
function ctx:sql(id, args, opts) end

---One durable effect: a crash repeats it or not as its effect class says. A failure raises.
---@param id string names the step in this run
---@param action string "notify.send", "http.request", "sql.query", …
---@param args? table
---@param opts? tocsin.StepOptions
---@return any result
---@return string? reason with on_fail = "continue"
function ctx:step(id, action, args, opts) end

---A ticket in a system of the site's tickets. One step makes one ticket where the system can be
---asked, or keeps its own books by the key.
---@param id string
---@param args {to: string, title: string, text?: string, fields?: table}
---@param opts? tocsin.StepOptions
---@return {id?: string, link?: string, key: string, found: boolean}
function ctx:ticket(id, args, opts) end

---Puts an action on the stack of ctx:rollback, as opts.undo of a step does.
---@param action string
---@param args? table
---@param opts? tocsin.StepOptions
function ctx:undo(action, args, opts) end

---A fresh UUID; recorded.
---@return string uuid
function ctx:uuid() end

---Calls the function at once and then after every `every`, until it gives a true value.
---@param id string
---@param is_done fun(): any
---@param opts {every?: string|number, timeout: string|number} every: default "5s", at least "1s"
---@return any result what the function gave, or nil
---@return "timeout"? reason
function ctx:wait_until(id, is_done, opts) end

---A plan file returns plan { … }.
---@param spec tocsin.PlanSpec
---@return any
function plan(spec) end

---Marks a list, so that an empty one is written as [] and not as {}.
---@param items table
---@return table items
function plan.list(items) end

return plan
