package tocsin.peer;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.api.java.functions.KeySelector;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.DataStreamUtils;
import org.apache.flink.streaming.api.datastream.KeyedStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;

/** Apache Flink: event-time tumbling windows with watermarks on a local cluster in this JVM.
 *
 *  How the file becomes payments is the subclass's; all behind it is the same.
 */
abstract class FlinkPeer implements Peer {
	/** Results of the runs under way: operators, being serialized, carry only the number. */
	private static final Map<Integer, Results> RUNS = new ConcurrentHashMap<>();

	private MiniCluster cluster;
	private int threads;
	private int runs;

	/** Payments with their timestamps; opening the file and the number of readings are told to
	 *  `results(run)`. */
	abstract DataStream<Payment> read(StreamExecutionEnvironment env, String input, int run);

	static WatermarkStrategy<Payment> eventTime() {
		return WatermarkStrategy
			.<Payment>forBoundedOutOfOrderness(Duration.ofMillis(Results.LATENESS_MS))
			.withTimestampAssigner((payment, before) -> payment.time);
	}

	static Results results(int run) {
		return RUNS.get(run);
	}

	@Override
	public void start(int threads) throws Exception {
		this.threads = threads;
		Configuration options = new Configuration();
		options.set(RestOptions.BIND_PORT, "0");
		cluster = new MiniCluster(new MiniClusterConfiguration.Builder()
						  .setConfiguration(options)
						  .setNumTaskManagers(1)
						  .setNumSlotsPerTaskManager(threads)
						  .build());
		cluster.start();
	}

	@Override
	public void run(String input, boolean withAlerts, Results results) throws Exception {
		int run = runs++;
		RUNS.put(run, results);
		StreamExecutionEnvironment env =
			StreamExecutionEnvironment.getExecutionEnvironment();
		env.setParallelism(threads);
		env.getConfig().enableObjectReuse();
		env.setBufferTimeout(-1); /* between two threads: only full buffers */
		DataStream<Results.Row> rows =
			byMerchant(read(env, input, run))
				.window(TumblingEventTimeWindows.of(
					Duration.ofMillis(Results.WINDOW_MS)))
				.aggregate(new Adding(), new Closing(),
					   Types.POJO(Totals.class), Types.POJO(Totals.class),
					   Types.GENERIC(Results.Row.class));
		rows.sinkTo(new Collecting(run, false));
		if (withAlerts)
			rows.filter(row -> row.count() >= Results.ALERT_COUNT)
				.sinkTo(new Collecting(run, true));
		cluster.executeJobBlocking(env.getStreamGraph().getJobGraph());
		RUNS.remove(run);
	}

	/** With one thread all keys are in one place: the window is chained to the source. */
	private KeyedStream<Payment, String> byMerchant(DataStream<Payment> payments) {
		KeySelector<Payment, String> merchant = payment -> payment.merchantId;
		if (threads == 1)
			return DataStreamUtils.reinterpretAsKeyedStream(payments, merchant,
									Types.STRING);
		return payments.keyBy(merchant, Types.STRING);
	}

	@Override
	public void close() throws Exception {
		cluster.close();
	}

	private static final class Adding implements AggregateFunction<Payment, Totals, Totals> {
		@Override
		public Totals createAccumulator() {
			return new Totals();
		}

		@Override
		public Totals add(Payment payment, Totals totals) {
			totals.add(payment);
			return totals;
		}

		@Override
		public Totals getResult(Totals totals) {
			return totals;
		}

		@Override
		public Totals merge(Totals one, Totals other) {
			one.add(other);
			return one;
		}
	}

	private static final class Closing
		extends ProcessWindowFunction<Totals, Results.Row, String, TimeWindow> {
		@Override
		public void process(String merchant, Context context, Iterable<Totals> totals,
				    Collector<Results.Row> out) {
			long start = context.window().getStart();
			out.collect(totals.iterator().next().row(start, merchant));
		}
	}

	private record Collecting(int run, boolean isAlert) implements Sink<Results.Row> {
		@Override
		public SinkWriter<Results.Row> createWriter(WriterInitContext context) {
			return new Writer(results(run), isAlert);
		}
	}

	private record Writer(Results results, boolean isAlert) implements SinkWriter<Results.Row> {
		@Override
		public void write(Results.Row row, Context context) {
			if (isAlert)
				results.addAlert(row);
			else
				results.addRow(row);
		}

		@Override
		public void flush(boolean isLast) {
		}

		@Override
		public void close() {
		}
	}
}
