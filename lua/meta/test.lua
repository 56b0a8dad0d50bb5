---@meta tocsin.test
-- Types and documentation for editors, made by `make reference`; no code.

---Fields of the alert document (keys = "en"). A function is asked about the value.
---@class tocsin.TestAlert
---@field rule? string
---@field version? integer
---@field state? "firing"|"resolved"|"nodata"
---@field severity? "info"|"warning"|"critical"
---@field dimension? table<string, string|number|boolean>
---@field value? number|fun(value: number): boolean
---@field count? integer
---@field message? string
---@field reason? string
---@field window_start? string RFC 3339, UTC
---@field window_end? string RFC 3339, UTC
---@field [string] any any other field of the document

local test = {}

---Time passes: what is due in it is judged.
---@param span string|number "30s", or seconds
function test.advance(span) end

---Time passes until then. The clock of a case starts at 2026-01-05T00:00:00Z, a Monday.
---@param time string RFC 3339
function test.at(time) end

---One test, in a world of its own. Cases of a file run in their order.
---@param name string
---@param body fun()
function test.case(name, body) end

---Several tests, in the order of their names.
---@param bodies table<string, fun()>
---@return table
function test.cases(bodies) end

---Such an alert was sent, and no earlier call has met it. Only the given fields are compared.
---@param wanted tocsin.TestAlert
---@return table alert its document
function test.expect_alert(wanted) end

---No alert is left that was not met (or none such).
---@param wanted? tocsin.TestAlert
function test.expect_none(wanted) end

---Readings come in, through decoding, filter and grouping. One without the time field gets the
---time of the clock; a text is a line as it is.
---@param source string
---@param readings table|table[]|string
function test.inject(source, readings) end

---Another version becomes active (NAME alone: the newest), or a rule is removed.
---@param change {rule?: string, remove?: string}
function test.reload(change) end

---The daemon ends and starts again, on what it has stored.
function test.restart() end

---`n` readings: copies of one, or what a function gives for 1, 2 … n.
---@param n integer
---@param reading table|fun(i: integer): table
---@return table[]
function test.times(n, reading) end

return test
