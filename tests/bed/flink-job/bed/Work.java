package bed;

import java.util.concurrent.locks.LockSupport;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichMapFunction;

/**
 * Takes a fixed time for each record, asleep: a worker's capacity is one over it, on any machine. What a sleep takes longer
 * than asked is taken off the next ones while there is work, else a busy machine would make a slower worker.
 */
final class Work extends RichMapFunction<Entry, Entry> {
    private static final long serialVersionUID = 1;
    /** A longer pause than this was no overlong sleep: there was nothing to do. */
    private static final long IDLE_NANOS = 2_000_000;
    /** The most that is made up for. */
    private static final long DEBT_NANOS = 500_000_000;
    private final String folder;
    private final long costNanos;
    private transient Truth truth;
    private transient volatile long done;
    private transient long due;
    private transient long woke;

    Work(String folder, long costMicros) {
        this.folder = folder;
        this.costNanos = costMicros * 1000;
    }

    @Override
    public void open(OpenContext context) {
        truth = new Truth(folder, "work", getRuntimeContext().getTaskInfo().getIndexOfThisSubtask(), () -> Long.toString(done));
        truth.start();
    }

    @Override
    public Entry map(Entry entry) {
        long now = System.nanoTime();
        if (now - woke > IDLE_NANOS) {
            due = now;
        }
        due = Math.max(due, now - DEBT_NANOS) + costNanos;
        long left = due - System.nanoTime();
        while (left > 0) {
            LockSupport.parkNanos(left);
            if (Thread.currentThread().isInterrupted()) {
                // Cancelled: the record will be read again.
                return entry;
            }
            left = due - System.nanoTime();
        }
        woke = System.nanoTime();
        done++;
        return entry;
    }

    @Override
    public void close() {
        if (truth != null) {
            truth.close();
        }
    }
}
