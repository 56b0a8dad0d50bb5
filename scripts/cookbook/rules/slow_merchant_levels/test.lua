local t = require "tocsin.test"

local function minute(cost_time)
  t.inject("pay", t.times(20, { merchantId = "m1", cost_time = cost_time, success = true }))
  t.advance "1m"
end

t.case("the level follows, and resolves only below the clear condition", function()
  minute(3000)
  minute(6000)
  t.expect_alert { state = "firing", severity = "warning" }
  minute(1800)
  t.expect_alert { state = "firing", severity = "critical" }
  minute(1800)
  minute(1000)
  t.advance "30s"
  t.expect_alert { state = "firing", severity = "warning" }
  t.expect_alert { state = "resolved" }
  t.expect_none()
end)
