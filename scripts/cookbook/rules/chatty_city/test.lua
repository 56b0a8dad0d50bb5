local t = require "tocsin.test"

t.case("two of ten alerts in an hour are sent", function()
  for _ = 1, 10 do
    t.inject("pay", t.times(50, { city = "Hangzhou", amount = 1 }))
    t.advance "1m"
  end
  t.expect_alert { state = "firing" }
  t.expect_alert { state = "firing" }
  t.expect_none { state = "firing" }
end)
