-- Tests of rule merchant_failures: tocsin test merchant_failures
local t = require "tocsin.test"

local function failure(merchant)
  return { merchantId = merchant, paymentId = "p", amount = 12.5, success = false }
end

t.case("40 failures of one merchant within 10 seconds fire, once, and resolve", function()
  t.inject("pay", t.times(40, failure "m1"))
  t.inject("pay", t.times(39, failure "m2"))
  t.advance "30s"
  t.expect_alert {
    state = "firing", severity = "critical", dimension = { merchantId = "m1" }, count = 40,
    threshold = ">=40", window_end = "2026-01-05T00:00:05Z",
  }
  t.expect_alert {
    state = "resolved", dimension = { merchantId = "m1" }, count = 0,
    window_end = "2026-01-05T00:00:15Z",
  }
  t.expect_none()
end)

t.case("failures that are spread over more than the window do not fire", function()
  for _ = 1, 4 do
    t.inject("pay", t.times(19, failure "m1"))
    t.advance "10s"
  end
  t.advance "30s"
  t.expect_none()
end)

t.case("payments that work, and failed ones without an amount, do not count", function()
  t.inject("pay", t.times(60, { merchantId = "m1", amount = 5, success = true }))
  t.inject("pay", t.times(60, { merchantId = "m1", amount = 0, success = false }))
  t.advance "30s"
  t.expect_none()
end)

t.case("a restart in the middle of an outage neither forgets nor repeats", function()
  t.inject("pay", t.times(30, failure "m1"))
  t.advance "3s"
  t.restart()
  t.inject("pay", t.times(20, failure "m1"))
  t.advance "20s"
  t.expect_alert { state = "firing", dimension = { merchantId = "m1" }, count = 50 }
  t.restart()
  t.expect_none()
  t.advance "30s"
  t.expect_alert { state = "resolved", dimension = { merchantId = "m1" } }
  t.expect_none()
end)
