-- Tests of rule payment_failures: tocsin test payment_failures
local t = require "tocsin.test"

local function failures(n)
  return t.times(n, function(i)
    return { merchantId = "m" .. i % 50, amount = 3, success = false }
  end)
end

t.case("2,000 failures within a minute fire, whoever the merchants are", function()
  t.inject("pay", failures(1000))
  t.advance "40s"
  t.inject("pay", failures(1000))
  t.advance "20s"
  t.expect_alert { state = "firing", severity = "critical", dimension = {}, value = 2000 }
  t.expect_none()
  t.advance "90s"
  t.expect_alert { state = "resolved" }
  t.expect_none()
end)

t.case("1,999 do not", function()
  t.inject("pay", failures(1999))
  t.advance "2m"
  t.expect_none()
end)

t.case("successful payments do not count", function()
  t.inject("pay", t.times(2500, { merchantId = "m1", amount = 3, success = true }))
  t.advance "2m"
  t.expect_none()
end)
