import co.elastic.clients.elasticsearch.ElasticsearchClient;
import co.elastic.clients.elasticsearch._helpers.bulk.BulkIngester;
import co.elastic.clients.elasticsearch.core.SearchResponse;
import java.util.Map;

/** ElasticsearchSend URL WORD: documents by the client's bulk helper, one by itself, and a search. */
public class ElasticsearchSend {
    public static void main(String[] given) throws Exception {
        try (ElasticsearchClient client = ElasticsearchClient.of(b -> b.host(given[0]))) {
            System.out.println(client.info().tagline());
            try (BulkIngester<Void> bulk = BulkIngester.of(b -> b.client(client).maxOperations(100))) {
                for (int n = 0; n < 500; n++) {
                    Map<String, Object> document = Map.of(
                        "@timestamp", String.format("2026-11-22T10:00:00.%03dZ", n), "message", given[1] + " order " + n,
                        "level", "warn", "n", n);
                    bulk.add(op -> op.create(c -> c.index("logs-java-default").document(document)));
                }
            }
            Map<String, Object> single = Map.of("message", given[1] + " by itself", "level", "error");
            System.out.println(client.index(i -> i.index("single").document(single)).result());
            long total = 0;
            for (int attempt = 0; attempt < 200 && total < 500; attempt++) {
                SearchResponse<Map> found = client.search(
                    s -> s.index("logs-java-default").query(q -> q.match(m -> m.field("message").query(given[1]))),
                    Map.class);
                total = found.hits().total().value();
                Thread.sleep(50);
            }
            System.out.println(total);
        }
    }
}
