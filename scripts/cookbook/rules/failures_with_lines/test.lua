local t = require "tocsin.test"

local function line(number, more)
  return '{"time":"2026-01-05T00:00:0' .. number .. 'Z","gateway":"g1","success":false' ..
    (more or "") .. "}"
end

t.case("the alert has the last three lines that matched, as they were", function()
  t.inject("pay", t.times(10, { gateway = "g1", success = false, time = "2026-01-05T00:00:01Z" }))
  t.inject("pay", { line(4, ',"error":"declined"'), line(2), line(3, ',"error":"timeout"') })
  t.inject("pay", '{"time":"2026-01-05T00:00:04Z","gateway":"g1","success":true}')
  t.restart()
  t.advance "30s"
  local alert = t.expect_alert {
    state = "firing", count = 13,
    samples = {
      { time = "2026-01-05T00:00:02Z", line = line(2) },
      { time = "2026-01-05T00:00:03Z", line = line(3, ',"error":"timeout"') },
      { time = "2026-01-05T00:00:04Z", line = line(4, ',"error":"declined"') },
    },
  }
  assert(#alert.samples == 3)
  t.advance "2m"
  t.expect_alert { state = "resolved" }
  t.expect_none()
end)

t.case("a line of more than 512 bytes is cut, and says so", function()
  t.inject("pay", t.times(10, { gateway = "g1", success = false }))
  t.inject("pay", line(1, ',"stack":"' .. ("x"):rep(1000) .. '"'))
  t.advance "30s"
  local alert = t.expect_alert { state = "firing", count = 11 }
  assert(alert.samples[3].cut and #alert.samples[3].line == 512)
  assert(alert.samples[2].cut == nil)
end)
