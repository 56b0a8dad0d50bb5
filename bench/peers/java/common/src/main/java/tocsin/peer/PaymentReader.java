package tocsin.peer;

import com.fasterxml.jackson.core.JsonParser;
import java.io.Closeable;
import java.io.IOException;

/** The readings of a part of a file.
 *
 *  One Jackson parser for a block of many lines: half the cost of one parser a line. So it takes
 *  JSON values one after another, and a malformed line fails the run.
 */
public final class PaymentReader implements Closeable {
	private final BlockReader blocks;
	private final PaymentParser parser = new PaymentParser();
	private JsonParser json;
	private long readings;

	public PaymentReader(String path, int part, int parts) throws IOException {
		blocks = new BlockReader(path, part, parts);
	}

	public long readings() {
		return readings;
	}

	/** False at the end of the part. */
	public boolean next(Payment into) throws IOException {
		while (json == null || !parser.read(json, into)) {
			if (!blocks.next())
				return false;
			json = parser.open(blocks.buffer(), blocks.begin(),
					   blocks.end() - blocks.begin());
		}
		readings++;
		return true;
	}

	@Override
	public void close() throws IOException {
		blocks.close();
	}
}
