-- The program's own half of a plan run: builds `ctx` and runs the plan's function inside the
-- coroutine.
-- Every call that needs the world goes through `yield(kind, id, action, args, opts)` (C, which
-- turns args and opts into JSON and suspends); it comes back with `is_ok, result_or_sentence`.
local privileges = ...
local raise = privileges.raise
local text = require "tocsin.text"
local check = privileges.own "tocsin._plan_check"
local add_branches = privileges.own "tocsin._plan_branches"
local add_others = privileges.own "tocsin._plan_others"
local add_undo = privileges.own "tocsin._plan_undo"
local check_id, check_table, check_undo = check.id, check.table, check.undo
local span_ms = check.span_ms

local function make_ctx(yield, branch, keep, run, incident)
  local ctx = { run = run, incident = incident }
  local stacks = add_undo(ctx, yield, branch, keep)

  -- One durable effect. A failure raises, or returns nil and the sentence with on_fail =
  -- "continue".
  local function step(call, id, action, args, opts)
    if opts and opts.undo ~= nil then
      check_undo("ctx:" .. call, opts.undo)
    end
    local is_ok, result = yield("step", id, action, args, opts)
    if is_ok then
      if opts and opts.undo then
        stacks.push(opts.undo)
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

  -- ctx:notify(id, args, opts) and the like: steps with an action of their own.
  for name, action in pairs {
    notify = "notify.send", http = "http.request", metric = "metric.query", sql = "sql.query",
    ticket = "ticket.create", group = "group.create", phone = "phone.call",
  } do
    ctx[name] = function(_, id, args, opts)
      check_id("ctx:" .. name, id)
      check_table("ctx:" .. name, "the second argument", args)
      return step(name, id, action, args, opts)
    end
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

  add_branches(ctx, yield, stacks)
  add_others(ctx, yield, stacks)
  return ctx
end

-- The body of the coroutine. `defaults` are the plan's own params.
return function(run, yield, branch, keep, run_id, given, defaults, incident)
  local params = {}
  for name, default in pairs(defaults) do
    params[name] = default
  end
  for name, value in pairs(given) do
    params[name] = value
  end
  return run(make_ctx(yield, branch, keep, run_id, incident), params)
end
