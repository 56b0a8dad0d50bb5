-- tocsin.test: what rules/<name>/test.lua may do. `tocsin test` runs it: each case has an engine, a
-- store and a clock of its own. The calls go to the program through `world` (lua/bridge/
-- test_script.c); which alert was meant is decided here.
local privileges = ...
local raise, world = privileges.raise, privileges.world
local kit = privileges.own("tocsin._test_kit")

local test = { case = kit.case, cases = kit.cases, advance = kit.advance, at = kit.at }

local FIELDS = kit.set [[alert_time band baseline baseline_time category count dimension early field
  field_value field_values id kept_back labels message name reason rule samples severity state
  statistic threshold value version window window_end window_start]]

-- How much a difference says that another alert was meant.
local WEIGHTS = { rule = 8, state = 4, dimension = 4, version = 2 }

-- n readings: copies, or what a function gives for 1, 2 … n.
function test.times(n, reading)
  if type(n) ~= "number" or n < 1 or n ~= math.floor(n) then
    raise("test.times: the first argument is how many, found " .. tostring(n))
  end
  local list = {}
  for i = 1, n do
    list[i] = type(reading) == "function" and reading(i) or reading
  end
  return list
end

-- A text is a line as it is in the file; a table without `time` gets the time of the clock.
function test.inject(source, readings)
  if type(source) ~= "string" then
    raise("test.inject: the first argument is the source, found " .. type(source))
  end
  if type(readings) ~= "table" or readings[1] == nil then
    readings = { readings }
  end
  for _, reading in ipairs(readings) do
    if type(reading) == "table" then
      world.call("reading", source, reading)
    elseif type(reading) == "string" then
      world.call("line", source .. "\n" .. reading)
    else
      raise("test.inject: a reading is a table or the text of a line, found " .. type(reading))
    end
  end
  world.call("flush", source)
end

function test.restart()
  world.call("restart")
end

function test.reload(change)
  if type(change) ~= "table" or type(change.rule or change.remove) ~= "string" then
    raise("test.reload takes { rule = \"NAME@VERSION\" } or { remove = \"NAME\" }")
  end
  if change.rule then
    world.call("activate", change.rule)
  end
  if change.remove then
    world.call("remove", change.remove)
  end
end

local function alerts(call, wanted)
  local list = world.call("alerts")
  kit.check_fields(call, "alert", wanted, list, FIELDS)
  return list
end

-- An alert that was met once is not met again. Returns its document.
function test.expect_alert(wanted)
  local list = alerts("test.expect_alert", wanted)
  return kit.expect("alert", wanted, list, WEIGHTS)
end

function test.expect_none(wanted)
  local list = alerts("test.expect_none", wanted or {})
  kit.expect_none("alert", wanted or {}, list, WEIGHTS)
end

return privileges.freeze(test, "test")
