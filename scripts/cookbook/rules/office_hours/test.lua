local t = require "tocsin.test"

local function refunds_at(time)
  t.at(time)
  t.inject("pay", t.times(10, { customerId = "c1", amount = -5 }))
  t.advance "10m"
end

t.case("it is judged on Monday at noon, not at night, not on the holiday", function()
  refunds_at "2026-01-05T12:00:00+08:00"
  t.expect_alert { state = "firing" }
  t.expect_alert { state = "resolved" }
  refunds_at "2026-01-05T22:00:00+08:00"
  t.expect_none()
  refunds_at "2026-01-06T12:00:00+08:00"
  t.expect_none()
  refunds_at "2026-01-10T12:00:00+08:00"
  t.expect_none()
end)
