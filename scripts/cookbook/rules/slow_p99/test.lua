local t = require "tocsin.test"

local function payments(n, cost_time)
  return t.times(n, { merchantId = "m1", cost_time = cost_time, success = true })
end

t.case("2 % slow payments fire, with a value within 1 % of theirs", function()
  t.inject("pay", payments(98, 100))
  t.inject("pay", payments(2, 8000))
  t.advance "1m"
  t.expect_alert {
    state = "firing",
    value = function(value) return math.abs(value - 8000) <= 80 end,
  }
end)

t.case("too few payments are not judged", function()
  t.inject("pay", payments(99, 8000))
  t.advance "1m"
  t.expect_none()
end)
