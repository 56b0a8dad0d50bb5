package tocsin.peer;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;

/** Clocks and memory of this JVM. */
final class Meter {
	private static final OperatingSystemMXBean OS =
		(OperatingSystemMXBean)ManagementFactory.getOperatingSystemMXBean();

	/** CPU of all threads, the collector's and the compiler's included, and the wall clock. */
	record Mark(long cpuNs, long wallNs) {
		double cpuSeconds(Mark since) {
			return (cpuNs - since.cpuNs) / 1e9;
		}

		double wallSeconds(Mark since) {
			return (wallNs - since.wallNs) / 1e9;
		}
	}

	private Meter() {
	}

	static Mark mark() {
		return new Mark(OS.getProcessCpuTime(), System.nanoTime());
	}

	static double secondsSinceStart() {
		long start = ManagementFactory.getRuntimeMXBean().getStartTime();
		return (System.currentTimeMillis() - start) / 1e3;
	}

	static void resetPeakHeap() {
		System.gc();
		for (MemoryPoolMXBean pool : ManagementFactory.getMemoryPoolMXBeans())
			pool.resetPeakUsage();
	}

	/** The sum of the pools' peaks, garbage not yet collected included: an upper bound. */
	static double peakHeapMib() {
		long sum = 0;
		for (MemoryPoolMXBean pool : ManagementFactory.getMemoryPoolMXBeans())
			if (pool.getType() == MemoryType.HEAP)
				sum += pool.getPeakUsage().getUsed();
		return sum / 1048576.0;
	}
}
