local t = require "tocsin.test"

t.case("payments of one hour add up, failed ones do not count", function()
  t.inject("pay", { customerId = "c1", amount = 30000, success = true })
  t.advance "40m"
  t.inject("pay", { customerId = "c1", amount = 90000, success = false })
  t.inject("pay", { customerId = "c1", amount = 20001, success = true })
  t.advance "2m"
  t.expect_alert { state = "firing", dimension = { customerId = "c1" }, value = 50001 }
  t.expect_none()
end)
