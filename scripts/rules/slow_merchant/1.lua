-- Detects: a merchant that is slow and busy at once; quiet merchants are left alone.
-- Input:   source pay, every payment, by merchant.
-- Limits:  50 payments a minute with a mean cost_time over 5,000 ms; critical over 10,000 ms.
-- Raises:  warning or critical, with a message that says both figures.
-- Tested:  tests/integration/rules.
local rule = require "tocsin.rule"

return rule.script {
  description = "A busy merchant is slow",
  source = "pay",
  by = { "merchantId" },
  field = "cost_time",
  window = "1m",
  output = "alerts",
  severity = "warning",
  on_window = function(ctx, w)
    if w.count < 50 or not w.avg or w.avg < 5000 then
      return nil
    end
    return {
      message = string.format("%s: %d payments, mean %.0f ms", w.key.merchantId, w.count, w.avg),
      value = w.avg,
      severity = w.avg > 10000 and "critical" or "warning",
    }
  end,
}
