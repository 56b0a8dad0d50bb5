-- tocsin.rule: the constructors of a rule file. Each marks its table with the rule's type; what
-- the table may hold is checked in C (core/rule/), so that every fault is reported with its line.
local privileges = ...

local function constructor(kind)
  return function(spec)
    if type(spec) ~= "table" then
      privileges.raise("rule." .. kind .. " takes one table: rule." .. kind .. " { source = …, … }")
    end
    if spec.type ~= nil then
      privileges.raise("`type` is given by the constructor rule." .. kind .. "; leave it out")
    end
    return privileges.tag(spec, kind)
  end
end

local rule = {}
for _, kind in ipairs { "count", "field", "continuous", "group", "baseline", "script" } do
  rule[kind] = constructor(kind)
end

return privileges.freeze(rule, "rule")
