package tocsin.peer;

/** An engine under measurement. It stays up between runs; each run is a job of its own. */
public interface Peer extends AutoCloseable {
	/** How many threads the job can use at most. */
	int maxThreads();

	void start(int threads) throws Exception;

	/** Reads all of `input` and returns when every window is closed. */
	void run(String input, boolean withAlerts, Results results) throws Exception;

	@Override
	void close() throws Exception;
}
