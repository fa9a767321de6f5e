import assert from "node:assert/strict";
import { DataError } from "../errors.ts";
import { fails } from "../testing/conformance.ts";
import { CommitSender } from "./commit_sender.ts";
import type { DataCalls } from "./data_calls.ts";

const COMMIT = {
  id: "mails/1/x",
  reads: [],
  writes: [{ kind: "delete", collection: "sent", key: "1" }],
  versions: {},
} as const;

/** @param answers by path; who is not there does not own it */
function setUp(answers: Readonly<Record<string, unknown>>, checkLease = () => Promise.resolve()) {
  const asked: string[] = [];
  let open = 0;
  const calls = {
    sealer: () => undefined,
    router: () => undefined,
    now: () => 0,
    askUntil: (_: string, path: string) => {
      asked.push(path);
      if (path in answers) return Promise.resolve(answers[path]);
      return Promise.reject(new DataError("NotOwner", path));
    },
  } as unknown as DataCalls;
  const delivery = {
    ...{ id: COMMIT.id, queue: "mails", params: { lease: "1.1" } },
    ...{ checkLease, onStillOpen: () => void open++ },
  };
  const sender = new CommitSender(calls, { isGiven: true, until: 1_000, signal: undefined, delivery });
  return { asked, send: () => sender.send(COMMIT, { isOrdered: false }), stillOpen: () => open };
}

Deno.test("CommitSender goes by the queue's owner, and is told that a delivery is open that it has not ended", async () => {
  const answer = { revisions: [1], isRepeated: false };
  const first = setUp({ "queue/mails/commit": answer });
  assert.deepEqual([await first.send(), first.asked, first.stillOpen()], [
    answer,
    ["queue/mails/commit"],
    0,
  ]);
  const again = setUp({ "queue/mails/commit": { ...answer, isRepeated: true } });
  await again.send();
  assert.equal(again.stillOpen(), 1);
  const apart = setUp({ "data/sent/commit": answer });
  await apart.send();
  await apart.send();
  assert.deepEqual(apart.asked, ["queue/mails/commit", "data/sent/commit", "data/sent/commit"]);
  assert.equal(apart.stillOpen(), 2);
});

Deno.test("CommitSender asks nobody else once the lease is lost", async () => {
  const lost = () => Promise.reject(new DataError("LeaseLost", "gone"));
  const { asked, send, stillOpen } = setUp({ "data/sent/commit": {} }, lost);
  await fails("LeaseLost", send());
  await fails("LeaseLost", send());
  assert.deepEqual(asked, ["queue/mails/commit", "queue/mails/commit"]);
  assert.equal(stillOpen(), 0);
});
