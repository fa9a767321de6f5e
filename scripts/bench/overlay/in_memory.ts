/**
 * What the drivers and the switch alone take for a frame, without system calls and ciphers.
 * @module
 */

import { getDriverFactory } from "../../../drivers/mod.ts";
import { millis, SeededRandom } from "../../../lib/base/mod.ts";
import { DecodedHeader, FORWARD, Forwarding, FrameSwitch } from "../../../lib/overlay/mod.ts";
import { ipFrame, mac, packet } from "../../../lib/overlay/switch/testing/mod.ts";
import { Samples, type Table } from "../samples.ts";
import { type Driver, DRIVERS, identifierOf } from "./carriers.ts";

const FRAMES = 200_000;
const HEADROOM_BYTES = 128;
const LOCAL = 1;
const REMOTE = 2;

/** Out on one host, in on the other: switched, wrapped, read, switched. */
export function measureInMemory(rounds: number): Table {
  const samples = new Samples(["one thread"]);
  for (let round = 0; round < rounds; round++) {
    for (const driver of DRIVERS) {
      for (const size of [64, 1370]) {
        const seconds = carryFrames(driver, size);
        const what = `${driver}, packets of ${size} bytes`;
        samples.add({ what, unit: "M frames/s", digits: 2 }, "one thread", FRAMES / seconds / 1e6);
      }
    }
  }
  return samples.table;
}

/** @returns seconds for `FRAMES` frames @throws Error when one does not arrive */
function carryFrames(name: Driver, packetBytes: number): number {
  const driver = getDriverFactory(name)();
  const encapsulation = driver.encapsulation(identifierOf(name));
  const [here, there] = [hostOf(1), hostOf(2)];
  const payload = new Uint8Array(packetBytes - 28);
  const original = ipFrame(mac(1), mac(2), packet("10.0.0.1", "10.0.0.2", { payload }));
  const bytes = new Uint8Array(HEADROOM_BYTES + original.length + 64);
  const header = new DecodedHeader();
  const out = new Forwarding();
  const { headerBytes } = encapsulation;
  const startedAt = performance.now();
  for (let i = 0; i < FRAMES; i++) {
    bytes.set(original, HEADROOM_BYTES);
    here.forward(millis(i), LOCAL, bytes, HEADROOM_BYTES, original.length, packetBytes, out);
    assertGoesTo(out, REMOTE);
    encapsulation.encode(bytes, HEADROOM_BYTES, original.length, i);
    const at = HEADROOM_BYTES - headerBytes;
    header.clear();
    const failure = driver.decode(bytes, at, headerBytes + original.length, header) ??
      encapsulation.accept(bytes, header);
    if (failure !== undefined) {
      throw new Error(`a frame is refused: ${failure}`);
    }
    there.forward(millis(i), REMOTE, bytes, header.payloadAt, header.payloadBytes, packetBytes, out);
    assertGoesTo(out, LOCAL);
  }
  return (performance.now() - startedAt) / 1e3;
}

function assertGoesTo({ action, port }: Forwarding, expected: number): void {
  if (action !== FORWARD.ONE || port !== expected) throw new Error("a frame does not arrive");
}

/** The switch of one of two hosts with an endpoint each. */
function hostOf(own: 1 | 2): FrameSwitch {
  const frames = new FrameSwitch(new SeededRandom(own));
  frames.setNetwork({ network: 1, mtuBytes: 1500 });
  frames.setPort({ port: LOCAL, network: 1, side: "local", allowsForeign: false });
  frames.setPort({ port: REMOTE, network: 1, side: "remote", allowsForeign: false });
  frames.setBinding({ network: 1, port: LOCAL, mac: mac(own), addresses: [] });
  frames.setBinding({ network: 1, port: REMOTE, mac: mac(3 - own), addresses: [] });
  return frames;
}
