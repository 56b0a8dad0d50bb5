local t = require "tocsin.test"

t.case("eight merchants fire, a hundred payments at one do not", function()
  t.inject("pay", t.times(8, function(i)
    return { customerId = "c1", merchantId = "m" .. i, amount = 5 }
  end))
  t.inject("pay", t.times(100, { customerId = "c2", merchantId = "m1", amount = 5 }))
  t.advance "30s"
  t.expect_alert { state = "firing", dimension = { customerId = "c1" }, value = 8 }
  t.expect_none()
end)
