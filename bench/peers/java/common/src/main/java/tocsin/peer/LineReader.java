package tocsin.peer;

import java.io.Closeable;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.util.Arrays;

/** The lines of a part of a file, each as a slice of one large buffer.
 *
 *  A line belongs to the part its first byte is in, so parts of one file share no line.
 */
public final class LineReader implements Closeable {
	private static final int BLOCK_BYTES = 1 << 20;

	private final RandomAccessFile file;
	private byte[] block = new byte[BLOCK_BYTES];
	private int begin;
	private int end;
	private long beginAt; /* position in the file of block[begin] */
	private final long partEnd;
	private boolean isAtEnd;
	private int lineOffset;
	private int lineLength;

	public LineReader(String path, int part, int parts) throws IOException {
		file = new RandomAccessFile(path, "r");
		long length = file.length();
		long partBegin = length * part / parts;
		partEnd = length * (part + 1) / parts;
		beginAt = Math.max(0, partBegin - 1);
		file.seek(beginAt);
		/* From the byte before: a line that ends there leaves the next one ours. */
		if (partBegin > 0)
			next();
	}

	public byte[] buffer() {
		return block;
	}

	public int offset() {
		return lineOffset;
	}

	public int length() {
		return lineLength;
	}

	/** The next line that is not empty; false at the end of the part. */
	public boolean next() throws IOException {
		do {
			if (beginAt >= partEnd)
				return false;
			int newline = find(begin);
			while (newline < 0 && !isAtEnd) {
				int searched = end - begin;
				fill();
				newline = find(begin + searched);
			}
			if (newline < 0 && begin == end)
				return false;
			int stop = newline < 0 ? end : newline;
			lineOffset = begin;
			lineLength = stop - begin;
			int taken = lineLength + (newline < 0 ? 0 : 1);
			begin += taken;
			beginAt += taken;
		} while (lineLength == 0);
		return true;
	}

	private int find(int from) {
		for (int i = from; i < end; i++)
			if (block[i] == '\n')
				return i;
		return -1;
	}

	/** Moves what is left to the front and reads behind it. */
	private void fill() throws IOException {
		int left = end - begin;
		if (left > block.length / 2)
			block = Arrays.copyOfRange(block, begin, begin + 2 * block.length);
		else
			System.arraycopy(block, begin, block, 0, left);
		begin = 0;
		end = left;
		int got = file.read(block, end, block.length - end);
		if (got < 0)
			isAtEnd = true;
		else
			end += got;
	}

	@Override
	public void close() throws IOException {
		file.close();
	}
}
