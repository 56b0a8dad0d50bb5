"""What rules must find, from counts by pane: every window of every key is added up by itself."""
import rules

MS = 1000


class Cells:
    """Panes of one rule: key -> pane -> [count, count of values, sum, max]. Amounts are in cents,
    so that sums are exact."""

    def __init__(self, rule):
        self.rule, self.keys = rule, {}

    def add(self, key, pane, value):
        panes = self.keys.get(key)
        if panes is None:
            panes = self.keys[key] = {}
        cell = panes.get(pane)
        if cell is None:
            panes[pane] = [1, value, value]
            return
        cell[0] += 1
        if value is not None:
            cell[1] += value
            if value > cell[2]:
                cell[2] = value


def value_of(rule, cells):
    """The statistic over the panes of one window, or None."""
    count = sum(cell[0] for cell in cells)
    if rule.statistic == "count":
        return count
    if not count:
        return None
    scale = 100 if rule.field == "amount" else 1
    if rule.statistic == "max":
        return max(cell[2] for cell in cells) / scale
    total = sum(cell[1] for cell in cells)
    return total / scale if rule.statistic == "sum" else total / scale / count


def alerts(cells, first_s, last_s):
    """{(window end in seconds, rule, key, state): value}; the event times lie in first..last."""
    rule, found = cells.rule, {}
    width, step, pane_s = rule.window_s, rule.every_s, rules.FINEST_S
    first_end = first_s // step * step + step
    last_end = last_s // step * step + step
    for key, panes in cells.keys.items():
        ends = set()  # the windows in which this key has readings, and the ones just after
        for pane in panes:
            start = pane * pane_s
            low = max(first_end, (start // step + 1) * step)
            ends.update(range(low, min(last_end, start + pane_s + width + step) + 1, step))
        is_firing = False
        for end in sorted(ends):
            inside = [panes[pane] for pane in range((end - width) // pane_s, end // pane_s)
                      if pane in panes]
            value = value_of(rule, inside)
            fires = value is not None and value >= rule.limit
            if fires != is_firing:
                found[(end, rule.name, key, "firing" if fires else "resolved")] = value
                is_firing = fires
    return found
