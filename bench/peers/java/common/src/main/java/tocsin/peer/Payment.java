package tocsin.peer;

/** One reading. Public fields are the fastest form for Flink, getters are what Esper reads. */
public class Payment {
	public long time;
	public String merchantId;
	public double amount;
	public double costTime;

	public long getMinuteStart() {
		return Math.floorDiv(time, Results.WINDOW_MS) * Results.WINDOW_MS;
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
