/**
 * A channel, by `docs/protocol/channel.md`: frames, envelopes, messages of topics; streams it has none.
 * @module
 */

import { type Bytes, Handshake, joined, type RecordCipher } from "./noise.ts";
import { type Message, schemaOf } from "./protobuf.ts";

const channels = schemaOf("channel");
const mesh = schemaOf("mesh");
const NOTHING = new Uint8Array(0);
/** All of versions.md, in version 1. */
const PROTOCOLS = Array.from({ length: 11 }, (_, i) => ({ protocol: i + 1, oldest: 1, newest: 1 }));

/** What a channel is opened with; keys have 32 bytes. */
export interface ChannelOptions {
  readonly port: number;
  readonly privateKey: Uint8Array;
  readonly remoteKey: Uint8Array;
  readonly presharedKey: Uint8Array;
  /** What the caller says who it is: `join` or `member` of a `Hello`. */
  readonly hello: Message;
}

interface Ciphers {
  readonly sending: RecordCipher;
  readonly receiving: RecordCipher;
}

/** One open channel to a port of this machine. Disposing it ends the connection. */
export class Channel implements Disposable {
  readonly #connection: Deno.TcpConn;
  readonly #reader: FrameReader;
  readonly #ciphers: Ciphers;
  #envelopes: Bytes = NOTHING;

  private constructor(connection: Deno.TcpConn, reader: FrameReader, ciphers: Ciphers) {
    this.#connection = connection;
    this.#reader = reader;
    this.#ciphers = ciphers;
  }

  /** Shakes hands with a node. @throws Error when it refuses */
  static async open({ port, privateKey, remoteKey, presharedKey, hello }: ChannelOptions): Promise<Channel> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    try {
      const reader = new FrameReader(connection);
      const handshake = new Handshake(privateKey, remoteKey, presharedKey);
      const initiation = handshake.initiation(mesh.encode("Hello", { ...hello, protocols: PROTOCOLS }));
      await writeAll(connection, framed(initiation));
      const response = await reader.read();
      if (response === undefined || response.length < 48) throw new Error("The handshake was refused");
      const channel = new Channel(connection, reader, handshake.finish(response));
      await channel.#send(NOTHING);
      return channel;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** Sends a message of a topic. */
  say(topic: "mesh" | "service", body: Uint8Array): Promise<void> {
    return this.send({ payload: { topic, body } });
  }

  /** Sends envelopes, each in a record of its own. */
  async send(...envelopes: readonly Message[]): Promise<void> {
    const records = envelopes.map((envelope) => {
      const bytes = channels.encode("Envelope", envelope);
      return framed(this.#ciphers.sending.seal(joined(uint32(bytes.length), bytes)));
    });
    await writeAll(this.#connection, joined(...records));
  }

  /** @returns the next envelope, `Ping`s answered; undefined when the channel has ended */
  async receive(): Promise<Message | undefined> {
    for (;;) {
      const envelope = this.#next();
      if (envelope?.["ping"] !== undefined) await this.send({ pong: envelope["ping"] });
      else if (envelope !== undefined) return envelope;
      else {
        const record = await this.#reader.read();
        if (record === undefined) return undefined;
        this.#envelopes = joined(this.#envelopes, this.#ciphers.receiving.open(record));
      }
    }
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }

  #next(): Message | undefined {
    const bytes = this.#envelopes;
    if (bytes.length < 4) return undefined;
    const end = 4 + new DataView(bytes.buffer).getUint32(0);
    if (bytes.length < end) return undefined;
    this.#envelopes = bytes.slice(end);
    return channels.decode("Envelope", bytes.subarray(4, end));
  }

  #send(plaintext: Uint8Array): Promise<void> {
    return writeAll(this.#connection, framed(this.#ciphers.sending.seal(plaintext)));
  }
}

/** Reads frames, each with its length in two bytes before it. */
class FrameReader {
  readonly #connection: Deno.TcpConn;
  readonly #chunk = new Uint8Array(65_536);
  #bytes: Bytes = NOTHING;

  constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  /** @returns the next frame; undefined when the stream has ended */
  async read(): Promise<Uint8Array | undefined> {
    for (;;) {
      const end = 2 + ((this.#bytes[0] ?? 0) << 8 | (this.#bytes[1] ?? 0));
      if (this.#bytes.length >= 2 && this.#bytes.length >= end) {
        const frame = this.#bytes.slice(2, end);
        this.#bytes = this.#bytes.slice(end);
        return frame;
      }
      const length = await this.#connection.read(this.#chunk).catch(() => null);
      if (length === null) return undefined;
      this.#bytes = joined(this.#bytes, this.#chunk.subarray(0, length));
    }
  }
}

function framed(content: Uint8Array): Bytes {
  return joined(Uint8Array.of(content.length >> 8, content.length), content);
}

function uint32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

async function writeAll(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}
