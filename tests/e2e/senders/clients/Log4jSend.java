import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import org.apache.logging.log4j.ThreadContext;

/** Log4jSend WORD: a program that logs, as `log4j2.configurationFile` says where. */
public class Log4jSend {
    public static void main(String[] given) {
        Logger logger = LogManager.getLogger("shop.Cart");
        ThreadContext.put("order", "o-7");
        for (int n = 0; n < 20; n++) {
            logger.warn("{} declined {} ün", given[0], n);
        }
        logger.error("{} failed", given[0], new IllegalStateException("no stock", new RuntimeException("timeout")));
        LogManager.shutdown();
    }
}
