package bed;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/** Reads the log. Its enumerator's state is whether the partitions have been dealt out: after that they live in the readers' state. */
final class LogSource implements Source<Entry, Partition, Boolean> {
    private static final long serialVersionUID = 1;
    private final String folder;
    private final int partitions;

    LogSource(String folder, int partitions) {
        this.folder = folder;
        this.partitions = partitions;
    }

    @Override
    public Boundedness getBoundedness() {
        return Boundedness.CONTINUOUS_UNBOUNDED;
    }

    @Override
    public SourceReader<Entry, Partition> createReader(SourceReaderContext context) {
        return new LogReader(context, new Log(folder, partitions), folder);
    }

    @Override
    public SplitEnumerator<Partition, Boolean> createEnumerator(SplitEnumeratorContext<Partition> context) {
        return new Dealer(context, new Log(folder, partitions), partitions, false);
    }

    @Override
    public SplitEnumerator<Partition, Boolean> restoreEnumerator(
            SplitEnumeratorContext<Partition> context, Boolean dealt) {
        return new Dealer(context, new Log(folder, partitions), partitions, dealt);
    }

    @Override
    public SimpleVersionedSerializer<Partition> getSplitSerializer() {
        return new Partition.Serializer();
    }

    @Override
    public SimpleVersionedSerializer<Boolean> getEnumeratorCheckpointSerializer() {
        return new SimpleVersionedSerializer<>() {
            @Override
            public int getVersion() {
                return 1;
            }

            @Override
            public byte[] serialize(Boolean dealt) {
                return ByteBuffer.allocate(1).put((byte) (dealt ? 1 : 0)).array();
            }

            @Override
            public Boolean deserialize(int version, byte[] bytes) {
                return bytes[0] != 0;
            }
        };
    }

    /** Deals the partitions out once every reader is there; Flink itself deals them out anew when it restores another width. */
    private static final class Dealer implements SplitEnumerator<Partition, Boolean> {
        private final SplitEnumeratorContext<Partition> context;
        private final Log log;
        private final int partitions;
        private final List<Partition> returned = new ArrayList<>();
        private boolean dealt;

        Dealer(SplitEnumeratorContext<Partition> context, Log log, int partitions, boolean dealt) {
            this.context = context;
            this.log = log;
            this.partitions = partitions;
            this.dealt = dealt;
        }

        @Override
        public void start() {}

        @Override
        public void handleSplitRequest(int subtask, String host) {}

        @Override
        public void addSplitsBack(List<Partition> splits, int subtask) {
            returned.addAll(splits);
            deal();
        }

        @Override
        public void addReader(int subtask) {
            deal();
        }

        private void deal() {
            int width = context.currentParallelism();
            if (context.registeredReaders().size() < width) {
                return;
            }
            for (Partition partition : returned) {
                context.assignSplit(partition, partition.number % width);
            }
            returned.clear();
            if (dealt) {
                return;
            }
            try {
                for (int number = 0; number < partitions; number++) {
                    context.assignSplit(new Partition(number, log.committed(number)), number % width);
                }
            } catch (IOException e) {
                throw new IllegalStateException("cannot read the committed offsets", e);
            }
            dealt = true;
        }

        @Override
        public Boolean snapshotState(long checkpointId) {
            return dealt;
        }

        @Override
        public void close() {}
    }
}
