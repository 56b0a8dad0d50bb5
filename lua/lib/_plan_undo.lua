-- What is to be undone, per branch: the actions, or those of the branches of a call.
-- It follows from the journal like everything else, so it needs no records of its own.
local privileges = ...
local raise = privileges.raise
local check_undo = privileges.own("tocsin._plan_check").undo

local function make_stacks(branch)
  -- By branch: `left` for its own ctx:rollback, which empties it, and `all` for the rollback that a
  -- person wants. An entry is { undo =, is_undone = } or { branches = nodes by index }.
  local nodes = {}
  local own = {}

  local function get()
    local key = branch()
    nodes[key] = nodes[key] or { left = {}, all = {} }
    return nodes[key]
  end

  local main = get()

  local function add(entry)
    local node = get()
    node.left[#node.left + 1] = entry
    node.all[#node.all + 1] = entry
  end

  function own.push(undo)
    add({ undo = undo })
  end

  -- Of a branches call: `enter` is called in each branch; after `leave` nobody adds to them.
  function own.fork()
    local children, keys = {}, {}
    add({ branches = children })
    return function(index)
      keys[index] = branch()
      children[index] = get()
    end, function()
      for _, key in pairs(keys) do
        nodes[key] = nil
      end
    end
  end

  -- The latest first; `part` is "left" or "all".
  local function collect(node, part, list)
    for i = #node[part], 1, -1 do
      local entry = node[part][i]
      if part == "left" then
        node.left[i] = nil
      end
      if entry.branches then
        local indices = {}
        for index in pairs(entry.branches) do
          indices[#indices + 1] = index
        end
        table.sort(indices, function(a, b) return a > b end)
        for _, index in ipairs(indices) do
          collect(entry.branches[index], part, list)
        end
      elseif not entry.is_undone then
        list[#list + 1] = entry
      end
    end
    return list
  end

  -- Takes what this branch and its branches have done.
  function own.take()
    return collect(get(), "left", {})
  end

  -- What the run has done, and nobody has undone.
  function own.all()
    return collect(main, "all", {})
  end

  return own
end

return function(ctx, yield, branch, keep)
  local stacks = make_stacks(branch)

  local function roll_back(list, why)
    ctx:log("rolling back " .. #list .. ": " .. why)
    for i, entry in ipairs(list) do
      local undo = entry.undo
      local is_ok, result = yield("step", "undo", undo[1], undo[2] or {}, undo[3])
      if not is_ok then
        ctx:log("the rollback has stopped, a person is needed: undo " .. i .. " of " .. #list
          .. " (" .. undo[1] .. ") failed: " .. result)
        raise("the rollback has stopped: undo " .. i .. " of " .. #list .. " failed: " .. result)
      end
      entry.is_undone = true
    end
    return { rolled_back = #list, why = why }
  end

  -- The same as opts.undo of a step, for what was done in another way.
  function ctx:undo(action, args, opts)
    local undo = { action, args or {}, opts }
    check_undo("ctx:undo", undo)
    stacks.push(undo)
  end

  -- Undoes what this branch and its branches have done, the latest first; stops at the first undo
  -- that fails.
  function ctx:rollback(why)
    if type(why) ~= "string" or why == "" then
      raise("ctx:rollback: the first argument says why")
    end
    return roll_back(stacks.take(), why)
  end

  keep(function(why)
    return roll_back(stacks.all(), why)
  end)
  return stacks
end
