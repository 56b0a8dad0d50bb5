"""The table, and the same as JSON."""
import statistics

HEAD = ("job", "program", "lines", "CPU s (min-max)", "M/CPU-s", "x CPU (min-max)", "wall s",
        "x wall", "MiB", "answer")


class Row:
    """All runs of one program in one job. `pairs`: (cost of ours, own cost) run in turn."""

    def __init__(self, job, program, lines, base_lines):
        self.job, self.name, self.note = job, program.name, program.note
        self.lines, self.base_lines = lines, base_lines
        self.costs, self.pairs, self.wrong = [], [], []
        self.skipped, self.is_ours = None, False

    def ratios(self, what):
        return [getattr(own, what) / self.lines * self.base_lines / max(getattr(base, what), 1e-9)
                for base, own in self.pairs]

    def facts(self):
        facts = {"job": self.job, "program": self.name, "lines": self.lines, "note": self.note,
                 "skipped": self.skipped, "wrong": self.wrong, "is_ours": self.is_ours,
                 "runs": [dict(cpu_s=c.cpu, wall_s=c.wall, peak_mib=c.peak_mib, **c.facts)
                          for c in self.costs]}
        if self.costs:
            facts.update(cpu_s=median(c.cpu for c in self.costs),
                         wall_s=median(c.wall for c in self.costs),
                         peak_mib=max(c.peak_mib for c in self.costs),
                         million_per_cpu_s=self.speed())
        if self.pairs:
            facts.update(cpu_ratio=median(self.ratios("cpu")),
                         wall_ratio=median(self.ratios("wall")))
        return facts

    def speed(self):
        return self.lines / 1e6 / max(median(c.cpu for c in self.costs), 1e-9)

    def cells(self):
        """The columns after job and program."""
        if self.skipped:
            return ["skipped: " + self.skipped]
        if not self.costs:
            return ["no run"]
        cpu = [c.cpu for c in self.costs]
        lines = "%d k" % (self.lines // 1000)
        answer = "ok" if not self.wrong else "WRONG ANSWER"
        return [lines, spread(cpu, "%.3f"), "%.2f" % self.speed(),
                spread(self.ratios("cpu"), "%.2f") if self.pairs else "1",
                "%.3f" % median(c.wall for c in self.costs),
                "%.2f" % median(self.ratios("wall")) if self.pairs else "1",
                "%.0f" % max(c.peak_mib for c in self.costs), answer]

    def remarks(self):
        remarks = [self.note] if self.note and self.costs else []
        remarks += self.wrong
        if self.costs and self.costs[0].facts:
            remarks.append(", ".join("%s %.2f" % (name, median(c.facts[name] for c in self.costs))
                                     for name in self.costs[0].facts))
        return remarks


def median(values):
    return statistics.median(list(values))


def spread(values, form):
    values = list(values)
    text = form % median(values)
    if len(values) > 1:
        text += " (%s-%s)" % (form % min(values), form % max(values))
    return text


def text(rows):
    """One table; remarks below it, numbered."""
    body, remarks = [], []
    for row in rows:
        marks = ""
        for remark in row.remarks():
            if remark not in remarks:
                remarks.append(remark)
            marks += " [%d]" % (remarks.index(remark) + 1)
        cells = row.cells()
        cells[-1] += marks
        body.append([row.job, row.name, *cells])
    full = [cells for cells in body if len(cells) == len(HEAD)]
    widths = [max(len(cells[i]) for cells in [HEAD, *full]) for i in range(len(HEAD))]
    widths[1] = max(len(cells[1]) for cells in [HEAD, *body])
    lines = [line(HEAD, widths)]
    before = None
    for cells in body:
        if before is not None and cells[0] != before:
            lines.append("")
        before = cells[0]
        lines.append(line(cells, widths))
    lines += ["[%d] %s" % (number, remark) for number, remark in enumerate(remarks, 1)]
    return "\n".join(lines)


def line(cells, widths):
    left = (0, 1, len(HEAD) - 1)
    return "  ".join(cell.ljust(widths[i]) if i in left or len(cells) < len(HEAD)
                     else cell.rjust(widths[i]) for i, cell in enumerate(cells)).rstrip()
