local t = require "tocsin.test"

local function payment(amount)
  t.inject("pay", { merchantId = "m1", amount = amount, success = true })
end

-- The site's midnight, in Shanghai, is 16:00 UTC.
t.case("what was paid before midnight does not count", function()
  t.at "2026-01-05T15:50:00Z"
  payment(90000)
  t.at "2026-01-05T16:10:00Z"
  payment(90000)
  t.advance "2m"
  t.expect_none()
  payment(10001)
  t.advance "2m"
  t.expect_alert { state = "firing", value = 100001, window_start = "2026-01-05T16:00:00Z" }
  t.at "2026-01-06T16:05:00Z"
  t.expect_alert { state = "resolved" }
  t.expect_none()
end)
