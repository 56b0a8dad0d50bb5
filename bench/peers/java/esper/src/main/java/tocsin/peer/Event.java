package tocsin.peer;

/** A reading as Esper takes it: a bean with the minute it belongs to. */
public final class Event {
	private final long minute;
	private final String merchantId;
	private final double amount;
	private final double costTime;

	Event(Payment payment) {
		minute = Math.floorDiv(payment.time, Results.WINDOW_MS) * Results.WINDOW_MS;
		merchantId = payment.merchantId;
		amount = payment.amount;
		costTime = payment.costTime;
	}

	public long getMinuteStart() {
		return minute;
	}

	public String getMerchantId() {
		return merchantId;
	}

	public double getAmount() {
		return amount;
	}

	public double getCostTime() {
		return costTime;
	}
}
