/**
 * The connections of the NATS client's authors, whose sockets end nothing but themselves, and which take no certificate but
 * for where a server is.
 * @module
 */

import {
  isIP,
  type NatsConnection,
  NatsConnectionImpl,
  type NodeConnectionOptions,
  setTransportFactory,
} from "@nats-io/transport-node";
import { nodeResolveHost, NodeTransport } from "@nats-io/transport-node/lib/node_transport.js";

/**
 * The client takes all listeners off a socket between two steps of its start, and at its end. A server that resets the
 * connection at that moment, as one does that refuses credentials or is killed, would have the socket's error be nobody's,
 * and such an error ends the whole process.
 */
class GuardedTransport extends NodeTransport {
  #host = "";

  override async dial(to: Parameters<NodeTransport["dial"]>[0]): ReturnType<NodeTransport["dial"]> {
    this.#host = to.hostname;
    return guarded(await super.dial(to));
  }

  /** Also where it is the server that asks for TLS. */
  override async startTLS(): ReturnType<NodeTransport["startTLS"]> {
    // The client names no host to Node's TLS where that is an address, and a certificate for "localhost" would do.
    if (this.tlsName === "" && isIP(this.#host)) {
      const tls = { ...this.options.tls, host: this.#host };
      this.options = { ...this.options, tls };
    }
    return guarded(await super.startTLS());
  }
}

/** Connects as the client does. @throws what the client throws */
export async function connectGuarded(options: NodeConnectionOptions): Promise<NatsConnection> {
  setTransportFactory({ factory: () => new GuardedTransport(), dnsResolveFn: nodeResolveHost });
  return await NatsConnectionImpl.connect(options);
}

/** @returns the socket, whose errors nobody has to hear, whoever takes listeners off it */
export function guarded<S extends NodeTransport["socket"]>(socket: S): S {
  const ignore = () => {};
  const remove = socket.removeAllListeners.bind(socket);
  socket.removeAllListeners = (...events) => {
    remove(...events);
    return socket.on("error", ignore);
  };
  return socket.on("error", ignore);
}
