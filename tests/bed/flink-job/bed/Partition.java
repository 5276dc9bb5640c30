package bed;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.apache.flink.api.connector.source.SourceSplit;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/** One partition of the log and the next offset to read. */
final class Partition implements SourceSplit {
    final int number;
    long next;

    Partition(int number, long next) {
        this.number = number;
        this.next = next;
    }

    @Override
    public String splitId() {
        return Integer.toString(number);
    }

    /** As checkpoints hold it. */
    static final class Serializer implements SimpleVersionedSerializer<Partition> {
        @Override
        public int getVersion() {
            return 1;
        }

        @Override
        public byte[] serialize(Partition partition) {
            return ByteBuffer.allocate(12).putInt(partition.number).putLong(partition.next).array();
        }

        @Override
        public Partition deserialize(int version, byte[] bytes) throws IOException {
            ByteBuffer buffer = ByteBuffer.wrap(bytes);
            return new Partition(buffer.getInt(), buffer.getLong());
        }
    }
}
