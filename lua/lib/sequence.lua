-- tocsin.sequence: one reading and then another, of the same key. Both constructors return the
-- functions of a rule.script:
--
--   local seen = sequence.follows { first = …, next = …, within = "30s" }
--   return rule.script { …, on_reading = seen.on_reading, on_timer = seen.on_timer }
--
-- "Then" is the order of the lines; how far apart two readings are is told by their event times.
local privileges = ...

local sequence = {}
local UNITS = { s = 1, m = 60, h = 3600, d = 86400 }
local TIMER = "sequence"

local function check_function(spec, what, name, is_needed)
  local found = spec[name]
  if type(found) == "function" or (found == nil and not is_needed) then
    return found
  end
  privileges.raise(what .. ": `" .. name .. "` must be a function, found a " .. type(found))
end

local function span_seconds(text)
  if type(text) ~= "string" then
    return nil
  end
  local count, unit = text:match("^(%d+)([smhd])$")
  local seconds = count and #count <= 8 and tonumber(count) * UNITS[unit]
  return seconds and seconds >= 1 and seconds <= 366 * UNITS.d and seconds or nil
end

local function check(spec, what)
  if type(spec) ~= "table" then
    privileges.raise(what .. " takes one table: " .. what
      .. " { first = …, next = …, within = \"30s\" }")
  end
  for key in pairs(spec) do
    if key ~= "first" and key ~= "next" and key ~= "within" and key ~= "verdict" then
      privileges.raise(what .. ": unknown key \"" .. tostring(key)
        .. "\"; allowed: first, next, verdict, within")
    end
  end
  local seconds = span_seconds(spec.within)
  if not seconds then
    privileges.raise(what
      .. ": `within` must be a span from \"1s\" to \"366d\"; example: within = \"30s\"")
  end
  return {
    first = check_function(spec, what, "first", true),
    next = check_function(spec, what, "next", true),
    verdict = check_function(spec, what, "verdict", false),
    within = spec.within,
    seconds = seconds,
  }
end

-- Fires at a reading `next` that comes within the time after the last reading `first`, which is
-- used up by it. Resolves when no such pair has come for as long.
function sequence.follows(spec)
  local own = check(spec, "sequence.follows")
  local function on_reading(ctx, r)
    local first = ctx.state.first
    local answer
    if first and own.next(r) then
      local passed = r.time - first
      if passed >= 0 and passed <= own.seconds then
        answer = own.verdict and own.verdict(ctx, r, first)
          or { message = string.format("followed after %g s", passed), value = passed }
        ctx.state.first = nil
        ctx.timer(TIMER, own.within)
      end
    end
    if own.first(r) then
      ctx.state.first = r.time
    end
    return answer
  end
  return { on_reading = on_reading, on_timer = function() return false end }
end

-- Fires when the watermark has passed the time after a reading `first` and no `next` came within
-- it. Readings `first` that come while one is waited for change nothing. Resolves at the next
-- reading `next`.
function sequence.missing(spec)
  local own = check(spec, "sequence.missing")
  local function on_reading(ctx, r)
    local first = ctx.state.first
    local answer
    if own.next(r) then
      if first and r.time >= first and r.time <= first + own.seconds then
        first = nil
        ctx.state.first = nil
        ctx.cancel(TIMER)
      end
      answer = false
    end
    if not first and own.first(r) then
      ctx.state.first = r.time
      ctx.timer(TIMER, own.within)
    end
    return answer
  end
  local function on_timer(ctx)
    local first = ctx.state.first
    ctx.state.first = nil
    return own.verdict and own.verdict(ctx, nil, first)
      or { message = string.format("nothing followed within %s", own.within), value = own.seconds }
  end
  return { on_reading = on_reading, on_timer = on_timer }
end

return privileges.freeze(sequence, "sequence")
