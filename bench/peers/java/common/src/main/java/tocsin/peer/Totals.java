package tocsin.peer;

/** Count, sum and maximum of one window and merchant. */
public final class Totals {
	public long count;
	public double sum;
	public double max;

	public void add(Payment payment) {
		max = count == 0 ? payment.costTime : Math.max(max, payment.costTime);
		count++;
		sum += payment.amount;
	}

	public void add(Totals other) {
		if (other.count == 0)
			return;
		max = count == 0 ? other.max : Math.max(max, other.max);
		count += other.count;
		sum += other.sum;
	}

	public Results.Row row(long start, String merchantId) {
		return new Results.Row(start, merchantId, count, sum, max);
	}
}
