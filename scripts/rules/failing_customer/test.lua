-- Tests of rule failing_customer: tocsin test failing_customer
local t = require "tocsin.test"

local function failure(customer)
  return { customerId = customer, merchantId = "m1", amount = 3, success = false }
end

t.case("10 failures of one customer fire; another customer is another matter", function()
  t.inject("pay", t.times(10, failure "c1"))
  t.inject("pay", t.times(9, failure "c2"))
  t.advance "30s"
  t.expect_alert {
    state = "firing", severity = "info", dimension = { customerId = "c1" }, field = "customerId",
    field_value = "c1", count = 10,
  }
  t.expect_none()
end)

t.case("one failure every 10 seconds is never 10 in a minute", function()
  for _ = 1, 20 do
    t.inject("pay", failure "c1")
    t.advance "10s"
  end
  t.expect_none()
end)
