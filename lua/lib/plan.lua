-- tocsin.plan: the constructor of a plan file, `plan { … run = function(ctx, params) … end }`,
-- and values that plain tables cannot say.
local privileges = ...

local plan = {}

-- A list even when it is empty: without this mark {} is written as the JSON object {}.
function plan.list(items)
  if type(items) ~= "table" then
    privileges.raise("plan.list takes a table")
  end
  return privileges.tag(items, "list")
end

return privileges.freeze(plan, "plan", function(_, spec)
  if type(spec) ~= "table" then
    privileges.raise("plan takes one table: plan { run = function(ctx, params) … end, … }")
  end
  return privileges.tag(spec, "plan")
end)
