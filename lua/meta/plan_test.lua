---@meta tocsin.plan_test
-- Types and documentation for editors, made by `make reference`; no code.

---An alert that fires or is over.
---@class tocsin.PlanTestAlert
---@field rule string
---@field title? string
---@field severity? "info"|"warning"|"critical" default "warning"
---@field category? string default: by the site's categories
---@field dimension? table<string, string|number|boolean>
---@field labels? table<string, string>
---@field message? string

---What a try is told. With error, retry, repeatable, unknown or absent it did not go well.
---@class tocsin.PlanTestReply
---@field result? table what the step gives, as { status = 204 }
---@field error? string
---@field retry? boolean certainly without effect, as HTTP 429
---@field repeatable? boolean worth another try if the effect may happen twice, as HTTP 503
---@field unknown? boolean sent, and nobody knows what happened
---@field absent? boolean it is not there, as HTTP 404 or exit code 1
---@field after? string|number how long it takes; past the time-out it is unknown
---@field silent? boolean it never answers

---Whom a command is for.
---@class tocsin.PlanTestCommand
---@field step? string its id, or its whole name
---@field value? any of retry: the new arguments; of set: the result
---@field as? string
---@field reason? string
---@field run? string default: the latest that has not ended

---One try of a step. A function is asked about the value.
---@class tocsin.PlanTestEffect
---@field action? string "http.request"
---@field args? table only the given ones are compared; a secret is its name
---@field id? string as the plan has it
---@field step? string "look/top#1"
---@field try? integer from 1
---@field probe? boolean it only asks the target
---@field at_ms? integer since the case began
---@field time? string RFC 3339, UTC
---@field text? string one line for people
---@field key? string idempotency key
---@field run? string
---@field incident? integer

---A run. A function is asked about the value.
---@class tocsin.PlanTestRun
---@field id? string
---@field plan? string
---@field version? integer
---@field state? string "sleeping", "asking", "in_doubt", "done", "failed" …
---@field waiting_for? string|fun(text: string): boolean
---@field result? any what run() returned
---@field error? string|fun(text: string): boolean
---@field incident? integer
---@field is_drill? boolean
---@field records? integer

local plan_test = {}

---Time passes: what is due in it happens.
---@param span string|number "30s", or seconds
function plan_test.advance(span) end

---An alert fires: it opens an incident or joins one, which may start the plan.
---@param alert tocsin.PlanTestAlert
---@return integer incident its number, 0: none
function plan_test.alert(alert) end

---A person approves; of a step in doubt: it happened.
---@param step string the id of the ask, or its whole name
---@param options? {value?: any, as?: string, reason?: string, run?: string}
function plan_test.approve(step, options) end

---Time passes until then. The clock of a case starts at 2026-01-05T00:00:00Z, a Monday.
---@param time string RFC 3339
function plan_test.at(time) end

---As tocsin plan cancel.
---@param options? tocsin.PlanTestCommand
function plan_test.cancel(options) end

---One test, in a world of its own. Cases of a file run in their order.
---@param name string
---@param body fun()
function plan_test.case(name, body) end

---Several tests, in the order of their names.
---@param bodies table<string, fun()>
---@return table
function plan_test.cases(bodies) end

---The daemon is killed here and starts again, on what it has stored: tries that are under way are
---never heard of.
function plan_test.crash() end

---Such a try of a step was made, and no earlier call has met it. Only the given fields are
---compared.
---@param wanted? tocsin.PlanTestEffect
---@return table effect
function plan_test.expect_effect(wanted) end

---These tries in this order, and no other, are left that no earlier call has met.
---@param wanted tocsin.PlanTestEffect[]
function plan_test.expect_effects(wanted) end

---No run has started or waits.
function plan_test.expect_no_run() end

---No try is left that was not met (or none such).
---@param wanted? tocsin.PlanTestEffect
function plan_test.expect_none(wanted) end

---The latest run (with this id, of this plan) is so. Only the given fields are compared.
---@param wanted? tocsin.PlanTestRun
---@return table run
function plan_test.expect_run(wanted) end

---What the engine told of the runs so far: the lines of the incident's timeline.
---@param kind? string "run_refused", "step_retry" …
---@return table[] facts {kind, text, run, at_ms}
function plan_test.facts(kind) end

---What a person does to the incident, as tocsin incident.
---@param move string "ack", "handle", "mitigate", "resolve", "cancel" …
---@param options? {as?: string, reason?: string, incident?: integer}
function plan_test.incident(move, options) end

---The journal of the latest run, or of this one.
---@param run? string
---@return table[] records
function plan_test.journal(run) end

---As tocsin plan pause.
---@param options? tocsin.PlanTestCommand
function plan_test.pause(options) end

---What the probes of a step are told, as test.reply.
---@param name string a step or an action
---@param ... tocsin.PlanTestReply|string
function plan_test.probe(name, ...) end

---A person says no; of a step in doubt: it did not happen.
---@param step string the id of the ask, or its whole name
---@param options? {as?: string, reason?: string, run?: string}
function plan_test.reject(step, options) end

---Another version becomes active (NAME alone: the newest), or another plan too, or a plan is
---removed.
---@param change {plan?: string, remove?: string}
function plan_test.reload(change) end

---What its tries are told from now on: one reply for each, the last one stays. A text is an
---error. Without it each try goes well.
---@param name string a step (its id, or its whole name) or an action
---@param ... tocsin.PlanTestReply|string
function plan_test.reply(name, ...) end

---This alert, or every one, is over.
---@param alert? tocsin.PlanTestAlert
function plan_test.resolve(alert) end

---As tocsin plan resume.
---@param options? tocsin.PlanTestCommand
function plan_test.resume(options) end

---As tocsin plan retry.
---@param options? tocsin.PlanTestCommand
function plan_test.retry(options) end

---As tocsin plan set.
---@param options? tocsin.PlanTestCommand
function plan_test.set(options) end

---As tocsin plan signal.
---@param name string
---@param options? {value?: any, as?: string, reason?: string, run?: string}
function plan_test.signal(name, options) end

---As tocsin plan skip.
---@param options? tocsin.PlanTestCommand
function plan_test.skip(options) end

---A person starts the plan by hand, as tocsin plan run.
---@param options? {plan?: string, params?: table, incident?: integer, as?: string, drill?: boolean}
---@return string run its id
function plan_test.start(options) end

return plan_test
