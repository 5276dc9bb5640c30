package orders;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;

/**
 * What one worker of one attempt has processed, in a file of its own, so that the truth about a job does not come from its
 * metrics.
 *
 * <p>A line of `milliseconds since 1970, records since the start, last offset of each partition that moved`, five times a
 * second where something was processed: {@code 1795229314078 311 0:38 3:40}.
 */
final class Ledger implements AutoCloseable {
    private static final long INTERVAL_MILLIS = 200;

    private final PrintWriter lines;
    private final Thread writer = new Thread(this::write, "ledger");
    private final Map<Integer, Long> last = new TreeMap<>();
    private long records;
    private long written;

    Ledger(String folder) {
        try {
            Path file = Files.createDirectories(Path.of(folder)).resolve(UUID.randomUUID() + ".ledger");
            lines = new PrintWriter(Files.newBufferedWriter(file));
        } catch (IOException error) {
            throw new UncheckedIOException("cannot write what was processed into " + folder, error);
        }
        writer.setDaemon(true);
        writer.start();
    }

    synchronized void processed(int partition, long offset) {
        records += 1;
        last.put(partition, offset);
    }

    private void write() {
        try {
            while (true) {
                Thread.sleep(INTERVAL_MILLIS);
                writeLine();
            }
        } catch (InterruptedException closed) {
            // That is how it ends.
        }
    }

    private synchronized void writeLine() {
        if (records == written) {
            return;
        }
        StringBuilder line = new StringBuilder();
        line.append(System.currentTimeMillis()).append(' ').append(records);
        last.forEach((partition, offset) -> line.append(' ').append(partition).append(':').append(offset));
        lines.println(line);
        lines.flush();
        written = records;
        last.clear();
    }

    /** Its thread would keep the classes of an attempt that is over in memory. */
    @Override
    public void close() {
        writer.interrupt();
        writeLine();
        lines.close();
    }
}
