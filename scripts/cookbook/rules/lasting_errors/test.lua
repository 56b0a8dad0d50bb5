local t = require "tocsin.test"

local function minutes(count, failures)
  for _ = 1, count * 6 do
    t.inject("pay", t.times(failures / 6, { merchantId = "m1", success = false }))
    t.advance "10s"
  end
end

t.case("one bad minute is nobody's business", function()
  minutes(1, 60)
  minutes(5, 6)
  t.expect_none()
end)

t.case("four bad minutes are, and it resolves five minutes after the last", function()
  minutes(4, 60)
  t.expect_alert { state = "firing" }
  minutes(4, 12)                        -- below the threshold, above the clear condition
  t.expect_none()
  minutes(4, 6)
  t.expect_none()
  minutes(3, 6)
  t.expect_alert { state = "resolved" }
  t.expect_none()
end)
