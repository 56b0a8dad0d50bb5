-- The program's own half of a plan run: builds `ctx` and runs the plan's function inside the
-- coroutine.
-- Every call that needs the world goes through `yield(kind, id, action, args, opts)` (C, which
-- turns args and opts into JSON and suspends); it comes back with `is_ok, result_or_sentence`.
local privileges = ...
local raise = privileges.raise
local text = require "tocsin.text"

local ID_BYTES_MAX = 100
local BRANCHES_MAX = 64

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

local function pack(...)
  return select("#", ...), { ... }
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

-- What is to be undone, per branch: { action, args, opts } or the stacks of the branches of a call.
-- It follows from the journal like everything else, so it needs no records of its own.
local function make_stacks(branch)
  local stacks = {}
  local own = {}

  function own.get()
    local key = branch()
    stacks[key] = stacks[key] or {}
    return stacks[key]
  end

  -- Of a branches call: `enter` is called in each branch; after `leave` nobody adds to them.
  function own.fork()
    local children, keys = {}, {}
    local stack = own.get()
    stack[#stack + 1] = { branches = children }
    return function(index)
      keys[index] = branch()
      children[index] = own.get()
    end, function()
      for _, key in pairs(keys) do
        stacks[key] = nil
      end
    end
  end

  -- Takes everything, the latest first.
  function own.take()
    local list = {}
    local function collect(stack)
      for i = #stack, 1, -1 do
        local entry = stack[i]
        stack[i] = nil
        if entry.branches then
          local indices = {}
          for index in pairs(entry.branches) do
            indices[#indices + 1] = index
          end
          table.sort(indices, function(a, b) return a > b end)
          for _, index in ipairs(indices) do
            collect(entry.branches[index])
          end
        else
          list[#list + 1] = entry
        end
      end
    end
    collect(own.get())
    return list
  end

  return own
end

local function make_ctx(yield, branch, run, incident)
  local ctx = { run = run, incident = incident }
  local stacks = make_stacks(branch)

  -- One durable effect. A failure raises, or returns nil and the sentence with on_fail =
  -- "continue".
  local function step(call, id, action, args, opts)
    if opts and opts.undo ~= nil then
      check_undo("ctx:" .. call, opts.undo)
    end
    local is_ok, result = yield("step", id, action, args, opts)
    if is_ok then
      if opts and opts.undo then
        local stack = stacks.get()
        stack[#stack + 1] = opts.undo
      end
      return result
    end
    if opts and opts.on_fail == "continue" then
      return nil, result
    end
    raise(call .. " '" .. id .. "' failed: " .. result)
  end

  local function value(action)
    local is_ok, result = yield("value", action, action)
    if not is_ok then
      raise("ctx:" .. action .. " failed: " .. result)
    end
    return result
  end

  function ctx:step(id, action, args, opts)
    check_id("ctx:step", id)
    if type(action) ~= "string" then
      raise("ctx:step: the second argument is the action, like \"http.request\"")
    end
    if args ~= nil then
      check_table("ctx:step", "args", args)
    end
    if opts ~= nil then
      check_table("ctx:step", "opts", opts)
    end
    return step("step", id, action, args or {}, opts)
  end

  function ctx:notify(id, args, opts)
    check_id("ctx:notify", id)
    check_table("ctx:notify", "the second argument", args)
    return step("notify", id, "notify.send", args, opts)
  end

  function ctx:http(id, args, opts)
    check_id("ctx:http", id)
    check_table("ctx:http", "the second argument", args)
    return step("http", id, "http.request", args, opts)
  end

  function ctx:exec(id, argv, opts)
    check_id("ctx:exec", id)
    check_table("ctx:exec", "the second argument", argv)
    return step("exec", id, "exec.run", { argv = argv }, opts)
  end

  -- The step lasts as long as the test and its last answer, unless opts.timeout says otherwise.
  function ctx:load(id, args, opts)
    check_id("ctx:load", id)
    check_table("ctx:load", "the second argument", args)
    if opts ~= nil then
      check_table("ctx:load", "opts", opts)
    end
    local given = {}
    for name, option in pairs(opts or {}) do
      given[name] = option
    end
    if given.timeout == nil then
      local ms = (text.span(args.warm_up or 0) or 0) + (text.span(args.duration or 0) or 0)
        + (text.span(args.timeout or "5s") or 0)
      given.timeout = math.min(ms / 1000 + 5, 3600)
    end
    return step("load", id, "load.run", args, given)
  end

  function ctx:log(line)
    step("log", "log", "log.write", { text = tostring(line) })
  end

  function ctx:sleep(span)
    local ms = span_ms("ctx:sleep", "the span", span)
    local is_ok, result = yield("sleep", "sleep", nil, { ms = ms })
    if not is_ok then
      raise("sleep failed: " .. result)
    end
  end

  function ctx:ask(id, question)
    check_id("ctx:ask", id)
    check_table("ctx:ask", "the second argument", question)
    local is_ok, result = yield("ask", id, nil, question)
    if not is_ok then
      raise("ask '" .. id .. "' failed: " .. result)
    end
    return result
  end

  -- What http.request sends in the place of this table; the script and the journal never have it.
  function ctx:secret(name, opts)
    check_id("ctx:secret", name)
    local handle = { ["$secret"] = name }
    if opts ~= nil then
      check_table("ctx:secret", "the second argument", opts)
      for key, part in pairs(opts) do
        if (key ~= "prefix" and key ~= "suffix") or type(part) ~= "string" then
          raise("ctx:secret: opts has only the texts prefix and suffix")
        end
        handle[key] = part
      end
    end
    return handle
  end

  -- An outside event: { value, actor, reason }; nil and "timeout" when nobody sent it in time.
  function ctx:signal(name, opts)
    check_id("ctx:signal", name)
    local args = {}
    if opts ~= nil then
      check_table("ctx:signal", "the second argument", opts)
      for key in pairs(opts) do
        if key ~= "timeout" then
          raise("ctx:signal: opts has no member \"" .. tostring(key) .. "\"")
        end
      end
      args.ms = opts.timeout ~= nil and span_ms("ctx:signal", "timeout", opts.timeout) or nil
    end
    local is_ok, result = yield("signal", name, name, args)
    if not is_ok then
      raise("signal '" .. name .. "' failed: " .. result)
    end
    if result.timeout then
      return nil, result.skipped and "skipped" or "timeout"
    end
    return result
  end

  -- Looks at once, then after every `every`; nil and "timeout" when `timeout` is over.
  function ctx:wait_until(id, is_done, opts)
    check_id("ctx:wait_until", id)
    if type(is_done) ~= "function" then
      raise("ctx:wait_until: the second argument is a function")
    end
    check_table("ctx:wait_until", "the third argument", opts)
    local every_ms = span_ms("ctx:wait_until", "every", opts.every or "5s")
    local timeout_ms = span_ms("ctx:wait_until", "timeout", opts.timeout)
    if every_ms < 1000 then
      raise("ctx:wait_until: every must be at least \"1s\"")
    end
    local deadline = value("now") + timeout_ms / 1000
    while true do
      local result = is_done()
      if result then
        return result
      end
      local left_ms = math.floor((deadline - value("now")) * 1000)
      if left_ms <= 0 then
        return nil, "timeout"
      end
      local is_ok, reason = yield("sleep", id, nil, { ms = math.min(every_ms, left_ms) })
      if not is_ok then
        raise("wait_until '" .. id .. "' failed: " .. reason)
      end
    end
  end

  function ctx:now()
    return value("now")
  end

  function ctx:random()
    return value("random")
  end

  function ctx:uuid()
    return value("uuid")
  end

  function ctx:incident_now()
    return value("incident")
  end

  function ctx:incident_state()
    local now = value("incident")
    return now and now.state
  end

  -- What fn finds out, recorded: a replay takes the record and does not ask fn again.
  function ctx:fact(id, fn)
    check_id("ctx:fact", id)
    if type(fn) ~= "function" then
      raise("ctx:fact: the second argument is a function")
    end
    local _, is_known = yield("value", id, "known")
    local found
    if not is_known then
      found = fn()
    end
    local is_ok, result = yield("value", id, "fact", nil, { value = found })
    if not is_ok then
      raise("fact '" .. id .. "' failed: " .. result)
    end
    return result
  end

  -- The same as opts.undo of a step, for what was done in another way.
  function ctx:undo(action, args, opts)
    local undo = { action, args or {}, opts }
    check_undo("ctx:undo", undo)
    local stack = stacks.get()
    stack[#stack + 1] = undo
  end

  -- Undoes what this branch and its branches have done, the latest first; stops at the first undo
  -- that fails.
  function ctx:rollback(why)
    if type(why) ~= "string" or why == "" then
      raise("ctx:rollback: the first argument says why")
    end
    local list = stacks.take()
    ctx:log("rolling back " .. #list .. ": " .. why)
    for i, undo in ipairs(list) do
      local is_ok, result = yield("step", "undo", undo[1], undo[2] or {}, undo[3])
      if not is_ok then
        ctx:log("the rollback has stopped, a person is needed: undo " .. i .. " of " .. #list
          .. " (" .. undo[1] .. ") failed: " .. result)
        raise("the rollback has stopped: undo " .. i .. " of " .. #list .. " failed: " .. result)
      end
    end
    return { rolled_back = #list, why = why }
  end

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

  -- What fn needs nobody else to touch. The fence rises with each lease: a target that keeps the
  -- highest it saw refuses whoever comes late.
  function ctx:lock(key, opts, fn)
    check_id("ctx:lock", key)
    if fn == nil then
      opts, fn = nil, opts
    end
    opts = check_opts("lock", opts, { ttl = true, wait = true })
    if type(fn) ~= "function" then
      raise("ctx:lock: the last argument is a function")
    end
    local ttl_ms = span_ms("ctx:lock", "ttl", opts.ttl or "10m")
    local wait_ms = span_ms("ctx:lock", "wait", opts.wait or "10m")
    local is_ok, lease = yield("lock", key, key, { ttl_ms = ttl_ms, wait_ms = wait_ms })
    if not is_ok then
      raise("lock '" .. key .. "' failed: " .. lease)
    end
    local count, results = pack(pcall(fn, ctx, lease.fence))
    local is_freed, freed = yield("unlock", "unlock", key)
    if not results[1] then
      error(results[2], 0)
    end
    if not is_freed or not freed.held then
      raise("lock '" .. key .. "': its lease was over before the function ended")
    end
    return unpack(results, 2, count)
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

  local function check_number(call, name, number, least, most)
    if type(number) ~= "number" or number ~= math.floor(number) or number < least
      or number > most then
      raise(call .. ": " .. name .. " must be a whole number from " .. least .. " to " .. most)
    end
    return number
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

  return ctx
end

-- The body of the coroutine. `defaults` are the plan's own params.
return function(run, yield, branch, run_id, given, defaults, incident)
  local params = {}
  for name, default in pairs(defaults) do
    params[name] = default
  end
  for name, value in pairs(given) do
    params[name] = value
  end
  return run(make_ctx(yield, branch, run_id, incident), params)
end
