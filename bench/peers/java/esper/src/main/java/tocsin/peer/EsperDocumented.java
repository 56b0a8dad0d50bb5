package tocsin.peer;

import com.espertech.esper.common.client.json.util.EventSenderJson;
import com.espertech.esper.runtime.client.EPEventService;
import java.io.BufferedReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.OffsetDateTime;
import java.util.Map;

/** With Esper's own JSON events, as appendix G of its reference has them: `create json schema`, of
 *  which the compiler makes a parser, and sendEventJson
 *  (esper.espertech.com/release-8.5.0/reference-esper/html/appendix_eventrepjson.html).
 *
 *  sendEventJson is called in its two halves, parse and sendEvent of EventSenderJson, because
 *  the clock moves between them.
 */
public final class EsperDocumented extends EsperPeer {
	/* A context is keyed by properties, not by expressions: hence the second stream. */
	private static final String SCHEMA =
		"@public @buseventtype create json schema Line(time java.time.OffsetDateTime,"
		+ " merchantId string, amount double, cost_time double);\n"
		+ "insert into Event select merchantId, amount, cost_time as costTime,"
		+ " (time.toEpochSecond() - time.getSecond()) * 1000L as minuteStart from Line;\n";

	private EsperDocumented() {
		super(SCHEMA);
	}

	public static void main(String[] args) {
		Harness.main(args, new EsperDocumented());
	}

	@Override
	long send(EPEventService events, String input) throws Exception {
		EventSenderJson sender = (EventSenderJson)events.getEventSender("Line");
		long readings = 0;
		try (BufferedReader lines = Files.newBufferedReader(Path.of(input))) {
			String line;
			while ((line = lines.readLine()) != null) {
				Map<?, ?> event = (Map<?, ?>)sender.parse(line);
				OffsetDateTime time = (OffsetDateTime)event.get("time");
				advanceTo(time.toInstant().toEpochMilli());
				sender.sendEvent(event);
				readings++;
			}
		}
		return readings;
	}
}
