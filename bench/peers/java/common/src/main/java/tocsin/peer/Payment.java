package tocsin.peer;

/** One reading. Mutable with public fields: the fastest form for Flink's POJO serializer. */
public final class Payment {
	public long time;
	public String merchantId;
	public double amount;
	public double costTime;

	public long getTime() {
		return time;
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
