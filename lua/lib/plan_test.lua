-- tocsin.plan_test: what plans/<name>/test.lua may do. `tocsin test` runs it: each case has a plan
-- engine, incidents, a store and a clock of its own; actions are answered by their simulators or by
-- t.reply. The calls go to the program through `world` (core/cli/plan_test_world.c).
local privileges = ...
local raise, world = privileges.raise, privileges.world
local kit = privileges.own("tocsin._test_kit")
local text = require "tocsin.text"

local test = { case = kit.case, cases = kit.cases, advance = kit.advance, at = kit.at }

local EFFECT = kit.set [[action args at_ms id incident key probe run step text time try]]
local EFFECT_WEIGHTS = { action = 8, id = 4, step = 4, args = 2 }
local RUN = kit.set [[ended_ms error id incident is_drill plan records result state started_ms
  version waiting_for]]
local REPLY = kit.set [[absent after error repeatable result retry silent unknown]]
local ANSWER = kit.set [[as reason run value]]
local COMMAND = kit.set [[as reason run step value]]
local START = kit.set [[as drill incident params plan]]

local function check(call, options, known)
  if options == nil then
    return {}
  end
  if type(options) ~= "table" then
    raise(call .. ": the options are a table, found " .. type(options))
  end
  for name in pairs(options) do
    if not known[name] then
      local names = {}
      for one in pairs(known) do
        names[#names + 1] = one
      end
      raise(call .. " has no option \"" .. tostring(name) .. "\"; known: "
        .. table.concat(names, ", "))
    end
  end
  return options
end

local function check_name(call, what, name)
  if type(name) ~= "string" or name == "" then
    raise(call .. ": the first argument is " .. what .. ", found " .. tostring(name))
  end
end

-- ---- what happens ----

-- An alert of a rule fires: it opens an incident, or joins one. Gives its number.
function test.alert(alert)
  if type(alert) ~= "table" then
    raise("test.alert takes { rule = \"NAME\", dimension = { … } }, found " .. type(alert))
  end
  return world.call("alert", "", alert)
end

-- The same alert, or all of them, resolves.
function test.resolve(alert)
  if alert ~= nil and type(alert) ~= "table" then
    raise("test.resolve takes the alert that is over, or nothing, found " .. type(alert))
  end
  world.call("resolve", "", alert)
end

-- Starts the plan by hand. Gives the id of the run.
function test.start(options)
  return world.call("start", "", check("test.start", options, START))
end

-- What the tries of a step, or of an action, are told: one reply for each try, the last one stays.
local function add_replies(call, name, is_probe, ...)
  check_name(call, "a step or an action", name)
  local list = {}
  for i = 1, select("#", ...) do
    local reply = select(i, ...)
    if type(reply) == "string" then
      reply = { error = reply }
    end
    check(call, reply, REPLY)
    if type(reply) ~= "table" then
      raise(call .. ": a reply is a table, or the sentence of an error")
    end
    local after = text.span(reply.after == nil and 0 or reply.after)
    if not after then
      raise(call .. ": after is a span like \"3s\", found " .. tostring(reply.after))
    end
    list[i] = { absent = reply.absent, error = reply.error, repeatable = reply.repeatable,
      result = reply.result, retry = reply.retry, silent = reply.silent, unknown = reply.unknown,
      after_ms = after }
  end
  if #list == 0 then
    raise(call .. " takes at least one reply, like { result = { status = 204 } }")
  end
  world.call(is_probe and "probe" or "reply", name, list)
end

function test.reply(name, ...)
  add_replies("test.reply", name, false, ...)
end

function test.probe(name, ...)
  add_replies("test.probe", name, true, ...)
end

-- ---- people ----

local function answer(call, step, options, is_approved)
  check_name(call, "the id of the ask", step)
  local given = check(call, options, ANSWER)
  world.call("answer", step, { approved = is_approved, value = given.value, reason = given.reason,
    run = given.run, ["as"] = given["as"] })
end

function test.approve(step, options)
  answer("test.approve", step, options, true)
end

function test.reject(step, options)
  answer("test.reject", step, options, false)
end

function test.signal(name, options)
  check_name("test.signal", "the name of the signal", name)
  world.call("signal", name, check("test.signal", options, ANSWER))
end

for _, command in ipairs { "pause", "resume", "retry", "set", "skip", "cancel" } do
  test[command] = function(options)
    world.call("command", command, check("test." .. command, options, COMMAND))
  end
end

-- What a person does to the incident: "ack", "handle", "mitigate", "resolve", "cancel" …
function test.incident(move, options)
  check_name("test.incident", "a move of the incident, like \"ack\"", move)
  world.call("move", move, check("test.incident", options,
    kit.set "as incident reason"))
end

-- ---- the daemon ----

-- It is killed here, and starts again on what is stored.
function test.crash()
  world.call("crash")
end

function test.reload(change)
  if type(change) ~= "table" or type(change.plan or change.remove) ~= "string" then
    raise("test.reload takes { plan = \"NAME@VERSION\" } or { remove = \"NAME\" }")
  end
  if change.plan then
    world.call("activate", change.plan)
  end
  if change.remove then
    world.call("remove", change.remove)
  end
end

-- ---- what is expected ----

local function effects(call, wanted)
  local list = world.call("effects")
  if wanted then
    kit.check_fields(call, "effect", wanted, list, EFFECT)
  end
  return list
end

-- An effect that was met once is not met again. Returns it.
function test.expect_effect(wanted)
  local list = effects("test.expect_effect", wanted or {})
  return kit.expect("effect", wanted or {}, list, EFFECT_WEIGHTS)
end

function test.expect_none(wanted)
  local list = effects("test.expect_none", wanted or {})
  kit.expect_none("effect", wanted or {}, list, EFFECT_WEIGHTS)
end

-- These, in this order, and no others, since the last one that was met.
function test.expect_effects(wanted)
  if type(wanted) ~= "table" then
    raise("test.expect_effects takes a list of tables, found " .. type(wanted))
  end
  local list = effects("test.expect_effects")
  for i, one in ipairs(wanted) do
    kit.check_fields("test.expect_effects", "effect", one, list, EFFECT)
    kit.expect("effect", one, { list[i] }, EFFECT_WEIGHTS)
  end
  if list[#wanted + 1] then
    world.fail("an effect that nobody expects", { nearest = list[#wanted + 1].value })
    raise("the expectation failed")
  end
end

-- How the latest run is (of wanted.plan; wanted.id). Returns it.
function test.expect_run(wanted)
  wanted = wanted or {}
  if type(wanted) ~= "table" then
    raise("test.expect_run takes a table of the run's fields, found " .. type(wanted))
  end
  local run = world.call("run", "", { id = wanted.id, plan = wanted.plan })
  if not run then
    world.fail("no run is there")
    raise("the expectation failed")
  end
  kit.check_fields("test.expect_run", "run", wanted, { { value = run } }, RUN)
  local differences = kit.differences(wanted, run, {})
  if #differences > 0 then
    world.fail("the run is another", { differences = differences, nearest = run })
    raise("the expectation failed")
  end
  return run
end

function test.expect_no_run()
  local run = world.call("run", "", {})
  if run then
    world.fail("a run that nobody expects", { nearest = run })
    raise("the expectation failed")
  end
end

-- The facts of the runs so far: { kind, text, run }, like "run_refused", "step_retry".
function test.facts(kind)
  local list = {}
  for _, fact in ipairs(world.call("facts")) do
    if kind == nil or fact.kind == kind then
      list[#list + 1] = fact
    end
  end
  return list
end

-- The journal of the latest run, or of this one.
function test.journal(run)
  return world.call("journal", run or "")
end

return privileges.freeze(test, "plan_test")
