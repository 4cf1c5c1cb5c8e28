import ch.qos.logback.classic.LoggerContext;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;

/** LogbackSend WORD: a program that logs, as `logback.configurationFile` says where. */
public class LogbackSend {
    public static void main(String[] given) throws InterruptedException {
        Logger logger = LoggerFactory.getLogger("shop.Cart");
        MDC.put("order", "o-7");
        for (int n = 0; n < 20; n++) {
            logger.warn("{} declined {} ün", given[0], n);
        }
        logger.error("{} failed", given[0], new IllegalStateException("no stock", new RuntimeException("timeout")));
        Thread.sleep(500); // appenders that connect by themselves have done so
        ((LoggerContext) LoggerFactory.getILoggerFactory()).stop();
    }
}
