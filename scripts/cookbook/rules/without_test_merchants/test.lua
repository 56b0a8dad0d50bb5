local t = require "tocsin.test"

t.case("the test merchant may fail as it likes", function()
  t.inject("pay", t.times(500, { app = "web", merchantId = "test", success = false }))
  t.inject("pay", t.times(20, { app = "web", merchantId = "m1", success = false }))
  t.advance "30s"
  t.expect_alert { state = "firing", dimension = { merchantId = "m1" } }
  t.expect_none()
end)
