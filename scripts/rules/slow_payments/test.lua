-- Tests of rule slow_payments: tocsin test slow_payments
local t = require "tocsin.test"

local function payment(cost_time, success)
  return { merchantId = "m1", amount = 3, cost_time = cost_time, success = success ~= false }
end

t.case("a mean of 3,000 ms fires, and resolves when faster payments come", function()
  t.inject("pay", { payment(2000), payment(4000) })
  t.advance "20s"
  t.expect_alert {
    state = "firing", severity = "warning", field = "cost_time", statistic = "avg", value = 3000,
    window = "5m",
  }
  t.inject("pay", t.times(10, payment(100)))
  t.advance "20s"
  t.expect_alert { state = "resolved", value = function(mean) return mean < 600 end }
  t.expect_none()
end)

t.case("failed payments do not make it slow", function()
  t.inject("pay", { payment(2999), payment(90000, false) })
  t.advance "20s"
  t.expect_none()
end)

t.case("a payment of yesterday is too late for every window", function()
  t.inject("pay", payment(100))
  t.advance "1m"
  t.inject("pay", {
    time = "2026-01-04T00:00:00Z", merchantId = "m1", amount = 3, cost_time = 90000, success = true,
  })
  t.advance "1m"
  t.expect_none()
end)
