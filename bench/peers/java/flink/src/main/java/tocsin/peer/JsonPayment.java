package tocsin.peer;

import java.time.Instant;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.annotation.JsonProperty;

/** What Jackson, the one inside Flink, has to know to make a Payment of a line. */
@JsonIgnoreProperties(ignoreUnknown = true)
public final class JsonPayment extends Payment {
	@JsonProperty("time")
	public void setTime(Instant instant) {
		time = instant.toEpochMilli();
	}

	@JsonProperty("cost_time")
	public void setCostTime(double value) {
		costTime = value;
	}
}
