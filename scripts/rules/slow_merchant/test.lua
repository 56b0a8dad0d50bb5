-- Tests of rule slow_merchant: tocsin test slow_merchant
local t = require "tocsin.test"

local function payments(n, cost_time)
  return t.times(n, { merchantId = "m1", amount = 3, cost_time = cost_time, success = true })
end

t.case("50 payments of 6 seconds are a warning that says both figures", function()
  t.inject("pay", payments(50, 6000))
  t.advance "20s"
  t.expect_alert {
    state = "firing", severity = "warning", value = 6000, dimension = { merchantId = "m1" },
    message = "m1: 50 payments, mean 6000 ms",
  }
  t.expect_none()
end)

t.case("over 10 seconds it is critical", function()
  t.inject("pay", payments(50, 11000))
  t.advance "20s"
  t.expect_alert { state = "firing", severity = "critical" }
end)

t.case("a quiet merchant may be slow", function()
  t.inject("pay", payments(49, 20000))
  t.advance "2m"
  t.expect_none()
end)

t.case("a restart does not fire again", function()
  t.inject("pay", payments(60, 6000))
  t.advance "20s"
  t.expect_alert { state = "firing" }
  t.restart()
  t.advance "10s"
  t.expect_none()
  t.advance "1m"
  t.expect_alert { state = "resolved", severity = "warning" }
  t.expect_none()
end)
