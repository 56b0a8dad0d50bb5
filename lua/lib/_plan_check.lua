-- What the calls of `ctx` check of their arguments; `call` is their name for messages.
local privileges = ...
local raise = privileges.raise
local text = require "tocsin.text"

local ID_BYTES_MAX = 100

local function check_id(call, id)
  if type(id) ~= "string" or #id == 0 or #id > ID_BYTES_MAX or id:find("[%c/#]") then
    raise(call .. ": the first argument is the step's id, a text of 1 to " .. ID_BYTES_MAX
      .. " bytes without '/', '#' and control characters")
  end
end

local function check_table(call, name, value)
  if type(value) ~= "table" then
    raise(call .. ": " .. name .. " must be a table, not a " .. type(value))
  end
end

local function span_ms(call, name, value)
  local ms = text.span(value)
  if not ms then
    raise(call .. ": " .. name .. " must be a span like \"5s\", \"10m\" or a number of seconds"
      .. ", found " .. tostring(value))
  end
  return ms
end

local function check_undo(call, undo)
  if type(undo) ~= "table" or type(undo[1]) ~= "string"
    or (undo[2] ~= nil and type(undo[2]) ~= "table")
    or (undo[3] ~= nil and type(undo[3]) ~= "table") then
    raise(call .. ": undo must be a list { action, args, opts }, like { \"http.request\", { … } }")
  end
end

local function check_opts(call, opts, known)
  if opts == nil then
    return {}
  end
  check_table("ctx:" .. call, "opts", opts)
  for name in pairs(opts) do
    if not known[name] then
      raise("ctx:" .. call .. ": opts has no member \"" .. tostring(name) .. "\"")
    end
  end
  return opts
end

local function check_number(call, name, number, least, most)
  if type(number) ~= "number" or number ~= math.floor(number) or number < least
    or number > most then
    raise(call .. ": " .. name .. " must be a whole number from " .. least .. " to " .. most)
  end
  return number
end

return {
  id = check_id, table = check_table, span_ms = span_ms, undo = check_undo, opts = check_opts,
  number = check_number,
}
