---@meta tocsin.plan
-- Types and documentation for editors; no code. Checked against lua/api/api.c.

---@class tocsin.PlanSpec
---@field api? 1
---@field owner? string
---@field description? string
---@field risk? "low"|"medium"|"high"
---@field params? table default values of run's second argument
---@field on? tocsin.PlanTrigger
---@field concurrency? tocsin.PlanConcurrency
---@field rate? table list of {count, span}: { {3, "1h"}, {7, "1d"} }
---@field timeout? string of the whole run, default "1h"
---@field run fun(ctx: tocsin.PlanContext, params: table): any

---@class tocsin.PlanTrigger
---@field incident "opened"|"reopened"|"acked"
---@field rule? string
---@field severity? string
---@field category? string

---@class tocsin.PlanConcurrency
---@field key? "incident"|"rule"|"global"
---@field limit? integer default 1
---@field on_conflict? "attach"|"queue"|"reject"

---@class tocsin.Retry
---@field max? integer tries
---@field first? string|number the first pause
---@field factor? number
---@field cap? string|number the longest pause
---@field jitter? number

---@class tocsin.StepOptions
---@field effect? "read"|"idempotent"|"once" what may happen after a crash; see docs
---@field timeout? string|number of each try
---@field deadline? string|number of all tries
---@field retry? tocsin.Retry
---@field on_fail? "continue" give nil and the reason instead of raising

---@class tocsin.Question
---@field text string
---@field who? string
---@field expires? string|number
---@field on_expire? "reject"|"approve"|"fail" default "reject"
---@field choices? string[]

---@class tocsin.PlanContext
---@field run string the run's id
---@field incident table as it was when the run started: number, title, rule, severity, dimension
local ctx = {}

---A plan file returns plan { … }.
---@param spec tocsin.PlanSpec
function plan(spec) end

---Marks a list, so that an empty one is written as [] and not as {}.
---@param items table
---@return table items
function plan.list(items) end

---One durable effect: a crash repeats it or not as its effect class says. A failure raises.
---@param id string names the step in this run
---@param action string "notify.send" | "http.request" | "exec.run" | "log.write"
---@param args? table
---@param opts? tocsin.StepOptions
---@return any result
---@return string? reason with on_fail = "continue"
function ctx:step(id, action, args, opts) end

---A message to an output of the site.
---@param id string
---@param args {to: string, text: string}
---@param opts? tocsin.StepOptions
function ctx:notify(id, args, opts) end

---A request to a host on the site's http.allow. GET and HEAD are `read`, others `once` unless
---declared.
---@param id string
---@param args {method?: string, url: string, headers?: table<string, string>, body?: string}
---@param opts? tocsin.StepOptions
---@return {status: integer, body: string}
function ctx:http(id, args, opts) end

---A program on the site's exec.allow; no shell.
---@param id string
---@param argv string[] the program's path and its arguments
---@param opts? tocsin.StepOptions
---@return {exit_code: integer, output: string}
function ctx:exec(id, argv, opts) end

---A durable timer.
---@param span string|number "5s", "10m", or seconds
function ctx:sleep(span) end

---Waits for a person: tocsin plan approve | reject.
---@param id string
---@param question tocsin.Question
---@return {approved: boolean, value: any, actor: string, reason: string, expired: boolean}
function ctx:ask(id, question) end

---Calls the function at once and then after every `every`, until it gives a true value.
---@param id string
---@param is_done fun(): any
---@param opts {every?: string|number, timeout: string|number} every: default "5s", at least "1s"
---@return any result what the function gave, or nil
---@return "timeout"? reason
function ctx:wait_until(id, is_done, opts) end

---The incident as it is now.
---@return table|nil incident
function ctx:incident_now() end

---State of the incident now: OPEN, ACKED, HANDLING, MITIGATED or RESOLVED.
---@return string|nil state
function ctx:incident_state() end

---Epoch seconds; recorded, so that a replay sees the same.
---@return number seconds
function ctx:now() end

---A number from 0 up to 1; recorded.
---@return number random
function ctx:random() end

---A fresh UUID; recorded.
---@return string uuid
function ctx:uuid() end

---A line in the log and, in a plan, on the incident's timeline. In a rule at most 10 lines a call.
---@param text string
function ctx:log(text) end

return plan
