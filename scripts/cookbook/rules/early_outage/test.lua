local t = require "tocsin.test"

t.case("it fires with the hundredth failure, minutes before the boundary", function()
  t.inject("pay", t.times(99, { merchantId = "m1", success = false }))
  t.expect_none()
  t.inject("pay", { merchantId = "m1", success = false })
  t.expect_alert { state = "firing", count = 100, early = true }
  t.advance "11m"
  t.expect_none()
end)
