package tocsin.peer;

import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.processor.internals.StreamTask;

/** Feeds the driver's task as Kafka's own stream thread does: a poll's worth, then process.
 *
 *  TopologyTestDriver itself commits and writes a checkpoint after every record, which no
 *  deployment does; through its public side a reading costs many times as much (README.md).
 */
final class StreamThreadLoop {
	private static final int POLL_RECORDS = 500; /* max.poll.records by default */
	private static final TopicPartition PARTITION = new TopicPartition(KafkaPeer.TOPIC, 0);

	private final StreamTask task;
	private final List<ConsumerRecord<byte[], byte[]>> polled = new ArrayList<>(POLL_RECORDS);
	private long offset;

	StreamThreadLoop(TopologyTestDriver driver) throws ReflectiveOperationException {
		Field field = TopologyTestDriver.class.getDeclaredField("task");
		field.setAccessible(true);
		task = (StreamTask)field.get(driver);
	}

	void run(String input, Results results) throws Exception {
		byte[] line = null;
		results.open();
		try (LineReader lines = new LineReader(input)) {
			while (lines.next()) {
				line = Arrays.copyOfRange(lines.buffer(), lines.offset(),
							  lines.offset() + lines.length());
				add(line);
				if (polled.size() == POLL_RECORDS)
					process(System.currentTimeMillis());
			}
		}
		process(System.currentTimeMillis());
		results.addReadings(offset);
		if (line != null)
			closeWindows(line);
	}

	private void add(byte[] line) {
		polled.add(new ConsumerRecord<>(PARTITION.topic(), PARTITION.partition(), offset, 0,
						TimestampType.CREATE_TIME, line.length,
						line.length, line, line, new RecordHeaders(),
						Optional.empty()));
		offset++;
	}

	private void process(long nowMs) {
		task.addRecords(PARTITION, polled);
		polled.clear();
		while (task.process(nowMs))
			continue;
		task.maybePunctuateStreamTime();
	}

	/** A reading behind the last window moves stream time; its own window never closes. The
	 *  clock is put forward, as results leave only once a second. */
	private void closeWindows(byte[] lastLine) throws Exception {
		Payment last = new Payment();
		new PaymentParser().parse(lastLine, last);
		Instant behind = Instant.ofEpochMilli(
			last.time + 2 * (Results.WINDOW_MS + Results.LATENESS_MS));
		String line = "{\"time\":\"" + behind
			      + "\",\"merchantId\":\"\",\"amount\":0,\"cost_time\":0}";
		add(line.getBytes(StandardCharsets.UTF_8));
		process(System.currentTimeMillis() + 10_000);
	}
}
