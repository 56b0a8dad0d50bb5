-- The cookbook: rules for the payment story, each with its test, which
-- `tocsin test --site scripts/cookbook` runs; docs/cookbook.md says what each is for.
-- Copy a folder of `rules` into your own site.
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
  },

  lookups = {
    limits = { csv = "lookups/limits.csv" },
    partners = { csv = "lookups/partners.csv" },
  },
}
