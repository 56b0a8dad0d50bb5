local t = require "tocsin.test"

local function hour(amount)
  t.inject("pay", t.times(10, { merchantId = "m1", amount = amount, success = true }))
  t.advance "1h"
end

t.case("half of last week's turnover fires, four fifths do not", function()
  for _ = 1, 8 * 24 do hour(100) end
  hour(80)
  hour(100)
  t.expect_none()
  hour(50)
  hour(100)
  t.expect_alert { state = "firing", baseline = 1000, value = 500 }
  t.expect_alert { state = "resolved" }
  t.expect_none()
end)
