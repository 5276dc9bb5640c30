package orders;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Fills topics at a rate that is set at run time, and tells what an exporter of Kafka tells.
 *
 * <p>{@code Feed BROKER HOST:PORT FOLDER}. {@code POST /rate/TOPIC/RECORDS_PER_SECOND} makes the topic with 8 partitions where
 * it is not there; {@code FOLDER/TOPIC.fed} then gets a line of `milliseconds since 1970, records since the start, records per
 * second` five times a second. {@code GET /metrics}: end offsets, committed offsets and lag under kafka_exporter's names, asked
 * at the scrape.
 */
public final class Feed {
    private static final int PARTITIONS = 8;
    /** With its key of 3 bytes a record has 1003. */
    private static final byte[] VALUE = new byte[1000];

    private final Path folder;
    private final Admin admin;
    private final KafkaProducer<byte[], byte[]> producer;
    private final Map<String, Flow> flows = new ConcurrentHashMap<>();

    private Feed(String broker, Path folder) {
        this.folder = folder;
        admin = Admin.create(Map.of("bootstrap.servers", broker));
        Map<String, Object> settings = new HashMap<>();
        settings.put("bootstrap.servers", broker);
        settings.put("key.serializer", ByteArraySerializer.class);
        settings.put("value.serializer", ByteArraySerializer.class);
        settings.put("linger.ms", 5);
        producer = new KafkaProducer<>(settings);
    }

    public static void main(String[] arguments) throws IOException {
        String[] listen = arguments[1].split(":");
        Feed feed = new Feed(arguments[0], Path.of(arguments[2]));
        HttpServer server = HttpServer.create(new InetSocketAddress(listen[0], Integer.parseInt(listen[1])), 16);
        server.createContext("/rate/", feed::setRate);
        server.createContext("/metrics", feed::tell);
        server.start();
        System.out.println("feeding");
    }

    /** One topic: its producing thread holds the rate on average, whatever the machine does to its sleep. */
    private final class Flow implements Runnable {
        private static final long LINE_MILLIS = 200;

        private final String topic;
        private final PrintWriter lines;
        private volatile double rate;
        private long produced;
        private long lineAt;

        Flow(String topic) throws IOException {
            this.topic = topic;
            lines = new PrintWriter(Files.newBufferedWriter(folder.resolve(topic + ".fed")));
        }

        private void write() {
            long now = System.currentTimeMillis();
            if (now >= lineAt) {
                lines.println(now + " " + produced + " " + rate);
                lines.flush();
                lineAt = now + LINE_MILLIS;
            }
        }

        @Override
        public void run() {
            double due = 0;
            long before = System.nanoTime();
            while (true) {
                LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
                long now = System.nanoTime();
                due += rate * (now - before) / 1e9;
                before = now;
                for (; due >= 1; due -= 1) {
                    int partition = (int) (produced % PARTITIONS);
                    producer.send(new ProducerRecord<>(topic, partition, new byte[3], VALUE));
                    produced += 1;
                }
                write();
            }
        }
    }

    private void setRate(HttpExchange exchange) throws IOException {
        try {
            String[] path = exchange.getRequestURI().getPath().split("/");
            flow(path[2]).rate = Double.parseDouble(path[3]);
            answer(exchange, 200, "set\n");
        } catch (RuntimeException | ExecutionException | InterruptedException | IOException error) {
            answer(exchange, 500, error + "\n");
        }
    }

    private synchronized Flow flow(String topic) throws ExecutionException, InterruptedException, IOException {
        Flow known = flows.get(topic);
        if (known != null) {
            return known;
        }
        try {
            admin.createTopics(List.of(new NewTopic(topic, PARTITIONS, (short) 1))).all().get();
        } catch (ExecutionException error) {
            if (!(error.getCause() instanceof TopicExistsException)) {
                throw error;
            }
        }
        Flow flow = new Flow(topic);
        flows.put(topic, flow);
        Thread thread = new Thread(flow, "feed of " + topic);
        thread.setDaemon(true);
        thread.start();
        return flow;
    }

    private void tell(HttpExchange exchange) throws IOException {
        try {
            answer(exchange, 200, exposition());
        } catch (RuntimeException | ExecutionException | InterruptedException error) {
            answer(exchange, 500, error + "\n");
        }
    }

    private String exposition() throws ExecutionException, InterruptedException {
        Map<String, List<String>> families = new TreeMap<>();
        Map<TopicPartition, OffsetSpec> latest = new HashMap<>();
        for (Flow flow : flows.values()) {
            for (int partition = 0; partition < PARTITIONS; partition++) {
                latest.put(new TopicPartition(flow.topic, partition), OffsetSpec.latest());
            }
        }
        Map<TopicPartition, ListOffsetsResultInfo> ends = admin.listOffsets(latest).all().get();
        ends.forEach((partition, end) ->
                add(families, "kafka_topic_partition_current_offset", labels(null, partition) + end.offset()));
        for (String group : flows.keySet()) {
            Map<TopicPartition, OffsetAndMetadata> committed =
                    admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
            committed.forEach((partition, offset) -> {
                String labels = labels(group, partition);
                add(families, "kafka_consumergroup_current_offset", labels + offset.offset());
                if (ends.containsKey(partition)) {
                    long lag = Math.max(0, ends.get(partition).offset() - offset.offset());
                    add(families, "kafka_consumergroup_lag", labels + lag);
                }
            });
        }
        StringBuilder text = new StringBuilder();
        families.forEach((name, rows) -> {
            text.append("# TYPE ").append(name).append(" gauge\n");
            rows.forEach(row -> text.append(name).append(row).append('\n'));
        });
        return text.toString();
    }

    private static void add(Map<String, List<String>> families, String name, String row) {
        families.computeIfAbsent(name, none -> new ArrayList<>()).add(row);
    }

    private static String labels(String group, TopicPartition partition) {
        String whose = group == null ? "" : "consumergroup=\"" + group + "\",";
        return "{" + whose + "partition=\"" + partition.partition() + "\",topic=\"" + partition.topic() + "\"} ";
    }

    private static void answer(HttpExchange exchange, int code, String text) throws IOException {
        byte[] body = text.getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(code, body.length);
        try (OutputStream out = exchange.getResponseBody()) {
            out.write(body);
        }
    }
}
