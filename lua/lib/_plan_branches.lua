-- The calls of `ctx` whose functions run side by side: par, each.
local privileges = ...
local raise = privileges.raise
local check = privileges.own "tocsin._plan_check"
local check_id, check_table, check_number = check.id, check.table, check.number
local check_opts = check.opts

local BRANCHES_MAX = 64

return function(ctx, yield, stacks)
  -- Functions that run side by side, each in a branch of its own; what they return stays here.
  local function branches(call, args, body)
    local enter, leave = stacks.fork()
    local is_ok, result = yield("branches", call, nil, args, nil, function(index)
      enter(index)
      body(index)
    end)
    leave()
    if not is_ok then
      raise("ctx:" .. call .. " failed: " .. result)
    end
    return result
  end

  local function raise_failed(call, what, errors, count)
    local name, sentence = next(errors)
    raise("ctx:" .. call .. ": " .. what .. " " .. name .. " failed: " .. sentence
      .. (count > 1 and " (and " .. count - 1 .. " more)" or ""))
  end

  local function outcomes(names, results, errors)
    local out = {}
    for _, name in ipairs(names) do
      if errors[tostring(name)] then
        out[name] = { ok = false, error = errors[tostring(name)] }
      else
        out[name] = { ok = true, value = results[name] }
      end
    end
    return out
  end

  local function check_mode(call, mode)
    if mode ~= nil and mode ~= "all" and mode ~= "any" and mode ~= "settle" then
      raise("ctx:" .. call .. ": mode must be \"all\", \"any\" or \"settle\"")
    end
    return mode or "all"
  end

  local function check_functions(functions)
    check_table("ctx:par", "the first argument", functions)
    local names = {}
    for name, fn in pairs(functions) do
      if type(name) ~= "string" or type(fn) ~= "function" then
        raise("ctx:par takes a table of named functions, like { look = function(c) … end }")
      end
      check_id("ctx:par", name)
      names[#names + 1] = name
    end
    if #names == 0 or #names > BRANCHES_MAX then
      raise("ctx:par takes 1 to " .. BRANCHES_MAX .. " functions, found " .. #names)
    end
    table.sort(names)
    return names
  end

  -- all: the results by name; any: the first result and its name; settle: { ok, value | error }.
  function ctx:par(functions, opts)
    local names = check_functions(functions)
    local mode = check_mode("par", check_opts("par", opts, { mode = true }).mode)
    local results = {}
    local result = branches("par", { mode = mode, names = names }, function(index)
      local name = names[index]
      results[name] = functions[name](ctx)
    end)
    if mode == "any" and result.winner then
      return results[result.winner], result.winner
    end
    local errors, count = result.errors, 0
    for _ in pairs(errors) do
      count = count + 1
    end
    if mode == "settle" then
      return outcomes(names, results, errors)
    end
    if count > 0 then
      raise_failed("par", "branch", errors, count)
    end
    return results
  end

  -- One branch for each item, `limit` at once; the results by index, and the sentences of what
  -- failed.
  function ctx:each(list, fn, opts)
    check_table("ctx:each", "the first argument", list)
    if type(fn) ~= "function" then
      raise("ctx:each: the second argument is a function")
    end
    opts = check_opts("each", opts, { limit = true, max_errors = true })
    local limit = check_number("ctx:each", "limit", opts.limit or 8, 1, BRANCHES_MAX)
    local max_errors = check_number("ctx:each", "max_errors", opts.max_errors or 0, 0, 1e6)
    local count, results, errors, error_count = #list, {}, {}, 0
    if count == 0 then
      return results, errors
    end
    local result = branches("each", { mode = "all", count = count, limit = limit,
      max_errors = max_errors }, function(index)
      results[index] = fn(ctx, list[index], index)
    end)
    for name, sentence in pairs(result.errors) do
      errors[tonumber(name)] = sentence
      error_count = error_count + 1
    end
    if error_count > max_errors then
      raise_failed("each", "item", errors, error_count)
    end
    return results, errors
  end
end
