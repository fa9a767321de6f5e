import assert from "node:assert/strict";
import {
  type CapturedProcess,
  labTest,
  loopbackArgs,
  type Requirement,
  thisMachine,
  untilPrinted,
  waitFor,
  WeftNode,
} from "../../lab/mod.ts";
import { CallError } from "../../../mod.ts";
import { RootlessMesh } from "./rootless_mesh.ts";

/** How large a run is. */
interface Size {
  readonly agents: number;
  readonly callsPerSecond: number;
  readonly needs: readonly Requirement[];
}

const SIZES: readonly Size[] = [
  { agents: 2, callsPerSecond: 100, needs: [] },
  { agents: 12, callsPerSecond: 1_000, needs: ["thorough"] },
];

const TICK_MS = 20;

/** One agent and its program. */
interface Place {
  readonly agent: WeftNode;
  program: CapturedProcess;
}

for (const { agents, callsPerSecond, needs } of SIZES) {
  const name =
    `A rolling restart of ${agents} agents and ${agents} programs loses no call of ${callsPerSecond} a second`;
  labTest(name, needs, async () => {
    await using mesh = await RootlessMesh.create("rolling-restart", "lead");
    await using stack = new AsyncDisposableStack();
    const { control, services: { runtime } } = mesh.overlay;
    const { token } = control.createToken({
      lifetimeMs: 3_600_000,
      uses: agents,
      grants: { offer: ["roll"] },
    });
    const startProgram = async ({ stateDir, name }: WeftNode) => {
      const program = mesh.startPrivileged("services/rolling_program.ts", stateDir, name);
      await untilPrinted(program, "ready");
      return program;
    };
    const untilOffered = (count: number) =>
      waitFor(
        () => {
          const [report] = runtime.report("roll");
          const here = report?.providers.filter(({ state, isHealthy }) => state === "running" && isHealthy);
          return (here?.length ?? 0) === count;
        },
        30_000,
        { what: `${count} offer it` },
      );
    const places: Place[] = [];
    for (let i = 0; i < agents; i++) {
      const name = `roll-${i}`;
      const agent = stack.use(
        new WeftNode(thisMachine, { name, stateDir: mesh.stateDir(name), args: loopbackArgs() }),
      );
      await agent.start("--join", token);
      places.push({ agent, program: await startProgram(agent) });
    }
    await untilOffered(agents);

    const failures: string[] = [];
    const load = { made: 0, pending: 0 };
    const call = async () => {
      load.made++;
      load.pending++;
      try {
        await runtime.request("roll/read");
      } catch (error) {
        failures.push(error instanceof CallError ? `${error.code}: ${error.message}` : String(error));
      } finally {
        load.pending--;
      }
    };
    const ticking = setInterval(() => {
      for (let i = 0; i < callsPerSecond * TICK_MS / 1_000; i++) void call();
    }, TICK_MS);
    stack.defer(() => clearInterval(ticking));

    for (const place of places) {
      const { agent } = place;
      // What is no idempotent call either ends well when it has begun.
      for (const what of ["program", "agent"] as const) {
        const begun = runtime.request<string>("roll/work", what, { node: agent.name, retries: 0 });
        const worked = begun.then((by) => by, (error) => `${error.code} of the ${what}`);
        await untilPrinted(place.program, `working while the ${what} stops`);
        if (what === "program") {
          const { code } = await place.program.stop("SIGTERM", 15_000);
          assert.equal(await worked, agent.name);
          assert.equal(code, 0, place.program.tail());
          place.program = await startProgram(agent);
        } else {
          const { code } = await agent.process.stop("SIGTERM", 15_000);
          assert.equal(await worked, agent.name);
          assert.equal(code, 0, agent.process.tail());
          await agent.start("up");
        }
        await untilOffered(agents);
      }
    }
    clearInterval(ticking);
    await waitFor(() => load.pending === 0, 15_000, { what: "all calls have ended" });
    assert.deepEqual(failures, []);
    assert.ok(load.made > 100, `${load.made} calls`);
  });
}
