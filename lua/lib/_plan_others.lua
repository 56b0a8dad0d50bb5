-- The calls of `ctx` that concern other runs: lock.
local privileges = ...
local raise = privileges.raise
local check = privileges.own "tocsin._plan_check"
local check_id, check_opts, span_ms = check.id, check.opts, check.span_ms

local function pack(...)
  return select("#", ...), { ... }
end

return function(ctx, yield)
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
