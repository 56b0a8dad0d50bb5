package tocsin.peer;

import com.espertech.esper.common.client.EPCompiled;
import com.espertech.esper.common.client.EventBean;
import com.espertech.esper.common.client.configuration.Configuration;
import com.espertech.esper.compiler.client.CompilerArguments;
import com.espertech.esper.compiler.client.EPCompilerProvider;
import com.espertech.esper.runtime.client.EPDeployment;
import com.espertech.esper.runtime.client.EPEventService;
import com.espertech.esper.runtime.client.EPRuntime;
import com.espertech.esper.runtime.client.EPRuntimeProvider;
import com.espertech.esper.runtime.client.EPStatement;
import com.espertech.esper.runtime.client.UpdateListener;
import java.util.function.Consumer;

/** Esper: EPL under an external clock that follows the events' own time.
 *
 *  How the file becomes events is the subclass's; the statements over them are the same.
 */
abstract class EsperPeer implements Peer {
	/* Each minute is a context partition, so that a late reading still finds its own. It ends
	 * 65 s after its first reading: never before the minute's end and the 5 s of lateness. */
	private static final String ROWS =
		"create context PerMinute partition by minuteStart from Event"
		+ " terminated after 65 sec;\n"
		+ "@name('rows') context PerMinute insert into Closed"
		+ " select context.key1 as minuteStart, merchantId, count(*) as n,"
		+ " sum(amount) as total, max(costTime) as slowest from Event"
		+ " group by merchantId output last when terminated;\n";
	private static final String ALERTS =
		"@name('alerts') select * from Closed(n >= " + Results.ALERT_COUNT + ");\n";
	/** Moved once a second of event time: moving it with each reading costs more. */
	private static final long CLOCK_STEP_MS = 1000;

	private final String schema;
	private EPRuntime runtime;
	private EPEventService events;
	private long clock;
	private EPCompiled rowsOnly;
	private EPCompiled rowsAndAlerts;

	/** `schema`: EPL in front of the statements, which read from Event. */
	EsperPeer(String schema) {
		this.schema = schema;
	}

	/** Event types that `schema` does not declare. */
	void configure(Configuration options) {
	}

	/** Sends all of the file, after advanceTo its time each; returns the number of readings. */
	abstract long send(EPEventService events, String input) throws Exception;

	final void advanceTo(long timeMs) {
		if (timeMs < clock + CLOCK_STEP_MS)
			return;
		clock = timeMs / CLOCK_STEP_MS * CLOCK_STEP_MS;
		events.advanceTime(clock);
	}

	@Override
	public int maxThreads() {
		return 1;
	}

	/** One thread calls: no inbound or outbound threads, no timer thread, no locks. */
	@Override
	public void start(int threads) throws Exception {
		Configuration options = new Configuration();
		configure(options);
		options.getRuntime().getThreading().setInternalTimerEnabled(false);
		options.getRuntime().getThreading().setListenerDispatchPreserveOrder(false);
		options.getRuntime().getExecution().setDisableLocking(true);
		runtime = EPRuntimeProvider.getRuntime("peer", options);
		CompilerArguments arguments = new CompilerArguments(options);
		rowsOnly = EPCompilerProvider.getCompiler().compile(schema + ROWS, arguments);
		rowsAndAlerts =
			EPCompilerProvider.getCompiler().compile(schema + ROWS + ALERTS, arguments);
	}

	@Override
	public void run(String input, boolean withAlerts, Results results) throws Exception {
		EPDeployment deployment = runtime.getDeploymentService().deploy(
			withAlerts ? rowsAndAlerts : rowsOnly);
		for (EPStatement statement : deployment.getStatements()) {
			if (statement.getName().equals("rows"))
				statement.addListener(to(results::addRow));
			if (statement.getName().equals("alerts"))
				statement.addListener(to(results::addAlert));
		}
		events = runtime.getEventService();
		clock = 0;
		results.open();
		results.addReadings(send(events, input));
		events.advanceTime(clock + 2 * Results.WINDOW_MS);
		runtime.getDeploymentService().undeployAll();
		/* The clock never goes back: the next run begins with a runtime as new. */
		runtime.initialize();
	}

	private static UpdateListener to(Consumer<Results.Row> add) {
		return (closed, removed, statement, source) -> {
			for (EventBean row : closed)
				add.accept(new Results.Row((Long)row.get("minuteStart"),
							   (String)row.get("merchantId"),
							   (Long)row.get("n"),
							   (Double)row.get("total"),
							   (Double)row.get("slowest")));
		};
	}

	@Override
	public void close() {
		runtime.destroy();
	}
}
