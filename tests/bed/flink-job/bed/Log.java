package bed;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.util.List;

/**
 * A partitioned log that does not exist: its end is a function of time, the sum of the input rates so far, dealt out evenly
 * to the partitions. The rates are the lines `epochMillis recordsPerSecond` of a file that whoever runs the job appends to,
 * so that every process knows the same log and the truth is known to the last record.
 */
final class Log {
    private final Path schedule;
    private final Path committed;
    private final int partitions;
    private FileTime read = null;
    private long checkedAt = 0;
    private long[] from = {};
    private double[] rate = {};

    Log(String folder, int partitions) {
        this.schedule = Path.of(folder, "schedule");
        this.committed = Path.of(folder, "committed");
        this.partitions = partitions;
    }

    /** How many records a partition has at a time. */
    synchronized long end(int partition, long millis) {
        refresh(millis);
        double records = 0;
        for (int i = 0; i < from.length && from[i] < millis; i++) {
            long until = i + 1 < from.length ? Math.min(from[i + 1], millis) : millis;
            records += rate[i] * (until - from[i]) / 1000.0;
        }
        // The n-th record goes to partition n modulo their number.
        return Math.max(0, ((long) records + partitions - 1 - partition) / partitions);
    }

    /** The schedule as it is now; it is looked at five times a second. */
    private void refresh(long millis) {
        if (Math.abs(millis - checkedAt) < 200) {
            return;
        }
        checkedAt = millis;
        try {
            FileTime changed = Files.getLastModifiedTime(schedule);
            if (changed.equals(read)) {
                return;
            }
            List<String> lines = Files.readAllLines(schedule);
            long[] newFrom = new long[lines.size()];
            double[] newRate = new double[lines.size()];
            for (int i = 0; i < lines.size(); i++) {
                String[] words = lines.get(i).split(" ");
                newFrom[i] = Long.parseLong(words[0]);
                newRate[i] = Double.parseDouble(words[1]);
            }
            from = newFrom;
            rate = newRate;
            read = changed;
        } catch (IOException e) {
            throw new IllegalStateException("cannot read the schedule " + schedule, e);
        }
    }

    /** Where a reader without a state of its own begins: what was committed, as of a consumer group. */
    long committed(int partition) throws IOException {
        try {
            return Long.parseLong(Files.readString(committed.resolve(Integer.toString(partition))));
        } catch (NoSuchFileException never) {
            return 0;
        }
    }

    /** Called when a checkpoint is complete. */
    void commit(int partition, long offset) throws IOException {
        Files.createDirectories(committed);
        Path part = Files.createTempFile(committed, partition + "-", ".part");
        Files.writeString(part, Long.toString(offset));
        Files.move(part, committed.resolve(Integer.toString(partition)), StandardCopyOption.ATOMIC_MOVE);
    }
}
