package tocsin.peer;

import java.io.Closeable;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.util.Arrays;

/** A part of a file as blocks of whole lines.
 *
 *  A line belongs to the part its first byte is in, so parts of one file share no line: a part
 *  begins and ends behind the first newline at or after the byte before its nominal border.
 */
final class BlockReader implements Closeable {
	private static final int BLOCK_BYTES = 256 << 10;

	private final RandomAccessFile file;
	private final long border; /* where the next part begins, nominally */
	private byte[] block = new byte[BLOCK_BYTES];
	private int begin;    /* of the lines handed out */
	private int end;      /* of the lines handed out */
	private int filled;   /* of the bytes read */
	private long blockAt; /* position in the file of block[0] */
	private boolean isLast;

	BlockReader(String path, int part, int parts) throws IOException {
		file = new RandomAccessFile(path, "r");
		long length = file.length();
		long first = length * part / parts;
		border = length * (part + 1) / parts;
		blockAt = Math.max(0, first - 1);
		file.seek(blockAt);
		if (first > 0)
			skipLine();
	}

	byte[] buffer() {
		return block;
	}

	int begin() {
		return begin;
	}

	int end() {
		return end;
	}

	/** The next block; false at the end of the part. */
	boolean next() throws IOException {
		if (isLast)
			return false;
		keepRest();
		if (blockAt >= border)
			return false;
		for (;;) {
			boolean isAtEnd = !fill();
			end = lastLineEnd();
			if (isAtEnd) {
				isLast = true;
				end = filled;
			}
			if (blockAt + filled >= border)
				cutAtBorder();
			if (isLast || end > 0)
				return end > 0;
		}
	}

	/** Bytes behind the lines handed out move to the front. */
	private void keepRest() {
		System.arraycopy(block, end, block, 0, filled - end);
		blockAt += end;
		filled -= end;
		begin = 0;
		end = 0;
	}

	/** False at the end of the file. */
	private boolean fill() throws IOException {
		if (filled == block.length)
			block = Arrays.copyOf(block, 2 * block.length);
		int got = file.read(block, filled, block.length - filled);
		filled += Math.max(got, 0);
		return got >= 0;
	}

	private int lastLineEnd() {
		int at = filled;
		while (at > 0 && block[at - 1] != '\n')
			at--;
		return at;
	}

	/** The part ends behind the first newline at or after border - 1, if it is here already. */
	private void cutAtBorder() {
		for (int at = (int)Math.max(0, border - 1 - blockAt); at < filled; at++) {
			if (block[at] == '\n') {
				end = at + 1;
				isLast = true;
				return;
			}
		}
	}

	private void skipLine() throws IOException {
		for (;;) {
			boolean isAtEnd = !fill();
			for (int at = 0; at < filled; at++) {
				if (block[at] == '\n') {
					end = at + 1;
					return;
				}
			}
			if (isAtEnd) {
				isLast = true;
				return;
			}
		}
	}

	@Override
	public void close() throws IOException {
		file.close();
	}
}
