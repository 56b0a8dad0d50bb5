package tocsin.peer;

import com.espertech.esper.common.client.EventSender;
import com.espertech.esper.common.client.configuration.Configuration;
import com.espertech.esper.runtime.client.EPEventService;

/** With a reader of our own: one JSON parser for a block of lines; events are beans. */
public final class EsperTuned extends EsperPeer {
	private EsperTuned() {
		super("");
	}

	public static void main(String[] args) {
		Harness.main(args, new EsperTuned());
	}

	@Override
	void configure(Configuration options) {
		options.getCommon().addEventType("Event", Payment.class);
	}

	@Override
	long send(EPEventService events, String input) throws Exception {
		EventSender sender = events.getEventSender("Event");
		try (PaymentReader reader = new PaymentReader(input, 0, 1)) {
			for (;;) {
				Payment payment = new Payment(); /* Esper keeps some */
				if (!reader.next(payment))
					return reader.readings();
				advanceTo(payment.time);
				sender.sendEvent(payment);
			}
		}
	}
}
