package bed;

import java.util.HashMap;
import java.util.Map;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.runtime.state.KeyGroupRangeAssignment;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;

/**
 * The job of the bed: `--log FOLDER --partitions N --cost-micros N [--key-groups N]`.
 *
 * Source, work and sink are one chained task; with key groups there is a keyBy between source and work, over one key for each
 * group, so that the busiest worker has as many keys more as its share of the groups is larger.
 */
public final class Job {
    private Job() {}

    /** Submits it and runs for ever. */
    public static void main(String[] arguments) throws Exception {
        Map<String, String> options = options(arguments);
        String folder = options.get("log");
        int partitions = Integer.parseInt(options.get("partitions"));
        int groups = Integer.parseInt(options.getOrDefault("key-groups", "0"));

        StreamExecutionEnvironment environment = StreamExecutionEnvironment.getExecutionEnvironment();
        DataStream<Entry> entries = environment.fromSource(
                new LogSource(folder, partitions), WatermarkStrategy.noWatermarks(), "log", TypeInformation.of(Entry.class));
        if (groups > 0) {
            int[] keys = keys(groups);
            entries = entries.keyBy(entry -> keys[entry.key % groups]);
        }
        entries.map(new Work(folder, Long.parseLong(options.get("cost-micros"))))
                .name("work")
                .sinkTo(new DiscardingSink<>())
                .name("done");
        environment.execute("bed");
    }

    /** `--name value`, in pairs. */
    private static Map<String, String> options(String[] arguments) {
        Map<String, String> options = new HashMap<>();
        for (int i = 0; i + 1 < arguments.length; i += 2) {
            options.put(arguments[i].substring(2), arguments[i + 1]);
        }
        return options;
    }

    /** One key for each key group. */
    private static int[] keys(int groups) {
        int[] keys = new int[groups];
        boolean[] found = new boolean[groups];
        for (int key = 0, left = groups; left > 0; key++) {
            int group = KeyGroupRangeAssignment.assignToKeyGroup(key, groups);
            if (!found[group]) {
                found[group] = true;
                keys[group] = key;
                left--;
            }
        }
        return keys;
    }
}
