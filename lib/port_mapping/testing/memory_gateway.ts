/**
 * A gateway in memory that speaks all three protocols, honestly unless told otherwise, and a host before it under a virtual
 * clock.
 * @module
 */

import { millis, SeededRandom, utf8Bytes } from "../../base/mod.ts";
import { Endpoint, IpAddress } from "../../net/mod.ts";
import { HttpAnswerDecoder, type MappingProtocol, type MappingRequest, PortMapper } from "../mod.ts";

/** @returns the address that `text` says */
export function address(text: string): IpAddress {
  const parsed = IpAddress.parse(text);
  if (parsed === undefined) throw new TypeError(`${text} is no address`);
  return parsed;
}

/** @returns the endpoint that `text` says */
export function endpoint(text: string): Endpoint {
  const parsed = Endpoint.parse(text);
  if (parsed === undefined) throw new TypeError(`${text} is no endpoint`);
  return parsed;
}

/** One mapping of the gateway. */
export interface HeldMapping {
  readonly internal: string;
  readonly expiresAt: number;
}

/** What a gateway is like. */
export interface GatewayTraits {
  readonly speaks: readonly MappingProtocol[];
  externalAddress: string;
  /** External ports that are somebody else's. */
  readonly taken?: readonly number[];
  readonly igdVersion?: 1 | 2;
  /** Keeps mappings by UPnP for ever only. */
  readonly isPermanentOnly?: boolean;
  /** Changes each datagram that it would answer with. */
  readonly distort?: (answer: Uint8Array, request: Uint8Array) => Uint8Array | undefined;
  /** Changes each page and answer that it would give. */
  readonly distortPage?: (answer: string, request: string) => string;
}

/** The gateway at 192.168.7.1. */
export class MemoryGateway {
  readonly traits: GatewayTraits;
  /** By `udp 51820`. */
  readonly mappings: Map<string, HeldMapping> = new Map();
  /** When it was started, in milliseconds; later makes its epoch begin anew. */
  startedAt = -1_000_000;
  isSilent = false;

  constructor(traits: GatewayTraits) {
    this.traits = traits;
  }

  /** @returns what it answers to a datagram */
  answer(now: number, datagram: Uint8Array, destination: Endpoint, source: Endpoint): Uint8Array | undefined {
    if (this.isSilent) return undefined;
    const answer = destination.port === 1900
      ? this.#answerSearch(datagram)
      : this.#answerMapping(now, datagram, source);
    return answer && this.traits.distort !== undefined ? this.traits.distort(answer, datagram) : answer;
  }

  /** @returns the bytes of the answer to a request, or undefined when there is none */
  page(now: number, { bytes }: MappingRequest): Uint8Array | undefined {
    if (this.isSilent) return undefined;
    const request = new TextDecoder().decode(bytes);
    const answer = this.#page(now, request);
    return utf8Bytes(this.traits.distortPage?.(answer, request) ?? answer);
  }

  /** Forgets all, as when it is turned off and on. */
  restart(now: number): void {
    this.startedAt = now;
    this.mappings.clear();
  }

  #answerSearch(datagram: Uint8Array): Uint8Array | undefined {
    if (!this.traits.speaks.includes("upnp")) return undefined;
    const type = /^ST: (\S+)$/m.exec(new TextDecoder().decode(datagram))?.[1] ?? "";
    if (!type.endsWith(`:${this.traits.igdVersion ?? 1}`)) return undefined;
    return utf8Bytes(
      `HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nST: ${type}\r\nEXT:\r\n` +
        `LOCATION: http://192.168.7.1:5000/rootDesc.xml\r\n\r\n`,
    );
  }

  #answerMapping(now: number, datagram: Uint8Array, source: Endpoint): Uint8Array | undefined {
    const { speaks } = this.traits;
    if (datagram[0] === 2 && !speaks.includes("pcp")) {
      return speaks.includes("nat-pmp") ? this.#head(now, 8, [0, 0x80, 0, 1]) : undefined;
    }
    if (datagram[0] === 0 && !speaks.includes("nat-pmp")) return undefined;
    return datagram[0] === 2
      ? this.#answerPcp(now, datagram, source)
      : this.#answerNatPmp(now, datagram, source);
  }

  #head(now: number, length: number, first: readonly number[]): Uint8Array {
    const out = new Uint8Array(length);
    out.set(first);
    if (length >= 8) new DataView(out.buffer).setUint32(out[0] === 2 ? 8 : 4, (now - this.startedAt) / 1000);
    return out;
  }

  #answerPcp(now: number, request: Uint8Array, source: Endpoint): Uint8Array {
    const asked = new DataView(request.buffer, request.byteOffset, request.length);
    const out = this.#head(now, 60, [2, 0x81]);
    const view = new DataView(out.buffer);
    out.set(request.subarray(24, 60), 24);
    const transport = request[36] === 17 ? "udp" : "tcp";
    const lifetime = Math.min(asked.getUint32(4), 7200);
    const port = this.#hold(now, transport, {
      source,
      wished: asked.getUint16(42),
      port: asked.getUint16(40),
      lifetime,
    });
    view.setUint32(4, lifetime);
    view.setUint16(42, port);
    out.fill(0, 44, 54).fill(0xff, 54, 56);
    out.set(address(this.traits.externalAddress).bytes, 56);
    return out;
  }

  #answerNatPmp(now: number, request: Uint8Array, source: Endpoint): Uint8Array {
    const opcode = request[1] ?? 0;
    if (opcode === 0) {
      const out = this.#head(now, 12, [0, 0x80]);
      out.set(address(this.traits.externalAddress).bytes, 8);
      return out;
    }
    const asked = new DataView(request.buffer, request.byteOffset, request.length);
    const out = this.#head(now, 16, [0, 0x80 | opcode]);
    const view = new DataView(out.buffer);
    const lifetime = asked.getUint32(8);
    const port = this.#hold(now, opcode === 1 ? "udp" : "tcp", {
      source,
      wished: asked.getUint16(6),
      port: asked.getUint16(4),
      lifetime,
    });
    view.setUint16(8, asked.getUint16(4));
    view.setUint16(10, port);
    view.setUint32(12, lifetime);
    return out;
  }

  #hold(
    now: number,
    transport: string,
    { source, wished, port, lifetime }: {
      readonly source: Endpoint;
      readonly wished: number;
      readonly port: number;
      readonly lifetime: number;
    },
  ): number {
    const internal = `${source.address}:${port}`;
    if (lifetime === 0) {
      for (const [key, held] of this.mappings) {
        if (key.startsWith(transport) && held.internal === internal) this.mappings.delete(key);
      }
      return 0;
    }
    const external = this.traits.taken?.includes(wished) ? wished + 1000 : wished;
    this.mappings.set(`${transport} ${external}`, { internal, expiresAt: now + 1000 * lifetime });
    return external;
  }

  #page(now: number, request: string): string {
    const version = this.traits.igdVersion ?? 1;
    const type = `urn:schemas-upnp-org:service:WANIPConnection:${version}`;
    if (request.startsWith("GET /rootDesc.xml ")) {
      return ok(
        `<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0"><device><deviceList><device><serviceList>` +
          `<service><serviceType>${type}</serviceType><controlURL>/ctl/IPConn</controlURL></service>` +
          `</serviceList></device></deviceList></device></root>`,
      );
    }
    const action = /^SOAPAction: "\S+#(\w+)"/m.exec(request)?.[1] ?? "";
    const value = (name: string) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(request)?.[1] ?? "";
    const key = `${value("NewProtocol").toLowerCase()} ${value("NewExternalPort")}`;
    if (action === "GetExternalIPAddress") {
      return said(action, `<NewExternalIPAddress>${this.traits.externalAddress}</NewExternalIPAddress>`);
    }
    if (action === "DeletePortMapping") {
      return this.mappings.delete(key) ? said(action, "") : fault(714);
    }
    const lease = Number(value("NewLeaseDuration"));
    if (this.traits.isPermanentOnly && lease !== 0) return fault(725);
    const wished = Number(value("NewExternalPort"));
    const isTaken = this.traits.taken?.includes(wished) === true;
    if (isTaken && action !== "AddAnyPortMapping") return fault(718);
    const port = isTaken ? wished + 1000 : wished;
    this.mappings.set(`${value("NewProtocol").toLowerCase()} ${port}`, {
      internal: `${value("NewInternalClient")}:${value("NewInternalPort")}`,
      expiresAt: lease === 0 ? Infinity : now + 1000 * lease,
    });
    return said(action, action === "AddAnyPortMapping" ? `<NewReservedPort>${port}</NewReservedPort>` : "");
  }
}

function ok(body: string, status = "200 OK"): string {
  return `HTTP/1.1 ${status}\r\nContent-Type: text/xml\r\nContent-Length: ${
    utf8Bytes(body).length
  }\r\n\r\n${body}`;
}

function envelope(body: string): string {
  return `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>${body}</s:Body></s:Envelope>`;
}

function said(action: string, values: string): string {
  return ok(envelope(`<u:${action}Response xmlns:u="urn:x">${values}</u:${action}Response>`));
}

/** @returns an answer of UPnP that says that an action has failed */
export function fault(code: number): string {
  const error = `<UPnPError><errorCode>${code}</errorCode></UPnPError>`;
  return ok(
    envelope(`<s:Fault><faultcode>s:Client</faultcode><detail>${error}</detail></s:Fault>`),
    "500 Oops",
  );
}

/** A host at 192.168.7.2 whose mapper asks that gateway. */
export class MappedHost {
  readonly gateway: MemoryGateway;
  readonly mapper: PortMapper;
  /** In milliseconds. */
  now = 0;
  /** How many datagrams and requests it has sent. */
  sent = 0;

  constructor(
    traits: GatewayTraits,
    options: { readonly protocols?: readonly MappingProtocol[]; readonly seed?: number } = {},
  ) {
    this.gateway = new MemoryGateway(traits);
    this.mapper = new PortMapper(millis(0), {
      gateway: address("192.168.7.1"),
      zone: 0,
      local: address("192.168.7.2"),
      port: 51820,
      transports: ["udp", "tcp"],
      random: new SeededRandom(options.seed ?? 7),
      ...options.protocols && { protocols: options.protocols },
    });
    this.#work();
  }

  /** Lets time pass, a timeout at a time. @param byMs how long, in milliseconds */
  pass(byMs: number): void {
    const end = this.now + byMs;
    for (;;) {
      const at = this.mapper.pollTimeout();
      if (at === undefined || at > end) break;
      this.now = Math.max(at, this.now);
      this.#work();
    }
    this.now = end;
    this.#work();
  }

  /** Ends it, as far as the gateway lets it. */
  stop(): void {
    this.mapper.release(millis(this.now));
    this.#work();
    this.pass(10_000);
  }

  #work(): void {
    const { mapper, gateway } = this;
    const own = endpoint("192.168.7.2:40000");
    mapper.handleTimeout(millis(this.now));
    for (let hasMore = true; hasMore;) {
      hasMore = false;
      for (let out = mapper.pollTransmit(); out !== undefined; out = mapper.pollTransmit()) {
        hasMore = true;
        this.sent++;
        const { destination } = out;
        const answer = gateway.answer(this.now, out.datagram, destination, own);
        const source = new Endpoint(address("192.168.7.1"), destination.port);
        if (answer !== undefined) mapper.handleDatagram(millis(this.now), answer, source);
      }
      for (let request = mapper.pollRequest(); request !== undefined; request = mapper.pollRequest()) {
        hasMore = true;
        this.sent++;
        const bytes = gateway.page(this.now, request);
        const decoder = new HttpAnswerDecoder();
        if (bytes !== undefined && decoder.push(bytes)) decoder.end();
        mapper.handleAnswer(millis(this.now), request.id, decoder.answer);
      }
    }
  }
}
