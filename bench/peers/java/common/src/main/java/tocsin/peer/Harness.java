package tocsin.peer;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/** Start, warm up, run, report: `JOB INPUT OUTPUT [--warmup FILE] [--warmup-s SECONDS]
 *  [--threads N]`.
 */
public final class Harness {
	private static final String USAGE = "usage: J2|J3 INPUT OUTPUT [--warmup FILE]"
					    + " [--warmup-s SECONDS] [--threads N]";

	private final boolean withAlerts;
	private final String input;
	private final Path output;
	private String warmup;
	private double warmupSeconds = 10;
	private int threads = 1;

	private Harness(String[] args) {
		if (args.length < 3 || args.length % 2 == 0)
			throw new IllegalArgumentException(USAGE);
		switch (args[0]) {
		case "J2" -> withAlerts = false;
		case "J3" -> withAlerts = true;
		default -> throw new IllegalArgumentException(USAGE);
		}
		input = args[1];
		output = Path.of(args[2]).toAbsolutePath();
		for (int i = 3; i < args.length; i += 2) {
			switch (args[i]) {
			case "--warmup" -> warmup = args[i + 1];
			case "--warmup-s" -> warmupSeconds = Double.parseDouble(args[i + 1]);
			case "--threads" -> threads = Integer.parseInt(args[i + 1]);
			default -> throw new IllegalArgumentException(USAGE);
			}
		}
	}

	/** Ends the process: 0, 1 when the run failed, 2 for usage. */
	public static void main(String[] args, Peer peer) {
		int code = 1;
		try {
			Harness harness = new Harness(args);
			if (harness.threads < 1 || harness.threads > peer.maxThreads())
				throw new IllegalArgumentException(
					"this peer runs on 1 to " + peer.maxThreads() + " threads");
			harness.measure(peer);
			code = 0;
		} catch (IllegalArgumentException fault) {
			System.err.println(fault.getMessage());
			code = 2;
		} catch (Exception fault) {
			fault.printStackTrace();
		}
		/* Not every engine's threads are daemons. */
		System.exit(code);
	}

	private void measure(Peer peer) throws Exception {
		peer.start(threads);
		print("startup_s", Meter.secondsSinceStart());
		print("warmup_s", warmup == null ? 0 : warmUp(peer));
		Meter.resetPeakHeap();
		Results results = new Results();
		peer.run(input, withAlerts, results);
		results.write(output, withAlerts);
		Meter.Mark end = Meter.mark();
		print("steady_cpu_s", end.cpuSeconds(results.opened()));
		print("steady_wall_s", end.wallSeconds(results.opened()));
		System.out.println("readings=" + results.readings());
		if (withAlerts)
			System.out.println("alerts=" + results.alertCount());
		print("peak_heap_mib", Meter.peakHeapMib());
		peer.close();
	}

	/** The job on the other file until it took this much CPU; answers are thrown away. */
	private double warmUp(Peer peer) throws Exception {
		Meter.Mark begin = Meter.mark();
		do
			warmUpOnce(peer);
		while (Meter.mark().cpuSeconds(begin) < warmupSeconds);
		return Meter.mark().wallSeconds(begin);
	}

	private void warmUpOnce(Peer peer) throws Exception {
		Path thrownAway = Files.createTempDirectory(output.getParent(), "warmup");
		Path rows = thrownAway.resolve("rows");
		Results results = new Results();
		peer.run(warmup, withAlerts, results);
		results.write(rows, withAlerts);
		Files.delete(rows);
		if (withAlerts)
			Files.delete(thrownAway.resolve("rows.alerts"));
		Files.delete(thrownAway);
	}

	private static void print(String key, double value) {
		System.out.println(key + "=" + String.format(Locale.ROOT, "%.3f", value));
	}
}
