---@meta tocsin.text
-- Types and documentation for editors, made by `make reference`; no code.

local text = {}

---At most `bytes_max` bytes, never in the middle of a character; a cut ends in "…".
---@param value any
---@param bytes_max integer
---@return string
function text.cut(value, bytes_max) end

---"12.5 %"; "n/a" when there is no whole.
---@param part number|nil
---@param whole number|nil
---@param digits? integer default 1
---@return string
function text.percent(part, whole, digits) end

---Milliseconds of "250ms", "5s", "1m", "2h", "1d" or of a number of seconds; else nil.
---@param value string|number
---@return number|nil
function text.span(value) end

return text
