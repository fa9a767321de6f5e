import assert from "node:assert/strict";
import { Node } from "../../../lib/agent/mod.ts";
import type { Collection } from "../../../lib/data/mod.ts";
import { IS_THOROUGH, Lab, labTest, type MeshNode, PACKET_PLANE, pause } from "../../lab/mod.ts";
import { startMesh, untilAllKnowAll, waitFor } from "../../lab/mod.ts";

type Account = { readonly id: string; readonly amount: number };
type Branches = readonly [Collection<Account>, Collection<Account>];
type Victim = "client" | "east" | "west";
type Action = "openRecord" | "prepare" | "decide" | "finish";

/** Who is killed, with `kill -9`, and when: before a call of the transfer's program is made, or once it was answered. */
interface Moment {
  readonly victim: Victim;
  readonly action: Action;
  readonly isAfter: boolean;
}

const ACTIONS: readonly Action[] = ["openRecord", "prepare", "decide", "finish"];
const VICTIMS: readonly Victim[] = ["client", "east", "west"];
const ALL = VICTIMS.flatMap((victim) =>
  ACTIONS.flatMap((action) => [false, true].map((isAfter) => ({ victim, action, isAfter })))
);
/** The record is east's: what was decided there, its program and the other owner may not know. */
const MOMENTS: readonly Moment[] = IS_THOROUGH ? ALL : [
  { victim: "client", action: "decide", isAfter: true },
  { victim: "east", action: "decide", isAfter: true },
  { victim: "west", action: "finish", isAfter: false },
];
const AMOUNT = 100;
const ENTRIES = ["0", "1"] as const;
const TOTAL = AMOUNT * ENTRIES.length * 2;
/** What a dead program has left open ends 4 s after an owner has seen it; calls find a killed node again meanwhile. */
const RESOLVED_MS = 30_000;

async function branchesOf(program: Node): Promise<Branches> {
  const open = (name: string) => program.collection<Account>(name, { key: "id" });
  return [await open("east"), await open("west")];
}

/** One transfer from east to west of one account, under its id. */
function transfer(program: Node, [east, west]: Branches, account: string, id: string): Promise<void> {
  return program.transaction(async (tx) => {
    const [source, target] = await Promise.all([tx.get(east, account), tx.get(west, account)]);
    await tx.put(east, { id: account, amount: (source?.amount ?? NaN) - 1 });
    await tx.put(west, { id: account, amount: (target?.amount ?? NaN) + 1 });
  }, { id, timeoutMs: 3_000 });
}

/** @returns the amounts of both branches, as they are at one time */
function amountsOf(program: Node, branches: Branches): Promise<readonly (readonly number[])[]> {
  return program.transaction((tx) =>
    Promise.all(
      branches.map((branch) =>
        Promise.all(ENTRIES.map(async (id) => (await tx.get(branch, id))?.amount ?? NaN))
      ),
    ), { timeoutMs: 3_000 });
}

labTest(
  "a transfer between collections of two nodes is whole, and ends by itself, whoever is killed in the middle",
  PACKET_PLANE,
  async () => {
    await using lab = await Lab.create(["A", "B", "C", "D"]);
    const { nodes } = await startMesh(lab, ["A", "B", "C", "D"]);
    const [lead, east, west, client] = nodes;
    assert(lead !== undefined && east !== undefined && west !== undefined && client !== undefined);
    await untilAllKnowAll(nodes);
    for (const [name, owner] of [["east", east], ["west", west]] as const) {
      await using program = await Node.attach({ stateDir: owner.weft.stateDir });
      const make = async () => {
        const branch = await program.collection<Account>(name, { key: "id" });
        for (const id of ENTRIES) await branch.put({ id, amount: AMOUNT });
        return true;
      };
      await waitFor(() => make().catch(() => false), 20_000, { what: `${name} is made` });
    }
    const owners = async () => {
      const listed = JSON.parse(await lead.weft.expectCommand("data", "list", "--json"));
      return listed.map(({ name, owner }: { name: string; owner: string }) => `${name} of ${owner}`).join();
    };
    await waitFor(async () => await owners() === "east of b,west of c", 20_000, { what: "both are known" });
    await using reader = await Node.attach({ stateDir: lead.weft.stateDir });
    const branches = await branchesOf(reader);
    const isWhole = async () =>
      (await amountsOf(reader, branches)).flat().every((amount) => amount === AMOUNT);
    await waitFor(() => isWhole().catch(() => false), 20_000, { what: "what the owners have put is read" });
    // All the time somebody moves money of another account, and somebody looks.
    let [isOver, others, looks] = [false, 0, 0];
    const moving = (async () => {
      while (!isOver) {
        const id = `other-${others}`;
        const isSent = () => transfer(reader, branches, "1", id).then(() => true, () => false);
        await waitFor(isSent, 60_000, { what: `${id} is answered` });
        others++;
        await pause(200);
      }
    })();
    const looking = (async () => {
      while (!isOver) {
        const seen = await amountsOf(reader, branches).catch(() => undefined);
        if (seen !== undefined) {
          looks++;
          assert.equal(seen.flat().reduce((a, b) => a + b), TOTAL, `seen together: ${JSON.stringify(seen)}`);
        }
        await pause(200);
      }
    })();

    let happened = 0;
    const killed = { client, east, west };
    const runMoment = async (moment: Moment) => {
      const { victim, action, isAfter } = moment;
      const id = `${victim}-${action}-${isAfter ? "after" : "before"}`;
      const isSettled = await killAt(killed, moment, id);
      if (victim === "client") {
        // Nobody sends it again: what it has left open, the owners end.
        const whole = await waitFor(() => amountsOf(reader, branches).catch(() => undefined), RESOLVED_MS, {
          what: `${id} ends by itself`,
        });
        const isThere = whole[0]?.[0] === AMOUNT - happened - 1;
        assert.equal(whole[0]?.[0], AMOUNT - happened - (isThere ? 1 : 0), id);
        assert.equal(whole[1]?.[0], AMOUNT + happened + (isThere ? 1 : 0), id);
        const isDecided = action === "finish" || (action === "decide" && isAfter);
        assert.equal(isThere, isDecided, `${id}: what was decided has happened, and nothing else`);
      }
      await killed[victim].weft.start("up");
      // Whatever came of it: sent again it has happened once.
      if (!isSettled) {
        await using program = await Node.attach({ stateDir: client.weft.stateDir });
        const again = async () => {
          await transfer(program, await branchesOf(program), "0", id);
          return true;
        };
        await waitFor(() => again().catch(() => false), RESOLVED_MS, { what: `${id} is sent again` });
      }
      happened++;
      const now = await waitFor(() => amountsOf(reader, branches).catch(() => undefined), RESOLVED_MS, {
        what: `all of ${id} has ended`,
      });
      assert.deepEqual([now[0]?.[0], now[1]?.[0]], [AMOUNT - happened, AMOUNT + happened], id);
    };
    const moments = (async () => {
      for (const moment of MOMENTS) await runMoment(moment);
    })();
    const working = moments.finally(() => isOver = true);
    await Promise.all([working, moving, looking]).finally(() => isOver = true);
    const [[, from], [, to]] = await amountsOf(reader, branches) as [number[], number[]];
    assert.deepEqual([from, to], [AMOUNT - others, AMOUNT + others], "each of the others has happened once");
    assert.ok(looks > MOMENTS.length, `${looks} looks`);
  },
);

/** Begins a transfer, and kills a node in the middle of it. @returns whether it was answered all the same */
async function killAt(
  nodes: Readonly<Record<Victim, MeshNode>>,
  { victim, action, isAfter }: Moment,
  id: string,
): Promise<boolean> {
  let isKilled = false;
  const kill = async () => {
    isKilled = true;
    await nodes[victim].weft.kill();
  };
  await using program = await Node.attach({
    stateDir: nodes.client.weft.stateDir,
    middleware: [{
      request: async ({ path, params }, next) => {
        // An attempt that met somebody else's is taken back, and made again.
        const { outcome } = (params ?? {}) as { readonly outcome?: unknown };
        const isMeant = !isKilled && path.endsWith(`/${action}`) && outcome !== "rolled-back";
        if (isMeant && !isAfter) await kill();
        const answer = await next();
        if (isMeant && isAfter && !isKilled) await kill();
        return answer;
      },
    }],
  });
  const branches = await branchesOf(program);
  // Owners that have just come back may still be busy with what was left open.
  for (const until = Date.now() + RESOLVED_MS; Date.now() < until;) {
    const isAnswered = await transfer(program, branches, "0", id).then(() => true, () => false);
    if (isKilled) return isAnswered;
    assert.ok(!isAnswered, `${id} has come to that`);
  }
  throw new Error(`${id} has not come to that`);
}
