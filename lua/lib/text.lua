-- tocsin.text: small helpers for messages.
local privileges = ...

local text = {}
local UNITS = { ms = 1, s = 1000, m = 60000, h = 3600000, d = 86400000 }

-- At most `bytes_max` bytes, never in the middle of a UTF-8 character; a cut ends in "…".
function text.cut(value, bytes_max)
  value = tostring(value)
  if #value <= bytes_max then
    return value
  end
  local last = bytes_max - 3
  while last > 0 and value:byte(last + 1) >= 128 and value:byte(last + 1) < 192 do
    last = last - 1
  end
  return value:sub(1, last > 0 and last or 0) .. "…"
end

-- "12.5 %" of a part in a whole; "n/a" when there is no whole.
function text.percent(part, whole, digits)
  if not part or not whole or whole == 0 then
    return "n/a"
  end
  return string.format("%." .. (digits or 1) .. "f %%", part / whole * 100)
end

-- Milliseconds of "250ms", "5s", "1m", "2h", "1d" or of a number of seconds; nil when it is
-- neither.
function text.span(value)
  if type(value) == "number" then
    return value >= 0 and value < 1e12 and math.floor(value * 1000 + 0.5) or nil
  end
  if type(value) ~= "string" then
    return nil
  end
  local count, unit = value:match("^(%d+)(%a+)$")
  if not count or #count > 12 or not UNITS[unit] then
    return nil
  end
  return tonumber(count) * UNITS[unit]
end

return privileges.freeze(text, "text")
