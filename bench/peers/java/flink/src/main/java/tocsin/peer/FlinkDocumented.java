package tocsin.peer;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.api.common.serialization.RuntimeContextInitializationContextAdapters;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.file.src.FileSource;
import org.apache.flink.connector.file.src.reader.TextLineInputFormat;
import org.apache.flink.core.fs.FSDataInputStream;
import org.apache.flink.core.fs.Path;
import org.apache.flink.formats.json.JsonDeserializationSchema;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** With Flink's own connector and format, as its documentation has them (docs/content of
 *  apache/flink, published at nightlies.apache.org/flink/flink-docs-release-2.2):
 *
 *  docs/connectors/datastream/formats/text_files: FileSource with TextLineInputFormat;
 *  docs/connectors/datastream/formats/json: JsonDeserializationSchema with a POJO;
 *  docs/dev/datastream/event-time/generating_watermarks: a strategy behind the operator that
 *  first knows the time.
 *
 *  FileSource takes no DeserializationSchema: hence the map between the two.
 */
public final class FlinkDocumented extends FlinkPeer {
	public static void main(String[] args) {
		Harness.main(args, new FlinkDocumented());
	}

	/** A file of text is one split: a second thread would have nothing to read. */
	@Override
	public int maxThreads() {
		return 1;
	}

	@Override
	DataStream<Payment> read(StreamExecutionEnvironment env, String input, int run) {
		FileSource<String> source =
			FileSource.forRecordStreamFormat(new Lines(run), new Path(input)).build();
		return env.fromSource(source, WatermarkStrategy.noWatermarks(), "lines")
			.map(new Parsing(run))
			.returns(Types.POJO(Payment.class))
			.assignTimestampsAndWatermarks(eventTime());
	}

	/** The format itself; only the moment of opening is noted. */
	private static final class Lines extends TextLineInputFormat {
		private static final long serialVersionUID = 1;

		private final int run;

		Lines(int run) {
			this.run = run;
		}

		@Override
		public Reader createReader(Configuration options, FSDataInputStream stream)
			throws IOException {
			results(run).open();
			return super.createReader(options, stream);
		}
	}

	private static final class Parsing extends RichMapFunction<String, Payment> {
		private static final long serialVersionUID = 1;

		private final JsonDeserializationSchema<JsonPayment> json =
			new JsonDeserializationSchema<>(JsonPayment.class);
		private final int run;
		private long readings;

		Parsing(int run) {
			this.run = run;
		}

		@Override
		public void open(OpenContext context) throws Exception {
			json.open(RuntimeContextInitializationContextAdapters
					  .deserializationAdapter(getRuntimeContext()));
		}

		@Override
		public Payment map(String line) throws IOException {
			readings++;
			return json.deserialize(line.getBytes(StandardCharsets.UTF_8));
		}

		@Override
		public void close() {
			results(run).addReadings(readings);
		}
	}
}
