local t = require "tocsin.test"

t.case("five minutes of silence fire, a payment ends it", function()
  t.inject("pay", { merchantId = "m1", amount = 1, success = true })
  t.advance "4m"
  t.expect_none()
  t.advance "2m"
  t.expect_alert { state = "firing", count = 0 }
  t.inject("pay", { merchantId = "m1", amount = 1, success = true })
  t.advance "1m"
  t.expect_alert { state = "resolved", count = 1 }
  t.expect_none()
end)
