/**
 * A worker for tests of shared sessions: it takes numbers as fast as it can, and says which, with the key that it saw.
 * @module
 */

import { CounterKey, nobleAead } from "../../../../crypto/mod.ts";
import { SharedSessions } from "../shared_session.ts";

/** What it is told. */
export interface ClaimingOrder {
  readonly memory: SharedArrayBuffer;
  readonly worker: number;
  readonly slot: number;
  /** Becomes 1 when it is to end. */
  readonly stop: SharedArrayBuffer;
  readonly seed: number;
}

/** What it has taken: runs of numbers of a key. */
export interface Claims {
  /** For each run: the first word of the key before, and after, the first number, and how many. */
  readonly runs: Float64Array;
}

/** Words of a run. */
export const RUN_WORDS = 4;
const MAX_RUNS = 200_000;

const scope = globalThis as unknown as {
  onmessage: (message: { readonly data: ClaimingOrder }) => void;
  postMessage(claims: Claims | "ready"): void;
  close(): void;
};

scope.onmessage = ({ data }) => {
  const { memory, worker, slot, seed } = data;
  const stop = new Int32Array(data.stop);
  const sessions = new SharedSessions(memory, worker, nobleAead);
  const runs = new Float64Array(MAX_RUNS * RUN_WORDS);
  const bytes = new Uint8Array(32);
  const view = new DataView(bytes.buffer);
  let state = seed;
  let count = 0;
  scope.postMessage("ready");
  while (Atomics.load(stop, 0) === 0 && count < MAX_RUNS) {
    sessions.enter();
    const session = sessions.find(slot);
    if (session?.sendKey instanceof CounterKey) {
      state = Math.imul(state, 0x41c6_4e6d) + 12_345 | 0;
      const wanted = 1 + (state >>> 26);
      session.sendKey.copyTo(bytes, 0);
      const before = view.getUint32(0);
      const first = session.counter.claim(wanted);
      session.sendKey.copyTo(bytes, 0);
      if (first >= 0) runs.set([before, view.getUint32(0), first, wanted], RUN_WORDS * count++);
      sessions.noteSent();
    }
    sessions.leave();
  }
  scope.postMessage({ runs: runs.slice(0, count * RUN_WORDS) });
  scope.close();
};
