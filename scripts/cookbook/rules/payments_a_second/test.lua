local t = require "tocsin.test"

t.case("1,201 payments of a minute fire", function()
  t.inject("pay", t.times(1200, { merchantId = "m2", amount = 1 }))
  t.inject("pay", t.times(1201, { merchantId = "m1", amount = 1 }))
  t.advance "30s"
  t.expect_alert { state = "firing", dimension = { merchantId = "m1" }, value = 1201 / 60 }
  t.expect_none()
end)
