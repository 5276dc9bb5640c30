package orders;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.beam.sdk.io.kafka.KafkaRecord;
import org.apache.beam.sdk.transforms.DoFn;

/**
 * A worker that needs the same time for each record, asleep: how many a second it can do does not depend on how busy the
 * machine is, as long as the machine runs it at all.
 */
final class Work extends DoFn<KafkaRecord<byte[], byte[]>, Integer> {
    /** Oversleeping (a busy machine) is made good later, up to this much of it; idle time is not. */
    private static final long CREDIT = TimeUnit.MILLISECONDS.toNanos(100);

    private static final long serialVersionUID = 1;

    private final long costMicros;
    private final String truth;
    private transient long doneAt;
    private transient Ledger ledger;

    Work(long costMicros, String truth) {
        this.costMicros = costMicros;
        this.truth = truth;
    }

    @Setup
    public void setup() {
        doneAt = System.nanoTime();
        ledger = new Ledger(truth);
    }

    @Teardown
    public void teardown() {
        ledger.close();
    }

    @ProcessElement
    public void process(@Element KafkaRecord<byte[], byte[]> record, OutputReceiver<Integer> partitions) {
        doneAt = Math.max(doneAt, System.nanoTime() - CREDIT) + TimeUnit.MICROSECONDS.toNanos(costMicros);
        for (long left = doneAt - System.nanoTime(); left > 0; left = doneAt - System.nanoTime()) {
            LockSupport.parkNanos(left);
            if (Thread.interrupted()) {
                // Flink cancels the task.
                Thread.currentThread().interrupt();
                throw new IllegalStateException("interrupted at work");
            }
        }
        ledger.processed(record.getPartition(), record.getOffset());
        partitions.output(record.getPartition());
    }
}
