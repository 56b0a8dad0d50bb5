---@meta
-- Made by `make reference`; no code.
-- Where the sandbox differs from Lua 5.1; what is neither here nor standard does not exist.
-- No os, io, debug, coroutine, load, getmetatable, setmetatable, xpcall, print, random.

---The entry after `key` in the order of pairs.
---@param t table
---@param key? any
---@return any key
---@return any value
function next(t, key) end

---Keys in order: numbers by size, texts by bytes, false, true. Other keys raise.
---@param t table
---@return fun(): any, any
function pairs(t) end

---Modules of the program only: "tocsin.rule", "tocsin.plan", "tocsin.sequence", "tocsin.text".
---@param name string
---@return any
function require(name) end

---Tables and functions print as their type, without an address.
---@param value any
---@return string
function tostring(value) end

---As in Lua 5.1, but a pattern that takes too many steps raises; patterns have at most 1,024
---bytes.
---@param s string
---@param pattern string
---@param init? integer
---@param plain? boolean
---@return integer? first
---@return integer? last
---@return string? ... captures
function string.find(s, pattern, init, plain) end

---Without %p; tables and functions print as their type.
---@param format string
---@param ... any
---@return string
function string.format(format, ...) end

---As string.find; `^` is an ordinary character here, as in Lua 5.1.
---@param s string
---@param pattern string
---@return fun(): string?
function string.gmatch(s, pattern) end

---As string.find.
---@param s string
---@param pattern string
---@param replacement string|table|function
---@param count_max? integer
---@return string
---@return integer count
function string.gsub(s, pattern, replacement, count_max) end

---As string.find.
---@param s string
---@param pattern string
---@param init? integer
---@return string? ... captures
function string.match(s, pattern, init) end

---The result has at most 1 MiB.
---@param s string
---@param count integer
---@param separator? string
---@return string
function string.rep(s, count, separator) end

---The position must be from 1 to #list + 1.
---@param list table
---@param position_or_value any
---@param value? any
function table.insert(list, position_or_value, value) end

---Without a comparison: a list of numbers or of texts. The comparison must be a Lua function.
---@param list table
---@param is_before? fun(a: any, b: any): boolean
function table.sort(list, is_before) end
