local t = require "tocsin.test"

local function failure(customer)
  t.inject("pay", { merchantId = "m1", customerId = customer, success = false })
  t.advance "1m"
end

t.case("five in a row fire, another customer in between begins anew", function()
  for _ = 1, 4 do failure "c1" end
  failure "c2"
  for _ = 1, 4 do failure "c1" end
  t.expect_none()
  failure "c1"
  t.expect_alert { state = "firing", count = 5 }
  t.expect_none()
end)
