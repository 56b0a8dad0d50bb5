package tocsin.peer;

import com.espertech.esper.common.client.EPCompiled;
import com.espertech.esper.common.client.EventBean;
import com.espertech.esper.common.client.EventSender;
import com.espertech.esper.common.client.configuration.Configuration;
import com.espertech.esper.compiler.client.CompilerArguments;
import com.espertech.esper.compiler.client.EPCompilerProvider;
import com.espertech.esper.runtime.client.EPDeployment;
import com.espertech.esper.runtime.client.EPEventService;
import com.espertech.esper.runtime.client.EPRuntime;
import com.espertech.esper.runtime.client.EPRuntimeProvider;
import com.espertech.esper.runtime.client.EPStatement;

/** Esper: EPL under an external clock that follows the events' own time. */
public final class EsperPeer implements Peer {
	/* A context of one minute each, so that late readings still find theirs: first reading
	 * + 60 s + lateness is never before the minute's end + lateness. */
	private static final String EPL =
		"create context Minute partition by minute from Payment terminated after 65 sec;\n"
		+ "@name('rows') context Minute select minute, merchantId, count(*) as n,"
		+ " sum(amount) as total, max(costTime) as slowest from Payment"
		+ " group by merchantId output last when terminated;\n";

	private EPRuntime runtime;
	private Configuration configuration;

	public static void main(String[] args) {
		Harness.main(args, new EsperPeer());
	}
	@Override
	public int maxThreads() {
		return 1;
	}

	@Override
	public void start(int threads) throws Exception {
	}

	@Override
	public void run(String input, boolean withAlerts, Results results) throws Exception {
	}

	@Override
	public void close() {
		runtime.destroy();
	}
}
