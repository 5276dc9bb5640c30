package bed;

import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsServer;
import com.sun.net.httpserver.spi.HttpServerProvider;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;

/**
 * Flink's Prometheus reporter listens on every address of the machine and cannot be told otherwise. As the JVM's
 * `com.sun.net.httpserver.HttpServerProvider` this gives it the address in the property `bed.address` instead: each process
 * has an address of its own on loopback, like a pod, and all of them the same port.
 */
public final class OwnAddress extends HttpServerProvider {
    private final HttpServerProvider real;

    /** Called by the JDK. */
    public OwnAddress() throws ReflectiveOperationException {
        // The JDK's own; the JVM is started with `--add-opens jdk.httpserver/sun.net.httpserver=ALL-UNNAMED`.
        var constructor = Class.forName("sun.net.httpserver.DefaultHttpServerProvider").getDeclaredConstructor();
        constructor.setAccessible(true);
        real = (HttpServerProvider) constructor.newInstance();
    }

    private static InetSocketAddress own(InetSocketAddress address) throws IOException {
        if (address == null || !address.getAddress().isAnyLocalAddress()) {
            return address;
        }
        return new InetSocketAddress(InetAddress.getByName(System.getProperty("bed.address")), address.getPort());
    }

    @Override
    public HttpServer createHttpServer(InetSocketAddress address, int backlog) throws IOException {
        return real.createHttpServer(own(address), backlog);
    }

    @Override
    public HttpsServer createHttpsServer(InetSocketAddress address, int backlog) throws IOException {
        return real.createHttpsServer(own(address), backlog);
    }
}
