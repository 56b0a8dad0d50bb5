---@meta tocsin.sequence
-- Types and documentation for editors, made by `make reference`; no code.

---One reading and then another, of the same key.
---@class tocsin.Sequence
---@field first fun(r: tocsin.Reading): any is it the one?
---@field next fun(r: tocsin.Reading): any is it the other?
---@field within string "30s": event time between the two
---@field verdict? function makes the alert of (ctx, r or nil, time of `first`)

---For a rule.script.
---@class tocsin.SequenceFunctions
---@field on_reading fun(ctx: tocsin.RuleContext, r: tocsin.Reading): tocsin.Verdict|false|nil
---@field on_timer fun(ctx: tocsin.RuleContext, name: string): tocsin.Verdict|false|nil

local sequence = {}

---A reading `next` comes within a time after a reading `first`.
---@param spec tocsin.Sequence
---@return tocsin.SequenceFunctions
function sequence.follows(spec) end

---No reading `next` comes within a time after a reading `first`.
---@param spec tocsin.Sequence
---@return tocsin.SequenceFunctions
function sequence.missing(spec) end

return sequence
