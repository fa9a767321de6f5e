/**
 * The connections of the NATS client's authors, whose sockets end nothing but themselves, and which take no certificate but
 * for where a server is, and say when it is this client's that is not taken.
 * @module
 */

import { connect as connectTls, type SecureContextOptions, type TLSSocket } from "node:tls";
import {
  isIP,
  type NatsConnection,
  NatsConnectionImpl,
  type NodeConnectionOptions,
  setTransportFactory,
} from "@nats-io/transport-node";
import { nodeResolveHost, NodeTransport } from "@nats-io/transport-node/lib/node_transport.js";
import { DataError } from "../errors.ts";

/**
 * The client takes all listeners off a socket between two steps of its start, and at its end. A server that resets the
 * connection at that moment, as one does that refuses credentials or is killed, would have the socket's error be nobody's,
 * and such an error ends the whole process.
 */
class GuardedTransport extends NodeTransport {
  #host = "";
  /** Whether the server takes none without a certificate, as it says itself. */
  #verifies = false;
  /** Whether it has said anything since TLS has begun. */
  #isLetIn = false;
  /** What a socket has said first of its end: others follow from it. */
  #failure: Error | undefined;

  override async dial(to: Parameters<NodeTransport["dial"]>[0]): ReturnType<NodeTransport["dial"]> {
    this.#host = to.hostname;
    return guarded(await super.dial(to));
  }

  override async peekInfo(): ReturnType<NodeTransport["peekInfo"]> {
    const info = await super.peekInfo();
    this.#verifies = info.tls_verify === true;
    // With TLS 1.3 (RFC 8446, section 4.4.2.4) it would refuse after the handshake, often without a word that is heard.
    if (this.#verifies && this.#certificate === undefined) {
      throw new DataError("Failed", "they ask for a certificate, which --data-cert and --data-key name");
    }
    return info;
  }

  /**
   * Also where it is the server that asks for TLS. In place of the client's own, which hears no error between the end of
   * the handshake and its next step: the alert of a server that refuses a certificate comes there.
   */
  override async startTLS(): Promise<TLSSocket> {
    const { tls } = this.options;
    const given = tls ? await this.loadClientCerts() as SecureContextOptions | undefined : undefined;
    // The client names no host to Node's TLS where that is an address, and a certificate for "localhost" would do.
    const host = this.tlsName === "" && isIP(this.#host) ? { host: this.#host } : {};
    const { socket, tlsName: servername } = this;
    return await new Promise((resolve, reject) => {
      const secure = guarded(
        connectTls({ socket, servername, rejectUnauthorized: true, ...given, ...host }, () => {
          secure.removeAllListeners();
          resolve(secure);
        }),
      );
      let failure: Error | undefined;
      secure.on("error", (error) => failure ??= error);
      secure.on("close", () => reject(this.#explained(failure)));
    });
  }

  override setupHandlers(): void {
    super.setupHandlers();
    this.socket.on("error", (error) => this.#failure ??= error);
    this.socket.once("data", () => this.#isLetIn = true);
  }

  override async closed(): Promise<void | Error> {
    await super.closed();
    // It is there that the client looks.
    const explained = this.#explained(this.#failure ?? this.closeError);
    if (explained !== undefined) this.closeError = explained;
    return explained;
  }

  get #certificate(): string | undefined {
    return this.options.tls?.cert;
  }

  /** Says of a connection that has ended without a word of the server, or with an alert, that it was the certificate. */
  #explained(error: Error | undefined): Error | undefined {
    if (!this.#verifies || this.#isLetIn || this.#certificate === undefined) return error;
    const isAlert = error !== undefined && CERTIFICATE_ALERT.test(error.message);
    if (error !== undefined && !isAlert && !isCut(error)) return error;
    const why = isAlert
      ? "they refuse the certificate of --data-cert"
      : "they end the connection after the certificate of --data-cert, as servers do that refuse it";
    return new DataError("Failed", why, { cause: error });
  }
}

/** RFC 8446, section 6.2, as the runtime calls them. */
const CERTIFICATE_ALERT = /fatal alert: (?:\w*Certificate\w*|UnknownCA|AccessDenied)$/i;
/** A socket's errors when the other end is gone. */
const CUT: ReadonlySet<unknown> = new Set(["EPIPE", "ECONNRESET", "ECONNABORTED", "EPERM"]);

function isCut(error: Error): boolean {
  return "code" in error && CUT.has(error.code);
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
