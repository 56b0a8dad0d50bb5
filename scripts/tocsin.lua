-- The repository's own site: an online payment company. Every option: docs/site.md.
-- Input:   var/pay*.jsonl (followed), POST /ingest/pay; the same stream as CSV in var/pay*.csv
-- Output:  in the state directory: alerts.jsonl for machines, ops.jsonl for people
return {
  timezone = "Asia/Shanghai",

  sources = {
    pay = {
      format = "json",
      fields = {
        paymentId = "string", merchantId = "string", customerId = "string",
        amount = "float", cost_time = "int", app = "string", city = "string", success = "bool",
      },
      from = { { file = "var/pay*.jsonl" }, { http = true } },
      lateness = "2s", idle = "10s", max_ahead = "60s",
    },
    pay_csv = {
      format = "csv",
      columns = { "time", "paymentId", "merchantId", "customerId", "amount", "success" },
      fields = {
        paymentId = "string", merchantId = "string", customerId = "string",
        amount = "float", success = "bool",
      },
      from = { { file = "var/pay*.csv" } },
    },
  },

  outputs = {
    alerts = { file = "alerts.jsonl", keys = "en" },
    ops = { file = "ops.jsonl" },
  },

  category_field = "merchantId",
  categories = {
    offline = {},
    online = {},
    restaurants = { parent = "offline", members = { "m0003", "m0004", "m0005" } },
    supermarkets = { parent = "offline", members = { "m0006", "m0007" } },
    ecommerce = { parent = "online", members = { "m0001", "m0002" } },
    games = { parent = "online", members = { "m0008", "m0009" } },
  },

  listen = { http = "127.0.0.1:8787" },
  retention = { fine = "1d", day = "30d" },
  exec = { allow = { "/usr/bin/true" } },
}
