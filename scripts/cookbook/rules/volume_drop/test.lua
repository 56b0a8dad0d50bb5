local t = require "tocsin.test"

local function slot(n)
  t.inject("pay", t.times(n, { app = "web", amount = 1, success = true }))
  t.advance "5m"
end

t.case("half of the usual payments fire, a tenth less does not", function()
  for i = 1, 30 do slot(100 + i % 3) end
  slot(90)
  slot(100)
  t.advance "30s"
  t.expect_none()
  slot(50)
  t.advance "30s"
  t.expect_alert { state = "firing", dimension = { app = "web" } }
end)
