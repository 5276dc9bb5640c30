package orders;

import java.util.Map;
import org.apache.beam.runners.flink.FlinkPipelineOptions;
import org.apache.beam.sdk.Pipeline;
import org.apache.beam.sdk.io.kafka.KafkaIO;
import org.apache.beam.sdk.metrics.Counter;
import org.apache.beam.sdk.metrics.Metrics;
import org.apache.beam.sdk.options.Default;
import org.apache.beam.sdk.options.Description;
import org.apache.beam.sdk.options.PipelineOptionsFactory;
import org.apache.beam.sdk.options.Validation.Required;
import org.apache.beam.sdk.transforms.DoFn;
import org.apache.beam.sdk.transforms.ParDo;
import org.apache.beam.sdk.transforms.Reshuffle;
import org.apache.beam.sdk.values.PCollection;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** Reads a topic and works for a fixed time on each record. */
public final class Main {
    private Main() {}

    /** What a lane of the bed sets. */
    public interface Options extends FlinkPipelineOptions {
        @Description("host:port of the broker")
        @Required
        String getBroker();

        void setBroker(String broker);

        @Required
        String getTopic();

        void setTopic(String topic);

        @Description("Microseconds of work on each record")
        @Default.Long(5000)
        long getCost();

        void setCost(long cost);

        @Description("A shuffle after the work: then what follows is a second task, as wide as the cluster")
        @Default.Boolean(false)
        boolean getShuffle();

        void setShuffle(boolean shuffle);

        @Description("The folder where each worker writes what it has processed")
        @Required
        String getTruth();

        void setTruth(String truth);
    }

    public static void main(String[] arguments) {
        Options options = PipelineOptionsFactory.fromArgs(arguments).withValidation().as(Options.class);
        Pipeline pipeline = Pipeline.create(options);
        PCollection<Integer> done = pipeline.apply("ReadOrders", read(options))
                .apply("Work", ParDo.of(new Work(options.getCost(), options.getTruth())));
        if (options.getShuffle()) {
            done.apply("Deal", Reshuffle.viaRandomKey()).apply("Count", ParDo.of(new Count()));
        }
        pipeline.run();
    }

    /** Something to do behind the shuffle. */
    private static final class Count extends DoFn<Integer, Void> {
        private static final long serialVersionUID = 1;
        private final Counter counted = Metrics.counter(Count.class, "counted");

        @ProcessElement
        public void process(@Element Integer partition) {
            counted.inc();
        }
    }

    private static KafkaIO.Read<byte[], byte[]> read(Options options) {
        // The group's name is the topic's: one job per topic.
        Map<String, Object> consumer = Map.of(
                "group.id", options.getTopic(), "auto.offset.reset", "earliest", "enable.auto.commit", false);
        return KafkaIO.<byte[], byte[]>read()
                .withBootstrapServers(options.getBroker())
                .withTopic(options.getTopic())
                .withKeyDeserializer(ByteArrayDeserializer.class)
                .withValueDeserializer(ByteArrayDeserializer.class)
                .withConsumerConfigUpdates(consumer)
                .commitOffsetsInFinalize();
    }
}
