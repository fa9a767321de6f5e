/**
 * The worker of a relay: a thread that runs one `RelayEngine` until it is told to stop.
 * @module
 */

import { decodeBase64 } from "../../../base/mod.ts";
import { addressOf, RawIo, serveAsWorker, systemRandom } from "../../../host/mod.ts";
import {
  FORWARDER_DROPS,
  type ForwarderDrop,
  type LegKey,
  LegSecret,
  RELAY_DROPS,
  type SwitchSession,
} from "../../../relay/mod.ts";
import { CommandReader } from "../command_ring.ts";
import { type EnginePort, RELAY_ENGINE_BYTES, RelayEngine } from "./relay_engine.ts";
import {
  type PlainLeg,
  type RelayCommand,
  type RelayReport,
  type RelaySetup,
  SESSION_COUNTS,
} from "./relay_protocol.ts";

const WASM_PAGE_BYTES = 65_536;

serveAsWorker<RelaySetup, RelayReport>((setup, report) => {
  const commands = new CommandReader(setup.commands);
  try {
    new RelayWorker(setup, commands, report).run();
    return { kind: "ended" };
  } finally {
    commands.close();
  }
});

/** The engine, what the control thread tells it, and what that is shown. */
class RelayWorker {
  readonly #commands: CommandReader;
  readonly #report: (report: RelayReport) => void;
  readonly #engine: RelayEngine;
  readonly #counts: Float64Array;
  readonly #drops: Float64Array;

  constructor(setup: RelaySetup, commands: CommandReader, report: (report: RelayReport) => void) {
    const { rates, wakeFd } = setup;
    const io = RawIo.open();
    const memory = new WebAssembly.Memory({ initial: Math.ceil(RELAY_ENGINE_BYTES / WASM_PAGE_BYTES) });
    this.#commands = commands;
    this.#report = report;
    this.#counts = new Float64Array(setup.counts);
    this.#drops = new Float64Array(setup.drops);
    this.#engine = new RelayEngine({
      io,
      memory,
      base: addressOf(memory),
      wakeFd,
      rates,
      now: () => io.now(),
      random: systemRandom,
      onWake: () => this.#obey(),
      onTurn: (slot, session) => this.#show(slot, session),
      onDrop: (reason, datagrams) => this.#count(reason, datagrams),
    });
    report({ kind: "ready" });
  }

  run(): void {
    this.#engine.run();
  }

  /** @returns false to stop */
  #obey(): boolean {
    for (let bytes = this.#commands.read(); bytes !== undefined; bytes = this.#commands.read()) {
      const command = JSON.parse(new TextDecoder().decode(bytes)) as RelayCommand;
      // It may hold a secret.
      bytes.fill(0);
      if (command.kind === "stop") return false;
      if (command.kind === "close") {
        this.#engine.close(command.slot);
        this.#report({ kind: "closed", slot: command.slot });
        continue;
      }
      const { slot, legs } = command;
      this.#counts.fill(0, slot * SESSION_COUNTS, (slot + 1) * SESSION_COUNTS);
      if (!this.#engine.open(slot, [keyOf(legs[0]), keyOf(legs[1])], legs)) this.#count("send-failed", 1);
    }
    return true;
  }

  #show(slot: number, { carriedDatagrams, carriedBytes, binds, isBound }: SwitchSession<EnginePort>): void {
    const at = slot * SESSION_COUNTS;
    this.#counts[at] = carriedDatagrams;
    this.#counts[at + 1] = carriedBytes;
    this.#counts[at + 2] = binds;
    this.#counts[at + 3] = isBound ? 1 : 0;
    const { drops } = this.#engine.switch;
    // The reasons of the switch are the first of all.
    for (let i = 0; i < RELAY_DROPS.length; i++) {
      const reason = RELAY_DROPS[i];
      if (reason !== undefined) this.#drops[i] = drops.get(reason);
    }
  }

  #count(reason: ForwarderDrop, datagrams: number): void {
    const at = FORWARDER_DROPS.indexOf(reason);
    this.#drops[at] = (this.#drops[at] ?? 0) + datagrams;
  }
}

function keyOf({ id, secret }: PlainLeg): LegKey {
  const bytes = decodeBase64(secret) ?? new Uint8Array();
  return { id: decodeBase64(id) ?? new Uint8Array(), secret: LegSecret.fromBytes(bytes) };
}
