local t = require "tocsin.test"

local function payment(customer, success)
  t.inject("pay", { customerId = customer, success = success })
end

t.case("who succeeds in time is no finding, who gives up is one", function()
  payment("c1", false)
  payment("c2", false)
  t.advance "1m"
  payment("c1", true)
  t.advance "2m"
  t.expect_alert { state = "firing", dimension = { customerId = "c2" }, message = "c2 gave up" }
  t.expect_none()
  t.restart()
  payment("c2", true)
  t.advance "1m"
  t.expect_alert { state = "resolved", dimension = { customerId = "c2" } }
  t.expect_none()
end)
