-- What the test files of rules (tocsin.test) and of plans (tocsin.plan_test) have in common: cases,
-- time, and what is wanted compared with what is there. The calls go to the program through `world`
-- (lua/bridge/test_script.c).
local privileges = ...
local raise, world = privileges.raise, privileges.world
local text = require "tocsin.text"

local kit = {}

function kit.case(name, body)
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
function kit.cases(bodies)
  if type(bodies) ~= "table" then
    raise("test.cases takes a table of functions by name: test.cases { [\"forty failures fire\"] = "
      .. "function() … end }")
  end
  for name, body in pairs(bodies) do
    kit.case(name, body)
  end
  return bodies
end

function kit.advance(span)
  local ms = text.span(span)
  if not ms or ms == 0 then
    raise("test.advance takes a span like \"30s\" or a number of seconds, found " .. tostring(span))
  end
  world.call("advance", string.format("%d", ms))
end

function kit.at(time)
  if type(time) ~= "string" then
    raise("test.at takes a time like \"2026-01-05T08:00:00Z\", found " .. tostring(time))
  end
  world.call("at", time)
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

-- `weights`: how much a difference in a field says that another one was meant.
function kit.differences(wanted, found, weights)
  local differences, weight = {}, 0
  for name, value in pairs(wanted) do
    local count = #differences
    compare(name, value, found[name], differences)
    if #differences > count then
      weight = weight + (weights[name] or 1)
    end
  end
  return differences, weight
end

-- `list`: what is there, as { number =, value = }; one that was met once is not met again.
function kit.expect(what, wanted, list, weights)
  local nearest, nearest_differences, nearest_weight
  for _, one in ipairs(list) do
    local differences, weight = kit.differences(wanted, one.value, weights)
    if #differences == 0 then
      world.call("take", string.format("%d", one.number))
      return one.value
    end
    if not nearest or weight < nearest_weight then
      nearest, nearest_differences, nearest_weight = one.value, differences, weight
    end
  end
  if not nearest then
    world.fail("no " .. what .. " is there that no earlier call has met")
  else
    world.fail("no such " .. what, { differences = nearest_differences, nearest = nearest })
  end
  raise("the expectation failed")
end

function kit.expect_none(what, wanted, list, weights)
  for _, one in ipairs(list) do
    if #kit.differences(wanted, one.value, weights) == 0 then
      world.fail("an " .. what .. " that nobody expects", { nearest = one.value })
      raise("the expectation failed")
    end
  end
end

-- Names that `known` and what is there do not have are mistakes.
function kit.check_fields(call, what, wanted, list, known)
  if type(wanted) ~= "table" then
    raise(call .. " takes a table of the " .. what .. "'s fields, found " .. type(wanted))
  end
  for name in pairs(wanted) do
    local is_known = known[name]
    for _, one in ipairs(list) do
      is_known = is_known or one.value[name] ~= nil
    end
    if not is_known then
      local names = {}
      for field in pairs(known) do
        names[#names + 1] = field
      end
      raise(call .. ": an " .. what .. " has no field \"" .. tostring(name) .. "\"; its fields: "
        .. table.concat(names, ", "))
    end
  end
end

function kit.set(names)
  local set = {}
  for name in names:gmatch("%S+") do
    set[name] = true
  end
  return set
end

return privileges.freeze(kit, "test kit")
