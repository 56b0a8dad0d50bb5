-- The calls of `ctx` that concern other runs: call, lock.
local privileges = ...
local raise = privileges.raise
local check = privileges.own "tocsin._plan_check"
local check_id, check_opts, span_ms = check.id, check.opts, check.span_ms
local check_table, check_undo = check.table, check.undo

local function pack(...)
  return select("#", ...), { ... }
end

return function(ctx, yield, stacks)
  -- Another plan, in a run of its own: { state, result, run }.
  function ctx:call(plan, params, opts)
    check_id("ctx:call", plan)
    if params ~= nil then
      check_table("ctx:call", "the second argument", params)
    end
    opts = check_opts("call", opts, { id = true, timeout = true, detach = true, on_fail = true,
      undo = true })
    if opts.on_fail ~= nil and opts.on_fail ~= "raise" and opts.on_fail ~= "continue" then
      raise("ctx:call: on_fail must be \"raise\" or \"continue\"")
    end
    if opts.undo ~= nil then
      check_undo("ctx:call", opts.undo)
    end
    local id = opts.id or plan
    check_id("ctx:call", id)
    local timeout_ms = opts.timeout ~= nil and span_ms("ctx:call", "timeout", opts.timeout) or nil
    local is_ok, result = yield("call", id, plan, { params = params, timeout_ms = timeout_ms,
      detach = opts.detach and true or nil })
    if is_ok then
      if opts.undo then
        stacks.push(opts.undo)
      end
      return result
    end
    if opts.on_fail == "continue" then
      return nil, result
    end
    raise("call '" .. id .. "' failed: " .. result)
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
end
