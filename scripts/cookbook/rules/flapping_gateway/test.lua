local t = require "tocsin.test"

t.case("after four changes one alert says that it is flapping", function()
  for _ = 1, 8 do
    t.inject("pay", t.times(6, { gateway = "bank-a", success = false }))
    t.advance "30s"
  end
  t.expect_alert { state = "firing" }
  t.expect_alert { state = "resolved" }
  t.expect_alert { reason = "flapping" }
  t.advance "20m"
  t.expect_alert { reason = "settled" }
end)
