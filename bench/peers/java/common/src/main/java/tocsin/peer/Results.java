package tocsin.peer;

import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** What a run found: rows and alerts; filled by the peer, sorted and written by the harness. */
public final class Results {
	public static final long WINDOW_MS = 60_000;
	public static final long LATENESS_MS = 5_000;
	public static final long ALERT_COUNT = 1000;

	/** One window and merchant, closed. */
	public record Row(long start, String merchantId, long count, double sum, double max) {
		/** As `tocsin query` orders and prints it; sums in cents, as the input has them. */
		void print(StringBuilder out) {
			printKey(out);
			long cents = Math.round(sum * 100);
			out.append(',').append(cents / 100).append('.');
			out.append((char)('0' + cents / 10 % 10)).append((char)('0' + cents % 10));
			out.append(',');
			if (max == (long)max)
				out.append((long)max);
			else
				out.append(max);
			out.append('\n');
		}

		void printKey(StringBuilder out) {
			out.append(Instant.ofEpochMilli(start)).append(',').append(merchantId);
			out.append(',').append(count);
		}
	}

	private static final Comparator<Row> ORDER =
		Comparator.comparingLong(Row::start).thenComparing(Row::merchantId);

	private final List<Row> rows = new ArrayList<>();
	private final List<Row> alerts = new ArrayList<>();
	private long readings;
	private Meter.Mark opened;

	/** Called by whoever opens the input: here the measured time begins. */
	public synchronized void open() {
		if (opened == null)
			opened = Meter.mark();
	}

	public synchronized void addReadings(long count) {
		readings += count;
	}

	public synchronized void addRow(Row row) {
		rows.add(row);
	}

	public synchronized void addAlert(Row row) {
		alerts.add(row);
	}

	Meter.Mark opened() {
		return opened;
	}

	long readings() {
		return readings;
	}

	int alertCount() {
		return alerts.size();
	}

	/** The rows to `output`; the alerts, if the job has any, to `output`.alerts. */
	void write(Path output, boolean withAlerts) throws IOException {
		rows.sort(ORDER);
		alerts.sort(ORDER);
		StringBuilder text = new StringBuilder();
		text.append("window_start,merchantId,count,sum_amount,max_cost_time\n");
		for (Row row : rows)
			row.print(text);
		put(output, text);
		if (!withAlerts)
			return;
		text.setLength(0);
		text.append("window_start,merchantId,count\n");
		for (Row alert : alerts) {
			alert.printKey(text);
			text.append('\n');
		}
		put(output.resolveSibling(output.getFileName() + ".alerts"), text);
	}

	private static void put(Path path, StringBuilder text) throws IOException {
		try (BufferedWriter out = Files.newBufferedWriter(path, StandardCharsets.UTF_8)) {
			out.append(text);
		}
	}
}
