local t = require "tocsin.plan_test"

local function flaps(gateway)
  return { rule = "flapping_gateway", severity = "warning", dimension = { gateway = gateway } }
end

t.case("the second gateway waits until the first one is done", function()
  t.alert(flaps("a"))
  t.alert(flaps("b"))
  local first = t.expect_effect { id = "move", args = { url = "http://traffic.internal/routes/a" } }
  t.expect_none { id = "move" }
  t.advance("2m")
  local second = t.expect_effect { id = "move",
    args = { url = "http://traffic.internal/routes/b" } }
  if second.args.body.fence <= first.args.body.fence then
    error("the second holder has no higher fence")
  end
  t.advance("2m")
  t.expect_run { state = "done", result = { gateway = "b", helped = false } }
end)

t.case("the lock is still held after the daemon died, by the same run", function()
  t.alert(flaps("a"))
  local fence = t.expect_effect { id = "move" }.args.body.fence
  t.alert(flaps("b"))
  t.crash()
  t.advance("30s")
  t.expect_none { id = "move" }
  t.resolve(flaps("a"))
  t.advance("10s")
  local second = t.expect_effect { id = "move",
    args = { url = "http://traffic.internal/routes/b" } }
  if second.args.body.fence <= fence then
    error("the second holder has no higher fence")
  end
end)
