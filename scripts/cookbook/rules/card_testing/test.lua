local t = require "tocsin.test"

t.case("eleven payments of a cent fire", function()
  t.inject("pay", t.times(11, { customerId = "c1", amount = 0.01, success = false }))
  t.inject("pay", t.times(30, { customerId = "c2", amount = 20, success = true }))
  t.advance "30s"
  t.expect_alert { state = "firing", dimension = { customerId = "c1" }, count = 11 }
  t.expect_none()
end)
