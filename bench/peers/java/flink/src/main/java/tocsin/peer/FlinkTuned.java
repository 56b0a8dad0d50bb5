package tocsin.peer;

import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** With a source of our own: one JSON parser for a block of lines, in the task's own thread. */
public final class FlinkTuned extends FlinkPeer {
	public static void main(String[] args) {
		Harness.main(args, new FlinkTuned());
	}

	@Override
	public int maxThreads() {
		return 2;
	}

	@Override
	DataStream<Payment> read(StreamExecutionEnvironment env, String input, int run) {
		return env.fromSource(new PaymentSource(input, run), eventTime(), "payments",
				      Types.POJO(Payment.class));
	}
}
