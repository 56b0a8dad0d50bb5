package tocsin.peer;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Properties;
import java.util.stream.Stream;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.EmitStrategy;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.TimeWindowedKStream;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowStore;

/** Kafka Streams: event-time windows emitted when they close; no broker (see StreamThreadLoop). */
public final class KafkaPeer implements Peer {
	static final String TOPIC = "payments";

	/** Results leave once a second of the wall clock: windows must outlive a fast replay. */
	private static final Duration RETENTION = Duration.ofDays(1);

	public static void main(String[] args) {
		Harness.main(args, new KafkaPeer());
	}

	@Override
	public int maxThreads() {
		return 1;
	}

	/** Builds the topology once, to load its classes; each run has its own. */
	@Override
	public void start(int threads) throws Exception {
		Path state = Files.createTempDirectory("peer-kafka");
		driver(false, new Results(), state).close();
		removeState(state);
	}

	@Override
	public void run(String input, boolean withAlerts, Results results) throws Exception {
		Path state = Files.createTempDirectory("peer-kafka");
		try (TopologyTestDriver driver = driver(withAlerts, results, state)) {
			new StreamThreadLoop(driver).run(input, results);
		}
		removeState(state);
	}

	private static void removeState(Path state) throws IOException {
		List<Path> leafFirst;
		try (Stream<Path> files = Files.walk(state)) {
			leafFirst = files.sorted(Comparator.reverseOrder()).toList();
		}
		for (Path file : leafFirst)
			Files.delete(file);
	}

	private static TopologyTestDriver driver(boolean withAlerts, Results results, Path state) {
		Properties options = new Properties();
		options.put(StreamsConfig.APPLICATION_ID_CONFIG, "peer");
		options.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "none:9092");
		options.put(StreamsConfig.STATE_DIR_CONFIG, state.toString());
		return new TopologyTestDriver(topology(withAlerts, results), options);
	}

	private static Topology topology(boolean withAlerts, Results results) {
		StreamsBuilder builder = new StreamsBuilder();
		Serde<String> text = Serdes.String();
		PaymentSerde payments = new PaymentSerde();
		Duration size = Duration.ofMillis(Results.WINDOW_MS);
		TimeWindowedKStream<String, Payment> windows =
			builder.stream(TOPIC, Consumed.with(payments.keys(), payments.values())
				       .withTimestampExtractor(
					       (entry, before) -> ((Payment)entry.value()).time))
				.groupByKey(Grouped.with(text, payments.values()))
				.windowedBy(TimeWindows.ofSizeAndGrace(
					size, Duration.ofMillis(Results.LATENESS_MS)));
		Materialized<String, Totals, WindowStore<Bytes, byte[]>> store =
			Materialized.<String, Totals>as(
				Stores.inMemoryWindowStore("totals", RETENTION, size, false))
				.withKeySerde(text)
				.withValueSerde(new TotalsSerde())
				.withLoggingDisabled()
				.withCachingDisabled();
		KStream<Windowed<String>, Totals> closed =
			windows.emitStrategy(EmitStrategy.onWindowClose())
				.aggregate(Totals::new, KafkaPeer::add, store)
				.toStream();
		closed.foreach((key, totals) -> results.addRow(row(key, totals)));
		if (withAlerts)
			closed.filter((key, totals) -> totals.count >= Results.ALERT_COUNT)
				.foreach((key, totals) -> results.addAlert(row(key, totals)));
		return builder.build();
	}

	private static Totals add(String merchant, Payment payment, Totals totals) {
		totals.add(payment);
		return totals;
	}

	private static Results.Row row(Windowed<String> key, Totals totals) {
		return totals.row(key.window().start(), key.key());
	}

	@Override
	public void close() {
	}

	/** Key and value of a record come from the same line of JSON, parsed once: as if the
	 *  producer had set the key. Records are read key first. */
	private static final class PaymentSerde {
		private final PaymentParser parser = new PaymentParser();
		private Payment last;

		Serde<String> keys() {
			return Serdes.serdeFrom(Serdes.String().serializer(), (topic, line) -> {
				last = new Payment();
				parser.parse(line, last);
				return last.merchantId;
			});
		}

		Serde<Payment> values() {
			Serializer<Payment> none = (topic, payment) -> {
				throw new UnsupportedOperationException("readings are not written");
			};
			Deserializer<Payment> parsed = (topic, line) -> last;
			return Serdes.serdeFrom(none, parsed);
		}
	}

	private static final class TotalsSerde implements Serde<Totals> {
		@Override
		public Serializer<Totals> serializer() {
			return (topic, totals) -> ByteBuffer.allocate(24)
				.putLong(totals.count).putDouble(totals.sum).putDouble(totals.max)
				.array();
		}

		@Override
		public Deserializer<Totals> deserializer() {
			return (topic, bytes) -> {
				ByteBuffer buffer = ByteBuffer.wrap(bytes);
				Totals totals = new Totals();
				totals.count = buffer.getLong();
				totals.sum = buffer.getDouble();
				totals.max = buffer.getDouble();
				return totals;
			};
		}
	}
}
