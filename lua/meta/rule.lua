---@meta tocsin.rule
-- Types and documentation for editors, made by `make reference`; no code.

---@class tocsin.RuleCommon
---@field source string source whose readings are watched
---@field window string span that is judged
---@field output string output that gets the alerts
---@field every? string time between evaluations
---which readings count: an expression, or a function of a reading
---@field filter? string|fun(r: tocsin.Reading): any
---@field reads? string[] fields that a filter function looks at
---@field title? string name shown in alerts, at most 200 bytes
---@field description? string free text, at most 4000 bytes
---@field severity? "info"|"warning"|"critical" how bad it is
---@field labels? table<string, string> texts of at most 1000 bytes carried by each alert
---fields that make one incident, or false for none
---@field incident? false|{key?: string[], approve?: boolean}
---@field hold? string how long the condition must hold before it fires
---@field clear_hold? string how long it must be over before it resolves
---@field keep_firing? string how long it must be over before it resolves
---@field flap? tocsin.RuleFlap changes of state that make a key flapping
---@field non_disturb? tocsin.RuleNonDisturb how many firing alerts of a key are sent at most
---@field message? string text of the alert, with names in braces
---@field keys_max? integer keys the rule watches at most
---@field key_idle? string silence after which a key is forgotten
---only these keys are watched: for each field a list, or a lookup
---@field dimensions? table<string, string|string[]|tocsin.RuleDimensions>
---these keys are not watched: as dimensions
---@field exclude? table<string, string|string[]|tocsin.RuleDimensions>
---@field valid_time? tocsin.RuleValidTime when the rule is judged
---@field effective? string time at which a new version takes over by itself; default: at once

---@class tocsin.RuleCount: tocsin.RuleCommon
---@field threshold? string a comparison and a number
---@field all? tocsin.RuleAll[] expressions that must all hold
---@field any? tocsin.RuleAll[] expressions of which one must hold
---levels with conditions of their own, as text or table
---@field severities? table<string, string|string[]|tocsin.RuleSeverities>
---@field clear? string|table condition under which it resolves
---@field min_samples? integer readings a window must have to be judged
---@field no_data? "keep"|"ok"|"alert" what a key without readings means
---@field no_data_after? string silence that is a finding
---@field expect? any[]|{lookup: string, column?: string} keys that must send
---@field thresholds? tocsin.RuleDimensions numbers of single keys in place of the threshold's
---a change against its own past that fires
---@field trend? "sudden_drop"|"slow_drop"|"sudden_rise"|"slow_rise"
---@field sensitivity? "low"|"medium"|"high" how small a change is one
---@field early? boolean fires at the reading that crosses the threshold, not at the window's end
---a late reading judges its windows again, and tells where their level changed
---@field late? "correct"
---@field samples? integer newest log lines that matched, carried by each alert that fires

---@class tocsin.RuleField: tocsin.RuleCommon
---@field field string numeric field that is computed
---@field statistic string what is computed
---@field threshold? string a comparison and a number
---@field all? tocsin.RuleAll[] expressions that must all hold
---@field any? tocsin.RuleAll[] expressions of which one must hold
---levels with conditions of their own, as text or table
---@field severities? table<string, string|string[]|tocsin.RuleSeverities>
---@field clear? string|table condition under which it resolves
---@field min_samples? integer readings a window must have to be judged
---@field no_data? "keep"|"ok"|"alert" what a key without readings means
---@field no_data_after? string silence that is a finding
---@field expect? any[]|{lookup: string, column?: string} keys that must send
---@field thresholds? tocsin.RuleDimensions numbers of single keys in place of the threshold's
---a change against its own past that fires
---@field trend? "sudden_drop"|"slow_drop"|"sudden_rise"|"slow_rise"
---@field sensitivity? "low"|"medium"|"high" how small a change is one
---@field early? boolean fires at the reading that crosses the threshold, not at the window's end
---a late reading judges its windows again, and tells where their level changed
---@field late? "correct"
---@field samples? integer newest log lines that matched, carried by each alert that fires

---@class tocsin.RuleContinuous: tocsin.RuleCommon
---@field field string field of which every value is watched by itself
---@field threshold? string a comparison and a number
---@field all? tocsin.RuleAll[] expressions that must all hold
---@field any? tocsin.RuleAll[] expressions of which one must hold
---levels with conditions of their own, as text or table
---@field severities? table<string, string|string[]|tocsin.RuleSeverities>
---@field clear? string|table condition under which it resolves
---@field min_samples? integer readings a window must have to be judged
---@field no_data? "keep"|"ok"|"alert" what a key without readings means
---@field no_data_after? string silence that is a finding
---@field expect? any[]|{lookup: string, column?: string} keys that must send
---@field thresholds? tocsin.RuleDimensions numbers of single keys in place of the threshold's
---readings in a row with the same value of the field, in place of a threshold
---@field streak? integer
---@field by? string[] of a streak: fields of which each combination has runs of its own
---@field early? boolean fires at the reading that crosses the threshold, not at the window's end
---a late reading judges its windows again, and tells where their level changed
---@field late? "correct"
---@field samples? integer newest log lines that matched, carried by each alert that fires

---@class tocsin.RuleGroup: tocsin.RuleCommon
---@field by string[] fields whose combinations are watched
---@field field? string numeric field that is computed
---@field statistic? string what is computed
---@field threshold? string a comparison and a number
---@field all? tocsin.RuleAll[] expressions that must all hold
---@field any? tocsin.RuleAll[] expressions of which one must hold
---levels with conditions of their own, as text or table
---@field severities? table<string, string|string[]|tocsin.RuleSeverities>
---@field clear? string|table condition under which it resolves
---@field min_samples? integer readings a window must have to be judged
---@field no_data? "keep"|"ok"|"alert" what a key without readings means
---@field no_data_after? string silence that is a finding
---@field expect? any[]|{lookup: string, column?: string} keys that must send
---@field thresholds? tocsin.RuleDimensions numbers of single keys in place of the threshold's
---a change against its own past that fires
---@field trend? "sudden_drop"|"slow_drop"|"sudden_rise"|"slow_rise"
---@field sensitivity? "low"|"medium"|"high" how small a change is one
---@field early? boolean fires at the reading that crosses the threshold, not at the window's end
---a late reading judges its windows again, and tells where their level changed
---@field late? "correct"
---@field samples? integer newest log lines that matched, carried by each alert that fires

---@class tocsin.RuleScript: tocsin.RuleCommon
---@field by? string[] fields whose combinations are watched
---@field field? string numeric field that is computed
---decides about one window
---@field on_window? fun(ctx: tocsin.RuleContext, w: tocsin.Window): tocsin.Verdict|false|nil
---is asked about each matching reading
---@field on_reading? fun(ctx: tocsin.RuleContext, r: tocsin.Reading): tocsin.Verdict|false|nil
---a timer that the script has set
---@field on_timer? fun(ctx: tocsin.RuleContext, name: string): tocsin.Verdict|false|nil

---@class tocsin.RuleBaseline: tocsin.RuleCommon
---@field min_samples? integer readings a window must have to be judged
---@field no_data? "keep"|"ok"|"alert" what a key without readings means
---@field no_data_after? string silence that is a finding
---@field expect? any[]|{lookup: string, column?: string} keys that must send
---@field statistic string what is computed
---@field field? string numeric field that is computed
---@field by? string[] fields whose combinations are watched
---@field baseline any what the value is compared with
---@field band table shares of the baseline, and the side of them that fires
---@field against? "all"|"any" of several baselines: all of them, or any
---@field min_history? string days of history that are needed
---true: days on which the key fired or its incident was open are no baseline; "category": also
---those with an incident of its category
---@field exclude_incidents? any
---@field except? string[] days that are no baseline

---@class tocsin.RuleIncident
---@field key? string[] fields whose values make one incident
---@field approve? boolean a person approves what it opens first

---@class tocsin.RuleFlap
---@field changes integer changes of state
---@field within string time they are counted in

---@class tocsin.RuleNonDisturb
---@field max integer firing alerts
---@field within string time they are counted in

---@class tocsin.RuleDimensions
---@field lookup string a lookup of tocsin.lua
---@field column? string column of the lookup

---@class tocsin.RuleValidTime
---@field ranges? tocsin.RuleRanges[] when the rule is judged; may stand in the table itself
---@field zone? string zone of the clock; default: the site's
---@field except? string[] days that are left out

---@class tocsin.RuleRanges
---@field days? string days of the week, joined by commas; default: every day
---@field from? string clock time from which it holds
---@field to? string clock time until which it holds; 24:00 is midnight

---@class tocsin.RuleAll
---@field threshold string a comparison and a number
---@field statistic? string what is computed
---@field field? string numeric field that is computed

---@class tocsin.RuleSeverities
---@field threshold? string a comparison and a number
---@field all? table expressions that must all hold
---@field any? table expressions of which one must hold
---@field clear? any when it is over
---@field hold? string how long it must hold
---@field clear_hold? string how long it must be over
---@field keep_firing? string how long it must be over

---One table, filled anew each time: copy what must be kept.
---@class tocsin.Reading
---@field time number epoch seconds
---@field [string] string|number|boolean|nil the fields of `reads`

---The window of one key, as on_window sees it.
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

---What a function returns to say that the rule fires.
---@class tocsin.Verdict
---@field message? string at most 2,000 bytes
---@field value? number
---@field severity? "info"|"warning"|"critical"
---@field labels? table<string, string|number|boolean> at most 32

---What every function of a rule is given first.
---@class tocsin.RuleContext
---@field rule string the rule's name
---@field version integer
---@field key table<string, string|number|boolean> `by` field to value
---@field key_text string the values joined by commas
---@field time number epoch seconds: of the reading, of the timer, or the window's end
---@field state table kept for the key: numbers, texts, booleans, tables; 4 KiB
local ctx = {}

---on_timer(ctx, name) is called when so much event time has passed.
---@param name string 1 to 32 bytes; a timer of that name is set anew
---@param span string|number "30s", or seconds: 1s to 366d of event time
function ctx:timer(name, span) end

---The timer does not come.
---@param name string
function ctx:cancel(name) end

---A line in the log and, in a plan, on the incident's timeline. In a rule at most 10 lines a
---call.
---@param text string
function ctx:log(text) end

local rule = {}

---How often does each value of one field occur?
---@param spec tocsin.RuleContinuous
---@return any
function rule.continuous(spec) end

---How many readings match?
---@param spec tocsin.RuleCount
---@return any
function rule.count(spec) end

---A statistic of one field.
---@param spec tocsin.RuleField
---@return any
function rule.field(spec) end

---A count or statistic for each combination of several fields.
---@param spec tocsin.RuleGroup
---@return any
function rule.group(spec) end

---A function decides.
---@param spec tocsin.RuleScript
---@return any
function rule.script(spec) end

return rule
