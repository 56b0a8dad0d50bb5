-- What scripts may use is the sandbox of lua/api/api.c; luacheck knows the same names.
std = {
  read_globals = {
    "assert", "error", "ipairs", "next", "pairs", "pcall", "require", "select", "tonumber",
    "tostring", "type", "unpack",
    math = { other_fields = true },
    string = { other_fields = true },
    table = { fields = { "concat", "insert", "maxn", "remove", "sort", "unpack" } },
  },
}
max_line_length = 120
unused_args = false
files["lua/meta"] = {
  std = "max",
  ignore = { "111", "112", "113", "121", "122", "131", "142", "143", "211", "212", "231", "241" },
}
files["tests"] = { std = "luajit" }
files["bench"] = { std = "luajit" }
