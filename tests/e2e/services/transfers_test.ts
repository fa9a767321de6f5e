import assert from "node:assert/strict";
import { Node } from "../../../lib/agent/mod.ts";
import { type Collection, DataError } from "../../../lib/data/mod.ts";
import {
  announcedRandom,
  integerBetween,
  IS_THOROUGH,
  Lab,
  labTest,
  type MeshNode,
  PACKET_PLANE,
  pause,
  startMesh,
  untilAllKnowAll,
  waitFor,
  within,
} from "../../lab/mod.ts";

type Account = { readonly id: string; readonly amount: number };

/** So many accounts are in each of two collections, which two nodes own. */
const ACCOUNTS = 4;
const BRANCHES = ["east", "west"] as const;
/** So often each of those is killed: the program's agent, the owner of the records, the other owner. */
const KILLS_EACH = IS_THOROUGH ? 6 : 1;
/** What a dead program has left open ends 4 s after an owner has seen it; calls find a node again meanwhile. */
const RESOLVED_MS = 20_000;

/** A program of a node, which is attached again when the node was killed. */
class Teller implements AsyncDisposable {
  readonly #node: MeshNode;
  #program: Node | undefined;

  constructor(node: MeshNode) {
    this.#node = node;
  }

  /** @throws whatever the program does, which is attached anew next time */
  async run<T>(work: (program: Node, branches: readonly Collection<Account>[]) => Promise<T>): Promise<T> {
    const program = this.#program ??= await Node.attach({ stateDir: this.#node.weft.stateDir });
    try {
      const branches: Collection<Account>[] = [];
      for (const name of BRANCHES) branches.push(await program.collection<Account>(name, { key: "id" }));
      return await work(program, branches);
    } catch (error) {
      // Who was too slow has lost nothing but time.
      if (!(error instanceof DataError) || error.code === "OwnerAway") await this[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const program = this.#program;
    this.#program = undefined;
    await program?.[Symbol.asyncDispose]().catch(() => {});
  }
}

labTest(
  "transfers between collections of two nodes are whole, and end by themselves, whoever is killed in the middle",
  PACKET_PLANE,
  async () => {
    const random = announcedRandom("WEFT_TRANSFERS_SEED");
    await using lab = await Lab.create(["A", "B", "C", "D"]);
    const { nodes } = await startMesh(lab, ["A", "B", "C", "D"]);
    const [lead, east, west, client] = nodes;
    assert(lead !== undefined && east !== undefined && west !== undefined && client !== undefined);
    await untilAllKnowAll(nodes);
    for (const [i, node] of [east, west].entries()) {
      await using teller = new Teller(node);
      const name = BRANCHES[i] ?? assert.fail();
      await waitFor(
        () =>
          teller.run(async (program) => {
            const accounts = await program.collection<Account>(name, { key: "id" });
            for (let id = 0; id < ACCOUNTS; id++) await accounts.put({ id: `${id}`, amount: 100 });
            return true;
          }).catch(() => false),
        20_000,
        { what: `${name} is made` },
      );
    }

    await using stack = new AsyncDisposableStack();
    const tellerOn = (node: MeshNode) => stack.use(new Teller(node));
    const expected = BRANCHES.map(() => Array.from({ length: ACCOUNTS }, () => 100));
    const change = (branch: number, account: number, by: number) => {
      const amounts = expected[branch] ?? assert.fail();
      amounts[account] = (amounts[account] ?? 0) + by;
    };
    let [isOver, transfers, repeats, looks] = [false, 0, 0, 0];
    const lanes = [client, client, lead].map(async (node, lane) => {
      const teller = tellerOn(node);
      for (let i = 0; !isOver; i++) {
        const [from, to] = [integerBetween(random, 0, ACCOUNTS - 1), integerBetween(random, 0, ACCOUNTS - 1)];
        const amount = integerBetween(random, -20, 20);
        const id = `${lane}-${i}`;
        const transfer = () =>
          teller.run((program, [one, other]) =>
            program.transaction(async (tx) => {
              assert(one !== undefined && other !== undefined);
              const [source, target] = await Promise.all([tx.get(one, from), tx.get(other, to)]);
              await tx.put(one, { id: `${from}`, amount: (source?.amount ?? 0) - amount });
              await tx.put(other, { id: `${to}`, amount: (target?.amount ?? 0) + amount });
              return amount;
            }, { id, timeoutMs: 4_000 })
          );
        // Whatever came of it: sent again under its id it happens once.
        const isSent = () => transfer().then(() => true, () => void repeats++);
        await waitFor(isSent, 60_000, { what: `transfer ${id} is answered` });
        // Agents that start have the processor, too.
        await pause(50);
        transfers++;
        change(0, from, -amount);
        change(1, to, amount);
      }
    });
    const amountsBy = (teller: Teller, timeoutMs: number) =>
      teller.run((program, branches) =>
        program.transaction(async (tx) => {
          const ids = Array.from({ length: ACCOUNTS }, (_, id) => id);
          return await Promise.all(branches.map((branch) =>
            Promise.all(ids.map(async (id) => (await tx.get(branch, id))?.amount ?? NaN))
          ));
        }, { timeoutMs })
      );
    const total = (amounts: readonly (readonly number[])[]) => amounts.flat().reduce((a, b) => a + b);
    const watching = (async () => {
      const teller = tellerOn(lead);
      while (!isOver) {
        const seen = await amountsBy(teller, 2_000).catch(() => undefined);
        if (seen !== undefined) {
          looks++;
          assert.equal(total(seen), 100 * ACCOUNTS * 2, `seen together: ${JSON.stringify(seen)}`);
        }
        await pause(50);
      }
    })();

    const kill = async () => {
      for (let round = 0; round < KILLS_EACH; round++) {
        for (const victim of [client, east, west]) {
          const before = transfers;
          await waitFor(() => Promise.resolve(transfers > before + 2), RESOLVED_MS, {
            what: `transfers go on before ${victim.weft.name} is killed`,
          });
          await pause(integerBetween(random, 0, 300));
          await victim.weft.kill();
          await pause(integerBetween(random, 0, 1_000));
          await victim.weft.start("up");
        }
      }
    };
    const killing = kill().finally(() => isOver = true);
    await Promise.all([killing, watching, ...lanes]).finally(() => isOver = true);

    // One last transfer, of which nobody sees the end: its agent dies, and with it who has asked.
    const last = tellerOn(client);
    const id = "last";
    const ending = last.run((program, [one, other]) =>
      program.transaction(async (tx) => {
        assert(one !== undefined && other !== undefined);
        const [source, target] = [await tx.get(one, 0), await tx.get(other, 0)];
        await tx.put(one, { id: "0", amount: (source?.amount ?? 0) - 1 });
        await tx.put(other, { id: "0", amount: (target?.amount ?? 0) + 1 });
      }, {
        id,
        onState: (state) => {
          if (state === "queued") setTimeout(() => void client.weft.kill(), integerBetween(random, 0, 8));
        },
      })
    ).then(() => true, () => false);
    const isAnswered = await within(ending, 5_000) ?? false;
    await client.weft.kill();
    const reader = tellerOn(lead);
    const amounts = await waitFor(
      () => amountsBy(reader, 2_000).catch(() => undefined),
      RESOLVED_MS,
      { what: "what was left open ends by itself" },
    );
    const hasHappened = amounts[0]?.[0] === (expected[0]?.[0] ?? 0) - 1;
    if (isAnswered) assert.ok(hasHappened, "what was answered has happened");
    change(0, 0, hasHappened ? -1 : 0);
    change(1, 0, hasHappened ? 1 : 0);
    assert.deepEqual(amounts, expected, "each transfer has happened once, as a whole");
    // deno-lint-ignore no-console -- tells whether the moments were well chosen
    console.log(`${transfers} transfers, ${repeats} sent again, ${looks} looks; the last one ${hasHappened}`);
    assert.ok(looks > 5, `${looks} looks`);
  },
);
