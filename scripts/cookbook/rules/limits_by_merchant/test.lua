local t = require "tocsin.test"

local function failures(n, merchant, city)
  t.inject("pay", t.times(n, { merchantId = merchant, city = city, success = false }))
end

t.case("the row that names most wins", function()
  failures(199, "m0001", "Hangzhou")
  failures(100, "m0001", "Beijing")
  failures(99, "m0001", "Shanghai")
  failures(20, "m0009", "Hangzhou")
  t.advance "30s"
  t.expect_alert { state = "firing", dimension = { merchantId = "m0001", city = "Beijing" } }
  t.expect_alert { state = "firing", dimension = { merchantId = "m0009" } }
  t.expect_none()
end)
