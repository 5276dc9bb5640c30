package bed;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.UUID;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * What one subtask of one attempt really does: a file `truth/ROLE-SUBTASK-ATTEMPT` with a line `epochMillis WHAT` five times
 * a second, for as long as it lives. It owes nothing to Flink's metrics, which are what is being tested.
 */
final class Truth implements AutoCloseable {
    private static final long EVERY_MILLIS = 200;
    private final Path file;
    private final Supplier<String> what;
    private final ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor(Truth::daemon);

    Truth(String folder, String role, int subtask, Supplier<String> what) {
        this.file = Path.of(folder, "truth", role + "-" + subtask + "-" + UUID.randomUUID());
        this.what = what;
    }

    void start() {
        timer.scheduleAtFixedRate(this::write, 0, EVERY_MILLIS, TimeUnit.MILLISECONDS);
    }

    private void write() {
        try {
            Files.createDirectories(file.getParent());
            Files.writeString(file, System.currentTimeMillis() + " " + what.get() + "\n",
                    StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException e) {
            throw new IllegalStateException("cannot write the truth to " + file, e);
        }
    }

    static Thread daemon(Runnable run) {
        Thread thread = new Thread(run, "bed");
        thread.setDaemon(true);
        return thread;
    }

    /** With a last line, so that no record is missing. */
    @Override
    public void close() {
        timer.shutdownNow();
        write();
    }
}
