package bed;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.core.io.InputStatus;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.groups.SourceReaderMetricGroup;

/** Reads its partitions in turn, and counts what it reads where readers built on SourceReaderBase count it. */
final class LogReader implements SourceReader<Entry, Partition> {
    private static final long POLL_MILLIS = 20;
    private final SourceReaderContext context;
    private final Log log;
    private final Truth truth;
    private final List<Partition> partitions = new CopyOnWriteArrayList<>();
    private final TreeMap<Long, Map<Integer, Long>> checkpoints = new TreeMap<>();
    private final ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor(Truth::daemon);
    private Counter recordsIn;
    private int turn = 0;
    private volatile long read = 0;

    LogReader(SourceReaderContext context, Log log, String folder) {
        this.context = context;
        this.log = log;
        this.truth = new Truth(folder, "source", context.getIndexOfSubtask(), this::told);
    }

    /** Records read by this attempt, then `partition:next` of each partition. */
    private String told() {
        StringBuilder told = new StringBuilder(Long.toString(read));
        for (Partition partition : partitions) {
            told.append(' ').append(partition.number).append(':').append(partition.next);
        }
        return told.toString();
    }

    @Override
    public void start() {
        SourceReaderMetricGroup metrics = context.metricGroup();
        recordsIn = metrics.getIOMetricGroup().getNumRecordsInCounter();
        metrics.setPendingRecordsGauge(this::pending);
        truth.start();
    }

    private long pending() {
        long now = System.currentTimeMillis();
        long pending = 0;
        for (Partition partition : partitions) {
            pending += Math.max(0, log.end(partition.number, now) - partition.next);
        }
        return pending;
    }

    @Override
    public InputStatus pollNext(ReaderOutput<Entry> output) {
        long now = System.currentTimeMillis();
        for (int tried = 0; tried < partitions.size(); tried++) {
            Partition partition = partitions.get(turn);
            turn = (turn + 1) % partitions.size();
            if (partition.next < log.end(partition.number, now)) {
                // The offset first: should the work behind us be cut short, it is read again from the checkpoint anyway.
                long offset = partition.next++;
                recordsIn.inc();
                read++;
                output.collect(new Entry((int) offset));
                return InputStatus.MORE_AVAILABLE;
            }
        }
        return InputStatus.NOTHING_AVAILABLE;
    }

    @Override
    public CompletableFuture<Void> isAvailable() {
        CompletableFuture<Void> later = new CompletableFuture<>();
        timer.schedule(() -> later.complete(null), POLL_MILLIS, TimeUnit.MILLISECONDS);
        return later;
    }

    @Override
    public void addSplits(List<Partition> splits) {
        partitions.addAll(splits);
    }

    @Override
    public void notifyNoMoreSplits() {}

    @Override
    public List<Partition> snapshotState(long checkpointId) {
        List<Partition> state = new ArrayList<>();
        Map<Integer, Long> offsets = new HashMap<>();
        for (Partition partition : partitions) {
            state.add(new Partition(partition.number, partition.next));
            offsets.put(partition.number, partition.next);
        }
        checkpoints.put(checkpointId, offsets);
        return state;
    }

    @Override
    public void notifyCheckpointComplete(long checkpointId) throws IOException {
        Map<Integer, Long> offsets = checkpoints.remove(checkpointId);
        checkpoints.headMap(checkpointId).clear();
        if (offsets != null) {
            for (Map.Entry<Integer, Long> offset : offsets.entrySet()) {
                log.commit(offset.getKey(), offset.getValue());
            }
        }
    }

    @Override
    public void close() {
        truth.close();
        timer.shutdownNow();
    }
}
