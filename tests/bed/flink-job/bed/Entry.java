package bed;

/** One record of the log. Its payload makes a network buffer hold few of them, so that hardly any hide between two tasks. */
public final class Entry {
    /** Decides the key group. */
    public int key;
    /** Nothing but weight. */
    public byte[] payload;

    /** For Flink's serializer. */
    public Entry() {}

    Entry(int key) {
        this.key = key;
        this.payload = new byte[1000];
    }
}
