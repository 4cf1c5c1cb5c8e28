import java.util.Map;
import org.komamitsu.fluency.EventTime;
import org.komamitsu.fluency.Fluency;
import org.komamitsu.fluency.fluentd.FluencyBuilderForFluentd;

/** FluencySend PORT WORD: events in buffered chunks, acknowledged. */
public class FluencySend {
    public static void main(String[] given) throws Exception {
        FluencyBuilderForFluentd builder = new FluencyBuilderForFluentd();
        builder.setAckResponseMode(true);
        try (Fluency fluency = builder.build("127.0.0.1", Integer.parseInt(given[0]))) {
            for (int n = 0; n < 20; n++) {
                fluency.emit("java.cart", EventTime.fromEpoch(1795600000L, n), Map.<String, Object>of(
                    "message", given[1] + " order " + n, "level", "warn", "n", n));
            }
        }
    }
}
