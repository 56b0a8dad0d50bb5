-- The cookbook: rules and plans for the payment story, each with its test, which
-- `tocsin test --site scripts/cookbook` runs; docs/cookbook.md and docs/plan-recipes.md say what
-- each is for. Copy a folder of `rules` or `plans` into your own site, and what it needs from here.
return {
  timezone = "Asia/Shanghai",

  sources = {
    pay = {
      fields = {
        paymentId = "string", merchantId = "string", customerId = "string", amount = "float",
        cost_time = "int", app = "string", city = "string", gateway = "string", success = "bool",
      },
      from = { { http = true } },
      lateness = "2s", idle = "10s",
    },
  },

  outputs = {
    alerts = { file = "alerts.jsonl" },
    finance = { file = "finance.jsonl" },
    ops = { file = "ops.jsonl" },
    team = { file = "team.jsonl" },
  },

  -- what the plans may reach
  http = { allow = { "traffic.internal", "hosts.internal", "scale.internal", "gateway.internal" } },
  load = { allow = { "room2.internal:8080" }, rate = 1000, duration = "5m" },
  exec = { allow = { "/usr/bin/true" } },
  databases = { pay = { sqlite = "pay.db" } },
  secrets = { gateway = { env = "GATEWAY_TOKEN" } },
  tickets = {
    provider = { url = "https://tickets.example.com/api/issues", id = "id",
      find = "https://tickets.example.com/api/issues?external={key}", find_id = "issues.1.id" },
  },

  lookups = {
    limits = { csv = "lookups/limits.csv" },
    partners = { csv = "lookups/partners.csv" },
  },
}
