-- tocsin.test: what rules/<name>/test.lua may do. `tocsin test` runs it: each case has an engine, a
-- store and a clock of its own. The calls go to the program through `world` (lua/bridge/
-- test_script.c); which alert was meant is decided here.
local privileges = ...
local raise, world = privileges.raise, privileges.world
local text = require "tocsin.text"

local test = {}

local FIELDS = {}
for name in ([[alert_time band baseline baseline_time category count dimension early field
  field_value field_values id kept_back labels message name reason rule samples severity state
  statistic threshold value version window window_end window_start]]):gmatch("%S+") do
  FIELDS[name] = true
end

-- How much a difference says that another alert was meant.
local WEIGHTS = { rule = 8, state = 4, dimension = 4, version = 2 }

function test.case(name, body)
  if type(name) ~= "string" or type(body) ~= "function" then
    raise("test.case takes a name and a function: test.case(\"forty failures fire\", "
      .. "function() … end)")
  end
  if not name:find("%S") then
    raise("the name of a test.case must not be empty: it says what is so, like "
      .. "\"forty failures fire\"")
  end
  world.case(name, body)
end

-- In the order of their names.
function test.cases(bodies)
  if type(bodies) ~= "table" then
    raise("test.cases takes a table of functions by name: test.cases { [\"forty failures fire\"] = "
      .. "function() … end }")
  end
  for name, body in pairs(bodies) do
    test.case(name, body)
  end
  return bodies
end

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

function test.advance(span)
  local ms = text.span(span)
  if not ms or ms == 0 then
    raise("test.advance takes a span like \"30s\" or a number of seconds, found " .. tostring(span))
  end
  world.call("advance", string.format("%d", ms))
end

function test.at(time)
  if type(time) ~= "string" then
    raise("test.at takes a time like \"2026-01-05T08:00:00Z\", found " .. tostring(time))
  end
  world.call("at", time)
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

local function plain(value)
  if type(value) == "function" then
    return "what the function accepts"
  end
  return value
end

-- Only what is wanted is compared, in tables too.
local function compare(path, wanted, found, differences)
  if type(wanted) == "table" and type(found) == "table" then
    for name, value in pairs(wanted) do
      compare(path .. "." .. tostring(name), value, found[name], differences)
    end
    return
  end
  local is_same = wanted == found
  if type(wanted) == "function" then
    is_same = wanted(found)
  end
  if not is_same then
    differences[#differences + 1] = { field = path, wanted = plain(wanted), found = found }
  end
end

local function differences_of(wanted, alert)
  local differences, weight = {}, 0
  for name, value in pairs(wanted) do
    local count = #differences
    compare(name, value, alert[name], differences)
    if #differences > count then
      weight = weight + (WEIGHTS[name] or 1)
    end
  end
  return differences, weight
end

local function check_fields(call, wanted, alerts)
  if type(wanted) ~= "table" then
    raise(call .. " takes a table of the alert's fields, found " .. type(wanted))
  end
  for name in pairs(wanted) do
    local is_known = FIELDS[name]
    for _, one in ipairs(alerts) do
      is_known = is_known or one.alert[name] ~= nil
    end
    if not is_known then
      local names = {}
      for field in pairs(FIELDS) do
        names[#names + 1] = field
      end
      raise(call .. ": an alert has no field \"" .. tostring(name) .. "\"; its fields: "
        .. table.concat(names, ", "))
    end
  end
end

-- An alert that was met once is not met again. Returns its document.
function test.expect_alert(wanted)
  local alerts = world.call("alerts")
  check_fields("test.expect_alert", wanted, alerts)
  local nearest, nearest_differences, nearest_weight
  for _, one in ipairs(alerts) do
    local differences, weight = differences_of(wanted, one.alert)
    if #differences == 0 then
      world.call("take", string.format("%d", one.number))
      return one.alert
    end
    if not nearest or weight < nearest_weight then
      nearest, nearest_differences, nearest_weight = one.alert, differences, weight
    end
  end
  if not nearest then
    world.fail("no alert is there that no earlier call has met")
  else
    world.fail("no such alert", { differences = nearest_differences, nearest = nearest })
  end
  raise("the expectation failed")
end

function test.expect_none(wanted)
  local alerts = world.call("alerts")
  check_fields("test.expect_none", wanted or {}, alerts)
  for _, one in ipairs(alerts) do
    if #differences_of(wanted or {}, one.alert) == 0 then
      world.fail("an alert that nobody expects", { nearest = one.alert })
      raise("the expectation failed")
    end
  end
end

return privileges.freeze(test, "test")
