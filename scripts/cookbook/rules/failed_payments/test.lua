local t = require "tocsin.test"

t.case("20 failures of one merchant fire, 19 of another do not", function()
  t.inject("pay", t.times(20, { merchantId = "m1", success = false }))
  t.inject("pay", t.times(19, { merchantId = "m2", success = false }))
  t.inject("pay", t.times(50, { merchantId = "m3", success = true }))
  t.advance "2m"
  t.expect_alert {
    state = "firing", dimension = { merchantId = "m1" },
    message = "m1: 20 payments failed within 1m",
  }
  t.expect_alert { state = "resolved" }
  t.expect_none()
end)
