---@meta tocsin.rule
-- Types and documentation for editors; no code. Checked against lua/api/api.c.

---@class tocsin.RuleCommon
---@field description? string what it detects, free text
---@field title? string shown as name in alerts; default: the folder's name
---@field source string a name of `sources` in tocsin.lua
---@field filter? string|fun(r: tocsin.Reading): any expression over fields: 'success == false and
---  amount > 0', or a function that says whether the reading counts (slower)
---@field reads? string[] fields that a filter function looks at; default: all declared ones
---@field window string "5s" … "60s" in steps of 5, "1m" … "60m", "1h" … "24h", "1d" … "30d"
---@field every? string how often it is evaluated, a multiple of 5 s
---@field output string a name of `outputs` in tocsin.lua
---@field severity? "info"|"warning"|"critical" default "warning"
---@field labels? table<string, string>
---@field incident? false|{key: string[]} false: opens none; key: fields that name the incident

---@class tocsin.RuleCount: tocsin.RuleCommon
---@field threshold string comparison and number: ">= 400"

---@class tocsin.RuleField: tocsin.RuleCount
---@field field string a numeric field
---@field statistic "sum"|"avg"|"min"|"max"

---@class tocsin.RuleContinuous: tocsin.RuleCount
---@field field string every value of it is watched by itself

---@class tocsin.RuleGroup: tocsin.RuleCount
---@field by string[] 1 to 8 fields; every combination is watched by itself
---@field statistic? "count"|"sum"|"avg"|"min"|"max"
---@field field? string the numeric field of the statistic

---@class tocsin.RuleScript: tocsin.RuleCommon
---@field by? string[]
---@field field? string numeric field for sum, min, max and avg
---@field on_window fun(ctx: tocsin.RuleContext, w: tocsin.Window): tocsin.Verdict|false|nil

---@class tocsin.RuleContext
---@field rule string
---@field version integer

---@class tocsin.Reading one table, filled anew for each reading: copy what must be kept
---@field time number epoch seconds
---@field [string] string|number|boolean|nil the fields of `reads`

---@class tocsin.Window
---@field window_start number epoch seconds, inclusive
---@field window_end number epoch seconds, exclusive
---@field window_start_text string RFC 3339, UTC
---@field window_end_text string
---@field key table<string, string|number|boolean> `by` field to value; empty without `by`
---@field key_text string the values joined by commas
---@field count number matching readings
---@field samples number those with a number in `field`
---@field sum? number nil without a sample, as are min, max and avg
---@field min? number
---@field max? number
---@field avg? number
---@field is_firing boolean what the last decision for this key was

---@class tocsin.Verdict
---@field message? string at most 2,000 bytes
---@field value? number
---@field severity? "info"|"warning"|"critical"
---@field labels? table<string, string|number|boolean> at most 32

local rule = {}

---How many readings match?
---@param spec tocsin.RuleCount
function rule.count(spec) end

---A statistic of one numeric field.
---@param spec tocsin.RuleField
function rule.field(spec) end

---How often does each value of one field occur?
---@param spec tocsin.RuleContinuous
function rule.continuous(spec) end

---A count or statistic for each combination of several fields.
---@param spec tocsin.RuleGroup
function rule.group(spec) end

---A function decides.
---@param spec tocsin.RuleScript
function rule.script(spec) end

return rule
