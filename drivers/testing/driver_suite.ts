/**
 * What every driver has to do, whoever wrote it: `testDriver(new MyDriver(), { … })` registers the tests.
 * @module
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import {
  DecodedHeader,
  type DriverOptions,
  type Encapsulation,
  IdentifierRangeError,
  InvalidDriverOptionError,
  type OverlayDriver,
} from "../../lib/overlay/mod.ts";

/** What the suite is told of a driver. */
export interface DriverExpectations {
  /** Options of networks that are tried, beside those of a network without options; one has the longest header. */
  readonly variants?: readonly DriverOptions[];
  /** Options that are refused. */
  readonly refused?: readonly DriverOptions[];
  /** Bits of the header of a network without options that a receiver ignores, as `byte * 8 + bit`, 0 the most significant. */
  readonly ignoredBits: readonly number[];
}

const CANARY = 0xa5;
/** What stands before and behind a packet in memory, and must stay as it is. */
const MARGIN_BYTES = 64;
const RUNS = 300;

/** A packet somewhere in memory. */
interface Placed {
  readonly memory: Uint8Array;
  readonly at: number;
  readonly lengthBytes: number;
}

/** Registers the tests of one driver. */
export function testDriver(driver: OverlayDriver, expected: DriverExpectations): void {
  const { name, capabilities: { identifier: { min, max }, maxHeaderBytes } } = driver;
  const variants: readonly DriverOptions[] = [{}, ...expected.variants ?? []];
  const arbitrary = fc.record({
    identifier: fc.integer({ min, max }),
    options: fc.constantFrom(...variants),
    payload: fc.uint8Array({ minLength: 40, maxLength: 200 }),
    flow: fc.integer({ min: 0, max: 0xffff_ffff }),
  }).filter(({ identifier, options }) => isNetwork(driver, identifier, options));

  Deno.test(`${name} decodes what it has encoded, within its packet alone`, () => {
    fc.assert(
      fc.property(arbitrary, ({ identifier, options, payload, flow }) => {
        const network = driver.encapsulation(identifier, options);
        const frame = payloadOf(network, payload);
        const placed = encode(network, frame, flow);
        assert.equal(placed.lengthBytes, network.headerBytes + frame.length);
        assert.ok(network.headerBytes <= maxHeaderBytes);
        const header = new DecodedHeader();
        assert.equal(decode(driver, network, placed, header), undefined);
        assert.equal(header.identifier, identifier);
        assert.equal(header.payload, network.payload);
        const end = header.payloadAt + header.payloadBytes;
        assert.deepEqual(placed.memory.slice(header.payloadAt, end), frame);
        assertMargins(placed);
      }),
      { numRuns: RUNS },
    );
  });

  Deno.test(`${name} rejects a packet that is cut off in its header`, () => {
    fc.assert(
      fc.property(arbitrary, ({ identifier, options, payload, flow }) => {
        const network = driver.encapsulation(identifier, options);
        const whole = encode(network, payloadOf(network, payload), flow);
        for (let lengthBytes = 0; lengthBytes < whole.lengthBytes; lengthBytes++) {
          const cut = { ...whole, memory: whole.memory.slice(), lengthBytes };
          cut.memory.fill(CANARY, cut.at + lengthBytes);
          const header = new DecodedHeader();
          const failure = decode(driver, network, cut, header);
          if (lengthBytes < network.headerBytes) assert.notEqual(failure, undefined, `${lengthBytes} bytes`);
          else if (failure === undefined) assertInside(cut, header);
          assertMargins(cut);
        }
      }),
      { numRuns: 40 },
    );
  });

  Deno.test(`${name} notices each flipped bit of its header that means something`, () => {
    const identifier = Math.floor((min + max) / 2);
    const network = driver.encapsulation(identifier);
    const frame = payloadOf(network, new Uint8Array(60).fill(0x45));
    const sent = encode(network, frame, 0);
    const before = new DecodedHeader();
    assert.equal(decode(driver, network, { ...sent, memory: sent.memory.slice() }, before), undefined);
    for (let bit = 0; bit < network.headerBytes * 8; bit++) {
      const headerAt = headerOffset(driver) + (bit >> 3);
      const flipped = { ...sent, memory: sent.memory.slice() };
      flipped.memory[sent.at + headerAt] = (flipped.memory[sent.at + headerAt] ?? 0) ^ (0x80 >> (bit & 7));
      const header = new DecodedHeader();
      const failure = decode(driver, network, flipped, header);
      const isSame = failure === undefined && isEqual(header, before);
      assert.equal(
        isSame,
        expected.ignoredBits.includes(bit),
        `bit ${bit}: ${failure ?? JSON.stringify(header)}`,
      );
    }
  });

  Deno.test(`${name} sends as zero what is reserved`, () => {
    const sent = encode(driver.encapsulation(min), new Uint8Array(60), 0);
    for (const bit of expected.ignoredBits) {
      const byte = sent.memory[sent.at + headerOffset(driver) + (bit >> 3)] ?? 0;
      assert.equal(byte & (0x80 >> (bit & 7)), 0, `bit ${bit}`);
    }
  });

  Deno.test(`${name} takes the identifiers of its range and no others`, () => {
    for (const identifier of [min, max]) {
      assert.equal(driver.encapsulation(identifier).identifier, identifier);
    }
    for (const identifier of [min - 1, max + 1, -1, 1.5, NaN, Infinity, 2 ** 40]) {
      assert.throws(() => driver.encapsulation(identifier), IdentifierRangeError, `${identifier}`);
    }
  });

  Deno.test(`${name} refuses options that it does not know, and names them`, () => {
    for (const options of [{ nonsense: "1" }, ...expected.refused ?? []]) {
      const [option = ""] = Object.keys(options);
      assert.throws(() => driver.encapsulation(networkWith(driver, options), options), (error: unknown) => {
        assert.ok(error instanceof InvalidDriverOptionError, `${JSON.stringify(options)}: ${error}`);
        return error.message.includes(option);
      });
    }
  });

  Deno.test(`${name} finds the same whatever stands around a packet, and whatever it found before`, () => {
    fc.assert(
      fc.property(arbitrary, fc.nat(), ({ identifier, options, payload, flow }, cut) => {
        const network = driver.encapsulation(identifier, options);
        const sent = encode(network, payloadOf(network, payload), flow);
        const again = encode(driver.encapsulation(identifier, options), payloadOf(network, payload), flow);
        assert.deepEqual(again, sent);
        const lengthBytes = cut % (sent.lengthBytes + 1);
        const results = [0x00, 0xff].map((around) => {
          const memory = new Uint8Array(sent.memory.length).fill(around);
          memory.set(sent.memory.subarray(sent.at, sent.at + lengthBytes), sent.at);
          const header = new DecodedHeader();
          if (around !== 0) fillWithRubbish(header);
          const failure = decode(driver, network, { memory, at: sent.at, lengthBytes }, header);
          return failure ?? { ...header, packet: memory.slice(sent.at, sent.at + lengthBytes) };
        });
        assert.deepEqual(results[0], results[1], `${lengthBytes} bytes`);
      }),
      { numRuns: RUNS },
    );
  });

  Deno.test(`${name} has headers as long as it says at most`, () => {
    const lengths = variants.map((options) =>
      driver.encapsulation(networkWith(driver, options), options).headerBytes
    );
    assert.equal(Math.max(...lengths), maxHeaderBytes);
  });

  Deno.test(`${name} throws on no bytes whatever, and stays within them`, () => {
    const networks = variants.map((options) => driver.encapsulation(networkWith(driver, options), options));
    let state = 1;
    const header = new DecodedHeader();
    const memory = new Uint8Array(2 * MARGIN_BYTES + 96);
    for (let run = 0; run < 100_000; run++) {
      for (let i = MARGIN_BYTES; i < memory.length - MARGIN_BYTES; i++) {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        memory[i] = state >>> 24;
      }
      const network = networks[run % networks.length];
      const placed = { memory, at: MARGIN_BYTES, lengthBytes: (state >>> 8) % 97 };
      // Half of them begin as packets of a network do.
      if (network !== undefined && run % 2 === 0) encodeInto(network, placed, headerOffset(driver));
      memory.fill(CANARY, 0, placed.at);
      memory.fill(CANARY, placed.at + placed.lengthBytes);
      if (network === undefined || decode(driver, network, placed, header) !== undefined) continue;
      assertInside(placed, header);
      assertMargins(placed);
    }
  });
}

/** A payload that fits the kind: IP packets begin with their version. */
function payloadOf(network: Encapsulation, bytes: Uint8Array): Uint8Array {
  if (network.payload === "ethernet") return bytes;
  const packet = bytes.slice();
  packet[0] = 0x45;
  return packet;
}

function encode(network: Encapsulation, payload: Uint8Array, flow: number): Placed {
  const { headerBytes } = network;
  const lengthBytes = headerBytes + payload.length;
  const memory = new Uint8Array(2 * MARGIN_BYTES + lengthBytes).fill(CANARY);
  memory.set(payload, MARGIN_BYTES + headerBytes);
  network.encode(memory, MARGIN_BYTES + headerBytes, payload.length, flow);
  return { memory, at: MARGIN_BYTES, lengthBytes };
}

/** Writes a header over what is there, if there is room. */
function encodeInto(network: Encapsulation, { memory, at, lengthBytes }: Placed, offset: number): void {
  const { headerBytes } = network;
  if (lengthBytes < headerBytes + offset) return;
  network.encode(memory, at + headerBytes, lengthBytes - headerBytes, 0);
}

function decode(
  driver: OverlayDriver,
  network: Encapsulation,
  { memory, at, lengthBytes }: Placed,
  header: DecodedHeader,
): string | undefined {
  const failure = driver.decode(memory, at, lengthBytes, header);
  if (failure !== undefined) return failure;
  if (header.identifier !== network.identifier) return "wrong-network";
  return network.accept(memory, header);
}

/** A tag stands behind the addresses of a frame; all other headers come first. */
function headerOffset(driver: OverlayDriver): number {
  return driver.capabilities.transport.kind === "link" ? 12 : 0;
}

function assertInside({ at, lengthBytes }: Placed, header: DecodedHeader): void {
  const { payloadAt, payloadBytes, optionsAt, optionsBytes } = header;
  assert.ok(payloadAt >= at && payloadBytes >= 0 && payloadAt + payloadBytes <= at + lengthBytes);
  assert.ok(optionsBytes === 0 || (optionsAt >= at && optionsAt + optionsBytes <= payloadAt));
}

function assertMargins({ memory, at, lengthBytes }: Placed): void {
  assert.ok(memory.subarray(0, at).every((byte) => byte === CANARY), "bytes before the packet have changed");
  assert.ok(memory.subarray(at + lengthBytes).every((byte) => byte === CANARY), "bytes behind have changed");
}

/** As if another packet had left it so. */
function fillWithRubbish(header: DecodedHeader): void {
  header.identifier = header.payloadAt = header.payloadBytes = 77;
  header.optionsAt = header.optionsBytes = header.sequence = 77;
  header.trafficClass = header.outerIdentifier = 7;
  header.payload = "ip";
}

function isEqual(a: DecodedHeader, b: DecodedHeader): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function isNetwork(driver: OverlayDriver, identifier: number, options: DriverOptions): boolean {
  return identifier === networkWith(driver, options) || options["key"] !== "none";
}

/** An identifier that goes with these options. */
function networkWith(driver: OverlayDriver, options: DriverOptions): number {
  const { min, max } = driver.capabilities.identifier;
  return options["key"] === "none" ? 0 : Math.floor((min + max) / 2);
}
