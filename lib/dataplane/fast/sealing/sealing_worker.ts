/**
 * A sealing worker: a thread that runs one `SealingEngine` until it is told to stop.
 * @module
 */

import { addressOf, RawIo, serveAsWorker } from "../../../host/mod.ts";
import { CommandReader } from "../command_ring.ts";
import type { EngineEnd } from "../engine_parts.ts";
import { selectBatchCipher, type SelectedCipher } from "../select_cipher.ts";
import { parsePeerUpdate, type WorkerSocket } from "../worker_protocol.ts";
import { SEALING_BYTES, SealingEngine } from "./sealing_engine.ts";
import {
  SEALING_DROPS,
  type SealingCommand,
  type SealingReport,
  type SealingSetup,
} from "./sealing_protocol.ts";

const WASM_PAGE_BYTES = 65_536;

serveAsWorker<SealingSetup, SealingReport>((setup, report) => {
  try {
    return { kind: "ended", end: new SealingWorker(setup, report).run() };
  } finally {
    new CommandReader(setup.commands).close();
  }
});

/** The engine, and what the control thread tells it. */
class SealingWorker {
  readonly #report: (report: SealingReport) => void;
  readonly #selected: SelectedCipher;
  readonly #engine: SealingEngine;
  readonly #commands: CommandReader;
  readonly #drops: Float64Array;

  constructor(setup: SealingSetup, report: (report: SealingReport) => void) {
    const io = RawIo.open();
    // One page is the cipher's own.
    const pages = Math.ceil(SEALING_BYTES / WASM_PAGE_BYTES) + 1;
    const selected = this.#selected = selectBatchCipher(setup, pages);
    const { cipher } = selected;
    this.#report = report;
    this.#commands = new CommandReader(setup.commands);
    this.#drops = new Float64Array(setup.drops);
    this.#engine = new SealingEngine({
      ...setup,
      io,
      cipher,
      base: addressOf(cipher.memory),
      now: () => io.now(),
      onWake: () => this.#takeCommands(),
      onDrop: (reason, count) => {
        const at = SEALING_DROPS.indexOf(reason);
        this.#drops[at] = (this.#drops[at] ?? 0) + count;
      },
    });
    report({ kind: "ready" });
  }

  run(): EngineEnd {
    try {
      return this.#engine.run();
    } finally {
      this.#selected.close();
    }
  }

  /** @returns false to stop */
  #takeCommands(): boolean {
    for (let bytes = this.#commands.read(); bytes !== undefined; bytes = this.#commands.read()) {
      const command = JSON.parse(new TextDecoder().decode(bytes)) as SealingCommand;
      if (command.kind === "stop") return false;
      this.#obey(command);
    }
    return true;
  }

  #obey(command: Exclude<SealingCommand, { kind: "stop" }>): void {
    const engine = this.#engine;
    switch (command.kind) {
      case "set-mtu":
        return engine.setMtu(command.mtuBytes);
      case "suspend":
        return this.#useSocket(undefined);
      case "use-socket":
        return this.#useSocket(command.socket);
      case "remove-peer":
        return engine.peers.remove(command.publicKey);
      case "update-peer": {
        const update = parsePeerUpdate(command.update);
        if (update !== undefined) engine.peers.update(command.slot, update);
      }
    }
  }

  #useSocket(socket: WorkerSocket | undefined): void {
    const fd = this.#engine.useSocket(socket);
    if (fd !== undefined) this.#report({ kind: "socket-released", fd });
  }
}
