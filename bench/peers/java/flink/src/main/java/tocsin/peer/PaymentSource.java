package tocsin.peer;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.api.connector.source.SourceSplit;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.core.io.InputStatus;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/** The file in equal parts, one for each subtask, read and parsed in the task's own thread.
 *
 *  Flink's file connector hands over a String per line from a thread of its own: dearer.
 */
final class PaymentSource implements Source<Payment, PaymentSource.Part, PaymentSource.Part> {
	private static final long serialVersionUID = 1;

	private final String input;
	private final int run;

	PaymentSource(String input, int run) {
		this.input = input;
		this.run = run;
	}

	record Part(int part, int parts) implements SourceSplit {
		@Override
		public String splitId() {
			return part + "/" + parts;
		}
	}

	@Override
	public Boundedness getBoundedness() {
		return Boundedness.BOUNDED;
	}

	@Override
	public SplitEnumerator<Part, Part> createEnumerator(SplitEnumeratorContext<Part> context) {
		return new Parts(context);
	}

	@Override
	public SplitEnumerator<Part, Part> restoreEnumerator(
		SplitEnumeratorContext<Part> context, Part checkpoint) {
		throw new UnsupportedOperationException("the job takes no checkpoints");
	}

	@Override
	public SimpleVersionedSerializer<Part> getSplitSerializer() {
		return new PartSerializer();
	}

	@Override
	public SimpleVersionedSerializer<Part> getEnumeratorCheckpointSerializer() {
		return new PartSerializer();
	}

	@Override
	public SourceReader<Payment, Part> createReader(SourceReaderContext context) {
		return new Reader(input, FlinkPeer.results(run));
	}

	private record Parts(SplitEnumeratorContext<Part> context)
		implements SplitEnumerator<Part, Part> {
		@Override
		public void start() {
		}

		@Override
		public void handleSplitRequest(int subtask, String host) {
		}

		@Override
		public void addSplitsBack(List<Part> splits, int subtask) {
		}

		@Override
		public void addReader(int subtask) {
			Part part = new Part(subtask, context.currentParallelism());
			context.assignSplit(part, subtask);
			context.signalNoMoreSplits(subtask);
		}

		@Override
		public Part snapshotState(long checkpoint) {
			throw new UnsupportedOperationException("the job takes no checkpoints");
		}

		@Override
		public void close() {
		}
	}

	private static final class Reader implements SourceReader<Payment, Part> {
		private final String input;
		private final Results results;
		private final Payment payment = new Payment();
		private final CompletableFuture<Void> assigned = new CompletableFuture<>();
		private final List<Part> parts = new ArrayList<>();
		private PaymentReader reader;

		Reader(String input, Results results) {
			this.input = input;
			this.results = results;
		}

		@Override
		public void start() {
		}

		@Override
		public void addSplits(List<Part> splits) {
			parts.addAll(splits);
		}

		@Override
		public void notifyNoMoreSplits() {
			assigned.complete(null);
		}

		@Override
		public CompletableFuture<Void> isAvailable() {
			return assigned;
		}

		@Override
		public InputStatus pollNext(ReaderOutput<Payment> out) throws IOException {
			if (!assigned.isDone())
				return InputStatus.NOTHING_AVAILABLE;
			if (reader == null) {
				results.open();
				Part part = parts.get(0);
				reader = new PaymentReader(input, part.part(), part.parts());
			}
			if (!reader.next(payment)) {
				results.addReadings(reader.readings());
				return InputStatus.END_OF_INPUT;
			}
			out.collect(payment);
			return InputStatus.MORE_AVAILABLE;
		}

		@Override
		public List<Part> snapshotState(long checkpoint) {
			return parts;
		}

		@Override
		public void close() throws IOException {
			if (reader != null)
				reader.close();
		}
	}

	private static final class PartSerializer implements SimpleVersionedSerializer<Part> {
		@Override
		public int getVersion() {
			return 1;
		}

		@Override
		public byte[] serialize(Part part) {
			ByteBuffer buffer = ByteBuffer.allocate(8);
			return buffer.putInt(part.part()).putInt(part.parts()).array();
		}

		@Override
		public Part deserialize(int version, byte[] bytes) {
			ByteBuffer buffer = ByteBuffer.wrap(bytes);
			return new Part(buffer.getInt(), buffer.getInt());
		}
	}
}
