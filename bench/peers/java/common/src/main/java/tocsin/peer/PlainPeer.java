package tocsin.peer;

import java.util.HashMap;
import java.util.Map;

/** No engine: the shared reader and a HashMap. What the engines' figures begin from. */
public final class PlainPeer implements Peer {
	public static void main(String[] args) {
		Harness.main(args, new PlainPeer());
	}

	@Override
	public int maxThreads() {
		return 1;
	}

	@Override
	public void start(int threads) {
	}

	@Override
	public void run(String input, boolean withAlerts, Results results) throws Exception {
		Map<Long, Map<String, Totals>> windows = new HashMap<>();
		Payment payment = new Payment();
		results.open();
		try (PaymentReader reader = new PaymentReader(input, 0, 1)) {
			while (reader.next(payment)) {
				windows.computeIfAbsent(payment.getMinuteStart(),
							key -> new HashMap<>())
					.computeIfAbsent(payment.merchantId, key -> new Totals())
					.add(payment);
			}
			results.addReadings(reader.readings());
		}
		windows.forEach((start, merchants) -> merchants.forEach((merchant, totals) -> {
			Results.Row row = totals.row(start, merchant);
			results.addRow(row);
			if (withAlerts && row.count() >= Results.ALERT_COUNT)
				results.addAlert(row);
		}));
	}

	@Override
	public void close() {
	}
}
