-- What scripts may use is the sandbox of lua/api/api.c; luacheck knows the same names.
-- begin: made by `make reference` from lua/api/api.c
std = {
  read_globals = {
    "assert", "error", "ipairs", "next", "pairs", "pcall", "require", "select", "tonumber",
    "tostring", "type", "unpack",
    math = { fields = {
      "abs", "acos", "asin", "atan", "atan2", "ceil", "cos", "cosh", "deg", "exp", "floor",
      "fmod", "frexp", "huge", "ldexp", "log", "log10", "max", "min", "modf", "pi", "pow", "rad",
      "sin", "sinh", "sqrt", "tan", "tanh",
    } },
    string = { fields = {
      "byte", "char", "find", "format", "gmatch", "gsub", "len", "lower", "match", "rep",
      "reverse", "sub", "upper",
    } },
    table = { fields = {
      "concat", "insert", "maxn", "remove", "sort", "unpack",
    } },
  },
}
-- end
max_line_length = 120
unused_args = false
files["lua/meta"] = {
  std = "max",
  ignore = { "111", "112", "113", "121", "122", "131", "142", "143", "211", "212", "231", "241" },
}
files["tests"] = { std = "luajit" }
files["bench"] = { std = "luajit" }
