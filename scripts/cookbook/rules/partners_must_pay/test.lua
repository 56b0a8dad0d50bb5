local t = require "tocsin.test"

local function payment(merchant)
  t.inject("pay", { merchantId = merchant, amount = 1, success = true })
end

t.case("a silent partner is told after five minutes, and resolves when it sends", function()
  for _ = 1, 8 do
    payment "m0001"
    payment "m0003"
    t.advance "1m"
  end
  t.expect_alert { state = "nodata", dimension = { merchantId = "m0002" } }
  t.expect_none()
  payment "m0002"
  payment "m0001"
  t.advance "30s"
  t.expect_alert { state = "resolved", dimension = { merchantId = "m0002" } }
  t.expect_none()
end)
