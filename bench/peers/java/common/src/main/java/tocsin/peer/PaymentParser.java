package tocsin.peer;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.LocalDate;

/** JSON into a Payment by Jackson's streaming parser; the order of fields does not matter. */
public final class PaymentParser {
	private static final int INTERNED_MAX = 1 << 14;

	private final JsonFactory factory =
		JsonFactory.builder().enable(StreamReadFeature.USE_FAST_DOUBLE_PARSER).build();
	/** Texts seen, by hash: a known merchant costs no new String and no new hash. */
	private final String[] interned = new String[INTERNED_MAX];
	private int day;
	private long dayMs;

	JsonParser open(byte[] bytes, int offset, int length) throws IOException {
		return factory.createParser(bytes, offset, length);
	}

	/** The next object of `json`; false when there is none. Throws when one of the four fields
	 *  is missing or the text is not JSON. */
	boolean read(JsonParser json, Payment into) throws IOException {
		JsonToken token = json.nextToken();
		if (token == null)
			return false;
		if (token != JsonToken.START_OBJECT)
			throw new IOException("not a JSON object");
		readFields(json, into);
		return true;
	}

	/** A line on its own. */
	public void parse(byte[] line, Payment into) {
		try (JsonParser json = open(line, 0, line.length)) {
			if (!read(json, into) || json.nextToken() != null)
				throw new IOException("not one JSON object");
		} catch (IOException fault) {
			throw new UncheckedIOException(fault);
		}
	}

	private void readFields(JsonParser json, Payment into) throws IOException {
		int found = 0;
		String name;
		while ((name = json.nextFieldName()) != null) {
			JsonToken value = json.nextToken();
			switch (name) {
			case "time":
				into.time = parseTime(json);
				found |= 1;
				break;
			case "merchantId":
				into.merchantId = intern(json.getTextCharacters(),
							 json.getTextOffset(),
							 json.getTextLength());
				found |= 2;
				break;
			case "amount":
				into.amount = json.getDoubleValue();
				found |= 4;
				break;
			case "cost_time":
				into.costTime = json.getDoubleValue();
				found |= 8;
				break;
			default:
				if (value.isStructStart())
					json.skipChildren();
			}
		}
		if (found != 15)
			throw new IOException("a field is missing");
	}

	private String intern(char[] text, int offset, int length) {
		int hash = 0;
		for (int i = offset; i < offset + length; i++)
			hash = 31 * hash + text[i];
		int slot = (hash ^ hash >>> 15) & (INTERNED_MAX - 1);
		String known = interned[slot];
		if (known != null && isSame(known, text, offset, length))
			return known;
		known = new String(text, offset, length);
		interned[slot] = known;
		return known;
	}

	private static boolean isSame(String known, char[] text, int offset, int length) {
		if (known.length() != length)
			return false;
		for (int i = 0; i < length; i++)
			if (known.charAt(i) != text[offset + i])
				return false;
		return true;
	}

	/** "2026-11-22T06:00:00.000Z", with or without the fraction: milliseconds since 1970. */
	private long parseTime(JsonParser json) throws IOException {
		char[] text = json.getTextCharacters();
		int at = json.getTextOffset();
		int length = json.getTextLength();
		if (length < 20 || text[at + 10] != 'T' || text[at + length - 1] != 'Z')
			throw new IOException("not a time in UTC: " + new String(text, at, length));
		int year = digits(text, at, 4);
		int month = digits(text, at + 5, 2);
		int dayOfMonth = digits(text, at + 8, 2);
		int wanted = year << 9 | month << 5 | dayOfMonth;
		if (wanted != day) {
			dayMs = LocalDate.of(year, month, dayOfMonth).toEpochDay() * 86_400_000L;
			day = wanted;
		}
		int seconds = digits(text, at + 11, 2) * 3600 + digits(text, at + 14, 2) * 60
			      + digits(text, at + 17, 2);
		int ms = length >= 24 && text[at + 19] == '.' ? digits(text, at + 20, 3) : 0;
		return dayMs + seconds * 1000L + ms;
	}

	private static int digits(char[] text, int at, int count) throws IOException {
		int number = 0;
		for (int i = at; i < at + count; i++) {
			int digit = text[i] - '0';
			if (digit < 0 || digit > 9)
				throw new IOException("not a digit in a time: " + text[i]);
			number = number * 10 + digit;
		}
		return number;
	}
}
